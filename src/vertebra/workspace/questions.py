"""Which cell to ask a person about next: the one whose answer settles most other cells.

Cells of which a similar answer can be expected form a group: the proposals and repairs of a method with one kind of
evidence in a column; values of a column in one shape; values that occur once in a column of repeated ones; the columns
of a rule that is still violated. What an answer is worth grows with the size of the group and with the doubt about its
cells, and falls with each answer about the group. Nothing is drawn at random.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vertebra.duckdb_connection import connect_duckdb
from vertebra.errors import LakeError
from vertebra.governance.ledgers import Ledgers
from vertebra.quoting import duckdb_identifier, duckdb_text, spark_identifier
from vertebra.trusted.decided_rows import texts_of
from vertebra.trusted.decisions import decisions_in_force, version_read
from vertebra.trusted.repair.dependency import dependency_of
from vertebra.trusted.repair.learned.calibration import SLIP, Calibration, calibration_of, change_of, kind_of
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
_REPEATED: Final = 0.2
"""The share of different values up to which a value that occurs once is suspicious."""
_LEAST_DOUBT: Final = 0.1
"""How likely a method is wrong in a way that it does not know of, before any answer."""
_LEFT, _DISAGREE, _ONCE, _VIOLATES, _EMPTY, _USUAL_SHAPE, _RARE_SHAPE = 0.5, 0.5, 0.3, 0.35, 0.02, 0.005, 0.3
"""How likely such a cell is wrong if no method is sure of it."""
_UNCLEAR: Final = 0.2
"""The same, for a group of which no value is that of most rows: perhaps rows stand in the wrong group."""
_SETTLES: Final = "group"
_FEWEST, _LEAD = 3, 2
"""Rows with the most frequent value of a group, and their lead over all others, from which it is that of most rows."""
_SAID: Final = "rid, column_name, method, rule, old, new, confidence, evidence"
_KIND: Final = (
    "rule || ': ' || regexp_replace(coalesce(evidence, ''), '[0-9]+', '#', 'g') || CASE WHEN coalesce(old, '') = ''"
    f" THEN ', fill' WHEN levenshtein(old, new) * {SLIP} <= greatest(length(old), length(new)) THEN ', slip'"
    " ELSE ', other' END"
)
"""As :func:`~vertebra.trusted.repair.learned.calibration.kind_of`, over the table ``said``."""
_CHANGE: Final = "coalesce(old, '') || ' -> ' || coalesce(new, '')"
_REPEATED_CHANGE: Final = 3
"""Cells with the same old and new value, from which they are a group of their own."""
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
        settles: whether the cell has the value of most rows that should be equal in its column, so that an answer says
            what is right in all of them.
    """

    dataset: str
    rid: int
    column_name: str
    value: str | None
    row: Mapping[str, str | None]
    suggestions: tuple[Suggestion, ...]
    reason: str
    like: int
    settles: bool = False


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
        # values of one shape are alike: another answer about them says little more
        repeated = 2 if self.key[0] == "shape" else 1
        worth: float = math.sqrt(self.size) * doubt / (1 + answered) ** repeated / (1 + elsewhere) ** 0.25
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
    asking.connection.register("trusted", lake.table(f"trusted.{name}").arrow())
    asking.rows = formatted.rows(version)
    best = asking.best()
    if best is None:
        return None
    import pyarrow.compute as pc

    columns = ["_rid", *(column for column in dataset.columns if column in formatted.schema(version).names)]
    found = formatted.arrow(version).to_table(columns=columns, filter=pc.field("_rid") == best.rid)
    row = texts_of(found)[0]
    row.pop("_rid")
    suggested = asking.suggestions(best)
    return Question(
        name, best.rid, best.column, row[best.column], row, suggested, best.reason, best.size,
        best.key[0] == _SETTLES and not suggested,
    )  # fmt: skip


class _Asking:
    def __init__(
        self, lake: Lake, dataset: Dataset, rules: Sequence[NamedRule], decided: DecisionsInForce,
        skipped: Collection[Cell],
    ) -> None:  # fmt: skip
        self.dataset, self.rules, self.labels, self.rows = dataset, rules, decided.labels, 0
        self.skipped = sorted(skipped)
        self.asked: Counter[tuple[str, ...]] = Counter()
        self.erred: Counter[tuple[str, ...]] = Counter()
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
            f"CREATE TABLE said AS SELECT {_SAID}, 'made' AS reason FROM repairs WHERE method <> 'decision'"
            f" UNION ALL SELECT {_SAID}, reason FROM proposals"
        )

    def best(self) -> _Group | None:
        self._count_answers()
        groups = [*self._of_methods(), *self._of_shapes(), *self._of_dependencies(), *self._of_other_rules()]
        found = [(group.worth(self.asked), group) for group in groups]
        found = [(worth, group) for worth, group in found if worth > 0]
        return min(found, key=lambda one: (-one[0], one[1].key, one[1].rid))[1] if found else None

    def suggestions(self, group: _Group) -> tuple[Suggestion, ...]:
        rows = self._rows(
            f"SELECT *, {_KIND} AS kind, {_CHANGE} AS change, reason = 'made' AS made FROM said WHERE rid = {group.rid}"
            f" AND column_name = {duckdb_text(group.column)} ORDER BY confidence DESC, method, new"
        )
        found = []
        for row in rows:
            about = (row["new"], row["method"], row["rule"], self._confidence(row), row["evidence"], row["made"])
            found.append(Suggestion(*about))
        once = {one.value: one for one in reversed(found)}
        return tuple(sorted(once.values(), key=lambda one: (-one.confidence, one.value or "")))

    # -- what was answered -----------------------------------------------------------------------------------------

    def _count_answers(self) -> None:
        """Count the labels about each group, and about each column, and those of them that changed a value."""
        for label in self.labels:
            column = label.column_name
            self.asked[(column,)] += 1
            for one in label.suggested:
                self.asked[("by", one.method)] += 1
                self.erred[("by", one.method)] += (one.new or "") != (label.new or "")
                kind = kind_of(one.rule, one.evidence, label.old, one.new)
                for change in ("", change_of(label.old, one.new)):
                    self.asked[("method", column, one.method, kind, change)] += 1
            if not label.suggested:
                of_shape = ("shape", column, shape(label.old))
                # a value is wrong because of its shape only if the right one has another
                self.erred[of_shape] += shape(label.old) != shape(label.new)
                for key in (of_shape, ("once", column), ("rule", column)):
                    self.asked[key] += 1
                    self.erred[key] += key is not of_shape and not label.confirms
        for rid, column in self.skipped:
            said = self._rows(
                f"SELECT method, {_KIND} AS kind, {_CHANGE} AS change FROM said"
                f" WHERE rid = {rid} AND column_name = {duckdb_text(column)}"
            )
            self.asked[(column,)] += 1
            for row in said:
                for change in ("", row["change"]):
                    self.asked[("method", column, row["method"], row["kind"], change)] += 1
            if not said:
                for key in (("shape", column, self._shape_at(rid, column)), ("once", column), ("rule", column)):
                    self.asked[key] += 1

    def _wrong(self, key: tuple[str, ...], before: float) -> float:
        """How likely a cell of a group is wrong, after the answers about it."""
        return (before + self.erred[key]) / (1 + self.asked[key])

    def _shape_at(self, rid: int, column: str) -> str:
        value = f"CAST({duckdb_identifier(column)} AS VARCHAR)"
        found = self._rows(f"SELECT {value} AS value FROM formatted WHERE _rid = {rid}")
        return shape(found[0]["value"]) if found else ""

    def _confidence(self, row: Mapping[str, Any]) -> float:
        """The confidence of a proposal, after what earlier answers taught."""
        stated: float = row["confidence"]
        if self.taught is None:
            return stated
        return self.taught.confidence(row["method"], row["column_name"], row["kind"], stated, row["change"])

    # -- groups ----------------------------------------------------------------------------------------------------

    def _of_methods(self) -> list[_Group]:
        rows = self._rows(
            f"WITH open AS (SELECT *, {_KIND} AS kind, {_CHANGE} AS one_change FROM said ANTI JOIN closed"
            " USING (rid, column_name)),"
            " counted AS (SELECT *, CASE WHEN count(*) OVER (PARTITION BY column_name, method, kind, reason,"
            f" one_change) >= {_REPEATED_CHANGE} THEN one_change ELSE '' END AS change FROM open),"
            " means AS (SELECT column_name, method, kind, reason, change, count(*) AS size,"
            " avg(confidence) AS confidence FROM counted GROUP BY ALL)"
            " SELECT column_name, method, kind, reason, change, size, means.confidence,"
            " arg_min(rid, (abs(counted.confidence - means.confidence), md5(rid::VARCHAR))) AS rid FROM means"
            " JOIN counted USING (column_name, method, kind, reason, change) GROUP BY ALL"
        )
        groups = []
        for row in rows:
            column, made = row["column_name"], row["reason"] == "made"
            method = row["method"]
            key = ("method", column, method, row["kind"], row["change"])
            by = ("by", method)
            least = _LEAST_DOUBT * (1 + self.erred[by]) / (1 + self.asked[by]) / (1 + self.asked[key])
            wrong = max(1 - self._confidence(row), least)
            if row["reason"] not in ("made", "unsure"):
                wrong = _LEFT
            what = f"that {method} repaired" if made else f"for which {method} proposes a value and is not sure"
            same = f", all {row['change']}" if row["change"] else ""
            reason = f"one of {row['size']:,} cells of {column} {what}{same}"
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
            if row["shape"] is None:
                wrong, what = _EMPTY, "that are empty"
            elif share == usual:
                wrong, what = _USUAL_SHAPE, f"written in the usual form {row['shape']}"
            else:
                # a rare shape is suspicious in a column that mostly has one
                wrong = min(_RARE_SHAPE, 0.02 / (share + 0.01)) * usual**2
                what = f"written in the form {row['shape']}"
            reason = f"one of {row['size'] * every:,} cells of {name} {what}"
            key = ("shape", name, row["shape"] or "")
            groups.append(_Group(key, name, row["size"] * every, self._wrong(key, wrong), row["rid"], reason))
        if different <= _REPEATED * total:
            once = self._rows(
                "SELECT count(*) AS size, arg_min(rid, md5(rid::VARCHAR)) AS rid FROM cells"
                f" WHERE n = 1 AND value IS NOT NULL AND rid NOT IN {shut}"
            )[0]
            if once["size"]:
                reason = f"one of {once['size'] * every:,} values of {name} that occur once"
                wrong = self._wrong(("once", name), _ONCE)
                groups.append(_Group(("once", name), name, once["size"] * every, wrong, once["rid"], reason))
        return groups

    def _of_dependencies(self) -> list[_Group]:
        """The groups of dependencies that have several values after cleaning, one question for each dependent."""
        groups = []
        for rule in self.rules:
            dependency = dependency_of(rule, self.dataset)
            names = {spark_identifier(name): name for name in self.dataset.columns}
            if dependency is None or not set(dependency.determinant) <= set(names):
                continue
            column = dependency.column
            determinant = [names[one] for one in dependency.determinant]
            value = f"t.{duckdb_identifier(column)}"
            same = ", ".join(f"t.{duckdb_identifier(name)}" for name in determinant)
            known = " AND ".join(f"t.{duckdb_identifier(name)} IS NOT NULL" for name in (*determinant, column))
            closed = f"_rid IN (SELECT rid FROM closed WHERE column_name = {duckdb_text(column)})"
            said = f"_rid IN (SELECT rid FROM said WHERE column_name = {duckdb_text(column)})"
            found = self._rows(
                f"WITH counts AS (SELECT {same}, {value} AS value, count(*) AS n, bool_or({closed}) AS decided,"
                f" arg_min(_rid, ({said}, md5(_rid::VARCHAR))) AS rid FROM trusted AS t WHERE {known} GROUP BY ALL)"
                " SELECT * FROM (SELECT sum(n) - max(n) AS others,"
                f" max(n) >= {_FEWEST} AND max(n) >= {_LEAD} * (sum(n) - max(n)) AS clear,"
                " arg_max(rid, (n, md5(value::VARCHAR))) AS rid FROM counts AS t"
                f" GROUP BY {same} HAVING count(*) > 1 AND NOT bool_or(decided))"
                " QUALIFY row_number() OVER (PARTITION BY clear ORDER BY others DESC, rid) = 1"
            )
            for row in found:
                size = row["others"] + (1 if row["clear"] else 0)
                shown = ", ".join(determinant)
                reason = f"{row['others'] + 1:,} cells of {column} or more disagree where {shown} is the same"
                key, wrong = (_SETTLES, _DISAGREE) if row["clear"] else ("unclear", _UNCLEAR)
                groups.append(_Group((key, column), column, size, wrong, row["rid"], reason))
        return groups

    def _of_other_rules(self) -> list[_Group]:
        """The columns of other violated rules in rows of which no method says anything."""
        groups = []
        for rule in self.rules:
            if dependency_of(rule, self.dataset) is not None:
                continue
            for column in sorted(columns_of(rule, self.dataset.name) & set(self.dataset.columns)):
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
                    wrong = self._wrong(key, _VIOLATES)
                    groups.append(_Group(key, column, found["size"], wrong, found["rid"], reason))
        return groups

    def _rows(self, query: str) -> list[dict[str, Any]]:
        return _dictionaries(self.connection.execute(query))


def shape(text: str | None) -> str:
    """A text with 9 for its numbers and a for its words; empty for NULL.

    Example:
        >>> shape("12.0 oz")
        '9.9 a'
    """
    return re.sub(_LETTERS, "a", re.sub("[0-9]+", "9", text or ""))


def _shape(value: str) -> str:
    return f"regexp_replace(regexp_replace({value}, '[0-9]+', '9', 'g'), '{_LETTERS}', 'a', 'g')"


def _dictionaries(found: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
