"""What the corpus says, for users (`docs/reference/sql-support.md`) and for the checker of their SQL (`support.json`)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from conformance.answers import is_error
from conformance.corpus import FOLDER, Entry, entries, tables
from conformance.record import ANSWERS, recorded, recorded_outcomes
from conformance.signatures import Signature, signature

ROOT: Final = Path(__file__).parents[2]
SUPPORT: Final = ROOT / "src" / "vertebra" / "spark_sql" / "support.json"
PAGE: Final = ROOT / "docs" / "reference" / "sql-support.md"
LEFT_OUT: Final = FOLDER / "left_out.yaml"

SILENT: Final = ("differs", "sail_accepts")
_KEYS: Final = {"sail_accepts": "differs", "sail_refuses": "refuses"}
_WORST: Final = ("equal", "rewritten", "refused", "refuses", "differs")


@dataclass
class Function:
    """What is known of a function or an operator.

    Attributes:
        outcomes: the worst outcome of the entries of a signature.
        results: the types that Apache Spark gives.
        examples: for an outcome that is not `equal`, the first entry that shows it.
    """

    outcomes: dict[Signature, str] = field(default_factory=dict)
    results: set[str] = field(default_factory=set)
    examples: dict[str, tuple[Entry, dict[str, Any]]] = field(default_factory=dict)


@dataclass
class Findings:
    """What the corpus says, by function and for what is about more than one function."""

    functions: dict[str, Function]
    others: list[tuple[Entry, dict[str, Any]]]
    counts: Counter[str]


def findings() -> Findings:
    """Read the recorded answers and outcomes."""
    content, truth, outcomes = tables(), recorded(), recorded_outcomes()
    functions: defaultdict[str, Function] = defaultdict(Function)
    others, counts = [], Counter[str]()
    for entry in entries():
        answer, outcome = truth[entry.name], outcomes.get(entry.name, {"outcome": "equal"})
        key = _KEYS.get(outcome["outcome"], outcome["outcome"])
        counts["no engine answers" if key == "equal" and "refused" in answer else outcome["outcome"]] += 1
        found = signature(entry, content.get(entry.table))
        if found is None:
            if key != "equal":
                others.append((entry, outcome))
            continue
        if "refused" in answer and key == "equal":
            functions[found.name]
            continue
        function = functions[found.name]
        before = function.outcomes.get(found, "equal")
        function.outcomes[found] = max(before, key, key=_WORST.index)
        if answer.get("type"):
            function.results.add(answer["type"])
        if key != "equal":
            function.examples.setdefault(key, (entry, outcome))
    return Findings(dict(sorted(functions.items())), others, counts)


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
    made["missing"] = bool(function.outcomes) and set(function.outcomes.values()) == {"refuses"}
    if len(function.results) == 1:
        made["result"] = next(iter(function.results))
    return made


def left_out() -> dict[str, list[str]]:
    """The functions of Apache Spark that the corpus leaves out, by reason."""
    found: dict[str, list[str]] = yaml.safe_load(LEFT_OUT.read_text("utf-8"))
    return found


def page(found: Findings) -> str:
    """The reference for users, in Markdown."""
    return "\n".join([*_head(found), *_functions(found), *_others(found), *_left_out()]) + "\n"


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
        "sail_refuses": "only Apache Spark answers; the embedded engine stops with an error",
        "sail_accepts": "Apache Spark stops with an error, the embedded engine gives a value",
        "differs": "the engines give different values or types",
        "no engine answers": "not valid in Spark SQL, for example `abs` of a date",
    }
    for outcome, meaning in meanings.items():
        if found.counts[outcome]:
            yield f"| {outcome.replace('sail_', 'embedded engine ')} | {found.counts[outcome]} | {meaning} |"
    yield ""


def _functions(found: Findings) -> Iterator[str]:
    yield from (
        "## Functions and operators",
        "",
        "Types are named without their parameters. A literal is named where it decides. Suffixes: `distinct`, `filter`,",
        "`within group`; `over`, a window without a frame; `over rows` and `over range`, with one; `by value`, with a frame",
        "of so many units before or after. A function that is equal for all types that Apache Spark accepts says `all`.",
        "",
        "| function | equal or rewritten | not equal | only Apache Spark | for example |",
        "|---|---|---|---|---|",
    )
    for name, function in found.functions.items():
        if not function.outcomes:
            continue
        columns = [
            _types(function, ("equal", "rewritten")),
            _types(function, ("differs",)),
            _types(function, ("refuses", "refused")),
        ]
        if not columns[1] and not columns[2]:
            columns[0] = "all"
        example = function.examples.get("differs")
        yield f"| `{_cell(name)}` | {' | '.join(columns)} | {_example(*example) if example else ''} |"
    yield ""


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


def _example(entry: Entry, outcome: Mapping[str, Any]) -> str:
    shown = f"`{_cell(entry.text)}` over `{entry.table}`"
    if "spark" not in outcome:
        return shown
    return (
        f"{shown}: `{_cell(_short(outcome['spark']))}` in Apache Spark, `{_cell(_short(outcome['sail']))}` here"
        if "sail" in outcome
        else shown
    )


def _others(found: Findings) -> Iterator[str]:
    yield from (
        "## Queries and expressions of several functions",
        "",
        "What is not listed is equal.",
        "",
        "| outcome | SQL |",
        "|---|---|",
    )
    for entry, outcome in sorted(found.others, key=lambda one: (one[1]["outcome"], one[0].table, one[0].text)):
        over = f" over `{entry.table}`" if entry.table else ""
        yield f"| {outcome['outcome'].replace('sail_', 'embedded engine ')} | `{_cell(entry.text)}`{over} |"
    yield ""


def _left_out() -> Iterator[str]:
    yield from ("## Functions that views cannot use", "", "| why | functions |", "|---|---|")
    for reason, names in left_out().items():
        yield f"| {reason} | {', '.join(f'`{name}`' for name in names)} |"


def _short(value: Any) -> str:
    if is_error(value):
        return str(value["error"]) or "error"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "\\n").replace("\t", "\\t").replace("\0", "\\0").replace("`", "'")


def write() -> None:
    """Write both."""
    found = findings()
    SUPPORT.write_text(support(found), "utf-8")
    PAGE.write_text(page(found), "utf-8")
