"""The parse declaration in the form of a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.parse import FORMATS
from vertebra.landing.parsing.column_origins import declared_origins
from vertebra.landing.parsing.format import format_named
from vertebra.landing.parsing.json_paths import declared_paths

if TYPE_CHECKING:
    from vertebra.declare.dataset import Dataset

_ALWAYS_RECORDED: Final[Mapping[str, Any]] = {
    "encoding": None,
    "delimiter": None,
    "quote": '"',
    "escape": None,
    "header": True,
    "names": [],
    "skip": 0,
    "comment": None,
    "ragged": "keep",
    "records": None,
}
"""Options that receipts have whatever the format is: a batch whose receipt lacks one would be parsed again."""


def parse_declaration(dataset: Dataset) -> dict[str, Any]:
    """The part of a declaration that affects a batch's records, in the form of a receipt.

    Texts that mean NULL, and trimming, are left out, because the landing zone keeps every text unchanged.
    """
    fields = type(dataset.parse).model_fields
    unset = {name for name in dataset.parse.later if getattr(dataset.parse, name) == fields[name].default}
    declared = dataset.parse.model_dump(mode="json", exclude={"null", "trim", *unset})
    name = dataset.parse.format
    made = {"parser": format_named(name).version, "member": dataset.collect.member, **_ALWAYS_RECORDED, **declared}
    paths = declared_paths(dataset)
    made |= {"paths": list(paths)} if paths else {}
    origins = declared_origins(dataset)
    made |= {"origins": [one.to_receipt() for one in origins]} if origins else {}
    plugin = FORMATS.plugin_version(name)
    return made | ({"plugin": plugin} if plugin is not None else {})
