"""Drift: batches whose columns differ from the declared ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.declare.dataset import Column
from vertebra.declare.yaml_flow import plain_or_quoted
from vertebra.errors import DriftError
from vertebra.formatting import counted, shortened
from vertebra.governance.cell_texts import Cells, cell_names
from vertebra.governance.drift import batch_sources, misfit, path_bases
from vertebra.governance.renames import like_named, renamed_advice

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.lake.batches import Batch


@dataclass(frozen=True)
class Match:
    """How the columns of a batch map to the declared ones.

    Attributes:
        batch: the batch.
        sources: the batch's column of each declared column, several for a date or time of several cells; None where it
            has none.
        extra: the batch's columns that are not declared and therefore left out.
    """

    batch: Batch
    sources: Mapping[str, Cells | None]
    extra: tuple[str, ...]


def evolved(dataset: Dataset, landed: Sequence[Batch]) -> dict[str, Column]:
    """The columns, of type string, that batches add to the table where the policy is ``drift: {extra: evolve}``.

    Names are made from those of the payload, in lower case and without accents, spaces and punctuation. They depend
    only on the batches and their order: later batches add columns and never rename existing ones.

    Args:
        landed: oldest first.
    """
    if dataset.drift.extra != "evolve":
        return {}
    found: dict[str, Column] = {}
    known: set[str] = set()
    for batch in landed:
        used = {cell for source in batch_sources(dataset, batch.receipt).values() for cell in cell_names(source)}
        for column in batch.receipt.columns:
            if column in used or column in known:
                continue
            known.add(column)
            name = wanted = _name(column)
            number = 2
            while name in dataset.columns or name in found:
                name, number = f"{wanted}_{number}", number + 1
            found[name] = Column(source=column)
    return found


def match_columns(dataset: Dataset, batch: Batch, more: Mapping[str, Column] | None = None) -> Match:
    """Find the declared columns in a batch.

    Names must be equal; a column with several sources takes the first that the batch has.

    Args:
        more: columns of the table that are not declared; see :func:`evolved`.

    Raises:
        DriftError: columns are missing or written as another type, or there are undeclared ones, and the dataset's
            drift policy forbids it. The message suggests what to declare.
    """
    more = more or {}
    present = batch.receipt.columns
    if not present and not batch.receipt.records:
        # a batch without rows has no columns: an empty JSON array is not drift
        return Match(batch, dict.fromkeys([*dataset.columns, *more]), ())
    sources = batch_sources(dataset, batch.receipt)
    used = {cell for source in sources.values() for cell in cell_names(source)} | path_bases(batch.receipt)
    extra = tuple(column for column in present if column not in used)
    missing = [name for name, source in sources.items() if source is None]
    _refuse_without_origin(dataset, batch, missing)
    if missing and dataset.drift.missing == "fail":
        raise _missing(dataset, batch, missing, extra)
    if extra and dataset.drift.extra == "fail":
        raise _extra(dataset, batch, missing, extra)
    if dataset.drift.retyped == "fail":
        _refuse_retyped(dataset, batch, sources)
    for name, column in more.items():
        sources[name] = next((source for source in column.sources(name) if source in extra), None)
    brought = {source for name, source in sources.items() if name in more}
    return Match(batch, sources, tuple(column for column in extra if column not in brought))


def refuse_never_seen(dataset: Dataset, received: Sequence[Batch]) -> None:
    """Refuse columns that no batch has ever had: a misspelled name would be a column of NULLs.

    Columns that single batches lack are NULL in their rows where the policy is ``drift: {missing: null}``.

    Args:
        received: all batches, also those that do not count.

    Raises:
        DriftError: a declared column was in no batch.
    """
    seen = list(dict.fromkeys(column for batch in received for column in batch.receipt.columns))
    found = {name for batch in received for name, source in batch_sources(dataset, batch.receipt).items() if source}
    nested = list(dict.fromkeys(path for batch in received for path in batch.receipt.text.get("nested", ())))
    for name, column in dataset.columns.items():
        sources = column.sources(name)
        if not column.is_received:
            sources = tuple(one for names in column.cells(name).values() if not {*names} & {*seen} for one in names)
        if not seen or name in found or column.origin is not None or not sources:
            continue
        near = like_named(sources, [*nested, *seen])
        instead = f"write source: {plain_or_quoted(near)}" if near else f"write one of {_listed(seen)}"
        raise DriftError(
            f"no batch of {dataset.name} has ever had the column {' or '.join(map(repr, sources))} of {name}",
            cause=f"the {counted(len(received), 'batch', 'batches')} had {_listed(seen)}",
            remedy=f"{instead} in {dataset.declared_in}, or remove {name} until the source has it",
            where=f"{dataset.source}.{dataset.name}",
        )


def _refuse_without_origin(dataset: Dataset, batch: Batch, missing: Sequence[str]) -> None:
    """Refuse batches that lack a value which is not in the records, whatever the policy: NULL would be no answer."""
    for name in missing:
        column = dataset.columns[name]
        absent = (
            of for group, of in column.origins(name).items() if of.records_name(group) not in batch.receipt.columns
        )
        origin = next(absent, None)
        if origin is not None:
            tried = batch.receipt.kept_under is not None
            raise DriftError(
                f"batch {batch.number} has no value of {name}, which is taken from {origin.described()}",
                cause=f"it came from {batch.receipt.url}, and "
                + ("was parsed again without finding one" if tried else "was parsed before that was declared"),
                remedy=f"correct `from` of {name} in {dataset.declared_in}, or vertebra retract {dataset.name} "
                f"{batch.number} --reason …"
                if tried
                else f"vertebra collect {dataset.name}",
                where=f"{dataset.source}.{dataset.name}",
            )


def _refuse_retyped(dataset: Dataset, batch: Batch, sources: Mapping[str, Cells | None]) -> None:
    for name, source in sources.items():
        written = misfit(dataset, name, source, batch) if source is not None else None
        if written is not None:
            raise DriftError(
                f"batch {batch.number} has {written} where column {name} is {dataset.columns[name].type}",
                cause=f"less than 90 % of {source!r} has the declared type; the policy is `drift: {{retyped: fail}}`",
                remedy=f"correct the column's type in {dataset.declared_in}, "
                "or have cells that do not fit rejected one by one: drift: {retyped: ignore}",
                where=f"{dataset.source}.{dataset.name}",
            )


def _missing(dataset: Dataset, batch: Batch, missing: list[str], extra: tuple[str, ...]) -> DriftError:
    others = (*batch.receipt.text.get("nested", ()), *extra)
    remedy = renamed_advice(dataset, missing, others) or f"correct `columns` in {dataset.declared_in}"
    return DriftError(
        f"batch {batch.number} has no column {_listed(missing)}",
        cause=f"the policy is `drift: {{missing: fail}}`; the batch has {_listed(batch.receipt.columns)}",
        remedy=f'{remedy}, or take it as NULL: drift: {{missing: "null"}}',
        where=f"{dataset.source}.{dataset.name}",
    )


def _extra(dataset: Dataset, batch: Batch, missing: list[str], extra: tuple[str, ...]) -> DriftError:
    new = "; ".join(
        f"{plain_or_quoted(name)}: " + ("string" if name == column else f"{{source: {plain_or_quoted(column)}}}")
        for column in extra
        for name in (_name(column),)
    )
    absent = f"; it lacks {_listed(missing)}" if missing else ""
    return DriftError(
        f"batch {batch.number} has undeclared columns: {_listed(extra)}",
        cause=f"the policy is `drift: {{extra: fail}}`{absent}",
        remedy=f"write in {dataset.declared_in} under columns: {new}, "
        "or leave them out: drift: {extra: ignore}, or take them as text: drift: {extra: evolve}",
        where=f"{dataset.source}.{dataset.name}",
    )


def _name(column: str) -> str:
    """A valid column name made from a payload's."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", column).casefold() if not unicodedata.combining(c))
    words = "".join(char if char.isascii() and char.isalnum() else " " for char in plain).split()
    name = "_".join(words)
    return name if name[:1].isalpha() else f"c_{name}".rstrip("_")


def _listed(names: list[str] | tuple[str, ...], limit: int = 12) -> str:
    return shortened([repr(name) for name in names], limit)
