"""Collections with one wrong answer in five: ``python -m benchmarks.soak_collections [collections] [seed]``."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from portals.soak import soak


def main(collections: int = 2000, seed: int = 7) -> None:
    clock = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        soaked = soak(Path(folder), collections, seed)
    seconds = time.perf_counter() - clock
    share = soaked.wrong / soaked.answers
    print(
        f"{soaked.collections:,} collections in {seconds:.0f} s: {soaked.answers:,} answers, {share:.0%} of them wrong"
    )
    print(f"{soaked.failed:,} collections ended with an error; {soaked.batches:,} batches landed, all exact")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
