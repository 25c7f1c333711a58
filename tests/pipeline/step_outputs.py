"""What each step of a project gave, in hashes, and whether that is what is recorded for the versions it declares.

A record says for each step: with these versions of its code, given this input, these were its outputs. Other outputs
for the same input are only right with another version, so that users' tables are written again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from vertebra.declare.project import Project
from vertebra.landing.parsing.format import format_named
from vertebra.pipeline.dispatch import step_versions
from vertebra.pipeline.fingerprint import fingerprint_of
from vertebra.pipeline.plan import graph_of
from vertebra.pipeline.steps import Step
from vertebra.workspace.workspace import Workspace

RECORD = "VERTEBRA_RECORD"
"""Environment variable: with it, tests record what steps give in place of comparing it."""

DECLARED_IN = {
    "formatted": "VERSION in formatted/digest.py",
    "trusted": "VERSION in trusted/inputs.py",
    "view": "VERSION in exploitation/views.py",
    "lookup": "VERSION in exploitation/lookup.py",
    "resolution": "VERSION in exploitation/matching/resolution.py",
    "analysis": "VERSION in analysis/run.py",
    "publish": "VERSION in publish/publish.py",
}
"""Where the version of each kind of step is declared, below ``src/vertebra``."""

LEDGERS = {"formatted": ("rejects",), "trusted": ("violations", "repairs", "quarantine")}
"""The ledgers that a dataset's steps write."""

NO_RESULT = ("run_id", "reason", "partner")
"""Columns that are not compared: they differ from run to run, are prose, or name one of several rows."""


@dataclass(frozen=True)
class StepOutputs:
    """What one step gave.

    Attributes:
        versions: the declared versions of its code.
        given: hash of its declaration and of the content of its inputs.
        outputs: hash of the content of each table, or of the records of each batch.
    """

    versions: Mapping[str, int | str]
    given: str
    outputs: Mapping[str, str]


Found = Mapping[str, StepOutputs]


def outputs_of(
    project: Workspace,
    zones: Iterable[str],
    described: Mapping[str, Any] | None = None,
    declared: Project | None = None,
) -> dict[str, StepOutputs]:
    """What the steps of some zones gave, in the order of the graph.

    Args:
        described: the content of each dataset's payloads, for landing steps.
        declared: the declarations whose hashes are given; those of the project by default.
    """
    found = {}
    declarations = declared or project.project
    for name, step in graph_of(declarations).steps.items():
        if step.zone == "landing" and "landing" in zones:
            found[name] = _landed(project, step, (described or {})[step.subject])
        elif step.zone in zones and step.outputs:
            found[name] = _computed(project, step, declarations.root)
    return found


def _landed(project: Workspace, step: Step, payloads: Any) -> StepOutputs:
    dataset = step.declaration
    name = dataset.parse.format
    declared = dataset.parse.model_dump(mode="json", exclude_defaults=True)
    folders = sorted((project.lake.landing / dataset.source / dataset.name).iterdir())
    records = {f"batch {folder.name}": table_hash(pq.read_table(folder / "records.parquet")) for folder in folders}
    return StepOutputs({f"format {name}": format_named(name).version}, text_hash([declared, payloads]), records)


def _computed(project: Workspace, step: Step, root: Path) -> StepOutputs:
    digits = _digits(step.zone)
    fingerprint = fingerprint_of(step, {}, "", root)
    given = [fingerprint.declaration, fingerprint.files, *(_content(project, step, name) for name in step.inputs)]
    outputs = {name: table_hash(project.table(name).arrow(), digits) for name in step.outputs}
    for ledger in LEDGERS.get(step.zone, ()):
        rows = project.ledgers.read(ledger)
        outputs[ledger] = table_hash(rows.filter(pa.compute.equal(rows.column("dataset"), step.subject)), digits)
    return StepOutputs(step_versions(step), text_hash(given), outputs)


def _content(project: Workspace, step: Step, name: str) -> str:
    if not name.startswith("landing."):
        return table_hash(project.table(name).arrow(), _digits(name.partition(".")[0]))
    folders = sorted((project.lake.landing / str(step.source) / step.subject).iterdir())
    return text_hash([table_hash(pq.read_table(folder / "records.parquet")) for folder in folders])


def _digits(zone: str) -> int:
    """The digits of floats to compare: all, but where they may be sums, which depend on the order of the rows."""
    return 17 if zone in LEDGERS else 6


def table_hash(table: pa.Table, digits: int = 17) -> str:
    """The hash of a table's columns, types and rows, whatever the order of the rows.

    Args:
        digits: significant digits of floating-point numbers that are compared.
    """
    kept = [field for field in table.schema if field.name not in NO_RESULT]
    cells = ", ".join(f"coalesce({_text(field, digits)}, chr(0))" for field in kept) or "''"
    with duckdb.connect() as db:
        db.register("given", table)
        lines = f"SELECT md5(concat_ws(chr(31), {cells})) AS line FROM given"
        ((found,),) = db.sql(f"SELECT md5(coalesce(string_agg(line, '' ORDER BY line), '')) FROM ({lines})").fetchall()
    return text_hash([[f"{field.name} {field.type}" for field in kept], found])


def _text(field: pa.Field, digits: int) -> str:
    column = '"' + field.name.replace('"', '""') + '"'
    if pa.types.is_floating(field.type):
        return f"printf('%.{digits}g', {column}::DOUBLE)"
    return f"epoch_us({column})::VARCHAR" if pa.types.is_timestamp(field.type) else f"{column}::VARCHAR"


def text_hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def unversioned_changes(found: Found, recorded: Found) -> list[str]:
    """The steps that give other outputs than recorded, for the same input and with the same versions."""
    told = []
    for name, now in found.items():
        before = recorded.get(name)
        if (
            before is None
            or (now.given, now.versions) != (before.given, before.versions)
            or now.outputs == before.outputs
        ):
            continue
        tables = ", ".join(table for table in now.outputs if now.outputs[table] != before.outputs.get(table))
        where = " or ".join(DECLARED_IN.get(key, f"the version of the {key}") for key in now.versions)
        told.append(
            f"{name} gives another result for the same input ({tables}). If that is intended, raise {where}, so that"
            " users' tables are written again. If it is not, correct the code."
        )
    return told


def unrecorded(found: Found, recorded: Found) -> list[str]:
    """The steps of which no result is recorded for this input and these versions, and those that are gone."""
    told = [
        f"{name}: {'its versions' if now.given == recorded[name].given else 'its input'} changed" if name in recorded
        else f"{name} is new"
        for name, now in found.items()
        if name not in recorded or (now.given, now.versions) != (recorded[name].given, recorded[name].versions)
    ]  # fmt: skip
    return told + [f"{name} is gone" for name in recorded if name not in found]


def read_record(file: Path) -> dict[str, StepOutputs]:
    recorded = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return {name: StepOutputs(**parts) for name, parts in recorded.items()}


def write_record(file: Path, found: Found) -> None:
    parts = {name: asdict(one) for name, one in found.items()}
    file.write_text(json.dumps(parts, indent=1, ensure_ascii=False) + "\n", "utf-8")
