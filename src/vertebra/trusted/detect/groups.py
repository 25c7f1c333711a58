"""One pass over the groups of a key set: which groups may violate its rules, and how many pairs match.

For each rule the pass computes the size of every group and the least and greatest values in it. Where these exclude a
violation the group is clean; in clean data nearly all groups are. Groups that may violate a rule are kept, and all
others are folded into one row, so that the result is small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vertebra.trusted.detect.roles import ROW_ID, Pairs, all_of, any_of, compare, greatest, joined, least

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

GROUP_MEASURES = ("doubled_lhs_pairs", "groups", "suspects", "suspect_rows", "duplicates")
"""Per rule: twice the pairs that match the equality part; groups with rows of both roles; those of them that may
violate the rule, and their rows; rows beyond the first of each group."""


class SharedGroups:
    """The groups of rules that have the same relations and the same equality keys.

    Args:
        rules: at least one.
        in_place: see :class:`~vertebra.trusted.detect.plan.KeySet`.
    """

    def __init__(self, rules: Sequence[Pairs], in_place: bool) -> None:
        self.rules = tuple(rules)
        self.keys = self.rules[0].keys
        self.in_place = in_place
        sides = [(0, 1)] if in_place else [(0,), (1,)]
        self._rows = [_Rows(self.rules, own) for own in sides]

    def folded(self) -> DataFrame:
        """A row for each group that may violate a rule, and one for all others, whose keys are NULL.

        Returns:
            ``x…``, ``v0, v1, …`` (whether it may violate each rule), and each of :data:`GROUP_MEASURES` per rule, with
            the same numbers.
        """
        from pyspark.sql import functions as F

        judged = self._judged()
        if not self.keys:
            return judged
        suspect = [f"v{i}" for i in range(len(self.rules))]
        anyone = any_of([F.col(name) for name in suspect])
        totals = [f"{name}{i}" for i in range(len(self.rules)) for name in GROUP_MEASURES]
        kept = judged.select(*[F.when(anyone, F.col(key)).alias(key) for key in self.keys], *suspect, *totals)
        return kept.groupBy(*self.keys, *suspect).agg(*[F.sum(name).alias(name) for name in totals])

    def summary(self, folded: DataFrame) -> DataFrame:
        """``rule`` and :data:`GROUP_MEASURES`, one row per rule."""
        from pyspark.sql import functions as F

        numbered = range(len(self.rules))
        whole = folded.agg(*[F.sum(f"{name}{i}").alias(f"{name}{i}") for i in numbered for name in GROUP_MEASURES])
        parts = [
            F.struct(
                F.lit(self.rules[i].name).alias("rule"),
                *[F.col(f"{name}{i}").cast("decimal(38,0)").alias(name) for name in GROUP_MEASURES],
            )
            for i in numbered
        ]
        return whole.select(F.explode(F.array(*parts)).alias("r")).select("r.rule", *[f"r.{m}" for m in GROUP_MEASURES])

    def members(self, folded: DataFrame, violated: Sequence[Pairs]) -> DataFrame:
        """The rows of the groups that may violate rules, with the compared values; only if rows enter groups once."""
        from pyspark.sql import functions as F

        suspect = [F.col(self._suspect(rule)) for rule in violated]
        groups = folded.where(any_of(suspect)).select(*self.keys)
        return _Rows(violated, (0, 1), itself=True).frame().join(groups, self.keys, "left_semi")

    def of_members(self, members: DataFrame, violated: Sequence[Pairs], rule: Pairs) -> tuple[DataFrame, DataFrame]:
        """The frames of a rule's roles among the members; the same frame if both roles compare the same values."""
        from pyspark.sql import functions as F

        rows = _Rows(violated, (0, 1), itself=True)

        def role(side: int) -> DataFrame:
            named = [F.col(rows.values[sql]).alias(name) for name, sql in rule.operands(side).items()]
            itself = [F.col(rows.itself[rule.name]).alias("itself")] if rule.meets_itself else []
            return members.where(F.col(rows.member(rule, side))).select(*self.keys, *named, "rid", *itself)

        first = role(0)
        return first, first if rule.alike else role(1)

    def suspects(self, folded: DataFrame, rule: Pairs) -> DataFrame:
        """The keys of the groups that may violate a rule."""
        from pyspark.sql import functions as F

        return folded.where(F.col(self._suspect(rule))).select(*self.keys)

    def _suspect(self, rule: Pairs) -> str:
        return f"v{[one.name for one in self.rules].index(rule.name)}"

    def _judged(self) -> DataFrame:
        """Every group, with columns that tell by its aggregates whether it may violate each rule."""
        bounds = [_Bounds(rows) for rows in self._rows]
        sides = (bounds[0], bounds[-1])
        chosen: list[Column] = []
        for i, rule in enumerate(self.rules):
            chosen += _judgement(i, rule, sides, self.in_place)
        frames = [bound.grouped(self.keys) for bound in bounds]
        groups = frames[0] if self.in_place else joined(frames[0], frames[1], self.keys)
        return groups.select(*self.keys, *chosen)


def _judgement(number: int, rule: Pairs, sides: tuple[_Bounds, _Bounds], in_place: bool) -> list[Column]:
    from pyspark.sql import functions as F

    first, second = sides
    nf, ns = first.size(rule, 0), second.size(rule, 1)
    both = first.both(rule)
    pairs = nf * ns if both is None else nf * ns - both
    suspect = all_of([(nf > 0) & (ns > 0), pairs > 0, *_possible(rule, sides)])
    suspect = F.coalesce(suspect, F.lit(False))
    doubled = pairs * 2
    if rule.shape.symmetric:
        # both orders of two tuples match, and count as one pair
        doubled = pairs
    elif in_place and both is not None and any(predicate.strict for predicate in rule.shape.ordered):
        # if each tuple can play both roles, one of the two orders can violate the rule
        doubled = doubled - both * (both - 1)
    rows = nf if rule.alike else nf + ns if both is None else nf + ns - both
    none = F.lit(0).cast("bigint")
    measures = {
        "doubled_lhs_pairs": doubled,
        "groups": F.when((nf > 0) & (ns > 0), F.lit(1)).otherwise(F.lit(0)),
        "suspects": F.when(suspect, F.lit(1)).otherwise(F.lit(0)),
        "suspect_rows": F.when(suspect, rows).otherwise(none),
        "duplicates": F.greatest(nf - 1, none) if rule.shape.key else none,
    }
    named = [value.cast("decimal(38,0)").alias(f"{name}{number}") for name, value in measures.items()]
    return [suspect.alias(f"v{number}"), *named]


def _possible(rule: Pairs, sides: tuple[_Bounds, _Bounds]) -> list[Column]:
    """Conditions on the bounds of a group under which a pair in it may violate the rule."""
    if not rule.planned.bounded:
        return []
    first, second = sides
    found = []
    for name, predicate in zip(rule.unequal, rule.shape.unequal, strict=True):
        (low, high), (other_low, other_high) = first.ends(rule, 0, name), second.ends(rule, 1, name)
        differ = low != high
        if not (rule.alike and predicate.same):
            differ = differ | (other_low != other_high) | (low != other_low)
        found.append(differ)
    for name, predicate in zip(rule.ordered, rule.shape.ordered, strict=True):
        (low, high), (other_low, other_high) = first.ends(rule, 0, name), second.ends(rule, 1, name)
        upwards = predicate.operator in {"<", "<="}
        found.append(compare(low, predicate.operator, other_high) if upwards
                     else compare(high, predicate.operator, other_low))  # fmt: skip
    return found


class _Rows:
    """The rows of one relation as rules read them: keys ``x…``, values ``e…``, and the roles a row can play ``m…``."""

    def __init__(self, rules: Sequence[Pairs], sides: Sequence[int], itself: bool = False) -> None:
        self.rules, self.sides = rules, sides
        self.values: dict[str, str] = {}
        self.itself = {rule.name: f"s{i}" for i, rule in enumerate(rules) if itself and rule.meets_itself}
        across = tuple(sides) == (0,) and rules[0].shape.one_relation
        self.met = {rule.name: f"b{i}" for i, rule in enumerate(rules) if across}
        self._members: dict[tuple[frozenset[str], frozenset[str]], str] = {}
        for rule in rules:
            for side in sides:
                for sql in rule.operands(side).values():
                    self.values.setdefault(sql, f"e{len(self.values)}")
                self._members.setdefault(self._asked(rule, side), f"m{len(self._members)}")

    def member(self, rule: Pairs, side: int) -> str:
        """The column that says whether a row can play a role."""
        return self._members[self._asked(rule, side)]

    def alone(self, rule: Pairs, side: int) -> str | None:
        """The value that must not be NULL for a row to play a role, if that is the only condition; else None."""
        conditions, operands = self._asked(rule, side)
        return self.values[next(iter(operands))] if not conditions and len(operands) == 1 else None

    def frame(self) -> DataFrame:
        """``x…, e…, m…, s…, rid``, without rows that cannot play any role."""
        from pyspark.sql import functions as F

        rule, side = self.rules[0], self.sides[0]
        relation, expressions = rule.constraint.relations[side], rule.expressions
        keys = rule.key_operands(side)
        named = keys | {name: sql for sql, name in self.values.items()}
        asked = {sql: f"c{i}" for i, sql in enumerate(sorted({c for own, _ in self._members for c in own}))}
        rows = rule.frames[side].select(
            *[expressions.comparable(relation, sql).alias(name) for name, sql in named.items()],
            *[F.expr(sql).alias(name) for sql, name in asked.items()],
            *self._with_itself(),
            F.col(ROW_ID).alias("rid"),
        )
        members = {}
        for (conditions, operands), name in self._members.items():
            parts = [F.col(asked[sql]) for sql in sorted(conditions)]
            parts += [F.col(self.values[sql]).isNotNull() for sql in sorted(operands)]
            members[name] = F.coalesce(all_of(parts), F.lit(False))
        rows = rows.where(all_of([F.col(key).isNotNull() for key in keys]))
        if all(any(key) for key in self._members):
            rows = rows.where(any_of(list(members.values())))
        return rows.select(
            *keys, *self.values.values(), *[value.alias(name) for name, value in members.items()],
            *self.itself.values(), *self.met.values(), "rid",
        )  # fmt: skip

    def _with_itself(self) -> list[Column]:
        """Whether a row meets a rule with itself as both tuples, and whether it meets the equality keys with itself."""
        found = [rule.with_itself().alias(self.itself[rule.name]) for rule in self.rules if rule.name in self.itself]
        for rule in self.rules:
            if rule.name in self.met:
                meets = rule.member(0) & rule.member(1) & rule.with_itself(rule.shape.equal)
                found.append(meets.alias(self.met[rule.name]))
        return found

    def _asked(self, rule: Pairs, side: int) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(rule.shape.conditions[side]), frozenset(rule.operands(side).values())


@dataclass(frozen=True)
class _Aggregate:
    """An aggregate of a group: a number of rows, or the least or greatest value; first over parts, then over the group.

    Attributes:
        text: the value is one of those that parts are grouped by.
    """

    kind: Literal["size", "least", "greatest"]
    of: Column
    floating: bool = False
    text: bool = False

    def part(self) -> Column:
        """Over rows."""
        from pyspark.sql import functions as F

        return F.count(self.of) if self.kind == "size" else self._extreme(self.of)

    def whole(self, part: Column) -> Column:
        """The aggregate over the parts of a group."""
        from pyspark.sql import functions as F

        return F.coalesce(F.sum(part), F.lit(0)).cast("bigint") if self.kind == "size" else self._extreme(part)

    def _extreme(self, column: Column) -> Column:
        return (least if self.kind == "least" else greatest)(column, self.floating)


class _Bounds:
    """Aggregates over the rows of a group; an aggregate that several rules need is computed once."""

    def __init__(self, rows: _Rows) -> None:
        self.rows = rows
        self._named: dict[tuple[str, ...], tuple[str, _Aggregate]] = {}
        self._texts: dict[str, Column] = {}

    def size(self, rule: Pairs, side: int) -> Column:
        """The number of rows that can play a role."""
        from pyspark.sql import functions as F

        only, member = self.rows.alone(rule, side), self.rows.member(rule, side)
        asks = rule.shape.conditions[side] or rule.operands(side)
        counted = F.col(only) if only else F.when(F.col(member), F.lit(1)) if asks else F.lit(1)
        return self._asked(("size", member), _Aggregate("size", counted))

    def both(self, rule: Pairs) -> Column | None:
        """The number of rows that can play both roles of the same group; None between two relations."""
        from pyspark.sql import functions as F

        if not rule.shape.one_relation:
            return None
        if rule.alike:
            return self.size(rule, 0)
        if len(self.rows.sides) == 2:
            members = [F.col(self.rows.member(rule, side)) for side in (0, 1)]
            meets = members[0] & members[1]
        else:
            meets = F.col(self.rows.met[rule.name])
        return self._asked(("both", rule.name), _Aggregate("size", F.when(meets, F.lit(1))))

    def ends(self, rule: Pairs, side: int, operand: str) -> tuple[Column, Column]:
        """The least and the greatest value of an operand among the rows that can play a role."""
        from pyspark.sql import functions as F

        sql = rule.operands(side)[operand]
        value, member, floating = self.rows.values[sql], self.rows.member(rule, side), operand in rule.floating
        column = F.col(value) if self.rows.alone(rule, side) else F.when(F.col(member), F.col(value))
        text = bool(rule.shape.dependency) and rule.expressions.text(rule.constraint.relations[side], sql)
        if text:
            name = f"t_{value}_{member}"
            self._texts[name] = column
            column = F.col(name)
        return (
            self._asked(("least", value, member), _Aggregate("least", column, floating, text)),
            self._asked(("greatest", value, member), _Aggregate("greatest", column, floating, text)),
        )

    def grouped(self, keys: Sequence[str]) -> DataFrame:
        """The requested aggregates, for each group.

        Engines are slow at the least text of many groups, but fast at grouping by texts. The rows of a group have few
        different texts if these depend on its keys, so rows are first grouped by them.
        """
        from pyspark.sql import functions as F

        frame = self.rows.frame()
        aggregates = dict(self._named.values())
        if not self._texts:
            return frame.groupBy(*keys).agg(*[one.part().alias(name) for name, one in aggregates.items()])
        rows = frame.select("*", *[column.alias(name) for name, column in self._texts.items()])
        parts = [one.part().alias(name) for name, one in aggregates.items() if not one.text]
        grouped = rows.groupBy(*keys, *self._texts).agg(*parts)
        wholes = [(one.part() if one.text else one.whole(F.col(name))).alias(name) for name, one in aggregates.items()]
        return grouped.groupBy(*keys).agg(*wholes)

    def _asked(self, what: tuple[str, ...], one: _Aggregate) -> Column:
        from pyspark.sql import functions as F

        number = f"g{'_'.join(map(str, self.rows.sides))}_{len(self._named)}"
        name, _ = self._named.setdefault(what, (number, one))
        return F.col(name)
