"""The repair of a rule: the repair method that it names, checked against the registry of repair methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from vertebra.declare.table_methods import TABLE_REPAIR_METHODS, table_methods_of, table_repair_of
from vertebra.denial import DenialConstraint, classify
from vertebra.errors import RegistryError, RuleError
from vertebra.registry import Registry

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule


_DEFAULT: Final = "consistent"
_DEFAULT_OF_ORDERS: Final = "longest_chain"


class RepairChecks(Protocol):
    """The part of a repair method that declarations need; the whole is in ``vertebra.trusted.repair.port``."""

    @property
    def name(self) -> str:
        """The name in ``repair_method:``."""
        ...

    @property
    def option(self) -> str:
        """The key of a rule that has the values the method uses; empty if it uses none."""
        ...

    @property
    def fills(self) -> bool:
        """Whether it understands ``fill: true``."""
        ...

    def columns(self, rule: NamedRule, dataset: Dataset) -> tuple[str, ...]:
        """The columns that the method may change to repair a rule.

        Raises:
            RuleError: the method cannot repair the rule.
        """
        ...


REPAIR_METHODS: Final[Registry[RepairChecks]] = Registry(
    "repair method",
    "vertebra.trusted.repair.methods",
    "METHOD",
    "vertebra.trusted.repair.port:RepairMethod",
    group="vertebra.repair_methods",
)
"""The repair methods by name: ``consistent``, ``majority``, ``longest_chain``, ``set`` and those of plug-ins."""


def repair_method_of(rule: NamedRule, dataset: Dataset) -> RepairChecks | None:
    """The method that repairs a rule, or None when the rule does not declare ``on_violation: repair``.

    Raises:
        RuleError: the method cannot repair the rule, or the rule declares a repair without ``on_violation: repair``.
        RegistryError: there is no such method.
    """
    if rule.on_violation != "repair":
        for key in (*repair_options(), "repair_method", "fill"):
            if getattr(rule, key):
                raise RuleError(
                    f"rule {rule.name} of {dataset.name} has `{key}` but repairs nothing",
                    cause=f"its on_violation is {rule.on_violation}",
                    remedy=f"write `on_violation: repair`, or remove `{key}`",
                )
        return None
    try:
        method = REPAIR_METHODS.get_or_refuse(rule.repair_method or default_method(rule))
    except RegistryError as error:
        raise RegistryError(
            f"rule {rule.name} of {dataset.name}: {error.fact}", cause=error.cause, remedy=error.remedy
        ) from error
    method.columns(rule, dataset)
    if rule.fill and not method.fills:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} has `fill`, which the repair method {method.name} does not know",
            cause="an empty cell gets the value of its group, and only a dependency, X -> A, makes groups",
            remedy="remove `fill`, or declare the rule with `determines`",
        )
    return method


def repair_plugins(dataset: Dataset) -> dict[str, str]:
    """The version of the package behind each plug-in repair method that a dataset names, for fingerprints."""
    named = {rule.repair_method for rule in dataset.rules.values() if rule.repair_method is not None}
    versions = {name: REPAIR_METHODS.plugin_version(name) for name in sorted(named)}
    whole = table_repair_of(dataset)
    for name in table_methods_of(whole) if whole is not None else ():
        versions[f"table {name}"] = TABLE_REPAIR_METHODS.plugin_version(name)
    return {name: version for name, version in versions.items() if version is not None}


def repair_options() -> dict[str, str]:
    """The keys of a rule that have values for a repair method, each with the name of the method."""
    built_in = (REPAIR_METHODS[name] for name in REPAIR_METHODS if not REPAIR_METHODS.is_plugin(name))
    return {method.option: method.name for method in built_in if method.option}


def default_method(rule: NamedRule) -> str:
    """The repair method of a rule that names none: the one whose option it has, ``longest_chain`` for a rule about the
    order of tuples, or ``consistent``."""
    named = next((method for option, method in repair_options().items() if getattr(rule, option)), None)
    if named is not None:
        return named
    if not isinstance(rule.constraint, DenialConstraint) or rule.constraint.succession is not None:
        return _DEFAULT
    return _DEFAULT_OF_ORDERS if len(classify(rule.constraint).ordered) > 1 else _DEFAULT
