"""The port that every repair method implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule

PROPOSAL_COLUMNS: Final = ("rid", "column_name", "old", "new", "confidence", "support")
"""The columns of a proposal: a cell, its old and new value as text, and the evidence."""


class RepairMethod(ABC):
    """A way to repair the violations of a rule.

    A method has no state: it is made once and used for every rule that names it. ``docs/plugins.md`` has a complete
    example.
    """

    name: str
    """The name in ``repair_method:`` of a rule and in the column ``method`` of the ledger ``repairs``."""

    option: str = ""
    """The key of a rule that has the values the method uses, a field of ``Rule`` such as ``set``. A rule with this key
    is repaired by the method even without ``repair_method:``. Methods of plug-ins have none."""

    fills: bool = False
    """Whether it understands ``fill: true``, see ``Rule``."""

    @abstractmethod
    def columns(self, rule: NamedRule, dataset: Dataset) -> tuple[str, ...]:
        """The columns that the method may change to repair a rule.

        Called when a project is loaded, so that a rule the method cannot repair is refused before anything runs.

        Args:
            rule: the rule, with its denial constraint and its options for repair (``set``, ``confidence``).
            dataset: the dataset that declares the rule, with its columns and their types.

        Raises:
            RuleError: the method cannot repair this rule, or the rule lacks an option that the method needs.
        """

    @abstractmethod
    def propose(self, rule: NamedRule, dataset: Dataset, relation: DataFrame, violations: DataFrame) -> DataFrame:
        """New values for cells that violate a rule.

        Args:
            rule: a rule that :meth:`columns` accepted and that is violated.
            dataset: the dataset that declares the rule.
            relation: the formatted table: the declared columns and ``_rid``, the row's id.
            violations: the violations of this rule: ``rid``, ``role`` (``t`` or ``s``) and ``partner``, the ``rid`` of
                one tuple that violates the rule together with it, or NULL. A row is listed once for each role.

        Returns:
            At most one row for each cell, with ``rid``, ``column_name`` (one of :meth:`columns`), ``old`` and ``new``
            (the values as text, see :func:`vertebra.trusted.cells.as_text`; NULL for NULL), ``confidence`` (0 to 1)
            and ``support`` (the number of tuples that support the new value, or NULL). Proposals below the rule's
            ``confidence``, and those that would change nothing, are not applied.
        """
