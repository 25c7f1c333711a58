"""The result of an SQL query, as DuckDB relation, Arrow table, pandas data frame or rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa


class QueryResult:
    """The result of a query. Each method runs the query; nothing runs before the first call.

    Example:
        >>> result = project.sql("select city, count(*) as orders from trusted.orders group by city order by city")
        >>> result.limit(2).rows()
        [{'city': 'Alicante', 'orders': 2}, {'city': 'Barcelona', 'orders': 4}]
        >>> int(result.pandas()["orders"].sum())
        9
    """

    def __init__(self, relation: duckdb.DuckDBPyRelation) -> None:
        self._relation = relation

    def limit(self, rows: int) -> QueryResult:
        """Return the first rows only.

        Args:
            rows: how many at most.
        """
        return QueryResult(self._relation.limit(rows))

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """Return the result as a DuckDB relation, which you can query further."""
        return self._relation

    def arrow(self) -> pa.Table:
        """Return the result as an Arrow table.

        Raises:
            SqlError: a value cannot be computed.
        """
        from vertebra.workspace.sql import fetch

        return fetch(self._relation)

    def pandas(self) -> pd.DataFrame:
        """Return the result as a pandas data frame.

        Raises:
            SqlError: a value cannot be computed.
        """
        return self.arrow().to_pandas()

    def rows(self) -> list[dict[str, Any]]:
        """Return the result as dictionaries, one per row.

        Raises:
            SqlError: a value cannot be computed.
        """
        rows: list[dict[str, Any]] = self.arrow().to_pylist()
        return rows

    def __repr__(self) -> str:
        return str(self._relation.limit(20))
