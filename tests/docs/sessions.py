"""Pages that are one session: their files are written, their commands run, and they print what the page shows."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from forked import Forks

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(yaml|csv|sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def shown_lines(page: str, project: Path, forks: Forks) -> int:
    """Run a page as a session.

    Args:
        page: the name of a file in ``docs``.
        project: where the session takes place.

    Returns:
        How many lines of output the page shows; each was found.
    """
    printed, shown = "", 0
    for kind, text in BLOCK.findall((DOCS / page).read_text("utf-8")):
        if kind in ("yaml", "csv"):
            name = re.match(r"# (\S+\.(?:yaml|csv))\n", text)
            if name is None:
                continue  # a part of a declaration
            file = project / name[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text if kind == "yaml" else text[name.end() :])
        elif kind == "sh":
            printed = "".join(typed(line, project, forks) for line in text.splitlines())
        else:
            for line in text.splitlines():
                wanted = r"[\s\S]*".join(map(re.escape, line.split(" … ")))
                assert re.search(wanted, printed), f"{line!r} is not in\n{printed}"
                shown += 1
    return shown


def typed(line: str, project: Path, forks: Forks) -> str:
    """Run a line of the session. Returns what it prints; it may fail only if the page says so by ``|| true``."""
    command, _, otherwise = line.partition(" || ")
    words = shlex.split(command)
    if words[0] == "vertebra":
        done = forks.vertebra(*words[1:], cwd=project)
    else:
        done = subprocess.run(["bash", "-c", line], cwd=project, capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    assert done.returncode == 0 or otherwise == "true", f"{line}\n{printed}"
    return printed
