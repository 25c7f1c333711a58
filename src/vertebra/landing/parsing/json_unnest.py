"""Records inside records: ``records: orders[*].items`` gives one record for each item of each order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.parsing.json_paths import pointer, steps
from vertebra.quoting import duckdb_text, duckdb_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

EACH: Final = "[*]"
PARENT: Final = "^"
_NESTED: Final = 50
_LEVELS: Final = re.compile(r"(?:\^\.)+")


@dataclass(frozen=True)
class RecordsPath:
    """The path of a document's records.

    Attributes:
        array: keys from the root to the outermost array; empty if the document is the array.
        inner: for each array within its elements, the keys from an element to the array.

    Example:
        >>> RecordsPath.parse("result.orders[*].items")
        RecordsPath(array=('result', 'orders'), inner=(('items',),))
    """

    array: tuple[str, ...]
    inner: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def parse(cls, path: str | None) -> RecordsPath:
        """Read a declared path.

        Raises:
            ValueError: it is not a path.
        """
        if not path:
            return cls(())
        first, *others = path.removesuffix(EACH).split(EACH)
        inner = [other.removeprefix(".").split(".") if other.startswith(".") else [""] for other in others]
        keys = first.split(".") if first else []
        if not all([*keys, *(key for one in inner for key in one)]) or any('"' in key for one in inner for key in one):
            raise ValueError(
                f"{path!r} is not a path to records; write keys joined by dots, with [*] after an array whose elements "
                "have the records, e.g. orders[*].items"
            )
        return cls(tuple(keys), tuple(map(tuple, inner)))


@dataclass(frozen=True)
class Unnested:
    """The records of inner arrays, for DuckDB.

    Attributes:
        source: a relation with ``json``, the text of each record, in order, and ``up``, the values of its parents.
        parents: the paths of ``up``, as they are declared: ``^.id``.
        offered: paths to values of the nearest parent, if a declared one is missing.
    """

    source: str
    parents: list[str]
    offered: list[str]


def unnested(
    connection: duckdb.DuckDBPyConnection, source: str, path: RecordsPath, wanted: Sequence[str], name: str
) -> Unnested:
    """The records of the inner arrays of a relation of records.

    Args:
        source: a relation with the column ``json``.
        wanted: declared paths; those that begin with ``^.`` are values of parents.
        name: name of the payload in messages.

    Raises:
        CollectError: a value at the path is not an array.
    """
    relation = f"(SELECT json, []::VARCHAR[] AS up FROM {source})"
    parents: list[str] = []
    offered: list[str] = []
    for level, keys in enumerate(path.inner):
        _refuse_no_array(connection, relation, keys, name)
        above = len(path.inner) - level
        found = _present(connection, relation, [one for one in wanted if height(one) == above])
        parents += found
        if above == 1 and any(one not in parents for one in wanted if height(one)):
            offered = _keys_of(connection, relation)
        values = duckdb_texts([_pointer(one) for one in found])
        array = duckdb_text("$" + "".join(f'."{key}"' for key in keys) + EACH)
        above_it = f"list_concat(up, json_extract_string(json, [{values}]::VARCHAR[]))" if found else "up"
        relation = f"(SELECT unnest(json_extract(json, {array})) AS json, {above_it} AS up FROM {relation})"
    return Unnested(relation, parents, offered)


def height(path: str) -> int:
    """How many parents up a path begins: 1 for ``^.id``, 0 for ``id``."""
    found = _LEVELS.match(path)
    return len(found.group()) // 2 if found else 0


def within_parent(path: str) -> str:
    """A path without the levels that it begins with: ``id`` for ``^.id``."""
    return _LEVELS.sub("", path, count=1)


def _pointer(path: str) -> str:
    return pointer(steps(within_parent(path)))


def _present(connection: duckdb.DuckDBPyConnection, relation: str, wanted: Sequence[str]) -> list[str]:
    """The paths that some record of a relation has."""
    if not wanted:
        return []
    tests = ", ".join(f"bool_or(json_exists(json, {duckdb_text(_pointer(one))}))" for one in wanted)
    (has,) = connection.execute(f"SELECT {tests} FROM {relation}").fetchall()
    return [one for one, there in zip(wanted, has, strict=True) if there]


def _keys_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    rows = connection.execute(
        f"SELECT DISTINCT unnest(json_keys(json)) AS key FROM {relation} ORDER BY key LIMIT {_NESTED}"
    ).fetchall()
    return [f"{PARENT}.{key}" for (key,) in rows]


def _refuse_no_array(connection: duckdb.DuckDBPyConnection, relation: str, keys: Sequence[str], name: str) -> None:
    kind = f"json_type(json, {duckdb_text(pointer(keys))})"
    ((number, example),) = connection.execute(
        f"SELECT count(*), min({kind}) FROM {relation} WHERE {kind} NOT IN ('ARRAY', 'NULL')"
    ).fetchall()
    if number:
        place = ".".join(keys)
        raise CollectError(
            f"{name} has {counted(number, 'record')} in which {place} is not an array",
            cause=f"it is of type {example}, and parse.records goes through the elements of an array there",
            remedy="correct parse.records, or ask the source",
        )
