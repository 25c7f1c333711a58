"""The groups of a determinant in a table, and those of them in which there is something to repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.quoting import spark_identifier
from vertebra.trusted.cells import as_text

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.dependencies.evidence import CellWeights
    from vertebra.trusted.repair.dependency import Determinant

BETWEEN_KEYS: Final = "\x1f"
"""Between the parts of a composite key."""


class Groups:
    """The groups of one determinant in a table.

    Attributes:
        tuples: ``_rid, k…, v0, w0, v1, w1, …``: each tuple that the dependencies apply to, with its dependents as text
            and their weights.
    """

    def __init__(self, determinant: Determinant, table: DataFrame, schema: pa.Schema, weights: CellWeights) -> None:
        self.determinant = determinant
        self._schema = schema
        self._weights = weights
        self.tuples = self._tuples(weights.joined(table))

    def _tuples(self, table: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        one = self.determinant
        for condition in one.conditions:
            table = table.where(F.expr(condition))
        keys = [F.expr(f"({sql})").alias(name) for name, sql in zip(one.keys, one.expressions, strict=False)]
        values: list[Column] = []
        for i, column in enumerate(one.columns):
            values += [self._text(column).alias(f"v{i}"), self._weights.of(column).alias(f"w{i}")]
        # a tuple whose determinant is known to be wrong is in no group
        table = table.where(~self._weights.silent(one.reads))
        return table.select("_rid", *(keys or [F.lit(0).alias("k0")]), *values).dropna(subset=one.keys)

    def _text(self, column: str) -> Column:
        import pyarrow as pa

        name = spark_identifier(column)
        # 0.0 and -0.0 are equal and have different texts
        return as_text(f"({name} + 0.0D)" if pa.types.is_floating(self._schema.field(column).type) else name)

    def key(self) -> Column:
        """The keys of a tuple as one text."""
        from pyspark.sql import functions as F

        texts = [as_text(name) for name in self.determinant.keys]
        return texts[0] if len(texts) == 1 else F.concat_ws(BETWEEN_KEYS, *texts)

    def cells(self, tuples: DataFrame) -> DataFrame:
        """The dependents of some tuples: ``determinant, key, _rid, place, value, weight``."""
        from pyspark.sql import functions as F

        one = self.determinant
        cells = [
            F.struct(F.lit(i).alias("place"), F.col(f"v{i}").alias("value"), F.col(f"w{i}").alias("weight"))
            for i in range(len(one.rules))
        ]
        return tuples.select("_rid", self.key().alias("key"), F.explode(F.array(*cells)).alias("cell")).select(
            F.lit(one.number).alias("determinant"),
            "key",
            "_rid",
            F.col("cell.place").alias("place"),
            F.col("cell.value").alias("value"),
            F.col("cell.weight").alias("weight"),
        )


class Ballot(Groups):
    """The groups of one determinant that break one of its dependencies, or have an empty cell to fill.

    Attributes:
        members: those of ``tuples`` that are in such a group, materialised.
    """

    def __init__(
        self, determinant: Determinant, table: DataFrame, schema: pa.Schema, weights: CellWeights, engine: Engine,
        folder: Path,
    ) -> None:  # fmt: skip
        super().__init__(determinant, table, schema, weights)
        self.members = engine.materialise(self._members(), folder)

    def _members(self) -> DataFrame:
        from pyspark.sql import functions as F

        one = self.determinant
        tested = []
        differ = F.lit(False)
        for i, rule in enumerate(one.declared):
            value = F.col(f"v{i}")
            tested += [F.min(value).alias(f"lo{i}"), F.max(value).alias(f"hi{i}")]
            differ = differ | (F.col(f"lo{i}") != F.col(f"hi{i}"))
            if rule.fills:
                tested.append(F.count(value).alias(f"n{i}"))
                differ = differ | ((F.col(f"n{i}") > 0) & (F.col(f"n{i}") < F.col("n")))
        groups = self.tuples.groupBy(*one.keys).agg(F.count(F.lit(1)).alias("n"), *tested).where(differ)
        return groups.select(*one.keys).join(self.tuples, one.keys)

    def unanimous(self) -> DataFrame:
        """What the other groups of two or more tuples have: ``determinant, key, place, value``."""
        from pyspark.sql import functions as F

        one = self.determinant
        places = range(len(one.rules))
        values = [F.max(f"v{i}").alias(f"v{i}") for i in places]
        broken = self.members.select(*one.keys).distinct()
        groups = self.tuples.groupBy(*one.keys).agg(F.count(F.lit(1)).alias("n"), *values).where(F.col("n") > 1)
        groups = groups.join(broken, one.keys, "left_anti")
        cells = F.array(*[F.struct(F.lit(i).alias("place"), F.col(f"v{i}").alias("value")) for i in places])
        rows = groups.select(self.key().alias("key"), F.explode(cells).alias("cell"))
        rows = rows.select(
            F.lit(one.number).alias("determinant"),
            "key",
            F.col("cell.place").alias("place"),
            F.col("cell.value").alias("value"),
        )
        return rows.where(F.col("value").isNotNull())
