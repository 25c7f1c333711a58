"""The lowest and the highest value of a cursor column: whether a collection can continue from the watermark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID

from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.databases.cursor import Cursor, family, form, like
from vertebra.landing.port import Warned
from vertebra.landing.value_text import text_of
from vertebra.landing.watermark import CLOCK_DIFFERENCE, cursor_column, declared_kind, disorder, is_future, is_random

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from vertebra.landing.databases.database import Database
    from vertebra.landing.port import Request


_OTHER_CURSOR: Final = (
    "declare a cursor that rises, such as a number or the time at which a row is written, or collect the whole table: "
    "load: snapshot"
)


@dataclass(frozen=True)
class Form:
    """How the texts of a cursor column are written; those of another form would not be in the order of the others."""

    example: str
    cursor: str
    relation: str
    dialect: str

    def check(self, value: Any) -> None:
        """Refuse a text of another form.

        Raises:
            CollectError: it is of another form.
        """
        if form(value) != form(self.example):
            raise self.refused(value)

    def refused(self, other: str) -> CollectError:
        """The error for texts that are not in order."""
        by_character = (
            "a database compares texts character by character, so '10' comes before '9', and rows would be lost"
        )
        cast = cast_remedy(self.cursor, self.relation, self.dialect)
        return CollectError(
            f"the texts of {self.cursor} do not rise as what they mean: {self.example!r} and {other!r}",
            cause=disorder(self.example) or by_character,
            remedy=_OTHER_CURSOR if is_random(self.example) else cast,
        )


def cast_remedy(cursor: str, relation: str, dialect: str) -> str:
    """How to declare a cursor with a type."""
    number = "SIGNED" if dialect in ("mysql", "mariadb") else "BIGINT"
    return (
        f"declare a cursor of a type that rises: query: SELECT *, CAST({cursor} AS {number}) AS {cursor}_number FROM "
        f"{relation} (or AS TIMESTAMP), and cursor: {cursor}_number"
    )


class CursorSource(Protocol):
    """What a declaration says about a table or a query with a cursor."""

    @property
    def table(self) -> str | None:
        """The table, if it is one."""

    @property
    def query(self) -> str | None:
        """The query, if it is one."""

    @property
    def cursor(self) -> str | None:
        """The column that rises."""


@dataclass(frozen=True)
class Bounds:
    """The values of a cursor column.

    Attributes:
        lowest, highest: as the database orders them; None if no row has a value.
        nulls: number of rows without a value.
    """

    source: CursorSource
    request: Request
    lowest: Any
    highest: Any
    nulls: int
    dialect: str

    @classmethod
    def of(cls, database: Database, connection: Connection, source: CursorSource, request: Request) -> Bounds:
        """Read the bounds.

        Raises:
            CollectError: the values are of several types, or texts that do not rise as what they mean.
        """
        assert source.cursor is not None
        relation, column = database.relation(source.table, source.query), database.quoted(source.cursor)
        names = list(database.run(connection, f"SELECT * FROM {relation} WHERE 1 = 0").keys())
        if source.cursor not in names:
            raise CollectError(
                f"there is no column {source.cursor}",
                cause=f"the columns are {', '.join(names[:12])}",
                remedy="correct collect.cursor",
            )
        (nulls,) = database.run(connection, f"SELECT count(*) FROM {relation} WHERE {column} IS NULL").one()
        valued = f"SELECT {column} FROM {relation} WHERE {column} IS NOT NULL"
        ends = [
            database.run(connection, f"{valued} ORDER BY {column} {way} LIMIT 1").scalar() for way in ("ASC", "DESC")
        ]
        found = cls(source, request, ends[0], ends[1], nulls, database.dialect)
        found._refuse_unordered(database, connection)
        return found

    def form(self) -> Form | None:
        """How the texts are written; None if the values are no texts."""
        if not isinstance(self.highest, str):
            return None
        assert self.source.cursor is not None
        return Form(self.highest, self.source.cursor, self.source.table or "…", self.dialect)

    def before(self) -> Cursor | None:
        """Where the collection continues: from the landed cursor, or the value that a person set.

        Raises:
            CollectError: the landed cursor is that of another column, or of another type.
        """
        reset, name = self.request.reset, self.request.dataset.name
        if reset is not None:
            return Cursor(like(reset, self.highest, name), {}) if self.highest is not None else None
        kept = Cursor.from_text(self.request.cursor) if self.request.cursor is not None else None
        if kept is None:
            return None
        remedy = f"vertebra collect {name} --reset-cursor VALUE, the {self.source.cursor} to continue from"
        if kept.column not in (None, self.source.cursor):
            raise CollectError(
                f"the watermark {text_of(kept.value)} is one of {kept.column}",
                cause=f"collect.cursor is {self.source.cursor} now",
                remedy=remedy,
            )
        if self.highest is not None and family(kept.value) != family(self.highest):
            raise CollectError(
                f"the watermark {text_of(kept.value)} is a {family(kept.value)}",
                cause=f"{self.source.cursor} has values such as {text_of(self.highest)} now, a {family(self.highest)}",
                remedy=remedy,
            )
        found = self.form()
        if found is not None:
            found.check(kept.value)
        return kept

    def warnings(self) -> Iterator[Warned]:
        """What a person should know about the values."""
        cursor, name = self.source.cursor, self.request.dataset.name
        if self.nulls:
            yield Warned(
                f"{counted(self.nulls, 'row has', 'rows have')} no {cursor}: rejected, not collected",
                cause="a collection continues from its value",
                remedy="choose a cursor that is never NULL, or fill it at the source",
            )
        before = self.before()
        if before is None:
            return
        if self.went_back(before):
            yield self._went_back(before)
        column = cursor_column(self.request.dataset, cursor or "")
        if is_future(before.value, self.request.now + CLOCK_DIFFERENCE, column.zone if column else None):
            yield Warned(
                f"the watermark {text_of(before.value)} is in the future",
                cause="rows that are written before that time are not collected",
                remedy=f"vertebra collect {name} --reset-cursor VALUE, the time from which rows are missing",
            )

    def went_back(self, before: Cursor) -> bool:
        """Whether the table ends below the watermark."""
        try:
            return self.highest is None or bool(self.highest < before.value)
        except TypeError:  # the database has an order of such values, Python has not
            return False

    def _went_back(self, before: Cursor) -> Warned:
        name, cursor = self.request.dataset.name, self.source.cursor
        start = text_of(self.lowest) if self.lowest is not None else "VALUE"
        return Warned(
            f"the row at the watermark {text_of(before.value)} is gone: "
            + (
                f"the highest {cursor} is {text_of(self.highest)}" if self.highest is not None else "the table is empty"
            ),
            cause="the table was reloaded or restored, and rows below the watermark are not collected",
            remedy=f"vertebra collect {name} --reset-cursor {start}",
        )

    def _refuse_unordered(self, database: Database, connection: Connection) -> None:
        """Refuse values of several types, and texts that are not in the order of what they mean."""
        cursor = self.source.cursor
        assert cursor is not None
        if self.highest is not None and family(self.lowest) != family(self.highest):
            raise CollectError(
                f"{cursor} has values of several types: {text_of(self.lowest)} is a {family(self.lowest)}, "
                f"{text_of(self.highest)} a {family(self.highest)}",
                cause="the database orders them by type first, so rows would be lost",
                remedy=cast_remedy(cursor, self.source.table or "…", database.dialect),
            )
        if isinstance(self.highest, UUID) and is_random(str(self.highest)):
            written = Form(str(self.highest), cursor, self.source.table or "…", self.dialect)
            raise written.refused(str(self.lowest))
        found = self.form()
        if found is None:
            return
        kind = form(self.highest)[0]
        declared = declared_kind(cursor_column(self.request.dataset, cursor))
        if (kind == "number" and declared != "time") or (kind == "text" and not form(self.highest)[2]):
            raise found.refused(self.lowest)
        found.check(self.lowest)
        if kind == "time" and not form(self.highest)[3]:
            return
        relation, column = database.relation(self.source.table, self.source.query), database.quoted(cursor)
        lengths = f"SELECT min(length({column})), max(length({column})) FROM {relation} WHERE {column} IS NOT NULL"
        shortest, longest = list(database.run(connection, lengths).one())
        if shortest != longest:
            raise found.refused(f"one of {longest if shortest == len(self.highest) else shortest} characters")


def bounded(value: Any, now: datetime) -> Any:
    """The present, as a value of the type of one that is in the future."""
    if isinstance(value, datetime):
        return now if value.tzinfo else now.replace(tzinfo=None)
    if isinstance(value, date):
        return now.date()
    return now.strftime("%Y-%m-%d") if len(value) <= len("2024-01-31") else _as_written(value, now)


def _as_written(value: str, now: datetime) -> str:
    text = now.isoformat(value[10], "seconds").removesuffix("+00:00")
    return f"{text}{form(value)[2]}"
