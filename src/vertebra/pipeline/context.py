"""The context of a run: its options, lake, engine and console."""

from __future__ import annotations

import re
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from vertebra.engine import running
from vertebra.governance.context import Progress, StepContext, silent
from vertebra.governance.journal import pending_runs
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.catalog import Lake
from vertebra.lake.owner import hold
from vertebra.pipeline.progress import SilentConsole
from vertebra.pipeline.record import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine
    from vertebra.governance.context import StepOutcome
    from vertebra.landing.port import Window
    from vertebra.landing.web.network import Network
    from vertebra.pipeline.fingerprint import Fingerprint
    from vertebra.pipeline.graph import Graph
    from vertebra.pipeline.progress import Console


_STAMP: Final = "%Y%m%dT%H%M%S"
_ID: Final = re.compile(r"(?P<stamp>[0-9]{8}T[0-9]{6})-(?P<number>[0-9a-f]{4})")
_LARGEST: Final = 0xFFFF


def _never() -> bool:
    return False


@dataclass(frozen=True)
class RunOptions:
    """The options of a run.

    Attributes:
        select: selections of steps (:mod:`vertebra.pipeline.selection`); none selects every step.
        exclude: selections of steps to leave out.
        full_refresh: run every selected step, and incremental ones from nothing.
        wait: seconds to wait for another run that holds the lake.
        due: picks the selected steps that are due; called while the run holds the lake, so no other run can change the
            result.
        window: the periods to collect; without one, all that are due.
        network: how requests to the web are sent; by default with the machine's clock and network.
        stopping: called before each step; true ends the run there and leaves the other steps to a later run.
    """

    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    full_refresh: bool = False
    wait: float = 0
    due: Callable[[Graph, list[str]], list[str]] | None = None
    window: Window | None = None
    network: Network | None = None
    stopping: Callable[[], bool] = _never


EVERY_STEP: Final = RunOptions()


class Perform(Protocol):
    """Does the work of a step: :meth:`RunContext.perform` or :meth:`RunContext.perform_without_engine`."""

    def __call__(
        self,
        step: str,
        fingerprint: Fingerprint,
        work: Callable[[StepContext], StepOutcome],
        outputs: Sequence[str] = (),
    ) -> StepOutcome:
        """Do it, and return its outcome."""
        ...


@dataclass(frozen=True)
class RunContext:
    """Everything a run works with. While it exists, the process holds the lease of the lake.

    Attributes:
        run_id: sorts after the ids of all earlier runs, even if the clock was set back.
        now: the start of the run, UTC.
        engine: its session starts when a step first uses it.
        console: receives what the run does.
        recorder: writes the ledgers ``runs`` and ``lineage``.
    """

    run_id: str
    now: datetime
    project: Project
    lake: Lake
    ledgers: Ledgers
    engine: Engine
    console: Console
    recorder: Recorder

    def perform(
        self,
        step: str,
        fingerprint: Fingerprint,
        work: Callable[[StepContext], StepOutcome],
        outputs: Sequence[str] = (),
    ) -> StepOutcome:
        """Do the work of a step on the engine, which recovers and translates its errors.

        Args:
            step: the step's name, ``zone.name``.
            fingerprint: what the result depends on.
            outputs: the tables that the step writes; the commit of the last one ends the step.
            work: may be called twice, each time with an empty scratch folder.

        Raises:
            EngineError: the engine failed. Other exceptions of ``work`` pass unchanged.
        """
        return self.engine.attempt(
            lambda: self._call(work, step, fingerprint, outputs, self.progress_of(step)),
            lambda text: self.console.note(f"{step}: {text}"),
        )

    def perform_without_engine(
        self,
        step: str,
        fingerprint: Fingerprint,
        work: Callable[[StepContext], StepOutcome],
        outputs: Sequence[str] = (),
    ) -> StepOutcome:
        """Do the work of a step that uses no engine, in any thread; see :meth:`perform`. Its progress is not shown."""
        self.engine.await_warm_up()
        return self._call(work, step, fingerprint, outputs, silent)

    def progress_of(self, step: str) -> Progress:
        """Receives what a step is doing, and passes it to the console."""
        return lambda text: self.console.progress(step, text)

    def _call(
        self,
        work: Callable[[StepContext], StepOutcome],
        step: str,
        fingerprint: Fingerprint,
        outputs: Sequence[str],
        progress: Progress,
    ) -> StepOutcome:
        self.recorder.doing(step, fingerprint, outputs)
        scratch = self.recorder.folder / step
        scratch.mkdir(parents=True)
        try:
            return work(
                StepContext(
                    run_id=self.run_id,
                    step=step,
                    fingerprint=fingerprint.digest,
                    inputs=fingerprint.inputs,
                    now=self.now,
                    lake=self.lake,
                    engine=self.engine,
                    ledgers=self.ledgers,
                    scratch=scratch,
                    progress=progress,
                    definition=fingerprint.definition,
                )
            )
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def run_context(
    project: Project,
    purpose: str = "run",
    *,
    wait: float = 0,
    console: Console | None = None,
    engine: Engine | None = None,
    now: datetime | None = None,
) -> Iterator[RunContext]:
    """Hold the lake of a project for a run.

    Args:
        purpose: why the lake is held; other runs that wait for the lake show this and the run's id.
        wait: seconds to wait for another run that holds the lake.
        engine: an engine to use and leave running; by default the project's, stopped at the end.
        now: the start of the run, UTC; by default the machine's clock when the lake is held.

    Raises:
        BusyError: another run holds the lake.
        LakeError: the lake belongs to another project, or a log of it is damaged.
    """
    shown = console or SilentConsole()
    lake = Lake(project.lake)
    with hold(project.lake, project.settings.name, purpose, wait, shown.note) as name_purpose:
        lake.check_logs()
        run_id = new_run_id(now or datetime.now(UTC), after=_last_run(lake))
        name_purpose(f"{purpose} {run_id}")
        recorder = Recorder(lake, run_id, project.engine_name, project.profile)
        settings = project.settings
        with running(engine or settings.engine, settings.memory) as chosen:
            # the clock is read here, after a possible wait for another run
            yield RunContext(run_id, now or datetime.now(UTC), project, lake, recorder.ledgers, chosen, shown, recorder)


def new_run_id(now: datetime, after: str) -> str:
    """An id that sorts after that of the last run; it begins with the time, unless the clock stepped back.

    Args:
        after: the id of the last run; empty for the first.
    """
    stamp, last = f"{now:{_STAMP}}", _ID.fullmatch(after)
    if last is None or stamp > last["stamp"]:
        return f"{stamp}-{secrets.token_hex(2)}"
    number = int(last["number"], 16) + 1
    if number <= _LARGEST:
        return f"{last['stamp']}-{number:04x}"
    following = datetime.strptime(last["stamp"], _STAMP) + timedelta(seconds=1)
    return f"{following:{_STAMP}}-0000"


def _last_run(lake: Lake) -> str:
    """The id of the last run, even if it was killed."""
    return max(Ledgers(lake).last_run(), *pending_runs(lake), "")
