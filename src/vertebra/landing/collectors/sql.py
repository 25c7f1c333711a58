"""Collect a table or a query of a database in one transaction; with a cursor, only new rows."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from pydantic import Field, SecretStr, field_validator, model_validator

from vertebra.declare.source import Source
from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.databases.bounds import Bounds, Form, bounded
from vertebra.landing.databases.cursor import MAX_TIES, Cursor, family, like, newest_value, row_hash
from vertebra.landing.databases.database import Database
from vertebra.landing.port import Collector, Item, Payload, Request, Transfer, Unchanged, Warned
from vertebra.landing.value_text import text_of
from vertebra.landing.watermark import CLOCK_DIFFERENCE, cursor_column, is_future

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa
    from sqlalchemy import Connection

    from vertebra.declare.dataset import Dataset

_ROWS: Final = 10_000


_DIALECTS: Final = ("postgresql", "mysql", "mariadb", "sqlite")

_SELECTS: Final = re.compile(
    r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:select|with|values|table)\b", re.IGNORECASE | re.DOTALL
)
"""How a query begins: after comments and brackets."""


class Sql(Source):
    """A table or a query of PostgreSQL, MySQL or SQLite, read in one transaction.

    Attributes:
        database: SQLAlchemy URL: ``postgresql://user:${PASSWORD}@host/name``, ``mysql://…``, or ``sqlite:///path`` in
            the project.
        table: table or view, with its schema: ``public.trips``.
        query: a SELECT, in place of ``table``.
        cursor: a column that rises with every insert (and update, with ``load: upsert``); only rows at or above the
            newest value landed are read again. Rows without a value are not read. Without it, each collection reads
            everything.
    """

    payload_formats = ("parquet",)

    database: SecretStr
    table: str | None = Field(default=None, min_length=1)
    query: str | None = Field(default=None, min_length=1)
    cursor: str | None = Field(default=None, min_length=1)

    @field_validator("database")
    @classmethod
    def _known_dialect(cls, value: SecretStr) -> SecretStr:
        found = re.match(r"([a-z]+)(\+[a-z0-9_]+)?://", value.get_secret_value())
        if found is None or found[1] not in _DIALECTS:
            raise ValueError(
                "this is not the address of a known database; begin it with postgresql://, mysql:// or sqlite:///"
            )
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Sql:
        if (self.table is None) == (self.query is None):
            raise ValueError("it needs one of table and query; write table: NAME or query: SELECT …")
        if self.query is not None and not _SELECTS.match(self.query):
            raise ValueError("query: is not a SELECT; write a SELECT, because sources are only read")
        return self

    def secrets(self) -> Iterator[str]:
        """The address, and its password as it is written in the address and as the database gets it."""
        yield from super().secrets()
        password = re.search(r"://[^/?#]*?:(?P<password>[^/?#]*)@", self.database.get_secret_value())
        if password:
            yield password["password"]
            yield unquote(password["password"])


class SqlCollector(Collector):
    """``from: sql``: the payload is a Parquet file of the rows, every value as text.

    Numbers are written in full, times in ISO 8601, bytes in hexadecimal, arrays and objects as JSON.
    """

    name = "sql"
    declaration = Sql
    example = """\
source: operations
collect:
  from: sql
  database: postgresql://reader:${OPS_PASSWORD}@db.example.org/ops
  table: public.trips
  cursor: updated_at
  every: "@hourly"
load: upsert
columns: {id: bigint, updated_at: timestamp, distance: double}
key: [id]
"""

    def collect(self, request: Request) -> Iterator[Item]:
        """Give the rows as one payload; if a cursor is declared, those at or above the newest value landed.

        Raises:
            CollectError: the database cannot be read.
        """
        source = request.declared(Sql)
        database = Database.of(
            source.database.get_secret_value(), request.project_root, f"dataset {request.dataset.name}"
        )
        with database.snapshot() as connection:
            yield from _Read(source, request, database, connection).items()

    def check_cursor(self, value: str, dataset: Dataset, cursor: str | None) -> None:
        """Check that a value is of the type of the cursor so far."""
        source = dataset.collect
        if not isinstance(source, Sql) or source.cursor is None:
            super().check_cursor(value, dataset, cursor)
        kept = Cursor.from_text(cursor) if cursor is not None else None
        if kept is not None and kept.column in (None, getattr(source, "cursor", None)):
            like(value, kept.value, dataset.name)

    def shown_cursor(self, cursor: str) -> str | None:
        """The newest value of the cursor column."""
        return newest_value(cursor)


@dataclass
class _Read:
    source: Sql
    request: Request
    database: Database
    connection: Connection
    _ties: Counter[str] = field(default_factory=Counter, init=False)
    _newest: Any = field(default=None, init=False)
    _tied: int = field(default=0, init=False)
    _future: int = field(default=0, init=False)
    _latest: Any = field(default=None, init=False)
    _at_watermark: int = field(default=0, init=False)
    _form: Form | None = field(default=None, init=False)

    def items(self) -> Iterator[Item]:
        url = self.database.shown(self.source.table, self.source.query)
        self.request.progress(f"reading {url}")
        before = None
        file = self.request.staging / "rows.parquet"
        if self.source.cursor is not None:
            bounds = Bounds.of(self.database, self.connection, self.source, self.request)
            yield from bounds.warnings()
            before = bounds.before()
            self._form = bounds.form()
            if bounds.highest is None:
                yield Unchanged(url)
                return
        rows, content = self._write(file, before, url)
        cursor = None
        if self.source.cursor is not None:
            if before is None or not bounds.went_back(before):
                yield from self._warnings(before)
            if not rows:
                yield Unchanged(url)
                return
            cursor = self._cursor(before).to_text()
        headers = {"database": self.database.dialect}
        yield Payload(
            file,
            url,
            headers=headers,
            cursor=cursor,
            file_name="rows.parquet",
            expected_records=rows,
            content_hash=content,
        )

    def _cursor(self, before: Cursor | None) -> Cursor:
        """Where the next collection continues: the newest value that is not in the future."""
        newest = self._newest
        if newest is None:
            newest = before.value if before is not None else bounded(self._latest, self.request.now)
        elif before is not None and not self._tied:
            newest = before.value
        return Cursor(newest, self._ties, self.source.cursor)

    def _warnings(self, before: Cursor | None) -> Iterator[Warned]:
        name, cursor = self.request.dataset.name, self.source.cursor
        if self._future and is_future(self._latest, self.request.now + CLOCK_DIFFERENCE, self._zone):
            yield Warned(
                f"{counted(self._future, 'row has', 'rows have')} a {cursor} in the future, "
                f"up to {text_of(self._latest)}; the watermark stays below it",
                cause="rows that are written before that time would never be collected",
                remedy="correct the value at the source",
            )
        checked = self.request.dataset.load == "append" or (before is not None and family(before.value) == "number")
        if before is not None and before.ties and checked and not self._at_watermark:
            yield Warned(
                f"the row at the watermark {text_of(before.value)} is gone or was changed",
                cause="the table may have been reloaded, and rows below the watermark are not collected",
                remedy=f"vertebra collect {name} --reset-cursor VALUE, the lowest {cursor} that is missing",
            )

    @property
    def _zone(self) -> str | None:
        column = cursor_column(self.request.dataset, self.source.cursor or "")
        return column.zone if column else None

    def _write(self, file: Path, before: Cursor | None, url: str) -> tuple[int, str]:
        """Write the rows as they arrive. Returns their number and the hash of their texts."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        given = {"newest": before.value} if before is not None else {}
        result = self.database.run(self.connection, self._query(before), given)
        names = list(result.keys())
        self._refuse_doubles(names)
        place = names.index(self.source.cursor) if self.source.cursor is not None else None
        seen = Counter(before.ties) if before else Counter[str]()
        hasher, count = hashlib.sha256("\0".join(names).encode()), 0
        schema = pa.schema([pa.field(name, pa.string()) for name in names])
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for rows in self.database.partitions(result, _ROWS):
                new = rows if place is None else self._new_rows(rows, place, before, seen)
                if not new:
                    continue
                batch = _as_text(new, schema)
                _add(hasher, batch)
                writer.write_batch(batch)
                count += batch.num_rows
                self.request.transferred(Transfer(url, file.stat().st_size))
        self._refuse_many_ties()
        return count, hasher.hexdigest()

    def _query(self, before: Cursor | None) -> str:
        relation = self.database.relation(self.source.table, self.source.query)
        if self.source.cursor is None:
            return f"SELECT * FROM {relation}"
        column = self.database.quoted(self.source.cursor)
        since = f" WHERE {column} >= :newest" if before is not None else f" WHERE {column} IS NOT NULL"
        return f"SELECT * FROM {relation}{since} ORDER BY {column}"

    def _new_rows(
        self, rows: Sequence[Sequence[Any]], place: int, before: Cursor | None, seen: Counter[str]
    ) -> list[Sequence[Any]]:
        """The rows that are not landed yet. Remembers those with the newest value, because more may follow."""
        new, zone, now = [], self._zone, self.request.now
        upsert = self.request.dataset.load != "append"
        for row in rows:
            value = row[place]
            hashed = row_hash(row)
            if value != self._latest:
                self._latest = value
                if self._form is not None:
                    self._form.check(value)
                if is_future(value, now, zone):
                    # landed and remembered, but the watermark stays below it
                    self._future += 1
                elif value != self._newest:
                    self._newest, self._tied = value, 0
                    self._ties.clear()
            elif self._future:
                self._future += 1
            self._tied += 1
            if self._tied <= MAX_TIES:
                self._ties[hashed] += 1
            at_watermark = before is not None and value == before.value
            self._at_watermark += at_watermark and (upsert or seen[hashed] > 0)
            if seen[hashed] > 0:
                seen[hashed] -= 1
                continue
            new.append(row)
        return new

    def _refuse_many_ties(self) -> None:
        if self._tied > MAX_TIES:
            raise CollectError(
                f"more than {MAX_TIES:,} rows have {self.source.cursor} = {self._newest}, the newest value"
                + (f", or one in the future, up to {text_of(self._latest)}" if self._future else ""),
                cause="the receipt keeps the hashes of the landed rows with the newest value",
                remedy="choose a finer cursor, such as a serial number or a time with fractions of seconds",
            )

    def _refuse_doubles(self, names: list[str]) -> None:
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise CollectError(
                f"the query has several columns named {double}",
                cause="column names must be unique",
                remedy=f"name them in the query: SELECT a.{double} AS a_{double}, …",
            )
        if self.source.cursor is not None and self.source.cursor not in names:
            raise CollectError(
                f"there is no column {self.source.cursor}",
                cause=f"the columns are {', '.join(names[:12])}",
                remedy="correct collect.cursor",
            )


def _as_text(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [pa.array(map(text_of, column), pa.string()) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _add(hasher: Any, batch: pa.RecordBatch) -> None:
    for column in batch.columns:
        for buffer in column.buffers():
            hasher.update(buffer if buffer is not None else b"-")


COLLECTOR: Final = SqlCollector()
