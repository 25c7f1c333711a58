"""Keeps the models that are served the champions of their analyses, while runs and people change them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vertebra.errors import VertebraError
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.promotions import champions
from vertebra.serve.batching import Batcher
from vertebra.serve.served_model import ServedModel, champion_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.analysis import Analysis
    from vertebra.declare.project import Project
    from vertebra.lake.catalog import Lake

_LEDGERS: Final = ("models", "promotions")


@dataclass(frozen=True)
class Served:
    """A model with the queue of its requests."""

    model: ServedModel
    batcher: Batcher


class ChampionWatch:
    """The models of a server, by analysis.

    A thread looks every few seconds for other champions; a new one replaces the old when it is loaded. If it cannot be
    loaded, the old one goes on to answer, and :meth:`state` says why.

    Args:
        analyses: those that are served.
        every: seconds between two looks.
    """

    def __init__(self, project: Project, lake: Lake, analyses: Sequence[Analysis], every: float = 2.0) -> None:
        self._project, self._lake, self._every = project, lake, every
        self._analyses = {one.name: one for one in analyses}
        self._served: dict[str, Served] = {}
        self._errors: dict[str, str] = {}
        self._seen: object = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="champions", daemon=True)

    @property
    def names(self) -> list[str]:
        """The analyses that are served."""
        return list(self._analyses)

    def start(self) -> None:
        """Load the champions, and go on to look for others."""
        self.look()
        self._thread.start()

    def close(self) -> None:
        """End the threads."""
        self._ended.set()
        for served in self._served.values():
            served.batcher.close()

    def served(self, name: str) -> Served | None:
        """The model of an analysis; None if it has none that can answer."""
        return self._served.get(name)

    def models(self) -> list[ServedModel]:
        """The models that are served."""
        return [one.model for one in self._served.values()]

    def state(self, name: str) -> dict[str, str]:
        """The version that answers, and why a newer one does not."""
        served = self._served.get(name)
        found = {"model": served.model.name, "version": served.model.version} if served else {}
        return found | ({"error": self._errors[name]} if name in self._errors else {})

    def look(self) -> None:
        """Load champions that changed; cheap if no ledger did."""
        now = self._ledger_files()
        if now == self._seen:
            return
        ledgers = Ledgers(self._lake)
        for name, analysis in self._analyses.items():
            served = self._served.get(name)
            version = champions(ledgers, name).version
            if served is None or version != served.model.version:
                self._load(analysis)
        self._seen = now

    def _load(self, analysis: Analysis) -> None:
        try:
            model = champion_model(self._project, self._lake, analysis)
        except (VertebraError, OSError) as error:
            self._errors[analysis.name] = error.fact if isinstance(error, VertebraError) else str(error)
            return
        before = self._served.get(analysis.name)
        self._served[analysis.name] = Served(model, Batcher(lambda rows: (model.predict(rows), model.version)))
        self._errors.pop(analysis.name, None)
        if before is not None:
            before.batcher.close()

    def _ledger_files(self) -> tuple[Any, ...]:
        """What tells whether a ledger got another version, without reading it."""
        logs = [self._lake.table(f"governance.{name}").path / "_delta_log" for name in _LEDGERS]
        return tuple(log.stat().st_mtime_ns if log.is_dir() else 0 for log in logs)

    def _watch(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self.look()
            except Exception as error:  # a ledger that is being written, or a disk that is full, must not end the watch
                for name in self._analyses:
                    self._errors[name] = f"champions could not be looked up: {error}"
