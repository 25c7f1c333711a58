"""Writes the models of the analyses: candidates, scores in cross-validation and on the test set, the chosen model."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TextIO

from vertebra.declare.task import all_metrics
from vertebra.formatting import counted, duration
from vertebra.governance.schemas import LEDGERS
from vertebra.report.rows import write_rows
from vertebra.report.tables import grid, print_table, rich_console
from vertebra.workspace.models import TEST, VALIDATION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from vertebra.governance.promotions import Champions
    from vertebra.report.rows import Format
    from vertebra.workspace.champions import ModelComparison
    from vertebra.workspace.models import ModelScore

_COLUMNS: Final = LEDGERS["models"].names


def write_models(scores: Sequence[ModelScore], declared: bool, form: Format, stream: TextIO, notes: TextIO) -> None:
    """Write the scores of models.

    Args:
        scores: the scores, of one or more analyses and runs.
        declared: whether the project declares an analysis, for the next command.
        form: ``table``, or ``json`` and ``csv`` for the rows of the ``models`` ledger.
        stream: receives the scores.
        notes: receives the next command if there are no scores.
    """
    rows = [asdict(score) for score in scores]
    if form != "table":
        write_rows(rows, _COLUMNS, form, stream)
        return
    if not rows:
        remedy = "vertebra run" if declared else "declare an analysis in analyses/"
        notes.write(f"no model was trained yet\n  next:  {remedy}\n")
        return
    rich = rich_console(stream)
    runs = dict.fromkeys((row["analysis"], row["run_id"]) for row in sorted(rows, key=lambda row: row["run_id"]))
    for number, (name, run) in enumerate(runs):
        if number:
            rich.print()
        _print_run(name, [row for row in rows if (row["analysis"], row["run_id"]) == (name, run)], rich)


def _print_run(analysis: str, rows: list[dict[str, Any]], rich: Console) -> None:
    from rich.text import Text

    trials = [row for row in rows if row["split"] == VALIDATION]
    tests = [row for row in rows if row["split"] == TEST]
    if not trials:
        return
    metric = trials[0]["metric"]
    title = f"{analysis}: {metric} in cross-validation, {trials[0]['recorded_at']:%Y-%m-%d %H:%M} UTC"
    table = grid("", "model", "parameters", metric, "deviation", "time", numeric=3)
    for row in trials:
        style = "bold" if row["chosen"] else ""
        table.add_row(
            "→" if row["chosen"] else "",
            row["candidate"],
            _parameters(row["parameters"]),
            f"{row['value']:.4f}",
            f"± {row['deviation']:.4f}" if row["deviation"] is not None else "",
            duration(row["seconds"]) if row["seconds"] is not None else "",
            style=style,
        )
    print_table(rich, title, table)
    if tests:
        _print_tests(tests, rich)
    chosen = next((row for row in tests if row["chosen"] and row["model_version"]), None)
    if chosen:
        kept = next((row for row in tests if row["champion"] and not row["chosen"]), None)
        stays = f"; version {kept['model_version']} stays the champion" if kept else ", a challenger"
        alias = ", alias champion" if chosen["champion"] is not False else stays
        registered = f"{chosen['model_name']} version {chosen['model_version']}{alias}"
        trained = f"trained on {chosen['train_table']} version {chosen['train_version']}"
        rich.print(Text(f"{registered}; {trained}", "dim"))
        if chosen["reason"]:
            rich.print(Text(chosen["reason"], "dim"))


def _print_tests(tests: list[dict[str, Any]], rich: Console) -> None:
    """Print all metrics of the chosen model, the champion before and the baseline on the test set."""
    found = {row["metric"] for row in tests}
    known = all_metrics()
    metrics = [*(name for name in known if name in found), *sorted(found - set(known))]
    table = grid("", "model", "version", *metrics, numeric=len(metrics))
    models: dict[tuple[bool, str, str], dict[str, float | None]] = {}
    for row in tests:
        models.setdefault((row["chosen"], row["candidate"], row["model_version"] or ""), {})[row["metric"]] = row[
            "value"
        ]
    # the chosen model, the champion before, the baseline
    for (chosen, candidate, version), values in sorted(models.items(), key=lambda one: (not one[0][0], not one[0][2])):
        cells = (f"{value:.4f}" if (value := values.get(name)) is not None else "–" for name in metrics)
        table.add_row("→" if chosen else "", candidate, version, *cells, style="bold" if chosen else "")
    print_table(rich, "\nOn the test set", table)


def write_reigns(found: Mapping[str, Champions], history: bool, stream: TextIO) -> None:
    """Write the champions of analyses after what people decided.

    Args:
        found: the champions of each analysis.
        history: all changes of the champion; otherwise only decisions of people that hold.
    """
    from rich.text import Text

    rich = rich_console(stream)
    for name, one in found.items():
        if history and one.history:
            table = grid("since", "version", "by", "reason")
            for reign in one.history:
                by = reign.by.decided_by if reign.by else f"run {reign.run_id}"
                table.add_row(f"{reign.since:%Y-%m-%d %H:%M}", reign.version, by, reign.reason or "the first model")
            print_table(rich, f"\n{name}: champions", table)
        if one.held is not None:
            rich.print(Text(f"{name}: version {one.version} predicts: {one.held}", "bold"))


def write_comparison(found: ModelComparison, form: Format, stream: TextIO) -> None:
    """Write a comparison of two versions."""
    if form != "table":
        about = {"rows": found.rows, "low": found.low, "high": found.high, "better": found.better}
        both = [
            {"metric": name, "first": old, "second": new} | (about if name == found.metric else {})
            for name, (old, new) in found.scores.items()
        ]
        write_rows(both, ["metric", "first", "second", "rows", "low", "high", "better"], form, stream)
        return
    rich = rich_console(stream)
    table = grid("metric", f"version {found.first}", f"version {found.second}", numeric=2)
    for name, (old, new) in found.scores.items():
        table.add_row(name, f"{old:.4f}", f"{new:.4f}")
    print_table(rich, f"{found.analysis}: on {counted(found.rows, 'test row')} that neither was trained on", table)
    verdict = f"version {found.better} is better" if found.better else "the difference may be chance"
    gained = f"improvement of version {found.second} {found.low:+.4f} to {found.high:+.4f} (95 %)"
    rich.print(f"{found.metric}: {gained}: {verdict}", highlight=False)


def _parameters(text: str | None) -> str:
    return ", ".join(f"{name}={value}" for name, value in json.loads(text or "{}").items())
