"""`python -m benchmarks.soak_storage [--kills 300] [--cuts 20] [--bits 200] [--seed 11]`: disturbs a lake and compares.

- Runs are killed at moments chosen by chance: after some processor time, or before a call that changes the disk; up to
  eight in a row, half of them from an empty lake. After the next run, tables and ledgers must equal those of a run that
  nothing disturbed.
- Power cuts are simulated at flushes spread over a run: what was not flushed is lost, all of it or by chance.
- Bits are flipped in files of every kind that a lake has. ``debug --verify`` must find each one.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from forked import Forks
from pipeline.crashes import (
    State,
    completed,
    cut_power,
    flip_bit,
    kill,
    make_shop,
    moments_of,
    overwrite,
    run_or_repair,
    said,
)
from pipeline.lake_files import kinds_of_files
from pipeline.tiny import contents, open_tiny
from vertebra.lake.log import flushed

CHAIN = 8
"""The most kills before a run may end."""

AFTER_A_REPAIR = (
    "runs.rows",
    "runs.fingerprint",
    "runs.fingerprint_parts",
    "lineage.fingerprint",
    "publications.fingerprint",
    "runs.version",
    "lineage.output_version",
    "lineage.input_version",
    "quality.table_version",
    "publications.table_version",
)
"""Columns that a repair cannot rebuild from the commits of tables, or that differ where a table was written again: the
damaged version keeps its number."""


@dataclass
class Soak:
    """What was done, and each difference that was found."""

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def compare(self, what: str, expected: State, found: State) -> None:
        """Compare tables and ledgers."""
        for kind, wanted, got in zip(("table", "ledger"), expected, found, strict=True):
            for name in sorted({*wanted, *got}):
                lost, new = (Counter(map(str, one.get(name, ()))) for one in (wanted, got))
                if lost != new:
                    self.wrong.append(f"{what}: {kind} {name}\n  lost {list(lost - new)}\n  new  {list(new - lost)}")

    def kills(self, number: int, chance: random.Random, forks: Forks, scratch: Path) -> None:
        """Kill runs, and compare what the next one leaves."""
        sides = []
        for ran in (False, True):
            home = scratch / f"ran-{ran}"
            before = make_shop(home / "before", ran=ran)
            moments = moments_of(before, home, forks)
            sides.append((before, moments, completed(home / "counted")))
        chains = 0
        while self.done["kills"] < number:
            before, moments, expected = sides[chains % 2]
            folder = Path(shutil.copytree(before, scratch / f"killed-{chains}"))
            wanted = min(chance.randint(1, CHAIN), number - self.done["kills"])
            killed = [moment for _ in range(wanted) if (moment := kill(folder, moments, chance, forks))]
            self.done["kills"] += len(killed)
            chains += 1
            what = f"killed at {', '.join(killed)} ({'next' if before is sides[1][0] else 'first'} run)"
            try:
                self.compare(what, expected, completed(folder))
            except Exception as error:
                self.wrong.append(f"{what}: {type(error).__name__}: {error}")
            if not self.wrong or not self.wrong[-1].startswith(what):
                shutil.rmtree(folder)
            _say(f"{self.done['kills']} kills, {len(self.wrong)} differences")

    def cuts(self, number: int, seed: int, forks: Forks, scratch: Path) -> None:
        """Cut the power at moments spread over a run, and compare what the next run, or repair and run, leaves."""
        before = make_shop(scratch / "before")
        moments = moments_of(before, scratch, forks)
        rows, ledgers = completed(scratch / "counted")
        spared = said(scratch / "counted", but=AFTER_A_REPAIR)
        chance = random.Random(seed)
        for cut in range(number):
            mode = ("strict", "mixed")[cut % 2]
            at = chance.randrange(1 + cut * moments.flushes // number, 1 + (cut + 1) * moments.flushes // number)
            folder = Path(shutil.copytree(before, scratch / f"cut-{cut}"))
            after = Path(shutil.copytree(before, scratch / f"after-{cut}", ignore=shutil.ignore_patterns("lake")))
            if not cut_power(folder, after, at, mode, cut, forks):
                continue
            self.done["cuts"] += 1
            what = f"power cut at flush {at} of {moments.flushes}, {mode}"
            try:
                repaired = run_or_repair(after)
                self.done["repaired"] += repaired
                found = said(after, but=AFTER_A_REPAIR if repaired else ())
                self.compare(what, (rows, spared if repaired else ledgers), (contents(after), found))
                with open_tiny(after) as project:
                    self.wrong += [f"{what}: {one}" for one in project.verify().damage]
            except Exception as error:
                self.wrong.append(f"{what}: {type(error).__name__}: {error}")
            _say(f"{self.done['cuts']} power cuts, {len(self.wrong)} differences")

    def bits(self, number: int, chance: random.Random, scratch: Path) -> None:
        """Flip bits in every kind of file, and verify after each."""
        folder = make_shop(scratch / "project")
        with open_tiny(folder) as project:
            assert project.run().ok
            for name in ("trusted.sales", "governance.runs"):
                table = project.lake.table(name)
                with flushed(table.path):
                    table.delta().create_checkpoint()
        with open_tiny(folder) as project:
            assert project.run().idle
            kinds = kinds_of_files(project)
            assert project.verify().ok
            for flip in range(number):
                kind = list(kinds)[flip % len(kinds)]
                file = chance.choice(kinds[kind])
                data = flip_bit(file, chance)
                self.done["bits"] += 1
                self.done[f"in {kind}"] += 1
                found = {one.file for one in project.verify().damage}
                if file not in found:
                    self.wrong.append(f"a flipped bit in {kind} is not found: {file}")
                overwrite(file, data)
            assert project.verify().ok


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak_storage", description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--bits", type=int, default=200)
    parser.add_argument("--seed", type=int, default=11)
    asked = parser.parse_args()
    clock, soak, forks = time.perf_counter(), Soak(), Forks()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        if asked.kills:
            soak.kills(asked.kills, random.Random(asked.seed), forks, scratch / "kills")
        if asked.cuts:
            soak.cuts(asked.cuts, asked.seed, forks, scratch / "cuts")
        if asked.bits:
            soak.bits(asked.bits, random.Random(asked.seed), scratch / "bits")
    forks.close()
    print(f"{', '.join(f'{n:,} {what}' for what, n in soak.done.items())}, in {time.perf_counter() - clock:.0f} s")
    print("\n".join(soak.wrong) if soak.wrong else "no difference to a run that nothing disturbed")
    return int(bool(soak.wrong))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
