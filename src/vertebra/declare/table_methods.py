"""The repair methods that look at a whole table, checked against their registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from vertebra.declare.table_repair import TableRepair, Trust
from vertebra.errors import DeclarationError, RegistryError
from vertebra.registry import Registry

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset


class NamedMethod(Protocol):
    """The part of a method that declarations need; the whole is in ``vertebra.trusted.repair.table_port``."""

    @property
    def name(self) -> str:
        """The name in ``methods:``."""
        ...

    @property
    def by_default(self) -> bool:
        """Whether ``repair: auto`` uses it."""
        ...


TABLE_REPAIR_METHODS: Final[Registry[NamedMethod]] = Registry(
    "repair method for tables",
    "vertebra.trusted.repair.table_methods",
    "METHOD",
    "vertebra.trusted.repair.table_port:TableRepairMethod",
    group="vertebra.table_repair_methods",
)
"""The repair methods that look at a whole table, by name: the built-in ones and those of plug-ins."""


def table_repair_of(dataset: Dataset) -> TableRepair | None:
    """How the table of a dataset is repaired; None if only its rules are.

    Raises:
        RegistryError: there is no such method.
        DeclarationError: it names a column that the dataset does not have.
    """
    if dataset.repair is None:
        return None
    declared = TableRepair() if dataset.repair == "auto" else dataset.repair
    for name in declared.methods or ():
        try:
            TABLE_REPAIR_METHODS.get_or_refuse(name)
        except RegistryError as error:
            raise RegistryError(
                f"repair of {dataset.name}: {error.fact}", cause=error.cause, remedy=error.remedy
            ) from error
    told_apart = declared_trust(declared)
    named = [*(declared.columns or ()), *([told_apart.column] if told_apart is not None else [])]
    unknown = [name for name in named if name not in dataset.columns]
    if unknown:
        raise DeclarationError(
            f"repair of {dataset.name} names the column {unknown[0]}, which it does not have",
            cause=f"its columns are {', '.join(dataset.columns)}",
            remedy="write one of them",
        )
    return declared


def declared_trust(declared: TableRepair) -> Trust | None:
    """The column that tells sources apart, and their accuracies; None if it is not declared."""
    if isinstance(declared.trust, bool):
        return None
    return Trust(column=declared.trust) if isinstance(declared.trust, str) else declared.trust


def table_methods_of(declared: TableRepair) -> tuple[str, ...]:
    """The methods of a declared repair, by name."""
    if declared.methods is not None:
        return declared.methods
    return tuple(name for name in TABLE_REPAIR_METHODS if TABLE_REPAIR_METHODS[name].by_default)


def repairable_columns(dataset: Dataset, declared: TableRepair) -> tuple[str, ...]:
    """The columns that the methods may change."""
    if declared.columns is not None:
        return declared.columns
    return tuple(name for name in dataset.columns if name not in dataset.key)
