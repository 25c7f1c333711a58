"""What answers about origins look up: declarations, and the versions that tables were made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.declare.document import display_path
from vertebra.declare.reconciliation import EntityResolution, LookupTable, outputs_of
from vertebra.declare.sql_text import one_query
from vertebra.errors import VertebraError
from vertebra.exploitation.column_lineage import ColumnLineage, column_lineage
from vertebra.workspace.explanation import Link

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vertebra.declare.analysis import Analysis
    from vertebra.declare.project import Project
    from vertebra.declare.view import View
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake


@dataclass(frozen=True)
class Lookup:
    """Where answers are looked up."""

    project: Project
    lake: Lake
    ledgers: Ledgers


def traced_column(
    lookup: Lookup, view: View | None, inputs: Mapping[str, int], column: str | None
) -> ColumnLineage | None:
    """How a column of a SQL view is computed; None if that is not known."""
    if view is None or view.sql is None or column is None:
        return None
    schemas = {table: lookup.lake.table(table).schema(version).names for table, version in inputs.items()}
    try:
        return column_lineage(one_query(view.sql, display_path(view.file)), schemas, column)
    except VertebraError:
        return None


def inputs_of_version(lookup: Lookup, name: str, version: int) -> dict[str, int]:
    """The versions of tables that a version of a table was made from."""
    history = lookup.lake.table(name).history()
    return next((dict(one.inputs) for one in history if one.version == version), {})


def golden_of(lookup: Lookup, name: str) -> EntityResolution | None:
    """The entity resolution whose golden records a table has."""
    for one in lookup.project.reconciliations.values():
        if isinstance(one, EntityResolution) and outputs_of(one)[-1] == name:
            return one
    return None


def lookup_of(lookup: Lookup, name: str) -> LookupTable | None:
    """The reconciliation by a lookup table that writes a table."""
    for one in lookup.project.reconciliations.values():
        if isinstance(one, LookupTable) and name in outputs_of(one):
            return one
    return None


def analysis_of(lookup: Lookup, subject: str) -> Analysis | None:
    """The analysis that writes a table of the analysis zone."""
    for name, analysis in lookup.project.analyses.items():
        if subject in (name, f"{name}_train", f"{name}_test", f"{name}_predictions"):
            return analysis
    return None


def changed_since(lookup: Lookup, name: str) -> Iterator[Link]:
    """A link that says that the file of a view has changed since its table was computed; nothing if it has not.

    Explanations of views follow the file as it is now, because the SQL of earlier versions is not kept.
    """
    from vertebra.pipeline.fingerprint import fingerprint_of
    from vertebra.pipeline.plan import graph_of
    from vertebra.pipeline.state import State

    newest = lookup.lake.table(name).newest_data()
    step = graph_of(lookup.project).producer(name)
    if newest is None or step is None or step.broken or not step.files:
        return
    now = fingerprint_of(step, {}, "", lookup.project.root)
    last = State(lookup.lake, lookup.ledgers).remembered(step.name)
    if newest.extra.get("definition") == now.definition or last is None:
        return
    changed = [file for file, one in now.files.items() if last.fingerprint.files.get(file) != one]
    if changed:
        yield Link(
            "view",
            f"{' and '.join(changed)} changed since version {newest.version} of {name} was computed; what follows "
            f"is by the file as it is now (next: vertebra run --select {name})",
        )


def real_name(lookup: Lookup, table: str, version: int, column: str) -> str | None:
    """The name of a column as its table spells it; SQL does not tell case apart."""
    names = lookup.lake.table(table).schema(version).names
    return next((name for name in names if name.lower() == column.lower()), None)


def listed_inputs(inputs: Mapping[str, int]) -> str:
    """Versions of tables in words."""
    return ", ".join(f"{table} version {version}" for table, version in inputs.items()) or "unknown"
