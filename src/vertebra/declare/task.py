"""``task:`` of an analysis: what kind of question it answers.

The tasks are in :mod:`vertebra.analysis.tasks`, one module each, with their metrics, baseline, plots and checks. They
are found by name, so that declarations import no task that they do not name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from vertebra.registry import Registry

if TYPE_CHECKING:
    from vertebra.declare.metrics import Metric


class DeclaredTask(Protocol):
    """The part of a task that declarations need."""

    @property
    def name(self) -> str:
        """The name in ``task:``."""
        ...

    @property
    def metrics(self) -> Sequence[Metric]:
        """The metrics, in the order in which reports show them."""
        ...

    def problems(self, analysis: Any) -> Iterator[str]:
        """What the task needs and the declaration lacks, or what it has and the task cannot use."""
        ...


TASKS: Final[Registry[DeclaredTask]] = Registry(
    "task",
    package="vertebra.analysis.tasks",
    variable="TASK",
    member="vertebra.analysis.task_port:Task",
    group="vertebra.tasks",
)
"""The tasks by name; other distributions add theirs with the entry point group ``vertebra.tasks``."""


def metrics_of(task: str) -> list[Metric]:
    """The metrics of a task, in the order in which reports show them."""
    return list(TASKS[task].metrics)


class OfTask(Protocol):
    """The part of an analysis that says what it is scored by."""

    @property
    def task(self) -> str:
        """The name of the task."""
        ...

    @property
    def metric(self) -> str:
        """The name of the metric."""
        ...


def metric_of(analysis: OfTask) -> Metric:
    """The metric that the candidates of an analysis are compared by."""
    return metric_named(analysis.task, analysis.metric)


def metric_named(task: str, name: str) -> Metric:
    """A metric of a task.

    Raises:
        KeyError: the task has no such metric.
    """
    return {metric.name: metric for metric in TASKS[task].metrics}[name]


def all_metrics() -> Mapping[str, Metric]:
    """The metrics of all tasks by name; one that several tasks have is that of the first."""
    found: dict[str, Metric] = {}
    for task in TASKS.values():
        for metric in task.metrics:
            found.setdefault(metric.name, metric)
    return found
