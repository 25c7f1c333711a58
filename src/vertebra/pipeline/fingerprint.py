"""Fingerprints of steps: everything a result depends on, by part, so that a plan can explain why a step would run.

Vertebra's own code is represented by versions that the code of each step declares (see ``docs/adr``): a new comment, or
a release that does not change results, makes no table stale.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.formatting import shortened
from vertebra.pipeline.dispatch import step_versions
from vertebra.zones import Zone

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from pydantic import BaseModel

    from vertebra.declare.dataset import Dataset
    from vertebra.pipeline.steps import Step

_NO_RESULT: Final = frozenset({"name", "description", "tags", "file", "replace"})
"""Fields of reconciliations and publications that change no result; ``tests`` has the list for every declaration."""


@dataclass(frozen=True)
class Fingerprint:
    """Everything that a step's result depends on.

    Attributes:
        declaration: hash of each part of the declaration that the step uses, e.g. ``rules.route_distance``. A field
            that is not declared, or has its default, is no part of it.
        versions: the declared version of each piece of code that the step runs, e.g. ``{"trusted": 1}``, and of the
            packages of its plug-ins; see :func:`~vertebra.pipeline.dispatch.step_versions`.
        files: hash of the content of each of the user's files that the step runs, and of the project's modules that
            they import.
        inputs: the data version of each table read; the last batch number for ``landing.<dataset>``.
        contents: for each input, an identifier of the content of that version or those batches. After the folder of a
            table or dataset was removed, versions and batches are numbered from the beginning again, so equal numbers
            alone do not mean equal rows.
        decisions: digest of the decisions people took, for trusted steps and reconciliations.
        clock: what ``run_date()`` and ``run_time()`` give, for views that call them.
    """

    declaration: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, int | str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, int] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    decisions: str = ""
    clock: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The hash of all parts; equal fingerprints mean equal results."""
        return _hash(self.to_json())

    @property
    def definition(self) -> str:
        """The hash of the parts that define the step, without its inputs: declaration, versions and files."""
        return _hash(json.dumps([self.declaration, self.versions, self.files], sort_keys=True))

    def to_json(self) -> str:
        """All parts, in an order that never changes."""
        parts = asdict(self)
        if not self.clock:
            del parts["clock"]  # so that fingerprints without it are those of earlier releases
        return json.dumps(parts, sort_keys=True)

    def differences(self, before: Fingerprint, unknown: Collection[str] = ()) -> list[str]:
        """Why a result with the fingerprint ``before`` is stale, in words; empty if it is not.

        Args:
            unknown: inputs to leave out, because earlier steps of the run will write them.
        """
        found = []
        if (self.versions and not before.versions) or (self.contents and before.inputs and not before.contents):
            found.append("an earlier release of Vertebra recorded another kind of fingerprint")
        else:
            changed = _most_specific(_changed(self.declaration, before.declaration))
            if changed:
                found.append(f"the declaration changed: {shortened(changed, 4)}")
            found += self._version_differences(before, because_declared=bool(changed))
            found += [f"{name} changed" for name in _changed(self.files, before.files)]
        if self.decisions != before.decisions:
            found.append("decisions of people changed")
        for name in _changed(self.inputs, before.inputs):
            if name not in unknown:
                found.append(_input_words(name, self.inputs.get(name), before.inputs.get(name)))
        found += [f"{name}() is {value}" for name, value in self.clock.items() if before.clock.get(name) != value]
        if not found:
            remade = [name for name in _changed(self.contents, before.contents) if name not in unknown]
            found += [_content_words(name) for name in remade]
        return found

    def _version_differences(self, before: Fingerprint, because_declared: bool) -> list[str]:
        """Changed versions, and code that was added or removed unless a change of the declaration already says so."""
        found = []
        for name in _changed(self.versions, before.versions):
            now, then = self.versions.get(name), before.versions.get(name)
            what = f"the {name}" if " " in name else f"Vertebra's {name} step"
            if now is not None and then is not None:
                found.append(f"{what} changed (version {then} → {now})")
            elif not because_declared:
                found.append(f"it no longer uses {what}" if now is None else f"it uses {what} now")
        return found

    def only_inputs_differ(self, before: Fingerprint) -> bool:
        """Whether only inputs changed, so that an incremental step can extend its last result."""
        return self.definition == before.definition


def fingerprint_of(
    step: Step,
    inputs: Mapping[str, int],
    decisions: str,
    root: Path,
    contents: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> Fingerprint:
    """The fingerprint of a step's result if it ran now.

    Args:
        inputs: the version of each input.
        decisions: digest of people's decisions, for trusted steps and reconciliations.
        root: the project's folder; the user's files are named relative to it.
        contents: an identifier of the content of each input.
        now: the time of the run, UTC, for views that read it.
    """
    files = {_relative(file, root): _hash(file.read_text("utf-8")) for file in step.files}
    return Fingerprint(
        declaration_parts(step),
        step_versions(step),
        files,
        dict(inputs),
        dict(contents or {}),
        decisions,
        _clock(step, now) if now else {},
    )


def _clock(step: Step, now: datetime) -> dict[str, str]:
    from vertebra.declare.view import View

    called = step.declaration.run_functions if isinstance(step.declaration, View) else ()
    return {name: now.date().isoformat() if name == "run_date" else now.isoformat() for name in called}


def declaration_parts(step: Step) -> dict[str, str]:
    """The parts of a step's declaration that its result depends on, each as a hash.

    Fields with their default values are left out, so a release may add fields without making tables stale. A release
    that changes a default raises the step's version.
    """
    from vertebra.declare.reconciliation import LookupTable

    if step.files:
        parts: dict[str, Any] = {}  # the user's file is the declaration; its content is in ``files``
    elif step.zone == Zone.FORMATTED:
        parts = _formatted_parts(step.declaration)
    elif step.zone == Zone.TRUSTED:
        parts = _trusted_parts(step.declaration)
    else:
        written = _declared(step.declaration, by_alias=True)
        parts = {key: value for key, value in written.items() if key not in _NO_RESULT}
        if isinstance(step.declaration, LookupTable):
            parts["values"] = sorted(step.declaration.canonical.items())
    return {path: _hash(json.dumps(value, default=str)) for path, value in parts.items()}


def _formatted_parts(dataset: Dataset) -> dict[str, Any]:
    from vertebra.declare.column_format import FORMATTING_FIELDS

    parts: dict[str, Any] = {
        "source": dataset.source,
        "parse": _declared(dataset.parse),
        "load": dataset.load,
        "drift": _declared(dataset.drift),
        "collect.member": dataset.collect.member,  # the members of an archive are records of the same batch
        "columns": list(dataset.columns),  # in the order of the table
    }
    if dataset.load == "upsert":
        parts["key"] = dataset.key
        if dataset.version is not None:
            parts["version"] = dataset.version
        if not dataset.deleted.kept:
            parts["deleted"] = _declared(dataset.deleted)
    wanted = set(FORMATTING_FIELDS)
    for name, column in dataset.columns.items():
        unit = {"unit"} if column.unit_from is not None else set()
        parts[f"columns.{name}"] = _declared(column, include=wanted | unit)
    return parts


def _trusted_parts(dataset: Dataset) -> dict[str, Any]:
    from vertebra.declare.column_format import ColumnFormat

    # rules are applied in the order of their declarations
    parts: dict[str, Any] = {
        "key": dataset.key,
        "updates": dataset.updates,
        "columns": list(dataset.columns),
        "rules": list(dataset.rules),
    }
    if dataset.repair is not None:
        parts["repair"] = dataset.repair if dataset.repair == "auto" else _declared(dataset.repair)
    ignored = set(ColumnFormat.model_fields) - {"type"}
    for name, column in dataset.columns.items():
        parts[f"columns.{name}"] = _declared(column, exclude=ignored)
    for name, rule in dataset.rules.items():
        parts[f"rules.{name}"] = _declared(rule, exclude={"description"})
    return parts


def _declared(declaration: BaseModel, **options: Any) -> dict[str, Any]:
    """The values that a declaration has besides defaults, its fields by name.

    The order in which a model lists its fields changes no result; that of a user's mapping, such as columns, may.

    Args:
        options: of ``model_dump``.
    """
    values: dict[str, Any] = _by_field(
        declaration, declaration.model_dump(mode="json", exclude_defaults=True, **options)
    )
    return values


def _by_field(value: Any, written: Any) -> Any:
    """The JSON value of a declared value, with the fields of models in alphabetical order."""
    if isinstance(written, dict) and hasattr(type(value), "model_fields"):
        fields = {info.alias or name: name for name, info in type(value).model_fields.items()}
        return {key: _by_field(getattr(value, fields.get(key, key), None), written[key]) for key in sorted(written)}
    if isinstance(written, dict) and isinstance(value, dict):
        return {key: _by_field(one, written[key]) for one, key in zip(value.values(), written, strict=True)}
    if isinstance(written, list) and isinstance(value, list | tuple):
        return [_by_field(*pair) for pair in zip(value, written, strict=True)]
    return written


def parts_json(fingerprint: Fingerprint, outputs: Mapping[str, int]) -> str:
    """The ``fingerprint_parts`` column of the ``runs`` ledger: a fingerprint, and the tables that the step wrote."""
    return json.dumps({"fingerprint": asdict(fingerprint), "outputs": dict(outputs)}, sort_keys=True)


def read_parts(text: str) -> tuple[Fingerprint, dict[str, int]]:
    """Read a ``fingerprint_parts`` column, also of earlier releases: a fingerprint, and the versions of tables.

    A fingerprint of another form has no ``versions``, and equals none of this release.
    """
    recorded = json.loads(text)
    parts = recorded.get("fingerprint") or recorded.get("basis") or {}
    known = {name: value for name, value in parts.items() if name in Fingerprint.__dataclass_fields__}
    return Fingerprint(**known), recorded["outputs"]


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _changed(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys([*now, *before])
    return [name for name in names if now.get(name) != before.get(name)]


def _most_specific(parts: Sequence[str]) -> list[str]:
    """Parts without those that others describe more closely: without ``columns`` where ``columns.city`` changed."""
    return [part for part in parts if not any(other.startswith(f"{part}.") for other in parts)]


def _input_words(name: str, now: int | None, before: int | None) -> str:
    if name.startswith("landing."):
        return f"{name} has batch {now} (was {before})" if before else f"{name} has batch {now}"
    if before is None:
        return f"it reads {name} now"
    if now is None:
        return f"it no longer reads {name}"
    return f"{name} has version {now} (was {before})"


def _content_words(name: str) -> str:
    if name.startswith("landing."):
        return f"other batches of {name} count, or they were parsed again"
    return f"{name} was removed and made again"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
