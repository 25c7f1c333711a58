"""`python -m benchmarks.cleaning`: cleaning against known errors; writes `benchmarks/results/cleaning.*`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cleaning.habits import habits_sets
from benchmarks.cleaning.made import made_sets
from benchmarks.cleaning.runs import LEAST, Measured, run_method, run_project, table_methods
from benchmarks.cleaning.sets import load_set, sets_folder
from benchmarks.record import RESULTS, record


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cleaning", description=__doc__)
    parser.add_argument("--sets", type=Path, help="folder of the published sets (default: $VERTEBRA_CLEANING_SETS)")
    parser.add_argument("--only", nargs="*", help="names of sets to measure (default: all)")
    parser.add_argument("--methods", nargs="*", help="table methods to measure (default: all)")
    parser.add_argument("--no-project", action="store_true", help="only the table methods, no `vertebra run`")
    parser.add_argument("--no-made", action="store_true", help="only the published sets")
    parser.add_argument("--labels", type=int, default=20, help="questions that the clean table answers; 0 asks none")
    parser.add_argument("--questions", action="store_true", help="print the questions and answers")
    parser.add_argument("--columns", action="store_true", help="print the score of each column")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of cleaning.json and cleaning.md")
    arguments = parser.parse_args()
    folder = sets_folder(arguments.sets)
    published = [load_set(path.parent) for path in sorted(folder.glob("*/dirty.csv"))]
    sets = [*published, *([] if arguments.no_made else [*made_sets(), *habits_sets()])]
    sets = [given for given in sets if not arguments.only or given.name in arguments.only]
    methods = {n: m for n, m in table_methods().items() if arguments.methods is None or n in arguments.methods}
    found: list[Measured] = []
    from vertebra.engine import SailEngine

    with tempfile.TemporaryDirectory() as temporary:
        engine = SailEngine()
        for given in sets:
            for method in methods.values():
                if method.name == "learned":
                    continue  # it needs labels
                found.append(run_method(method, given, engine, Path(temporary)))
                _say(found[-1], columns=arguments.columns)
            if given.rules and not arguments.no_project:
                for repair in (None, "auto", {"methods": sorted(table_methods())}):
                    found.append(run_project(given, Path(temporary), repair=repair))
                    _say(found[-1], columns=arguments.columns)
                if arguments.labels:
                    labelled = run_project(
                        given, Path(temporary), repair="auto", labels=arguments.labels, show=arguments.questions
                    )
                    found.append(labelled)
                    _say(found[-1], columns=arguments.columns)
        engine.stop()
    record(
        "cleaning",
        "Cleaning, measured",
        "python -m benchmarks.cleaning",
        as_markdown(found),
        [one.record() for one in found],
        arguments.results,
    )


def as_markdown(found: Sequence[Measured]) -> str:
    """The page: the scores, and the calibration of each method over all sets."""
    lines = [
        f"Proposals of a table method count from a confidence of {LEAST}. NULL and the empty text are equal.\n",
        "| set | way | wrong cells | repaired | precision | recall | F1 | sound cells broken | s |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for one in found:
        s = one.score
        lines.append(
            f"| {one.table} | {one.way} | {s.wrong:,} | {s.changed:,} | {s.precision:.3f} | {s.recall:.3f} | {s.f1:.3f}"
            f" | {s.broken:,} ({s.damage:.2%}) | {one.seconds:.1f} |"
        )
    lines += [
        "\n## Is the confidence right?\n",
        "| way | confidence from | proposals | mean confidence | right |",
        "|---|--:|--:|--:|--:|",
    ]
    for way in dict.fromkeys(one.way for one in found):
        bands = [band for one in found if one.way == way for band in one.bands]
        for least in sorted({band.least for band in bands}):
            own = [band for band in bands if band.least == least]
            number = sum(band.proposals for band in own)
            mean = sum(band.mean * band.proposals for band in own) / number
            lines.append(f"| {way} | {least:g} | {number:,} | {mean:.2f} | {sum(b.right for b in own) / number:.3f} |")
    return "\n".join(lines)


def _say(one: Measured, *, columns: bool) -> None:
    s = one.score
    line = f"{one.table:22} {one.way:30} P {s.precision:.3f} R {s.recall:.3f} F1 {s.f1:.3f} broken {s.broken} ({s.damage:.3%})"
    print(f"{line} {one.seconds:.1f} s", file=sys.stderr, flush=True)
    for name, found in one.by_column.items() if columns else ():
        print(
            f"    {name:20} wrong {found.wrong} changed {found.changed} right {found.right} broken {found.broken}",
            file=sys.stderr,
        )
    for band in one.bands if columns else ():
        print(
            f"    from {band.least:g}: {band.proposals}, mean {band.mean:.2f}, right {band.right / band.proposals:.3f}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
