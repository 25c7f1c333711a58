"""`python -m benchmarks`: the backbone, against its peers, measured in one run; writes `benchmarks/results/backbone.*`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.backbone import Backbone, as_markdown, as_records, growth
from benchmarks.record import record


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", type=int, nargs="+", default=[1, 10, 30], help="years of flights (default: 1 10 30)")
    parser.add_argument("--spark", type=int, nargs="*", default=[1, 10], help="scales to run on Apache Spark too")
    parser.add_argument("--no-models", action="store_true", help="only the data-engineering part")
    parser.add_argument("--folder", type=Path, help="where to put the data; kept (default: a temporary folder)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        backbone = Backbone(folder, _say)
        if not arguments.no_models:
            backbone.whole_job()
        for scale in arguments.scale:
            backbone.engineering(scale)
        for scale in arguments.spark:
            backbone.apache_spark(scale)
    page = f"{as_markdown(backbone.results)}\n\n## Growth, collect to exploitation\n\n{growth(backbone.results)}"
    record("backbone", "The backbone, measured", "make bench", page, as_records(backbone.results))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
