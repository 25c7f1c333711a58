"""Repair of functional dependencies by majority, with the determinant as a candidate for the error.

Where the attributes of a tuple contradict the group that its determinant puts it into, and agree with another group,
the determinant is wrong: it is replaced, and the attributes stay as they are.
"""

from __future__ import annotations

from typing import Final

from vertebra.trusted.repair.dependency_method import DependencyMethod

METHOD: Final = DependencyMethod("consistent", relocates=True)
