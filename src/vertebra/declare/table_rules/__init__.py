"""The kinds of rules about a whole table, one module each; see :mod:`vertebra.declare.table_rule`."""
