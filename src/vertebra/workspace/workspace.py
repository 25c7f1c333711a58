"""The Python interface: open a project and use everything that the command line offers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vertebra.workspace.lake_methods import LakeMethods
from vertebra.workspace.model_methods import ModelMethods
from vertebra.workspace.removal_methods import RemovalMethods
from vertebra.workspace.rule_methods import RuleMethods
from vertebra.workspace.run_methods import RunMethods

if TYPE_CHECKING:
    from vertebra.declare.project import Project
    from vertebra.workspace.decisions import Decisions, Quarantine
    from vertebra.workspace.matches import Matches
    from vertebra.workspace.repairs import Repairs


def open_project(
    path: str | Path = ".", profile: str | None = None, engine: str | None = None, *, strict: bool = True
) -> Workspace:
    """Open a project.

    Args:
        path: the project's folder, or one inside it.
        profile: one of the profiles in ``vertebra.yaml``; its ``default_profile`` by default.
        engine: ``sail`` or ``sc://host:port``, in place of the declared engine.
        strict: raise an error if a declaration is broken. With False, the project opens without broken declarations and
            those that read them; ``project.broken`` lists them, and a run reports their steps as failed or skipped.

    Raises:
        DeclarationError: there is no project, or a declaration is broken.

    Example:
        >>> project = vertebra.open(folder)
        >>> project.tables()[:2]
        ['formatted.orders', 'trusted.orders']
    """
    from vertebra.declare.load import find_project, load_project

    root = find_project(Path(path))

    def load() -> Project:
        return load_project(root, profile, engine)

    return Workspace(load() if strict else load_project(root, profile, engine, strict=False), load)


class Workspace(RunMethods, LakeMethods, RemovalMethods, RuleMethods, ModelMethods):
    """An open project, as :func:`vertebra.open` returns it.

    Methods are named after the commands: ``vertebra run`` is :meth:`run`, ``vertebra ls sources`` is :meth:`sources`,
    ``vertebra repairs undo`` is ``repairs.undo``. The engine starts when first needed and runs until :meth:`close`.

    Example:
        >>> with vertebra.open(folder) as project:
        ...     report = project.run()
        ...     project.table("trusted.orders").rows()
        9
    """

    @property
    def quarantine(self) -> Quarantine:
        """Rows that cleaning took out: list them, release them."""
        from vertebra.workspace.decisions import Quarantine

        return Quarantine(self.project, self.lake, self.ledgers)

    @property
    def repairs(self) -> Repairs:
        """Cells that cleaning changed: list them, undo them, set your own values."""
        from vertebra.workspace.repairs import Repairs

        return Repairs(self.project, self.lake, self.ledgers)

    @property
    def matches(self) -> Matches:
        """Matches of entity resolutions: review, decide, measure and explain them."""
        from vertebra.workspace.matches import Matches

        return Matches(self.project, self.lake, self.ledgers)

    @property
    def decisions(self) -> Decisions:
        """Decisions of people: list them, accept violations, withdraw decisions."""
        from vertebra.workspace.decisions import Decisions

        return Decisions(self.project, self.lake, self.ledgers)
