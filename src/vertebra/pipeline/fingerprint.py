"""What a step's result follows from, piece by piece, so that a plan can say in words why a step would run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.parse import FORMATS
from vertebra.declare.publication import target_plugin
from vertebra.declare.reconciliation import EntityResolution, comparison_plugins
from vertebra.declare.repair import repair_plugins
from vertebra.formatting import shortened
from vertebra.version import installed_version
from vertebra.zones import DATASET_ZONES, Zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.pipeline.steps import Step

_CODE: Final[Mapping[str, tuple[str, ...]]] = {
    "landing": ("landing",),
    "formatted": (
        "formatted",
        "landing/formats",
        "landing/parsing",
        "declare/column_type.py",
        "declare/time_pattern.py",
    ),
    "trusted": ("trusted", "denial", "declare/rules.py"),
    "exploitation": ("exploitation",),
    "analysis": ("analysis",),
}
"""The packages and modules whose code decides a zone's results."""

_IGNORED: Final = frozenset({"description", "tags", "file", "name"})


@dataclass(frozen=True)
class Fingerprint:
    """Everything a step's result depends on.

    Attributes:
        declaration: hash of each part of the declaration that the step follows, e.g. ``rules.route_distance``.
        code: hash of Vertebra's code for the zone (``vertebra``) and of each of the user's files.
        inputs: the data version of each table read; the last batch number for ``landing.<dataset>``.
        decisions: digest of the decisions people took, for trusted steps.
        release: Vertebra's version.
    """

    declaration: Mapping[str, str]
    code: Mapping[str, str]
    inputs: Mapping[str, int]
    decisions: str = ""
    release: str = ""

    @property
    def digest(self) -> str:
        """The hash of it all; equal fingerprints, equal results."""
        return _hash(self.to_json())

    @property
    def definition(self) -> str:
        """The hash of what is declared and coded, whatever the inputs."""
        return _hash(json.dumps([self.declaration, self.code, self.release], sort_keys=True))

    def to_json(self) -> str:
        """All of it, in an order that never changes."""
        return json.dumps(asdict(self), sort_keys=True)

    def differences(self, before: Fingerprint) -> list[str]:
        """Why this is not what it was before, in words."""
        found = []
        changed = _changed(self.declaration, before.declaration)
        if changed:
            found.append(f"the declaration changed: {shortened(changed, 4)}")
        for part in _changed(self.code, before.code):
            found.append("the code of the zone changed" if part == "vertebra" else f"{part} changed")
        if self.decisions != before.decisions:
            found.append("decisions on its rows or cells changed")
        for name in _changed(self.inputs, before.inputs):
            found.append(_input_words(name, self.inputs.get(name), before.inputs.get(name)))
        if self.release != before.release:
            found.append(f"Vertebra is {self.release} (was {before.release})")
        return found

    def only_inputs_differ(self, before: Fingerprint) -> bool:
        """Whether all but the input versions is as before, so that an incremental step need not start afresh."""
        return self.definition == before.definition


def fingerprint_of(step: Step, inputs: Mapping[str, int], decisions: str, root: Path) -> Fingerprint:
    """What a step's result would follow from now.

    Args:
        root: the project's folder; the user's files are named relative to it.
    """
    code = {"vertebra": _publishing(step) if step.zone == "publish" else _zone_code(step.zone)}
    for file in step.files:
        code[_relative(file, root)] = _hash(file.read_text("utf-8"))
    return Fingerprint(declaration_parts(step), code, dict(inputs), decisions, installed_version())


def declaration_parts(step: Step) -> dict[str, str]:
    """The parts of a step's declaration that its result depends on, each as a hash."""
    if step.zone in (Zone.LANDING, *DATASET_ZONES):
        parts = _dataset_parts(step)
    elif step.files:
        # The user's file is the declaration, and is hashed as code.
        parts = {}
    else:
        dumped = step.declaration.model_dump(mode="json", by_alias=True)
        ignored = _IGNORED | {"replace"} if step.zone == "publish" else _IGNORED
        parts = {key: value for key, value in dumped.items() if key not in ignored}
    parts |= {f"the plug-in {name}": version for name, version in _plugins(step).items()}
    return {path: _hash(json.dumps(value, sort_keys=True, default=str)) for path, value in parts.items()}


def _dataset_parts(step: Step) -> dict[str, Any]:
    from vertebra.declare.dataset import ColumnFormat

    dataset = step.declaration.model_dump(mode="json", by_alias=True)
    columns: dict[str, dict[str, Any]] = dataset["columns"]
    if step.zone == "landing":
        return {key: dataset[key] for key in ("source", "collect", "parse")}
    if step.zone == "formatted":
        parts = {key: dataset[key] for key in ("source", "parse", "load", "drift")}
        # the members of an archive are records of the same batch
        parts["collect.member"] = dataset["collect"]["member"]
        if dataset["load"] == "upsert":
            parts["key"] = dataset["key"]
        for name, column in columns.items():
            wanted = set(ColumnFormat.model_fields) - {"description", "unit"}
            parts[f"columns.{name}"] = {k: v for k, v in column.items() if k in wanted}
        version = FORMATS.plugin_version(dataset["parse"]["format"])
        if version is not None:
            parts[f"the plug-in {dataset['parse']['format']}"] = version
        return parts
    parts = {"key": dataset["key"], "updates": dataset["updates"]}
    for name, column in columns.items():
        ignored = set(ColumnFormat.model_fields) - {"type"}
        parts[f"columns.{name}"] = {k: v for k, v in column.items() if k not in ignored}
    for name, rule in dataset["rules"].items():
        parts[f"rules.{name}"] = {k: v for k, v in rule.items() if k != "description"}
    return parts


def _plugins(step: Step) -> Mapping[str, str]:
    """The version of each plug-in that the step's result depends on."""
    if step.zone == Zone.TRUSTED:
        return repair_plugins(step.declaration)
    if step.zone == "publish":
        return target_plugin(step.declaration)
    return comparison_plugins(step.declaration) if isinstance(step.declaration, EntityResolution) else {}


def _publishing(step: Step) -> str:
    from vertebra.publish.publish import code_version

    return code_version(step.declaration)


@cache
def _zone_code(zone: str) -> str:
    package = Path(__file__).parents[1]
    files = [file for name in _CODE[zone] for file in _sources(package / name)]
    return _hash("".join(f"{file.name}\n{file.read_text('utf-8')}" for file in files))


def _sources(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _changed(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys([*now, *before])
    return [name for name in names if now.get(name) != before.get(name)]


def _input_words(name: str, now: int | None, before: int | None) -> str:
    if name.startswith("landing."):
        return f"{name} has batch {now} (was {before})" if before else f"{name} has batch {now}"
    if before is None:
        return f"it reads {name} now"
    if now is None:
        return f"it no longer reads {name}"
    return f"{name} has version {now} (was {before})"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
