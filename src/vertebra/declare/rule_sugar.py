"""Rule sugar: short ways to write denial constraints and references, such as ``range: [1, 5000]``.

Each sugar is one module in :mod:`vertebra.declare.sugar`, and everything else reads the registry :data:`SUGARS`: the
models of rules and columns, the compiler, the JSON Schema, the reference documentation, fingerprints, warnings and
discovery. ``CONTRIBUTING.md`` has the steps for adding one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, Self

from pydantic import Field, create_model

from vertebra.declare.declaration import Declaration
from vertebra.declare.rule_scope import RuleScope
from vertebra.declare.yaml_flow import flow
from vertebra.denial import DenialConstraint, Inclusion
from vertebra.registry import Registry

Constraint = DenialConstraint | Inclusion
"""What a rule compiles to."""


class Sugar(ABC):
    """One rule sugar. The methods say how it is compiled; the attributes, how it is declared and described.

    Attributes:
        name: its key under ``rules:`` and on a column, and the name of its module.
        position: its place in lists, the lowest first; sugars of equal position are in alphabetical order.
        summary: what it requires, in one sentence, for the JSON Schema.
        rule_type: the type of its value under ``rules:``.
        column_type: the type of its value on a column; None where it cannot stand on a column.
        column_default: the value of a column that does not have it.
        removable: whether a violating row may be wrong; otherwise the rule is only reported, or fails.
        example: a value under ``rules:`` for the reference documentation, about the datasets ``flights`` and ``planes``
            of :mod:`vertebra.report.rule_reference`.
    """

    name: ClassVar[str]
    position: ClassVar[int] = 100
    summary: ClassVar[str]
    rule_type: ClassVar[Any]
    column_type: ClassVar[Any] = None
    column_default: ClassVar[Any] = None
    removable: ClassVar[bool] = True
    example: ClassVar[Any]

    @abstractmethod
    def compile(self, value: Any, scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """Compile a value under ``rules:``.

        Args:
            value: an instance of ``rule_type``.

        Returns:
            Pairs of name and constraint; see :meth:`RuleScope.constraint_name` for the names.

        Raises:
            RuleError: the value names unknown columns, or does not make a denial constraint over them.
            DeclarationError: the value does not declare a rule.
        """

    def rule_value(self, column: str, value: Any) -> Any:
        """The value under ``rules:`` that means the same as a value on a column."""
        return {column: value}

    def rule_name(self, column: str, value: Any) -> str:
        """The name of the rule that a value on a column declares."""
        del value
        return f"{column}_{self.name}"

    def datasets_read(self, value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
        """The other datasets that a value under ``rules:`` names: pairs of key path and dataset name."""
        del value
        yield from ()

    def error_place(self, value: Any) -> tuple[str, ...]:
        """The keys inside a value under ``rules:`` at which errors are shown."""
        del value
        return ()

    def to_yaml(self, value: Any) -> str:
        """A value under ``rules:`` as YAML in one line, as discovery writes it into a dataset's file."""
        return flow(value)


SUGARS: Final[Registry[Sugar]] = Registry(
    "rule sugar", "vertebra.declare.sugar", "SUGAR", "vertebra.declare.rule_sugar:Sugar"
)
"""Every rule sugar by name; ``deny``, which is the constraint itself, is one of them."""


def in_order(sugars: Mapping[str, Sugar] = SUGARS) -> tuple[Sugar, ...]:
    """The sugars in the order of lists, tables and error messages."""
    return tuple(sorted(sugars.values(), key=lambda sugar: (sugar.position, sugar.name)))


def of_columns(sugars: Mapping[str, Sugar] = SUGARS) -> tuple[Sugar, ...]:
    """The sugars that may stand on a column, in order."""
    return tuple(sugar for sugar in in_order(sugars) if sugar.column_type is not None)


class SugarFields(Declaration):
    """A declaration that may have sugar: a column, or a rule.

    The fields of the sugars are added by :func:`with_rule_sugar` and :func:`with_column_sugar`, those of rules about
    the whole table by :mod:`vertebra.declare.table_rule`.
    """

    sugar_names: ClassVar[tuple[str, ...]] = ()
    table_rule_names: ClassVar[tuple[str, ...]] = ()

    def sugar(self) -> dict[str, Any]:
        """The sugar that is written in this declaration: value by name, in the order of the registry."""
        fields = type(self).model_fields
        values = {name: getattr(self, name) for name in self.sugar_names}
        return {name: value for name, value in values.items() if value != fields[name].default}

    def table_rules(self) -> dict[str, Any]:
        """The rules about the whole table that are written in this declaration: value by kind."""
        values = {name: getattr(self, name) for name in self.table_rule_names}
        return {name: value for name, value in values.items() if value is not None}

    def without_sugar(self) -> Self:
        """A copy in which no sugar and no rule about the whole table is written."""
        fields = type(self).model_fields
        names = (*self.sugar_names, *self.table_rule_names)
        return self.model_copy(update={name: fields[name].default for name in names})


def with_rule_sugar(base: type[SugarFields], sugars: Mapping[str, Sugar] = SUGARS) -> type[SugarFields]:
    """A model with the fields of another and one for each sugar, as it is written under ``rules:``."""
    fields = {
        sugar.name: (
            sugar.rule_type | None,
            Field(default=None, description=sugar.summary, examples=[sugar.example]),
        )
        for sugar in in_order(sugars)
    }
    return _extended(base, fields)


def with_column_sugar(base: type[SugarFields], sugars: Mapping[str, Sugar] = SUGARS) -> type[SugarFields]:
    """A model with the fields of another and one for each sugar that may stand on a column."""
    fields = {}
    for sugar in of_columns(sugars):
        optional = sugar.column_default is None
        kind = sugar.column_type | None if optional else sugar.column_type
        fields[sugar.name] = (kind, Field(default=sugar.column_default, description=sugar.summary))
    return _extended(base, fields)


def _extended(base: type[SugarFields], fields: Mapping[str, Any]) -> type[SugarFields]:
    made: Any = create_model(base.__name__, __base__=base, __module__=base.__module__, **fields)
    made.sugar_names = tuple(fields)
    extended: type[SugarFields] = made
    return extended
