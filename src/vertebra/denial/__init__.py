"""The language of denial constraints: what must not be true of one tuple, or of two.

A rule is parsed (:func:`parse`, :func:`parse_between`), sorted into a class that decides how its violations are found
(:func:`classify`), reviewed before any data is read (:func:`review`) and printed as logic (``str(constraint)``). Pure:
no engine, no lake.
"""

from vertebra.denial.ast import DenialConstraint, Inclusion, Operand, Predicate
from vertebra.denial.classify import Across, Shape, classify
from vertebra.denial.notation import from_holoclean, logic, to_holoclean, written
from vertebra.denial.parse import parse, parse_between, relations_named
from vertebra.denial.reason import Finding, always_violated, never_violated, review, subsumes
from vertebra.denial.recognise import Notation

__all__ = [
    "Across",
    "DenialConstraint",
    "Finding",
    "Inclusion",
    "Notation",
    "Operand",
    "Predicate",
    "Shape",
    "always_violated",
    "classify",
    "from_holoclean",
    "logic",
    "never_violated",
    "parse",
    "parse_between",
    "relations_named",
    "review",
    "subsumes",
    "to_holoclean",
    "written",
]
