"""The broken rules on the quality page: declaration, denial constraint, measures and example violations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vertebra.declare.declaration import Declaration
from vertebra.declare.table_rule_compiler import TableRule
from vertebra.formatting import counted, figure, percentage
from vertebra.report.quality.plots import sparkline

if TYPE_CHECKING:
    from markupsafe import Markup

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.workspace.quality import TableQuality
    from vertebra.workspace.quality_examples import ExampleTuple, ViolationExample
    from vertebra.workspace.rule_tallies import RuleTally


@dataclass(frozen=True)
class RuleCard:
    """One broken rule.

    Attributes:
        tally: the measures of the rule.
        on_violation: the declared reaction to violations. This and the next three attributes are empty if the rule is
            no longer declared.
        description: the declared description.
        declared: the rule in the YAML of the dataset.
        constraint: the rule as a denial constraint.
        figures: names and values of the measures.
        trend: violating tuples by run; None after a single run.
        examples: one table for each pair of tuples; one table for all single tuples.
    """

    tally: RuleTally
    on_violation: str
    description: str
    declared: str
    constraint: str
    figures: Sequence[tuple[str, str]]
    trend: Markup | None
    examples: Sequence[ExampleTable]


@dataclass(frozen=True)
class ExampleTable:
    """A table of tuples that violate a rule.

    Attributes:
        pair: whether the tuples violate the rule together.
        columns: the columns of the table.
        rows: one row per tuple.
    """

    pair: bool
    columns: Sequence[ExampleColumn]
    rows: Sequence[ExampleRow]


@dataclass(frozen=True)
class ExampleColumn:
    """A column of an example, and whether the rule reads it."""

    name: str
    read: bool


@dataclass(frozen=True)
class ExampleRow:
    """One tuple of an example: its variable, its table, its cells, and the outcome for it."""

    role: str
    table: str
    cells: Sequence[ExampleCell]
    rid: int
    resolution: str


@dataclass(frozen=True)
class ExampleCell:
    """A cell of an example.

    Attributes:
        text: the value.
        kind: ``diff`` if the rule reads the column and the tuples differ, ``same`` if it does not read it, else empty.
        repaired: the value after cleaning; None if cleaning did not change it.
    """

    text: str
    kind: str
    repaired: str | None


def rule_card(
    facts: TableQuality,
    tally: RuleTally,
    rule: NamedRule | TableRule | None,
    dataset: Dataset,
    examples: Sequence[ViolationExample],
) -> RuleCard:
    """Prepare the card of a broken rule.

    Args:
        facts: the quality of the table.
        tally: the measures of the rule.
        rule: the current declaration; None if the rule is no longer declared.
        dataset: the dataset of the rule.
        examples: tuples that violate the rule; may be empty.
    """
    name = tally.rule
    measured = [point.figures if tally.table_rule else point.tuples for point in facts.runs]
    counts = [value for point in measured if (value := point.get(name)) is not None]
    return RuleCard(
        tally,
        on_violation=rule.on_violation if rule else "",
        description=rule.description if rule and rule.description else "",
        declared=declared_text(rule, dataset) if rule else "",
        constraint=constraint_text(rule),
        figures=_figures(tally),
        trend=_trend(tally, counts) if len(counts) > 1 else None,
        examples=_example_tables(examples),
    )


def constraint_text(rule: NamedRule | TableRule | None) -> str:
    """The rule as a denial constraint, or what it requires of the whole table; empty if it is no longer declared."""
    if rule is None:
        return ""
    return str(rule.condition) if isinstance(rule, TableRule) else str(rule.constraint)


def _trend(tally: RuleTally, counts: Sequence[float]) -> Markup:
    what = "measured by" if tally.table_rule else "violating tuples of"
    return sparkline(counts, f"{what} {tally.rule} in {counted(len(counts), 'run')}, the last {figure(counts[-1])}")


def declared_text(rule: NamedRule | TableRule, dataset: Dataset) -> str:
    """The rule in the YAML of the dataset."""
    if isinstance(rule, TableRule):
        section, name, kind = rule.loc
        if section == "rules":
            return f"{kind}: {_plain(dataset.rules[name].table_rules()[kind])}"
        return f"{name}: {{{kind}: {_plain(dataset.columns[name].table_rules()[kind])}}}"
    at = rule.origin
    if at.rule:
        return f"{at.sugar}: {_plain(dataset.rules[at.rule].sugar()[at.sugar])}"
    if at.sugar == "key":
        return f"key: {_plain(dataset.key)}"
    return f"{at.column}: {{{at.sugar}: {_plain(dataset.columns[at.column].sugar()[at.sugar])}}}"


def _plain(value: Any) -> str:
    """A declared value in YAML's flow style."""
    match value:
        case bool():
            return str(value).lower()
        case list() | tuple():
            return f"[{', '.join(map(_plain, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}: {_plain(inner)}' for key, inner in value.items())}}}"
        case Declaration():
            return _plain(value.model_dump(exclude_none=True, exclude_defaults=True, by_alias=True))
        case None:
            return "null"
        case _:
            return " ".join(str(value).split())


def _figures(tally: RuleTally) -> list[tuple[str, str]]:
    if tally.table_rule:
        return [("measured", figure(tally.figure) or "–"), ("outcome", tally.outcome)]
    figures = [
        ("violating tuples", f"{tally.tuples:,}"),
        ("share of tuples (g2)", percentage(tally.share) if tally.share is not None else "–"),
    ]
    if tally.pairs is not None:
        figures.append(("violating pairs", f"{tally.pairs:,}"))
    if tally.pair_share is not None:
        figures.append(("share of left-hand-side pairs", percentage(tally.pair_share)))
    if tally.least is not None:
        figures.append(("fewest tuples to remove (g3)", tally.least_words))
    if tally.minority is not None:
        figures.append(("minority cells", f"{tally.minority:,}"))
    if tally.missing is not None:
        figures.append(("missing rows", f"{tally.missing:,}"))
    figures.append(("outcome", tally.outcome))
    return figures


def _example_tables(examples: Sequence[ViolationExample]) -> list[ExampleTable]:
    alone = [one for one in examples if len(one.tuples) == 1]
    groups = [[one] for one in examples if len(one.tuples) > 1]
    return [_example_table(group) for group in ([alone] if alone else []) + groups]


def _example_table(examples: Sequence[ViolationExample]) -> ExampleTable:
    first = examples[0]
    columns = list(dict.fromkeys(column for one in examples for column in one.columns))
    return ExampleTable(
        pair=len(first.tuples) > 1,
        columns=[ExampleColumn(name, name in first.read) for name in columns],
        rows=[_example_row(one, columns, shown) for one in examples for shown in one.tuples],
    )


def _example_row(example: ViolationExample, columns: Sequence[str], shown: ExampleTuple) -> ExampleRow:
    cells = []
    for column in columns:
        text = value_text(shown.values[column]) if column in shown.values else ""
        repaired = _or_null(shown.repaired[column]) if column in shown.repaired else None
        kind = "same" if column not in example.read else "diff" if example.differs(column) else ""
        cells.append(ExampleCell(text, kind, repaired))
    return ExampleRow(shown.role, shown.table, cells, shown.rid, shown.resolution)


def value_text(value: object) -> str:
    """The value of a cell as text of at most 60 characters; NULL for None."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    text = value.isoformat(" ").replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _or_null(value: str | None) -> str:
    return "NULL" if value is None else value
