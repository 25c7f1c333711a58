"""The rule sugars, one module each; the module's name is the sugar's, and its ``SUGAR`` is the sugar itself.

The package holds no other modules: :data:`vertebra.declare.rule_sugar.SUGARS` lists them.
"""
