"""Matches of records: review them, decide about them, measure and explain them; methods of a project."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.reconciliation import EntityResolution, entities_table, outputs_of
from vertebra.errors import DecisionError, LakeError
from vertebra.formatting import shortened
from vertebra.governance.match_decisions import (
    MatchDecision,
    Verdict,
    decisions_in_force,
    match_decisions,
    record_match_decision,
    refuse_contradiction,
)
from vertebra.governance.unended_runs import complete_runs
from vertebra.lake.owner import hold
from vertebra.suggestions import did_you_mean
from vertebra.workspace.match_evaluation import evaluated, true_pairs_of
from vertebra.workspace.match_records import record_named, require_record, written
from vertebra.workspace.match_results import ComparedValues, EstimatedPrecision, PairToReview

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as pads

    from vertebra.declare.project import Project
    from vertebra.exploitation.matching.entity_ids import Member
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake
    from vertebra.workspace.match_results import MatchEvaluation, MatchExplanation

_SPREAD: Final = 10
"""Questions that are spread over all probabilities, before those in doubt are asked about."""
_OF_PAIR: Final = ("left_source", "left_key", "right_source", "right_key")


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

    def next_pair(self, name: str, skipped: Sequence[tuple[Member, Member]] = ()) -> PairToReview | None:
        """The pair whose answer helps most; None if nothing is left to ask.

        The first questions are spread over all probabilities, the later ones are about pairs in doubt.

        Args:
            skipped: pairs of records not to ask about.
        """
        import pyarrow.compute as pc

        declared = self._declared(name)
        asked = {one.pair for one in decisions_in_force(self._ledgers, name)}
        left_out = asked | {tuple(sorted(pair)) for pair in skipped}
        rows = self._crosswalk(declared)
        order = pc.sort_indices(rows, [("match_probability", "ascending"), *((one, "ascending") for one in _OF_PAIR)])
        first = 0
        if len(left_out) < _SPREAD:
            first = int(((len(left_out) * 7) % _SPREAD + 0.5) / _SPREAD * rows.num_rows)
        else:
            doubt = pc.abs(pc.subtract(rows.column("match_probability"), 0.5))
            keys = [("doubt", "ascending"), *((one, "ascending") for one in _OF_PAIR)]
            order = pc.sort_indices(rows.append_column("doubt", doubt), keys)
        # one more than are left out, from the first on and around the end
        places = [(first + step) % rows.num_rows for step in range(min(len(left_out) + 1, rows.num_rows))]
        for row in rows.take(order.take(places)).to_pylist():
            if tuple(sorted(_members_of(row))) not in left_out:
                return _question(name, row)
        return None

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
        declared = self._declared(name)
        first, second = (self._of_entity(declared, one)[0] for one in (entity, other))
        return self.accept(name, written(first), written(second), comment, by)

    def split(self, name: str, record: str, comment: str = "", by: str | None = None) -> list[MatchDecision]:
        """A record is an entity of its own: it is none of the other records of its entity, from the next run on.

        Args:
            record: ``source:key``.

        Raises:
            DecisionError: there is no such entity resolution or record, or the record is alone.
        """
        declared = self._declared(name)
        one = record_named(declared, record, next(iter(declared.records)))
        found = self._entities(declared, source=one[0], key=one[1])
        require_record(dict(found), one)
        others = [member for member in self._of_entity(declared, found[0][1]) if member != one]
        if not others:
            raise DecisionError(f"{written(one)} is alone in its entity", cause="there is nothing to split")
        return [self.reject(name, written(one), written(member), comment, by) for member in others]

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
        true_pairs = true_pairs_of(declared, Path(truth))
        with self._examined(declared) as found:
            return evaluated(found, true_pairs)

    def estimate(self, name: str) -> EstimatedPrecision | None:
        """Estimate the precision of the matches from their probabilities; None without matches."""
        import numpy as np
        import pyarrow.compute as pc

        rows = self._crosswalk(self._declared(name)).filter(pc.field("decision") == "match")
        if not rows.num_rows:
            return None
        chances = rows.column("match_probability").to_numpy()
        mean, error = float(chances.mean()), 1.96 * float(np.sqrt((chances * (1 - chances)).sum())) / len(chances)
        return EstimatedPrecision(len(chances), mean, max(0.0, mean - error), min(1.0, mean + error))

    def why(self, name: str, left: str, right: str) -> MatchExplanation:
        """Explain what speaks for and against a match of two records; see :meth:`accept` for how they are named.

        Raises:
            DecisionError: there is no such entity resolution or record.
        """
        declared = self._declared(name)
        from vertebra.workspace.match_explanation import explained

        one, other = self._pair(declared, left, right)
        with self._examined(declared, [(one, other)]) as found:
            for member in (one, other):
                require_record(found.number, member)
            return explained(found, one, other)

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

    def _crosswalk(self, declared: EntityResolution) -> pa.Table:
        return self._output(declared, outputs_of(declared)[0]).to_table()

    def _output(self, declared: EntityResolution, name: str) -> pads.Dataset:
        """A table that the reconciliation wrote.

        Raises:
            LakeError: it never ran.
        """
        table = self._lake.table(name)
        if table.newest_data() is None:
            raise LakeError(
                f"there are no matches of {declared.name} yet",
                remedy=f"vertebra run --select exploitation.{declared.name}",
            )
        return table.arrow(table.data_version())

    # -- deciding ----------------------------------------------------------------------------------------------------

    def _decide(
        self, name: str, verdict: Verdict, left: str, right: str, comment: str, by: str | None
    ) -> MatchDecision:
        declared = self._declared(name)
        one, other = self._pair(declared, left, right)
        held = decisions_in_force(self._ledgers, name)
        if verdict == "withdraw":
            if tuple(sorted([one, other])) not in {decision.pair for decision in held}:
                raise DecisionError(
                    f"nothing is decided about {written(one)} and {written(other)}",
                    remedy=f"vertebra match decisions {name}",
                )
        elif one == other:
            raise DecisionError(f"{written(one)} is one record", cause="a decision is about two")
        (left_table, left_rid), (right_table, right_rid) = (
            self._row(declared, member, known=verdict != "withdraw") for member in (one, other)
        )
        decision = MatchDecision(
            datetime.now(UTC), by or getpass.getuser(), name, verdict, *one, *other, comment,
            left_table, left_rid, right_table, right_rid,
        )  # fmt: skip
        refuse_contradiction([*held, decision], declared.unique)
        with hold(self._lake.root, self._project.settings.name, f"a decision about {name}"):
            complete_runs(self._lake, self._ledgers)
            record_match_decision(self._ledgers, decision)
        return decision

    def _row(self, declared: EntityResolution, member: Member, *, known: bool) -> tuple[str, int | None]:
        """The table that a record is a row of, and its row id.

        Args:
            known: refuse a record that the source does not have.
        """
        import pyarrow.compute as pc

        wanted = (pc.field("source") == member[0]) & (pc.field("key") == member[1])
        entities = self._output(declared, entities_table(declared.name))
        rows = entities.to_table(columns=["record_rid"], filter=wanted).column(0).to_pylist()
        if known and not rows:
            require_record((), member)
        return declared.records[member[0]].input, rows[0] if rows else None

    def _entities(self, declared: EntityResolution, **only: str) -> list[tuple[Member, str]]:
        """Records and their entities; those of a record or of an entity.

        Args:
            only: a column of the table with the entities, and its value.
        """
        import pyarrow.compute as pc

        wanted = pc.scalar(True)
        for column, value in only.items():
            wanted = wanted & (pc.field(column) == value)
        found = self._output(declared, entities_table(declared.name)).to_table(
            columns=["source", "key", "entity_id"], filter=wanted
        )
        return [((row["source"], row["key"]), row["entity_id"]) for row in found.to_pylist()]

    def _of_entity(self, declared: EntityResolution, entity: str) -> list[Member]:
        found = [member for member, _ in self._entities(declared, entity_id=entity)]
        if not found:
            raise DecisionError(
                f"{declared.name} has no entity {entity}",
                cause="entities are named by entity_id",
                remedy=f'vertebra sql "select entity_id from exploitation.{declared.name} limit 5"',
            )
        return found

    def _pair(self, declared: EntityResolution, left: str, right: str) -> tuple[Member, Member]:
        sources = list(declared.records)
        return record_named(declared, left, sources[0]), record_named(declared, right, sources[-1])


def _members_of(row: Mapping[str, Any]) -> tuple[Member, Member]:
    """The records of a row of the crosswalk."""
    return (row["left_source"], row["left_key"]), (row["right_source"], row["right_key"])


def _question(name: str, row: Mapping[str, Any]) -> PairToReview:
    one, other = _members_of(row)
    names = [key.removesuffix("_level") for key in row if key.endswith("_level") and f"{key[:-6]}_left" in row]
    values = tuple(ComparedValues(of, row[f"{of}_left"], row[f"{of}_right"], row[f"{of}_level"]) for of in names)
    return PairToReview(name, one, other, values, row["match_probability"], row["decision"], row["reason"] or "")
