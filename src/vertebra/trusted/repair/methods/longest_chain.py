"""Repair of rules about the order of tuples: the most tuples keep their value, the others get the nearest allowed one.

In a group of tuples equal on X, a rule ¬∃ t,s: t.X = s.X ∧ t.a < s.a ∧ t.b > s.b requires that b does not fall where a
rises. A longest chain is a largest set of tuples of the group that agree with each other.
"""

from __future__ import annotations

from typing import Final

from vertebra.trusted.repair.order_method import OrderMethod

METHOD: Final = OrderMethod()
