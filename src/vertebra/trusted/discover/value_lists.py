"""Candidates for lists of values: columns with few texts, without slips and without names of people."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from vertebra.quoting import spark_identifier
from vertebra.trusted.discover.dependencies import named
from vertebra.trusted.discover.proposal import CandidateRule
from vertebra.trusted.discover.slips import slips, usual_in_groups

if TYPE_CHECKING:
    from vertebra.trusted.discover.sample import Sample
    from vertebra.trusted.discover.subject import Subject

_FEW_VALUES: Final = 20
_MANY_ROWS: Final = 10
"""From this many rows per value, the values of a column are a list."""
_WITH_SLIPS: Final = 400
"""The most texts that are compared with each other."""
_MOST_WRONG: Final = 0.2
_SHOWN: Final = 5

_PEOPLE: Final = frozenset(
    (
        "agent", "author", "buyer", "clerk", "client", "contact", "customer", "doctor", "driver", "employee", "manager",
        "nurse", "officer", "operator", "passenger", "patient", "person", "rep", "salesman", "salesperson", "seller",
        "student", "supervisor", "surname", "teacher", "technician", "user",
    )
)  # fmt: skip
_OF_PEOPLE: Final = frozenset(("", "first", "last", "family", "given", "full", "middle", *_PEOPLE))
_NAME: Final = re.compile(r"[^\W\d_a-z][\w.'’-]*([ ,]+[^\W\d_]?[\w.'’-]*){0,4}")
_WHOLE_NAMES: Final = 8
"""From as many values that are all names of two words and more, they are taken for people, whose list grows."""


def value_lists(subject: Subject, sample: Sample) -> list[CandidateRule]:
    """Columns with a short list of values; a rare one that is a frequent one with a letter wrong is left out."""
    from pyspark.sql import functions as F

    found = []
    for column in subject.columns.values():
        if column.value_type != "text" or not 1 < column.distinct <= _WITH_SLIPS:
            continue
        value = F.col(spark_identifier(column.name))
        counts = subject.frame.where(value.isNotNull()).groupBy(value.alias("value")).agg(F.count("*").alias("size"))
        sizes = {row["value"]: int(row["size"]) for row in counts.limit(2 * _WITH_SLIPS).collect()}
        wrong = slips(sizes, usual_in_groups(sample, column.name))
        listed = sorted(set(sizes) - set(wrong))
        rows = sum(sizes.values())
        if len(listed) < 2 - bool(wrong) or len(listed) > _FEW_VALUES or rows < _MANY_ROWS * len(listed):
            continue
        if sum(sizes[text] for text in wrong) > _MOST_WRONG * rows or are_people(column.name, listed):
            continue
        ranked = sorted(wrong, key=lambda text: (-sizes[text], text))
        shown = ", ".join(ranked[:_SHOWN]) + (f" and {len(ranked) - _SHOWN} more" if len(ranked) > _SHOWN else "")
        found.append(
            CandidateRule(
                "values", named(column.name, "values"), {"values": {column.name: listed}}, (column.name,),
                promise=0.75 if wrong else 0.5, hint=shown,
            )
        )  # fmt: skip
    return found


def are_people(column: str, values: Collection[str]) -> bool:
    """Whether values are names of people, who come and go: a list of those known today is no rule.

    Examples:
        >>> are_people("driver", ["Ana", "Ben"]), are_people("driver_type", ["Own", "Hired"])
        (True, False)
    """
    if not all(_NAME.fullmatch(value.strip()) for value in values):
        return False
    words = [word for word in re.split(r"[^a-z]+", column.lower()) if word]
    last = words[-1] if words else ""
    if last in _PEOPLE or last.rstrip("s") in _PEOPLE:
        return True
    if last == "name" and (words[-2] if len(words) > 1 else "") in _OF_PEOPLE:
        return True
    return len(values) >= _WHOLE_NAMES and all(re.fullmatch(r"[^\W\d_]\S*( [^\W\d_a-z]\S*)+", v) for v in values)
