"""The Python API: a project opened for work in a notebook or a program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType

    import duckdb
    import pandas as pd
    import pyarrow as pa

    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine
    from vertebra.governance.context import Progress
    from vertebra.pipeline.plan import PlannedStep
    from vertebra.pipeline.progress import Console, RunReport
    from vertebra.trusted.discover import Kind, Proposal
    from vertebra.workspace.tables import TableHandle
    from vertebra.workspace.why import Explanation


def open_project(path: str | Path = ".", profile: str | None = None, engine: str | None = None) -> Workspace:
    """Open a project.

    Args:
        path: the project's folder, or one inside it.
        profile: one of the profiles in ``vertebra.yaml``.
        engine: ``sail`` or ``sc://host:port``, in place of the declared one.

    Raises:
        DeclarationError: there is no project, or a declaration is wrong.
    """
    from vertebra.declare.load import find_project, load_project

    return Workspace(load_project(find_project(Path(path)), profile, engine))


class Workspace:
    """An open project: its tables, queries, plan and runs. The engine starts when first needed."""

    def __init__(self, project: Project) -> None:
        from vertebra.governance.ledgers import Ledgers
        from vertebra.lake.catalog import Lake

        self.project = project
        self.lake = Lake(project.lake)
        self.ledgers = Ledgers(self.lake)
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine of the project; stays up until :meth:`close`."""
        if self._engine is None:
            from vertebra.engine import start

            self._engine = start(self.project.settings.engine, self.project.settings.memory)
        return self._engine

    def tables(self) -> list[str]:
        """The qualified names of all tables and ledgers."""
        from vertebra.workspace.tables import table_names

        return table_names(self.lake)

    def table(self, name: str, version: int | None = None) -> TableHandle:
        """A table by its qualified name, at a version or at the latest.

        Raises:
            LakeError: there is no such table.
        """
        from vertebra.workspace.tables import TableHandle

        return TableHandle(self.lake, name, version, lambda: self.engine)

    def sql(self, statement: str) -> QueryResult:
        """Ask the lake in DuckDB's SQL; schemas are the zones, and ``governance``.

        Raises:
            SqlError: the query is refused.
        """
        from vertebra.workspace.sql import query

        return QueryResult(query(self.lake, statement))

    def plan(self, select: str = "", exclude: str = "", full_refresh: bool = False) -> list[PlannedStep]:
        """What :meth:`run` would do, and why; nothing is collected or written."""
        from vertebra.pipeline.plan import plan_project

        return plan_project(self.project, [select], [exclude], full_refresh)

    def run(
        self,
        select: str = "",
        exclude: str = "",
        full_refresh: bool = False,
        wait: float = 0,
        console: Console | None = None,
    ) -> RunReport:
        """Bring the selected steps up to date; see :func:`vertebra.pipeline.run.run`.

        Raises:
            KeyboardInterrupt: the run was interrupted; what it committed is kept.
        """
        from vertebra.pipeline.context import RunOptions
        from vertebra.pipeline.run import run

        options = RunOptions([select], [exclude], full_refresh, wait)
        report = run(self.project, options, console=console, engine=self.engine)
        if report.state == "interrupted":
            raise KeyboardInterrupt
        return report

    def why(self, table: str, rid: int | None = None, column: str | None = None) -> Explanation:
        """What a table follows from, or where a row or a cell comes from: back to the record that was received."""
        from vertebra.workspace.why import explain

        return explain(self.project, self.lake, self.ledgers, table, rid, column)

    def discover(
        self,
        table: str,
        limit: int = 20,
        sample: int = 4_000,
        kinds: Collection[Kind] = (),
        declared: bool = True,
        progress: Progress | None = None,
    ) -> list[Proposal]:
        """Propose rules for a table, e.g. ``trusted.flights``; see :func:`vertebra.workspace.discover.discover`.

        Raises:
            DeclarationError: there is no such dataset.
            LakeError: the table was not written yet.
        """
        from vertebra.governance.context import silent
        from vertebra.workspace.discover import discover

        return discover(self, table, limit, sample, kinds, declared, progress or silent)

    def close(self) -> None:
        """Stop the engine."""
        if self._engine is not None:
            self._engine.stop()
            self._engine = None

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Vertebra project {self.project.settings.name} at {self.project.root}>"


class QueryResult:
    """The answer to a query; read when a form of it is asked for."""

    def __init__(self, relation: duckdb.DuckDBPyRelation) -> None:
        self._relation = relation

    def limit(self, rows: int) -> QueryResult:
        """The first rows only."""
        return QueryResult(self._relation.limit(rows))

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """As a DuckDB relation."""
        return self._relation

    def arrow(self) -> pa.Table:
        """As an Arrow table.

        Raises:
            SqlError: a value cannot be computed.
        """
        from vertebra.workspace.sql import fetch

        return fetch(self._relation)

    def pandas(self) -> pd.DataFrame:
        """As a pandas data frame."""
        return self.arrow().to_pandas()

    def rows(self) -> list[dict[str, Any]]:
        """As dictionaries, one per row."""
        rows: list[dict[str, Any]] = self.arrow().to_pylist()
        return rows

    def __repr__(self) -> str:
        return str(self._relation.limit(20))
