"""Collect the records of a resource of the library dlt, which the extra ``dlt`` installs."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, field_validator

from vertebra.declare.source import Source
from vertebra.errors import CollectError
from vertebra.landing.port import Collector, Item, Payload, Request, Transfer, Unchanged
from vertebra.landing.value_text import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROGRESS_EVERY: Final = 1000


class Dlt(Source):
    """A resource of the library dlt: Python code that yields records.

    Attributes:
        resource: module and name, ``package.module:name``; a module in the project's folder or an installed one.
        arguments: arguments of the resource.
    """

    payload_formats = ("jsonl",)

    resource: str
    arguments: dict[str, Any] = Field(default_factory=dict)

    @field_validator("resource")
    @classmethod
    def _module_and_name(cls, value: str) -> str:
        module, _, name = value.partition(":")
        if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
            raise ValueError(f"{value!r} is not the name of a resource; write module:name, or module:source.name")
        return value


class DltCollector(Collector):
    """``from: dlt``: the payload is JSON Lines, one record a line.

    The state of dlt (``dlt.sources.incremental``) is committed with the batch and restored at the next collection.
    """

    name = "dlt"
    declaration = Dlt
    example = """\
source: github
collect:
  from: dlt
  resource: github_source:issues
  arguments: {repository: apache/spark}
load: upsert
columns: {id: bigint, title: string}
key: [id]
"""

    def collect(self, request: Request) -> Iterator[Item]:
        """Give the records of the resource as one payload.

        Raises:
            CollectError: dlt is not installed, there is no such resource, or its code fails.
        """
        source = request.declared(Dlt)
        url = f"dlt:{source.resource}"
        where = f"dataset {request.dataset.name}"
        request.progress(f"reading {url}")
        file = request.staging / "records.jsonl"
        with _importable(request.project_root):
            state = _State.from_text(request.cursor, where)
            with state.active(), _translated_errors(source.resource, where):
                rows, content = _write(_resource(source, where), file, url, request)
        cursor = state.to_text()
        if not rows and cursor is not None:
            yield Unchanged(url)
            return
        yield Payload(
            file,
            url,
            cursor=cursor,
            file_name=file.name,
            expected_records=rows or None,
            content_hash=content,
        )

    def shown_cursor(self, cursor: str) -> str | None:
        """The newest values that ``dlt.sources.incremental`` remembers."""
        try:
            kept = json.loads(cursor)
        except ValueError:
            return cursor
        # dlt marks the types of values with characters for private use
        values = (re.sub(r"[\ue000-\uf8ff]", "", str(value)) for value in _all_at(kept, "last_value"))
        return ", ".join(dict.fromkeys(values)) or None


def _all_at(kept: Any, key: str) -> Iterator[Any]:
    """The values of a key at all levels of nesting."""
    if isinstance(kept, dict):
        for name, value in kept.items():
            if name == key:
                yield value
            else:
                yield from _all_at(value, key)


@dataclass(frozen=True)
class _State:
    """The state that dlt keeps from one collection to the next."""

    values: dict[str, Any]

    @classmethod
    def from_text(cls, text: str | None, where: str) -> _State:
        try:
            from dlt.common import json as dlt_json
        except ImportError:
            raise CollectError(
                "the library dlt is not installed",
                cause="it comes as an extra",
                remedy="pip install 'vertebra[dlt]'",
                where=where,
            ) from None
        if text is None:
            return cls({})
        try:
            return cls(dict(dlt_json.typed_loads(text)))
        except (ValueError, TypeError) as error:
            raise CollectError(
                "the newest batch has no state of dlt",
                cause=f"it has {text[:60]!r}, which another collector wrote",
                remedy="give the dataset that is read with dlt a name of its own",
                where=where,
            ) from error

    def to_text(self) -> str | None:
        from dlt.common import json as dlt_json

        return str(dlt_json.typed_dumps(self.values)) if self.values else None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Let resources read and write this state."""
        from dlt.common.configuration.container import Container
        from dlt.common.pipeline import StateInjectableContext

        with Container().injectable_context(StateInjectableContext(state=self.values)):  # type: ignore[arg-type]
            yield


def _resource(source: Dlt, where: str) -> Any:
    """The declared resource, called with its arguments."""
    from dlt.extract import DltResource, DltSource

    module, _, name = source.resource.partition(":")
    first, _, inner = name.partition(".")
    try:
        found = getattr(importlib.import_module(module), first)
    except ModuleNotFoundError as error:
        raise _no_such(f"there is no module {error.name}", where) from None
    except AttributeError:
        raise _no_such(f"the module {module} has no {first}", where) from None
    if source.arguments or not isinstance(found, DltResource | DltSource):
        found = found(**source.arguments)
    if not isinstance(found, DltSource):
        return found
    names = list(found.resources)
    wanted = inner or (names[0] if len(names) == 1 else "")
    if wanted not in names:
        raise _no_such(
            f"{module}:{first} has the resources {', '.join(names)}; none of them is {inner or 'named'}", where
        )
    return found.resources[wanted]


def _write(resource: Any, file: Path, url: str, request: Request) -> tuple[int, str]:
    """Write records as they arrive. Returns their number and a hash that does not depend on the order of keys."""
    hasher, count = hashlib.sha256(), 0
    with file.open("w", encoding="utf-8") as sink:
        for record in _records(resource):
            sink.write(json.dumps(record, ensure_ascii=False, default=text_of) + "\n")
            hasher.update(json.dumps(record, sort_keys=True, ensure_ascii=False, default=text_of).encode() + b"\n")
            count += 1
            if count % _PROGRESS_EVERY == 0:
                request.transferred(Transfer(url, sink.tell()))
    return count, hasher.hexdigest()


def _records(resource: Any) -> Iterator[dict[str, Any]]:
    """The records in the items of a resource: records, lists of records, Arrow tables or data frames."""
    for item in resource:
        if isinstance(item, dict):
            yield item
        elif isinstance(item, list | tuple):
            yield from _records(item)
        elif hasattr(item, "to_pylist"):
            yield from item.to_pylist()
        elif hasattr(item, "to_dict"):
            yield from item.to_dict("records")
        else:
            raise CollectError(
                f"the resource yields {type(item).__name__}",
                cause="items are dictionaries, lists of dictionaries, Arrow tables or data frames",
                remedy="correct the resource",
            )


@contextmanager
def _importable(root: Path) -> Iterator[None]:
    """Make modules in the project's folder importable."""
    place = str(root)
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)


@contextmanager
def _translated_errors(name: str, where: str) -> Iterator[None]:
    """Turn errors of the resource's code into CollectErrors, without the queries of addresses: they may have tokens."""
    try:
        yield
    except CollectError:
        raise
    except Exception as error:
        root: BaseException = error
        while root.__cause__ is not None:
            root = root.__cause__
        lines = str(root).splitlines()
        about = re.sub(r"\?\S+", "?…", lines[0])[:300] if lines else ""
        raise CollectError(
            f"the dlt resource {name} failed",
            cause=f"{type(root).__name__}: {about}",
            remedy="run it on its own to find the error; landed batches stay",
            where=where,
        ) from None


def _no_such(fact: str, where: str) -> CollectError:
    return CollectError(
        fact,
        cause="collect.resource is module:name, the module in the project's folder or installed",
        remedy="correct collect.resource",
        where=where,
    )


COLLECTOR: Final = DltCollector()
