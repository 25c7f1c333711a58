"""Methods of a project that read its lake and keep it in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.workspace.opened import OpenProject

if TYPE_CHECKING:
    from datetime import datetime

    from vertebra.lake.commit import TableVersion
    from vertebra.lake.verify import Verification
    from vertebra.workspace.explanation import Explanation
    from vertebra.workspace.listing import TableInfo
    from vertebra.workspace.maintain import GarbageReport
    from vertebra.workspace.query_result import QueryResult
    from vertebra.workspace.repair import RepairReport
    from vertebra.workspace.tables import TableHandle


class LakeMethods(OpenProject):
    """Tables, SQL, history, lineage, restoring and garbage collection."""

    def tables(self) -> list[str]:
        """Return the qualified names of all tables and ledgers.

        Example:
            >>> [name for name in project.tables() if not name.startswith("governance.")]
            ['formatted.orders', 'trusted.orders', 'exploitation.sales_by_city']
        """
        from vertebra.workspace.tables import table_names

        return table_names(self.lake)

    def table_infos(self) -> list[TableInfo]:
        """Return the version, rows and writer of every table that was written, without those of retired datasets.

        Example:
            >>> [(one.table, one.rows) for one in project.table_infos() if one.table.startswith("trusted.")]
            [('trusted.orders', 9)]
        """
        from vertebra.workspace.listing import list_tables

        return list_tables(self.project, self.lake, self.ledgers)

    def table(self, name: str, version: int | None = None) -> TableHandle:
        """Return a table, which you can read as Arrow, pandas, Spark or DuckDB.

        Args:
            name: its qualified name, e.g. ``trusted.flights``; a bare name that is in one zone only is enough.
            version: the version to read; None reads the latest.

        Raises:
            LakeError: there is no such table or version.

        Example:
            >>> orders = project.table("trusted.orders")
            >>> orders.rows()
            9
            >>> orders.head(1, columns=["order_id", "city"]).to_pylist()
            [{'order_id': ..., 'city': '...'}]
            >>> sorted(orders.pandas()["city"].unique())
            ['Alicante', 'Barcelona', 'Madrid']
        """
        from vertebra.workspace.tables import TableHandle

        return TableHandle(self.lake, name, version, lambda: self.engine)

    def history(self, table: str, limit: int | None = None) -> list[TableVersion]:
        """Return the versions of a table, newest first.

        Args:
            table: its qualified name.
            limit: how many at most; None returns all.

        Raises:
            LakeError: there is no such table.

        Example:
            >>> [(entry.version, entry.step) for entry in project.history("exploitation.sales_by_city")]
            [(0, 'exploitation.sales_by_city')]
        """
        return self.table(table).history(limit)

    def sql(self, statement: str) -> QueryResult:
        """Query the lake in DuckDB's SQL. The schemas are the zones and ``governance``; no engine is started.

        Args:
            statement: one SELECT. ``landing.<dataset>`` has the records of all batches as text, with ``_batch``.

        Raises:
            SqlError: the query is refused.
            LakeError: it names a table that does not exist.

        Example:
            >>> project.sql("select city, count(*) as orders from trusted.orders group by city order by city").rows()
            [{'city': 'Alicante', 'orders': 2}, {'city': 'Barcelona', 'orders': 4}, {'city': 'Madrid', 'orders': 3}]
        """
        from vertebra.workspace.query_result import QueryResult
        from vertebra.workspace.sql import query

        return QueryResult(query(self.lake, statement))

    def why(
        self, table: str, rid: int | None = None, column: str | None = None, where: str | None = None
    ) -> Explanation:
        """Explain the origin of a table, a column, a row or a cell, back to the received record.

        Args:
            table: its qualified name.
            rid: the row's ``_rid``; None explains the table or the column.
            column: one column; None explains all of the row.
            where: a condition in SQL that selects rows, for tables whose rows have no ``_rid``.

        Returns:
            The links from the table, column, row or cell to the data that was received.

        Raises:
            LakeError: there is no such table, row or column, or the rows of the table have no ``_rid``.
            SqlError: the condition is wrong.

        Example:
            >>> cell = project.repairs.list("orders").items[0]
            >>> [link.kind for link in project.why("trusted.orders", cell.rid, cell.column_name).links]
            ['trusted', 'repair', 'violation', 'formatted', 'formatted', 'landing', 'batch']
        """
        from vertebra.workspace.why import explain

        return explain(self.project, self.lake, self.ledgers, table, rid, column, where)

    def restore(self, table: str, version: int) -> int:
        """Restore a table to an earlier version; later versions stay in its history.

        The next run of its step brings the table back to what is declared.

        Args:
            table: its qualified name.
            version: the version to make current again.

        Returns:
            The new version.

        Raises:
            LakeError: there is no such table or version.
            BusyError: another run holds the lake.

        Example:
            >>> report = project.run("trusted.orders", full_refresh=True)
            >>> project.table("trusted.orders").latest_version()
            1
            >>> project.restore("trusted.orders", 0)
            2
        """
        from vertebra.workspace.maintain import restore

        return restore(self.project, self.lake, table, version)

    def gc(self, keep: str | None = None, dry_run: bool = False) -> GarbageReport:
        """Delete files that no version, model or run refers to, and merge small files.

        Kept are every version younger than ``keep``, the newest data, the training and test sets of every recorded
        model, and what recent runs and the last good run of each step read and wrote.

        Args:
            keep: how long versions stay, e.g. ``7 days``; the project's retention by default.
            dry_run: report what would be freed and free nothing.

        Raises:
            VertebraError: ``keep`` is not a duration.
            BusyError: another run holds the lake.

        Example:
            >>> project.gc(keep="7 days", dry_run=True).files
            0
        """
        from vertebra.workspace.maintain import free_garbage

        return free_garbage(self.project, self.lake, self.ledgers, self.kept_since(keep), dry_run)

    def verify(self) -> Verification:
        """Check that payloads, records, receipts, log entries and current data files have the bytes that were written.

        Reads all their bytes.

        Example:
            >>> found = project.verify()
            >>> found.ok, found.damage
            (True, ())
        """
        from vertebra.lake.verify import verify

        return verify(self.lake)

    def repair(self) -> RepairReport:
        """Rebuild damaged files from undamaged ones; run the project afterwards.

        Records are parsed again from their payload. Tables go back to their last undamaged version, and the next run
        computes them again. Ledgers are rebuilt from receipts and commits. Damaged files are moved to ``.damaged`` in
        the lake. Payloads and receipts cannot be rebuilt: restore them from a backup.

        Raises:
            BusyError: another run holds the lake.
            LakeError: the lake belongs to another project.

        Example:
            >>> report = project.repair()
            >>> report.ok, report.repairs
            (True, ())
        """
        from vertebra.workspace.repair import repair

        return repair(self.project, self.lake, self.ledgers)

    def kept_since(self, keep: str | None = None) -> datetime:
        """Return the time, UTC, since which :meth:`gc` keeps every version.

        Args:
            keep: how long versions stay; the project's retention by default.

        Raises:
            VertebraError: ``keep`` is not a duration.

        Example:
            >>> project.kept_since("7 days") < project.kept_since("1 hour")
            True
        """
        from vertebra.workspace.maintain import kept_since

        return kept_since(self.project, keep)
