"""How much effort a test run takes: ``fast`` by default, ``thorough`` with ``VERTEBRA_TESTS=thorough``.

Both profiles prove the same statements. The thorough one draws more random examples, repeats with more seeds, and kills
at more moments; boundaries that must always be tried are explicit examples, in both profiles.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, TypeVar, get_args

Effort = Literal["fast", "thorough"]

VARIABLE = "VERTEBRA_TESTS"

K = TypeVar("K")
T = TypeVar("T")


def effort_of(environment: Mapping[str, str]) -> Effort:
    """The effort that an environment asks for.

    Raises:
        ValueError: it asks for one that does not exist.
    """
    asked = environment.get(VARIABLE) or "fast"
    for effort in get_args(Effort):
        if asked == effort:
            return effort
    raise ValueError(f"{VARIABLE}={asked}: there is no such effort; write {' or '.join(get_args(Effort))}")


EFFORT: Effort = effort_of(os.environ)


def examples(fast: int, thorough: int) -> int:
    """How many random examples a test draws; Hypothesis tries the simplest one first, so one alone is no random one.

    Raises:
        ValueError: fewer than two, or more in the fast profile.
    """
    if not 2 <= fast <= thorough:
        raise ValueError(
            f"fast={fast}, thorough={thorough}: a fast run draws at least 2 examples, and no more than a thorough one"
        )
    return thorough if EFFORT == "thorough" else fast


def cases(every: Sequence[T], fast: Collection[T]) -> list[T]:
    """The cases that a test tries, in order: every one, or those of the fast profile.

    Raises:
        ValueError: a fast one is none of them.
    """
    unknown = [case for case in fast if case not in every]
    if unknown or not fast:
        raise ValueError(f"{unknown or 'nothing'} is not among the cases {list(every)}")
    return [case for case in every if EFFORT == "thorough" or case in fast]


def moments(calls: int, fast: int, thorough: int) -> list[int]:
    """Which of the calls 1, 2, … of a program a test interrupts, evenly spread.

    Raises:
        ValueError: none, or fewer calls than moments.
    """
    if not 1 <= fast <= thorough <= calls:
        raise ValueError(f"fast={fast}, thorough={thorough}: the program makes {calls} calls")
    chosen = thorough if EFFORT == "thorough" else fast
    return [1 + (2 * place + 1) * calls // (2 * chosen) for place in range(chosen)]


def spread(every: Mapping[K, T], fast: int) -> dict[K, T]:
    """Named cases that a test tries at once: every one, or as many in the fast profile, evenly spread.

    Raises:
        ValueError: no case, or more than there are.
    """
    if not 1 <= fast <= len(every):
        raise ValueError(f"fast={fast}: there are {len(every)} cases")
    names = list(every)
    chosen = names if EFFORT == "thorough" else [names[place * len(names) // fast] for place in range(fast)]
    return {name: every[name] for name in chosen}
