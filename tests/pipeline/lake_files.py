"""Every kind of file that a lake has, for tests that damage them."""

from __future__ import annotations

from pathlib import Path

from vertebra.workspace.workspace import Workspace


def kinds_of_files(project: Workspace) -> dict[str, list[Path]]:
    """The files of a lake by kind; only data files that the newest version of a table has."""
    root = project.lake.root
    landing = [file for file in (root / "landing").rglob("*") if file.is_file()]
    kinds: dict[str, list[Path]] = {
        "payloads": [file for file in landing if file.name.startswith("payload.")],
        "records": [file for file in landing if file.name == "records.parquet"],
        "receipts": [file for file in landing if file.name == "receipt.json"],
    }
    for table in project.lake.tables():
        log = table.path / "_delta_log"
        kinds.setdefault(f"data of {table.name.partition('.')[0]}", []).extend(table.files())
        kinds.setdefault("log entries", []).extend(log.glob("*.json"))
        kinds.setdefault("checkpoints", []).extend(log.glob("*.parquet"))
        kinds.setdefault("hints at checkpoints", []).extend(log.glob("_last_checkpoint"))
        kinds.setdefault("hashes of logs", []).extend(log.glob(".sha256"))
    return {kind: sorted(files) for kind, files in kinds.items() if files}
