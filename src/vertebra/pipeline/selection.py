"""Selects steps: dbt's selection grammar, plus ``zone:`` and ``source:``.

trusted.flights        one step                 flights           its steps in all zones
+trusted.flights       and all upstream steps   trusted.flights+  and all downstream steps
2+trusted.flights+1    at most so many edges    trusted.*         wildcards * ? [ ]
zone:trusted  tag:x  source:bts                 by property
state:modified         declaration or code changed since the last run, or never run
a,b                    both (intersection)      a b               either (union)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from vertebra.errors import SelectionError
from vertebra.pipeline.steps import STEP_KINDS
from vertebra.suggestions import did_you_mean_table

if TYPE_CHECKING:
    from vertebra.pipeline.graph import Graph

_TERM: Final = re.compile(r"(?:(?P<up>\d*)(?P<plus>\+))?(?P<body>[^+]+)(?:(?P<minus>\+)(?P<down>\d*))?")
_METHODS: Final = ("zone", "tag", "source", "state")

Modified = Callable[[], set[str]]


def select(
    graph: Graph, wanted: Sequence[str] = (), excluded: Sequence[str] = (), modified: Modified = set
) -> list[str]:
    """The selected steps, in the order they run.

    Args:
        wanted: selections, joined by union; none selects every step.
        excluded: selections to take away.
        modified: called when ``state:modified`` is used; gives the steps that changed.

    Raises:
        SelectionError: a term matches no step, an intersection is empty, or every selected step is taken away. Only
            ``state:`` may select nothing.
    """
    chosen = _union(graph, wanted, modified) if any(wanted) else set(graph.steps)
    left = chosen - _union(graph, excluded, modified)
    if chosen and not left and not any("state:" in selection for selection in excluded):
        raise SelectionError(
            "no step is left",
            cause=f"--exclude {' '.join(excluded)} leaves out all {len(chosen)} selected steps",
            remedy="vertebra ls --select … shows what a selection has",
        )
    return [name for name in graph.steps if name in left]


def _union(graph: Graph, selections: Iterable[str], modified: Modified) -> set[str]:
    found: set[str] = set()
    for selection in " ".join(selections).split():
        terms = selection.split(",")
        both = set.intersection(*(_term(graph, term, modified) for term in terms))
        if not both and not any("state:" in term for term in terms):
            raise SelectionError(
                f"{selection} selects nothing",
                cause=f"a comma selects the steps that {' and '.join(terms)} have in common, and there are none",
                remedy=f"to select the steps of each, separate them by a space: --select {' '.join(terms)!r}",
            )
        found |= both
    return found


def _term(graph: Graph, term: str, modified: Modified) -> set[str]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise SelectionError(
            f"{term!r} is not a selection",
            cause="a selection is a name with an optional + before or after it",
            remedy="vertebra ls --help shows the grammar",
        )
    body = match["body"]
    found = _body(graph, body, modified)
    reached = set(found)
    for name in found:
        if match["plus"]:
            reached |= graph.upstream(name, int(match["up"]) if match["up"] else None)
        if match["minus"]:
            reached |= graph.downstream(name, int(match["down"]) if match["down"] else None)
    return reached


def _body(graph: Graph, body: str, modified: Modified) -> set[str]:
    method, colon, value = body.partition(":")
    if not colon:
        return _by_name(graph, body)
    if method not in _METHODS:
        raise SelectionError(
            f"there is no selection method {method!r}",
            cause=f"the methods are {', '.join(f'{m}:' for m in _METHODS)}",
            remedy=did_you_mean_table(method, _METHODS, "vertebra ls --help shows the grammar"),
        )
    steps = graph.steps.values()
    match method:
        case "zone":
            found, known = {s.name for s in steps if fnmatchcase(s.zone, value)}, set(STEP_KINDS)
        case "tag":
            found = {s.name for s in steps if any(fnmatchcase(tag, value) for tag in s.tags)}
            known = {tag for s in steps for tag in s.tags}
        case "source":
            found = {s.name for s in steps if s.source and fnmatchcase(s.source, value)}
            known = {s.source for s in steps if s.source}
        case _:
            if value != "modified":
                raise SelectionError(f"there is no state {value!r}", cause="the only state is state:modified")
            return modified()
    if not found and value not in known:
        raise SelectionError(
            f"{body} selects nothing",
            cause=f"the {method}s are {', '.join(sorted(known))}" if known else f"no step has a {method}",
            remedy=did_you_mean_table(value, known, "vertebra ls lists the steps"),
        )
    return found


def _by_name(graph: Graph, pattern: str) -> set[str]:
    if pattern in graph.steps:
        return {pattern}
    found = {
        step.name
        for step in graph.steps.values()
        if fnmatchcase(step.name, pattern)
        or fnmatchcase(step.subject, pattern)
        or any(fnmatchcase(output, pattern) for output in step.outputs)
    }
    if found:
        return found
    if pattern in STEP_KINDS:
        remedy = f"did you mean zone:{pattern}?"
    else:
        remedy = did_you_mean_table(pattern, graph.steps, "vertebra ls lists the steps")
    raise SelectionError(f"there is no step {pattern!r}", remedy=remedy)
