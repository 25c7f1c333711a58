"""The graph of steps and the selection grammar, on steps made up for the purpose."""

from __future__ import annotations

import pytest

from vertebra.errors import DeclarationError, SelectionError
from vertebra.pipeline.graph import Graph
from vertebra.pipeline.selection import select
from vertebra.pipeline.steps import Step
from vertebra.suggestions import similar_tables


def step(name: str, *inputs: str, tags: tuple[str, ...] = (), source: str | None = None) -> Step:
    return Step(name, inputs, (name,), None, tags, source)


@pytest.fixture
def graph() -> Graph:
    """Two datasets, a reconciliation and a view over them, and an analysis; declared the wrong way round."""
    return Graph(
        [
            step("analysis.late", "exploitation.departures"),
            step("exploitation.departures", "trusted.flights", "exploitation.carriers", tags=("nightly",)),
            step("exploitation.carriers", "trusted.airlines"),
            step("trusted.flights", "formatted.flights", "formatted.airlines", tags=("big",), source="bts"),
            step("trusted.airlines", "formatted.airlines", source="bts"),
            step("formatted.flights", "landing.flights", tags=("big",), source="bts"),
            step("formatted.airlines", "landing.airlines", source="bts"),
            step("landing.flights", tags=("big",), source="bts"),
            step("landing.airlines", source="bts"),
        ]
    )


def test_a_step_comes_after_all_it_reads(graph: Graph) -> None:
    place = {name: number for number, name in enumerate(graph.steps)}
    assert all(place[parent] < place[name] for name, parents in graph.parents.items() for parent in parents)


def test_ready_steps_go_zone_by_zone(graph: Graph) -> None:
    zones = [step.zone for step in graph.steps.values()]
    assert zones == sorted(zones, key=["landing", "formatted", "trusted", "exploitation", "analysis"].index)


def test_a_circle_is_refused_and_shown() -> None:
    with pytest.raises(DeclarationError, match=r"exploitation\.\w → exploitation\.\w → exploitation\.\w"):
        Graph([step("exploitation.a", "exploitation.b"), step("exploitation.b", "exploitation.a")])


def test_two_steps_cannot_write_one_table() -> None:
    first = Step("exploitation.x", (), ("exploitation.t",), None)
    second = Step("exploitation.y", (), ("exploitation.t",), None)
    with pytest.raises(DeclarationError, match=r"two declarations write exploitation\.t"):
        Graph([first, second])


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("trusted.flights", {"trusted.flights"}),
        ("flights", {"landing.flights", "formatted.flights", "trusted.flights"}),
        ("trusted.*", {"trusted.flights", "trusted.airlines"}),
        ("*.air*", {"landing.airlines", "formatted.airlines", "trusted.airlines"}),
        ("zone:exploitation", {"exploitation.departures", "exploitation.carriers"}),
        ("tag:big", {"landing.flights", "formatted.flights", "trusted.flights"}),
        ("tag:big,zone:trusted", {"trusted.flights"}),
        ("tag:nightly zone:analysis", {"exploitation.departures", "analysis.late"}),
        ("+trusted.airlines", {"landing.airlines", "formatted.airlines", "trusted.airlines"}),
        ("1+trusted.airlines", {"formatted.airlines", "trusted.airlines"}),
        ("exploitation.carriers+", {"exploitation.carriers", "exploitation.departures", "analysis.late"}),
        ("trusted.airlines+1", {"trusted.airlines", "exploitation.carriers"}),
        ("source:bts,zone:landing", {"landing.flights", "landing.airlines"}),
        ("+analysis.late,zone:analysis", {"analysis.late"}),
    ],
)
def test_a_selection_means_what_dbt_users_expect(graph: Graph, selection: str, expected: set[str]) -> None:
    assert set(select(graph, [selection])) == expected


def test_no_selection_means_every_step_in_order(graph: Graph) -> None:
    assert select(graph) == list(graph.steps)
    assert select(graph, [""], [""]) == list(graph.steps)


def test_excluded_steps_are_taken_away(graph: Graph) -> None:
    assert select(graph, ["+trusted.airlines"], ["zone:landing"]) == ["formatted.airlines", "trusted.airlines"]


def test_modified_steps_are_asked_for_only_when_used(graph: Graph) -> None:
    def fail() -> set[str]:
        raise AssertionError

    assert select(graph, ["trusted.flights"], modified=fail) == ["trusted.flights"]
    chosen = select(graph, ["state:modified+"], modified=lambda: {"exploitation.carriers"})
    assert chosen == ["exploitation.carriers", "exploitation.departures", "analysis.late"]


@pytest.mark.parametrize(
    ("selection", "hint"),
    [
        ("trusted.fligths", "trusted.flights"),
        ("exploitation.flights", "trusted.flights"),
        ("trusted", "zone:trusted"),
        ("tag:bigg", "big"),
        ("zones:trusted", "zone"),
        ("zone:trustd", "trusted"),
        ("state:new", "state:modified"),
        ("+", "selection"),
    ],
)
def test_an_unknown_selection_is_refused_with_near_names(graph: Graph, selection: str, hint: str) -> None:
    with pytest.raises(SelectionError, match=hint):
        select(graph, [selection])


def test_a_tag_that_is_used_nowhere_near_says_what_there_is(graph: Graph) -> None:
    with pytest.raises(SelectionError, match="big, nightly"):
        select(graph, ["tag:zzz"])


def test_near_names_prefer_the_same_name_in_another_zone() -> None:
    assert (
        similar_tables("trusted.departures", ["exploitation.departures", "trusted.airlines"])[0]
        == "exploitation.departures"
    )
