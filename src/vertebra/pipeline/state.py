"""The present state of the lake: table versions, landed batches, and the fingerprint of each step's last success.

Reads Delta logs and the ``runs`` ledger; starts no engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vertebra.lake.batches import batches, batches_digest
from vertebra.lake.effective_batches import counting_batches
from vertebra.pipeline.fingerprint import read_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.batches import Batch
    from vertebra.lake.catalog import Lake
    from vertebra.lake.commit import TableVersion
    from vertebra.pipeline.fingerprint import Fingerprint
    from vertebra.pipeline.steps import Step


@dataclass(frozen=True)
class LastSuccess:
    """The last success of a step, from the ``runs`` ledger."""

    run_id: str
    digest: str
    fingerprint: Fingerprint
    outputs: Mapping[str, int]


class State:
    """A reading of the lake; each fact is read once, until :meth:`forget`.

    Args:
        now: the time of the run, UTC, for views that read it; the machine's clock by default.

    Attributes:
        now: the time of the run.
    """

    def __init__(self, lake: Lake, ledgers: Ledgers, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)
        self._lake = lake
        self._ledgers = ledgers
        self._tables: dict[str, TableVersion | None] = {}
        self._batches: dict[str, list[Batch]] = {}
        self._decisions: dict[str, str] = {}
        self._published: dict[str, str] | None = None
        self._remembered: dict[str, LastSuccess] | None = None
        self._failed: dict[str, str] = {}

    def table(self, name: str) -> TableVersion | None:
        """The last version of a table that changed its data, or None when there is no table."""
        if name not in self._tables:
            self._tables[name] = self._lake.table(name).newest_data()
        return self._tables[name]

    def has_batches(self, step: Step) -> bool:
        """Whether anything was ever received for a dataset."""
        return self._last_batch(f"landing.{step.subject}", step.source or "") is not None

    def inputs(self, step: Step) -> dict[str, int | None]:
        """The version of each input of a step; None for an input that does not exist."""
        found: dict[str, int | None] = {}
        for name in step.inputs:
            if name.startswith("landing."):
                found[name] = self._last_batch(name, step.source or "")
            else:
                version = self.table(name)
                found[name] = version.version if version else None
        return found

    def contents(self, step: Step) -> dict[str, str]:
        """An identifier of the content of each input, in addition to its version; missing inputs are left out.

        The fingerprint in a table's commit identifies everything its rows depend on. A version without one was written
        by hand.
        """
        found = {}
        for name in step.inputs:
            if name.startswith("landing."):
                landed = self._landed(name, step.source or "")
                if landed:
                    found[name] = batches_digest(self._effective(step, landed))
            else:
                version = self.table(name)
                if version:
                    found[name] = version.fingerprint or version.at.isoformat()
        return found

    def decisions(self, step: Step) -> str:
        """Digest of people's decisions about a trusted table, a reconciliation or an analysis; empty for others."""
        if step.zone == "analysis":
            from vertebra.governance.promotions import promotions_digest

            return promotions_digest(self._ledgers, getattr(step.declaration, "analysis", step.declaration).name)
        if step.zone == "exploitation":
            from vertebra.declare.reconciliation import EntityResolution
            from vertebra.governance import match_decisions

            held = isinstance(step.declaration, EntityResolution)
            return match_decisions.decisions_digest(self._ledgers, step.subject) if held else ""
        if step.zone != "trusted":
            return ""
        if step.subject not in self._decisions:
            from vertebra.trusted.decisions import decisions_digest

            self._decisions[step.subject] = decisions_digest(self._ledgers, step.subject)
        return self._decisions[step.subject]

    def freshness_changed(self, step: Step) -> list[str]:
        """The rules about the freshness of a trusted table that hold or fail now and did not when it was assessed."""
        if step.zone != "trusted":
            return []
        from vertebra.declare.table_rule_compiler import table_rules_of
        from vertebra.trusted.table_rules import lapsed, last_assessment

        rules = [rule for rule in table_rules_of(step.declaration) if rule.condition.oldest is not None]
        return lapsed(rules, last_assessment(self._ledgers, f"trusted.{step.subject}"), self.now) if rules else []

    def published(self, step: Step) -> str | None:
        """The fingerprint of what a publish step last sent."""
        if self._published is None:
            rows = self._ledgers.read("publications", ["publication", "state", "fingerprint", "run_id"]).to_pylist()
            sent = sorted((row for row in rows if row["state"] == "sent"), key=lambda row: row["run_id"])
            self._published = {row["publication"]: row["fingerprint"] for row in sent}
        return self._published.get(step.subject)

    def remembered(self, step: str) -> LastSuccess | None:
        """The last success of the step."""
        if self._remembered is None:
            self._remembered = self._read_runs()
        return self._remembered.get(step)

    def failed(self, step: str) -> str | None:
        """The run in which the step failed, if it has not succeeded since."""
        self.remembered(step)
        return self._failed.get(step)

    def forget(self, step: Step) -> None:
        """Forget facts that the step may have changed, so that they are read again."""
        if step.zone == "publish":
            self._published = None
        for name in step.outputs:
            self._tables.pop(name, None)
            self._batches.pop(name, None)

    def _last_batch(self, name: str, source: str) -> int | None:
        landed = self._landed(name, source)
        return landed[-1].number if landed else None

    def _landed(self, name: str, source: str) -> list[Batch]:
        if name not in self._batches:
            self._batches[name] = batches(self._lake.landing, source, name.partition(".")[2])
        return self._batches[name]

    def _effective(self, step: Step, landed: list[Batch]) -> list[Batch]:
        """The batches whose records the formatted table has."""
        from vertebra.governance.retractions import retractions

        dataset = step.declaration
        return counting_batches(dataset, landed, retractions(self._ledgers, step.subject))

    def _read_runs(self) -> dict[str, LastSuccess]:
        rows = self._ledgers.read("runs", ("run_id", "step", "state", "fingerprint", "fingerprint_parts"))
        parts = rows.column("fingerprint_parts")
        about = rows.drop_columns("fingerprint_parts").to_pylist()
        last: dict[str, int] = {}
        by_run = sorted(range(len(about)), key=lambda number: about[number]["run_id"])
        for number in reversed(by_run):
            row = about[number]
            if row["step"] in last:
                continue
            if row["state"] == "ok" and parts[number].is_valid:
                last[row["step"]] = number
            elif row["state"] == "failed":
                self._failed.setdefault(row["step"], row["run_id"])
        found: dict[str, LastSuccess] = {}
        for step, number in last.items():  # only these are parsed, however many runs there were
            fingerprint, outputs = read_parts(parts[number].as_py())
            found[step] = LastSuccess(about[number]["run_id"], about[number]["fingerprint"], fingerprint, outputs)
        return found
