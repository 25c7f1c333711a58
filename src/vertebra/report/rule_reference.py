"""Generates the reference of denial constraints from the code: ``docs/reference/denial-constraints.md``.

python -m vertebra.report.rule_reference docs/reference/denial-constraints.md
"""

# ruff: noqa: E501 - long lines of the page

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from vertebra.declare.dataset import Column, Dataset, Rule
from vertebra.declare.rule_sugar import in_order, of_columns
from vertebra.declare.rules import NamedRule, rules_of
from vertebra.declare.table_rule import in_order as whole_table_kinds
from vertebra.declare.table_rule_compiler import table_rules_of
from vertebra.denial import DenialConstraint, format_constraint, parse, predicates, recognise, review, succession
from vertebra.denial.ast import SYMBOL
from vertebra.denial.classify import MAX_INEQUALITIES, MAX_ORDER_PREDICATES
from vertebra.denial.recognise import HOLOCLEAN
from vertebra.errors import RuleError

FLIGHTS: Final = {
    "origin": "string", "dest": "string", "carrier": "string", "tailnum": "string", "distance": "int",
    "dep_time": "int", "arr_time": "int", "dep_delay": "int", "air_time": "int", "time_hour": "timestamp",
}  # fmt: skip
PLANES: Final = {"tailnum": "string", "model": "string", "seats": "int"}

_MEANING: Final = {
    "=": "equal", "!=": "not equal; also written `<>`", "<": "less", "<=": "at most", ">": "greater", ">=": "at least",
}  # fmt: skip

_CONDITIONS: Final = (
    "t.tailnum is null", "t.air_time is not null", "t.origin in ('EWR', 'JFK', 'LGA')", "t.dest like 'S%'",
    "t.tailnum not rlike '^N[0-9A-Z]{1,5}$'", "t.dep_time not between 1 and 2400", "abs(t.dep_delay) > 2000",
    "not (t.origin = 'JFK' or t.dest = 'JFK')",
)  # fmt: skip

EXAMPLES: Final[Mapping[str, str]] = {
    "t.distance * 60 > 600 * t.air_time": "",
    "t.carrier = s.carrier and t.time_hour = s.time_hour": "",
    "t.origin = s.dest and t.dest = s.origin": "equal across columns",
    "t.tailnum = s.tailnum and t.carrier = 'AA' and s.carrier = 'DL'": "a constant for each tuple",
    "t.origin = s.origin and t.dest = s.dest and t.distance != s.distance": "",
    "t.tailnum = s.tailnum and t.carrier != s.carrier and t.origin != s.origin": "",
    "t.tailnum = s.tailnum and t.dep_time < s.dep_time": "",
    "t.tailnum = s.tailnum and t.dep_time < s.arr_time": "ordered across columns",
    "t.tailnum = s.tailnum and t.dep_time <= s.dep_time": "ties violate too",
    "t.tailnum = s.tailnum and t.dep_time < s.arr_time and t.carrier != s.carrier": "",
    "t.tailnum = s.tailnum and t.dep_time < s.dep_time and t.arr_time > s.arr_time": "",
    "t.tailnum = s.tailnum and t.dep_time <= s.arr_time and s.dep_time <= t.arr_time": "intervals that overlap",
    "t.distance < s.distance and t.air_time > s.air_time": "",
    "t.carrier = s.carrier and t.distance < s.distance and t.air_time > s.air_time and t.dep_time < s.dep_time": "",
    "next(t) s by tailnum order by time_hour: s.origin != t.dest": "consecutive tuples",
    "flights t, planes p: t.tailnum = p.tailnum and p.seats <= 8": "",
    "flights t, planes p: t.tailnum = p.tailnum and t.distance > p.seats": "",
}
"""Example rule → how it differs from the other examples of its class."""

REFUSED: Final = (
    "t.orign = s.origin",
    "t.origin = 'EWR' or t.dest = 'EWR'",
    "t.distance - s.distance > 5",
    "t.distance > avg(t.distance)",
    "t.distance in (select max(distance) from flights)",
    "t.time_hour < current_timestamp()",
    "t.origin = EWR",
    "t.origin = 3",
    "t.origin = s.origin and u.dest = 'EWR'",
    "t1&t2&NEAR(t1.origin,t2.origin)",
    "next(t) s by tailnum: s.origin != t.dest",
)

_SOURCES: Final = """\
- X. Chu, I. F. Ilyas, P. Papotti: *Discovering Denial Constraints*. PVLDB 6(13), 2013: the language, and trivial and implied constraints.
- J. Kivinen, H. Mannila: *Approximate inference of functional dependencies from relations*. Theoretical Computer Science 149(1), 1995: g1, g2 and g3.
- J. L. Bentley: *Multidimensional divide-and-conquer*. CACM 23(4), 1980: counting dominated points, to check two order predicates.
- Z. Liu, S. Deep, A. Fariha, F. Psallidas, A. Tiwari, A. Floratou: *Rapidash: Efficient Detection of Constraint Violations*. PVLDB 17(8), 2024: denial constraints in near-linear time by range search.
- W. W. Armstrong: *Dependency structures of data base relationships*. IFIP Congress, 1974: which functional dependencies follow from others.
- T. Rekatsinas, X. Chu, I. F. Ilyas, C. Ré: *HoloClean: Holistic data repairs with probabilistic inference*. PVLDB 10(11), 2017: the notation `t1&t2&…`.
"""


def reference() -> str:
    """The reference page in Markdown."""
    return (
        "\n".join(
            [*_head(), *_grammar(), *_notations(), *_sugar(), *_whole_tables(), *_review(), *_refusals(), *_compiled()]
        )
        + "\n"
    )


def _head() -> Iterator[str]:
    yield "# Denial constraints: language reference"
    yield ""
    yield "<!-- Generated by `make reference`; edit src/vertebra/report/rule_reference.py instead. -->"
    yield ""
    yield "For an introduction, see [Denial constraints in ten minutes](../denial-constraints.md)."


def _grammar() -> Iterator[str]:
    grammar = inspect.cleandoc(predicates.__doc__ or "").split("\n\n")[1]
    yield "\n## Grammar\n\n```text"
    yield inspect.cleandoc(grammar)
    yield "```\n"
    yield "In a violation all predicates are true. A comparison with NULL is not true, so NULLs cause no violation."
    yield "A failing cast and a division by zero give NULL. Integers are added and multiplied in a type that can hold the"
    yield "result, so they do not overflow. Write a quote in a string as `\\'`. A column with blanks or other characters"
    yield "in its name is quoted: ``t.`Flight No` ``; a reserved word is not: `t.select`.\n"
    yield "| operator | printed | HoloClean | meaning |\n|---|---|---|---|"
    codes = {operator: code for code, operator in HOLOCLEAN.items()}
    for operator, meaning in _MEANING.items():
        yield f"| `{operator}` | {SYMBOL[operator]} | {codes[operator]} | {meaning} |"  # type: ignore[index]
    yield "\nConditions on one tuple, and operands, are Spark SQL expressions:\n\n```sql"
    yield from (format_constraint(_constraint(text)) for text in _CONDITIONS)
    yield "```"


def _notations() -> Iterator[str]:
    yield "\n## Notations\n"
    yield "You can write a rule in any of these notations; its beginning identifies the notation. Logical symbols such as ∧"
    yield "can be used in every notation but HoloClean's.\n\n```text"
    yield inspect.cleandoc((recognise.__doc__ or "").split("\n\n", 1)[1])
    yield "```\n\n`vertebra ls rules --notation vertebra|logic|holoclean` writes the rules of a project:\n"
    yield "| notation | the same rule |\n|---|---|"
    constraint = _constraint("t.origin = s.origin and t.dest = s.dest and t.distance != s.distance")
    for notation in ("vertebra", "logic", "holoclean"):
        yield f"| {notation} | `{format_constraint(constraint, notation)}` |"
    following = _constraint("next(t) s by tailnum order by time_hour where air_time is not null: s.origin != t.dest")
    yield "\n### Consecutive tuples\n"
    yield "`next(t) s` makes s a tuple that follows t. HoloClean's notation cannot express it.\n"
    yield "| notation | the same rule |\n|---|---|"
    yield f"| vertebra | `{format_constraint(following, 'vertebra')}` |"
    yield f"| logic | `{format_constraint(following, 'logic')}` |"
    yield "\n```text"
    yield inspect.cleandoc((succession.__doc__ or "").split("\n\n", 2)[1])
    yield "```\n"
    yield "- `by` and `order by` are expressions over one tuple, `where` is a condition; columns have no tuple variable."
    yield "- Tuples that do not meet `where`, or have NULL in `by` or `order by`, take no part: the tuples before and after"
    yield "  them follow each other. Without `by`, all tuples are one sequence."
    yield "- A tuple is followed by all tuples of the next distinct value of `order by`. Tuples that are tied, with an equal"
    yield "  value, do not follow each other, so the result does not depend on the order of rows; `unique` forbids ties."
    yield "- The last tuple of a sequence is followed by none, and violates nothing as t."


def _sugar() -> Iterator[str]:
    yield "\n## Short forms\n"
    yield "Each short form stands for denial constraints, except `references`: it requires that a tuple exists, which a"
    yield "denial constraint cannot express.\n"
    yield "| in `rules:` | stands for |\n|---|---|"
    for sugar in in_order():
        if sugar.name == "deny":
            continue
        declared = {sugar.name: sugar.example}
        shown = ", ".join(f"`{rule.constraint}`".replace("|", "\\|") for rule in _compiled_rules(declared))
        yield f"| `{_yaml(declared)}` | {shown} |"
    *first, last = (f"`{sugar.name}`" for sugar in of_columns())
    yield "\n`key: [a, b]` of a dataset means `unique`, and `required` for each column."
    yield f"{', '.join(first)} and {last} can also be declared on a column."


def _whole_tables() -> Iterator[str]:
    yield "\n## Rules about the whole table\n"
    yield "These are no denial constraints: no row is wrong by itself. They are checked on the cleaned table.\n"
    yield "| in `rules:` | requires that | |\n|---|---|---|"
    datasets = {c: Column(type=kind) for c, kind in FLIGHTS.items()}
    for kind in whole_table_kinds():
        rules = {"rule": Rule.model_validate({kind.name: kind.example})}
        about = Dataset.model_construct(name="flights", columns=datasets, key=(), rules=rules)
        (rule,) = table_rules_of(about)
        yield f"| `{_yaml({kind.name: kind.example})}` | {rule.condition} | {kind.summary} |"
    on_columns = [f"`{kind.name}`" for kind in whole_table_kinds() if kind.column_type is not None]
    yield f"\n{', '.join(on_columns)} can also be declared on a column."


def _review() -> Iterator[str]:
    rules = {
        "far": "t.distance > 5000",
        "farther": "t.distance > 6000 and t.origin = 'JFK'",
        "near": "t.distance <= 5000",
        "key": "t.tailnum = s.tailnum",
        "carrier": "t.tailnum = s.tailnum and t.carrier != s.carrier",
    }
    yield "\n## Checks before data are read\n"
    yield "A rule that nothing can violate, or that every value violates, is an error, because its result does not depend on"
    yield "the data. `vertebra plan`, `debug` and `check` warn about redundant and conflicting rules:\n"
    yield "| rule | |\n|---|---|"
    yield from (f"| {name} | `{text}` |" for name, text in rules.items())
    yield "\n```text"
    for finding in review([(name, _constraint(text)) for name, text in rules.items()]):
        yield f"rule {finding.rule} is {finding.kind}: {finding.reason}"
    yield "```"


def _refusals() -> Iterator[str]:
    yield "\n## Errors\n"
    yield "Ambiguous text raises an error, because a misread rule would hide violations.\n\n```text"
    for text in REFUSED:
        try:
            _constraint(text)
        except RuleError as error:
            yield f"{error}\n"
    yield "```"


def _compiled() -> Iterator[str]:
    from vertebra.trusted.detect import explain

    yield "\n## How rules are checked\n"
    yield "Detection is exact and takes near-linear time, without joining a table with itself. The predicates between the two"
    yield "tuples determine the class of a rule; `vertebra check --explain` shows the class of yours. In the costs, n is the"
    yield "number of rows, and v the number of rows in groups that violate the rule.\n"
    yield "| class | example | cost | plan |\n|---|---|---|---|"
    for text, special in EXAMPLES.items():
        constraint = _constraint(text)
        (plan,) = explain(constraint.relations[0], ("flights", "planes"), [NamedRule("rule", "deny", constraint)])
        steps = "; ".join(plan.steps).replace("`", "")
        name = f"{plan.constraint_class}, {special}" if special else plan.constraint_class
        yield f"| {name} | `{text}` | {plan.cost} | {steps} |"
    yield f"\nA rule has at most {MAX_ORDER_PREDICATES} order predicates and {MAX_INEQUALITIES} `!=` between two tuples ({MAX_INEQUALITIES - 1} if a tuple can satisfy the"
    yield "other predicates with itself). For a rule with more, the error names the predicates to remove."
    yield "\n### Sources\n"
    yield _SOURCES.rstrip()


def _constraint(text: str) -> DenialConstraint:
    return parse(text, "flights", FLIGHTS, {"planes": PLANES})


def _compiled_rules(declared: Mapping[str, Any]) -> tuple[NamedRule, ...]:
    datasets = {
        name: Dataset.model_construct(name=name, columns={c: Column(type=kind) for c, kind in columns.items()})
        for name, columns in (("flights", FLIGHTS), ("planes", PLANES))
    }
    flights = datasets["flights"].model_copy(update={"rules": {"rule": Rule.model_validate(declared)}})
    return rules_of(flights, datasets)


def _yaml(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, Mapping):
        return ", ".join(
            f"{key}: {{{_yaml(inner)}}}" if isinstance(inner, Mapping) else f"{key}: {_yaml(inner)}"
            for key, inner in value.items()
        )
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    return f'"{value}"' if isinstance(value, str) and not value.replace(".", "").isidentifier() else str(value)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), "utf-8")
