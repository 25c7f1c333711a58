"""`make bench`: measure everything in one run and write `benchmarks/results/`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmarks.backbone import Backbone, as_markdown, as_records, growth

RESULTS = Path(__file__).parent / "results"


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
    _write(backbone)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _write(backbone: Backbone) -> None:
    RESULTS.mkdir(exist_ok=True)
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30)),
        "python": platform.python_version(),
    }
    record = {"about": about, "results": as_records(backbone.results)}
    (RESULTS / "backbone.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    page = (
        f"# The backbone, measured\n\nOne run on {about['cores']} cores and {about['memory_gib']} GiB, "
        f"Python {about['python']}, {str(about['at'])[:10]}; `make bench` repeats it.\n\n"
        f"{as_markdown(backbone.results)}\n\n## Growth, collect to exploitation\n\n{growth(backbone.results)}\n"
    )
    (RESULTS / "backbone.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    main()
