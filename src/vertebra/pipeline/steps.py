"""The steps of a project: what each reads and writes, and which declaration and code it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from vertebra.zones import DATASET_ZONES, STEP_ZONES, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vertebra.declare.broken import BrokenDeclaration
    from vertebra.declare.project import Project

PUBLISH: Final = "publish"
"""The kind of the steps that send tables out of the lake."""

STEP_KINDS: Final = (*map(str, STEP_ZONES), PUBLISH)
"""The kinds of steps, in the order in which data flows: the zone that a step writes, or ``publish``."""


@dataclass(frozen=True)
class Step:
    """One step of the pipeline.

    Attributes:
        name: ``zone.subject``, e.g. ``trusted.flights``.
        inputs: what it reads: qualified tables, or ``landing.<dataset>`` for the batches of a dataset.
        outputs: the qualified tables it writes; the commit of the last one ends the step. A publish step writes none.
        declaration: the step's declaration, a pydantic model.
        tags: of the declaration.
        source: the data source of a dataset's steps.
        files: the user's code the step runs.
        broken: why the step cannot run: its declaration is broken, or reads a table whose declaration is. It has no
            declaration then.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    declaration: Any
    tags: tuple[str, ...] = ()
    source: str | None = None
    files: tuple[Path, ...] = ()
    broken: BrokenDeclaration | None = None

    @property
    def zone(self) -> str:
        """The zone it writes, or ``publish``; one of :data:`STEP_KINDS`."""
        return self.name.partition(".")[0]

    @property
    def uses_engine(self) -> bool:
        """Whether the step computes; landing and publishing move bytes."""
        return self.zone not in (Zone.LANDING, PUBLISH)

    @property
    def subject(self) -> str:
        """The dataset, reconciliation, view, analysis or publication."""
        return self.name.partition(".")[2]


def steps_of(project: Project) -> list[Step]:
    """All steps of a project, in no particular order."""
    sound = [
        *_dataset_steps(project),
        *_exploitation_steps(project),
        *_analysis_steps(project),
        *_publish_steps(project),
    ]
    return [*sound, *_broken_steps(project, sound)]


def _dataset_steps(project: Project) -> list[Step]:
    from vertebra.trusted.inputs import inputs_of

    found = []
    for name, dataset in project.datasets.items():
        about: dict[str, Any] = {"declaration": dataset, "tags": dataset.tags, "source": dataset.source}
        landing, formatted, trusted = (f"{zone}.{name}" for zone in (Zone.LANDING, *DATASET_ZONES))
        found += [
            Step(landing, (), (landing,), **about),
            Step(formatted, (landing,), (formatted,), **about),
            Step(trusted, inputs_of(dataset, project.datasets), (trusted,), **about),
        ]
    return found


def _exploitation_steps(project: Project) -> list[Step]:
    from vertebra.declare.reconciliation import inputs_of, outputs_of

    found = [
        Step(f"{Zone.EXPLOITATION}.{name}", inputs_of(one), outputs_of(one), one)
        for name, one in project.reconciliations.items()
    ]
    for name, view in project.views.items():
        table = f"{Zone.EXPLOITATION}.{name}"
        beside = (view.rules_file,) if view.rules_file is not None else ()
        files = tuple(dict.fromkeys((view.file, *view.imports, *beside)))
        found.append(Step(table, view.inputs, (table,), view, view.tags, files=files))
    return found


def _analysis_steps(project: Project) -> list[Step]:
    if not project.analyses:
        return []
    from vertebra.analysis.run import inputs_of, outputs_of

    return [
        Step(
            f"{Zone.ANALYSIS}.{name}",
            tuple(inputs_of(one)),
            tuple(outputs_of(one)),
            one,
            one.tags,
            files=(one.file, *one.imports) if one.file else (),
        )
        for name, one in project.analyses.items()
    ] + _prediction_steps(project)


def _prediction_steps(project: Project) -> list[Step]:
    from vertebra.analysis.run import inputs_of
    from vertebra.declare.predictions import Predictions

    made = [Predictions(one) for one in project.analyses.values() if one.predict != "none"]
    return [
        Step(
            one.table,
            (*inputs_of(one.analysis), f"{Zone.ANALYSIS}.{one.analysis.name}"),
            (one.table,),
            one,
            one.analysis.tags,
            files=one.files,
        )
        for one in made
    ]


def _publish_steps(project: Project) -> list[Step]:
    return [Step(f"{PUBLISH}.{name}", (one.table,), (), one, one.tags) for name, one in project.publications.items()]


def _broken_steps(project: Project, sound: Sequence[Step]) -> Iterator[Step]:
    """The steps that broken declarations would have, except where a sound step has the name or writes the table."""
    names = {step.name for step in sound}
    tables = {table for step in sound for table in step.outputs}
    for one in project.broken:
        for step in _steps_of_broken(one):
            if step.name not in names:
                names.add(step.name)
                outputs = tuple(table for table in step.outputs if table not in tables)
                tables.update(outputs)
                yield replace(step, outputs=outputs)


def _steps_of_broken(broken: BrokenDeclaration) -> list[Step]:
    name = broken.name
    match broken.kind:
        case "dataset":
            landing, formatted, trusted = (f"{zone}.{name}" for zone in (Zone.LANDING, *DATASET_ZONES))
            return [
                Step(landing, (), (landing,), None, broken=broken),
                Step(formatted, (landing,), (formatted,), None, broken=broken),
                Step(trusted, (formatted, *broken.reads), (trusted,), None, broken=broken),
            ]
        case "analysis":
            *own, predictions = broken.outputs
            return [
                Step(own[-1], broken.reads, tuple(own), None, broken=broken),
                Step(predictions, (own[-1],), (predictions,), None, broken=broken),
            ]
        case "publication":
            return [Step(f"{PUBLISH}.{name}", broken.reads, (), None, broken=broken)]
        case "view" | "reconciliation":
            return [Step(f"{Zone.EXPLOITATION}.{name}", broken.reads, broken.outputs, None, broken=broken)]
