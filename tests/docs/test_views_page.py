"""The page about views is one session."""

from __future__ import annotations

from pathlib import Path

from docs.sessions import shown_lines
from forked import Forks


def test_the_page_is_a_session_that_prints_what_it_shows(tmp_path: Path, forks: Forks) -> None:
    (tmp_path / "vertebra.yaml").write_text("name: meters\n")
    assert shown_lines("views.md", tmp_path, forks) >= 4
