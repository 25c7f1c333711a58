"""The key of the records to forget, as people write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vertebra.errors import DecisionError
from vertebra.formatting import counted, shortened
from vertebra.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.dataset import Dataset


def key_of(dataset: Dataset, given: str | Sequence[str] | Mapping[str, object]) -> dict[str, str]:
    """The text of each column that records are found by.

    Args:
        given: values of the declared key, in its order; or ``column=value`` for any columns; or a mapping.

    Raises:
        DecisionError: there is no such column, or values do not fit the key.
    """
    if isinstance(given, Mapping):
        found = {str(name): str(value) for name, value in given.items()}
    else:
        found = _written(dataset, [given] if isinstance(given, str) else list(given))
    for name, text in found.items():
        if name not in dataset.columns:
            raise DecisionError(
                f"{dataset.name} has no column {name}",
                cause=f"its columns are {shortened(list(dataset.columns))}",
                remedy=did_you_mean(name, dataset.columns, f"vertebra forget {dataset.name} COLUMN=VALUE"),
            )
        if not text.strip():
            raise DecisionError(
                f"{name} has no value",
                cause="records without a value are those of many people",
                remedy=f"vertebra forget {dataset.name} {name}=VALUE",
            )
    return found


def _written(dataset: Dataset, given: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    by_name = {name: value for name, _, value in pairs}
    if pairs and all(sign and name.isidentifier() for name, sign, _ in pairs) and len(by_name) == len(pairs):
        # a text may look like column=value itself
        texts = any(dataset.columns[name].type == "string" for name in dataset.key)
        if any(name in dataset.columns for name in by_name) or not texts:
            return by_name
    if not dataset.key:
        raise DecisionError(
            f"{dataset.name} has no key",
            cause="no key is declared, so a value alone does not say which column has it",
            remedy=f"vertebra forget {dataset.name} COLUMN=VALUE, or declare key: in {dataset.declared_in}",
        )
    if len(given) != len(dataset.key):
        columns = " ".join(f"{name}=VALUE" for name in dataset.key)
        raise DecisionError(
            f"{counted(len(given), 'value')} for the key of {dataset.name}, which has "
            f"{counted(len(dataset.key), 'column')}",
            cause=f"the key is {', '.join(dataset.key)}",
            remedy=f"vertebra forget {dataset.name} {columns}",
        )
    return dict(zip(dataset.key, given, strict=True))
