"""Cells that cleaning changed or proposes to change, and people's decisions about them, as methods of a project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.declare.rules import rules_of
from vertebra.trusted import decide, decisions
from vertebra.workspace.decisions import DecisionMethods, Listing, first_rows
from vertebra.workspace.evaluate import Evaluation, evaluate_repairs
from vertebra.workspace.lookup import dataset_name
from vertebra.workspace.questions import Question, next_question

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from vertebra.governance.ledgers import Ledgers
    from vertebra.trusted.decisions import Decision


@dataclass(frozen=True)
class RepairedCell:
    """A cell that cleaning changed.

    Attributes:
        old, new: its value before and after, as text; None is NULL.
        confidence: of the repair, 0 to 1.
        support: rows that speak for the new value, where the method counts them.
        evidence: what the repair is based on, where the method says so.
    """

    dataset: str
    rid: int
    column_name: str
    old: str | None
    new: str | None
    rule: str
    confidence: float
    support: int | None
    method: str
    evidence: str | None = None


@dataclass(frozen=True)
class ProposedCell(RepairedCell):
    """A cell that cleaning could change and left to people.

    Attributes:
        reason: ``tie`` (another value is as well supported), ``unsure`` (below the declared confidence), ``breaks``
            (another rule, see ``evidence``), ``contested`` (another method would take it back) or ``exception`` (nearly
            all rows with some value of another column contradict the rule there).
    """

    reason: str = ""


@dataclass(frozen=True)
class SourceAccuracy:
    """How accurate a source of rows is in one column, as cleaning weighs its votes.

    Attributes:
        source_column: the column whose values tell the sources apart.
        source: one of its values.
        accuracy: the share of its cells of ``column_name`` that are right, 0 to 1.
        cells: on how many cells, of groups whose sources disagree, the estimate is based.
        copied: the share of cells that it takes from an origin which it shares with other sources, 0 to 1.
        shares_with: those others; empty for a source that mostly reports what it found itself.
        declared: whether the accuracy is declared, not estimated.
    """

    dataset: str
    source_column: str
    source: str
    column_name: str
    accuracy: float
    cells: int
    copied: float
    shares_with: tuple[str, ...]
    declared: bool


def source_accuracies(
    ledgers: Ledgers, dataset: str | None, limit: int | None = None
) -> tuple[tuple[SourceAccuracy, ...], int]:
    """How accurate sources are, by dataset, column and source, and how many such figures there are.

    Args:
        dataset: one dataset; None takes all.
        limit: how many at most; None takes all.
    """
    found = decisions.source_accuracy(ledgers, dataset)
    names = SourceAccuracy.__dataclass_fields__
    items = [
        SourceAccuracy(**{name: row[name] for name in names} | {"shares_with": tuple(row["shares_with"] or ())})
        for row in first_rows(found, limit)
    ]
    return tuple(items), found.num_rows


class Repairs(DecisionMethods):
    """Cells that cleaning changed."""

    def list(self, dataset: str | None = None, limit: int | None = None) -> Listing[RepairedCell]:
        """List the repaired cells: rule, old and new value, method, confidence.

        Args:
            dataset: one dataset; None lists those of all.
            limit: how many at most; None lists all.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> [(cell.column_name, cell.old, cell.new) for cell in project.repairs.list("orders")]
            [('city', 'Barclona', 'Barcelona')]
        """
        known = self._known(dataset)
        found = decisions.repaired(self._ledgers, known)
        names = RepairedCell.__dataclass_fields__
        items = [RepairedCell(**{name: row[name] for name in names}) for row in first_rows(found, limit)]
        return Listing(tuple(items), found.num_rows, self._warnings(known))

    def undo(self, dataset: str, rid: int, column: str, comment: str = "", by: str | None = None) -> Decision:
        """Give a repaired cell its formatted value back with the next run; rules no longer repair it.

        Args:
            dataset: the dataset's name.
            rid: the row's ``_rid``.
            column: the cell's column.
            comment: why.
            by: who decides; the user of the process by default.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: the cell was not repaired.
            BusyError: another run holds the lake.

        Example:
            >>> cell = project.repairs.list("orders").items[0]
            >>> project.repairs.undo("orders", cell.rid, "city", comment="it is a village").decision
            'undo'
        """
        with self._deciding(dataset, by) as deciding:
            return decide.undo(deciding, rid, column, comment)

    def set(
        self, dataset: str, rid: int, column: str, value: str | None, comment: str = "", by: str | None = None
    ) -> Decision:
        """Set a cell to a value you know to be right, with the next run.

        Args:
            dataset: the dataset's name.
            rid: the row's ``_rid``.
            column: the cell's column.
            value: the value as text; None sets NULL.
            comment: why.
            by: who decides; the user of the process by default.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: there is no such row or column, or the value is not of the column's type.
            BusyError: another run holds the lake.

        Example:
            >>> project.repairs.set("orders", 10000000008, "amount", "18.40", comment="from the receipt").value
            '18.40'
        """
        with self._deciding(dataset, by) as deciding:
            return decide.override(deciding, rid, column, value, comment)

    def proposed(self, dataset: str | None = None, limit: int | None = None) -> Listing[ProposedCell]:
        """List the repairs that cleaning left to people, and why.

        Args:
            dataset: one dataset; None lists those of all.
            limit: how many at most; None lists all.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> [(cell.column_name, cell.new, cell.reason) for cell in project.repairs.proposed("orders")]
            []
        """
        known = self._known(dataset)
        found = decisions.proposed(self._ledgers, known)
        names = ProposedCell.__dataclass_fields__
        items = [ProposedCell(**{name: row[name] for name in names}) for row in first_rows(found, limit)]
        return Listing(tuple(items), found.num_rows, self._warnings(known))

    def sources(self, dataset: str | None = None, limit: int | None = None) -> Listing[SourceAccuracy]:
        """List how accurate the sources of rows are, by column, where cleaning weighs votes by source.

        Args:
            dataset: one dataset; None lists those of all.
            limit: how many at most; None lists all.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> [(one.source, one.accuracy, one.shares_with) for one in project.repairs.sources("orders")]
            []
        """
        known = self._known(dataset)
        items, total = source_accuracies(self._ledgers, known, limit)
        return Listing(items, total, self._warnings(known))

    def accept(self, dataset: str, rid: int, column: str, comment: str = "", by: str | None = None) -> Decision:
        """Make a proposed repair with the next run; the new value counts as one that you set.

        Args:
            dataset: the dataset's name.
            rid: the row's ``_rid``.
            column: the cell's column.
            comment: why.
            by: who decides; the user of the process by default.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: nothing is proposed for the cell, or several values are.
            BusyError: another run holds the lake.

        Example:
            >>> for cell in project.repairs.proposed("orders"):
            ...     decision = project.repairs.accept("orders", cell.rid, cell.column_name, comment="looked up")
        """
        with self._deciding(dataset, by) as deciding:
            return decide.accept_proposal(deciding, rid, column, comment)

    def reject(self, dataset: str, rid: int, column: str, comment: str = "", by: str | None = None) -> Decision:
        """Keep the value of a cell for which a repair is proposed; it is not proposed again.

        Args:
            dataset: the dataset's name.
            rid: the row's ``_rid``.
            column: the cell's column.
            comment: why.
            by: who decides; the user of the process by default.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: nothing is proposed for the cell.
            BusyError: another run holds the lake.

        Example:
            >>> for cell in project.repairs.proposed("orders"):
            ...     decision = project.repairs.reject("orders", cell.rid, cell.column_name, comment="it is right")
        """
        with self._deciding(dataset, by) as deciding:
            return decide.reject_proposal(deciding, rid, column, comment)

    def next_question(self, dataset: str, skipped: Collection[tuple[int, str]] = ()) -> Question | None:
        """Return the cell whose right value would teach most, for the repair method ``learned``.

        The answer, with :meth:`label`, changes what is asked next. The same answers lead to the same questions.

        Args:
            dataset: the dataset's name.
            skipped: row id and column of cells not to ask about.

        Returns:
            The cell with its row and what methods propose for it; None if there is nothing to ask.

        Raises:
            DeclarationError: there is no such dataset.
            LakeError: it has no trusted table yet.

        Example:
            >>> question = project.repairs.next_question("orders")
            >>> question.dataset, question.column_name in question.row
            ('orders', True)
        """
        name = dataset_name(self._project, dataset)
        declared = self._project.datasets
        return next_question(self._lake, declared[name], rules_of(declared[name], declared), skipped)

    def label(self, question: Question, value: str | None, comment: str = "", by: str | None = None) -> Decision:
        """Answer a question: say which value its cell should have.

        The cell gets the value with the next run, as with :meth:`set`, and the method ``learned`` generalises from it.
        The value that the cell has says that it is right and is kept, as by :meth:`reject`; if the question is about
        rows that should be equal, it also says what is right in them.

        Args:
            question: as :meth:`next_question` returns it.
            value: the right value as text; None if the cell should be empty.
            comment: why.
            by: who decides; the user of the process by default.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: there is no such row any more, or the value is not of the column's type.
            BusyError: another run holds the lake.

        Example:
            >>> question = project.repairs.next_question("orders")
            >>> project.repairs.label(question, question.value).column_name == question.column_name
            True
        """
        if value == question.value and not question.settles:
            with self._deciding(question.dataset, by) as deciding:
                return decide.keep(deciding, question.rid, question.column_name, comment)
        return self.set(question.dataset, question.rid, question.column_name, value, comment, by)

    def evaluate(self, dataset: str, truth: Path | str) -> Evaluation:
        """Compare the trusted table with a file that has the right values.

        Args:
            dataset: the dataset's name.
            truth: a CSV file with a header. Its columns are those of the dataset, or of its source; its rows are found
                by the key of the dataset, or without one are in the order of the records.

        Raises:
            DeclarationError: there is no such dataset.
            LakeError: it has no trusted table yet.
            DecisionError: the file cannot be read, or has other rows.

        Example:
            >>> import pyarrow.csv
            >>> pyarrow.csv.write_csv(project.table("trusted.orders").arrow(), "truth.csv")
            >>> project.repairs.evaluate("orders", "truth.csv").total.precision
            1.0
        """
        return evaluate_repairs(self._lake, self._project.datasets[self._known(dataset) or dataset], truth)
