"""The results as tables: against the engine's own sort and group-by, against self-joins, growth, hard cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.denial.workload import CLASSES, HARD

if TYPE_CHECKING:
    from benchmarks.denial.bench import Cell


def as_markdown(cells: Sequence[Cell]) -> str:
    """All that was measured."""
    found = {(cell.case, cell.tool, cell.rows): cell for cell in cells}
    classes, hard = [case.name for case in CLASSES], [case.name for case in HARD]
    sections = [
        ("Each class against the same engine", _against_engine(found, classes)),
        ("Growth", _growth(found, classes)),
        ("Against self-joins, which only count the pairs", _against_joins(found, classes)),
        ("Hard cases", _against_engine(found, hard)),
        ("All rules of the flights project", _flights(cells)),
    ]
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in sections if text)


Found = dict[tuple[str, str, int], "Cell"]


def _against_engine(found: Found, names: Sequence[str]) -> str:
    lines = [
        "| rule | rows | seconds | sort of its columns | ratio | group-by and scan | ratio | violating tuples | pairs "
        "| peak memory, MB |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for cell in _ours(found, names):
        sort, group = (found.get((cell.case, tool, cell.rows)) for tool in ("sort", "group"))
        lines.append(
            f"| {cell.case} | {cell.rows:,} | {_seconds(cell)} | {_seconds(sort)} | {_ratio(cell, sort)} "
            f"| {_seconds(group)} | {_ratio(cell, group)} | {_number(cell, 'tuples')} | {_number(cell, 'pairs')} "
            f"| {'' if cell.peak_mb is None else f'{cell.peak_mb:,.0f}'} |"
        )
    return "\n".join(lines) if len(lines) > 2 else ""


def _growth(found: Found, names: Sequence[str]) -> str:
    """Seconds over those that n log n predicts from the size before."""
    lines = ["| rule | from | to | grew | n log n grew | ratio | exponent |", "|---|--:|--:|--:|--:|--:|--:|"]
    cells = [cell for cell in _ours(found, names) if cell.seconds]
    for before, after in pairwise(cells):
        if before.case != after.case or before.rows < 1_000_000 or not (before.seconds and after.seconds):
            continue
        grew = after.seconds / before.seconds
        expected = after.rows * math.log(after.rows) / (before.rows * math.log(before.rows))
        exponent = math.log(grew) / math.log(after.rows / before.rows)
        lines.append(
            f"| {after.case} | {before.rows:,} | {after.rows:,} | {grew:.1f} | {expected:.1f} "
            f"| {grew / expected:.2f} | {exponent:.2f} |"
        )
    return "\n".join(lines) if len(lines) > 2 else ""


def _against_joins(found: Found, names: Sequence[str]) -> str:
    lines = ["| rule | rows | Vertebra | DuckDB | ratio | Apache Spark | ratio |", "|---|--:|--:|--:|--:|--:|--:|"]
    for cell in _ours(found, names):
        duck, spark = (found.get((cell.case, tool, cell.rows)) for tool in ("duckdb", "spark"))
        if duck or spark:
            lines.append(
                f"| {cell.case} | {cell.rows:,} | {_seconds(cell)} | {_seconds(duck)} | {_ratio(duck, cell)} "
                f"| {_seconds(spark)} | {_ratio(spark, cell)} |"
            )
    return "\n".join(lines) if len(lines) > 2 else ""


def _flights(cells: Sequence[Cell]) -> str:
    lines = ["| flights | rules | seconds | of which flights | peak memory, MB |", "|--:|--:|--:|--:|--:|"]
    for cell in cells:
        if cell.case == "flights" and cell.seconds is not None:
            lines.append(
                f"| {cell.rows:,} | {cell.found['rules']} | {cell.seconds:.1f} "
                f"| {cell.found['tables']['flights']:.1f} | {cell.peak_mb:,.0f} |"
            )
    return "\n".join(lines) if len(lines) > 2 else ""


def _ours(found: Found, names: Sequence[str]) -> list[Cell]:
    ours = [cell for (_, tool, _), cell in found.items() if tool == "vertebra" and cell.case in names]
    return sorted(ours, key=lambda cell: (names.index(cell.case), cell.rows))


def _seconds(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return f"{cell.seconds:.2f}" if cell.seconds is not None else "> limit"


def _ratio(cell: Cell | None, base: Cell | None) -> str:
    return f"{cell.seconds / base.seconds:.2f}" if cell and base and cell.seconds and base.seconds else ""


def _number(cell: Cell, name: str) -> str:
    return f"{cell.found[name]:,}" if name in cell.found else ""
