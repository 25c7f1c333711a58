"""Records decisions of people about rows, cells and violations. Callers must hold the lease of the lake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from vertebra.declare.rules import NamedRule, rules_of
from vertebra.declare.table_rule_compiler import table_rules_of
from vertebra.errors import DecisionError
from vertebra.formatting import shortened
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.commit import Commit
from vertebra.suggestions import did_you_mean
from vertebra.trusted.cells import parsed
from vertebra.trusted.decided_rows import identify
from vertebra.trusted.decisions import (
    Decision,
    latest_decisions,
    proposed,
    quarantined,
    repaired,
    standing,
    version_read,
)
from vertebra.trusted.labels import suggested_text
from vertebra.trusted.rule_columns import columns_of

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.lake.catalog import Lake
    from vertebra.lake.table import LakeTable


@dataclass(frozen=True)
class Deciding:
    """What a person decides about.

    Attributes:
        lake: the lake.
        dataset: the dataset.
        by: who decides.
        at: UTC.
        datasets: all datasets of the project, for rules between relations.
    """

    lake: Lake
    dataset: Dataset
    by: str
    at: datetime
    datasets: Mapping[str, Dataset] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.dataset.name

    @property
    def formatted(self) -> LakeTable:
        """The formatted table of the dataset."""
        return self.lake.table(f"formatted.{self.name}")


def release(deciding: Deciding, rid: int, comment: str = "") -> Decision:
    """Return a quarantined row to the trusted table.

    Raises:
        DecisionError: the row is not in quarantine.
    """
    import pyarrow.compute as pc

    name = deciding.name
    found = quarantined(Ledgers(deciding.lake), name).filter(pc.field("rid") == rid).to_pylist()
    if not found:
        raise DecisionError(
            f"row {rid} of {name} is not in quarantine",
            cause="the last run did not put it there, or it was released since",
            remedy=f"vertebra quarantine list {name}",
        )
    decision = Decision(deciding.at, deciding.by, "release", name, rid, comment=comment)
    # a released row stays out of quarantine whatever rule would put it there, so the columns of all of them count
    quarantining = [rule.name for rule in _rules(deciding) if rule.on_violation == "quarantine"]
    return _record(deciding, decision, _columns(deciding, [*found[0]["rules"], *quarantining]))


def undo(deciding: Deciding, rid: int, column: str, comment: str = "") -> Decision:
    """Undo a repair: the cell gets its formatted value back.

    Raises:
        DecisionError: the cell was not repaired.
    """
    import pyarrow.compute as pc

    name = deciding.name
    cell = (pc.field("rid") == rid) & (pc.field("column_name") == column)
    if not repaired(Ledgers(deciding.lake), name).filter(cell).num_rows:
        raise DecisionError(
            f"{column} of row {rid} of {name} was not repaired",
            cause="the last run did not change the cell",
            remedy=f"vertebra repairs list {name}",
        )
    return _keep(deciding, rid, column, comment)


def accept(deciding: Deciding, rule: str, rid: int, comment: str = "") -> Decision:
    """Accept a violation: the rule does not repair or quarantine the row, and does not fail because of it.

    Raises:
        DecisionError: the row does not violate the rule, or it is about the whole table, or there is no such rule.
    """
    import pyarrow.compute as pc

    _refuse_other_rules(deciding, rule)
    name = deciding.name
    ledger = Ledgers(deciding.lake).table("violations")
    matches = (pc.field("dataset") == name) & (pc.field("rule") == rule) & (pc.field("rid") == rid)
    if not ledger.exists() or not ledger.arrow().count_rows(filter=matches):
        raise DecisionError(
            f"row {rid} of {name} does not violate {rule}",
            cause="the last run found no such violation",
            remedy=f"vertebra sql \"select * from governance.violations where dataset = '{name}' limit 20\"",
        )
    decision = Decision(deciding.at, deciding.by, "accept", name, rid, rule=rule, comment=comment)
    return _record(deciding, decision, _columns(deciding, [rule]))


def override(deciding: Deciding, rid: int, column: str, value: str | None, comment: str = "") -> Decision:
    """Set a cell to a value.

    Args:
        value: as text, in the form of the ledger ``repairs``; None is NULL.

    Raises:
        DecisionError: there is no such row or column, or the value is not of the column's type.
        LakeError: the dataset has no formatted table yet.
    """
    name = deciding.name
    _refuse_unknown(deciding, rid, column)
    kind = deciding.formatted.schema().field(column).type
    try:
        parsed(value, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DecisionError(
            f"{value!r} is not a value of {name}.{column}",
            cause=f"the column is {kind}: {error}",
            remedy=f"give a {kind}, or no value for NULL",
        ) from None
    decision = Decision(
        deciding.at, deciding.by, "override", name, rid, column_name=column, value=value, comment=comment
    )
    return _record(deciding, decision, {column})


def keep(deciding: Deciding, rid: int, column: str, comment: str = "") -> Decision:
    """Keep the formatted value of a cell: it is right, whether or not other rows agree.

    Raises:
        DecisionError: there is no such row or column.
        LakeError: the dataset has no formatted table yet.
    """
    _refuse_unknown(deciding, rid, column)
    return _keep(deciding, rid, column, comment)


def accept_proposal(deciding: Deciding, rid: int, column: str, comment: str = "") -> Decision:
    """Set a cell to the value that cleaning proposes.

    Raises:
        DecisionError: nothing is proposed for the cell, or several values are.
    """
    values = _proposals(deciding, rid, column)
    if len(values) > 1:
        name = deciding.name
        raise DecisionError(
            f"for {column} of row {rid} of {name} there are {len(values)} proposals",
            cause=", ".join("NULL" if value is None else value for value in values),
            remedy=f"vertebra repairs set {name} {rid} {column} VALUE",
        )
    return override(deciding, rid, column, values[0], comment)


def reject_proposal(deciding: Deciding, rid: int, column: str, comment: str = "") -> Decision:
    """Keep the value of a cell for which cleaning proposes another one.

    Raises:
        DecisionError: nothing is proposed for the cell.
    """
    _proposals(deciding, rid, column)
    return _keep(deciding, rid, column, comment)


def _keep(deciding: Deciding, rid: int, column: str, comment: str) -> Decision:
    decision = Decision(deciding.at, deciding.by, "undo", deciding.name, rid, column_name=column, comment=comment)
    return _record(deciding, decision, {column})


def _refuse_other_rules(deciding: Deciding, rule: str) -> None:
    """Refuse a rule that no row violates: one about the whole table, or one that is not declared."""
    name, declared_in = deciding.name, deciding.dataset.declared_in
    if any(one.name == rule for one in table_rules_of(deciding.dataset)):
        raise DecisionError(
            f"{rule} is about the whole table of {name}, and no single row violates it",
            cause="a violation is accepted for one row",
            remedy=f"change the bounds in {declared_in}, or declare on_violation: report until the next run has ended",
        )
    names = [one.name for one in _rules(deciding)]
    if rule not in names:
        raise DecisionError(
            f"{name} has no rule {rule}",
            cause=f"its rules are {shortened(names)}" if names else "it has no rules",
            remedy=did_you_mean(rule, names, f"vertebra ls rules --select {name}"),
        )


def _refuse_unknown(deciding: Deciding, rid: int, column: str) -> None:
    """Refuse a cell that the formatted table does not have."""
    import pyarrow.compute as pc

    name = deciding.name
    schema = deciding.formatted.schema()
    if column not in schema.names or column.startswith("_"):
        known = ", ".join(one for one in schema.names if not one.startswith("_"))
        raise DecisionError(
            f"{name} has no column {column}",
            cause=f"its columns are {known}",
            remedy=f"vertebra show formatted.{name}",
        )
    if not deciding.formatted.arrow().count_rows(filter=pc.field("_rid") == rid):
        raise DecisionError(
            f"{name} has no row {rid}",
            cause="no formatted row has this _rid",
            remedy=f'vertebra sql "select _rid, * from formatted.{name} limit 5"',
        )


def _proposals(deciding: Deciding, rid: int, column: str) -> list[str | None]:
    """The values that are proposed for a cell."""
    import pyarrow.compute as pc

    name = deciding.name
    ledger = Ledgers(deciding.lake).table("proposals")
    matches = (pc.field("dataset") == name) & (pc.field("rid") == rid) & (pc.field("column_name") == column)
    found = ledger.arrow().to_table(columns=["new"], filter=matches).to_pylist() if ledger.exists() else []
    if not found:
        raise DecisionError(
            f"nothing is proposed for {column} of row {rid} of {name}",
            cause="the last run repaired the cell, or found nothing wrong with it",
            remedy=f"vertebra repairs list {name} --proposed",
        )
    return list(dict.fromkeys(row["new"] for row in found))


def withdraw(
    deciding: Deciding, rid: int, column: str | None = None, rule: str | None = None, comment: str = ""
) -> Decision:
    """Withdraw the decision about a row, a cell (``column``) or a violation (``rule``).

    Args:
        rid: the row's ``_rid``, now or when the decision was made.

    Raises:
        DecisionError: there is no decision about it.
    """
    name = deciding.name
    present = standing(deciding.lake, deciding.dataset)
    withdrawn = [
        one.decision
        for one in present
        if rid in (one.rid, one.decision.rid)
        and (one.decision.column_name, one.decision.rule) == (column or None, rule or None)
    ]
    if not withdrawn:
        raise DecisionError(
            f"there is no decision about {column or rule or 'row'} {rid} of {name}",
            cause="no decision was made, or it was withdrawn",
            remedy=f"vertebra decisions list {name}",
        )
    made = [
        replace(
            one, decided_at=deciding.at, decided_by=deciding.by, decision="withdraw", value=None, comment=comment,
            row_values=None, proposed=None,
        )
        for one in withdrawn
    ]  # fmt: skip
    return [_append(deciding.lake, one) for one in made][-1]


def _columns(deciding: Deciding, rules: Iterable[str]) -> set[str]:
    """The columns of the dataset that some of its rules read; all of them if one of the rules is not declared now."""
    declared = {rule.name: rule for rule in _rules(deciding)}
    wanted = set(rules)
    if not wanted <= declared.keys():
        return set(deciding.dataset.columns)
    return {column for name in wanted for column in columns_of(declared[name], deciding.name)}


def _rules(deciding: Deciding) -> tuple[NamedRule, ...]:
    return rules_of(deciding.dataset, deciding.datasets or None)


def _record(deciding: Deciding, decision: Decision, columns: Iterable[str]) -> Decision:
    """Record a decision with the identity of its row, as the last run of the trusted step read it."""
    table = deciding.formatted
    read = version_read(deciding.lake, deciding.name)
    for version in dict.fromkeys((read, table.version())):
        row = identify(deciding.dataset, table, version, decision.rid, columns) if version is not None else None
        if row is not None:
            decision = replace(decision, row_key=row.key, row_values=row.values)
            break
    if decision.column_name is not None:
        decision = replace(decision, proposed=_suggested(deciding, decision))
    return _append(deciding.lake, decision)


def _suggested(deciding: Deciding, decision: Decision) -> str | None:
    """What methods made or proposed of a cell, as JSON; of a cell that was decided about before, what they did then."""
    import pyarrow.compute as pc

    cell = (pc.field("rid") == decision.rid) & (pc.field("column_name") == decision.column_name)
    ledgers = Ledgers(deciding.lake)
    rows = [
        row
        for listed in (repaired(ledgers, deciding.name), proposed(ledgers, deciding.name))
        for row in listed.filter(cell).to_pylist()
    ]
    found = suggested_text(rows)
    if found is None:
        earlier = [one for one in latest_decisions(ledgers, deciding.name) if one.subject == decision.subject]
        found = earlier[0].proposed if earlier else None
    return found


def _append(lake: Lake, decision: Decision) -> Decision:
    import pyarrow.compute as pc

    commit = Commit(run_id=f"decision-{decision.decided_at:%Y%m%dT%H%M%S}", step="decision", fingerprint="")
    ledgers = Ledgers(lake)
    last = pc.max(ledgers.read("decisions", ["decided_at"]).column("decided_at")).as_py()
    if last is not None and last >= decision.decided_at:
        # the clock stepped back; the latest decision is the one in force
        decision = replace(decision, decided_at=last + timedelta(microseconds=1))
    ledgers.append("decisions", [asdict(decision)], commit)
    return decision
