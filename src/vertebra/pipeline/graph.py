"""The graph of steps: which step reads the tables of which other, and the order to run them in."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from vertebra.errors import DeclarationError
from vertebra.pipeline.steps import STEP_KINDS, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Graph:
    """Steps and the edges between them.

    Args:
        steps: with unique names. An input that no step writes is allowed; a run reports it when it does not exist.

    Raises:
        DeclarationError: two steps write one table, or steps read each other in a circle.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self._producers: dict[str, Step] = {}
        listed = list(steps)
        for step in listed:
            for output in step.outputs:
                self._claim(output, step)
        self.parents: Mapping[str, frozenset[str]] = {
            step.name: frozenset(self._producers[name].name for name in step.inputs if name in self._producers)
            for step in listed
        }
        by_name = {step.name: step for step in listed}
        self.steps: Mapping[str, Step] = {name: by_name[name] for name in self._order(by_name)}
        children: dict[str, set[str]] = {name: set() for name in self.steps}
        for name, parents in self.parents.items():
            for parent in parents:
                children[parent].add(name)
        self.children: Mapping[str, frozenset[str]] = {name: frozenset(found) for name, found in children.items()}

    def producer(self, table: str) -> Step | None:
        """The step that writes a table, or None."""
        return self._producers.get(table)

    def upstream(self, name: str, depth: int | None = None) -> set[str]:
        """The steps that a step depends on, at most ``depth`` edges away."""
        return _reach(self.parents, name, depth)

    def downstream(self, name: str, depth: int | None = None) -> set[str]:
        """The steps that depend on a step, at most ``depth`` edges away."""
        return _reach(self.children, name, depth)

    def _claim(self, output: str, step: Step) -> None:
        other = self._producers.setdefault(output, step)
        if other is not step:
            raise DeclarationError(
                f"two declarations write {output}",
                cause=f"{other.name} and {step.name} have the same output",
                remedy="rename one of them",
            )

    def _order(self, steps: Mapping[str, Step]) -> list[str]:
        """Every step after the steps it depends on; steps that are ready by zone, then as declared."""
        rank = {name: (STEP_KINDS.index(step.zone), place) for place, (name, step) in enumerate(steps.items())}
        sorter = TopologicalSorter(self.parents)
        try:
            sorter.prepare()
        except CycleError as error:
            circle = " → ".join(reversed(error.args[1]))
            raise DeclarationError(
                f"these steps read each other in a circle: {circle}",
                cause="a table cannot depend on itself",
                remedy="remove one of the inputs, or split a view in two",
            ) from None
        order: list[str] = []
        ready: set[str] = set()
        while sorter.is_active():
            ready.update(sorter.get_ready())
            first = min(ready, key=rank.__getitem__)
            ready.remove(first)
            order.append(first)
            sorter.done(first)
        return order


def _reach(edges: Mapping[str, frozenset[str]], start: str, depth: int | None) -> set[str]:
    found: set[str] = set()
    frontier = {start}
    while frontier and (depth is None or depth > 0):
        frontier = {there for here in frontier for there in edges[here]} - found
        found |= frontier
        depth = None if depth is None else depth - 1
    return found
