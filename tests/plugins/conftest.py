"""Distributions with plug-ins, installed for one test: a folder on the path with a package and its metadata."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from vertebra.registry import refresh_registries

Install = Callable[[str, Mapping[str, str], Mapping[str, Mapping[str, str]]], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution: ``install("vertebra-x", {"x.py": "…"}, {"vertebra.collectors": {"x": "x:COLLECTOR"}})``."""
    before = set(sys.modules)

    def install(name: str, modules: Mapping[str, str], entry_points: Mapping[str, Mapping[str, str]]) -> Path:
        site = tmp_path / "site-packages" / name
        metadata = site / f"{name.replace('-', '_')}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
        groups = (
            "\n".join([f"[{group}]", *(f"{member} = {place}" for member, place in members.items())])
            for group, members in entry_points.items()
        )
        (metadata / "entry_points.txt").write_text("\n\n".join(groups) + "\n", "utf-8")
        for file, text in modules.items():
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).write_text(textwrap.dedent(text), "utf-8")
        monkeypatch.syspath_prepend(site)
        refresh_registries()
        return site

    yield install
    monkeypatch.undo()
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]
    importlib.invalidate_caches()
    refresh_registries()
