"""The quality of the trusted tables as one HTML page that needs nothing else: no network, no script, no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from vertebra.report.formatting import many, share
from vertebra.report.markup import Markup, el, join
from vertebra.report.plots import RunBar, share_plot, violations_plot
from vertebra.report.quality.cleaning import quarantine_rows, repair_rows
from vertebra.report.quality.facts import DIMENSIONS, MEANING, Figure, TableFacts, overall_runs
from vertebra.report.quality.rules import anchor, rule_card, rules_that_hold
from vertebra.report.quality.style import STYLE

if TYPE_CHECKING:
    from vertebra.declare.rules import NamedRule
    from vertebra.workspace.workspace import Workspace

_WORST: Final = 12
_GLOSSARY: Final = (
    ("violation", "A row in one of the roles (tuple variables) of a rule that it breaks."),
    (
        "completeness",
        "Of a table: the share of rows without NULL. Of a column: the share of its cells that are not NULL.",
    ),
    ("validity", "The share of values received that could be read as the declared type."),
    ("consistency", "The share of rows that break no rule; of a column, no rule that reads it."),
    ("uniqueness", "The share of rows left when all but one of those with the same key are removed."),
    ("timeliness", "1 / (1 + age · update rate), for a dataset that declares how often it updates."),
    ("g2", "The share of tuples that take part in a violation."),
    ("g3", "The least number of tuples to remove for the rule to hold; two figures are bounds."),
    ("minority cells", "The cells that the smallest repair of a functional dependency changes."),
)


def quality_page(space: Workspace, facts: Sequence[TableFacts]) -> str:
    """The page.

    Args:
        facts: of the tables to show; at least one.
    """
    from vertebra.declare.rules import rules_of

    datasets = space.project.datasets
    declared = {
        one.dataset: {rule.name: rule for rule in rules_of(datasets[one.dataset], datasets)}
        for one in facts
        if one.dataset in datasets
    }
    names = [one.dataset for one in facts]
    quarantined = quarantine_rows(space, names)
    title = f"Data quality of {space.project.settings.name}"
    last = max(facts, key=lambda one: one.last.at).last
    body = el(
        "body",
        el("h1", title),
        el("p", f"As of run {last.run_id}, {last.at:%Y-%m-%d %H:%M} UTC", class_="soft"),
        el("nav", [el("a", one.dataset, href=f"#{one.dataset}") for one in facts]) if len(facts) > 1 else None,
        _tiles(facts, sum(row["rows"] for row in quarantined)),
        _overview(facts),
        el("div", el("div", _trend(facts)), el("div", _worst(facts)), class_="halves"),
        [_table(space, one, declared.get(one.dataset, {}), len(facts) == 1) for one in facts],
        _cleaning(repair_rows(space, names), quarantined),
        _glossary(),
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        el("style", Markup(STYLE)),
    )
    return f"<!DOCTYPE html>\n{el('html', head, body, lang='en')}\n"


def _tiles(facts: Sequence[TableFacts], removed: int) -> Markup:
    rules = [rule for one in facts for rule in one.rules]
    compared = [one.last for one in facts if one.last.new is not None]
    tiles = [
        (f"{len(facts)}", "table" if len(facts) == 1 else "tables"),
        (f"{sum(one.rows for one in facts):,}", "trusted rows"),
        (f"{sum(not rule.tuples for rule in rules):,} of {len(rules):,}", "rules hold"),
        (f"{sum(one.last.violations for one in facts):,}", "violations found"),
        (f"{sum(rule.repaired for rule in rules):,}", "cells repaired"),
        (f"{removed:,}", "rows in quarantine"),
    ]
    if compared:
        new, gone = sum(run.new or 0 for run in compared), sum(run.gone or 0 for run in compared)
        tiles.append((f"+{new:,} −{gone:,}", "new and gone since the run before"))
    shown = [el("div", el("b", value), el("span", name, class_="soft"), class_="tile") for value, name in tiles]
    return el("div", shown, class_="tiles")


def _overview(facts: Sequence[TableFacts]) -> Markup:
    rows = []
    for one in facts:
        cells = [el("td", _bar(one.dimensions.get(name))) for name in DIMENSIONS]
        link = el("a", one.dataset, href=f"#{one.dataset}")
        rows.append(el("tr", el("th", link), el("td", f"{one.rows:,}", class_="n"), cells))
    return join(
        [
            el("h2", "Dimensions"),
            el("p", "After cleaning.", class_="soft"),
            _grid(("table", "rows:n", *DIMENSIONS), rows),
        ]
    )


def _trend(facts: Sequence[TableFacts]) -> Markup:
    bars = overall_runs(facts)
    return join([el("h2", "Trend"), _violations_figure("Violations found by each run, before cleaning", bars)])


def _violations_figure(caption: str, bars: Sequence[RunBar]) -> Markup:
    kinds = [
        ("kept", "persisting", any(bar.kept for bar in bars)),
        ("new", "new", any(bar.new for bar in bars)),
        ("unknown", "found, with no run before to compare", any(bar.unknown for bar in bars)),
        ("gone", "gone (below zero)", any(bar.gone for bar in bars)),
    ]
    legend = [join([el("i", class_=kind), text]) for kind, text, present in kinds if present]
    alone = "This is the first run; the next will show what is new and what is gone." if len(bars) == 1 else None
    return el(
        "figure",
        el("figcaption", f"{caption} (count)"),
        el("div", legend, class_="legend soft"),
        violations_plot(bars, caption),
        el("p", alone, class_="soft") if alone else None,
    )


def _worst(facts: Sequence[TableFacts]) -> Markup:
    broken = sorted((rule for one in facts for rule in one.broken), key=lambda rule: -(rule.share or 0))
    if not broken:
        return join([el("h2", "Rules"), el("p", "Every rule holds.")])
    most = max(rule.share or 0.0 for rule in broken) or 1.0
    shown = []
    for rule in broken[:_WORST]:
        name = el("a", f"{rule.dataset}.{rule.rule}", href=f"#{anchor(rule)}")
        said = el("span", f"{share(rule.share or 0)}, {many(rule.tuples, 'tuple')}", class_="soft")
        track = el("span", el("i", style=f"width:{100 * (rule.share or 0) / most:.2f}%"), class_="track")
        shown.append(el("li", el("span", name, said, class_="head"), track))
    left = f" {len(broken) - _WORST} more below." if len(broken) > _WORST else ""
    caption = f"Share of the table's tuples that break the rule, before cleaning; bars from 0 to {share(most)}.{left}"
    return join([el("h2", "Worst rules"), el("p", caption, class_="soft"), el("ul", shown, class_="rank")])


def _table(space: Workspace, facts: TableFacts, rules: Mapping[str, NamedRule], alone: bool) -> Markup:
    from vertebra.report.quality.examples import examples

    dataset = space.project.datasets.get(facts.dataset)
    found = examples(space, facts.dataset, list(rules.values())) if dataset else {}
    cards = [
        rule_card(facts, tally, rules.get(tally.rule), dataset, found.get(tally.rule, ()))
        for tally in facts.broken
        if dataset is not None
    ]
    broken = (
        f"{len(facts.broken)} of {many(len(facts.rules), 'rule')} broken" if facts.rules else "No rules are declared"
    )
    return el(
        "section",
        el("h2", facts.dataset),
        el("p", dataset.description) if dataset and dataset.description else None,
        _dimensions(facts),
        _history(facts, alone) if len(facts.runs) > 1 else None,
        el("h3", "Columns"),
        _columns(facts),
        el("h3", broken),
        cards,
        rules_that_hold([rule for rule in facts.rules if not rule.tuples], dict(rules)),
        id=facts.dataset,
    )


def _dimensions(facts: TableFacts) -> Markup:
    tiles = []
    for name in DIMENSIONS:
        one = facts.dimensions.get(name, Figure(None, None, "it was not measured"))
        value: object = el("b", "n/a") if one.last is None else _bar(one, big=True)
        said = MEANING[name]
        if one.last is None:
            said = f"not applicable: {one.why}"
        elif one.before is not None and one.after is not None and share(one.before) != share(one.after):
            said += f"; {share(one.before)} before cleaning"
        tiles.append(el("div", name, value, el("span", said, class_="soft"), class_="tile"))
    return el("div", tiles, class_="tiles dimensions")


def _history(facts: TableFacts, alone: bool) -> Markup:
    """The trends of a table; on a page of its own that of its violations is further up."""
    bars = [
        RunBar(p.at, p.persisting or 0, p.new or 0, p.violations if p.new is None else 0, p.gone or 0)
        for p in facts.runs
    ]
    times = [point.at for point in facts.runs]
    drawn = [] if alone else [_violations_figure("Violations found by each run", bars)]
    for name in DIMENSIONS:
        values = [point.dimensions.get(name) for point in facts.runs]
        if any(value is not None for value in values):
            last = el("b", share(values[-1]) if values[-1] is not None else "n/a")
            caption = el("figcaption", f"{name}, {MEANING[name]}: ", last)
            drawn.append(el("figure", caption, share_plot(times, values, f"{name} by run, in percent")))
    return el("div", drawn, class_="plots")


def _columns(facts: TableFacts) -> Markup:
    """The columns that lack something, the worst first; of the others the names."""
    names = [name for name in DIMENSIONS if name != "timeliness"]
    worst = {
        column: min((one.last for name in names if (one := measures.get(name)) and one.last is not None), default=1.0)
        for column, measures in facts.columns.items()
    }
    lacking = sorted((column for column, least in worst.items() if least < 1), key=lambda column: worst[column])
    perfect = [column for column in facts.columns if column not in lacking]
    rows = [
        el("tr", el("th", column), [el("td", _bar(facts.columns[column].get(name))) for name in names])
        for column in lacking
    ]
    rest = f"Nothing is lacking in {', '.join(perfect)}." if perfect else None
    return join([_grid(("column", *names), rows) if rows else None, el("p", rest, class_="soft") if rest else None])


def _cleaning(repairs: Sequence[Mapping[str, Any]], quarantined: Sequence[Mapping[str, Any]]) -> Markup:
    repaired = [_repair(row) for row in repairs]
    removed = [
        el("tr", el("th", row["dataset"]), el("td", ", ".join(row["rules"])), el("td", f"{row['rows']:,}", class_="n"))
        for row in quarantined
    ]
    columns = ("cell", "rule", "cells:n", "least confidence:n", "most frequent change")
    return join(
        [
            el("h2", "Repairs"),
            _grid(columns, repaired) if repaired else el("p", "No cell was changed."),
            el("h2", "Quarantine"),
            _grid(("table", "rules", "rows:n"), removed) if removed else el("p", "No row is in quarantine."),
        ]
    )


def _repair(row: Mapping[str, Any]) -> Markup:
    confidence = "–" if row["confidence"] is None else share(row["confidence"])
    return el(
        "tr",
        el("th", f"{row['dataset']}.{row['column_name']}"),
        el("td", row["rule"]),
        el("td", f"{row['cells']:,}", class_="n"),
        el("td", confidence, class_="n"),
        el("td", row["example"]),
    )


def _glossary() -> Markup:
    entries = [el("div", el("dt", name), el("dd", text)) for name, text in _GLOSSARY]
    return el("footer", el("h3", "What the figures mean"), el("dl", entries))


def _bar(one: Figure | None, big: bool = False) -> Markup:
    """A share as a figure over a bar from 0 to 100 %."""
    if one is None or one.last is None:
        why = one.why if one is not None else "it was not measured"
        return el("span", "n/a", class_="soft", title=f"not applicable: {why}")
    fill = el("i", style=f"width:{100 * one.last:.2f}%")
    return join([el("b", share(one.last)) if big else share(one.last), el("span", fill, class_="bar")])


def _grid(columns: Sequence[str], rows: list[Markup]) -> Markup:
    """A table that scrolls sideways where it has to; ``name:n`` heads a column of numbers."""
    heads = [el("th", name.partition(":")[0], class_="n" if name.endswith(":n") else None) for name in columns]
    table = el("table", el("thead", el("tr", heads)), el("tbody", rows))
    return el("div", table, class_="wide", tabindex=0, role="region", aria_label=columns[0])
