"""The rows that decisions are about: what is recorded of a row, and where the row is now.

A row has another ``_rid`` when a later batch brings it again, so decisions record its declared key, too, and the values
that the person saw. A row with the same ``_rid`` is the same record. A row with the same key is the same subject as
long as it has these values; otherwise the decision no longer applies.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from vertebra.formatting import counted
from vertebra.trusted.cells import parsed

if TYPE_CHECKING:
    import pyarrow.dataset as pads

    from vertebra.declare.dataset import Dataset
    from vertebra.lake.table import LakeTable

_RID = "_rid"
_Row = Mapping[str, "str | None"]


@dataclass(frozen=True)
class RowIdentity:
    """What identifies a row beyond its ``_rid``.

    Attributes:
        key: the declared key as a JSON object of texts; None if the dataset has none, part of it is NULL, or another
            row has it.
        values: the values of the columns that a decision is about, as a JSON object of texts.
    """

    key: str | None
    values: str


@dataclass(frozen=True)
class Whereabouts:
    """Where the row of a decision is now: its ``_rid``, or why the decision no longer applies."""

    rid: int | None
    lapsed: str | None = None


def identify(dataset: Dataset, table: LakeTable, version: int, rid: int, columns: Iterable[str]) -> RowIdentity | None:
    """The identity of a row of a formatted table; None if there is no such row.

    Args:
        columns: the columns that the decision is about.
    """
    import pyarrow.compute as pc

    names = set(table.schema(version).names)
    key = [name for name in dataset.key if name in names]
    about = sorted({name for name in columns if name in names})
    data = table.arrow(version)
    rows = texts_of(data.to_table(columns=[*{*key, *about, _RID}], filter=pc.field(_RID) == rid))
    if not rows:
        return None
    text = _key(rows[0], key) if len(key) == len(dataset.key) else None
    if text is not None and len(_by_key(dataset, data, [text], ()).get(text, ())) != 1:
        text = None
    return RowIdentity(text, _json(rows[0], about))


def locate(
    dataset: Dataset, table: LakeTable, version: int, wanted: Sequence[tuple[int, str | None, str | None]]
) -> list[Whereabouts]:
    """Where the rows of decisions are in a formatted table.

    Args:
        wanted: for each decision the row's ``_rid`` when it was made, and the key and values of its identity.

    Returns:
        One for each decision, in order.
    """
    import pyarrow.compute as pc

    data = table.arrow(version)
    rids = sorted({rid for rid, _, _ in wanted})
    present = set(data.to_table(columns=[_RID], filter=pc.field(_RID).isin(rids)).column(_RID).to_pylist())
    keys = {key for rid, key, _ in wanted if key is not None and rid not in present}
    columns = {name for _, _, values in wanted for name in json.loads(values or "{}")}
    found = _by_key(dataset, data, keys, columns) if keys else {}
    return [
        Whereabouts(rid) if rid in present else _whereabouts(dataset, key, values, found) for rid, key, values in wanted
    ]


def _whereabouts(
    dataset: Dataset, key: str | None, values: str | None, found: Mapping[str, Sequence[tuple[int, _Row]]]
) -> Whereabouts:
    if key is None:
        return Whereabouts(None, "its row is gone, and no key was recorded to find it by")
    named = json.loads(key)
    shown = ", ".join(f"{name} = {value}" for name, value in named.items())
    if list(named) != list(dataset.key):
        return Whereabouts(None, f"its row had the key {shown}, and the key is {', '.join(dataset.key) or 'gone'} now")
    rows = found.get(key, ())
    if len(rows) != 1:
        return Whereabouts(
            None, f"{counted(len(rows), 'row has', 'rows have') if rows else 'no row has'} the key {shown}"
        )
    rid, row = rows[0]
    for name, before in json.loads(values or "{}").items():
        if name not in row:
            return Whereabouts(None, f"{dataset.name} has no column {name} any more")
        if row[name] != before:
            return Whereabouts(None, f"{name} was {_shown(before)}, and is {_shown(row[name])} now")
    return Whereabouts(rid)


def _by_key(
    dataset: Dataset, data: pads.Dataset, keys: Iterable[str], columns: Iterable[str]
) -> dict[str, list[tuple[int, _Row]]]:
    """The rows with some of the keys, by key; the table is read in batches."""
    import pyarrow.compute as pc

    schema = data.schema
    names = list(dataset.key)
    if any(name not in schema.names for name in names):
        return {}
    wanted = _typed([named for key in keys if list(named := json.loads(key)) == names], names, schema)
    if not wanted.num_rows:
        return {}
    about = [name for name in dict.fromkeys((*names, *columns)) if name in schema.names]
    only = None
    for name in names:
        same = pc.field(name).isin(wanted.column(name).combine_chunks())
        only = same if only is None else only & same
    found: dict[str, list[tuple[int, _Row]]] = defaultdict(list)
    for batch in data.scanner(columns=[_RID, *about], filter=only).to_batches():
        matching = pa.Table.from_batches([batch]).join(wanted, names, join_type="inner")
        for row in texts_of(matching):
            key = _key(row, names)
            if key is not None:
                found[key].append((int(row.pop(_RID) or 0), row))
    return found


def _typed(keys: Sequence[Mapping[str, str]], names: Sequence[str], schema: pa.Schema) -> pa.Table:
    """Keys as a table of the key columns' types, without those that are no values of them any more."""
    rows = []
    for key in keys:
        try:
            rows.append({name: parsed(key[name], schema.field(name).type) for name in names})
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
    return pa.Table.from_pylist(rows, schema=pa.schema([schema.field(name) for name in names]))


def texts_of(table: pa.Table) -> list[dict[str, str | None]]:
    """The rows of a small table, with each value as text."""
    texts = {name: _as_text(table.column(name)).to_pylist() for name in table.column_names}
    return [dict(zip(texts, row, strict=True)) for row in zip(*texts.values(), strict=True)]


def _as_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us"))  # without a zone: the text is in UTC
    return values.cast(pa.string())


def _key(row: _Row, names: Sequence[str]) -> str | None:
    if not names or any(row[name] is None for name in names):
        return None
    return _json(row, names)


def _json(row: _Row, names: Iterable[str]) -> str:
    return json.dumps({name: row[name] for name in names}, ensure_ascii=False)


def _shown(value: Any) -> str:
    return "NULL" if value is None else repr(value)
