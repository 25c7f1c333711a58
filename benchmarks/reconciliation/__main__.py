"""`python -m benchmarks.reconciliation`: matching against known matches; writes `benchmarks/results/reconciliation.*`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.measure import measure
from benchmarks.reconciliation.projects import write_project
from benchmarks.reconciliation.sets import MatchingSet, all_sets
from benchmarks.record import record

ROOT = Path(__file__).resolve().parents[2]
PEERS = {"splink": "Splink", "goldenmatch": "GoldenMatch"}
LIMIT = 600
"""Seconds after which a tool is stopped."""


@dataclass(frozen=True)
class Outcome:
    """What one tool found in one set; seconds and megabytes of a process of its own, from files to matches."""

    table: str
    tool: str
    found: int
    right: int
    matches: int
    seconds: float
    peak_mb: float
    said: str = ""

    @property
    def precision(self) -> float:
        """The share of the found pairs that are matches."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """The share of the matches that were found."""
        return self.right / self.matches if self.matches else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / (self.found + self.matches) if self.found + self.matches else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reconciliation", description=__doc__)
    parser.add_argument("--sets", type=Path, help="folder of the published sets (default: $VERTEBRA_MATCHING_SETS)")
    parser.add_argument("--only", nargs="*", help="measure sets whose names begin with one of these")
    parser.add_argument("--people", type=int, nargs="*", default=[], help="link so many people with as many as well")
    parser.add_argument("--duplicates", type=int, nargs="*", default=[], help="find duplicates among so many people")
    parser.add_argument("--peers", type=Path, help="a Python that has Splink and GoldenMatch (default: this one)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        _run(arguments.child)
        return
    found: list[Outcome] = []
    skipped: list[str] = []
    peers = _peers(arguments.peers or Path(sys.executable), skipped)
    try:
        for given in [*all_sets(arguments.sets), *_people(arguments.people, arguments.duplicates)]:
            if isinstance(given, tuple):
                skipped.append(f"{given[0]}: {given[1]}")
                continue
            if arguments.only and not given.name.startswith(tuple(arguments.only)):
                continue
            for tool in ["vertebra", *(peers if given.right is not None else {})]:
                found.append(_measured(given, tool, peers.get(tool)))
                print(_line(found[-1]), file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        skipped.append("the sets that follow: the run was interrupted")
    record(
        "reconciliation",
        "Reconciliation, measured",
        "python -m benchmarks.reconciliation",
        as_markdown(found, skipped),
        [asdict(one) | {"precision": one.precision, "recall": one.recall, "f1": one.f1} for one in found],
        skipped=skipped,
    )


def as_markdown(found: Sequence[Outcome], skipped: Sequence[str]) -> str:
    """The page: one row for each set and tool."""
    lines = [
        "Vertebra: `vertebra run` of a project whose reconciliation names its two sources and nothing else. Peers: one "
        "configuration for all sets after the start of their documentation (`benchmarks/peers/`), without labels; a "
        "configuration made for a set finds more. Seconds and memory are those of a whole process, beside other work.\n",
        "| set | tool | matches | found | precision | recall | F1 | s | MB |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
        *map(_line, found),
    ]
    if skipped:
        lines += ["\nNot measured:\n", *(f"- {one}" for one in skipped)]
    return "\n".join(lines)


def _line(one: Outcome) -> str:
    figures = f"{one.found:,} | {one.precision:.3f} | {one.recall:.3f} | **{one.f1:.3f}**"
    if one.said:
        figures = f"{one.said} | | | "
    return f"| {one.table} | {one.tool} | {one.matches:,} | {figures} | {one.seconds:.0f} | {one.peak_mb:,.0f} |"


def _peers(python: Path, skipped: list[str]) -> dict[str, Path]:
    found = {}
    for package, name in PEERS.items():
        asked = subprocess.run([python, "-c", f"import {package}"], capture_output=True, check=False)
        if asked.returncode:
            skipped.append(f"{name}: the package {package} is not installed")
        else:
            found[package] = python
    return found


def _people(linked: Sequence[int], deduplicated: Sequence[int]) -> Iterable[MatchingSet]:
    from benchmarks.reconciliation.people import duplicates_set, linked_set

    yield from (linked_set(count) for count in linked)
    yield from (duplicates_set(count) for count in deduplicated)


def _measured(given: MatchingSet, tool: str, python: Path | None) -> Outcome:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        out = folder / "matches.parquet"
        if tool == "vertebra":
            write_project(given, folder)
            command = [sys.executable, "-m", "benchmarks.reconciliation", "--child", str(folder)]
        else:
            assert given.right is not None  # peers link two tables
            pq.write_table(given.left, folder / "left.parquet")
            pq.write_table(given.right, folder / "right.parquet")
            script = ROOT / "benchmarks" / "peers" / f"{tool}_matching.py"
            command = [
                str(python),
                str(script),
                *(str(folder / f"{one}.parquet") for one in ("left", "right")),
                str(out),
            ]
        name = PEERS.get(tool, "Vertebra")
        try:
            done = measure(command, ROOT, limit=LIMIT if python else None)
        except subprocess.TimeoutExpired:
            return Outcome(given.name, name, 0, 0, len(given.matches), LIMIT, 0, said=f"more than {LIMIT} s")
        except RuntimeError as error:
            said = " ".join(str(error).replace("^", " ").split())[-80:].replace("|", " ")
            return Outcome(given.name, name, 0, 0, len(given.matches), 0, 0, said=f"failed: {said}")
        pairs = {(row["l"], row["r"]) for row in pq.read_table(out).to_pylist()}
    if given.right is None:
        pairs = {(min(pair), max(pair)) for pair in pairs}
    return Outcome(
        given.name, name, len(pairs), len(pairs & given.matches), len(given.matches), done.seconds, done.peak_mb
    )


def _run(folder: Path) -> None:
    """Run a project, and write the pairs of keys that are one entity."""
    import vertebra

    with vertebra.open(folder) as project:
        report = project.run()
        if not report.ok:
            raise RuntimeError([step.error for step in report.results])
        entities = project.table("exploitation.matched_entities").arrow()
    import duckdb

    with duckdb.connect() as db:
        db.register("entities", entities)
        several = "a.source < b.source or (a.source = b.source and a.key < b.key)"
        db.sql(
            "select a.key as l, b.key as r from entities a join entities b using (entity_id) "
            f"where a.source <= b.source and ({several})"
        ).write_parquet(str(folder / "matches.parquet"))
    print(json.dumps({"ok": True}))


if __name__ == "__main__":
    main()
