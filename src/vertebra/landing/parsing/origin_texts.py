"""Values of columns that are not in the records of a payload, but in its name, its preamble or its request.

They are columns of ``records.parquet`` like those of the payload, after them, so that all that is done with a text can
be done with them. A payload that does not have one of them is refused.
"""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as compute

from vertebra.declare.origin import Pattern, compile_pattern
from vertebra.declare.parse import TextOptions
from vertebra.errors import CollectError
from vertebra.formatting import shortened
from vertebra.lake.batches import RAGGED_NOTES
from vertebra.landing.parsing.csv_text import TextFile
from vertebra.landing.parsing.detection import encoding_of
from vertebra.landing.parsing.encoding import decoded
from vertebra.landing.parsing.format import format_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from vertebra.landing.parsing.column_origins import ColumnOrigin, Provenance
    from vertebra.landing.parsing.records import ReadContext, Records
    from vertebra.landing.payload import PayloadPart

_SCHEME: Final = re.compile(r"\A[a-z][a-z0-9+.-]+:(?://)?", re.IGNORECASE)
_PARAMETER: Final = re.compile(r",(?=[a-z][a-z0-9_]*=)")
_COUNTS: Final = {*RAGGED_NOTES, "filled"}
"""Facts about records that are known once they are read."""

_LONGEST_LINE: Final = 1 << 16
_MOST_LINES: Final = 10_000
_SHOWN: Final = 5


def with_origins(records: Records, parts: Sequence[PayloadPart], payload: str, context: ReadContext) -> Records:
    """The records of a payload with the declared columns whose values are not in them, after the others.

    Where the parts of an archive have other values, they are read one by one. Records whose cells cannot be assigned to
    columns have NULL.

    Args:
        records: of all parts, not consumed.
        payload: the name of the payload in messages.

    Raises:
        CollectError: a value is missing, or the payload has a column of the same name.
    """
    names = tuple(dict.fromkeys(one.name for one in context.origins))
    if not names or not records.columns:  # an empty JSON array has no columns
        return records
    double = next((name for name in names if name in records.columns), None)
    if double is not None:
        raise CollectError(
            f"{payload} has a column named {double!r}", cause="the value would have two meanings", remedy="rename it"
        )
    texts = [origin_texts(part, payload, context) for part in parts]
    columns = (*records.columns, *names)
    notes = records.notes
    width = len(records.columns)
    batches: Iterator[pa.RecordBatch]
    if all(one == texts[0] for one in texts):
        batches = (_added(batch, width, [texts[0][name] for name in names]) for batch in records.batches)
    else:
        batches = _by_part(records, parts, [[one[name] for name in names] for one in texts], context)
    # two files of equal bytes with other values are other records
    notes["origins"] = [[one[name] for name in names] for one in texts]
    return replace(records, columns=columns, batches=batches, notes=notes)


def _by_part(
    records: Records, parts: Sequence[PayloadPart], texts: Sequence[Sequence[str]], context: ReadContext
) -> Iterator[pa.RecordBatch]:
    """The records of an archive, each with the values of its part."""
    form = format_named(context.options.format)
    for part, values in zip(parts, texts, strict=True):
        own = form.read([part], context)
        places = {name: at for at, name in enumerate(own.columns)}
        for batch in own.batches:
            cells = [
                batch.column(places[name]) if name in places else pa.nulls(batch.num_rows, pa.string())
                for name in records.columns
            ]
            cells += batch.columns[len(own.columns) :]
            yield _added(_batch(cells), len(records.columns), values)
        for fact in _COUNTS & own.notes.keys():
            records.notes[fact] = (records.notes.get(fact) or 0) + (own.notes[fact] or 0)


def _added(batch: pa.RecordBatch, width: int, values: Sequence[str]) -> pa.RecordBatch:
    """A batch with further columns of one value each, before those of the records that are not assigned to columns."""
    own, ragged = batch.columns[:width], batch.columns[width:]
    more = [pa.repeat(pa.scalar(value, pa.string()), batch.num_rows) for value in values]
    if ragged:
        none = pa.scalar(None, pa.string())
        more = [compute.if_else(compute.is_null(ragged[0]), one, none) for one in more]
    return _batch([*own, *more, *ragged])


def _batch(cells: Sequence[pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(cells), names=[f"c{at}" for at in range(len(cells))])


def origin_texts(part: PayloadPart, payload: str, context: ReadContext) -> dict[str, str]:
    """The values of a part of a payload, by the name of their column in the records.

    Args:
        payload: the name of the payload; that of a member of an archive begins with it.

    Raises:
        CollectError: a name, the preamble or the request does not have a value.
    """
    found = {}
    lines: list[str] | None = None
    for one in context.origins:
        if one.origin.kind == "preamble" and lines is None:
            lines = list(_preamble(part, context))
        found[one.name] = _text(one, part, payload, context, lines or [])
    return found


def _text(one: ColumnOrigin, part: PayloadPart, payload: str, context: ReadContext, lines: Sequence[str]) -> str:
    about, origin = context.provenance, one.origin
    if origin.kind == "parameter":
        return _parameter(one, about)
    pattern = compile_pattern(origin.text)
    group = str(origin.group(one.column))
    match origin.kind:
        case "file":
            member = part.name.removeprefix(f"{payload}:") if part.name != payload else None
            texts = [_ending(path, pattern) for path in _paths(about.url, member)]
            what = f"the name of {part.name}"
        case "preamble":
            texts, what = list(lines), f"no line before the records of {part.name}"
        case _:
            texts, what = [about.period] if about.period else [], f"the period of {part.name}"
    values = [found[group] for text in texts if (found := pattern.regex.fullmatch(text)) and found[group]]
    if origin.kind == "preamble" and len(set(values)) > 1:
        raise CollectError(
            f"{part.name} has several values of {one.column} before the records: {shortened(sorted(set(values)))}",
            cause=f"several lines match '{origin.text}'",
            remedy=f"write a pattern under columns.{one.column}.from that only one line matches",
        )
    if not values:
        verb = "matches" if origin.kind == "preamble" else "does not match"
        raise CollectError(
            f"{what} {verb} '{origin.text}', from which column {one.column} has its value",
            cause=_seen(origin.kind, texts),
            remedy=f"correct the pattern under columns.{one.column}.from, or leave the file out of collect:",
        )
    return values[0]


def _seen(kind: str, texts: Sequence[str]) -> str:
    if not texts:
        nothing = {"preamble": "no lines are passed over before the records: declare parse.skip or parse.comment"}
        return nothing.get(kind, f"it has no {kind}")
    if kind == "file":
        names = " or ".join(dict.fromkeys(map(repr, texts)))
        return f"it is {names}; outside of the group, * is any text and ? is one character"
    shown = shortened([repr(text[:80]) for text in texts], _SHOWN)
    return f"they are {shown}" if kind == "preamble" else f"it is {shown}"


def _parameter(one: ColumnOrigin, about: Provenance) -> str:
    name = one.origin.text
    values = dict(text.partition("=")[::2] for text in _PARAMETER.split(about.part or ""))
    query = [value for key, value in parse_qsl(urlsplit(about.url).query) if key == name]
    found = values.get(name) or (query[0] if len(query) == 1 else None)
    if not found:
        known = [*(key for key in values if key), *(key for key, _ in parse_qsl(urlsplit(about.url).query))]
        raise CollectError(
            f"the request of {about.url} has no parameter {name}, from which column {one.column} has its value",
            cause=f"it has {shortened(dict.fromkeys(known)) if known else 'none'}",
            remedy=f"correct the name under columns.{one.column}.from",
        )
    return found


def _paths(url: str, member: str | None) -> Iterator[str]:
    """The names of a file: that of the member of an archive first, then that of what was collected."""
    if member is not None:
        yield member
    is_web = url.lower().startswith(("http://", "https://"))
    path = unquote(urlsplit(url).path) if is_web else _SCHEME.sub("", url)
    yield path
    if path.lower().endswith(".gz"):
        yield path[:-3]


def _ending(path: str, pattern: Pattern) -> str:
    """The end of a path, with as many folders as a pattern has."""
    return "/".join(path.replace("\\", "/").split("/")[-1 - pattern.folders :])


def _preamble(part: PayloadPart, context: ReadContext) -> Iterator[str]:
    """The lines before the records: those that are skipped, then comments."""
    options = context.options
    skip, comment = getattr(options, "skip", 0), getattr(options, "comment", None)
    if not isinstance(options, TextOptions):
        raise CollectError(
            f"{part.name} has no lines before the records",
            cause=f"its format is {options.format}, which is no text",
            remedy="take the value from the file's name: from: {file: …}",
        )
    encoding = encoding_of(part, options.encoding, context.guessed)
    with part.open() as raw:
        blocks = TextFile(decoded(raw, encoding))
        text = io.TextIOWrapper(cast("Any", blocks), "utf-8-sig", "replace", newline=None)
        lines = islice(iter(lambda: text.readline(_LONGEST_LINE), ""), _MOST_LINES)
        yield from _passed_over(lines, skip, comment)


def _passed_over(lines: Iterable[str], skip: int, comment: str | None) -> Iterator[str]:
    for number, line in enumerate(lines):
        text = line.rstrip("\n")
        if number >= skip and text and not (comment and text.startswith(comment)):
            return
        if text:
            yield text
