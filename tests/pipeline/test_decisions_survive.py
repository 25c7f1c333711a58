"""Random batches, decisions, runs and kills, for every way to load: decisions hold as long as their row does."""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vertebra
from effort import examples
from forked import Forks
from pipeline.test_killed_commits import DYING
from vertebra.lake.batches import RECORDS_PER_BATCH

Load = Literal["append", "snapshot", "upsert"]

DECLARED = """\
    source: s
    collect: {{from: files, path: "data/*.csv"}}
    parse: {{format: csv}}
    load: {load}
    columns: {{id: int, v: int, w: int, serial: int}}
    key: [id]
    rules:
      small: {{range: {{v: [0, 5]}}, on_violation: quarantine}}
      positive: {{deny: "t.w < 0", on_violation: repair, set: {{w: "0"}}}}
    """

Row = dict[str, int]

rows = st.lists(st.tuples(st.integers(1, 4), st.integers(3, 7), st.integers(-2, 2)), min_size=1, max_size=4)
batches = st.tuples(st.just("batch"), rows)
decided = st.tuples(st.sampled_from(["release", "undo", "set", "accept", "withdraw"]), st.integers(0, 3))
kills = st.tuples(
    st.just("kill"),
    st.sampled_from(["formatted.m", "trusted.m", "governance.runs"]),
    st.sampled_from(["before", "after"]),
)
sequences = st.lists(st.one_of(batches, decided, decided, kills), min_size=3, max_size=8)


@dataclass
class Made:
    """A decision as the model sees it."""

    kind: str
    rid: int
    key: int | None
    seen: tuple[str, int]
    value: int | None = None

    @property
    def subject(self) -> tuple[Any, str, str]:
        cell = self.seen[0] if self.kind in ("undo", "set") else ""
        return (self.key if self.key is not None else f"rid {self.rid}", cell, "small" if self.kind == "accept" else "")


@dataclass
class Model:
    """What the tables should be, in plain Python."""

    load: Load
    rows: dict[int, Row] = field(default_factory=dict)
    pending: list[list[Row]] = field(default_factory=list)
    decisions: dict[tuple[Any, str, str], Made] = field(default_factory=dict)
    landed: int = 0

    def run(self) -> None:
        new = self.pending[-1:] if self.load == "snapshot" else self.pending
        for batch in new:
            self.landed += 1
            if self.load == "snapshot":
                self.rows = {}
            for number, row in enumerate(batch):
                if self.load == "upsert":
                    self.rows = {rid: one for rid, one in self.rows.items() if one["id"] != row["id"]}
                self.rows[self.landed * RECORDS_PER_BATCH + number] = row
        self.pending = []

    def key_of(self, rid: int) -> int | None:
        """The key, if it tells the row apart."""
        key = self.rows[rid]["id"]
        return key if sum(row["id"] == key for row in self.rows.values()) == 1 else None

    def applies_to(self, made: Made) -> int | None:
        if made.rid in self.rows:
            return made.rid
        same = [rid for rid, row in self.rows.items() if made.key is not None and row["id"] == made.key]
        column, value = made.seen
        return same[0] if len(same) == 1 and self.rows[same[0]][column] == value else None

    def applied(self) -> dict[tuple[int, str, str], Made]:
        return {(rid, *made.subject[1:]): made for made in self.decisions.values() if (rid := self.applies_to(made))}

    def trusted(self) -> set[tuple[int, ...]]:
        found = set()
        decided = self.applied()
        for rid, row in self.rows.items():
            values = dict(row)
            for column in ("v", "w"):
                made = decided.get((rid, column, ""))
                if made is not None and made.kind == "set":
                    assert made.value is not None
                    values[column] = made.value
                elif made is None and column == "w" and values["w"] < 0:
                    values["w"] = 0
            spared = (rid, "", "") in decided or (rid, "", "small") in decided
            if 0 <= values["v"] <= 5 or spared:
                found.add((rid, *values.values()))
        return found


@dataclass
class World:
    """A project, and the model of it."""

    folder: Path
    model: Model
    forks: Forks
    files: int = 0
    serial: int = 0

    def batch(self, drawn: list[tuple[int, int, int]]) -> None:
        self.files += 1
        name = "m.csv" if self.model.load == "snapshot" else f"m-{self.files:03}.csv"
        found, seen = [], set()
        for key, v, w in drawn:
            if key in seen:  # a key comes once per batch, so that rows of a snapshot can be told apart
                continue
            seen.add(key)
            self.serial += 1
            found.append({"id": key, "v": v, "w": w, "serial": self.serial})
        file = self.folder / "data" / name
        file.write_text("id,v,w,serial\n" + "".join(",".join(map(str, row.values())) + "\n" for row in found))
        os.utime(file, (1_760_000_000 + self.files, 1_760_000_000 + self.files))
        self.model.pending.append(found)

    def kill(self, table: str, when: str) -> None:
        self.forks.run(textwrap.dedent(DYING), str(self.folder), table, when)
        self.run()

    def run(self) -> None:
        with vertebra.open(self.folder) as project:
            report = project.run()
            assert report.ok, [result.error for result in report.results]
        self.model.run()
        self.compare()

    def compare(self) -> None:
        with vertebra.open(self.folder) as project:
            data = project.table("trusted.m").arrow().to_pylist()
            standing = {one.present_rid for one in project.decisions.list("m") if one.state == "in force"}
            lapsed = sum(one.state.startswith("no longer applies") for one in project.decisions.list("m"))
        assert {tuple(row[name] for name in ("_rid", "id", "v", "w", "serial")) for row in data} == self.model.trusted()
        assert standing == {self.model.applies_to(made) for made in self.model.decisions.values()} - {None}
        assert lapsed == sum(self.model.applies_to(made) is None for made in self.model.decisions.values())

    def decide(self, kind: str, drawn: int) -> None:
        model = self.model
        if model.pending:
            self.run()
        decided = model.applied()
        kept = {row[0]: row for row in model.trusted()}
        gone = sorted(set(model.rows) - set(kept))
        repaired = [rid for rid, row in model.rows.items() if row["w"] < 0 and (rid, "w", "") not in decided]
        with vertebra.open(self.folder) as project:
            if kind == "release" and gone:
                rid = gone[drawn % len(gone)]
                project.quarantine.release("m", rid)
                self.note(Made("release", rid, model.key_of(rid), ("v", model.rows[rid]["v"])))
            elif kind == "accept" and gone:
                rid = gone[drawn % len(gone)]
                project.decisions.accept("m", "small", rid)
                self.note(Made("accept", rid, model.key_of(rid), ("v", model.rows[rid]["v"])))
            elif kind == "undo" and repaired:
                rid = repaired[drawn % len(repaired)]
                if rid in gone:
                    return
                project.repairs.undo("m", rid, "w")
                self.note(Made("undo", rid, model.key_of(rid), ("w", model.rows[rid]["w"])))
            elif kind == "set" and model.rows:
                rid = sorted(model.rows)[drawn % len(model.rows)]
                project.repairs.set("m", rid, "w", str(drawn - 1))
                self.note(Made("set", rid, model.key_of(rid), ("w", model.rows[rid]["w"]), drawn - 1))
            elif kind == "withdraw" and decided:
                rid, column, rule = sorted(decided)[drawn % len(decided)]
                project.decisions.withdraw("m", rid, column or None, rule or None)
                for made in [one for one in model.decisions.values() if model.applies_to(one) == rid]:
                    if made.subject[1:] == (column, rule):
                        del model.decisions[made.subject]
            else:
                return
        self.run()

    def note(self, made: Made) -> None:
        self.model.decisions.pop(made.subject, None)
        self.model.decisions[made.subject] = made


@pytest.mark.parametrize("load", ["append", "snapshot", "upsert"])
@settings(
    max_examples=examples(fast=2, thorough=8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=rows, sequence=sequences)
def test_decisions_hold_as_long_as_their_row_does(
    load: Load,
    first: list[tuple[int, int, int]],
    sequence: list[tuple[Any, ...]],
    tmp_path_factory: pytest.TempPathFactory,
    forks: Forks,
) -> None:
    folder = tmp_path_factory.mktemp("survive") / "project"
    for name in ("data", "datasets"):
        (folder / name).mkdir(parents=True)
    (folder / "vertebra.yaml").write_text("name: survive\n")
    (folder / "datasets" / "m.yaml").write_text(textwrap.dedent(DECLARED.format(load=load)))
    world = World(folder, Model(load), forks)
    world.batch(first)
    world.run()
    for action, *about in sequence:
        if action == "batch":
            world.batch(about[0])
        elif action == "kill":
            world.kill(*about)
        else:
            world.decide(action, *about)
    world.run()
