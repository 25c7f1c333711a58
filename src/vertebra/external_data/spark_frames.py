"""Spark DataFrames as external data: they are checked by their own session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.errors import CollectError
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.engine.port import Engine
    from vertebra.external_data.staging import StagedTable

_ROW_ID: Final = "_rid"


def is_spark(data: Any) -> bool:
    """Whether data are a Spark DataFrame; works without Spark installed."""
    return type(data).__module__.startswith("pyspark.sql") and hasattr(data, "sparkSession")


class SparkFrames:
    """A Spark DataFrame. Its rows have no position: its own column ``_rid`` numbers them, or one that is added."""

    texts = False

    def __init__(self, frame: DataFrame) -> None:
        self._frame = frame
        self.columns = tuple(name for name in frame.columns if name != _ROW_ID)

    def engine(self) -> Engine:
        """Return an engine over the session of the frame; closing it does not stop the session.

        Raises:
            CollectError: the session is not a Spark Connect session.
        """
        session = self._frame.sparkSession
        if not type(session).__module__.startswith("pyspark.sql.connect"):
            raise CollectError(
                "the frame belongs to a classic Spark session",
                cause="Vertebra supports Spark Connect sessions only",
                remedy="SparkSession.builder.remote('sc://host:15002'), or write the frame to Parquet and check that",
            )
        from vertebra.engine import over

        return over(session)

    def staged(self, name: str, columns: Sequence[str], engine: Engine, folder: Path) -> StagedTable:
        """Materialise the columns with a row id, so that the ids are the same in every query."""
        import pyarrow.parquet as pq
        from pyspark.sql import functions as F

        from vertebra.external_data.staging import StagedTable

        own = _ROW_ID in self._frame.columns
        rid = F.col(_ROW_ID).cast("bigint") if own else F.monotonically_increasing_id()
        chosen = self._frame.select(rid.alias(_ROW_ID), *[F.col(spark_identifier(column)) for column in columns])
        types = {field.name: field.dataType.simpleString() for field in chosen.schema.fields if field.name != _ROW_ID}
        files = engine.write_parquet(chosen, folder / "rows")
        if not files:
            raise CollectError(
                "the rows of the frame were written where they cannot be read",
                cause="the Spark server does not see this machine's temporary folder",
                remedy="set TMPDIR to a folder that both see, or check the files the frame is read from",
            )
        rows = sum(pq.read_metadata(file).num_rows for file in files)
        return StagedTable(name, tuple(files), types, (("", 0),), rows)
