"""Secrets never reach what is printed or recorded; schemes are what the project allows."""

from __future__ import annotations

from pathlib import Path

import pytest

import vertebra

DATASET = """
source: s
collect: {{from: files, path: "{path}"}}
parse: {{format: csv}}
columns: {{a: int}}
"""


def project(root: Path, settings: str, path: str) -> Path:
    (root / "datasets").mkdir(parents=True)
    (root / "vertebra.yaml").write_text(f"name: demo\n{settings}\n")
    (root / "datasets" / "things.yaml").write_text(DATASET.format(path=path))
    return root


def test_a_secret_is_redacted_from_errors_and_from_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2-hunter2")
    root = project(tmp_path / "p", "engine: sc://127.0.0.1:1/;token=${TOKEN}", "things.csv")
    (root / "things.csv").write_text("a\n1\n")
    with vertebra.open(root) as opened:
        report = opened.run()
        assert report.state == "failed"
        told = " ".join(result.error + result.trace for result in report.results)
        recorded = str(opened.ledgers.read("runs").to_pylist())
    assert "does not answer" in told
    assert "hunter2" not in told + recorded


def test_a_scheme_the_project_does_not_allow_is_refused_with_the_line_to_write(tmp_path: Path) -> None:
    root = project(tmp_path / "p", "", "memory://things.csv")
    with vertebra.open(root) as opened:
        (failed, *_) = opened.run(select="landing.things").results
    assert "schemes: [file, memory]" in failed.error


def test_a_scheme_the_project_allows_is_read(tmp_path: Path) -> None:
    import fsspec

    with fsspec.open("memory://things.csv", "w") as file:
        file.write("a\n1\n2\n")
    root = project(tmp_path / "p", "schemes: [file, memory]", "memory://things.csv")
    with vertebra.open(root) as opened:
        report = opened.run(select="landing.things")
        assert report.state == "ok", report.results
        assert opened.sql("SELECT records FROM governance.batches").rows() == [{"records": 2}]
