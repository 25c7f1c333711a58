"""Forgetting a person: no file of the lake has them any more, and everything else is as it was."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import signal
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import vertebra
from effort import moments
from forked import Forks
from pipeline.bytes_of import files_with
from vertebra.cli.app import app
from vertebra.errors import DecisionError, LakeError
from vertebra.lake.commit import Commit

MARK = "Quillmarker"
"""A text that only the records of the person have."""

DECLARED = {
    "vertebra.yaml": "name: people\n",
    "datasets/members.yaml": """\
        source: club
        collect: {from: files, path: "drop/members-*"}
        parse: {format: csv}
        columns:
          id: int
          name: string
          city: string
          age: {type: int}
        key: [id]
        rules:
          adult: {deny: t.age < 18, on_violation: quarantine}
          one_city: {determines: "name -> city", on_violation: repair}
        """,
    "datasets/accounts.yaml": """\
        source: bank
        collect: {from: files, path: "drop/accounts-*.jsonl"}
        parse: {format: jsonl}
        load: upsert
        columns: {member: {type: int, references: members.id}, owner: string, balance: double}
        key: [member]
        """,
    "datasets/seats.yaml": """\
        source: hall
        collect: {from: files, path: "drop/seats-*.parquet"}
        parse: {format: parquet}
        load: snapshot
        columns: {row_no: int, seat: int, guest: string}
        key: [row_no, seat]
        """,
    "datasets/visits.yaml": """\
        source: gate
        collect: {from: files, path: "drop/visits-*.zip", member: "*.csv"}
        parse: {format: csv}
        columns: {member: int, visitor: string, day: date}
        """,
    "datasets/items.yaml": """\
        source: shop
        collect: {from: files, path: "drop/orders-*.json"}
        parse: {format: json, records: "orders[*].items"}
        columns: {member: {type: int, source: ^.who.id}, buyer: {type: string, source: ^.who.name}, sku: string, note: string}
        """,
    "views/everyone.sql": """\
        select name, city, 'members' as origin from trusted.members
        union all select owner, null, 'accounts' from trusted.accounts
        union all select guest, null, 'seats' from trusted.seats
        union all select visitor, null, 'visits' from trusted.visits
        union all select buyer, note, 'items' from trusted.items
        """,
    "publish/everyone.yaml": "table: exploitation.everyone\nto: files\npath: out/everyone.parquet\n",
    "publish/members.yaml": "table: trusted.members\nto: duckdb\npath: out/members.duckdb\n",
}


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=2)
    return sink.getvalue()


def archive(members: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in members.items():
            packed.writestr(name, text)
    return sink.getvalue()


def csv(*rows: str) -> str:
    return "id,name,city,age\n" + "".join(f"{row}\n" for row in rows)


FIRST = {
    "drop/members-1.csv": csv("1,Ada,Bonn,36", f"17,{MARK},Köln,41", "2,Ben,Ulm,17", "x,Cid,Ulm,50").encode("utf-16"),
    "drop/members-2.csv.gz": gzip.compress(csv("3,Dora,Jena,29", f'017,"{MARK}, the 2nd",Köln,12').encode()),
    "drop/accounts-1.jsonl": f'{{"member":1,"owner":"Ada","balance":1.50}}\n{{"member":17,"owner":"{MARK}","balance":-2}}\n',
    "drop/seats-1.parquet": parquet(
        [{"row_no": 1, "seat": 17, "guest": MARK}, {"row_no": 1, "seat": 2, "guest": "Ada"}]
    ),
    "drop/visits-1.zip": archive(
        {
            "b.csv": f"member,visitor,day\n17,{MARK},2026-01-03\n1,Ada,2026-01-03\n",
            "a.csv": f"member,visitor,day\n2,Ben,2026-01-01\n17,{MARK},2026-01-02\n",
            "readme.txt": "Visits of 2017.",
        }
    ),
}
FIRST["drop/orders-1.json"] = json.dumps(
    {
        "orders": [
            {"who": {"id": 17, "name": MARK}, "items": [{"sku": "a", "note": MARK}, {"sku": "b"}]},
            {"who": {"id": 1, "name": "Ada"}, "items": [{"sku": "a", "note": "at 17:00"}]},
            {"who": {"id": 17, "name": MARK}, "items": [], "remark": f"{MARK} took nothing"},
        ]
    }
)
LATER = {
    "drop/members-3.csv": csv(f"17,{MARK},Kolonia,{MARK}", f"17,{MARK},too,many,{MARK}", "4,Eve,Bonn,33"),
    "drop/accounts-2.jsonl": f'{{"member":17,"owner":"{MARK} again","balance":"{MARK}"}}\n{{"member":2,"owner":"Ben","balance":7}}',
    "drop/seats-2.parquet": parquet(
        [{"row_no": 1, "seat": 2, "guest": "Eve"}, {"row_no": 1, "seat": 17, "guest": MARK}]
    ),
}
KEYS: list[tuple[str, list[str], int]] = [
    ("members", ["17"], 4),
    ("accounts", ["17"], 2),
    ("seats", ["1", "17"], 2),
    ("visits", ["member=17"], 2),
    ("items", ["member=17"], 2),
]


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a history of two runs, in which people decided about the person; copy it, do not change it."""
    folder = tmp_path_factory.mktemp("forget") / "project"
    write(folder, DECLARED | FIRST)
    with vertebra.open(folder) as project:
        assert project.run().ok
        (quarantined,) = [one.rid for one in project.quarantine.list("members") if MARK in one.row]
        project.quarantine.release("members", quarantined, "known to us")
        failed = {"run_id": "20250101T000000-0000", "step": "trusted.members", "state": "failed"}
        messages = [f"the row of {MARK} is wrong", "the row of Ada is wrong"]
        rows = [failed | {"error": message} for message in messages]
        project.ledgers.append("runs", rows, Commit("20250101T000000-0000", "run", ""))
        write(folder, LATER)
        assert project.run().ok
        project.retract("visits", 1, "a test")
        project.restore_batch("visits", 1, "it was right")
    return folder


@pytest.fixture
def folder(before: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(before, tmp_path / "project"))


def others(folder: Path) -> dict[str, list[str]]:
    """The rows of all tables but those of the person, of which one is NULL in all columns: it has too many cells."""
    with vertebra.open(folder) as project:
        names = [name for name in project.tables() if not name.startswith("governance.")]
        tables = {name: project.table(name).arrow().to_pylist() for name in names}
    texts = {name: [str(row) for row in rows] for name, rows in tables.items()}
    return {
        name: sorted(row for row in rows if MARK not in row and "'name': None" not in row)
        for name, rows in texts.items()
    }


def test_no_byte_of_the_lake_has_the_person_and_all_else_is_as_it_was(folder: Path) -> None:
    lake, rest = folder / "lake", others(folder)
    assert len(files_with(lake, MARK)) > 30
    with vertebra.open(folder) as project:
        for name, key, records in KEYS:
            said = project.forget(name, key, "request 7", by="ada")
            assert (said.records, said.done) == (records, True)
            assert [row["error"] for row in project.ledgers.read("runs").to_pylist() if row["error"]] == [
                "(removed: it named a forgotten record)",
                "the row of Ada is wrong",
            ]
            assert project.ledgers.read("decisions").num_rows == 0
            # of accounts, the members that it refers to were forgotten already
            assert said.effects.others == (("vertebra forget accounts member=17",) if name == "members" else ())
        assert files_with(lake, MARK) == []
        assert files_with(folder / "out", MARK) == []
        assert others(folder) == rest
        assert project.verify().ok
        report = project.run()
        assert report.idle, report
        rows = project.sql("select dataset, decided_by, reason, records from governance.forgotten").rows()
        assert [tuple(row.values()) for row in rows] == [
            (name, "ada", "request 7", records) for name, _, records in KEYS
        ]
        # whoever reads the ledgers cannot read, or try out, who it was
        assert re.search(r"\b17\b", str(project.sql("select hashes from governance.forgotten").rows())) is None
        assert [one.lost for one in project.gc("0 days").tables if one.lost] == []
        with pytest.raises(
            DecisionError, match=r"no record of members has id = 17(.|\n)*was forgotten before: request 7"
        ):
            project.forget("members", "17", "again")


def sizes(folder: Path) -> dict[str, int]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != ".lease")
    return {str(file.relative_to(folder)): file.stat().st_size for file in files}


KILLED = """
    import os, signal, sys

    folder, at, command, calls = sys.argv[1], int(sys.argv[2]), sys.argv[3], 0

    def counted(call):
        def counting(*arguments, **more):
            global calls
            calls += 1
            if calls == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)
        return counting

    for name in ("fsync", "rename", "replace", "unlink", "mkdir", "rmdir"):
        setattr(os, name, counted(getattr(os, name)))
    import vertebra
    with vertebra.open(folder) as project:
        assert project.run().ok if command == "run" else project.forget("members", "17", "request 7").done
    print(calls)
"""
"""Forgets or runs, and ends itself before one of its calls that change the disk."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "project"
    view = {
        "views/everyone.sql": "select name, city from trusted.members",
        "publish/everyone.yaml": DECLARED["publish/everyone.yaml"],
    }
    names = ("vertebra.yaml", "datasets/members.yaml", "drop/members-1.csv", "drop/members-2.csv.gz")
    write(folder, {name: (DECLARED | FIRST)[name] for name in names} | view)
    with vertebra.open(folder) as project:
        assert project.run().ok
    return folder


def test_an_erasure_that_is_killed_is_completed_by_the_next_run(small: Path, tmp_path: Path, forks: Forks) -> None:
    rest = others(small)
    counted = forks.run(textwrap.dedent(KILLED), str(shutil.copytree(small, tmp_path / "counted")), "0", "forget")
    assert counted.returncode == 0, counted.stderr
    calls = int(counted.stdout)
    for at in moments(calls, fast=2, thorough=16):
        folder = Path(shutil.copytree(small, tmp_path / f"at-{at}"))
        child = forks.run(textwrap.dedent(KILLED), str(folder), str(at), "forget")
        assert child.returncode == -signal.SIGKILL, child.stderr
        # the run that continues is killed too, unless it has fewer calls
        forks.run(textwrap.dedent(KILLED), str(folder), str(at * 7 % calls), "run")
        with vertebra.open(folder) as project:
            decided = any((folder / "lake" / ".erasures").glob("*.json"))
            done = [row["action"] for row in project.ledgers.read("forgotten").to_pylist()]
            assert project.run().ok, at
            if not decided and not done:  # it was killed before it had begun
                assert project.ledgers.read("forgotten").num_rows == 0
                assert project.forget("members", "17", "request 7").done
            assert files_with(folder / "lake", MARK) == [], at
            assert files_with(folder / "out", MARK) == [], at
            assert others(folder) == rest, at
            assert project.verify().ok, at
            assert project.run().idle, at
            assert project.ledgers.read("forgotten").num_rows == 1, at
        shutil.rmtree(folder)


def test_records_of_a_forgotten_key_that_the_source_sends_again_do_not_land(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "project"))
    with vertebra.open(folder) as project:
        assert project.forget("members", {"id": 17}, "request 7").done
        # the files that landed are still at the source, and a new one has the person again
        write(folder, {"drop/members-4.csv": csv("5,Fay,Bonn,33", f"17,{MARK},Ulm,33", "6,Gus,Bonn,20")})
        report = project.run()
        (landing,) = [result for result in report.results if result.step == "landing.members"]
        assert landing.facts is not None
        assert "1 record of a forgotten key did not land in batch 3" in str(landing.facts)
        assert files_with(folder / "lake", MARK) == []
        ids = "select _rid % 10000000000, id from trusted.members where _rid // 10000000000 = 3 order by 1"
        assert [tuple(row.values()) for row in project.sql(ids).rows()] == [(0, 5), (2, 6)]
        assert project.verify().ok
        assert project.run().idle
        rows = project.sql("select action, batches, records from governance.forgotten").rows()
        assert rows[-1] == {"action": "leave out", "batches": [3], "records": 1}
        # if they come back, somebody has to say so
        assert project.allow("members", "17", "a member again") == 1
        with pytest.raises(DecisionError, match="was not forgotten in members, or it may land again already"):
            project.allow("members", "17", "a member again")
        write(folder, {"drop/members-5.csv": csv("17,Ada again,Ulm,33")})
        assert project.run().ok
        assert project.sql("select name from trusted.members where id = 17").rows() == [{"name": "Ada again"}]
        # a change of the declaration parses the batches again, with the same ordinals
        file = folder / "datasets" / "members.yaml"
        file.write_text(file.read_text().replace("{format: csv}", "{format: csv, quote: '\"', ragged: fill}"))
    with vertebra.open(folder) as project:
        assert project.run().ok
        assert [tuple(row.values()) for row in project.sql(ids).rows()] == [(0, 5), (2, 6)]
        # the same bytes are known, although they are not in the lake any more
        assert project.run().idle


def test_what_cannot_be_forgotten_is_refused_and_nothing_changes(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "project"))
    notes = archive({"a.csv": csv(f"17,{MARK},Ulm,33"), "notes.csvx": "the one with number 17, as agreed"})
    text = (folder / "datasets/members.yaml").read_text()
    write(
        folder,
        {"drop/members-9.zip": notes, "datasets/members.yaml": text.replace('members-*"', 'members-*", member: a.csv')},
    )
    with vertebra.open(folder) as project:
        assert project.run().ok
        state = sizes(folder)
        for wrong, message in {
            ("99",): "no record of members has id = 99(.|\n)*searched: [0-9]+ records in 3 batches(.|\n)*next",
            ("1", "2"): "2 values for the key of members, which has 1 column",
            ("nme=x",): "members has no column nme(.|\n)*did you mean name",
            ("name= ",): "name has no value",
            (
                "17",
            ): r"batch 3 of members cannot be rewritten(.|\n)*notes.csvx(.|\n)*vertebra retract members 3 --reason",
        }.items():
            with pytest.raises(DecisionError, match=message):
                project.forget("members", list(wrong), "request 7")
        with pytest.raises(DecisionError, match="why forget records of members"):
            project.forget("members", "2", " ")
        asked = CliRunner().invoke(
            app, ["forget", "members", "2", "--reason", "x", "--format", "csv", "-p", str(folder)]
        )
        assert asked.exit_code == 2, asked.output
        assert "1,file:drop/members-1.csv,1,3" in asked.stdout
        assert "Forget 1 record of members for good? Pass --yes" in asked.stderr
        found = project.forget("members", "2", dry_run=True)
        assert (found.records, found.done, found.effects.models) == (1, False, ())
        assert sizes(folder) == state
        # the remedy of the message
        project.retract("members", 3, "it cannot be rewritten")
        assert project.run().ok
        project.gc("0 days")
        assert project.forget("members", "17", "request 7").done
    assert files_with(folder / "lake", MARK) == []


LETTERS = """\
source: post
collect: {from: files, path: "drop/letters-*.json"}
parse: {format: json}
columns: {id: int, text: string}
key: [id]
"""


def test_an_erasure_waits_for_steps_that_fail_and_removes_what_no_step_computes(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "project"))
    letter = json.dumps({"id": 17, "text": f"Yours, {MARK}"})
    write(
        folder,
        {
            "views/old.sql": "select text from trusted.letters",
            "datasets/letters.yaml": LETTERS,
            "drop/letters-1.json": letter,
            "drop/letters-2.json": f'{{"id": 18, "text": "{MARK}"',  # it is cut off, and refused
        },
    )
    with vertebra.open(folder) as project:
        assert not project.run().ok
    (folder / "views/old.sql").unlink()
    (folder / "drop/letters-2.json").unlink()
    write(
        folder,
        {
            "views/new.sql": "select id from trusted.letters",
            "publish/new.yaml": "table: exploitation.new\nto: files\npath: mail/new.csv\n",
        },
    )
    with vertebra.open(folder) as project:
        assert project.run().ok
        write(folder, {"drop/letters-3.json": '{"id": 19, "text": "Hello"}'})
        assert project.run().ok
        shutil.rmtree(folder / "mail")
        (folder / "mail").write_text("no folder")
        said = project.forget("letters", "17", "request 8")
        assert (said.effects.dropped, said.effects.refused, said.done) == (("exploitation.old",), 1, False)
        (lake,) = [one for one in project.diagnostics() if one.what == "lake"]
        assert (lake.ok, "an erasure from letters, of" in lake.detail) == (False, True)
        assert project.ledgers.read("forgotten").num_rows == 0
        (folder / "mail").unlink()
        assert project.run().ok
        assert project.ledgers.read("forgotten").num_rows == 1
        held = [file for file in files_with(folder / "lake", MARK) if "letters" in file or "old" in file]
        assert held == []
        assert not (folder / "lake/exploitation/old").exists()
        # of a batch without any record left, the columns stay, also when it is parsed again
        write(folder, {"datasets/letters.yaml": LETTERS.replace("json}", "json, encoding: utf-8}")})
    with vertebra.open(folder) as project:
        assert project.run().ok
        assert project.sql("select id, text from trusted.letters").rows() == [{"id": 19, "text": "Hello"}]
        assert project.verify().ok
        assert project.run().idle
        with pytest.raises(LakeError, match=r"record 0 of batch 1 was forgotten(.|\n)*request 8"):
            project.why("formatted.letters", 10_000_000_000)
