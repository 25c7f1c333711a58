"""Generates the reference of declarations from their models: ``docs/reference/declarations.md``.

python -m vertebra.report.declaration_reference docs/reference/declarations.md
"""

# ruff: noqa: E501 - long lines of the page

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from vertebra.declare.schema import DOCUMENTS, analysis_schema, json_schema

_FILES: Final = {
    "project": "`vertebra.yaml`",
    "dataset": "`datasets/<name>.yaml`",
    "reconciliation": "`reconcile/<name>.yaml`",
    "view": "`views/<name>.yaml`",
    "publication": "`publish/<name>.yaml`",
    "analysis": "`analyses/<name>.py`, as `analysis = vertebra.Analysis(…)`",
}
_KINDS: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
_HEAD: Final = """\
# Declarations: every key

Each kind of file, with the keys it may have. A key in bold has to be written. `vertebra debug --json-schema` prints the same as JSON Schema, which editors use to complete and check keys.
"""


def reference() -> str:
    """The page."""
    parts = [_HEAD]
    for kind in (*DOCUMENTS, "analysis"):
        schema = analysis_schema() if kind == "analysis" else json_schema(kind)
        parts.append(f"## {kind.capitalize()}\n\n{_FILES[kind]}\n")
        parts += _Kind(kind, schema).sections()
    return "\n".join(parts)


class _Kind:
    """The sections of one kind of file."""

    def __init__(self, kind: str, schema: Mapping[str, Any]) -> None:
        self.kind, self.schema = kind, schema
        self.definitions: Mapping[str, Any] = schema.get("$defs", {})

    def sections(self) -> Iterator[str]:
        forms = self.schema.get("oneOf", [self.schema])
        if "$ref" in self.schema:
            forms = [self.schema]
        waiting = [one["$ref"].rpartition("/")[2] if "$ref" in one else "" for one in forms]
        seen = set(waiting)
        while waiting:
            name = waiting.pop(0)
            model = self._model(name)
            if "properties" in model:
                yield self._section(name, model)
            found = [one for one in dict.fromkeys(_references(model)) if one not in seen]
            seen.update(found)
            waiting = [*found, *waiting]

    def _model(self, name: str) -> Mapping[str, Any]:
        model: Mapping[str, Any] = self.definitions[name] if name else self.schema
        forms = [one for one in model.get("anyOf", []) if "properties" in one]
        return forms[0] | {"short": self._short(model)} if forms else model

    def _short(self, model: Mapping[str, Any]) -> str:
        """What may be written in place of the keys."""
        shorts = [one for one in model["anyOf"] if "properties" not in one]
        words = " or ".join(self._type(one) for one in shorts)
        about = " ".join(one["description"] for one in shorts if "description" in one)
        return f"In short: {words}. {about}".strip()

    def _section(self, name: str, model: Mapping[str, Any]) -> str:
        lines = [f"### {_title(name, self.kind)}\n"] if name else []
        lines += [f"{_plain(model[key])}\n" for key in ("description", "short") if model.get(key)]
        lines += ["| key | value | default | |", "|---|---|---|---|"]
        required = model.get("required", [])
        for key, one in model["properties"].items():
            shown = f"**`{key}`**" if key in required else f"`{key}`"
            about = _cell(_plain(one.get("description", "")))
            lines.append(f"| {shown} | {_cell(self._type(one))} | {_cell(_default(one))} | {about} |")
        return "\n".join(lines) + "\n"

    def _type(self, one: Any) -> str:
        """A type in words, with links to the sections of models."""
        if not isinstance(one, Mapping):
            return "any"
        if "$ref" in one:
            name = one["$ref"].rpartition("/")[2]
            title = _title(name, self.kind)
            return (
                f"[{title}](#{_anchor(title)})" if "properties" in self._model(name) else self._type(self._model(name))
            )
        if "const" in one:
            return f"`{one['const']}`"
        if "enum" in one:
            return " ".join(f"`{value}`" for value in one["enum"])
        for several in ("anyOf", "oneOf"):
            if several in one:
                words = [self._type(form) for form in one[several] if form.get("type") != "null"]
                return " or ".join(dict.fromkeys(words))
        kind = one.get("type", "any")
        if kind == "array":
            items = one.get("items", (one.get("prefixItems") or [{}])[0])
            return f"list of {self._type(items)}"
        if kind == "object":
            values: Any = one.get("additionalProperties") or next(iter(one.get("patternProperties", {}).values()), {})
            return f"name: {self._type(values)}" if isinstance(values, Mapping) and values else "keys and values"
        kinds = kind if isinstance(kind, list) else [kind]
        return " or ".join(_KINDS.get(str(one), str(one)) for one in kinds if one != "null")


def _references(model: Any) -> Iterator[str]:
    """The names of the models that a model has, in the order of its keys."""
    if isinstance(model, Mapping):
        if "$ref" in model:
            yield model["$ref"].rpartition("/")[2]
        for one in model.values():
            yield from _references(one)
    elif isinstance(model, list):
        for one in model:
            yield from _references(one)


def _title(name: str, kind: str) -> str:
    """``collector_files`` is ``collector: files``; names of models are as in Python, with the kind of file."""
    of, _, member = name.partition("_")
    return f"{of} {member}" if member and of.islower() else f"{name} ({kind})"


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _plain(text: str) -> str:
    return " ".join(re.sub(r":\w+:`~?([\w.]+)`", r"`\1`", text.split("\n\n")[0]).replace("``", "`").split())


def _default(one: Mapping[str, Any]) -> str:
    value = one.get("default")
    if value is None or value == "" or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "" if isinstance(value, dict | list) else f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), "utf-8")
