"""Handles on tables: the same table as a Spark frame, Arrow, pandas or a DuckDB relation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.errors import LakeError
from vertebra.formatting import shortened
from vertebra.governance.schemas import LEDGERS
from vertebra.suggestions import did_you_mean, did_you_mean_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import duckdb
    import pandas as pd
    import pyarrow as pa
    import pyarrow.dataset as pads
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.lake.catalog import Lake
    from vertebra.lake.commit import TableVersion


def table_names(lake: Lake) -> list[str]:
    """The names of all tables that were written, and of all ledgers."""
    written = [table.name for table in lake.tables()]
    return [*written, *(name for ledger in LEDGERS if (name := f"governance.{ledger}") not in written)]


def existing(lake: Lake, name: str) -> str:
    """The qualified name of a table that exists; a bare name is looked up in all zones.

    Raises:
        LakeError: there is no such table, or the bare name is in several zones.
    """
    known = table_names(lake)
    if name in known:
        return name
    found = [candidate for candidate in known if candidate.partition(".")[2] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise LakeError(f"{name} is in several zones", remedy=f"write {' or '.join(found)}")
    raise unknown_table(name, known)


def unknown_table(name: str, known: Sequence[str]) -> LakeError:
    """The error of a table that the lake does not have.

    Args:
        known: the names of its tables.
    """
    otherwise = "vertebra ls tables" if known else "vertebra run"
    return LakeError(
        f"there is no table {name}",
        cause="no step has written it yet, or the name is misspelled",
        remedy=did_you_mean_table(name, known, otherwise),
    )


class TableHandle:
    """One table at one version, to read as Spark frame, Arrow, pandas or DuckDB; creating it reads no rows.

    Args:
        lake: the lake with the table.
        name: its qualified name, or a bare name that is in one zone only.
        version: the version to read; None reads the latest.
        engine: called when a Spark frame is requested.

    Raises:
        LakeError: there is no such table or version.

    Example:
        >>> orders = project.table("trusted.orders")
        >>> orders
        <table trusted.orders: .spark() .arrow() .pandas() .duckdb()>
        >>> orders.columns()
        ['_rid', 'order_id', 'ordered_on', 'postcode', 'city', 'amount']
        >>> orders.duckdb().aggregate("max(amount)").fetchall()
        [(Decimal('80.00'),)]
    """

    def __init__(self, lake: Lake, name: str, version: int | None, engine: Callable[[], Engine]) -> None:
        self.name = existing(lake, name)
        self.version = version
        self._table = lake.table(self.name)
        self._engine = engine
        if version is not None:
            self._table.delta(version)  # refuses a version that does not exist

    def spark(self) -> DataFrame:
        """Return the table as a Spark DataFrame of the project's engine."""
        return self._table.frame(self._engine(), self.version)

    def dataset(self) -> pads.Dataset:
        """Return the table as an Arrow dataset, which is read lazily."""
        if not self._table.exists():
            import pyarrow.dataset as pads

            return pads.dataset(LEDGERS[self.name.partition(".")[2]].empty_table())
        return self._table.arrow(self.version)

    def arrow(self) -> pa.Table:
        """Return the table as an Arrow table, in memory."""
        return self.dataset().to_table()

    def pandas(self) -> pd.DataFrame:
        """Return the table as a pandas data frame, in memory."""
        return self.arrow().to_pandas()

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """Return the table as a DuckDB relation, which is read lazily."""
        import duckdb

        return duckdb.connect().from_arrow(self.dataset())

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        names: list[str] = self.dataset().schema.names
        return names

    def head(self, limit: int = 20, columns: Sequence[str] = ()) -> pa.Table:
        """Return the first rows as an Arrow table.

        Args:
            limit: how many rows at most.
            columns: names of columns; all by default.

        Raises:
            LakeError: the table has no such column.
        """
        known = self.columns()
        for name in columns:
            if name not in known:
                raise LakeError(
                    f"{self.name} has no column {name}",
                    remedy=did_you_mean(name, known, f"its columns are {shortened(known)}"),
                )
        return self.dataset().head(limit, columns=list(columns) or known)

    def latest_version(self) -> int:
        """Return the number of the latest version.

        Raises:
            LakeError: nothing was written yet.
        """
        return self._table.version()

    def rows(self) -> int:
        """Return the number of rows, from the log; no file is read."""
        return self._table.rows(self.version) if self._table.exists() else 0

    def history(self, limit: int | None = None) -> list[TableVersion]:
        """Return the versions, newest first.

        Args:
            limit: how many at most; None returns all.
        """
        return self._table.history(limit) if self._table.exists() else []

    def __repr__(self) -> str:
        at = "" if self.version is None else f" at version {self.version}"
        return f"<table {self.name}{at}: .spark() .arrow() .pandas() .duckdb()>"
