"""The engine of a run: started when first needed, or ahead of need in the background."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine

Result = TypeVar("Result")

_PATIENCE: Final = 5.0


def on_engine(engine: str | Engine, work: Callable[[Engine], Result]) -> Result:
    """Do work with an engine: the one that is given, or one of a name, which is stopped at the end.

    When a join did not fit into the memory of an engine that was started here, the work is done once more with joins
    that spill to disk.

    Args:
        work: may be called twice.
    """
    if not isinstance(engine, str):
        return work(engine)
    from vertebra.engine import start
    from vertebra.engine.sail import join_did_not_fit

    own = start(engine)
    try:
        return work(own)
    except Exception as error:
        if engine != "sail" or not join_did_not_fit(error):
            raise
    finally:
        own.stop()
    own = start(engine, spilling_joins=True)
    try:
        return work(own)
    finally:
        own.stop()


class LazyEngine:
    """An engine that costs nothing until it is wanted.

    Args:
        given: an engine that someone else started and will stop.
    """

    def __init__(self, project: Project, given: Engine | None = None) -> None:
        self._project = project
        self._given = given
        self._own: Engine | None = None
        self._warming: threading.Thread | None = None
        self._spilling = False

    def can_spill(self, error: BaseException) -> bool:
        """Whether an error may not come again with :meth:`spill`: a join did not fit into the engine's memory."""
        from vertebra.engine.sail import join_did_not_fit

        ours = self._given is None and self._project.settings.engine == "sail"
        return ours and not self._spilling and join_did_not_fit(error)

    def spill(self) -> None:
        """Take an engine whose joins spill to disk from now on."""
        self._stop()
        self._warming, self._spilling = None, True

    def warm(self) -> None:
        """Begin to start the session in the background, if nobody has."""
        if self._warming is None:
            self._warming = threading.Thread(target=self._start, daemon=True)
            self._warming.start()

    def get(self) -> Engine:
        """The engine; waits for a start under way."""
        if self._warming is not None:
            self._warming.join()
            from vertebra.engine.sail import keep_signals

            keep_signals()
        return self._engine()

    def close(self) -> None:
        """Stop the engine, if it is ours.

        Waits a few seconds at most: the server may be gone, and the client would go on asking for it for minutes.
        """
        if self._own is None:
            return
        stopping = threading.Thread(target=self._stop, daemon=True)
        stopping.start()
        stopping.join(_PATIENCE)

    def _stop(self) -> None:
        if self._warming is not None:
            self._warming.join()
        own, self._own = self._own, None
        if own is not None:
            with contextlib.suppress(Exception):
                own.stop()

    def _start(self) -> None:
        # The step that uses the session meets the same failure and reports it.
        with contextlib.suppress(Exception):
            _ = self._engine().session

    def _engine(self) -> Engine:
        if self._given is not None:
            return self._given
        if self._own is None:
            from vertebra.engine import start

            settings = self._project.settings
            self._own = start(settings.engine, settings.memory, spilling_joins=self._spilling)
        return self._own
