"""Cells as text, the form in which ledgers store values. Reading the text back gives the same value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from pyspark.sql import Column


def as_text(expression: str) -> Column:
    """A Spark SQL expression of any column type, as text that :func:`from_text` reads back."""
    from pyspark.sql import functions as F

    return F.expr(f"CAST({expression} AS STRING)")


def from_text(expression: str, kind: pa.DataType) -> Column:
    """The value that a text stands for, in the type of a column; NULL if it is not a value of the type.

    Args:
        expression: Spark SQL, of type STRING.
        kind: the column's type.
    """
    from pyspark.sql import functions as F

    if pa.types.is_string(kind):
        return F.expr(expression)
    return F.expr(f"try_cast({expression} AS {spark_type(kind)})")


def readable(schema: pa.Schema) -> Column:
    """Whether the text ``new`` is a value of the column ``column_name``; NULL is."""
    from pyspark.sql import functions as F

    unreadable = F.lit(False)
    for field in schema:
        if not pa.types.is_string(field.type):
            of_column = F.col("column_name") == F.lit(field.name)
            unreadable = unreadable | (of_column & F.col("new").isNotNull() & from_text("new", field.type).isNull())
    return ~unreadable


def spark_type(kind: pa.DataType) -> str:
    """The Spark SQL name of an Arrow type."""
    from pyspark.sql.pandas.types import from_arrow_type

    name: str = from_arrow_type(kind).simpleString()
    return name


def as_json(schema: pa.Schema) -> Column:
    """A row as a JSON object: integers and booleans unchanged, other values as text, without NULLs.

    Engines write timestamps and fractions into JSON in different, partly lossy forms; as text they are exact.
    """
    from pyspark.sql import functions as F

    fields = [_json_field(field).alias(field.name) for field in schema]
    return F.to_json(F.struct(*fields))


def from_json(rows: pa.Array | pa.ChunkedArray, schema: pa.Schema) -> pa.Table:
    """Rows stored as JSON, as a table of their original types.

    Args:
        rows: the result of :func:`as_json`.
        schema: of the table the rows were taken from.
    """
    objects = [json.loads(text) for text in rows.to_pylist()]
    columns = [
        pa.array([parsed(_as_str(row.get(field.name)), field.type) for row in objects], type=field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def parsed(text: str | None, kind: pa.DataType) -> Any:
    """The Python value that a text stands for, in the type of a column.

    Raises:
        pa.ArrowInvalid: the text is not a value of the type.
    """
    if text is None:
        return None
    if pa.types.is_timestamp(kind):
        # the text of a timestamp has no zone: it is in UTC, the zone of the session
        return pa.scalar(text).cast(pa.timestamp("us")).cast(pa.timestamp("us", kind.tz)).as_py()
    return pa.scalar(text).cast(kind).as_py()


def _json_field(field: pa.Field) -> Column:
    from pyspark.sql import functions as F

    if pa.types.is_integer(field.type) or pa.types.is_boolean(field.type) or pa.types.is_string(field.type):
        return F.col(spark_identifier(field.name))
    return as_text(spark_identifier(field.name))


def _as_str(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
