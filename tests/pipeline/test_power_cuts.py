"""Simulated power cuts: what was not flushed to the disk is lost, and the next run ends where it would have.

A run notes every ``fsync``: of a file, the bytes; of a folder, the names in it. At one of them, chosen by chance, it
writes the disk as it would be found after a power cut, and ends. Under ``strict`` everything that was not flushed is
lost: bytes that were not flushed, and names that were not flushed. Under ``mixed`` chance decides for each, as it does
on a real disk, and a file may be cut off anywhere.
"""

from __future__ import annotations

import random
import shutil
import textwrap
from pathlib import Path

import pytest

from effort import examples
from forked import Forks
from pipeline.test_damage import ledgers_of
from pipeline.test_killed_commits import MORE
from pipeline.tiny import contents, make, open_tiny
from vertebra.errors import VertebraError

CUT = """
    import os, random, shutil, sys
    from pathlib import Path

    folder, after, at, mode, seed = sys.argv[1:]
    lake, found, at, chance = Path(folder) / "lake", Path(after), int(at), random.Random(int(seed))
    mixed = mode == "mixed"
    fsync, bytes_of, names_of, calls = os.fsync, {}, {}, 0

    def note(path):
        # a file or folder is known by its number, so that renaming it needs no flush of its bytes
        status = path.stat()
        if path.is_dir():
            names_of[status.st_ino] = {one.name: one.stat().st_ino for one in path.iterdir()}
        else:
            bytes_of[status.st_ino] = path.read_bytes()

    def survives():
        return mixed and chance.random() < 0.5

    def write(source, target):
        target.mkdir()
        flushed = names_of.get(source.stat().st_ino, {})
        for one in source.iterdir():
            number = one.stat().st_ino
            if flushed.get(one.name) != number and not survives():
                continue
            if one.is_dir():
                write(one, target / one.name)
                continue
            data = one.read_bytes()
            least = bytes_of.get(number, b"")
            if data != least:
                # bytes that were flushed stay when others are appended
                fewest = len(least) if data.startswith(least) else 0
                data = data[: chance.choice((fewest, chance.randint(fewest, len(data)), len(data)))] if mixed else data[:fewest]
            (target / one.name).write_bytes(data)

    def noting(handle):
        global calls
        calls += 1
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        if path == lake or lake in path.parents:
            if calls == at:
                write(lake, found / "lake")
                os._exit(7)
            note(path)
        fsync(handle)

    if lake.is_dir():
        for path in (lake, *lake.rglob("*")):
            note(path)
    os.fsync = noting
    import vertebra
    with vertebra.open(folder) as project:
        assert project.run().ok
    print(calls)
"""

CUTS = examples(3, 12)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran once, and has received another file since; copy it, do not change it."""
    folder = make(tmp_path_factory.mktemp("tiny") / "project")
    (folder / "views" / "prices.sql").write_text("select _rid, city, price * 100 as cents from trusted.sales")
    with open_tiny(folder) as project:
        assert project.run().ok
    (folder / "data" / "sales-2.csv").write_text(textwrap.dedent(MORE))
    return folder


@pytest.fixture(scope="module")
def whole(before: Path, tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> tuple[Path, int]:
    """The project after a run that nothing disturbed, and the number of its flushes."""
    folder = Path(shutil.copytree(before, tmp_path_factory.mktemp("whole") / "project"))
    child = forks.run(textwrap.dedent(CUT), str(folder), "", "0", "strict", "0")
    assert child.returncode == 0, child.stderr
    return folder, int(child.stdout)


@pytest.mark.parametrize("mode", ["strict", "mixed"])
def test_a_run_after_a_power_cut_ends_as_if_there_was_none(
    mode: str, before: Path, whole: tuple[Path, int], tmp_path: Path, forks: Forks
) -> None:
    undisturbed, flushes = whole
    rows, said = contents(undisturbed), ledgers_of(undisturbed)
    chance = random.Random(mode)
    repaired = 0
    for number in range(CUTS):
        at = chance.randrange(1 + number * flushes // CUTS, 1 + (number + 1) * flushes // CUTS)
        folder = Path(shutil.copytree(before, tmp_path / f"{number}"))
        after = Path(shutil.copytree(before, tmp_path / f"{number}-after", ignore=shutil.ignore_patterns("lake")))
        child = forks.run(textwrap.dedent(CUT), str(folder), str(after), str(at), mode, str(number))
        assert child.returncode in (0, 7), child.stderr
        if child.returncode == 0:
            continue  # the run had fewer flushes than the one before
        repaired += run_or_repair(after)
        with open_tiny(after) as project:
            assert project.verify().ok
        assert contents(after) == rows, (mode, at)
        assert ledgers_of(after) == said, (mode, at)
    assert repaired < CUTS


def run_or_repair(folder: Path) -> bool:
    """Run; where damage is named, repair it as the message says, and run. Returns whether there was damage."""
    damage = run_twice(folder)
    if not damage:
        return False
    assert "vertebra debug --repair" in damage
    with open_tiny(folder) as project:
        assert project.repair().ok
    assert run_twice(folder) == ""
    return True


def run_twice(folder: Path) -> str:
    """Run, and find nothing to do then. Returns the error that stopped it, if any."""
    try:
        with open_tiny(folder) as project:
            report = project.run()
            failed = [result.error for result in report.results if result.state == "failed"]
            if failed:
                return failed[0]
            assert project.run().idle
    except VertebraError as error:
        return str(error)
    return ""
