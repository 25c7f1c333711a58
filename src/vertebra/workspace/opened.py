"""An open project: its declarations, its lake and its engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from vertebra.declare.broken import BrokenDeclaration
    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine


class OpenProject:
    """The open project that every use case works on.

    Args:
        project: the declarations.
        load: loads the declarations again, with the same arguments.

    Attributes:
        project: the declarations.
        lake: the lake with the tables.
        ledgers: the lake's metadata.
    """

    def __init__(self, project: Project, load: Callable[[], Project] | None = None) -> None:
        from vertebra.governance.ledgers import Ledgers
        from vertebra.lake.catalog import Lake

        self.project = project
        self.lake = Lake(project.lake)
        self.ledgers = Ledgers(self.lake)
        self._load = load or (lambda: project)
        self._engine: Engine | None = None

    @property
    def broken(self) -> tuple[BrokenDeclaration, ...]:
        """Declarations that are broken, or that read a broken one; a project that is opened strictly has none.

        Example:
            >>> project.broken
            ()
        """
        return self.project.broken

    @property
    def engine(self) -> Engine:
        """The engine of the project. It starts when first needed and runs until :meth:`close`."""
        if self._engine is None:
            from vertebra.engine import start

            self._engine = start(self.project.settings.engine, self.project.settings.memory)
        return self._engine

    def close(self) -> None:
        """Stop the engine. A ``with`` block does this at its end."""
        if self._engine is not None:
            self._engine.stop()
            self._engine = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Vertebra project {self.project.settings.name} at {self.project.root}>"
