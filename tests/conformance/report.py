"""What the corpus says, for users (`docs/reference/sql-support.md`) and for the checker of their SQL (`support.json`)."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import yaml

from conformance.answers import is_error
from conformance.corpus import FOLDER, Entry, entries, tables
from conformance.record import ANSWERS, UNCHECKED, recorded, recorded_outcomes
from conformance.signatures import BY_LITERAL, Signature, signature
from conformance.translation import calls
from vertebra.spark_sql.alternatives import alternative
from vertebra.spark_sql.types import family_of

ROOT: Final = Path(__file__).parents[2]
SUPPORT: Final = ROOT / "src" / "vertebra" / "spark_sql" / "support.json"
PAGE: Final = ROOT / "docs" / "reference" / "sql-support.md"
LEFT_OUT: Final = FOLDER / "left_out.yaml"

SILENT: Final = ("differs", "sail_accepts")
_WORST: Final = ("equal", "rewritten", "fails", "invalid", "refused", "refuses", "differs")


@dataclass
class Function:
    """What is known of a function or an operator.

    Attributes:
        outcomes: the worst outcome of the entries of a signature.
        answered: signatures of which an entry has a right value.
        results: the types that Apache Spark gives.
        examples: for an outcome that is not `equal`, the first entry that shows it.
    """

    outcomes: dict[Signature, str] = field(default_factory=dict)
    answered: set[Signature] = field(default_factory=set)
    results: set[str] = field(default_factory=set)
    examples: dict[str, tuple[Entry, dict[str, Any]]] = field(default_factory=dict)


@dataclass
class Findings:
    """What the corpus says, by function and for what is about more than one function."""

    functions: dict[str, Function]
    by_rule: list[tuple[Entry, dict[str, Any]]]
    stops: list[tuple[Entry, dict[str, Any]]]
    others: list[tuple[Entry, dict[str, Any]]]
    counts: Counter[str]


def findings(outcomes: Mapping[str, dict[str, Any]] | None = None) -> Findings:
    """What answers and outcomes say.

    Args:
        outcomes: the outcomes by entry; the recorded ones by default.
    """
    content, truth = tables(), recorded()
    outcomes = recorded_outcomes() if outcomes is None else outcomes
    functions: defaultdict[str, Function] = defaultdict(Function)
    by_rule, stops, others, counts = [], [], [], Counter[str]()
    signatures = {one.name: signature(one, content.get(one.table)) for one in entries()}
    valid = {signatures[one.name] for one in entries() if "refused" not in truth[one.name]}
    for entry in entries():
        answer, outcome = truth[entry.name], outcomes.get(entry.name, {"outcome": "equal"})
        key = _key(entry, answer, outcome)
        if outcome["outcome"] == "sail_refuses" and outcome["rows"]:
            stops.append((entry, outcome))
            counts["stops at some values"] += 1
        else:
            counts["no engine answers" if key == "equal" and "refused" in answer else outcome["outcome"]] += 1
        if outcome["outcome"] == "refused" and not outcome["recorded"]:
            by_rule.append((entry, outcome))
        found = signatures[entry.name]
        if found is None:
            if key != "equal":
                others.append((entry, outcome))
            continue
        function = functions[found.name]
        if "refused" in answer:
            if found in valid:  # refused for a reason that its types do not show
                continue
            key = "invalid"
        before = function.outcomes.get(found, "equal")
        function.outcomes[found] = max(before, key, key=_WORST.index)
        if _has_right_value(answer, outcome):
            function.answered.add(found)
        if answer.get("type"):
            function.results.add(answer["type"])
        if key != "equal":
            function.examples.setdefault(key, (entry, outcome))
    for function in functions.values():
        for found, key in function.outcomes.items():
            # it stops for every value that is not NULL, or for those that it is there for
            if key == "fails" and (found not in function.answered or found.name.startswith("try_")):
                function.outcomes[found] = "refuses"
    _add_inner_functions(functions, content, truth, outcomes)
    return Findings(dict(sorted(functions.items())), by_rule, stops, others, counts)


def _add_inner_functions(
    functions: dict[str, Function],
    content: Mapping[str, pa.Table],
    truth: Mapping[str, Mapping[str, Any]],
    outcomes: Mapping[str, dict[str, Any]],
) -> None:
    """Add the functions that are only asked about within others, such as ``size(collect_set(x))``.

    Of a right answer, the outermost function is added for types that are not asked about by themselves.
    """
    alone = {name for name, function in functions.items() if function.outcomes}
    asked = {one for function in functions.values() for one in function.outcomes}
    for entry in entries():
        answer = truth[entry.name]
        if not entry.table or "refused" in answer or signature(entry, content[entry.table]) is not None:
            continue
        outcome = outcomes.get(entry.name, {"outcome": "equal"})
        key = _key(entry, answer, outcome)
        for place, call in enumerate(calls(entry, content)):
            if not call.is_function or None in call.kinds:
                continue
            found = Signature(call.variant, tuple(filter(None, map(family_of, call.kinds))))
            right = place == 0 and outcome["outcome"] in ("equal", "rewritten") and call.name not in BY_LITERAL
            if call.variant not in alone or (right and found not in asked):
                function = functions.setdefault(call.variant, Function())
                function.outcomes[found] = max(function.outcomes.get(found, "equal"), key, key=_WORST.index)


def _has_right_value(answer: Mapping[str, Any], outcome: Mapping[str, Any]) -> bool:
    """Whether Sail gives a value of Apache Spark's answer that is not NULL."""
    match outcome["outcome"]:
        case "equal" | "rewritten" | "refused":
            return True
        case "sail_refuses" if outcome["rows"]:
            failing = set(outcome["rows"])
            rows = enumerate(answer["rows"])
            return any(row is not None and not is_error(row) and place not in failing for place, row in rows)
    return False


def _key(entry: Entry, answer: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    """The outcome as the checker counts it."""
    match outcome["outcome"]:
        case "sail_refuses" if all(row is None or is_error(row) for row in answer.get("rows", ())):
            return "fails"  # a division by the literal zero: Apache Spark finds no value either
        case "sail_refuses":
            return "fails" if outcome["rows"] else "refuses"
        case "sail_accepts":
            return "differs"
        case "refused" if not outcome["recorded"]:
            return "equal"  # by a rule, which looks at more than the types
        case other:
            return str(other)


def support(found: Findings) -> str:
    """The data of the checker, as JSON with a line for each function."""
    functions = {name: _supported(function) for name, function in found.functions.items()}
    only_spark = [
        entry.text for entry, outcome in found.others if not entry.table and outcome["outcome"] == "sail_refuses"
    ]
    body = ",\n".join(f"  {json.dumps(name)}: {json.dumps(one)}" for name, one in functions.items())
    queries = ",\n".join(f"  {json.dumps(text)}" for text in only_spark)
    return f'{{"functions": {{\n{body}\n}}, "spark_only": [\n{queries}\n]}}\n'


def _supported(function: Function) -> dict[str, Any]:
    made: dict[str, Any] = {key: [] for key in _WORST}
    literal: dict[str, Any] = {key: [] for key in _WORST}
    for of, outcome in sorted(function.outcomes.items()):
        if of.literal:
            literal[outcome].append([list(of.types), of.literal])
        else:
            made[outcome].append(list(of.types))
    made = {key: value for key, value in made.items() if value or key in ("equal", "differs")}
    if any(literal.values()):
        made["by_literal"] = {key: value for key, value in literal.items() if value}
    made["missing"] = (
        bool(function.outcomes)
        and set(function.outcomes.values()) <= {"refuses", "refused", "invalid"}
        and "refuses" in function.outcomes.values()
    )
    if len(function.results) == 1:
        made["result"] = next(iter(function.results))
    return made


def left_out() -> dict[str, list[str]]:
    """The functions of Apache Spark that the corpus leaves out, by reason."""
    found: dict[str, list[str]] = yaml.safe_load(LEFT_OUT.read_text("utf-8"))
    return found


def page(found: Findings) -> str:
    """The reference for users, in Markdown."""
    parts = (
        _head(found), _equal(found), _rewritten(found), _stops(found), _refused(found), _only_spark(found),
        _others(found),
    )  # fmt: skip
    return "\n".join([*(line for part in parts for line in part), *_left_out()]) + "\n"


def _head(found: Findings) -> Iterator[str]:
    version = (ANSWERS / "version.txt").read_text("utf-8").strip()
    yield from (
        "# Spark SQL on the embedded engine",
        "",
        "<!-- Made by `make conformance` from the recorded answers of both engines; edit tests/conformance/report.py instead. -->",
        "",
        f"Views, features, rules and `set` are written in Spark SQL. Apache Spark {version} in ANSI mode, with the session's",
        "time zone UTC, says what an expression means. The embedded engine (Sail) is asked the same, over tables of hard",
        "values: NULL, NaN, infinity, the edges of every type, non-ASCII text, the years 1, 1582 and 9999, changes of",
        "daylight saving time. This page lists the result for every function, by the types of its arguments.",
        "",
        "| outcome | entries | meaning |",
        "|---|---:|---|",
    )
    meanings = {
        "equal": "both engines give the same value of the same type, or an error for the same rows",
        "rewritten": "Vertebra sends the embedded engine another expression, which gives Apache Spark's answer",
        "refused": "Vertebra refuses it when it loads the project; with `--engine sc://…` it runs",
        "stops at some values": "the embedded engine stops with an error at values that Apache Spark answers; it never gives"
        " another value ([below](#stops-at-some-values))",
        "sail_refuses": "only Apache Spark answers; the embedded engine stops with an error",
        "sail_accepts": "Apache Spark stops with an error, the embedded engine gives a value",
        "differs": "the engines give different values or types",
        "no engine answers": "not valid in Spark SQL, for example `abs` of a date",
    }
    for outcome, meaning in meanings.items():
        if found.counts[outcome]:
            yield f"| {outcome.replace('sail_', 'embedded engine ')} | {found.counts[outcome]} | {meaning} |"
    yield ""


def _equal(found: Findings) -> Iterator[str]:
    yield from (
        "## Equal",
        "",
        "Both engines give the same value of the same type, or an error for the same rows. Types are named without their",
        "parameters, arrays with the family of their elements. A literal is named where it decides. Suffixes: `distinct`,",
        "`filter`, `within group`; `over`, a window without a frame; `over rows` and `over range`, with one; `by value`, with",
        "a frame of so many units before or after. `all` stands for all types that Apache Spark takes. For a type in",
        "brackets, the embedded engine stops with an error at some of the hard values; it never gives another value.",
        "",
        "| function | types of the arguments |",
        "|---|---|",
    )
    for name, function in found.functions.items():
        types = _types(function, ("equal",))
        failing = _types(function, ("fails",))
        if types or failing:
            every = types and set(function.outcomes.values()) <= {"equal", "invalid"}
            shown = "all" if every else "; ".join(filter(None, (types, failing and f"({failing})")))
            yield f"| `{_cell(name)}` | {shown} |"
    yield ""


def _rewritten(found: Findings) -> Iterator[str]:
    yield from (
        "## Rewritten",
        "",
        "Vertebra sends the embedded engine another expression, which gives Apache Spark's answer.",
        "",
        "| function | types of the arguments | for example | is sent as |",
        "|---|---|---|---|",
    )
    for name, function in found.functions.items():
        types = _types(function, ("rewritten",))
        if types:
            shown = " | "
            if "rewritten" in function.examples:
                entry, outcome = function.examples["rewritten"]
                sent = _cell(_short(outcome.get("sql", ""), 150))
                shown = f"`{_cell(entry.text)}` over `{entry.table}` | `{sent}`"
            yield f"| `{_cell(name)}` | {types} | {shown} |"
    yield ""


def _stops(found: Findings) -> Iterator[str]:
    yield from (
        "## Stops at some values",
        "",
        "These depend on the data, so they cannot be refused when the project is loaded. At the values that are shown, and at",
        "values like them, the embedded engine stops with an error and the step fails; Apache Spark answers. For all other",
        "values the answers are equal. An overflow, a division by zero or a text that cannot be cast stops both engines, and",
        "is not listed.",
        "",
        "| SQL | stops at, for example | Apache Spark answers | values |",
        "|---|---|---|---:|",
    )
    content = tables()
    for entry, outcome in sorted(found.stops, key=lambda one: (one[0].table, one[0].text)):
        yield (
            f"| `{_cell(entry.text)}` over `{entry.table}` | {_value(entry, outcome, content)} "
            f"| `{_cell(_short(str(outcome['spark']), 40))}` | {len(outcome['rows'])} |"
        )
    yield ""


def _value(entry: Entry, outcome: Mapping[str, Any], content: Mapping[str, pa.Table]) -> str:
    """The first row at which the embedded engine stops: the columns that the entry reads."""
    if entry.kind != "rows":
        return "some groups of rows"
    [row] = content[entry.table].slice(outcome["rows"][0], 1).to_pylist()
    read = [name for name in row if re.search(rf"\b{re.escape(name)}\b", entry.text)]
    return ", ".join(f"`{name} = {_cell(_short(repr(row[name]), 40))}`" for name in read)


def _refused(found: Findings) -> Iterator[str]:
    yield from (
        "## Refused, and what to write instead",
        "",
        "Vertebra refuses these when it loads the project, with file, line and place, and the message says what to write",
        "instead. With `--engine sc://…` they run.",
        "",
        "| function | types of the arguments | write instead |",
        "|---|---|---|",
    )
    for name, function in found.functions.items():
        types = _types(function, ("differs", "refused"))
        if types:
            example = function.examples.get("refused")
            instead = (example[1].get("instead") if example else "") or alternative(name, _known(function))
            yield f"| `{_cell(name)}` | {types} | {_cell(instead)} |"
    yield from (
        "",
        "Some calls and queries are refused for their values or their form:",
        "",
        "| refused | for example | write instead |",
        "|---|---|---|",
    )
    seen: set[tuple[str, str]] = set()
    for entry, outcome in found.by_rule:
        fact, remedy = outcome["because"], outcome["instead"]
        if not remedy:  # it does not parse
            continue
        kind = re.sub(r"'.*?'|\d+|\(.*?\)|\b(decimal|int|bigint|double|float|string|date|timestamp)\b", "", fact)
        if (kind, remedy.partition(" ")[0]) not in seen:
            seen.add((kind, remedy.partition(" ")[0]))
            yield f"| {_cell(fact)} | `{_cell(_short(entry.text, 100))}` | {_cell(remedy)} |"
    yield ""


def _only_spark(found: Findings) -> Iterator[str]:
    yield from (
        "## Only Apache Spark",
        "",
        "The embedded engine does not have these, or stops with an error whatever the values are.",
        "",
        "| function | types of the arguments | write instead |",
        "|---|---|---|",
    )
    for name, function in found.functions.items():
        types = _types(function, ("refuses",))
        if types:
            yield f"| `{_cell(name)}` | {types} | {_cell(alternative(name, _known(function)))} |"
    yield ""


def _known(function: Function) -> list[tuple[str, ...]]:
    """The types for which both engines are known to agree."""
    return [of.types for of, outcome in function.outcomes.items() if outcome in ("equal", "rewritten", "fails")]


def _types(function: Function, outcomes: Sequence[str]) -> str:
    """The types of arguments with one of some outcomes; a literal where it decides."""
    by_types: defaultdict[tuple[str, ...], list[Signature]] = defaultdict(list)
    for of in sorted(function.outcomes):
        by_types[of.types].append(of)
    texts = []
    for types, alike in by_types.items():
        matching = [of for of in alike if function.outcomes[of] in outcomes]
        if not matching:
            continue
        literals = [f"`{_cell(of.literal)}`" for of in matching if of.literal] if len(matching) < len(alike) else []
        texts.append(" ".join([", ".join(types) or "no arguments", ", ".join(literals)]).strip())
    return "; ".join(texts)


def _others(found: Findings) -> Iterator[str]:
    yield from (
        "## Queries and expressions of several functions",
        "",
        "What is not listed is equal.",
        "",
        "| outcome | SQL | write instead |",
        "|---|---|---|",
    )
    for entry, outcome in sorted(found.others, key=lambda one: (one[1]["outcome"], one[0].table, one[0].text)):
        over = f" over `{entry.table}`" if entry.table else ""
        shown = outcome["outcome"].replace("sail_", "embedded engine ")
        yield f"| {shown} | `{_cell(entry.text)}`{over} | {_cell(outcome.get('instead', ''))} |"
    yield ""


def _left_out() -> Iterator[str]:
    yield from ("## Functions that views cannot use", "", "| why | functions |", "|---|---|")
    for reason, names in left_out().items():
        yield f"| {reason} | {', '.join(f'`{name}`' for name in names)} |"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "\\n").replace("\t", "\\t").replace("\0", "\\0").replace("`", "'")


def write() -> None:
    """Write both."""
    SUPPORT.write_text(support(findings(recorded_outcomes(UNCHECKED))), "utf-8")
    PAGE.write_text(page(findings()), "utf-8")
