"""Where measurements go: `benchmarks/results/<name>.json` for programs, `<name>.md` for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil

RESULTS = Path(__file__).parent / "results"


def record(
    name: str, title: str, command: str, page: str, results: Sequence[object], folder: Path = RESULTS, **more: object
) -> None:
    """Write the measurements of one run, with the machine they were made on, and print the page.

    Args:
        name: of the files.
        command: what repeats the measurement.
        page: Markdown, below the title and a line on the machine.
        results: what JSON can hold.
        more: what else the JSON says of the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30)),
        "python": platform.python_version(),
        **more,
    }
    text = json.dumps({"about": about, "results": list(results)}, indent=2, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", "utf-8")
    machine = f"One run on {about['cores']} cores and {about['memory_gib']} GiB, Python {about['python']}"
    page = f"# {title}\n\n{machine}, {str(about['at'])[:10]}; `{command}` repeats it.\n\n{page}\n"
    (folder / f"{name}.md").write_text(page, "utf-8")
    print(page)
