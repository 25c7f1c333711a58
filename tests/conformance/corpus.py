"""The conformance corpus: tables of hard values, and what Spark SQL is asked about them.

A file of `corpus/` is one subject, a list of blocks. A block says over which tables (`over`) it asks, what (`rows`,
`groups`, `windows` or `queries`), and optionally `with`: lists whose product fills the `{placeholders}` of its text.

========= ============================================================ ==================================
kind      asks                                                         a failure is isolated to
========= ============================================================ ==================================
rows      ``select id, <text> from <table>``                           one row
groups    ``select g, <text> from <table> group by g``, and no rows    one group
windows   ``select id, <text> from <table>``, partitioned by `g`       one group
queries   the text                                                     the query
========= ============================================================ ==================================

`approximate` blocks may differ by two units in the last place: transcendental functions, and nothing else. What
`unstable` blocks ask, Sail answers in several ways: it sorts NaN and zeros of two signs in no fixed order. They count as
different.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import yaml

FOLDER: Final = Path(__file__).parent
KINDS: Final = ("rows", "groups", "windows", "queries")

INTEGERS: Final = ("tinyint", "smallint", "int", "bigint")
NUMBERS: Final = (*INTEGERS, "float", "double", "decimal", "decimal38", "decimal38_0")
SCALARS: Final = (*NUMBERS, "boolean", "string", "binary", "date", "timestamp", "timestamp_ntz")
NESTED: Final = ("array_int", "array_double", "array_string", "array_array", "map", "map_int", "struct", "array_struct")
SETS: Final = {
    "integers": INTEGERS,
    "numbers": NUMBERS,
    "numeric": (*NUMBERS, "text_number", "boolean", "date", "array_int"),
    "scalars": SCALARS,
    "times": ("date", "timestamp", "timestamp_ntz", "text_date", "int"),
    "all": (*SCALARS, "array_int", "array_double", "array_string", "map", "struct"),
    "texts": ("string", "int", "double", "decimal", "boolean", "binary", "date", "timestamp", "array_int"),
    "arrays": ("array_int", "array_double", "array_string", "array_array", "array_struct"),
}
"""Tables by what they have in common: `over: numbers`."""

_SIMPLE: Final = {
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
}


@dataclass(frozen=True)
class Entry:
    """One question to both engines.

    Attributes:
        subject: the file of the corpus it is from.
        table: the table it reads; empty for a query.
        kind: one of `KINDS`.
        text: an expression, or a query.
        approximate: whether doubles may differ by two units in the last place.
        ordered: whether the order of a query's rows counts.
        unstable: whether Sail's answer varies from run to run.
    """

    subject: str
    table: str
    kind: str
    text: str
    approximate: bool = False
    ordered: bool = False
    unstable: bool = False

    @property
    def name(self) -> str:
        """The entry in the recorded answers: its table and its text."""
        return f"{self.table}: {self.text}" if self.table else self.text


def arrow_type(spark: str) -> pa.DataType:
    """The Arrow type of a column of a table."""
    spark = spark.strip()
    if spark in _SIMPLE:
        return _SIMPLE[spark]
    if found := re.fullmatch(r"decimal\((\d+),(\d+)\)", spark):
        return pa.decimal128(int(found[1]), int(found[2]))
    kind, _, inner = spark.partition("<")
    parts = _split(inner.removesuffix(">"))
    if kind == "array":
        return pa.list_(arrow_type(parts[0]))
    if kind == "map":
        return pa.map_(arrow_type(parts[0]), arrow_type(parts[1]))
    if kind == "struct":
        return pa.struct([(name, arrow_type(of)) for name, _, of in (part.partition(":") for part in parts)])
    raise ValueError(f"no such type: {spark}")


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


@cache
def tables() -> dict[str, pa.Table]:
    """All tables of the corpus, by name."""
    declared = yaml.safe_load((FOLDER / "tables.yaml").read_text("utf-8"))
    return {name: _table(table) for name, table in declared.items()}


def _table(declared: Mapping[str, Any]) -> pa.Table:
    types = {name: arrow_type(of) for name, of in declared["columns"].items()}
    rows = [(group, row) for group, rows in enumerate(declared["groups"], 1) for row in rows]
    columns = {
        "id": pa.array(range(1, len(rows) + 1), pa.int32()),
        "g": pa.array([group for group, _ in rows], pa.int32()),
    }
    for place, (name, of) in enumerate(types.items()):
        columns[name] = pa.array([_value(row[place], of) for _, row in rows], of)
    return pa.table(columns)


def _value(declared: Any, of: pa.DataType) -> Any:
    if declared is None:
        return None
    if pa.types.is_floating(of):
        return float(declared)
    if pa.types.is_decimal(of):
        return Decimal(declared)
    if pa.types.is_binary(of):
        return bytes.fromhex(declared)
    if pa.types.is_date(of):
        return date.fromisoformat(declared)
    if pa.types.is_timestamp(of):
        return datetime.fromisoformat(declared + ("+00:00" if of.tz else ""))
    if pa.types.is_map(of):
        return [(_value(key, of.key_type), _value(value, of.item_type)) for key, value in declared]
    if pa.types.is_list(of):
        return [_value(value, of.value_type) for value in declared]
    if pa.types.is_struct(of):
        return {field.name: _value(declared[field.name], field.type) for field in of}
    return declared


@cache
def entries() -> list[Entry]:
    """All entries, in the order of the files; what two blocks ask is asked once."""
    found: dict[str, Entry] = {}
    for file in sorted((FOLDER / "corpus").glob("*.yaml")):
        for entry in _entries(file):
            found.setdefault(entry.name, entry)
    return list(found.values())


def _entries(file: Path) -> Iterator[Entry]:
    for block in yaml.safe_load(file.read_text("utf-8")):
        over = block.get("over", [""])
        for table in SETS.get(over, (over,)) if isinstance(over, str) else over:
            for kind in KINDS:
                for text in block.get(kind, ()):
                    for filled in _filled(text, block.get("with", {})):
                        yield Entry(
                            file.stem,
                            "" if kind == "queries" else table,
                            kind,
                            filled.replace("{table}", table),
                            block.get("approximate", False),
                            block.get("ordered", False),
                            block.get("unstable", False),
                        )


def _filled(text: str, lists: Mapping[str, Sequence[str]]) -> Iterator[str]:
    used = [name for name in lists if f"{{{name}}}" in text]
    for values in itertools.product(*(lists[name] for name in used)):
        filled = text
        for name, value in zip(used, values, strict=True):
            filled = filled.replace(f"{{{name}}}", str(value))
        yield filled
