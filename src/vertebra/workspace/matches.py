"""Matches of records: review them, decide about them, measure and explain them; methods of a project."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.reconciliation import EntityResolution, outputs_of
from vertebra.errors import DecisionError, LakeError, VertebraError
from vertebra.formatting import shortened
from vertebra.governance.match_decisions import (
    MatchDecision,
    Verdict,
    decisions_in_force,
    match_decisions,
    record_match_decision,
)
from vertebra.governance.unended_runs import complete_runs
from vertebra.lake.owner import hold
from vertebra.suggestions import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

    from vertebra.declare.project import Project
    from vertebra.exploitation.matching.entity_ids import Member
    from vertebra.exploitation.matching.resolution import Examined
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake

_CERTAIN: Final = 1e-4
_SPREAD: Final = 10
"""Questions that are spread over all probabilities, before those in doubt are asked about."""
_THRESHOLDS: Final = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class ComparedValues:
    """One comparison of a pair.

    Attributes:
        name: of the comparison.
        left, right: the values, as text; None is NULL.
        level: the level of agreement.
    """

    name: str
    left: str | None
    right: str | None
    level: str


@dataclass(frozen=True)
class PairToReview:
    """A pair of records that a person is asked about.

    Attributes:
        left, right: the source and the key of each record.
        values: what is compared, side by side.
        probability: of a match; not shown to a person who reviews blind.
        decision: what holds without the person: ``match`` or ``review``.
        reason: why it is reviewed; empty for a match.
    """

    reconciliation: str
    left: tuple[str, str]
    right: tuple[str, str]
    values: tuple[ComparedValues, ...]
    probability: float
    decision: str
    reason: str


@dataclass(frozen=True)
class MatchScore:
    """How right the matches are at a threshold.

    Attributes:
        threshold: pairs are matches from this probability; None for the decisions as they are.
        matches: pairs of records of one entity.
        right: those that the truth has.
    """

    threshold: float | None
    matches: int
    right: int
    true_pairs: int

    @property
    def precision(self) -> float | None:
        """The share of matches that are right; None without matches."""
        return self.right / self.matches if self.matches else None

    @property
    def recall(self) -> float | None:
        """The share of true pairs that are matched; None without true pairs."""
        return self.right / self.true_pairs if self.true_pairs else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall."""
        total = self.matches + self.true_pairs
        return 2 * self.right / total if total else None


@dataclass(frozen=True)
class MatchEvaluation:
    """Measured against a file with the true pairs.

    Attributes:
        total: the decisions as they are.
        by_threshold: the score if pairs matched from other probabilities.
        missed_by_blocking: true pairs that are no candidates.
        missed_by_decision: true pairs that are candidates and were not matched.
        unknown: true pairs of records that the sources do not have.
    """

    total: MatchScore
    by_threshold: tuple[MatchScore, ...]
    missed_by_blocking: int
    missed_by_decision: int
    unknown: int


@dataclass(frozen=True)
class EstimatedPrecision:
    """The precision of the matches as their probabilities have it: an estimate, not a measurement.

    Attributes:
        low, high: the bounds within which it is in 19 of 20 cases if the probabilities are right.
    """

    matches: int
    precision: float
    low: float
    high: float


@dataclass(frozen=True)
class MatchEvidence:
    """What one comparison adds to the log-odds of a pair.

    Attributes:
        name: of the comparison, or ``whole record`` for all texts together.
        weight: log-odds; positive speaks for a match.
    """

    name: str
    left: str | None
    right: str | None
    level: str
    weight: float


@dataclass(frozen=True)
class MatchExplanation:
    """Why two records are a match, or are none.

    Attributes:
        decision: ``match``, ``review``, ``no match`` or ``no candidate``.
        reason: why it is no plain match; empty if it is.
        learned: whether the weights were learned from the records.
        evidence: in the order of the comparisons, then the whole record.
    """

    reconciliation: str
    left: tuple[str, str]
    right: tuple[str, str]
    decision: str
    reason: str
    probability: float
    weight: float
    learned: bool
    evidence: tuple[MatchEvidence, ...]


class Matches:
    """Matches of the entity resolutions of a project.

    Args:
        project: the declarations.
        lake: the lake with the tables.
        ledgers: of the lake.
    """

    def __init__(self, project: Project, lake: Lake, ledgers: Ledgers) -> None:
        self._project = project
        self._lake = lake
        self._ledgers = ledgers

    def suggest(self, name: str) -> dict[str, dict[str, Any]]:
        """The comparisons that ``compare: auto`` chooses, as they would be declared.

        Raises:
            DecisionError: there is no such entity resolution.
            LakeError: a source has no table yet.
        """
        from vertebra.duckdb_connection import connect_duckdb
        from vertebra.exploitation.matching.suggest import suggested_comparisons

        declared = self._declared(name)
        with connect_duckdb() as db:
            found = suggested_comparisons(db, declared, self._inputs(declared))
        return {
            column: one.model_dump(by_alias=True, exclude_defaults=True, mode="json") for column, one in found.items()
        }

    def next_pair(self, name: str, skipped: Sequence[tuple[object, object]] = ()) -> PairToReview | None:
        """The pair whose answer helps most; None if nothing is left to ask.

        The first questions are spread over all probabilities, the later ones are about pairs in doubt.

        Args:
            skipped: pairs of records not to ask about.
        """
        declared = self._declared(name)
        asked = {one.pair for one in decisions_in_force(self._ledgers, name)}
        left_out = asked | {tuple(sorted(pair)) for pair in skipped}  # type: ignore[type-var]
        rows = [row for row in self._crosswalk(declared) if tuple(sorted(_members(declared, row))) not in left_out]
        if not rows:
            return None
        rows.sort(key=lambda row: (row["match_probability"], str(_members(declared, row))))
        number = len(left_out)
        if number < _SPREAD:
            place = ((number * 7) % _SPREAD + 0.5) / _SPREAD
            chosen = rows[min(int(place * len(rows)), len(rows) - 1)]
        else:
            chosen = min(rows, key=lambda row: (abs(row["match_probability"] - 0.5), str(_members(declared, row))))
        return self._question(declared, chosen)

    def accept(self, name: str, left: str, right: str, comment: str = "", by: str | None = None) -> MatchDecision:
        """Two records are the same entity, from the next run on.

        Args:
            left: a record, ``source:key``; the source may be left out if two are linked, the left one first. A key of
                several columns is written with commas.
            right: another record.
            comment: why.
            by: who decides; the user of the process by default.

        Raises:
            DecisionError: there is no such reconciliation or record.
            BusyError: another run holds the lake.
        """
        return self._decide(name, "same", left, right, comment, by)

    def reject(self, name: str, left: str, right: str, comment: str = "", by: str | None = None) -> MatchDecision:
        """Two records are different entities, from the next run on; see :meth:`accept`."""
        return self._decide(name, "different", left, right, comment, by)

    def undo(self, name: str, left: str, right: str, comment: str = "", by: str | None = None) -> MatchDecision:
        """Take back what was decided about two records; see :meth:`accept`.

        Raises:
            DecisionError: nothing was decided about them.
        """
        return self._decide(name, "withdraw", left, right, comment, by)

    def merge(self, name: str, entity: str, other: str, comment: str = "", by: str | None = None) -> MatchDecision:
        """Two entities are one, from the next run on.

        Args:
            entity, other: identifiers of entities, as in ``entity_id`` of the golden records.

        Raises:
            DecisionError: there is no such entity resolution or entity, or a source forbids it.
        """
        members = self._entities(self._declared(name))
        first, second = (self._of_entity(name, members, one)[0] for one in (entity, other))
        return self.accept(name, _written(first), _written(second), comment, by)

    def split(self, name: str, record: str, comment: str = "", by: str | None = None) -> list[MatchDecision]:
        """A record is an entity of its own: it is none of the other records of its entity, from the next run on.

        Args:
            record: ``source:key``.

        Raises:
            DecisionError: there is no such entity resolution or record, or the record is alone.
        """
        declared = self._declared(name)
        one = _member(declared, record, next(iter(declared.records)))
        members = self._entities(declared)
        _require(members, one)
        others = [member for member in self._of_entity(name, members, members[one]) if member != one]
        if not others:
            raise DecisionError(
                f"{_written(one)} is alone in its entity {members[one]}", cause="nothing is to be split"
            )
        return [self.reject(name, _written(one), _written(member), comment, by) for member in others]

    def decisions(self, name: str | None = None) -> list[MatchDecision]:
        """All decisions about pairs, the latest first; those about one entity resolution or about all."""
        if name is not None:
            self._declared(name)
        return match_decisions(self._ledgers, name)[::-1]

    def evaluate(self, name: str, truth: Path | str) -> MatchEvaluation:
        """Measure the matches against a CSV file with the true pairs.

        Args:
            truth: a file with a header. Its columns are the key of the left record, then the key of the right one; or
                ``left_source, left_key, right_source, right_key`` if not exactly two sources are linked.

        Raises:
            DecisionError: there is no such entity resolution, or the file has other columns.
        """
        declared = self._declared(name)
        true_pairs = _true_pairs(declared, Path(truth))
        with self._examined(declared) as found:
            return _evaluated(found, true_pairs)

    def estimate(self, name: str) -> EstimatedPrecision | None:
        """Estimate the precision of the matches from their probabilities; None without matches."""
        rows = [row for row in self._crosswalk(self._declared(name)) if row["decision"] == "match"]
        if not rows:
            return None
        chances = [row["match_probability"] for row in rows]
        mean = sum(chances) / len(chances)
        error = 1.96 * sum(p * (1 - p) for p in chances) ** 0.5 / len(chances)
        return EstimatedPrecision(len(rows), mean, max(0.0, mean - error), min(1.0, mean + error))

    def why(self, name: str, left: str, right: str) -> MatchExplanation:
        """Explain what speaks for and against a match of two records; see :meth:`accept` for how they are named.

        Raises:
            DecisionError: there is no such entity resolution or record.
        """
        declared = self._declared(name)
        one, other = self._pair(declared, left, right)
        with self._examined(declared, [(one, other)]) as found:
            for member in (one, other):
                _require(found.number, member)
            return _explained(declared, found, one, other)

    # -- reading -----------------------------------------------------------------------------------------------------

    def _declared(self, name: str) -> EntityResolution:
        known = {
            one: declared
            for one, declared in self._project.reconciliations.items()
            if isinstance(declared, EntityResolution)
        }
        if name not in known:
            raise DecisionError(
                f"there is no entity resolution {name}",
                cause=f"the project has {shortened(known) or 'none'}",
                remedy=did_you_mean(name, known, "vertebra ls steps"),
            )
        return known[name]

    def _inputs(self, declared: EntityResolution) -> dict[str, Any]:
        found = {}
        for name, source in declared.records.items():
            table = self._lake.table(source.input)
            if table.newest_data() is None:
                raise LakeError(f"there is no table {source.input} yet", remedy=f"vertebra run --select {source.input}")
            found[name] = table.arrow(table.data_version())
        return found

    def _examined(self, declared: EntityResolution, extra: Sequence[tuple[Member, Member]] = ()) -> Any:
        from vertebra.exploitation.matching.resolution import examined
        from vertebra.exploitation.reconcile import verdicts_of

        return examined(declared, self._inputs(declared), verdicts_of(self._ledgers, declared.name), extra)

    def _crosswalk(self, declared: EntityResolution) -> list[dict[str, Any]]:
        table = self._lake.table(outputs_of(declared)[0])
        if table.newest_data() is None:
            raise LakeError(
                f"there are no matches of {declared.name} yet",
                remedy=f"vertebra run --select exploitation.{declared.name}",
            )
        rows: pa.Table = table.arrow(table.data_version()).to_table()
        found: list[dict[str, Any]] = rows.to_pylist()
        return found

    def _question(self, declared: EntityResolution, row: Mapping[str, Any]) -> PairToReview:
        one, other = _members(declared, row)
        names = [key.removesuffix("_level") for key in row if key.endswith("_level") and f"{key[:-6]}_left" in row]
        values = tuple(
            ComparedValues(name, row[f"{name}_left"], row[f"{name}_right"], row[f"{name}_level"]) for name in names
        )
        return PairToReview(
            declared.name, one, other, values, row["match_probability"], row["decision"], row["reason"] or ""
        )

    # -- deciding ----------------------------------------------------------------------------------------------------

    def _decide(
        self, name: str, verdict: Verdict, left: str, right: str, comment: str, by: str | None
    ) -> MatchDecision:
        declared = self._declared(name)
        one, other = self._pair(declared, left, right)
        if verdict == "withdraw":
            if tuple(sorted([one, other])) not in {held.pair for held in decisions_in_force(self._ledgers, name)}:
                raise DecisionError(
                    f"nothing is decided about {_written(one)} and {_written(other)}",
                    remedy=f"vertebra match decisions {name}",
                )
        else:
            self._check_records(declared, one, other, verdict)
        (left_table, left_rid), (right_table, right_rid) = (self._row(declared, member) for member in (one, other))
        decision = MatchDecision(
            datetime.now(UTC), by or getpass.getuser(), name, verdict, *one, *other, comment,
            left_table, left_rid, right_table, right_rid,
        )  # fmt: skip
        with hold(self._lake.root, self._project.settings.name, f"a decision about {name}"):
            complete_runs(self._lake, self._ledgers)
            record_match_decision(self._ledgers, decision)
        return decision

    def _check_records(self, declared: EntityResolution, one: Member, other: Member, verdict: Verdict) -> None:
        if one == other:
            raise DecisionError(f"{_written(one)} is one record", cause="a decision is about two")
        if verdict == "same" and one[0] == other[0] and declared.unique[one[0]]:
            raise DecisionError(
                f"{_written(one)} and {_written(other)} are records of one source",
                cause=f"the records of {one[0]} are all different entities, as declared",
                remedy=f"write unique: false for the source {one[0]} of reconcile/{declared.name}.yaml",
            )
        known = self._entities(declared)
        for member in (one, other):
            _require(known, member)

    def _entities(self, declared: EntityResolution) -> dict[Member, str]:
        """The entity of each record."""
        table = self._lake.table(outputs_of(declared)[2])
        if table.newest_data() is None:
            raise LakeError(
                f"there are no entities of {declared.name} yet",
                remedy=f"vertebra run --select exploitation.{declared.name}",
            )
        rows = table.arrow(table.data_version()).to_table(columns=["source", "key", "entity_id"]).to_pydict()
        return dict(zip(zip(rows["source"], rows["key"], strict=True), rows["entity_id"], strict=True))

    def _row(self, declared: EntityResolution, member: Member) -> tuple[str, int | None]:
        """The table that a record is a row of, and its row id."""
        import pyarrow.compute as pc

        table = self._lake.table(outputs_of(declared)[2])
        wanted = (pc.field("source") == member[0]) & (pc.field("key") == member[1])
        rows = table.arrow(table.data_version()).to_table(columns=["record_rid"], filter=wanted)
        return declared.records[member[0]].input, rows.column(0)[0].as_py() if rows.num_rows else None

    def _of_entity(self, name: str, members: Mapping[Member, str], entity: str) -> list[Member]:
        found = [member for member, of in members.items() if of == entity]
        if not found:
            raise DecisionError(
                f"{name} has no entity {entity}",
                cause="entities are named by entity_id",
                remedy=f'vertebra sql "select entity_id from exploitation.{name} limit 5"',
            )
        return found

    def _pair(self, declared: EntityResolution, left: str, right: str) -> tuple[Member, Member]:
        sources = list(declared.records)
        first, last = sources[0], sources[-1]
        return _member(declared, left, first), _member(declared, right, last)


def _require(known: Any, member: Member) -> None:
    if member not in known:
        raise DecisionError(
            f"there is no record {member[1]} in {member[0]}",
            cause="records are named by their source and key",
            remedy="write source:key, such as crm:42",
        )


def _written(member: Member) -> str:
    return f"{member[0]}:{member[1]}"


def _member(declared: EntityResolution, text: str, default: str) -> Member:
    """The record that ``source:key`` or ``key`` names."""
    source, colon, key = text.partition(":")
    if not colon or source not in declared.records:
        source, key = default, text
    columns = declared.records[source].identified_by
    if len(columns) == 1 or key.startswith("["):
        return source, key
    parts = [part.strip() for part in key.split(",")]
    if len(parts) != len(columns):
        raise DecisionError(f"{text} is no record of {source}", cause=f"its key has the columns {', '.join(columns)}")
    return source, json.dumps(parts, separators=(",", ":"), ensure_ascii=False)


def _members(declared: EntityResolution, row: Mapping[str, Any]) -> tuple[Member, Member]:
    """The records of a row of the crosswalk."""
    if "left_source" in row:
        return (row["left_source"], row["left_key"]), (row["right_source"], row["right_key"])
    found = []
    for name, source in declared.records.items():
        parts = [_text(row[f"{name}_{column}"]) for column in source.identified_by]
        key = parts[0] if len(parts) == 1 else json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
        found.append((name, key or ""))
    return found[0], found[1]


def _text(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _true_pairs(declared: EntityResolution, file: Path) -> list[tuple[Member, Member]]:
    import csv

    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.reader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DecisionError(f"{file} cannot be read", cause=str(error)) from error
    if rows and rows[0][:4] == ["left_source", "left_key", "right_source", "right_key"]:
        return [((row[0], row[1]), (row[2], row[3])) for row in rows[1:] if row]
    sources = list(declared.records)
    left, right = sources[0], sources[-1]
    widths = [len(declared.records[source].identified_by) for source in (left, right)]
    if len(sources) > 2 or not rows or len(rows[0]) != sum(widths):
        keys = ", ".join(
            f"{source}_{column}" for source in (left, right) for column in declared.records[source].identified_by
        )
        raise DecisionError(
            f"{file} has other columns than the keys of two records",
            cause=f"its header is {', '.join(rows[0]) if rows else 'missing'}",
            remedy=f"write a CSV file with the columns {keys}, or left_source, left_key, right_source, right_key",
        )
    found = []
    for row in filter(None, rows[1:]):
        one, other = row[: widths[0]], row[widths[0] :]
        found.append((_member(declared, ",".join(one), left), _member(declared, ",".join(other), right)))
    return found


def _evaluated(found: Examined, true_pairs: Sequence[tuple[Member, Member]]) -> MatchEvaluation:
    import numpy as np

    known = {
        tuple(sorted((found.number[one], found.number[other])))
        for one, other in true_pairs
        if one in found.number and other in found.number
    }
    scored, count = found.scored, len(found.members)
    candidates = set((scored.left * count + scored.right).tolist())
    matched = set(_joined(found.decided.entity.tolist()))
    missed = known - matched
    blocked = sum(a * count + b not in candidates for a, b in missed)
    total = MatchScore(None, len(matched), len(known & matched), len(known))
    leads, _ = scored.contest.rivals(np.where(scored.objection == "", scored.scores, scored.scores.min() - 1))
    leads &= scored.objection == ""
    truth = np.array([(a, b) in known for a, b in zip(scored.left.tolist(), scored.right.tolist(), strict=True)], bool)
    scores = []
    for threshold in _THRESHOLDS:
        chosen = leads & (scored.probabilities >= threshold)
        scores.append(MatchScore(threshold, int(chosen.sum()), int((chosen & truth).sum()), len(known)))
    return MatchEvaluation(total, tuple(scores), blocked, len(missed) - blocked, len(true_pairs) - len(known))


def _joined(entities: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The pairs of records of one entity."""
    members: dict[int, list[int]] = {}
    for record, entity in enumerate(entities):
        members.setdefault(entity, []).append(record)
    for group in members.values():
        for place, one in enumerate(group):
            for other in group[place + 1 :]:
                yield one, other


def _explained(declared: EntityResolution, found: Examined, one: Member, other: Member) -> MatchExplanation:
    import numpy as np

    from vertebra.exploitation.matching.resolution import shown_evidence

    a, b = sorted((found.number[one], found.number[other]))
    scored = found.scored
    places = np.flatnonzero((scored.left == a) & (scored.right == b))
    if not len(places):
        raise VertebraError(f"{_written(one)} and {_written(other)} are not compared: no two records of {one[0]} match")
    pair = int(places[0])
    listed = np.flatnonzero(found.decided.pairs == pair)
    decision = str(found.decided.decision[listed[0]]) if len(listed) else "no match"
    reason = str(found.decided.reason[listed[0]]) if len(listed) else _reason(found, pair)
    probability = float(found.decided.every_probability[pair])
    shown = shown_evidence(found.records, scored, pair)
    evidence = tuple(
        MatchEvidence(name, *shown.get(name, (None, None, "")), weight=round(float(weight), 3))
        for name, weight in zip(scored.names, scored.evidence[pair], strict=True)
    )
    if a != found.number[one]:
        evidence = tuple(MatchEvidence(e.name, e.right, e.left, e.level, e.weight) for e in evidence)
    return MatchExplanation(
        declared.name, one, other, decision, reason, probability, float(scored.scores[pair]), scored.learned, evidence
    )


def _reason(found: Examined, pair: int) -> str:
    scored = found.scored
    if scored.objection[pair]:
        return str(scored.objection[pair])
    by_left, by_right = scored.contest.others(scored.scores)
    better = [side for side, best in (("left", by_left[pair]), ("right", by_right[pair])) if best > scored.scores[pair]]
    if better:
        return f"another record fits the {' and the '.join(better)} one better"
    return "not probable enough"
