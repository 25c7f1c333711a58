"""The groups of a determinant in a table, and those of them in which there is something to repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.quoting import spark_identifier
from vertebra.trusted.cells import as_text
from vertebra.trusted.materialised import value_counts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine
    from vertebra.trusted.repair.dependencies.evidence import CellWeights
    from vertebra.trusted.repair.dependency import Determinant

_BROKEN: Final = "broken"
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
        table = table.where(~self._weights.apart(one.reads))
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
        return self._cells(tuples)

    def _cells(self, tuples: DataFrame, chosen: Sequence[Column] | None = None, more: Sequence[str] = ()) -> DataFrame:
        """Cells of tuples as rows.

        Args:
            chosen: for each dependent, whether its cell is wanted; all are by default.
            more: columns of ``tuples`` to keep.
        """
        from pyspark.sql import functions as F

        one = self.determinant
        numbers = range(len(one.rules))
        places = F.array(*[F.lit(i) if chosen is None else F.when(chosen[i], F.lit(i)) for i in numbers])
        values, weights = F.array(*[F.col(f"v{i}") for i in numbers]), F.array(*[F.col(f"w{i}") for i in numbers])
        rows = tuples.select(
            "_rid", self.key().alias("key"), *more, values.alias("values"), weights.alias("weights"),
            F.explode(places).alias("place"),
        ).where(F.col("place").isNotNull())  # fmt: skip
        return rows.select(
            F.lit(one.number).alias("determinant"),
            "key",
            "_rid",
            "place",
            F.element_at("values", F.col("place") + 1).alias("value"),
            F.element_at("weights", F.col("place") + 1).alias("weight"),
            *more,
        )


class Ballot(Groups):
    """The groups of one determinant, with those that break one of its dependencies, or have an empty cell to fill.

    A dependent is *open* in such a group if its tuples have different values, or some have none; only open dependents
    need a vote, which is a small part of the cells of a large table.

    Attributes:
        groups: of two or more tuples, materialised: ``k…, broken, sure`` (dependents that are not open and have two or
            more votes), and ``open0, value0, votes0, …`` for each dependent.
        broken: whether there are broken groups.
    """

    def __init__(
        self, determinant: Determinant, table: DataFrame, schema: pa.Schema, weights: CellWeights, engine: Engine,
        folder: Path,
    ) -> None:  # fmt: skip
        super().__init__(determinant, table, schema, weights)
        self.groups = engine.materialise(self._groups(), folder)
        self.broken = bool(value_counts(folder, "state")[_BROKEN])

    def _groups(self) -> DataFrame:
        from pyspark.sql import functions as F

        one = self.determinant
        facts = []
        for i in range(len(one.rules)):
            value, counts = F.col(f"v{i}"), F.col(f"w{i}") > 0
            facts += [F.min(value).alias(f"lo{i}"), F.max(value).alias(f"hi{i}"), F.count(value).alias(f"n{i}")]
            facts.append(F.count(F.when(counts, value)).alias(f"votes{i}"))
        groups = self.tuples.groupBy(*one.keys).agg(F.count(F.lit(1)).alias("n"), *facts).where(F.col("n") > 1)
        broken, sure = F.lit(False), F.lit(0)
        places: list[Column] = []
        for i, rule in enumerate(one.rules):
            differ = F.coalesce(F.col(f"lo{i}") != F.col(f"hi{i}"), F.lit(False))
            partly = (F.col(f"n{i}") > 0) & (F.col(f"n{i}") < F.col("n"))
            if not rule.implied:
                broken = broken | differ | (partly if rule.fills else F.lit(False))
            sure = sure + (~(differ | partly) & (F.col(f"votes{i}") > 1)).cast("int")
            places += [(differ | partly).alias(f"open{i}"), F.col(f"lo{i}").alias(f"value{i}"), F.col(f"votes{i}")]
        state = F.when(broken, F.lit(_BROKEN)).otherwise(F.lit("sound"))
        return groups.select(*one.keys, state.alias("state"), sure.alias("sure"), *places)

    def open_cells(self) -> DataFrame:
        """The cells of open dependents in broken groups, as of :meth:`Groups.cells`, and ``sure`` of their group."""
        from pyspark.sql import functions as F

        one = self.determinant
        places = range(len(one.rules))
        broken = self.groups.where(F.col("state") == _BROKEN).select(*one.keys, "sure", *[f"open{i}" for i in places])
        beside = self.tuples.join(broken, one.keys)
        return self._cells(beside, [F.col(f"open{i}") for i in places], ["sure"])

    def without_broken(self, tuples: DataFrame) -> DataFrame:
        """The tuples that are in no broken group."""
        from pyspark.sql import functions as F

        broken = self.groups.where(F.col("state") == _BROKEN).select(*self.determinant.keys)
        return tuples.join(broken, self.determinant.keys, "left_anti")

    def cells_of(self, tuples: DataFrame) -> DataFrame:
        """All cells of some tuples, by ``_rid``."""
        return self.cells(self.tuples.join(tuples.select("_rid").distinct(), "_rid", "left_semi"))

    def agreed(self) -> DataFrame:
        """What all tuples of a group have, where two or more do: ``determinant, key, place, value, support``."""
        from pyspark.sql import functions as F

        one = self.determinant
        cells = []
        for i in range(len(one.rules)):
            all_ = ~F.col(f"open{i}") & (F.col(f"votes{i}") > 1)
            value = F.when(all_, F.col(f"value{i}")).alias("value")
            cells.append(F.struct(F.lit(i).alias("place"), value, F.col(f"votes{i}").alias("support")))
        rows = self.groups.select(self.key().alias("key"), F.explode(F.array(*cells)).alias("cell"))
        rows = rows.select(
            F.lit(one.number).alias("determinant"),
            "key",
            F.col("cell.place").alias("place"),
            F.col("cell.value").alias("value"),
            F.col("cell.support").alias("support"),
        )
        return rows.where(F.col("value").isNotNull())
