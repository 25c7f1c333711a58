"""Writes the detection plans of rules: their steps and costs, and the steps that rules share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from vertebra.formatting import counted
from vertebra.report.rows import write_rows
from vertebra.report.tables import grid, rich_console

if TYPE_CHECKING:
    from rich.console import Console

    from vertebra.report.rows import Format
    from vertebra.trusted.detect import RulePlan

COLUMNS: Final = ("table", "rule", "class", "steps", "cost", "shares", "exact", "bound")
"""The columns in JSON and CSV, one row per rule; ``shares`` maps a step to the rules that share it."""


def write_plans(plans: Mapping[str, Sequence[RulePlan]], form: Format, stream: TextIO) -> None:
    """Write plans.

    Args:
        plans: table → the plans of its rules.
        form: ``table``, ``json`` or ``csv``.
        stream: receives the plans.
    """
    if form != "table":
        rows = [_row(table, plan) for table, own in plans.items() for plan in own]
        write_rows(rows, COLUMNS, form, stream)
        return
    from rich.text import Text

    rich = rich_console(stream)
    for place, (table, own) in enumerate(plans.items()):
        if place:
            rich.print()
        rich.print(Text(f"{table}: {counted(len(own), 'rule')}, {counted(_passes(own), 'pass', 'passes')}", "bold"))
        for equal_plans in _group_equal_plans(own):
            _print_plan(equal_plans, rich)
    rich.print("[dim]n: rows of the table; v: rows of groups that violate the rule; every plan is exact[/]")


def _print_plan(equal_plans: Sequence[RulePlan], rich: Console) -> None:
    """Print one plan, and the rules that have this plan."""
    from rich.padding import Padding
    from rich.text import Text

    first = equal_plans[0]
    rich.print(Text.assemble(("\n" + first.constraint_class, "bold"), ("  cost " + first.cost, "dim")))
    names = ", ".join(plan.rule for plan in equal_plans)
    rich.print(Padding(Text(names), (0, 0, 0, 2), expand=False))
    steps = grid("", "")
    steps.show_header = False
    for number, step in enumerate(first.steps, 1):
        steps.add_row(f"{number}.", step.replace("`", ""))
    for what, rules in first.shares:
        others = [rule for rule in rules if rule not in {plan.rule for plan in equal_plans}]
        shared = " and ".join(filter(None, ("by all of them" if len(equal_plans) > 1 else "", ", ".join(others))))
        steps.add_row("=", f"{what} is shared {'' if len(equal_plans) > 1 else 'with '}{shared}", style="green")
    if first.bound:
        steps.add_row("", f"memory: {first.bound}")
    rich.print(Padding(steps, (0, 0, 0, 2), expand=False))


def _group_equal_plans(plans: Sequence[RulePlan]) -> list[list[RulePlan]]:
    """Group the rules that have the same plan and share its steps, in order of the first rule."""
    found: dict[object, list[RulePlan]] = {}
    for plan in plans:
        sharing = frozenset((what, frozenset({*rules, plan.rule})) for what, rules in plan.shares)
        own = plan.rule if not sharing and plan.constraint_class != "one tuple" else ""
        key = (plan.constraint_class, plan.cost, plan.steps, plan.bound, sharing, own)
        found.setdefault(key, []).append(plan)
    return list(found.values())


def _passes(plans: Sequence[RulePlan]) -> int:
    """The number of times the table is read; rules that share steps are counted once."""
    return len({frozenset({plan.rule, *(r for _, rules in plan.shares for r in rules)}) for plan in plans})


def _row(table: str, plan: RulePlan) -> dict[str, object]:
    return {
        "table": table, "rule": plan.rule, "class": plan.constraint_class, "steps": list(plan.steps),
        "cost": plan.cost, "shares": {what: list(rules) for what, rules in plan.shares}, "exact": plan.exact,
        "bound": plan.bound,
    }  # fmt: skip
