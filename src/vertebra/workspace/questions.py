"""Which cell to ask a person about next: the one whose answer settles most other cells.

Cells of which a similar answer can be expected form a group: the proposals and repairs of a method with one kind of
evidence in a column; values of a column in one shape; values that occur once in a column of repeated ones; the columns
of a rule that is still violated. What an answer is worth grows with the size of the group and with the doubt about its
cells, and falls with each answer about the group. Nothing is drawn at random.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vertebra.denial import DenialConstraint
from vertebra.duckdb_connection import connect_duckdb
from vertebra.errors import LakeError
from vertebra.governance.ledgers import Ledgers
from vertebra.quoting import duckdb_identifier, duckdb_text
from vertebra.trusted.decided_rows import texts_of
from vertebra.trusted.decisions import decisions_in_force, version_read
from vertebra.trusted.labels import Suggested
from vertebra.trusted.repair.learned.calibration import Calibration, calibration_of, kind_of
from vertebra.trusted.rule_columns import columns_of

if TYPE_CHECKING:
    from collections.abc import Collection

    import duckdb

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.lake.catalog import Lake
    from vertebra.trusted.decisions import Cell, DecisionsInForce

_SAMPLE: Final = 200_000
"""Rows that show the shapes of a column; of larger tables every n-th row."""
_USUAL: Final = 0.5
_FEW_SHAPES: Final = 0.8
"""The share of the usual shape from which other shapes are suspicious."""
_REPEATED: Final = 0.2
"""The share of different values up to which a value that occurs once is suspicious."""
_DOUBT: Final = {"tie": 0.5, "shape": 0.4, "usual shape": 0.02, "other shape": 0.05, "empty": 0.05, "once": 0.3,
                 "rule": 0.35}  # fmt: skip
"""How likely a cell is wrong of which no method says anything."""
_LETTERS: Final = "[A-Za-z\u00c0-\u024f]+"


@dataclass(frozen=True)
class Suggestion:
    """A value that a method made or proposed for the cell of a question.

    Attributes:
        value: as text; None is NULL.
        confidence: 0 to 1, after what earlier answers taught.
        made: whether the repair was made.
    """

    value: str | None
    method: str
    rule: str
    confidence: float
    evidence: str | None
    made: bool


@dataclass(frozen=True)
class Question:
    """A cell to ask a person about.

    Attributes:
        value: the formatted value of the cell as text; None is NULL.
        row: the formatted values of the row, as text, by column.
        suggestions: what methods made or proposed, the surest first.
        reason: why this cell is asked about.
        like: number of cells that the answer may settle, with this one.
    """

    dataset: str
    rid: int
    column_name: str
    value: str | None
    row: Mapping[str, str | None]
    suggestions: tuple[Suggestion, ...]
    reason: str
    like: int


@dataclass(frozen=True)
class _Group:
    """Cells of which a similar answer can be expected, and the cell that stands for them.

    Attributes:
        key: what makes the group, as the labels about it are counted.
        wrong: how likely the proposal is wrong, or without one the cell.
    """

    key: tuple[str, ...]
    column: str
    size: int
    wrong: float
    rid: int
    reason: str

    def worth(self, asked: Mapping[tuple[str, ...], int]) -> float:
        """What an answer is worth."""
        answered = asked.get(self.key, 0)
        elsewhere = asked.get((self.column,), 0)
        doubt = self.wrong * (1 - self.wrong)
        worth: float = math.sqrt(self.size) * doubt / (1 + answered) ** 1.5 / math.sqrt(1 + elsewhere)
        return worth


def next_question(
    lake: Lake, dataset: Dataset, rules: Sequence[NamedRule], skipped: Collection[Cell] = ()
) -> Question | None:
    """The cell whose answer teaches most; None if there is nothing to ask.

    Args:
        skipped: ``rid, column`` of cells not to ask about.

    Raises:
        LakeError: there is no trusted table yet.
    """
    name = dataset.name
    version = version_read(lake, name)
    if version is None or not lake.table(f"trusted.{name}").exists():
        raise LakeError(
            f"there is no table trusted.{name}",
            cause="questions are about the cells of a table that was cleaned",
            remedy=f"vertebra run --select +trusted.{name}",
        )
    formatted = lake.table(f"formatted.{name}")
    asking = _Asking(lake, dataset, rules, decisions_in_force(lake, dataset, version), skipped)
    asking.connection.register("formatted", formatted.arrow(version))
    asking.rows = formatted.rows(version)
    best = asking.best()
    if best is None:
        return None
    import pyarrow.compute as pc

    columns = ["_rid", *(column for column in dataset.columns if column in formatted.schema(version).names)]
    found = formatted.arrow(version).to_table(columns=columns, filter=pc.field("_rid") == best.rid)
    row = texts_of(found)[0]
    row.pop("_rid")
    return Question(
        name, best.rid, best.column, row[best.column], row, asking.suggestions(best), best.reason, best.size
    )


class _Asking:
    def __init__(
        self, lake: Lake, dataset: Dataset, rules: Sequence[NamedRule], decided: DecisionsInForce,
        skipped: Collection[Cell],
    ) -> None:  # fmt: skip
        self.dataset, self.rules, self.labels, self.rows = dataset, rules, decided.labels, 0
        self.skipped = sorted(skipped)
        self.taught: Calibration | None = calibration_of(self.labels)
        self.connection = connect_duckdb()
        ledgers = Ledgers(lake)
        for ledger in ("repairs", "proposals", "violations"):
            table = ledgers.table(ledger)
            source = table.arrow() if table.exists() else ledgers.read(ledger)
            self.connection.register(f"all_{ledger}", source)
            self.connection.execute(
                f"CREATE TABLE {ledger} AS SELECT * FROM all_{ledger} WHERE dataset = {duckdb_text(dataset.name)}"
            )
        self.connection.execute("CREATE TABLE closed (rid BIGINT, column_name VARCHAR)")
        cells = sorted({*decided.overridden, *decided.undone, *skipped})
        if cells:
            self.connection.executemany("INSERT INTO closed VALUES (?, ?)", cells)
        self.connection.execute(
            "CREATE TABLE said AS SELECT rid, column_name, method, rule, new, confidence, evidence, reason FROM ("
            "SELECT *, 'made' AS reason FROM (SELECT rid, column_name, method, rule, new, confidence, evidence FROM"
            " repairs WHERE method <> 'decision') UNION ALL SELECT rid, column_name, method, rule, new, confidence,"
            " evidence, reason FROM proposals)"
        )

    def best(self) -> _Group | None:
        asked = self._asked()
        groups = [*self._of_methods(), *self._of_shapes(), *self._of_rules()]
        found = [(group.worth(asked), group) for group in groups]
        found = [(worth, group) for worth, group in found if worth > 0]
        return min(found, key=lambda one: (-one[0], one[1].key, one[1].rid))[1] if found else None

    def suggestions(self, group: _Group) -> tuple[Suggestion, ...]:
        rows = self._rows(
            f"SELECT new, method, rule, confidence, evidence, reason = 'made' AS made FROM said WHERE rid = {group.rid}"
            f" AND column_name = {duckdb_text(group.column)} ORDER BY confidence DESC, method, new"
        )
        found = []
        for row in rows:
            said = Suggested(row["method"], row["rule"], row["new"], row["confidence"], row["evidence"])
            confidence = self._confidence(group.column, said)
            found.append(Suggestion(said.new, said.method, said.rule, confidence, said.evidence, row["made"]))
        once = {one.value: one for one in reversed(found)}
        return tuple(sorted(once.values(), key=lambda one: (-one.confidence, one.value or "")))

    # -- what was answered -----------------------------------------------------------------------------------------

    def _asked(self) -> Counter[tuple[str, ...]]:
        """How many labels there are about each group, and about each column."""
        asked: Counter[tuple[str, ...]] = Counter()
        for label in self.labels:
            column = label.column_name
            asked[(column,)] += 1
            for one in label.suggested:
                asked[("method", column, one.method, kind_of(one.rule, one.evidence))] += 1
            if not label.suggested:
                asked[("shape", column, shape(label.old))] += 1
                asked[("once", column)] += 1
                asked[("rule", column)] += 1
        for rid, column in self.skipped:
            asked[(column,)] += 1
            about = self._rows(
                f"SELECT method, rule, evidence FROM said WHERE rid = {rid} AND column_name = {duckdb_text(column)}"
            )
            for row in about:
                asked[("method", column, row["method"], kind_of(row["rule"], row["evidence"]))] += 1
            if not about:
                for key in (("shape", column, self._shape_at(rid, column)), ("once", column), ("rule", column)):
                    asked[key] += 1
        return asked

    def _shape_at(self, rid: int, column: str) -> str:
        value = f"CAST({duckdb_identifier(column)} AS VARCHAR)"
        found = self._rows(f"SELECT {value} AS value FROM formatted WHERE _rid = {rid}")
        return shape(found[0]["value"]) if found else ""

    def _confidence(self, column: str, one: Suggested) -> float:
        if self.taught is None:
            return one.confidence
        return self.taught.confidence(one.method, column, kind_of(one.rule, one.evidence), one.confidence)

    # -- groups ----------------------------------------------------------------------------------------------------

    def _of_methods(self) -> list[_Group]:
        kind = "rule || ': ' || regexp_replace(coalesce(evidence, ''), '[0-9]+', '#', 'g')"
        rows = self._rows(
            f"WITH open AS (SELECT *, {kind} AS kind FROM said ANTI JOIN closed USING (rid, column_name)),"
            " means AS (SELECT column_name, method, kind, reason, count(*) AS size, avg(confidence) AS mean,"
            " any_value(rule) AS rule FROM open GROUP BY ALL)"
            " SELECT column_name, method, kind, reason, size, mean, rule,"
            " arg_min(rid, (abs(confidence - mean), md5(rid::VARCHAR))) AS rid FROM means JOIN open"
            " USING (column_name, method, kind, reason, rule) GROUP BY ALL"
        )
        groups = []
        for row in rows:
            column, made = row["column_name"], row["reason"] == "made"
            confidence = row["mean"]
            if self.taught is not None:
                confidence = self.taught.confidence(row["method"], column, row["kind"], confidence)
            wrong = _DOUBT["tie"] if row["reason"] == "tie" else 1 - confidence
            method = row["method"]
            what = f"that {method} repaired" if made else f"for which {method} proposes a value and is not sure"
            reason = f"one of {row['size']:,} cells of {column} {what}"
            key = ("method", column, row["method"], row["kind"])
            groups.append(_Group(key, column, row["size"], wrong, row["rid"], reason))
        return groups

    def _of_shapes(self) -> list[_Group]:
        groups = []
        every = -(-self.rows // _SAMPLE) or 1
        present = {name for name, *_ in self.connection.execute("DESCRIBE formatted").fetchall()}
        for name, declared in self.dataset.columns.items():
            if declared.type == "string" and name in present and name not in self.dataset.key:
                groups += self._of_column(name, every)
        return groups

    def _of_column(self, name: str, every: int) -> list[_Group]:
        value = duckdb_identifier(name)
        sampled = f" WHERE _rid % {every} = 0" if every > 1 else ""
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE cells AS SELECT _rid AS rid, {value} AS value, {_shape(value)} AS shape,"
            f" count(*) OVER (PARTITION BY {value}) AS n FROM formatted{sampled}"
        )
        counts = self.connection.execute("SELECT count(value), count(DISTINCT value) FROM cells")
        total, different = counts.fetchall()[0]
        if not total:
            return []
        about = duckdb_text(name)
        shut = (
            f"(SELECT rid FROM said WHERE column_name = {about} UNION ALL"
            f" SELECT rid FROM closed WHERE column_name = {about})"
        )
        rows = self._rows(
            "SELECT shape, count(*) AS every, count(*) FILTER (open) AS size, arg_min(rid, md5(rid::VARCHAR))"
            f" FILTER (open) AS rid FROM (SELECT *, rid NOT IN {shut} AS open FROM cells) GROUP BY shape"
        )
        usual = max((row["every"] / total for row in rows if row["shape"] is not None), default=0.0)
        groups = []
        for row in rows:
            if not row["size"]:
                continue
            share = row["every"] / total
            kind, what = "other shape", "written in the form {}"
            if row["shape"] is None:
                kind, what = "empty", "that are empty"
            elif share >= _USUAL:
                kind = "usual shape"
            elif usual >= _FEW_SHAPES:
                kind, what = "shape", "written in the rare form {}"
            elif row["size"] < _SMALLEST:
                continue
            reason = f"one of {row['size'] * every:,} cells of {name} {what.format(row['shape'])}"
            key = ("shape", name, row["shape"] or "")
            groups.append(_Group(key, name, row["size"] * every, _DOUBT[kind], row["rid"], reason))
        if different <= _REPEATED * total:
            once = self._rows(
                "SELECT count(*) AS size, arg_min(rid, md5(rid::VARCHAR)) AS rid FROM cells"
                f" WHERE n = 1 AND value IS NOT NULL AND rid NOT IN {shut}"
            )[0]
            if once["size"]:
                reason = f"one of {once['size'] * every:,} values of {name} that occur once"
                groups.append(_Group(("once", name), name, once["size"] * every, _DOUBT["once"], once["rid"], reason))
        return groups

    def _of_rules(self) -> list[_Group]:
        """The columns of violated rules in rows of which no method says anything."""
        groups = []
        for rule in self.rules:
            for column in _compared(rule, self.dataset):
                about = duckdb_text(column)
                found = self._rows(
                    "SELECT count(DISTINCT rid) AS size, arg_min(rid, md5(rid::VARCHAR)) AS rid FROM violations"
                    f" WHERE rule = {duckdb_text(rule.name)} AND resolution = 'reported' AND rid NOT IN (SELECT rid"
                    f" FROM said WHERE column_name = {about} UNION ALL SELECT rid FROM closed WHERE"
                    f" column_name = {about})"
                )[0]
                if found["size"]:
                    reason = f"one of {found['size']:,} rows that violate {rule.name}, and no method says how to repair"
                    key = ("rule", column)
                    groups.append(_Group(key, column, found["size"], _DOUBT["rule"], found["rid"], reason))
        return groups

    def _rows(self, query: str) -> list[dict[str, Any]]:
        return _dictionaries(self.connection.execute(query))


_SMALLEST: Final = 3
"""Cells of a shape, from which it is worth a question in a column of many shapes."""


def shape(text: str | None) -> str:
    """A text with 9 for its numbers and a for its words; empty for NULL.

    Example:
        >>> shape("12.0 oz")
        '9.9 a'
    """
    import re

    return re.sub(_LETTERS, "a", re.sub("[0-9]+", "9", text or ""))


def _shape(value: str) -> str:
    return f"regexp_replace(regexp_replace({value}, '[0-9]+', '9', 'g'), '{_LETTERS}', 'a', 'g')"


def _compared(rule: NamedRule, dataset: Dataset) -> list[str]:
    """The columns on which the tuples of a rule differ, which are more likely wrong; else all that it reads."""
    every = {column for column in columns_of(rule, dataset.name) if column in dataset.columns}
    if isinstance(rule.constraint, DenialConstraint):
        differing = {
            column
            for predicate in rule.constraint.predicates
            if predicate.operator == "!="
            for operand in predicate.operands
            for column in operand.columns
        }
        return sorted(differing & every) or sorted(every)
    return sorted(every)


def _dictionaries(found: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
