"""Is everything in order? The project, the lake, the engine, and the versions of what they rest on."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Final

from vertebra.report.formatting import duration, many, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from vertebra.workspace.workspace import Workspace

_PACKAGES: Final = (
    "vertebra", "pysail", "pyspark-client", "deltalake", "duckdb", "pyarrow", "pandas", "splink", "scikit-learn",
    "lightgbm", "mlflow",
)  # fmt: skip


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str


def checkup(space: Workspace) -> list[Check]:
    """Look at everything a run needs, and start the engine for one query."""
    return [
        _try("python", lambda: f"{platform.python_version()} on {platform.platform(terse=True)}, {_machine()}"),
        *(_try(package, partial(metadata.version, package)) for package in _PACKAGES),
        _try("project", lambda: _project(space)),
        _try("rules", lambda: _rules(space)),
        _try("lake", lambda: _lake(space)),
        _try("engine", lambda: _engine(space)),
    ]


def _try(what: str, look: Callable[[], str]) -> Check:
    try:
        return Check(what, True, look())
    except Exception as error:
        text = str(error).strip() or type(error).__name__
        return Check(what, False, text)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{many(os.cpu_count() or 1, 'core')}, {size(memory)}"


def _project(space: Workspace) -> str:
    from vertebra.pipeline.plan import graph_of

    steps = graph_of(space.project).steps
    return f"{space.project.settings.name} at {space.project.root}, {many(len(steps), 'step')}"


def _rules(space: Workspace) -> str:
    """How many there are; what is odd about them is no failure, and told with its place."""
    from vertebra.declare.rule_review import rule_warnings
    from vertebra.declare.rules import rules_of

    datasets = space.project.datasets
    counted = sum(len(rules_of(dataset, datasets)) for dataset in datasets.values())
    return "\n".join([many(counted, "rule"), *map(str, rule_warnings(space.project))])


def _lake(space: Workspace) -> str:
    root = space.lake.root
    if not root.exists():
        return f"{root}, made by the first run"
    files = [file.stat().st_size for file in root.rglob("*") if file.is_file()]
    return f"{root}, {many(len(space.lake.tables()), 'table')}, {size(sum(files))}"


def _engine(space: Workspace) -> str:
    clock = time.perf_counter()
    space.engine.session.sql("SELECT 1").collect()
    return f"{space.engine.name}, answered in {duration(time.perf_counter() - clock)}"
