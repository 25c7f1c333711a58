"""The context that a step gets, and the result that it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vertebra.engine.port import Progress, silent
from vertebra.lake.commit import Commit

if TYPE_CHECKING:
    from vertebra.engine.port import Engine
    from vertebra.governance.ledgers import Ledgers
    from vertebra.governance.step_facts import StepFacts
    from vertebra.lake.catalog import Lake
    from vertebra.lake.commit import TableVersion
    from vertebra.lake.table import LakeTable

__all__ = ["Progress", "StepContext", "StepOutcome", "silent"]

_DEFINITION: Final = "definition"


@dataclass(frozen=True)
class StepContext:
    """Everything a step may use. Passed in, never global.

    Attributes:
        run_id: the run this step belongs to (sortable by time).
        step: the step's name, ``zone.name``.
        fingerprint: hash of everything that the step's result depends on.
        inputs: the version of each table the step reads; a step reads those versions, no others.
        now: the run's start, UTC; the only clock a step may use.
        scratch: an empty folder for intermediate files; removed after the step.
        definition: hash of the step's declaration, declared versions and user files, without its inputs; empty if it is
            not known.
    """

    run_id: str
    step: str
    fingerprint: str
    inputs: Mapping[str, int]
    now: datetime
    lake: Lake
    engine: Engine
    ledgers: Ledgers
    scratch: Path
    progress: Progress = silent
    definition: str = ""

    def extensible(self, table: LakeTable) -> TableVersion | None:
        """The newest version of a table if this step wrote it with the same definition, else None.

        Missing rows can then only come from inputs that changed since, so they may be added to this version. A table is
        extended by engines of one SQL dialect only, because dialects may write the same number with different digits.
        """
        newest = table.newest_data()
        if newest is None or newest.step != self.step or not self.definition:
            return None
        return newest if newest.extra.get(_DEFINITION) == self._origin else None

    @property
    def _origin(self) -> str:
        return f"{self.definition} {self.engine.capabilities.dialect}"

    def commit(self, app_version: int | None = None, extra: Mapping[str, str] | None = None) -> Commit:
        """The metadata of a table version this step commits.

        Args:
            extra: other facts about the version, by name.
        """
        return Commit(
            run_id=self.run_id,
            step=self.step,
            fingerprint=self.fingerprint,
            inputs=self.inputs,
            app_version=app_version,
            extra={**({_DEFINITION: self._origin} if self.definition else {}), **(extra or {})},
        )


@dataclass(frozen=True)
class StepOutcome:
    """The result of a step.

    Attributes:
        rows: rows in the step's main table after the step.
        version: version of that table.
        outputs: the version of every table the step wrote.
        facts: other results, by kind of step.
    """

    rows: int
    version: int
    outputs: Mapping[str, int] = field(default_factory=dict)
    facts: StepFacts | None = None
