"""What an erasure changes beyond the landing zone, and what it cannot change."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vertebra.denial import Inclusion
from vertebra.errors import DecisionError
from vertebra.governance.forgotten import tombstones
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.erasure import joined_key, key_hash
from vertebra.zones import Zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.project import Project
    from vertebra.lake.catalog import Lake
    from vertebra.pipeline.erasures import Derived


@dataclass(frozen=True)
class Effects:
    """What an erasure changes beyond the landing zone, and what it cannot change.

    Attributes:
        steps: the steps that run again where their inputs change; publications send their tables again.
        tables: the tables whose earlier versions are removed, so that they can no longer be restored.
        dropped: tables that are removed, because no step computes them again.
        refused: number of refused payloads that are removed, because nobody can search them.
        models: model versions that were trained with tables derived from the dataset; they stay in the model registry.
        others: commands that erase the records of other datasets which refer to the key, or to which it refers.
        commands: commands that write dropped tables again.
    """

    steps: tuple[str, ...]
    tables: tuple[str, ...]
    dropped: tuple[str, ...]
    refused: int
    models: tuple[str, ...]
    others: tuple[str, ...]
    commands: tuple[str, ...]


def effects_of(project: Project, lake: Lake, dataset: Dataset, key: Mapping[str, str]) -> Effects:
    """The effects of erasing a key of a dataset.

    Raises:
        DecisionError: a declaration is broken, so that its tables cannot be computed again.
    """
    from vertebra.landing.refused_payloads import REFUSED
    from vertebra.pipeline.erasures import derived_from
    from vertebra.pipeline.plan import graph_of

    graph = graph_of(project)
    derived = derived_from(graph, lake, dataset.name)
    if project.broken:
        first = project.broken[0]
        raise DecisionError(
            f"nothing was forgotten: the declaration of {first.kind} {first.name} is broken",
            cause="its tables could not be computed again, and nobody knows which these are",
            remedy="vertebra check, and correct it first",
        )
    home = lake.landing / dataset.source / dataset.name
    return Effects(
        derived.steps,
        tuple(name for name in derived.tables if name not in derived.orphans),
        derived.orphans,
        len(list(home.glob(f"{REFUSED}/*"))),
        _models(lake, derived),
        tuple(_others(project, lake, dataset, key)),
        tuple(_commands(project, derived)),
    )


def _models(lake: Lake, derived: Derived) -> tuple[str, ...]:
    rows = Ledgers(lake).read("models", ("model_name", "model_version", "train_table", "test_table")).to_pylist()
    found = (
        f"{row['model_name']} version {row['model_version']}"
        for row in rows
        if row["model_version"] and {row["train_table"], row["test_table"]} & {*derived.tables}
    )
    return tuple(dict.fromkeys(found))


def _commands(project: Project, derived: Derived) -> list[str]:
    names = {f"{Zone.ANALYSIS}.{name}_predictions": name for name in project.analyses}
    return [f"vertebra predict {names[table]}" for table in derived.orphans if table in names]


def _others(project: Project, lake: Lake, dataset: Dataset, key: Mapping[str, str]) -> list[str]:
    """Commands for other datasets that are connected with the columns of the key by declared references.

    Datasets in which the key was forgotten already are left out.
    """
    from vertebra.declare.rules import rules_of

    found: dict[str, tuple[str, dict[str, str]]] = {}
    for other in project.datasets.values():
        for rule in rules_of(other, project.datasets):
            one = rule.constraint
            if not isinstance(one, Inclusion) or one.relation == one.table:
                continue
            if one.table == dataset.name and set(one.referenced) <= set(key):
                values = zip(one.columns, (key[name] for name in one.referenced), strict=True)
                there = one.relation, dict(values)
                found[_command(*there)] = there
            elif one.relation == dataset.name and set(one.columns) <= set(key):
                values = zip(one.referenced, (key[name] for name in one.columns), strict=True)
                there = one.table, dict(values)
                found[_command(*there)] = there
    ledgers = Ledgers(lake)
    return [
        command for command, (name, there_key) in found.items() if not _is_forgotten(lake, ledgers, name, there_key)
    ]


def _is_forgotten(lake: Lake, ledgers: Ledgers, dataset: str, key: Mapping[str, str]) -> bool:
    known = tombstones(lake, ledgers, dataset)
    if known is None:
        return False
    digest = key_hash(known.secret, joined_key(list(key.values())))
    return any(one.columns == tuple(key) and digest in one.hashes for one in known.keys)


def _command(dataset: str, key: Mapping[str, str]) -> str:
    return " ".join(["vertebra forget", dataset, *(shlex.quote(f"{name}={text}") for name, text in key.items())])
