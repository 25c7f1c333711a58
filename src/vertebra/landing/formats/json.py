"""JSON: an array of objects, or objects one after the other; numbers as they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from pydantic import model_validator

from vertebra.declare.parse import TextOptions
from vertebra.landing.parsing.format import Format
from vertebra.landing.parsing.json_unnest import RecordsPath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.landing.parsing.records import ReadContext, Records
    from vertebra.landing.payload import PayloadPart


class JsonOptions(TextOptions):
    """Where the records of a JSON document are.

    Attributes:
        records: path of keys, joined by dots, to the array of records, e.g. ``result.records``; the whole document
            unless declared. ``[*]`` after an array goes on in each of its elements: ``orders[*].items``. Then
            ``source: ^.id`` of a column is a value of the record around the record.
    """

    records: str | None = None

    @model_validator(mode="after")
    def _path(self) -> JsonOptions:
        RecordsPath.parse(self.records)
        return self


class JsonFormat(Format):
    """``format: json``: each object is a record, each of its keys a column; nested values stay JSON text."""

    name = "json"
    version = 3
    declaration = JsonOptions
    endings = (".json", ".geojson")
    content = "json"
    example = """\
source: stations
collect: {from: files, path: "drop/*.json"}
parse: {format: json, records: data.stations}
columns: {id: bigint, name: string}
"""

    def read(self, parts: Sequence[PayloadPart], context: ReadContext) -> Records:
        """Read JSON; see :func:`vertebra.landing.parsing.json_reader.read_json`."""
        from vertebra.landing.parsing.json_reader import read_json

        return read_json(parts, context, context.declared(JsonOptions).records)

    def cut(self, part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
        """Copy a part without some records; see :func:`vertebra.landing.erasure.cut_json.cut_json`."""
        from vertebra.landing.erasure.cut_json import cut_json

        cut_json(part, dropped, sink, context, context.declared(JsonOptions).records)


FORMAT: Final = JsonFormat()
