"""Rules about consecutive tuples: one sort of the table serves all rules of the same succession.

In the sorted rows, the tuple that follows another one is in the next row, unless tuples are tied: a tuple is followed
by all tuples of the next distinct value. Pairs without ties are found and counted in one pass. The tuples of all others
are few in most tables. Each gets the number of its value in the order, its *place*; the pairs of tied tuples are then
those of an ordinary rule, in which the place of the second tuple is that of the first plus one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vertebra.denial import Operand, Predicate
from vertebra.quoting import spark_identifier
from vertebra.trusted.detect.roles import ROW_ID, Pairs, all_of, any_of, compare
from vertebra.trusted.detect.single_tuple import group_text
from vertebra.trusted.detect.sweep import partitioned

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from vertebra.declare.rules import NamedRule
    from vertebra.denial import DenialConstraint, Succession

PLACE: Final = "_place"
GROUP: Final = "_group"
_FIRST: Final = "_first"
_SECOND: Final = "_second"


class Consecutive:
    """The rules of a table that have the same succession.

    Args:
        rules: at least one.
    """

    def __init__(self, rules: Sequence[Pairs]) -> None:
        self.rules = tuple(rules)
        found = rules[0].constraint.succession
        assert found is not None
        self.succession: Succession = found
        self.relation = rules[0].constraint.relations[0]
        self.keys = [f"x{i}" for i in range(len(self.succession.by))]
        self.sorted_by = [f"q{i}" for i in range(len(self.succession.order))]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the rules."""
        return tuple(rule.name for rule in self.rules)

    def folded(self) -> DataFrame:
        """A row for each tuple that violates a rule with the next one, or is near a tie, and one for all others.

        Returns:
            ``rid, following, place, first, second, grp, v0, v1, …`` (whether the tuple and ``following`` violate each
            rule), which are NULL or false for all others; and the sums ``pairs0, pairs1, …`` (pairs without ties whose
            tuples can play their roles) and ``groups``. ``first`` and ``second`` tell whether ties are among the tuples
            that follow a tuple, and among those that it follows.
        """
        from pyspark.sql import functions as F

        rows = self._with_neighbours()
        numbered = range(len(self.rules))
        judged = {f"v{i}": F.coalesce(F.col("direct") & self._violates(i), F.lit(False)) for i in numbered}
        met = {f"pairs{i}": F.when(F.col("direct") & self._can_meet(i), 1).otherwise(0) for i in numbered}
        rows = rows.select(*self.keys, "rid", "following", PLACE, "first", "second", "starts",
                           *[value.alias(name) for name, value in (judged | met).items()])  # fmt: skip
        kept = any_of([F.col(name) for name in (*judged, "first", "second")])
        masked = {name: F.when(kept, F.col(name)) for name in ("rid", "following", PLACE)}
        masked["grp"] = F.when(kept, group_text(self.keys))
        totals = {name: F.col(name) for name in met} | {"groups": F.col("starts")}
        rows = rows.select(
            *[value.alias(name) for name, value in masked.items()], "first", "second", *judged,
            *[value.cast("bigint").alias(name) for name, value in totals.items()],
        )  # fmt: skip
        return rows.groupBy(*masked, "first", "second", *judged).agg(*[F.sum(name).alias(name) for name in totals])

    def summary(self, folded: DataFrame) -> DataFrame:
        """``rule`` and :data:`~vertebra.trusted.detect.groups.GROUP_MEASURES`, one row per rule.

        The suspects are the violating pairs without ties, and the suspect rows those near a tie.
        """
        from pyspark.sql import functions as F

        numbered = range(len(self.rules))
        near = F.sum(F.when(F.col("first") | F.col("second"), 1).otherwise(0)).alias("near")
        of_rules = [F.sum(f"pairs{i}").alias(f"pairs{i}") for i in numbered]
        of_rules += [F.sum(F.col(f"v{i}").cast("int")).alias(f"v{i}") for i in numbered]
        whole = folded.agg(F.sum("groups").alias("groups"), near, *of_rules)
        parts = []
        for i, rule in enumerate(self.rules):
            values = {
                "doubled_lhs_pairs": F.col(f"pairs{i}") * 2, "groups": F.col("groups"), "suspects": F.col(f"v{i}"),
                "suspect_rows": F.col("near"), "duplicates": F.lit(0),
            }  # fmt: skip
            named = [value.cast("decimal(38,0)").alias(name) for name, value in values.items()]
            parts.append(F.struct(F.lit(rule.name).alias("rule"), *named))
        return whole.select(F.explode(F.array(*parts)).alias("r")).select("r.rule", *[f"r.{name}" for name in values])

    def violations(self, folded: DataFrame, rule: Pairs) -> list[DataFrame]:
        """The violating tuples of both roles, without those of tied pairs: ``rid, partner, grp``."""
        from pyspark.sql import functions as F

        found = folded.where(F.col(f"v{self.rules.index(rule)}"))
        return [
            found.select("rid", F.col("following").alias("partner"), "grp"),
            found.select(F.col("following").alias("rid"), F.col("rid").alias("partner"), "grp"),
        ]

    def tied(self, folded: DataFrame) -> DataFrame:
        """The rows near ties: the columns that the rules read, and what :meth:`tied_rules` compares."""
        from pyspark.sql import functions as F

        read = {column for rule in self.rules for column in rule.constraint.columns_of(self.relation)}
        near = folded.where(F.col("first") | F.col("second")).select(
            F.col("rid").alias(ROW_ID),
            PLACE,
            F.col("first").alias(_FIRST),
            F.col("second").alias(_SECOND),
            F.col("grp").alias(GROUP),
        )
        rows = self.rules[0].frames[0].select(ROW_ID, *[spark_identifier(column) for column in sorted(read)])
        return rows.join(near, ROW_ID)

    def tied_rules(self) -> list[NamedRule]:
        """The rules over :meth:`tied`, as rules about any two tuples."""
        return [replace(rule.rule, kind="deny", constraint=_by_place(rule.constraint)) for rule in self.rules]

    def sizes(self) -> DataFrame:
        """The number of tuples of each group that take part: ``grp, n``."""
        from pyspark.sql import functions as F

        return self._rows().select(group_text(self.keys).alias("grp")).groupBy("grp").agg(F.count("*").alias("n"))

    # -- the sorted rows -----------------------------------------------------------------------------------------

    def _rows(self) -> DataFrame:
        """The tuples that take part: ``x…, q…, rid`` and the values and conditions of each rule's roles."""
        from pyspark.sql import functions as F

        rows = self.rules[0].frames[0]
        for predicate in self.succession.among:
            rows = rows.where(F.expr(predicate.sql))
        expressions = self.rules[0].expressions
        named = dict(zip(self.keys, (one.sql for one in self.succession.by), strict=True))
        named |= dict(zip(self.sorted_by, (key.operand.sql for key in self.succession.order), strict=True))
        chosen = [expressions.comparable(self.relation, sql).alias(name) for name, sql in named.items()]
        for i, rule in enumerate(self.rules):
            for side in (0, 1):
                chosen += [value.alias(f"{name}_{side}_{i}") for name, value in rule.values(side).items()]
                chosen.append(rule.member(side).alias(f"m_{side}_{i}"))
        rows = rows.select(*chosen, F.col(ROW_ID).alias("rid"))
        return rows.where(all_of([F.col(name).isNotNull() for name in named]))

    def _with_neighbours(self) -> DataFrame:
        """The rows with the values of the next row, ``n_…``, their places, and whether ties are near."""
        from pyspark.sql import functions as F

        order = [
            F.col(name).desc() if key.descending else F.col(name).asc()
            for name, key in zip(self.sorted_by, self.succession.order, strict=True)
        ]
        window = partitioned(self.keys).orderBy(*order)
        following = [name for i, rule in enumerate(self.rules) for name in self._of_second(i, rule)]
        rows = self._rows()
        rows = rows.withColumns(
            {f"n_{name}": F.lead(name).over(window) for name in following}
            | {"following": F.lead("rid").over(window), PLACE: F.dense_rank().over(window).cast("bigint")}
        )
        places = {step: F.lag(PLACE, -step) if step < 0 else F.lead(PLACE, step) for step in (-2, -1, 1, 2)}
        rows = rows.withColumns({f"p{i}": value.over(window) for i, value in enumerate(places.values())})
        before, last, coming, after = (F.col(f"p{i}") for i in range(4))
        here = F.col(PLACE)
        tied = F.coalesce(last == here, F.lit(False)) | F.coalesce(coming == here, F.lit(False))
        return rows.withColumns({
            "first": tied | F.coalesce(coming == after, F.lit(False)),
            "second": tied | F.coalesce(last == before, F.lit(False)),
            "direct": F.col("following").isNotNull() & ~(tied | F.coalesce(coming == after, F.lit(False))),
            "starts": F.when(last.isNull() & coming.isNotNull(), 1).otherwise(0),
        })  # fmt: skip

    def _of_second(self, number: int, rule: Pairs) -> Iterator[str]:
        yield from (f"{name}_1_{number}" for name in rule.values(1))
        yield f"m_1_{number}"

    def _can_meet(self, number: int) -> Column:
        from pyspark.sql import functions as F

        return F.coalesce(F.col(f"m_0_{number}") & F.col(f"n_m_1_{number}"), F.lit(False))

    def _violates(self, number: int) -> Column:
        from pyspark.sql import functions as F

        rule = self.rules[number]
        compared = zip(rule.values(0), rule.shape.join_predicates, strict=True)
        return all_of([
            self._can_meet(number),
            *[compare(F.col(f"{name}_0_{number}"), one.operator, F.col(f"n_{name}_1_{number}"))
              for name, one in compared],
        ])  # fmt: skip


def _by_place(constraint: DenialConstraint) -> DenialConstraint:
    """A rule about consecutive tuples as a rule about any two, over rows that have their places."""
    assert constraint.succession is not None
    first, second = constraint.variables
    same = [
        Predicate(replace(by, variable=first), "=", replace(by, variable=second)) for by in constraint.succession.by
    ]
    place = f"`{PLACE}`"
    return replace(
        constraint,
        predicates=(
            *constraint.predicates,
            *same,
            Predicate(
                Operand(f"{first}.{PLACE} + 1", first, (), f"({place} + 1)"), "=",
                Operand(f"{second}.{PLACE}", second, (), place),
            ),
            Predicate(Operand(f"{first}.{_FIRST}", first, (), f"`{_FIRST}`")),
            Predicate(Operand(f"{second}.{_SECOND}", second, (), f"`{_SECOND}`")),
        ),
        succession=None,
    )  # fmt: skip
