"""Parses the text of a rule, in any notation, into a denial constraint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from vertebra.denial.predicates import Columns, Predicates
from vertebra.denial.recognise import QUOTED, Recognised, TupleRange, over_next, over_ranges, recognise
from vertebra.denial.refusal import refuse
from vertebra.denial.succession import succession
from vertebra.denial.tokens import Tokens, tokenise
from vertebra.quoting import rule_column
from vertebra.suggestions import did_you_mean
from vertebra.unicode_form import names_in_nfc

if TYPE_CHECKING:
    from vertebra.denial.ast import DenialConstraint

_AND_SIGN: Final = re.compile(rf"{QUOTED}|(&&)", re.DOTALL)
_MAX_LENGTH: Final = 20_000


def parse(text: str, relation: str, columns: Columns, others: Mapping[str, Columns] | None = None) -> DenialConstraint:
    """Parse a rule, e.g. ``t.zip = s.zip and t.city != s.city``.

    All notations of :mod:`vertebra.denial.recognise` are accepted, including the output of
    :func:`~vertebra.denial.logic`.

    Args:
        text: the rule; it uses one or two tuple variables, with any names.
        relation: the relation of the rule, unless its text names another.
        columns: the columns of the relation and their declared types.
        others: the columns of the other relations that the text may name.

    Raises:
        RuleError: the text is not a denial constraint over these columns.

    Example:
        >>> from vertebra.denial import parse
        >>> print(parse("t.zip = s.zip and t.city != s.city", "shops", {"zip": "string", "city": "string"}))
        ¬∃ t,s ∈ shops, t≠s: t.zip = s.zip ∧ t.city ≠ s.city
    """
    _check_length(text)
    text = names_in_nfc(text)
    recognised = recognise(text)
    known = {**(others or {}), relation: columns}
    for one in recognised.ranges:
        _check_relation(text, one, known)
    body = recognised.body
    with body.errors_in_original():
        tokens = _tokens(body.text)
        if recognised.clauses is not None and not recognised.ranges:
            ranges = dict.fromkeys(recognised.variables, (relation, columns))
        elif recognised.ranges:
            ranges = {one.variable: (one.relation, known[one.relation]) for one in recognised.ranges}
        else:
            ranges = dict.fromkeys(_variables(body.text, tokens, columns), (relation, columns))
        constraint = Predicates(body.text, ranges).constraint(tokens)
    _check_used(text, constraint)
    return _with_succession(constraint, recognised, ranges[constraint.variables[0]])


def parse_between(over: str, where: str, relations: Mapping[str, Columns]) -> DenialConstraint:
    """Parse a rule between two relations, or about consecutive tuples of one.

    Args:
        over: the relations and their tuple variables, e.g. ``flights t, planes p`` or ``meters t, next(t) s by device
            order by read_at``.
        where: the predicates.
        relations: relation → its columns; the rule may name only these relations.

    Raises:
        RuleError: ``over`` or ``where`` is not valid.
    """
    over = names_in_nfc(over)
    following = over_next(over)
    if following is not None and not following.ranges:
        refuse(over, 0, len(over), "`over` names no relation", remedy=f"write e.g. meters t, {over.strip()}")
    ranges = following.ranges if following is not None else over_ranges(over)
    if len(ranges) < 2:
        refuse(
            over, 0, len(over), "`over` does not name two relations with different tuple variables",
            remedy="write e.g. flights t, planes p; for a rule about one tuple, write only `deny: t.…`",
        )  # fmt: skip
    for one in ranges:
        _check_relation(over, one, relations)
    _check_length(where)
    where = names_in_nfc(where)
    recognised = recognise(where)
    if recognised.ranges:
        refuse(
            where, 0, len(where), "the relations are named twice",
            cause="`over` already names them", remedy="write only the predicates in `where`",
        )  # fmt: skip
    body = recognised.body
    with body.errors_in_original():
        named = {one.variable: (one.relation, relations[one.relation]) for one in ranges}
        constraint = Predicates(body.text, named).constraint(_tokens(body.text))
    _check_used(where, constraint)
    return _with_succession(constraint, following, named[constraint.variables[0]])


def relations_over(over: str) -> tuple[str, ...]:
    """The relations that ``over`` names.

    Raises:
        RuleError: ``over`` is not valid.
    """
    following = over_next(over)
    return tuple(one.relation for one in (following.ranges if following is not None else over_ranges(over)))


def _with_succession(
    constraint: DenialConstraint, recognised: Recognised | None, over: tuple[str, Columns]
) -> DenialConstraint:
    """The constraint with the clauses of ``next``, if the rule has them."""
    if recognised is None or recognised.clauses is None:
        return constraint
    return replace(constraint, succession=succession(recognised.clauses, constraint.variables[0], *over))


def relations_named(text: str) -> tuple[str, ...]:
    """The relations that the text of a rule names; empty if it names none.

    Raises:
        RuleError: the text starts in one notation and continues in another.
    """
    return tuple(one.relation for one in recognise(text).ranges)


def _check_length(text: str) -> None:
    if len(text) > _MAX_LENGTH:
        refuse(
            text, _MAX_LENGTH, len(text), f"the rule has {len(text):,} characters",
            cause=f"a rule has at most {_MAX_LENGTH:,}",
            remedy="put a long list of values into a table and reference it",
        )  # fmt: skip


def _check_relation(text: str, named: TupleRange, relations: Mapping[str, Columns]) -> None:
    if named.relation not in relations:
        refuse(
            text, *named.place, f"relation {named.relation} does not exist",
            cause=f"the relations are {', '.join(sorted(relations))}",
            remedy=did_you_mean(named.relation, relations, "write one of them, or declare the other as a dataset"),
        )  # fmt: skip


def _check_used(text: str, constraint: DenialConstraint) -> None:
    """Reject a tuple variable that no predicate uses: such a rule would only limit the number of tuples."""
    used = {variable for predicate in constraint.predicates for variable in predicate.variables}
    for variable in constraint.variables:
        if variable not in used:
            refuse(
                text, 0, len(text), f"no predicate uses {variable}",
                cause="the rule has two tuple variables, and its predicates use only one",
                remedy=f"remove {variable}, or add a predicate with it",
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
        known = {column.lower(): column for column in columns}
        first = next((token for token in tokens if token.text.lower() in known), tokens[0])
        column = known.get(first.text.lower())
        refuse(
            text, first.start, first.end + 1, "the rule has no tuple variable",
            cause="a denial constraint forbids a condition on one tuple t, or on two tuples t and s",
            instead=rule_column("t", column) if column is not None else "",
            remedy="" if column is not None else "write e.g. t.distance <= 0",
        )  # fmt: skip
    if len(names) > 2:
        third = tokens[qualifiers[names[2]]]
        refuse(
            text, third.start, third.end + 1, f"{third.text} is a third tuple variable",
            cause=f"a denial constraint has one or two tuple variables; this one has {names[0]} and {names[1]}",
            remedy=did_you_mean(third.text, names[:2], f"write the predicate with {names[0]} or {names[1]}"),
        )  # fmt: skip
    return names
