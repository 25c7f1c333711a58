"""Runs that are killed or lose power, and what the lake must contain after the next run.

The programs are run in forks (``tests/forked.py``). Tests disturb a few runs; ``python -m benchmarks.soak_storage``
disturbs hundreds.
"""

from __future__ import annotations

import random
import re
import shutil
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from forked import Forks
from pipeline.tiny import contents, make, open_tiny
from vertebra.errors import VertebraError
from vertebra.governance.schemas import LEDGERS

MORE = """\
    id,shop,city,price,day
    7,S2,Lleida,20.0,2026-01-05
    8,S1,Gerona,six,2026-01-05
    9,S1,Girona,-2.0,2026-01-05
    """

DECLARATIONS = {
    "views/prices.sql": "select _rid, city, price * 100 as cents from trusted.sales",
    "datasets/members.yaml": """\
        source: office
        collect: {from: files, path: "data/members-*.csv"}
        parse: {format: csv}
        load: upsert
        columns: {id: int, plan: string}
        key: [id]
        """,
    "data/members-1.csv": "id,plan\n1,free\n2,pro\n",
    "reconcile/cities.yaml": """\
        method: lookup
        table: sales
        column: city
        values: {Girona: [Gerona]}
        """,
    "publish/shops.yaml": "table: trusted.shops\nto: files\npath: out/shops.csv\n",
}

NEWER = {
    "data/sales-2.csv": MORE,
    "data/members-2.csv": "id,plan\n2,free\n3,trial\n",
    "data/shops.csv": "shop,city\nS1,Girona\nS2,Lleida\nS3,Reus\n",
}

KILLED = """
    import os, signal, sys

    folder, kind, at = sys.argv[1:]
    if kind == "processor":
        # the kernel ends the process after so much processor time, whatever it is doing
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, float(at))
    calls = 0

    def counted(call):
        def counting(*arguments, **more):
            global calls
            calls += 1
            if kind == "file" and calls == int(at):
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)
        return counting

    for name in ("fsync", "rename", "replace", "unlink", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))
    import vertebra
    with vertebra.open(folder) as project:
        assert project.run().ok
    print(calls, sum(os.times()[:2]))
"""
"""Ends itself after some processor time, or before one of its calls that change the disk."""

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
"""Notes every flush, and at one of them writes the disk as it would be found after a power cut, and ends.

Under ``strict`` everything that was not flushed is lost: bytes and names. Under ``mixed`` chance decides for each, as it
does on a real disk, and a file may be cut off anywhere.
"""

OF_A_RUN = {"run_id", "seconds", "why", "facts", "engine", "profile", "vertebra", "error", "location"}
"""Columns that say which run it was, how long it took, and in which folder."""

State = tuple[dict[str, Any], dict[str, list[str]]]
"""The rows of the tables, and of the ledgers."""


def make_shop(folder: Path, *, ran: bool = True) -> Path:
    """Write a project with every zone, load and kind of ledger.

    Args:
        ran: it has run once, and received newer files since.
    """
    make(folder)
    _write(folder, DECLARATIONS)
    if ran:
        with open_tiny(folder) as project:
            assert project.run().ok
        _write(folder, NEWER)
    return folder


def said(folder: Path, but: Iterable[str] = ()) -> dict[str, list[str]]:
    """What every ledger says, but for the runs it is of, their times, and what depends on the time of day.

    What a dataset received is one row, because a killed run and the next one may each have landed a part of it.

    Args:
        but: columns to leave out, as ``ledger.column``.
    """
    found = {}
    with open_tiny(folder) as project:
        for ledger, schema in LEDGERS.items():
            without = OF_A_RUN | {one.partition(".")[2] for one in but if one.startswith(f"{ledger}.")}
            columns = [one.name for one in schema if one.name not in without and not pa.types.is_timestamp(one.type)]
            rows = project.ledgers.read(ledger).to_pylist()
            if ledger == "runs":
                rows = _summed([row for row in rows if row["state"] == "ok" and row["step"] != "run"])
            rows = [row for row in rows if row.get("measure") not in ("timeliness", "age_days")]
            texts = (str({name: row[name] for name in columns}) for row in rows)
            found[ledger] = sorted(re.sub(r"since run [-0-9a-fT]+", "since another run", text) for text in texts)
    return found


def _summed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of ``runs``, those of landing steps as one with all records."""
    landed: dict[str, dict[str, Any]] = {}
    others = []
    for row in rows:
        if not row["step"].startswith("landing."):
            others.append(row)
        elif row["step"] in landed:
            landed[row["step"]]["rows"] += row["rows"]
        else:
            landed[row["step"]] = dict(row)
    return [*landed.values(), *others]


def completed(folder: Path) -> State:
    """The tables and the ledgers after another run, which leaves nothing to do."""
    with open_tiny(folder) as project:
        assert project.run().ok
        assert project.run().idle
    assert not list((folder / "lake" / ".journal").iterdir())
    return contents(folder), said(folder)


@dataclass(frozen=True)
class Moments:
    """How many moments a run has at which it can be disturbed.

    Attributes:
        calls: calls that change the disk.
        processor: seconds of processor time.
        flushes: flushes to the disk.
    """

    calls: int
    processor: float
    flushes: int


def moments_of(before: Path, scratch: Path, forks: Forks) -> Moments:
    """Run copies of a project undisturbed, and count."""
    counted = forks.run(textwrap.dedent(KILLED), str(shutil.copytree(before, scratch / "counted")), "", "0")
    assert counted.returncode == 0, counted.stderr
    calls, processor = counted.stdout.split()
    flushed = forks.run(textwrap.dedent(CUT), str(shutil.copytree(before, scratch / "cut")), "", "0", "strict", "0")
    assert flushed.returncode == 0, flushed.stderr
    return Moments(int(calls), float(processor), int(flushed.stdout))


def kill(folder: Path, moments: Moments, chance: random.Random, forks: Forks) -> str:
    """Run a project and kill the run at a moment chosen by chance. Returns the moment; empty if the run had ended."""
    if chance.random() < 0.5:
        kind, at = "processor", f"{chance.uniform(0.05, moments.processor):.3f}"
    else:
        kind, at = "file", str(chance.randint(1, moments.calls))
    child = forks.run(textwrap.dedent(KILLED), str(folder), kind, at)
    assert child.returncode <= 0, (kind, at, child.stderr)
    return f"{kind} {at}" if child.returncode else ""


def cut_power(folder: Path, after: Path, at: int, mode: str, seed: int, forks: Forks) -> bool:
    """Run a project, and write the disk as a power cut at a flush would leave it.

    Args:
        after: a copy of the project without its lake; gets the lake.
        at: the flush, from 1.
        mode: ``strict`` or ``mixed``, see :data:`CUT`.

    Returns:
        False if the run had fewer flushes.
    """
    child = forks.run(textwrap.dedent(CUT), str(folder), str(after), str(at), mode, str(seed))
    assert child.returncode in (0, 7), child.stderr
    return child.returncode == 7


def run_or_repair(folder: Path) -> bool:
    """Run; where damage is named, repair it as the message says, and run. Returns whether there was damage."""
    damage = _run_twice(folder)
    if not damage:
        return False
    assert "vertebra debug --repair" in damage
    with open_tiny(folder) as project:
        assert project.repair().ok
    assert _run_twice(folder) == ""
    return True


def _run_twice(folder: Path) -> str:
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


def flip_bit(file: Path, chance: random.Random) -> bytes:
    """Flip one bit of a file. Returns the bytes before."""
    data = file.read_bytes()
    place = chance.randrange(len(data) * 8)
    changed = bytearray(data)
    changed[place // 8] ^= 1 << place % 8
    overwrite(file, bytes(changed))
    return data


def overwrite(file: Path, data: bytes) -> None:
    """Replace the bytes of a file, also of one that is read-only."""
    file.chmod(0o644)
    file.write_bytes(data)


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
