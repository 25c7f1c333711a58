"""Tables with known errors: published sets, read from a folder, and a project of each with its published rules."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

VARIABLE: Final = "VERTEBRA_CLEANING_SETS"
"""The environment variable with the folder of the sets."""

Columns = Mapping[str, Sequence[str | None]]


@dataclass(frozen=True)
class CleaningSet:
    """A dirty table and the clean one, with the same column names and the same order of rows; empty cells are None.

    Attributes:
        rules: published rules in HoloClean's notation, over the names of the dirty table.
    """

    name: str
    dirty: Columns
    clean: Columns
    rules: Sequence[str] = ()

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(next(iter(self.dirty.values())))


def sets_folder(given: Path | None) -> Path:
    """The folder of the sets: the given one, or the one that the environment names.

    Raises:
        SystemExit: there is none.
    """
    folder = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if folder is None or not folder.is_dir():
        raise SystemExit(
            f"error: no folder of sets{f' at {folder}' if folder else ''}\n"
            "  cause: the published sets are not part of this repository\n"
            "  next:  get hospital and beers, e.g. from github.com/BigDaMa/raha, and give their folder with --sets or"
            f" {VARIABLE}; each is <folder>/<set>/dirty.csv, clean.csv and rules.txt"
        )
    return folder


def load_set(folder: Path) -> CleaningSet:
    """Read ``dirty.csv``, ``clean.csv`` and, if there is one, ``rules.txt``.

    The columns of the two files are in the same order and may have different names. The rules may use either.
    """
    names, dirty = _read(folder / "dirty.csv")
    published, clean = _read(folder / "clean.csv")
    by_rule = {_plain(theirs): ours for theirs, ours in zip(published, names, strict=True)}
    by_rule |= {_plain(name): name for name in names}
    file = folder / "rules.txt"
    rules = [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()] if file.is_file() else []
    renamed = [
        re.sub(r"(t[12])\.(\w+)", lambda found: f"{found[1]}.{by_rule[_plain(found[2])]}", rule) for rule in rules
    ]
    return CleaningSet(
        folder.name,
        dict(zip(names, dirty, strict=True)),
        dict(zip(names, clean, strict=True)),
        renamed,
    )


def write_table(table: Columns, file: Path) -> None:
    """Write a table as CSV."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))


def write_project(given: CleaningSet, folder: Path, *, repair: object = None) -> None:
    """A project with the dirty table as its only dataset, and the published rules with ``on_violation: repair``.

    Args:
        repair: the value of ``repair:`` of the dataset; None to leave it out.
    """
    (folder / "datasets").mkdir(parents=True)
    write_table(given.dirty, folder / "dirty.csv")
    rules = {f"rule_{number}": {"deny": rule, "on_violation": "repair"} for number, rule in enumerate(given.rules, 1)}
    dataset = {
        "source": "published",
        "collect": {"from": "files", "path": "dirty.csv"},
        "parse": {"format": "csv"},
        "load": "snapshot",
        "columns": dict.fromkeys(given.dirty, "string"),
    }
    dataset |= {"rules": rules} if rules else {}
    dataset |= {"repair": repair} if repair is not None else {}
    (folder / "vertebra.yaml").write_text(f"name: {given.name}\n", "utf-8")
    (folder / "datasets" / f"{given.name}.yaml").write_text(yaml.safe_dump(dataset, sort_keys=False), "utf-8")


def _read(file: Path) -> tuple[list[str], list[list[str | None]]]:
    with file.open(encoding="utf-8", newline="") as text:
        header, *rows = csv.reader(text)
    return header, [[value or None for value in column] for column in zip(*rows, strict=True)]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
