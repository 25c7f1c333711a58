"""Repair: new values for the cells that violate a rule.

Each repair method is a module in ``methods``. It proposes new values with a confidence (``port``); for each cell the
proposal with the highest confidence is chosen, unless a person has decided about the cell (``choose``), and the chosen
repairs are applied to the table (``apply``).
"""
