"""Finding one partner for each violating tuple from a few candidates per group, without a self-join.

For each tuple ``t``, a tuple ``s`` of the same group is searched for with ``s.d ≠ t.d`` for each of m attributes and,
if the rule has an order predicate, ``t.o < s.o``. The ``s`` with the greatest ``o`` is a partner of every ``t`` that
does not agree with it on one of the attributes; for those that do, take the greatest of the tuples that differ from it
there, and so on: 2 candidates are enough for m = 1, and 5 for m = 2. If a tuple could be its own partner, the row id is
one more attribute.

The greatest tuple is found one attribute at a time, because the embedded engine aggregates structs slowly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.trusted.detect.roles import all_of, compare, greatest, joined, least
from vertebra.trusted.detect.single_tuple import group_text

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class _Candidate:
    """One candidate per group: the greatest tuple among those that differ from ``unlike`` (candidate, attribute).

    Attributes:
        fields: its values, in the order in which tuples are compared.
        open: attributes on which a tuple without a partner so far may agree with it.
        least: whether it is the least tuple.
    """

    name: str
    fields: tuple[str, ...]
    unlike: tuple[tuple[str, str], ...]
    open: tuple[str, ...]
    least: bool

    def value(self, field: str) -> Column:
        from pyspark.sql import functions as F

        return F.col(f"{self.name}_{field}")

    def step(self, number: int, floating: frozenset[str]) -> dict[str, Column]:
        """The aggregates that find the field of this number, by name; the last two fields are found together."""
        from pyspark.sql import functions as F

        best, best_by = (least, F.min_by) if self.least else (greatest, F.max_by)
        allowed = [F.col(attribute) != F.col(f"{name}_{attribute}") for name, attribute in self.unlike]
        allowed += [F.col(field) == self.value(field) for field in self.fields[:number]]
        ranked = F.when(all_of(allowed), F.col(self.fields[number])) if allowed else F.col(self.fields[number])
        found = {f"{self.name}_{self.fields[number]}": best(ranked, self.fields[number] in floating)}
        if number == len(self.fields) - 2:
            found[f"{self.name}_{self.fields[-1]}"] = best_by(F.col(self.fields[-1]), ranked)
        return found


def witnesses(
    probes: DataFrame,
    targets: DataFrame,
    keys: Sequence[str],
    unequal: Sequence[str],
    operator: str | None,
    *,
    floating: frozenset[str] = frozenset(),
) -> DataFrame:
    """The probes for which a witness exists.

    Args:
        probes: rows of one role: ``x…, d…, o0, rid``.
        targets: rows of the other.
        keys: names of the equality keys.
        unequal: names of the values that must differ, with ``rid`` if a row may meet the predicates with itself.
        operator: ``probe.o0 operator witness.o0``; None without an order predicate.
        floating: names of floating-point values.

    Returns:
        ``rid, partner, grp``.
    """
    from pyspark.sql import functions as F

    levels = _levels(tuple(unequal), operator)
    found: DataFrame | None = None
    known: list[str] = []
    for level in levels:
        for number in range(max(1, len(level[0].fields) - 1)):
            rows = joined(targets, found, keys) if found is not None else targets
            # the result is constant in its group; joining it again would double the plan with each step
            carried = [greatest(F.col(name), name.partition("_")[2] in floating).alias(name) for name in known]
            new = {name: value for candidate in level for name, value in candidate.step(number, floating).items()}
            found = rows.groupBy(*keys).agg(*carried, *[value.alias(name) for name, value in new.items()])
            known += new
    assert found is not None
    fits = {
        candidate: all_of(
            [candidate.value("rid").isNotNull()]
            + [F.col(attribute) != candidate.value(attribute) for attribute in unequal]
            + ([compare(F.col("o0"), operator, candidate.value("o0"))] if operator else [])
        )
        for level in levels
        for candidate in level
    }
    partner = F.coalesce(*[F.when(fit, candidate.value("rid")) for candidate, fit in fits.items()])
    return (
        joined(probes, found, keys)
        .select("rid", partner.alias("partner"), group_text(keys).alias("grp"))
        .where(F.col("partner").isNotNull())
    )


def _levels(unequal: tuple[str, ...], operator: str | None) -> list[list[_Candidate]]:
    """The candidates; those of one level need only the levels above."""
    plain = tuple(attribute for attribute in unequal if attribute != "rid")
    known = (*(["o0"] if operator else []), *plain, "rid")
    levels: list[list[_Candidate]] = []
    level = [_Candidate("w", known, (), unequal, operator in {">", ">="})]
    while level:
        following: list[_Candidate] = []
        done: list[_Candidate] = []
        for candidate in level:
            if operator is None and len(candidate.open) == 1:
                # the greatest and the least value of the one attribute differ, if any two do
                fields = tuple(dict.fromkeys((*candidate.open, *known)))
                for name, least in (("high", False), ("low", True)):
                    done.append(_Candidate(f"{candidate.name}{name}", fields, candidate.unlike, candidate.open, least))
                continue
            done.append(candidate)
            for place, attribute in enumerate(candidate.open):
                rest = tuple(other for other in candidate.open if other != attribute)
                unlike = (*candidate.unlike, (candidate.name, attribute))
                following.append(_Candidate(f"{candidate.name}{place}", known, unlike, rest, candidate.least))
        levels.append(done)
        level = following
    return levels
