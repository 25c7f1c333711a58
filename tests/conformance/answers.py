"""What an engine answers to an entry, as exact text that can be recorded and compared.

An answer is ``{"type": …, "rows": […]}``, or ``{"refused": <error class>}`` when the engine did not accept the question at all. A
row that cannot be computed is ``{"error": <error class>}``.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from conformance.corpus import Entry

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Answer = dict[str, Any]

STATISTICAL: Final = re.compile(
    r"(std|stddev|var|covar|corr|regr_|kurtosis|skewness|percentile\(|percentile_cont\(|median\()\w*", re.IGNORECASE
)
"""Statistics: their sums are rounded in another order, so that 6 digits of their results are compared."""
_STATISTICAL_UNITS: Final = 2**32
_NO_ROWS = -1
"""The place of an aggregate's answer over no rows."""


class Batch:
    """Asks about one table in as few queries as failures allow.

    A query computes many entries over all rows. When it fails, its entries are halved until one remains, and then the
    rows of that one.
    """

    _SIZE = 24

    def __init__(self, session: SparkSession, table: str, content: pa.Table) -> None:
        self._session = session
        self._table = table
        self._places = {"id": content["id"].to_pylist(), "g": sorted(set(content["g"].to_pylist()))}
        self._group = dict(zip(content["id"].to_pylist(), content["g"].to_pylist(), strict=True))
        self._refused: dict[int, str] = {}
        self._types: dict[int, str] = {}
        self._rows: dict[int, dict[int, Any]] = {}

    def ask(
        self, entries: Sequence[Entry], sql: Sequence[str] | None = None, expected: Sequence[Answer] | None = None
    ) -> list[Answer]:
        """Answer entries of one kind.

        Args:
            entries: what to ask about the table.
            sql: the texts to send instead of the entries' own.
            expected: answers that show what is likely to fail, to ask about it alone.
        """
        texts = list(sql) if sql else [entry.text for entry in entries]
        kind = entries[0].kind
        self._refused, self._types, self._rows = {}, {}, {place: {} for place in range(len(texts))}
        alike: dict[tuple[int, ...], list[int]] = {}
        for place, text in enumerate(texts):
            if expected is None or "refused" in expected[place]:
                self._is_refused(kind, text, place)
            if place not in self._refused:
                failing = self._failing(kind, expected[place]) if expected else ()
                alike.setdefault(failing, []).append(place)
        for failing, places in alike.items():
            self._solve_alike(kind, texts, places, failing)
        order = self._order(kind)
        return [
            {"refused": self._refused[place]}
            if place in self._refused
            else {"type": self._types.get(place), "rows": [self._rows[place].get(key, "missing") for key in order]}
            for place in range(len(texts))
        ]

    def _order(self, kind: str) -> list[int]:
        """The keys of an answer's rows."""
        return [*self._places["g"], _NO_ROWS] if kind == "groups" else self._places["id"]

    def _failing(self, kind: str, expected: Answer) -> tuple[int, ...]:
        """The rows or groups, as :meth:`_solve` isolates them, that an answer has errors for."""
        rows = expected.get("rows", ())
        failing = {key for key, row in zip(self._order(kind), rows, strict=False) if is_error(row)}
        isolated = {self._group[key] for key in failing} if kind == "windows" else failing - {_NO_ROWS}
        return tuple(sorted(isolated))

    def _solve_alike(self, kind: str, texts: Sequence[str], places: Sequence[int], failing: Sequence[int]) -> None:
        isolated = self._places["id" if kind == "rows" else "g"]
        sound = [key for key in isolated if key not in failing]
        for start in range(0, len(places), self._SIZE):
            part = places[start : start + self._SIZE]
            if sound:
                self._solve(kind, texts, part, sound)
            if kind == "groups":
                self._solve(kind, texts, part, [])
            for place in part if failing else ():
                # a row that failed shows that rows still do; to compute each of them takes long
                self._solve(kind, texts, [place], failing[:1])
                if place not in self._refused and all(map(is_error, self._rows_of(kind, place, failing[:1]))):
                    for key in self._keys(kind, failing[1:]) if failing[1:] else ():
                        self._rows[place][key] = self._rows_of(kind, place, failing[:1])[0]
                else:
                    self._solve(kind, texts, [place], failing[1:])

    def _is_refused(self, kind: str, text: str, place: int) -> bool:
        refused = self._refusal(kind, text)
        if refused:
            self._refused[place] = refused
        return refused is not None

    def _refusal(self, kind: str, text: str) -> str | None:
        try:
            _frame(self._session, self._select(kind, [text], [])).schema  # noqa: B018 - asks for the analysis
        except Exception as error:
            return error_class(error)
        return None

    def _select(self, kind: str, texts: Sequence[str], isolated: Sequence[int]) -> str:
        key = "g" if kind == "groups" else "id"
        columns = [f"{text} as answer{place}" for place, text in enumerate(texts)]
        column = "id" if kind == "rows" else "g"
        read = self._table
        if len(isolated) < len(self._places[column]):
            # the limit keeps Sail from computing before it filters
            read = f"(select * from {self._table} where {column} in ({_listed(isolated)}) limit 1000) as {self._table}"
        if kind == "groups" and not isolated:
            return f"select {', '.join(columns)} from {read}"
        grouped = " group by g" if kind == "groups" else ""
        return f"select {', '.join([f'{key} as id_', *columns])} from {read}{grouped}"

    def _solve(self, kind: str, texts: Sequence[str], places: Sequence[int], isolated: Sequence[int]) -> None:
        places = [place for place in places if place not in self._refused]
        if not places:
            return
        try:
            found = _frame(self._session, self._select(kind, [texts[place] for place in places], isolated)).toArrow()
        except Exception as error:
            if len(places) > 1:
                half = len(places) // 2
                self._solve(kind, texts, places[:half], isolated)
                self._solve(kind, texts, places[half:], isolated)
            elif not self._rows[places[0]] and self._is_refused(kind, texts[places[0]], places[0]):
                return
            elif len(isolated) > 1:
                half = len(isolated) // 2
                self._solve(kind, texts, places, isolated[:half])
                self._solve(kind, texts, places, isolated[half:])
            else:
                failed = {"error": error_class(error)}
                for key in self._keys(kind, isolated):
                    self._rows[places[0]][key] = failed
            return
        keys = found["id_"].to_pylist() if "id_" in found.column_names else [_NO_ROWS] * found.num_rows
        for place, column in zip(places, found.columns[-len(places) :], strict=True):
            self._types[place] = type_name(column.type)
            self._rows[place].update(zip(keys, map(value_of, column), strict=True))

    def _rows_of(self, kind: str, place: int, isolated: Sequence[int]) -> list[Any]:
        return [self._rows[place].get(key) for key in self._keys(kind, isolated)]

    def _keys(self, kind: str, isolated: Sequence[int]) -> list[int]:
        if not isolated:
            return [_NO_ROWS]
        if kind == "windows":
            return [row for row, group in self._group.items() if group in isolated]
        return list(isolated)


def _frame(session: SparkSession, sql: str) -> DataFrame:
    """A query, not sent yet; `session.sql` would send it twice."""
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.plan import SQL

    return DataFrame(SQL(sql), session)


def ask_query(session: SparkSession, entry: Entry, sql: str | None = None) -> Answer:
    """Answer an entry that is a query."""
    return _query(session, sql or entry.text, entry.ordered)


def _listed(places: Iterable[int]) -> str:
    return ", ".join(map(str, places)) or "-1"


def _query(session: SparkSession, sql: str, ordered: bool) -> Answer:
    try:
        found = _frame(session, sql).toArrow()
    except Exception as error:
        return {"refused": error_class(error)}
    rows = [[value_of(column[place]) for column in found.columns] for place in range(found.num_rows)]
    if not ordered:
        rows.sort(key=lambda row: json.dumps(row, ensure_ascii=False))
    return {"type": [f"{field.name} {type_name(field.type)}" for field in found.schema], "rows": rows}


def error_class(error: Exception) -> str:
    """The class of an error: Apache Spark's condition, or the kind of the exception."""
    condition = getattr(error, "getCondition", lambda: None)()
    return str(condition) if condition else type(error).__name__


def type_name(of: pa.DataType) -> str:
    """A type as Spark SQL writes it."""
    if pa.types.is_list(of) or pa.types.is_large_list(of):
        return f"array<{type_name(of.value_type)}>"
    if pa.types.is_map(of):
        return f"map<{type_name(of.key_type)},{type_name(of.item_type)}>"
    if pa.types.is_struct(of):
        return f"struct<{','.join(f'{field.name}:{type_name(field.type)}' for field in of)}>"
    if pa.types.is_decimal(of):
        return f"decimal({of.precision},{of.scale})"
    if pa.types.is_timestamp(of):
        return ("timestamp" if of.tz else "timestamp_ntz") + ("" if of.unit == "us" else f"[{of.unit}]")
    names = {
        "int8": "tinyint",
        "int16": "smallint",
        "int32": "int",
        "int64": "bigint",
        "float": "float",
        "double": "double",
        "bool": "boolean",
        "string": "string",
        "large_string": "string",
        "string_view": "string",
        "binary": "binary",
        "large_binary": "binary",
        "binary_view": "binary",
        "date32[day]": "date",
        "null": "void",
    }
    return names.get(str(of), str(of))


def value_of(scalar: pa.Scalar) -> Any:
    """A value as JSON, exactly."""
    of = scalar.type
    if not scalar.is_valid:
        return None
    if pa.types.is_floating(of):
        return _float(scalar.as_py(), of)
    if pa.types.is_decimal(of):
        return format(scalar.as_py(), "f")
    if pa.types.is_date(of):
        return _day(scalar.value)
    if pa.types.is_timestamp(of):
        return _moment(scalar.value, of)
    if pa.types.is_map(of):
        pairs = [[value_of(pair["key"]), value_of(pair["value"])] for pair in scalar.values]
        return sorted(pairs, key=lambda pair: json.dumps(pair[0]))
    if pa.types.is_list(of) or pa.types.is_large_list(of):
        return [value_of(value) for value in scalar.values]
    if pa.types.is_struct(of):
        return {field.name: value_of(scalar[place]) for place, field in enumerate(of)}
    try:
        value = scalar.as_py()
    except UnicodeDecodeError:
        # a string of Apache Spark may hold any bytes
        return f"bytes {scalar.as_buffer().to_pybytes().hex()}"
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, (bool, int, str)) else str(value)


def _float(value: float, of: pa.DataType) -> str:
    if pa.types.is_float32(of):
        import numpy as np

        return str(np.float32(value))
    return repr(value)


def _day(days: int) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days)).isoformat()
    except OverflowError:
        return f"day {days}"


def _moment(units: int, of: pa.DataType) -> str:
    micros = units if of.unit == "us" else round(units * {"s": 1e6, "ms": 1e3, "ns": 1e-3}[of.unit])
    try:
        text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).replace(tzinfo=None).isoformat(" ")
    except OverflowError:
        return f"microsecond {micros}"
    return text


def tolerance(entry: Entry) -> int:
    """By how many units in the last place doubles may differ."""
    if STATISTICAL.match(entry.text):
        return _STATISTICAL_UNITS
    return 2 if entry.approximate else 0


def compare(spark: Answer, sail: Answer, units: int = 0) -> tuple[str, list[int]]:
    """The outcome of an entry, and the places of the rows that show it.

    Returns:
        `equal`; `differs` when both answer and not the same; `sail_accepts` when Apache Spark refuses and Sail answers;
        `sail_refuses` when only Apache Spark answers.
    """
    if "refused" in spark:
        return ("equal" if "refused" in sail or _all_errors(sail) else "sail_accepts"), []
    if "refused" in sail:
        return ("equal" if _all_errors(spark) else "sail_refuses"), []
    if not _all_errors(spark) and not _all_errors(sail) and not _same_type(spark["type"], sail["type"]):
        return "differs", []
    if len(spark["rows"]) != len(sail["rows"]):
        return "differs", []
    outcomes: dict[str, list[int]] = {}
    for place, (wanted, got) in enumerate(zip(spark["rows"], sail["rows"], strict=True)):
        outcomes.setdefault(_outcome(wanted, got, units), []).append(place)
    for outcome in ("differs", "sail_accepts", "sail_refuses"):
        if outcome in outcomes:
            return outcome, outcomes[outcome]
    return "equal", []


def _same_type(spark: str | list[str], sail: str | list[str]) -> bool:
    """Whether a value, or a query's columns, have the same type; the names that Apache Spark makes up do not count."""
    if isinstance(spark, str) or isinstance(sail, str):
        return spark == sail
    if len(spark) != len(sail):
        return False
    pairs = [(a.rpartition(" "), b.rpartition(" ")) for a, b in zip(spark, sail, strict=True)]
    return all(a[2] == b[2] and (a[0] == b[0] or not re.fullmatch(r"[^\W\d][\w .]*", a[0])) for a, b in pairs)


def is_error(row: Any) -> bool:
    """Whether a recorded row is an error. (A struct has other fields: none of the corpus's is called `error`.)"""
    return isinstance(row, Mapping) and set(row) == {"error"}


def _all_errors(answer: Answer) -> bool:
    return bool(answer.get("rows")) and all(is_error(row) for row in answer["rows"])


def _outcome(wanted: Any, got: Any, units: int) -> str:
    if is_error(wanted):
        return "equal" if is_error(got) else "sail_accepts"
    if is_error(got):
        return "sail_refuses"
    return "equal" if _same(wanted, got) or (units > 0 and close(wanted, got, units)) else "differs"


def _same(wanted: Any, got: Any) -> bool:
    """Whether two values are equal in SQL: zeros of both signs are."""
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(_same, wanted, got))
    return bool(wanted == got) or (isinstance(wanted, str) and {wanted, got} == {"0.0", "-0.0"})


def close(wanted: Any, got: Any, units: int = 2) -> bool:
    """Whether two values are equal but for doubles that differ by at most `units` in the last place."""
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(close(a, b, units) for a, b in zip(wanted, got, strict=True))
    if isinstance(wanted, str) and isinstance(got, str):
        return wanted == got or _close(wanted, got, units)
    return bool(wanted == got)


def _close(wanted: str, got: str, units: int) -> bool:
    try:
        numbers = float(wanted), float(got)
    except ValueError:
        return False
    if not all(number and math.isfinite(number) for number in numbers):
        # zeros of two signs, infinity and NaN are near nothing
        return False
    return abs(_place(numbers[0]) - _place(numbers[1])) <= units


def _place(value: float) -> int:
    """The number of doubles between zero and a value."""
    place: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return place if place >= 0 else -(2**63) - place


def lines(answers: Iterable[Mapping[str, Any]]) -> str:
    """Recorded answers as text, one a line."""
    return "".join(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)
