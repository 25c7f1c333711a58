"""What trimming changed: how many cells of each string column, and keys that differed only by surrounding blanks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from vertebra.formatted.deletions import batch_of, complete_key
from vertebra.formatted.text import cell_text
from vertebra.formatting import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import Column, DataFrame, Row

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.context import StepContext

_EXAMPLES: Final = 3
_TEXTS: Final = "_texts"


@dataclass(frozen=True)
class Trimmed:
    """What trimming changed in the records that a step read.

    Attributes:
        cells: number of changed cells by column; columns without any are left out.
        keys_merged: keys of an upserted table whose records are written with and without blanks, or with other ones.
        merged: some of these keys, with their texts, for people.
    """

    cells: Mapping[str, int] = field(default_factory=dict)
    keys_merged: int = 0
    merged: tuple[str, ...] = ()


NOTHING_TRIMMED: Final = Trimmed()


def trimmed_columns(dataset: Dataset) -> list[str]:
    """The columns whose values trimming changes."""
    return [name for name, column in dataset.columns.items() if cell_text(dataset, column).shortens]


def count_trimmed(dataset: Dataset, texts: Sequence[DataFrame]) -> dict[str, int]:
    """The number of cells that trimming changed, by column.

    Args:
        texts: frames with the raw text of each declared column.
    """
    from pyspark.sql import functions as F

    names = trimmed_columns(dataset)
    if not names:
        return {}
    read = [cell_text(dataset, dataset.columns[name]) for name in names]
    changed = [one.without_blanks(F.col(name)) != F.col(name) for name, one in zip(names, read, strict=True)]
    numbers = [F.count(F.when(one, 1)).alias(f"_{place}") for place, one in enumerate(changed)]
    counts = [text.agg(*numbers).first() for text in texts]
    totals = {name: sum(count[place] for count in counts if count is not None) for place, name in enumerate(names)}
    return {name: number for name, number in totals.items() if number}


def merged_keys(
    dataset: Dataset,
    keyed: Callable[[DataFrame, Mapping[str, Column]], DataFrame],
    text: DataFrame,
    present: DataFrame | None,
    text_of: Callable[[Sequence[int]], DataFrame],
    ctx: StepContext,
) -> tuple[int, tuple[str, ...]]:
    """Find the keys that are equal because they are trimmed.

    Args:
        keyed: gives the ``_rid``, the key and further columns of records, from their raw text.
        text: the records that the step read.
        present: rows of the table before the step; None if none count.
        text_of: the text of the records of some batches.

    Returns:
        The number of keys, and some of them with their texts.
    """
    from pyspark.sql import functions as F

    names = [name for name in trimmed_columns(dataset) if name in dataset.key]
    if not names:
        return 0, ()
    raw = {f"_raw_{place}": F.col(name) for place, name in enumerate(names)}
    new = keyed(text, raw).where(complete_key(dataset))
    rows = new
    if present is not None:
        again = ctx.engine.materialise(
            present.select("_rid", *dataset.key).join(new.select(*dataset.key).distinct(), [*dataset.key], "left_semi"),
            ctx.scratch / "keys-again",
        )
        numbers = [row[0] for row in again.select(batch_of("_rid")).distinct().collect()]
        if numbers:
            rows = new.unionByName(keyed(text_of(numbers), raw).join(again.select("_rid"), "_rid", "left_semi"))
    written = F.struct(*(F.col(name) for name in raw))
    groups = rows.groupBy(*dataset.key).agg(F.collect_set(written).alias(_TEXTS))
    found = ctx.engine.materialise(groups.where(F.size(_TEXTS) > 1), ctx.scratch / "keys-merged")
    number = found.count()
    examples = found.orderBy(*dataset.key).limit(_EXAMPLES).collect() if number else []
    return number, tuple(_described(dataset, row) for row in examples)


def _described(dataset: Dataset, row: Row) -> str:
    """A merged key: ``code 'A1' (written 'A1' and 'A1 ')``; invisible characters are escaped."""
    key = ", ".join(f"{name} {row[name]!r}" for name in dataset.key)
    texts = [", ".join(map(repr, written)) for written in sorted(row[_TEXTS])]
    return f"{key} (written {joined(texts)})"
