"""The page about loads is one session: its files are written, its commands run, and they print what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "loads.md"
BLOCK = re.compile(r"^```(yaml|sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_is_a_session_that_prints_what_it_shows(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "vertebra"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vertebra "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "NO_COLOR": "1", "COLUMNS": "200"}
    project = tmp_path / "loads"
    printed, shown = "", 0
    for kind, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if kind == "yaml":
            name = re.match(r"# (\S+\.yaml)\n", text)
            if name is None:
                continue  # a part of a declaration
            file = project / name[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        elif kind == "sh":
            done = subprocess.run(
                ["bash", "-e", "-c", text], cwd=project, env=environment, capture_output=True, text=True, check=False
            )
            printed = done.stdout + done.stderr
            assert done.returncode == 0, printed
        else:
            for line in text.splitlines():
                wanted = r"[\s\S]*".join(map(re.escape, line.split(" … ")))
                assert re.search(wanted, printed), f"{line!r} is not in\n{printed}"
                shown += 1
    assert shown >= 8
