"""How the rules of a dataset are repaired, as declared; planning a run needs no more, and no engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.declare.repair import repair_method_of
from vertebra.trusted.repair.port import RepairMethod

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule


@dataclass(frozen=True)
class PlannedRepair:
    """The method that repairs a rule, and the columns it may change."""

    rule: NamedRule
    method: RepairMethod
    columns: tuple[str, ...]


def planned_repair(rule: NamedRule, dataset: Dataset) -> PlannedRepair | None:
    """How a rule is repaired, or None when it does not declare ``on_violation: repair``.

    Raises:
        RuleError: its method cannot repair the rule.
        RegistryError: there is no such method, or a plug-in is broken.
    """
    method = repair_method_of(rule, dataset)
    if method is None:
        return None
    assert isinstance(method, RepairMethod)  # the registry has checked it
    return PlannedRepair(rule, method, method.columns(rule, dataset))
