"""JSON Lines: one JSON object a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.declare.parse import TextOptions
from vertebra.landing.parsing.format import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.landing.parsing.records import ReadContext, Records
    from vertebra.landing.payload import PayloadPart


class JsonLinesFormat(Format):
    """``format: jsonl``: each line is an object and a record. A file without lines is a file without records."""

    name = "jsonl"
    version = 3
    declaration = TextOptions
    endings = (".jsonl", ".ndjson")
    content = "json"
    empty_file_is_valid = True
    example = """\
source: sensors
collect: {from: files, path: "drop/*.jsonl"}
parse: {format: jsonl}
columns: {id: bigint, value: double}
"""

    def read(self, parts: Sequence[PayloadPart], context: ReadContext) -> Records:
        """Read JSON Lines; see :func:`vertebra.landing.parsing.json_reader.read_json_lines`."""
        from vertebra.landing.parsing.json_reader import read_json_lines

        return read_json_lines(parts, context)

    def cut(self, part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
        """Copy a part without some records; see :func:`vertebra.landing.erasure.cut_text.cut_lines`."""
        from vertebra.landing.erasure.cut_text import cut_lines

        cut_lines(part, dropped, sink, context)


FORMAT: Final = JsonLinesFormat()
