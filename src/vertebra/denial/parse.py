"""From the text of a rule, in any of its notations, to a denial constraint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from vertebra.denial.predicates import Columns, Predicates
from vertebra.denial.recognise import QUOTED, OverRange, over_ranges, recognise
from vertebra.denial.refusal import refuse
from vertebra.denial.tokens import Tokens, tokenise
from vertebra.suggestions import did_you_mean

if TYPE_CHECKING:
    from vertebra.denial.ast import DenialConstraint

_AND_SIGN: Final = re.compile(rf"{QUOTED}|(&&)", re.DOTALL)
_LONGEST: Final = 20_000


def parse(text: str, relation: str, columns: Columns, others: Mapping[str, Columns] | None = None) -> DenialConstraint:
    """Parse a rule, e.g. ``t.zip = s.zip and t.city != s.city``.

    It may be in any notation of :mod:`vertebra.denial.recognise`, and what :func:`~vertebra.denial.logic` prints is
    read back as the same constraint.

    Args:
        text: the predicates; the tuple variables have any one or two names.
        relation: the relation the rule is about, unless its text names another.
        columns: its columns and their declared types.
        others: the columns of the other relations that the text may name.

    Raises:
        RuleError: the text is not a denial constraint over these columns.

    Example:
        >>> from vertebra.denial import parse
        >>> print(parse("t.zip = s.zip and t.city != s.city", "shops", {"zip": "string", "city": "string"}))
        ¬∃ t,s ∈ shops, t≠s: t.zip = s.zip ∧ t.city ≠ s.city
    """
    _check_length(text)
    recognised = recognise(text)
    known = {**(others or {}), relation: columns}
    for one in recognised.ranges:
        _check_relation(text, one, known)
    body = recognised.body
    with body.blamed():
        tokens = _tokens(body.text)
        if recognised.ranges:
            ranges = {one.variable: (one.relation, known[one.relation]) for one in recognised.ranges}
        else:
            ranges = dict.fromkeys(_variables(body.text, tokens, columns), (relation, columns))
        constraint = Predicates(body.text, ranges).constraint(tokens)
    _check_used(text, constraint)
    return constraint


def parse_between(over: str, where: str, relations: Mapping[str, Columns]) -> DenialConstraint:
    """Parse a rule between two relations.

    Args:
        over: the relations and their tuple variables, e.g. ``flights t, planes p``.
        where: the predicates.
        relations: the columns of each relation that may be named.

    Raises:
        RuleError: one of the texts is not valid.
    """
    ranges = over_ranges(over)
    if len(ranges) < 2:
        refuse(
            over, 0, len(over), "`over` does not name two relations, each with a tuple variable of its own",
            remedy="write e.g. flights t, planes p; a rule about one tuple has only `deny: t.…`",
        )  # fmt: skip
    for one in ranges:
        _check_relation(over, one, relations)
    _check_length(where)
    recognised = recognise(where)
    if recognised.ranges:
        refuse(
            where, 0, len(where), "the relations are named twice",
            cause="`over` names them already", remedy="leave only the predicates in `where`",
        )  # fmt: skip
    body = recognised.body
    with body.blamed():
        named = {one.variable: (one.relation, relations[one.relation]) for one in ranges}
        constraint = Predicates(body.text, named).constraint(_tokens(body.text))
    _check_used(where, constraint)
    return constraint


def relations_named(text: str) -> tuple[str, ...]:
    """The relations that the text of a rule names; none where it leaves them open.

    Raises:
        RuleError: it begins in a notation, and does not go on in it.
    """
    return tuple(one.relation for one in recognise(text).ranges)


def _check_length(text: str) -> None:
    if len(text) > _LONGEST:
        refuse(
            text, _LONGEST, len(text), f"the rule has {len(text):,} characters",
            cause=f"a rule has at most {_LONGEST:,}", remedy="put a long list of values into a table, and reference it",
        )  # fmt: skip


def _check_relation(text: str, named: OverRange, relations: Mapping[str, Columns]) -> None:
    if named.relation not in relations:
        refuse(
            text, *named.place, f"there is no relation {named.relation}",
            cause=f"the relations are {', '.join(sorted(relations))}",
            remedy=did_you_mean(named.relation, relations, "write one of them, or declare the other as a dataset"),
        )  # fmt: skip


def _check_used(text: str, constraint: DenialConstraint) -> None:
    """A variable that no predicate is about would make the rule one about the number of tuples."""
    used = {variable for predicate in constraint.predicates for variable in predicate.variables}
    for variable in constraint.variables:
        if variable not in used:
            refuse(
                text, 0, len(text), f"no predicate is about {variable}",
                cause="the rule says that it is about two tuples, and restricts only one",
                remedy=f"name one tuple only, or add a predicate with {variable}",
            )  # fmt: skip


def _tokens(text: str) -> Tokens:
    if not text.strip():
        refuse(text, 0, 1, "the rule is empty", remedy="write predicates, e.g. `t.distance <= 0`")
    for found in _AND_SIGN.finditer(text):
        if found[1]:
            refuse(text, *found.span(), "&& is not an operator here", remedy="write `and`")
    return tokenise(text)


def _variables(text: str, tokens: Tokens, columns: Columns) -> tuple[str, ...]:
    """The tuple variables: the qualifiers of the columns, in order of appearance."""
    qualifiers: dict[str, int] = {}
    for position in range(len(tokens) - 2):
        before = tokens[position - 1].token_type.name if position else ""
        head, dot, name = tokens[position : position + 3]
        named = re.match(r"\w", head.text) and re.match(r"\w|`", text[name.start])
        if dot.token_type.name == "DOT" and named and before != "DOT" and not head.text.isdigit():
            qualifiers.setdefault(head.text, position)
    names = tuple(qualifiers)
    if not names:
        known = {column.lower() for column in columns}
        first = next((token for token in tokens if token.text.lower() in known), tokens[0])
        remedy = f"write t.{first.text}" if first.text.lower() in known else "write e.g. t.distance <= 0"
        refuse(
            text, first.start, first.end + 1, "the rule names no tuple",
            cause="a denial constraint says what must not be true of a tuple t, or of two tuples t and s",
            remedy=remedy,
        )  # fmt: skip
    if len(names) > 2:
        third = tokens[qualifiers[names[2]]]
        refuse(
            text, third.start, third.end + 1, f"{third.text} is a third tuple variable",
            cause=f"a denial constraint is about one tuple or two; {names[0]} and {names[1]} are taken",
            remedy=did_you_mean(third.text, names[:2], f"write the predicate with {names[0]} or {names[1]}"),
        )  # fmt: skip
    return names
