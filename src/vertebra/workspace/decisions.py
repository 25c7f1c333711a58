"""People's decisions about single rows and cells: quarantine and decisions, as methods of a project.

A decision is stored at once. It takes effect with the next run of the dataset's trusted step.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vertebra.governance.row_table import rows_of
from vertebra.governance.unended_runs import complete_runs
from vertebra.lake.owner import hold
from vertebra.trusted import decide, decisions
from vertebra.trusted.decisions import Decision
from vertebra.trusted.ledger_commit import ledger_mismatch
from vertebra.workspace.lookup import dataset_name

if TYPE_CHECKING:
    import pyarrow as pa

    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.trusted.decide import Deciding
    from vertebra.trusted.decisions import Standing

Item = TypeVar("Item")


@dataclass(frozen=True)
class Listing(Generic[Item]):
    """The first entries of a list, and how many there are.

    Attributes:
        items: the entries.
        total: how many there are, with those that a limit left out.
        warnings: reasons not to rely on the list, each with the next command.
    """

    items: tuple[Item, ...]
    total: int
    warnings: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class QuarantinedRow:
    """A row that cleaning took out of a trusted table.

    Attributes:
        rules: the rules that put it there.
        row: the whole row as JSON.
    """

    dataset: str
    rid: int
    rules: tuple[str, ...]
    row: str


@dataclass(frozen=True)
class ListedDecision(Decision):
    """A decision, and whether it applies to the present rows.

    Attributes:
        state: ``in force``, ``no longer applies: …`` with the reason, ``replaced`` by a later decision about the same
            row, cell or violation, or ``withdrawn``.
        present_rid: the row's ``_rid`` now, which a later batch may have changed; None if it does not apply.
    """

    state: str = ""
    present_rid: int | None = None


class DecisionMethods:
    """Methods that record decisions, or list the rows and cells that decisions are about.

    Args:
        project: the declarations.
        lake: the lake with the tables.
        ledgers: of the lake.
    """

    def __init__(self, project: Project, lake: Lake, ledgers: Ledgers) -> None:
        self._project = project
        self._lake = lake
        self._ledgers = ledgers

    @contextmanager
    def _deciding(self, dataset: str, by: str | None) -> Iterator[Deciding]:
        """Hold the lake; yield the dataset, the person who decides, and the time."""
        name = dataset_name(self._project, dataset)
        with hold(self._lake.root, self._project.settings.name, f"a decision about {name}"):
            complete_runs(self._lake, self._ledgers)
            declared = self._project.datasets
            yield decide.Deciding(self._lake, declared[name], by or getpass.getuser(), datetime.now(UTC), declared)

    def _known(self, dataset: str | None) -> str | None:
        return dataset_name(self._project, dataset) if dataset else None

    def _warnings(self, dataset: str | None) -> tuple[str, ...]:
        return ledger_warnings(self._project, self._lake, self._ledgers, dataset)


class Quarantine(DecisionMethods):
    """Rows that cleaning took out of the trusted tables."""

    def list(self, dataset: str | None = None, limit: int | None = None) -> Listing[QuarantinedRow]:
        """List the rows in quarantine and the rules that put them there.

        Args:
            dataset: one dataset; None lists those of all.
            limit: how many at most; None lists all.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> [(row.rid, row.rules) for row in project.quarantine.list("orders")]
            [(10000000004, ('paid',))]
        """
        known = self._known(dataset)
        found = decisions.quarantined(self._ledgers, known)
        items = [
            QuarantinedRow(row["dataset"], row["rid"], tuple(row["rules"]), row["row"])
            for row in first_rows(found, limit)
        ]
        return Listing(tuple(items), found.num_rows, self._warnings(known))

    def release(self, dataset: str, rid: int, comment: str = "", by: str | None = None) -> Decision:
        """Let a row back into the trusted table with the next run.

        Args:
            dataset: the dataset's name.
            rid: the row's ``_rid``.
            comment: why.
            by: who decides; the user of the process by default.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: the row is not in quarantine.
            BusyError: another run holds the lake.

        Example:
            >>> row = project.quarantine.list("orders").items[0]
            >>> project.quarantine.release("orders", row.rid, comment="a refund, paid back").decision
            'release'
        """
        with self._deciding(dataset, by) as deciding:
            return decide.release(deciding, rid, comment)


class Decisions(DecisionMethods):
    """Decisions of people about rows, cells and violations."""

    def list(self, dataset: str | None = None, limit: int | None = None) -> Listing[ListedDecision]:
        """List the decisions, who took them and why, and whether they still apply, the latest first.

        A decision applies to a row as long as the row is in the formatted table. When a later batch brings the row
        again, it is found by its declared key, and the decision applies if the values it was about are the same.

        Args:
            dataset: one dataset; None lists those of all.
            limit: how many at most; None lists all.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> decision = project.quarantine.release("orders", 10000000004, comment="a refund")
            >>> [(one.decision, one.rid, one.comment, one.state) for one in project.decisions.list("orders")]
            [('release', 10000000004, 'a refund', 'in force')]
        """
        import pyarrow.compute as pc

        known = self._known(dataset)
        found = self._ledgers.read("decisions").sort_by([("decided_at", "descending")])
        if known:
            found = found.filter(pc.field("dataset") == known)
        taken = [Decision(**row) for row in rows_of(found.slice(0, limit))]
        states = self._states({one.dataset for one in taken})
        withdrawn = {one.subject for one in taken if one.decision == "withdraw"}
        items = [
            ListedDecision(**vars(one), **_state(one, states.get(one), withdrawn=one.subject in withdrawn))
            for one in taken
        ]
        return Listing(tuple(items), found.num_rows)

    def _states(self, datasets: set[str]) -> dict[Decision, Standing]:
        """The decisions in force of some datasets, and where their rows are."""
        found: dict[Decision, Standing] = {}
        for name in sorted(datasets & set(self._project.datasets)):
            standings = decisions.standing(self._lake, self._project.datasets[name])
            found |= {one.decision: one for one in standings}
        return found

    def accept(self, dataset: str, rule: str, rid: int, comment: str = "", by: str | None = None) -> Decision:
        """Accept that a row breaks a rule: the rule no longer repairs it, removes it or fails on it.

        Args:
            dataset: the dataset's name.
            rule: the rule's name.
            rid: the row's ``_rid``.
            comment: why.
            by: who decides; the user of the process by default.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: the row does not violate the rule.
            BusyError: another run holds the lake.

        Example:
            >>> project.decisions.accept("orders", "paid", 10000000004, comment="a refund").rule
            'paid'
        """
        with self._deciding(dataset, by) as deciding:
            return decide.accept(deciding, rule, rid, comment)

    def withdraw(
        self,
        dataset: str,
        rid: int,
        column: str | None = None,
        rule: str | None = None,
        comment: str = "",
        by: str | None = None,
    ) -> Decision:
        """Withdraw the decision about a row, a cell or a violation.

        Args:
            dataset: the dataset's name.
            rid: the row's ``_rid``.
            column: of the cell, if the decision is about a cell.
            rule: the accepted rule, if the decision is about a violation.
            comment: why.
            by: who decides; the user of the process by default.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: there is no decision about it.
            BusyError: another run holds the lake.

        Example:
            >>> decision = project.decisions.accept("orders", "paid", 10000000004)
            >>> project.decisions.withdraw("orders", 10000000004, rule="paid").decision
            'withdraw'
        """
        with self._deciding(dataset, by) as deciding:
            return decide.withdraw(deciding, rid, column, rule, comment)


def ledger_warnings(project: Project, lake: Lake, ledgers: Ledgers, dataset: str | None = None) -> tuple[str, ...]:
    """Warnings about datasets whose ledgers describe another version of the trusted table than the present one.

    Args:
        dataset: one dataset; None looks at all.
    """
    found = []
    for name in [dataset] if dataset else project.datasets:
        mismatch = ledger_mismatch(lake, ledgers, name)
        if mismatch:
            found.append(f"{mismatch}\n  next:  vertebra run --select trusted.{name}")
    return tuple(found)


def _state(decision: Decision, standing: Standing | None, *, withdrawn: bool) -> dict[str, Any]:
    if standing is not None:
        lapsed = standing.lapsed
        return {"state": f"no longer applies: {lapsed}" if lapsed else "in force", "present_rid": standing.rid}
    if decision.decision == "withdraw":
        return {"state": "withdrawal"}
    return {"state": "withdrawn" if withdrawn else "replaced"}


def first_rows(found: pa.Table, limit: int | None) -> Any:
    """The first rows of a table as dictionaries; all of them without a limit."""
    return found.slice(0, limit).to_pylist()
