"""Finding, for each tuple, one it violates a rule with: from a few candidates per group, without a self-join.

Asked for: a tuple ``s`` of the same group with ``s.d ≠ t.d`` for each of m attributes and, maybe, ``t.o < s.o``. Take
the ``s`` with the greatest ``o``. It serves every ``t``, but for those that agree with it on one of the attributes; for
these, take the greatest among the tuples that differ from it there, and so on: 2 candidates for m = 1, 5 for m = 2
serve all. That a tuple must differ from itself is one more attribute, the row id. Each step is one aggregation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.trusted.detect.roles import all_of, compare, joined
from vertebra.trusted.detect.singles import group_text

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class _Candidate:
    """One candidate per group: the best tuple among those that differ from ``unlike`` (candidate, attribute)."""

    name: str
    unlike: tuple[tuple[str, str], ...]
    open: tuple[str, ...]
    least: bool = False


def witnesses(
    seekers: DataFrame,
    sought: DataFrame,
    keys: Sequence[str],
    unequal: Sequence[str],
    operator: str | None,
    *,
    same: bool,
) -> DataFrame:
    """The seekers for which a witness exists.

    Args:
        seekers: rows of one role: ``x…, d…, o0, rid``.
        sought: rows of the other.
        keys: names of the equality keys.
        unequal: names of what must differ, ``rid`` among them when a row may satisfy the rule with itself.
        operator: ``seeker.o0 operator witness.o0``; None without an order predicate.
        same: seekers and sought are the same rows.

    Returns:
        ``rid, partner, grp``.
    """
    from pyspark.sql import functions as F

    steps = _steps(tuple(unequal), operator is None)
    fields = [*(["o0"] if operator else []), *unequal, *([] if "rid" in unequal else ["rid"])]
    greatest = operator not in {">", ">="}
    found: DataFrame | None = None
    for step in steps:
        rows = joined(sought, found, keys) if found is not None else sought
        chosen = [_best(candidate, fields, greatest and not candidate.least) for candidate in step]
        best = rows.groupBy(*keys).agg(*chosen)
        found = joined(found, best, keys) if found is not None else best
    assert found is not None
    candidates = [candidate.name for step in steps for candidate in step]
    if same and operator is None and len(unequal) == 1:
        low, high = candidates
        found = found.where(F.col(low)[unequal[0]] != F.col(high)[unequal[0]])
    fits = {
        name: all_of(
            [F.col(d) != F.col(name)[d] for d in unequal]
            + ([compare(F.col("o0"), operator, F.col(name)["o0"])] if operator else [])
            + [F.col(name).isNotNull()]
        )
        for name in candidates
    }
    partner = F.coalesce(*[F.when(fit, F.col(name)["rid"]) for name, fit in fits.items()])
    return (
        joined(seekers, found, keys)
        .select("rid", partner.alias("partner"), group_text(keys).alias("grp"))
        .where(F.col("partner").isNotNull())
    )


def _steps(unequal: tuple[str, ...], any_will_do: bool) -> list[list[_Candidate]]:
    """The candidates, level by level; those of one level need only the levels above."""
    steps: list[list[_Candidate]] = []
    level = [_Candidate("w", (), unequal)]
    while level:
        step, following = [], []
        for candidate in level:
            step.append(candidate)
            if any_will_do and len(candidate.open) == 1:
                # the greatest and the least value of the one attribute differ, if any two do
                step.append(_Candidate(f"{candidate.name}_", candidate.unlike, candidate.open, least=True))
                continue
            following += [
                _Candidate(
                    f"{candidate.name}{place}",
                    (*candidate.unlike, (candidate.name, attribute)),
                    tuple(other for other in candidate.open if other != attribute),
                )
                for place, attribute in enumerate(candidate.open)
            ]
        steps.append(step)
        level = following
    return steps


def _best(candidate: _Candidate, fields: Sequence[str], greatest: bool) -> Column:
    """The greatest (or least) allowed tuple, by the order attribute, or by the attribute that is still open."""
    from pyspark.sql import functions as F

    by_value = fields[:1] if fields[0] == "o0" else list(candidate.open)
    ranked = [*by_value, *[field for field in fields if field not in by_value]]
    tuples = F.struct(*[F.col(field) for field in ranked])
    if candidate.unlike:
        tuples = F.when(all_of([F.col(d) != F.col(name)[d] for name, d in candidate.unlike]), tuples)
    return (F.max(tuples) if greatest else F.min(tuples)).alias(candidate.name)
