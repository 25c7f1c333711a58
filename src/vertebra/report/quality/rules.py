"""The broken rules of a page on quality: each as declared and as logic, its figures, and tuples that break it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from vertebra.report.formatting import figure, many, share
from vertebra.report.markup import Markup, el
from vertebra.report.plots import spark_bars
from vertebra.report.quality.examples import columns_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule
    from vertebra.report.counts import RuleTally
    from vertebra.report.quality.examples import Example, Shown
    from vertebra.report.quality.facts import TableFacts


def rule_card(
    facts: TableFacts, tally: RuleTally, rule: NamedRule | None, dataset: Dataset, examples: Sequence[Example]
) -> Markup:
    """One broken rule.

    Args:
        rule: as it is declared now; None when it no longer is.
    """
    counts = [point.tuples[tally.rule] for point in facts.runs if tally.rule in point.tuples]
    told = f"violating tuples of {tally.rule} in {many(len(counts), 'run')}, the last {figure(counts[-1])}"
    spark = spark_bars(counts, told) if len(counts) > 1 else None
    pill = el("span", rule.on_violation, class_="pill") if rule else None
    return el(
        "div",
        el("div", el("h4", tally.rule), pill, change_words(tally), spark, class_="head"),
        el("p", rule.description) if rule and rule.description else None,
        _statements(rule, dataset) if rule else el("p", "It is no longer declared.", class_="soft"),
        _figures(tally),
        _tuples(examples),
        class_="rule",
        id=anchor(tally),
    )


def rules_that_hold(tallies: Sequence[RuleTally], rules: dict[str, NamedRule]) -> Markup | None:
    """The other rules, folded."""
    if not tallies:
        return None
    entries = []
    for tally in tallies:
        rule = rules.get(tally.rule)
        entries.append(el("dt", tally.rule))
        if rule is not None:
            entries.append(el("dd", el("span", str(rule.constraint), class_="logic soft")))
    return el("details", el("summary", many(len(tallies), "rule holds", "rules hold")), el("dl", entries))


def anchor(tally: RuleTally) -> str:
    """The id of a rule's card."""
    return f"{tally.dataset}.{tally.rule}"


def change_words(tally: RuleTally) -> Markup | None:
    """What changed since the run before, as the head of a card has it."""
    if tally.new is None:
        return None
    up = el("span", f"{tally.new:,} new", class_="up" if tally.new else "soft")
    down = el("span", f"{tally.gone or 0:,} gone", class_="down" if tally.gone else "soft")
    return el("span", up, ", ", down, el("span", " since the run before", class_="soft"))


def declared_text(rule: NamedRule, dataset: Dataset) -> str:
    """A rule as the dataset's YAML has it."""
    own = next((name for name in (rule.name, *_prefixes(rule.name)) if _says(dataset, name, rule.kind)), None)
    if own is not None:
        return f"{rule.kind}: {_plain(getattr(dataset.rules[own], rule.kind))}"
    columns = columns_read(rule)
    column = dataset.columns.get(columns[0]) if columns else None
    value = getattr(column, rule.kind, None)
    if rule.kind == "key" or column is None or not value:
        return f"key: {_plain(dataset.key)}"
    return f"{columns[0]}: {{{rule.kind}: {_plain(value)}}}"


def _says(dataset: Dataset, name: str, kind: str) -> bool:
    return name in dataset.rules and getattr(dataset.rules[name], kind, None) is not None


def _prefixes(name: str) -> list[str]:
    """The names a rule about several columns may have been derived from, the longest first."""
    words = name.split("_")
    return ["_".join(words[:end]) for end in range(len(words) - 1, 0, -1)]


def _plain(value: Any) -> str:
    """A declared value in the form of YAML's flow style."""
    match value:
        case bool():
            return str(value).lower()
        case list() | tuple():
            return f"[{', '.join(map(_plain, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}: {_plain(inner)}' for key, inner in value.items())}}}"
        case None:
            return "null"
        case _ if hasattr(value, "over"):
            return f"{{over: {value.over}, where: {value.where.strip()}}}"
        case _:
            return " ".join(str(value).split())


def _statements(rule: NamedRule, dataset: Dataset) -> Markup:
    return el(
        "div",
        el("code", declared_text(rule, dataset), class_="logic soft"),
        el("code", str(rule.constraint), class_="logic"),
    )


def _figures(tally: RuleTally) -> Markup:
    figures = [
        ("violating tuples", f"{tally.tuples:,}"),
        ("of all tuples, g2", share(tally.share) if tally.share is not None else "–"),
    ]
    if tally.pairs is not None:
        figures.append(("violating pairs", f"{tally.pairs:,}"))
    if tally.pair_share is not None:
        figures.append(("of left-hand-side pairs", share(tally.pair_share)))
    if tally.least is not None:
        figures.append(("fewest to remove, g3", tally.least_words))
    if tally.minority is not None:
        figures.append(("minority cells", f"{tally.minority:,}"))
    figures.append(("what became", tally.became))
    return el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in figures])


def _tuples(examples: Sequence[Example]) -> Markup | None:
    """Pairs in a table each; single tuples, which have the same columns, in one."""
    if not examples:
        return None
    alone = [one for one in examples if len(one.tuples) == 1]
    groups = [[one] for one in examples if len(one.tuples) > 1]
    return el("div", [_example(group) for group in ([alone] if alone else []) + groups])


def _example(examples: Sequence[Example]) -> Markup:
    first = examples[0]
    columns = list(dict.fromkeys(column for one in examples for column in one.columns))
    head = [el("th", column, class_="read" if column in first.read else None) for column in columns]
    rows = [_tuple(one, columns, shown) for one in examples for shown in one.tuples]
    return el(
        "div",
        el(
            "table",
            el("thead", el("tr", el("th", "tuple"), head, el("th", "_rid"), el("th", "became"))),
            el("tbody", rows),
            class_="pair",
        ),
        class_="wide",
        tabindex=0,
        role="region",
        aria_label="tuples that break the rule together" if len(first.tuples) > 1 else "tuples that break the rule",
    )


def _tuple(example: Example, columns: Sequence[str], shown: Shown) -> Markup:
    cells = []
    for column in columns:
        value = figure_of(shown.values[column]) if column in shown.values else ""
        fixed = [" → ", el("ins", _text(shown.repaired[column]))] if column in shown.repaired else None
        kind = "diff" if example.differs(column) and column in example.read else None
        cells.append(el("td", value, fixed, class_=kind or (None if column in example.read else "same")))
    where = f"{shown.role} ∈ {shown.table}"
    return el("tr", el("th", where), cells, el("td", str(shown.rid), class_="same"), el("td", shown.resolution))


def figure_of(value: object) -> str:
    """A cell's value as text; NULL for None."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    text = value.isoformat(" ").replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _text(value: str | None) -> str:
    return "NULL" if value is None else value
