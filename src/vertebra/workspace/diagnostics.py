"""Diagnostics of the project, the lake, the engine, and the versions of the packages they need."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Final

from vertebra.errors import LakeError
from vertebra.formatting import counted, duration, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from vertebra.declare.project import Project
    from vertebra.engine.port import Engine
    from vertebra.lake.catalog import Lake

_PACKAGES: Final = (
    "vertebra", "pysail", "pyspark-client", "deltalake", "duckdb", "pyarrow", "pandas", "scikit-learn",
    "sparse-dot-topn", "lightgbm", "mlflow",
)  # fmt: skip


@dataclass(frozen=True)
class Diagnostic:
    """The result of one check of the installation or the project.

    Attributes:
        what: what was checked.
        ok: whether it is in order.
        detail: what was found, or the error.
    """

    what: str
    ok: bool
    detail: str


def diagnostics(project: Project, lake: Lake, engine: Callable[[], Engine]) -> list[Diagnostic]:
    """Check everything a run needs; starts the engine for one query."""
    return [
        _checked("python", lambda: f"{platform.python_version()} on {platform.platform(terse=True)}, {_machine()}"),
        *(_checked(package, partial(metadata.version, package)) for package in _PACKAGES),
        _checked("project", lambda: _project(project)),
        _checked("rules", lambda: _rules(project)),
        _checked("lake", lambda: _lake(lake)),
        _checked("engine", lambda: _engine(engine())),
    ]


def _checked(what: str, look: Callable[[], str]) -> Diagnostic:
    try:
        return Diagnostic(what, True, look())
    except Exception as error:
        return Diagnostic(what, False, str(error).strip() or type(error).__name__)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{counted(os.cpu_count() or 1, 'core')}, {size(memory)}"


def _project(project: Project) -> str:
    from vertebra.pipeline.plan import graph_of

    return f"{project.settings.name} at {project.root}, {counted(len(graph_of(project).steps), 'step')}"


def _rules(project: Project) -> str:
    """The number of rules, and of warnings about them, which do not count as failures."""
    from vertebra.declare.rule_review import rule_warnings
    from vertebra.declare.rules import rules_of
    from vertebra.declare.table_rule_compiler import table_rules_of

    datasets = project.datasets
    rules = sum(len(rules_of(one, datasets)) + len(table_rules_of(one)) for one in datasets.values())
    warnings = rule_warnings(project)
    told = f", {counted(len(warnings), 'warning')}; vertebra check shows {'it' if len(warnings) == 1 else 'them'}"
    return counted(rules, "rule") + (told if warnings else "")


def _lake(lake: Lake) -> str:
    if not lake.root.exists():
        return f"{lake.root}, which the first run makes"
    from vertebra.lake.erasure import pending_erasures

    damage = quick_damage(lake)
    if damage:
        others = f", and {len(damage) - 1} more" if len(damage) > 1 else ""
        raise LakeError(damage[0] + others, remedy="vertebra debug --repair")
    unended = pending_erasures(lake)
    if unended:
        raise LakeError(
            f"an erasure from {unended[0].dataset}, of {unended[0].at:%Y-%m-%d}, has not ended", remedy="vertebra run"
        )
    used = sum(file.stat().st_size for file in lake.root.rglob("*") if file.is_file())
    return f"{lake.root}, {counted(len(lake.tables()), 'table')}, {size(used)}"


def quick_damage(lake: Lake) -> list[str]:
    """Damage in logs and in the sizes of current data files, found without reading data."""
    from vertebra.lake.data_file import short_or_gone

    found = []
    for table in lake.tables():
        try:
            odd = short_or_gone(table.sizes())
        except LakeError as error:
            found.append(error.fact)
        else:
            found += [f"{table.name}: {file} {fact}" for file, fact in odd.items()]
    return found


def _engine(engine: Engine) -> str:
    clock = time.perf_counter()
    engine.session.sql("SELECT 1").collect()
    return f"{engine.name}, answered in {duration(time.perf_counter() - clock)}"
