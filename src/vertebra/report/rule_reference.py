"""The reference of the language of denial constraints, made from the language itself: ``docs/reference``.

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
from vertebra.denial import DenialConstraint, parse, predicates, recognise, review, written
from vertebra.denial.ast import SYMBOL
from vertebra.denial.classify import MOST_ORDERED, MOST_UNEQUAL
from vertebra.denial.recognise import HOLOCLEAN
from vertebra.errors import RuleError

FLIGHTS: Final = {
    "origin": "string", "dest": "string", "carrier": "string", "tailnum": "string", "distance": "int",
    "dep_time": "int", "arr_time": "int", "dep_delay": "int", "air_time": "int", "time_hour": "timestamp",
}  # fmt: skip
PLANES: Final = {"tailnum": "string", "model": "string", "seats": "int"}

_MEANING: Final = {
    "=": "equal", "!=": "not equal; `<>` is read too", "<": "less", "<=": "at most", ">": "greater", ">=": "at least",
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
    "flights t, planes p: t.tailnum = p.tailnum and p.seats <= 8": "",
    "flights t, planes p: t.tailnum = p.tailnum and t.distance > p.seats": "",
}
"""Rules of each class of the compile table, and what is special about one."""

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
)

_SOURCES: Final = """\
- X. Chu, I. F. Ilyas, P. Papotti: *Discovering Denial Constraints*. PVLDB 6(13), 2013: the language, and what is trivial or implied in it.
- J. Kivinen, H. Mannila: *Approximate inference of functional dependencies from relations*. Theoretical Computer Science 149(1), 1995: g1, g2 and g3.
- J. L. Bentley: *Multidimensional divide-and-conquer*. CACM 23(4), 1980: counting dominated points, which two order predicates ask for.
- Z. Liu, S. Deep, A. Fariha, F. Psallidas, A. Tiwari, A. Floratou: *Rapidash: Efficient Detection of Constraint Violations*. PVLDB 17(8), 2024: denial constraints in near-linear time by range search.
- W. W. Armstrong: *Dependency structures of data base relationships*. IFIP Congress, 1974: which functional dependencies follow from others.
- T. Rekatsinas, X. Chu, I. F. Ilyas, C. Ré: *HoloClean: Holistic data repairs with probabilistic inference*. PVLDB 10(11), 2017: the notation `t1&t2&…`.
"""


def reference() -> str:
    """The page, as Markdown."""
    return "\n".join([*_head(), *_grammar(), *_notations(), *_sugar(), *_review(), *_refusals(), *_compiled()]) + "\n"


def _head() -> Iterator[str]:
    yield "# Denial constraints: reference of the language"
    yield ""
    yield "<!-- Made by `make reference` from the language itself; edit src/vertebra/report/rule_reference.py instead. -->"
    yield ""
    yield "For a first reading see [Denial constraints in ten minutes](../denial-constraints.md)."


def _grammar() -> Iterator[str]:
    grammar = inspect.cleandoc(predicates.__doc__ or "").split("\n\n")[1]
    yield "\n## Grammar\n\n```text"
    yield inspect.cleandoc(grammar)
    yield "```\n"
    yield "A violation makes all predicates true at once. A predicate with NULL is not true, so NULL makes no violation."
    yield "A cast that fails and a division by zero give NULL. Integers are added and multiplied in a type that holds the"
    yield "result, so that no sum wraps around. A quote in a string is written `\\'`.\n"
    yield "| operator | printed | HoloClean | meaning |\n|---|---|---|---|"
    codes = {operator: code for code, operator in HOLOCLEAN.items()}
    for operator, meaning in _MEANING.items():
        yield f"| `{operator}` | {SYMBOL[operator]} | {codes[operator]} | {meaning} |"  # type: ignore[index]
    yield "\nConditions on one tuple, and expressions as operands, in the words of Spark SQL:\n\n```sql"
    yield from (written(_constraint(text)) for text in _CONDITIONS)
    yield "```"


def _notations() -> Iterator[str]:
    yield "\n## Notations\n"
    yield "Each is recognised by how it begins, wherever a rule is taken. Signs of logic may stand in any rule.\n\n```text"
    yield inspect.cleandoc((recognise.__doc__ or "").split("\n\n", 1)[1])
    yield "```\n\n`vertebra ls rules --notation vertebra|logic|holoclean` writes the rules of a project:\n"
    yield "| notation | the same rule |\n|---|---|"
    constraint = _constraint("t.origin = s.origin and t.dest = s.dest and t.distance != s.distance")
    for notation in ("vertebra", "logic", "holoclean"):
        yield f"| {notation} | `{written(constraint, notation)}` |"


def _sugar() -> Iterator[str]:
    yield "\n## Short forms\n"
    yield "Each is another way to write denial constraints; `references` is the one rule that none expresses, for it says"
    yield "that a tuple must exist.\n"
    yield "| in `rules:` | stands for |\n|---|---|"
    for sugar in in_order():
        if sugar.name == "deny":
            continue
        declared = {sugar.name: sugar.example}
        shown = ", ".join(f"`{rule.constraint}`".replace("|", "\\|") for rule in _compiled_rules(declared))
        yield f"| `{_yaml(declared)}` | {shown} |"
    *first, last = (f"`{sugar.name}`" for sugar in of_columns())
    yield "\n`key: [a, b]` of a dataset is `unique`, and `required` for each column."
    yield f"{', '.join(first)} and {last} may stand on a column too."


def _review() -> Iterator[str]:
    rules = {
        "far": "t.distance > 5000",
        "farther": "t.distance > 6000 and t.origin = 'JFK'",
        "near": "t.distance <= 5000",
        "key": "t.tailnum = s.tailnum",
        "carrier": "t.tailnum = s.tailnum and t.carrier != s.carrier",
    }
    yield "\n## What is said of rules before data are read\n"
    yield "A rule that nothing can violate, or that every value violates, is an error: it would pass, or fail, whatever the"
    yield "data are. `vertebra plan`, `debug` and `check` warn of the others:\n"
    yield "| rule | |\n|---|---|"
    yield from (f"| {name} | `{text}` |" for name, text in rules.items())
    yield "\n```text"
    for finding in review([(name, _constraint(text)) for name, text in rules.items()]):
        yield f"rule {finding.rule} is {finding.kind}: {finding.reason}"
    yield "```"


def _refusals() -> Iterator[str]:
    yield "\n## What is refused\n"
    yield "Nothing is guessed: a rule read in another way than it was meant would call a wrong table clean.\n\n```text"
    for text in REFUSED:
        try:
            _constraint(text)
        except RuleError as error:
            yield f"{error}\n"
    yield "```"


def _compiled() -> Iterator[str]:
    from vertebra.trusted.detect import explain

    yield "\n## How rules are checked\n"
    yield "Exactly, in near-linear time, without joining a table with itself: n rows, v of them in groups that violate the"
    yield "rule. The class follows from the predicates between the two tuples; `vertebra check --explain` tells it of yours.\n"
    yield "| class | example | cost | plan |\n|---|---|---|---|"
    for text, special in EXAMPLES.items():
        constraint = _constraint(text)
        (plan,) = explain(constraint.relations[0], ("flights", "planes"), [NamedRule("rule", "deny", constraint)])
        steps = "; ".join(plan.steps).replace("`", "")
        name = f"{plan.constraint_class}, {special}" if special else plan.constraint_class
        yield f"| {name} | `{text}` | {plan.cost} | {steps} |"
    yield f"\nA plan takes {MOST_ORDERED} order predicates and {MOST_UNEQUAL} `!=` between two tuples ({MOST_UNEQUAL - 1} where a tuple may meet the"
    yield "other predicates with itself): a rule with more is refused, with the predicates to leave out."
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
