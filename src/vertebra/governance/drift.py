"""Drift: how the columns of batches differ from the declared ones, and change from batch to batch.

Names and types are compared with the declaration. The order of columns, and the type of a column that is text or not
declared, are compared with the first batch that has the column. A difference that lasts over several batches is one
drift.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, Literal

from vertebra.declare.column_type import INTEGERS, column_type
from vertebra.declare.yaml_flow import plain_or_quoted
from vertebra.governance.cell_texts import Cells, cell_names
from vertebra.governance.renames import look_alike, source_line
from vertebra.lake.column_profile import EMPTY, ColumnProfile
from vertebra.unicode_form import nfc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from vertebra.declare.dataset import Column, Dataset
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.batches import Batch, Receipt
    from vertebra.lake.commit import Commit

Kind = Literal["undeclared", "added", "missing", "renamed", "reordered", "retyped"]

_LEDGER: Final = "drift"
_DECIMAL: Final = ("int", "digits", "decimal")
_WRITTEN_AS: Final = {
    "boolean": ("bool", "int"),
    "date": ("date", "timestamp"),
    "timestamp": ("date", "timestamp"),
    "float": _DECIMAL,
    "double": _DECIMAL,
    "decimal": _DECIMAL,
}
"""How values of a declared type may be written. Integers: ``int`` and ``digits``; strings: anything."""


_UNORDERED: Final = ("json", "jsonl", "xml")
"""Formats whose keys and elements have no order."""


@dataclass(frozen=True)
class ColumnDrift:
    """One difference of one column, over consecutive batches with this difference.

    Attributes:
        kind: ``undeclared`` (in the first batch already), ``added``, ``missing``, ``renamed``, ``reordered`` or
            ``retyped``.
        column: its declared name; its name in the payload when it is not declared.
        detail: what is different.
        policy: what the dataset's drift policy does about it; empty if no action is needed.
        first_batch, last_batch: numbers of the batches.
        first_seen, last_seen: when they were collected, UTC.
        suggestion: what to declare, or None.
    """

    kind: Kind
    column: str
    detail: str
    policy: str
    first_batch: int
    last_batch: int
    first_seen: datetime
    last_seen: datetime
    suggestion: str | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.column}" + (f" ({self.detail})" if self.detail else "")


def sources_in(
    dataset: Dataset, present: Sequence[str], renamed: Mapping[str, str] | None = None
) -> dict[str, Cells | None]:
    """The payload's column for each declared column, None where there is none.

    A date or time of several cells has a tuple of columns, in the order of the joined text, and None where one of them
    is missing. Names must be equal; a column with several sources takes the first that exists. A name that differs
    only in its Unicode form, such as ``é`` as one character or as two, comes after an equal one. In a payload with the
    columns ``V`` and ``v``, of which the second is named ``v_2`` in the records, a source ``v`` is the second.

    Args:
        present: the columns of the payload, by their names in the records.
        renamed: the name in the payload of each that has another one in the records.
    """
    found = {old: new for new, old in reversed(list((renamed or {}).items()))} | {name: name for name in present}
    forms = {nfc(name): new for name, new in reversed(list(found.items()))}

    def place(names: Sequence[str]) -> str | None:
        return next((at for name in names if (at := found.get(name) or forms.get(nfc(name)))), None)

    def places(column: Column, name: str) -> Cells | None:
        cells = [place(names) for names in column.cells(name).values()]
        present = tuple(cell for cell in cells if cell is not None)
        if len(present) < len(cells):
            return None
        return present if len(present) > 1 or isinstance(column.source, dict) else present[0]

    return {name: places(column, name) for name, column in dataset.columns.items()}


def batch_sources(dataset: Dataset, receipt: Receipt) -> dict[str, Cells | None]:
    """The column in the records of a batch for each declared column; see :func:`sources_in`."""
    return sources_in(dataset, receipt.columns, receipt.text.get("renamed"))


def path_bases(receipt: Receipt) -> set[str]:
    """The columns of a batch that have nested values which are columns of their own."""
    return {re.split(r"[.\[]", path)[0] for path in receipt.text.get("paths", ())}


def drift_of(dataset: Dataset, landed: Sequence[Batch]) -> list[ColumnDrift]:
    """How the columns of batches differ from the declared ones, in the order of the batches.

    Args:
        landed: oldest first. Batches without columns, such as an empty JSON array, are ignored.
    """
    found: list[ColumnDrift] = []
    lasting: dict[tuple[Kind, str, str], int] = {}
    comparison = _Comparison(dataset)
    for batch in landed:
        if not batch.receipt.columns:
            continue
        now = {}
        for one in comparison.differences(batch):
            key = (one.kind, one.column, one.detail)
            place = lasting.get(key)
            if place is None:
                now[key] = len(found)
                found.append(one)
            else:
                now[key] = place
                found[place] = replace(found[place], last_batch=one.last_batch, last_seen=one.last_seen)
        lasting = now
    return found


def record_drift(dataset: Dataset, landed: Sequence[Batch], ledgers: Ledgers, commit: Commit) -> list[ColumnDrift]:
    """Find the drift of a dataset, and write it to the ledger if it differs from what is recorded."""
    found = drift_of(dataset, landed)
    rows = [
        {
            "dataset": dataset.name,
            "kind": one.kind,
            "column_name": one.column,
            "detail": one.detail,
            "policy": one.policy,
            "first_batch": one.first_batch,
            "last_batch": one.last_batch,
            "first_seen": one.first_seen,
            "last_seen": one.last_seen,
            "suggestion": one.suggestion,
        }
        for one in found
    ]
    recorded = [row for row in ledgers.read(_LEDGER).to_pylist() if row["dataset"] == dataset.name]
    if rows != recorded:
        ledgers.state(_LEDGER, dataset.name, rows, commit)
    return found


def schema_rows(dataset: Dataset, landed: Iterable[Batch], run_id: str) -> list[dict[str, object]]:
    """The columns of batches as rows of the ledger ``schemas``."""
    rows: list[dict[str, object]] = []
    for batch in landed:
        sources = batch_sources(dataset, batch.receipt)
        declared = {cell: name for name, source in sources.items() for cell in cell_names(source)}
        for position, column in enumerate(batch.receipt.columns):
            seen = batch.receipt.seen.get(column)
            observed = ColumnProfile.from_receipt(seen) if seen is not None else None
            name = declared.get(column)
            of = dataset.columns[name] if name else None
            null, blank = _null(dataset, of), of is not None and dataset.blank_is_null(of)
            nulls = observed.nulls(null, blank=blank) / observed.records if observed and observed.records else None
            rows.append(
                {
                    "run_id": run_id,
                    "source": dataset.source,
                    "dataset": dataset.name,
                    "batch": batch.number,
                    "position": position,
                    "column_name": column,
                    "declared_as": name,
                    "type": observed.type(null) if observed else None,
                    "nulls": nulls,
                }
            )
    return rows


def misfit(dataset: Dataset, name: str, source: Cells, batch: Batch) -> str | None:
    """The type that a batch's column is written as, if it does not fit the declared type; else None.

    Columns that declare how they are written (``format``, ``decimal``, ``thousands``, ``true_values``,
    ``false_values``) are not checked, because profiles only recognise common notations; nor are those of several cells.
    """
    column = dataset.columns[name]
    if not isinstance(source, str) or column.unit_from is not None:
        return None
    declared_format = (
        column.format or column.thousands or column.decimal != "." or column.true_values or column.false_values
    )
    written = _written(dataset, column, source, batch)
    if declared_format or written == EMPTY:
        return None
    declared = column_type(column.type).name
    fitting = ("int", "digits") if declared in INTEGERS else _WRITTEN_AS.get(declared)
    return None if fitting is None or written in fitting else written


class _Comparison:
    """Compares batches with the declaration, and with the first batch that has a column."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._order: list[str] = []
        self._sources: dict[str, str] = {}
        self._types: dict[str, str] = {}
        self._retyped: dict[str, str] = {}
        self._first_columns: frozenset[str] | None = None
        self._before: Batch | None = None

    def differences(self, batch: Batch) -> list[ColumnDrift]:
        """The differences of a batch; call it for batches in their order."""
        present = batch.receipt.columns
        if self._first_columns is None:
            self._first_columns = frozenset(present)
        sources = batch_sources(self._dataset, batch.receipt)
        known_as = {source: name for name, source in sources.items() if isinstance(source, str)}
        parts = {cell for source in sources.values() if not isinstance(source, str) for cell in cell_names(source)}
        read = known_as.keys() | parts | path_bases(batch.receipt)
        extra = [column for column in present if column not in read]
        found = [
            *self._named(batch, sources, extra),
            *self._ordered(batch, [known_as.get(column, column) for column in present]),
            *self._typed(
                batch, {known_as.get(one, one): one for one in present if one in known_as or one not in parts}
            ),
        ]
        self._before = batch
        return found

    def _named(self, batch: Batch, sources: Mapping[str, Cells | None], extra: list[str]) -> list[ColumnDrift]:
        policy, found = self._dataset.drift, []
        first = self._first_columns or frozenset()
        for column in extra:
            kind: Kind = "undeclared" if column in first else "added"
            found.append(_drift(kind, column, _same_name(column, batch), policy.extra, batch))
        missing = [name for name, source in sources.items() if source is None]
        received = [name for name in missing if self._dataset.columns[name].is_received]
        for name, other in look_alike(self._dataset, received, extra, batch, self._before).items():
            missed = _drift("missing", name, f"perhaps renamed to {plain_or_quoted(other)}", policy.missing, batch)
            found.append(replace(missed, suggestion=source_line(self._dataset, name, other)))
            missing.remove(name)
        found += [_drift("missing", name, "", policy.missing, batch) for name in missing]
        for name, source in sources.items():
            if source is not None and not isinstance(source, str):
                now = " and ".join(source)
                before = self._sources.setdefault(name, now)
                found += [_drift("renamed", name, f"{now}, was {before}", "", batch)] if now != before else []
            elif source is not None:
                before = self._sources.setdefault(name, source)
                given = batch.receipt.text.get("renamed", {}).get(source, source)
                declared_as = self._dataset.columns[name].sources(name)
                alike = next((one for one in declared_as if nfc(one) == nfc(given)), given)
                if given != alike and given not in declared_as:
                    words = f"{given!a} is {alike} in another Unicode form"
                    found.append(_drift("renamed", name, words, "", batch))
                elif source != before:
                    found.append(_drift("renamed", name, f"{source}, was {before}", "", batch))
        return found

    def _ordered(self, batch: Batch, names: list[str]) -> list[ColumnDrift]:
        if batch.receipt.parse.get("format") in _UNORDERED:
            return []
        shared = [name for name in self._order if name in names]
        now = [name for name in names if name in self._order]
        kept = {
            name
            for block in SequenceMatcher(None, shared, now, autojunk=False).get_matching_blocks()
            for name in now[block.b : block.b + block.size]
        }
        self._order += [name for name in names if name not in self._order]
        return [
            _drift("reordered", name, f"column {names.index(name) + 1}, was {self._order.index(name) + 1}", "", batch)
            for name in now
            if name not in kept
        ]

    def _typed(self, batch: Batch, columns: Mapping[str, str]) -> list[ColumnDrift]:
        found = []
        for name, source in columns.items():
            if source not in batch.receipt.seen:
                continue
            column = self._dataset.columns.get(name)
            written = _written(self._dataset, column, source, batch)
            if written == EMPTY:
                # a column without values does not end a drift
                detail = self._retyped.get(name)
            else:
                before = self._types.setdefault(name, written)
                detail = None
                if column is not None and column.type != "string":
                    wrong = misfit(self._dataset, name, source, batch)
                    detail = f"{wrong}, declared {column.type}" if wrong else None
                elif written != before:
                    detail = f"{written}, was {before}"
            self._retyped.pop(name, None)
            if detail is not None:
                self._retyped[name] = detail
                policy = self._dataset.drift.retyped if "declared" in detail else ""
                found.append(_drift("retyped", name, detail, policy, batch))
        return found


def _written(dataset: Dataset, column: Column | None, source: str, batch: Batch) -> str:
    seen = batch.receipt.seen.get(source)
    return EMPTY if seen is None else ColumnProfile.from_receipt(seen).type(_null(dataset, column))


def _null(dataset: Dataset, column: Column | None) -> tuple[str, ...]:
    return (*dataset.parse.null, *(column.null if column else ()))


def _same_name(column: str, batch: Batch) -> str:
    """Which column of a batch has the same name in another Unicode form, in words; empty if none has."""
    other = next((one for one in batch.receipt.columns if one != column and nfc(one) == nfc(column)), None)
    return "" if other is None else f"{column!a} is {other!a} in another Unicode form"


def _drift(kind: Kind, column: str, detail: str, policy: str, batch: Batch) -> ColumnDrift:
    at = batch.receipt.collected_at
    return ColumnDrift(kind, column, detail, policy, batch.number, batch.number, at, at)
