"""What is known about each function of Spark SQL on the embedded engine: ``support.json``.

``make conformance`` records it: for each function and operator the families of argument types for which both engines
give the same answer over hard values, and those for which they do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from vertebra.spark_sql.alternatives import ALTERNATIVES, alternative
from vertebra.spark_sql.recorded import recorded_functions
from vertebra.spark_sql.signatures import Signature
from vertebra.spark_sql.types import FLOATS, INTEGERS, family_of
from vertebra.spark_sql.unsupported import UnverifiedError
from vertebra.suggestions import nearest

_GOOD: Final = ("equal", "rewritten", "fails")
"""Outcomes of signatures that may be used. ``fails``: for some rows the embedded engine stops with an error where
Apache Spark answers; never with another value."""
_COMPARED_LIKE: Final = {"!=": "=", "<=>": "=", "is distinct from": "=", ">": "<", ">=": "<", "<=": "<"}
"""Comparisons that are recorded for fewer types than another one, which the engines compute in the same way."""
_BAD: Final = ("differs", "refuses", "refused", "invalid")


def require_verified(call: Signature, *, complete: bool) -> None:
    """Refuse a call for which the engines are known to differ, or were not compared.

    Args:
        complete: the types of all columns are given; otherwise a call with an unknown type is not refused.

    Raises:
        UnverifiedError: it is refused.
    """
    functions = recorded_functions()
    known = functions.get(call.variant) or functions.get(call.name)
    if known is None or not any(known.get(outcome) for outcome in (*_GOOD, *_BAD, "by_literal")):
        if call.is_function and known is None:
            raise _unknown(call.name, functions)
        return
    if known.get("missing"):
        raise UnverifiedError(
            f"{call.name} is only available on Apache Spark",
            cause="the embedded engine does not have it",
            remedy=alternative(call.variant, ()),
        )
    families = tuple(map(family_of, call.kinds))
    if None in families and not complete:
        return
    recorded = _of_literals(known, call.literals, families)
    if call.name in _COMPARED_LIKE:
        for outcome, found in _of_literals(functions[_COMPARED_LIKE[call.name]], (), families).items():
            recorded[outcome] = [*recorded.get(outcome, []), *found]
    good = [tuple(one) for outcome in _GOOD for one in recorded.get(outcome, ())]
    bad = [tuple(one) for outcome in _BAD for one in recorded.get(outcome, ())]
    compared = {family for one in (*good, *bad) for family in one}
    families = tuple(
        "array" if one is not None and one.startswith("array<") and one not in compared else one for one in families
    )
    if any(_matches(families, one) for one in bad) or not (
        any(_matches(families, one) for one in good) or _alike(families, good)
    ):
        raise _differs(call, families, good)


def _of_literals(
    known: dict[str, Any], literals: Sequence[str], families: Sequence[str | None]
) -> dict[str, list[list[str]]]:
    """The recorded signatures by outcome: those with the same literals, or with any where these were not recorded."""
    recorded: dict[str, list[list[str]]] = {outcome: list(known.get(outcome, ())) for outcome in (*_GOOD, *_BAD)}
    by_literal = known.get("by_literal", {})
    if not literals and any(recorded.values()):
        return recorded
    wanted = ", ".join(literals).lower()
    exact = {
        outcome: [types for types, text in found if text.lower() == wanted] for outcome, found in by_literal.items()
    }
    if not any(exact.values()) and any([*families] == one for found in recorded.values() for one in found):
        return recorded  # such as the days between two dates, of which one is written
    if any(exact.values()):
        decided = [types for found in exact.values() for types in found]
        recorded = {outcome: [one for one in found if one not in decided] for outcome, found in recorded.items()}
    chosen = exact if any(exact.values()) else {o: [types for types, _ in found] for o, found in by_literal.items()}
    for outcome, found in chosen.items():
        recorded[outcome] = [*recorded.get(outcome, []), *found]
    return recorded


def _matches(families: Sequence[str | None], recorded: Sequence[str]) -> bool:
    """Whether a call may have a recorded signature: an unknown type may be any, an array one of any elements."""
    return len(families) == len(recorded) and all(
        one is None or one == other or (one == "array" and other.startswith("array<"))
        for one, other in zip(families, recorded, strict=True)
    )


def _alike(families: Sequence[str | None], good: Sequence[Sequence[str]]) -> bool:
    """Whether each argument has a family that was compared in its place, as for calls with many arguments."""
    longest = max((len(one) for one in good), default=0)
    if not longest:
        return not families and bool(good)
    for place, family in enumerate(families):
        seen = {_class(one[min(place, len(one) - 1)]) for one in good if one}
        if family == "array" and any(one.startswith("array") for one in seen):
            continue
        if family not in (None, "null") and _class(family) not in seen:
            return False
    return True


def _class(family: str) -> str:
    """Integers of all sizes are compared alike, and floats."""
    return "integer" if family in INTEGERS else "float" if family in FLOATS else family


def _unknown(name: str, functions: dict[str, Any]) -> UnverifiedError:
    if name in ALTERNATIVES:
        return UnverifiedError(
            f"{name} is not supported here",
            cause="its answers on the embedded engine differ from Apache Spark's",
            remedy=alternative(name, ()),
        )
    near = nearest(name, [one for one in functions if one.isidentifier()])
    return UnverifiedError(
        f"{name} is not a function that is supported here",
        cause="its answers on the embedded engine were not compared with Apache Spark's",
        remedy=f"did you mean {near}?" if near else "see docs/reference/sql-support.md, or run on Apache Spark",
    )


def _differs(call: Signature, families: Sequence[str | None], good: Sequence[Sequence[str]]) -> UnverifiedError:
    shown = ", ".join(family or "?" for family in families)
    return UnverifiedError(
        f"{call.name} of {shown or 'no arguments'} is not supported here",
        cause="the embedded engine is not known to give Apache Spark's answer",
        remedy=alternative(call.variant, good),
    )
