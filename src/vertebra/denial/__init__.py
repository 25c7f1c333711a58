"""Denial constraints: conditions that no tuple, or no pair of tuples, may satisfy.

:func:`parse` and :func:`parse_between` parse a rule, :func:`classify` determines its shape, and with it the plan that
detects its violations, and :func:`review` finds trivial and redundant rules without reading data. ``str(constraint)``
prints a constraint as logic. The package uses neither the engine nor the lake.
"""

from vertebra.denial.ast import DenialConstraint, Inclusion, Operand, Predicate, Succession
from vertebra.denial.classify import JoinPredicate, Shape, classify
from vertebra.denial.notation import format_constraint, from_holoclean, logic, to_holoclean
from vertebra.denial.parse import parse, parse_between, relations_named, relations_over
from vertebra.denial.reason import Finding, always_violated, never_violated, review, subsumes
from vertebra.denial.recognise import Notation
from vertebra.denial.succession import over_variable

__all__ = [
    "DenialConstraint",
    "Finding",
    "Inclusion",
    "JoinPredicate",
    "Notation",
    "Operand",
    "Predicate",
    "Shape",
    "Succession",
    "always_violated",
    "classify",
    "format_constraint",
    "from_holoclean",
    "logic",
    "never_violated",
    "over_variable",
    "parse",
    "parse_between",
    "relations_named",
    "relations_over",
    "review",
    "subsumes",
    "to_holoclean",
]
