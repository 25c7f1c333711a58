"""Repair of functional dependencies by majority.

In a group of tuples equal on X, a dependency X → A requires one value of A. Cells of A that differ from the most
supported value of the group get that value. A group with a tie has no majority and is not repaired.
"""

from __future__ import annotations

from typing import Final

from vertebra.trusted.repair.dependency_method import DependencyMethod

METHOD: Final = DependencyMethod("majority", relocates=False)
