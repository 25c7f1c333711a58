"""Reads JSON and JSON Lines as text with DuckDB: numbers as they are written, nested values as JSON text."""

from __future__ import annotations

import codecs
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vertebra.declare.parse import TextOptions
from vertebra.duckdb_connection import connect_duckdb
from vertebra.errors import CollectError
from vertebra.formatting import counted
from vertebra.landing.parsing.column_names import renamed, unique_names
from vertebra.landing.parsing.detection import encoding_of
from vertebra.landing.parsing.encoding import Encoding, decoded, encoding_notes, undecodable
from vertebra.landing.parsing.json_array import copy_array, integer_at
from vertebra.landing.parsing.json_paths import pointer, steps
from vertebra.landing.parsing.json_unnest import RecordsPath, unnested
from vertebra.landing.parsing.other_kinds import refuse_other_kinds
from vertebra.landing.parsing.records import ReadContext, Records, refuse_page
from vertebra.landing.payload import BUFFER, PayloadPart
from vertebra.quoting import duckdb_text, duckdb_texts
from vertebra.unicode_form import spellings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa


_LARGEST_RECORD: Final = 64 << 20
_BATCH_BYTES: Final = 32 << 20
_CKAN: Final = ("result", "records")
"""Where the records are in an answer of a CKAN portal, beside the total of all its pages."""

_NESTED: Final = 50
"""Nested keys that a message can propose."""

# Numbers whose text in DuckDB may differ from the written text: with an exponent, -0, a zero at the end of a fraction,
# a small fraction, more digits than a double holds. A match inside a string only costs time.
_UNUSUAL_NUMBER: Final = r"[0-9][eE]|-0(?:[^0-9.]|$)|\.[0-9]+0(?:[^0-9]|$)|[^0-9]0\.000|[0-9.]{17}"

# The text before a number, with whole strings, and the number or the end. Each match starts where the last one ended,
# so none starts inside a string.
_TO_NUMBER: Final = r'((?:"(?:[^"\\]|\\.)*"|[^"0-9\-])*)(-?[0-9][0-9.eE+\-]*|$)'


def read_json(parts: Sequence[PayloadPart], context: ReadContext, path: str | None = None) -> Records:
    """Read JSON parts: an array of objects, at the root or at a path, or objects one after the other.

    A key that an object does not have is NULL, like the value ``null``. Columns are the keys of the first record in
    its order, then the keys that only later records have, by name. An array without records has no columns.

    Args:
        path: keys, joined by dots, to the array of records; ``[*]`` after an array goes on in each of its elements.

    Raises:
        CollectError: a part is empty, not JSON or cut off, its records are not objects with distinct keys, or there are
            no records and ``context`` does not allow that.
    """
    return _read(parts, context, path, lines=False)


def read_json_lines(parts: Sequence[PayloadPart], context: ReadContext) -> Records:
    """Read JSON Lines: one object a line. Otherwise as :func:`read_json`."""
    return _read(parts, context, None, lines=True)


def _read(parts: Sequence[PayloadPart], context: ReadContext, path: str | None, *, lines: bool) -> Records:
    declared = context.declared(TextOptions).encoding
    import duckdb

    for part in parts:
        refuse_page(part)
        refuse_other_kinds(part, context.options.format)
    encodings = [encoding_of(part, declared, context.guessed) for part in parts]
    pairs = zip(parts, encodings, strict=True)
    records = RecordsPath.parse(path)
    total = _total(parts, encodings) if records.array == _CKAN else None
    texts = [
        _text(part, encoding, number, context, records.array, lines=lines)
        for number, (part, encoding) in enumerate(pairs)
    ]
    source = _source(texts)
    connection = connect_duckdb(
        config={
            "memory_limit": "512MB",
            "temp_directory": str(context.scratch / "spill"),
            "preserve_insertion_order": True,
            "autoload_known_extensions": False,
        }
    )
    name = parts[0].name
    try:
        inner = None
        if records.inner:
            # the numbers are marked before records are cut out, so they stay as written
            marked = f"(SELECT {_marked(context.digest)} AS json FROM {source})"
            inner = unnested(connection, marked, records, context.paths, name)
            source = inner.source
        keys, count = _keys(connection, source, name)
        paths, nested = _paths(connection, source, keys, context.paths)
        parents = inner.parents if inner else []
        nested += inner.offered if inner else []
    except duckdb.Error as error:
        raise _not_json(name, error) from error
    if not keys and (count or not context.empty):
        raise CollectError(
            f"{name} has no records",
            cause="its objects have no keys" if count else "the array is empty",
            remedy="collect again when the source has data; earlier batches stay"
            + ("" if count else "; if it is right, write collect: {empty: accept}"),
        )
    size = sum(text.stat().st_size for text, _ in texts)
    batch = max(2048, min(65536, _BATCH_BYTES // max(1, size // max(1, count))))
    columns = unique_names([*keys, *paths, *parents])
    notes = encoding_notes(encodings) | {
        "detected": ["encoding"] if declared is None else [],
        "renamed": renamed([*keys, *paths, *parents], columns),
        "paths": [*paths, *parents],
        "nested": nested,
        "total": total,
    }
    pointers = [*(pointer([key]) for key in keys), *(pointer(steps(path)) for path in paths)]
    query = _cells(source) if inner is None else _inner_cells(source)
    width = len(pointers) + len(parents)
    batches = _batches(connection, query, pointers, width, context.digest, batch, name) if keys else iter(())
    return Records(columns, batches, notes)


def _total(parts: Sequence[PayloadPart], encodings: Sequence[Encoding]) -> int | None:
    """The number of records that the pages of a CKAN portal say there are in all of them; None if they do not."""
    found = []
    for part, encoding in zip(parts, encodings, strict=True):
        if encoding.is_utf8 and not encoding.mark:
            with part.open() as stream:
                found.append(integer_at(stream, (_CKAN[0], "total"), part.name))
    return max((total for total in found if total is not None), default=None)


def _text(
    part: PayloadPart, encoding: Encoding, number: int, context: ReadContext, path: Sequence[str], *, lines: bool
) -> tuple[Path, str]:
    """A file of UTF-8 text for DuckDB, and its JSON format."""
    plain = part.plain
    if plain is None or encoding.mark or not encoding.is_utf8:
        plain = context.scratch / f"text-{number}.json"
        _transcode(part, encoding, plain)
    if path:
        array = context.scratch / f"array-{number}.json"
        with plain.open("rb", BUFFER) as source, array.open("wb", BUFFER) as sink:
            copy_array(source, path, sink, part.name)
        return array, "array"
    with plain.open("rb") as stream:
        first = b" "
        while first and not first.strip():
            first = stream.read(4096)
    if not first and not (lines and context.empty):
        raise CollectError(
            f"{part.name} is empty",
            cause="it has no text",
            remedy="collect again when the source has data; earlier batches stay",
        )
    if lines:
        return plain, "newline_delimited"
    return plain, "array" if first.lstrip().startswith(b"[") else "unstructured"


def _transcode(part: PayloadPart, encoding: Encoding, target: Path) -> None:
    # without -sig the byte order mark would be part of the text
    marked = replace(encoding, codec="utf-8-sig") if encoding.is_utf8 else encoding
    try:
        with part.open() as source, target.open("wb", BUFFER) as sink:
            if encoding.fallbacks:
                for place, text in enumerate(decoded(source, encoding)):
                    sink.write(text.removeprefix(codecs.BOM_UTF8) if place == 0 else text)
                return
            decoder = codecs.getincrementaldecoder(marked.codec)("strict")
            while block := source.read(BUFFER):
                sink.write(decoder.decode(block).encode())
            sink.write(decoder.decode(b"", True).encode())
    except UnicodeDecodeError as error:
        raise undecodable(part, encoding) from error


def _source(texts: Sequence[tuple[Path, str]]) -> str:
    """A relation with the column ``json``: the text of each record, in order."""
    forms = {form for _, form in texts}
    if len(forms) > 1:
        reads = [_scan([path], form) for path, form in texts]
        return "(" + " UNION ALL ".join(f"SELECT json FROM {read}" for read in reads) + ")"
    return _scan([path for path, _ in texts], forms.pop())


def _scan(paths: Sequence[Path], form: str) -> str:
    return f"read_json_objects([{duckdb_texts(paths)}], format='{form}', maximum_object_size={_LARGEST_RECORD})"


def _keys(connection: duckdb.DuckDBPyConnection, source: str, name: str) -> tuple[list[str], int]:
    """All keys of all records, and the number of records."""
    # records have few different key lists, so each list is examined once
    connection.execute(
        f"""
        CREATE TEMP TABLE shapes AS
        SELECT
          json_keys(json) AS keys,
          starts_with(ltrim(json::VARCHAR, e' \\t\\r\\n'), '{{') AS is_object,
          count(*) AS records
        FROM {source} GROUP BY ALL
        """
    )
    count, others, repeated = connection.sql(
        """
        SELECT coalesce(sum(records), 0)::BIGINT, coalesce(sum(records) FILTER (NOT is_object), 0)::BIGINT,
               min(keys::VARCHAR) FILTER (len(list_distinct(keys)) < len(keys))
        FROM shapes
        """
    ).fetchall()[0]
    if others:
        raise CollectError(
            f"{name} has {counted(others, 'record that is not a JSON object', 'records that are not JSON objects')}",
            cause="a record is an object: its keys name the columns",
            remedy="declare where the records are, for example parse: {records: result.records}",
        )
    if repeated:
        raise CollectError(
            f"{name} has a record with the same key twice, its keys are {repeated[:120]}",
            cause="it is not defined which of the values counts",
            remedy="ask the source",
        )
    first = connection.sql(f"SELECT json_keys(json) FROM {source} LIMIT 1").fetchall()
    known = list(first[0][0]) if first else []
    every = connection.sql("SELECT DISTINCT unnest(keys) FROM shapes").fetchall()
    return [*known, *sorted({key for (key,) in every} - set(known))], count


def _paths(
    connection: duckdb.DuckDBPyConnection, source: str, keys: Sequence[str], wanted: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The paths that records have, and what is nested where one of the others was expected.

    Each is in the Unicode form of the payload's keys; one that is written as declared comes first.
    """
    forms = {path: [one for one in spellings(path) if steps(one)[0] in keys] for path in wanted if path not in keys}
    listed = [one for written in forms.values() for one in written]
    if not listed:
        return [], []
    pointers = [pointer(steps(one)) for one in listed]
    found = ", ".join(f"bool_or(json_exists(json, $pointers[{place}]))" for place in range(1, len(listed) + 1))
    (has,) = connection.execute(f"SELECT {found} FROM {source}", {"pointers": pointers}).fetchall()
    there = {one for one, is_there in zip(listed, has, strict=True) if is_there}
    paths = [next(one for one in written if one in there) for written in forms.values() if there.intersection(written)]
    absent = [one for written in forms.values() if not there.intersection(written) for one in written[:1]]
    bases = dict.fromkeys(steps(one)[0] for one in absent)
    nested: list[str] = []
    for base in bases:
        rows = connection.execute(
            f"SELECT DISTINCT unnest(json_keys(json, $base)) AS key FROM {source} ORDER BY key LIMIT {_NESTED}",
            {"base": pointer([base])},
        ).fetchall()
        nested += [f"{base}.{key}" for (key,) in rows]
    return paths, nested


def _mark(digest: str) -> str:
    """What numbers are marked with; made from the payload's own hash, so no payload contains it."""
    return "n" + digest[:24]


def _marked(digest: str) -> str:
    """A record in which each number is a text that begins with the mark, if it has an unusual number."""
    mark = _mark(digest)
    quoted = duckdb_text(f'\\1"{mark}\\2"')
    text = f"regexp_replace(json::VARCHAR, {duckdb_text(_TO_NUMBER)}, {quoted}, 'g')"
    unusual = f"regexp_matches(json::VARCHAR, {duckdb_text(_UNUSUAL_NUMBER)})"
    return f"CASE WHEN {unusual} THEN left({text}, -{len(mark) + 2})::JSON ELSE json END"


def _inner_cells(source: str) -> str:
    """The cells of records inside records, whose numbers are marked already, and the values of their parents."""
    return f"""
          SELECT list_transform(list_concat(json_extract_string(json, $pointers::VARCHAR[]), up),
              lambda cell: CASE WHEN contains(cell, $mark)
                THEN regexp_replace(regexp_replace(cell, $nested, '\\1', 'g'), $alone, '') ELSE cell END) AS cells
          FROM {source}
        """


def _cells(source: str) -> str:
    """The cells of records."""
    return f"""
          SELECT CASE WHEN regexp_matches(json::VARCHAR, $unusual)
            THEN list_transform(
              json_extract_string(
                left(regexp_replace(json::VARCHAR, $number, $marked, 'g'), -$tail), $pointers::VARCHAR[]),
              lambda cell: CASE WHEN contains(cell, $mark)
                THEN regexp_replace(regexp_replace(cell, $nested, '\\1', 'g'), $alone, '') ELSE cell END)
            ELSE json_extract_string(json, $pointers::VARCHAR[]) END AS cells
          FROM {source}
        """


def _batches(
    connection: duckdb.DuckDBPyConnection,
    cells: str,
    pointers: Sequence[str],
    width: int,
    digest: str,
    size: int,
    name: str,
) -> Iterator[pa.RecordBatch]:
    import duckdb

    # Numbers are quoted and marked before DuckDB reads them and unmarked afterwards, so they stay as written.
    mark = _mark(digest)
    columns = ", ".join(f"cells[{position}] AS c{position}" for position in range(1, width + 1))
    query = f"SELECT {columns} FROM ({cells})"
    values = {
        "unusual": _UNUSUAL_NUMBER,
        "number": _TO_NUMBER,
        "marked": rf'\1"{mark}\2"',
        "pointers": pointers,
        "tail": len(mark) + 2,
        "mark": mark,
        "nested": rf'"{mark}([^"]*)"',
        "alone": f"^{mark}",
    }
    try:
        used = {name: value for name, value in values.items() if f"${name}" in query}
        yield from connection.sql(query, params=used).to_arrow_reader(size)
    except duckdb.Error as error:
        raise _not_json(name, error) from error
    finally:
        connection.close()


def _not_json(name: str, error: Exception) -> CollectError:
    text = str(error).splitlines()[0]
    return CollectError(
        f"{name} is not JSON as declared",
        cause=text.partition(": ")[2] or text,
        remedy="look at the payload kept aside; correct parse (format: json or jsonl, records), or collect it again",
    )
