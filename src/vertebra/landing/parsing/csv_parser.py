"""The options of Arrow's CSV parser for a declared dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pc

from vertebra.landing.parsing.column_names import positions

if TYPE_CHECKING:
    from vertebra.landing.parsing.csv_faults import CsvSource


def parser_options(source: CsvSource, width: int) -> tuple[pc.ParseOptions, pc.ConvertOptions]:
    """The dialect, and how cells become text: an empty one without quotes is NULL."""
    parse = source.parse
    return (
        pc.ParseOptions(
            delimiter=source.delimiter,
            quote_char=parse.quote or False,
            escape_char=parse.escape or False,
            newlines_in_values=bool(parse.quote or parse.escape),
            ignore_empty_lines=width > 1,
        ),
        pc.ConvertOptions(
            column_types={name: pa.string() for name in positions(width)},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
