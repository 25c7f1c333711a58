"""The declarations of a project together, and which tables they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from vertebra.declare.analysis import Analysis, AsOf
from vertebra.declare.dataset import Dataset
from vertebra.declare.document import Document, Loc
from vertebra.declare.publication import Publication
from vertebra.declare.reconciliation import EntityResolution, LookupTable, inputs_of, outputs_of
from vertebra.declare.rule_sugar import SUGARS
from vertebra.declare.view_file import ReadView

Kind = Literal["dataset", "reconciliation", "view", "analysis", "publication"]
"""The kinds of declarations."""


@dataclass
class Declarations:
    """The declarations of a project that could be read.

    Attributes:
        documents: the YAML of each dataset, reconciliation and publication, by kind and name.
        failed: qualified tables whose declaration is wrong; errors about declarations that read them are left out.
    """

    datasets: dict[str, Dataset] = field(default_factory=dict)
    reconciliations: dict[str, EntityResolution | LookupTable] = field(default_factory=dict)
    views: dict[str, ReadView] = field(default_factory=dict)
    analyses: dict[str, Analysis] = field(default_factory=dict)
    publications: dict[str, Publication] = field(default_factory=dict)
    documents: dict[tuple[str, str], Document] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def outputs(self) -> dict[str, str]:
        """Every table that views may read, and the declaration that writes it (``dataset flights``)."""
        found = {f"trusted.{name}": f"dataset {name}" for name in self.datasets}
        for name, reconciliation in self.reconciliations.items():
            found |= dict.fromkeys(outputs_of(reconciliation), f"reconciliation {name}")
        found |= {f"exploitation.{name}": f"view {name}" for name in self.views}
        for name, analysis in self.analyses.items():
            found |= dict.fromkeys(tables_of(name, analysis.predict != "none"), f"analysis {name}")
        return found

    def only(self, wanted: Callable[[Kind, str], bool]) -> Declarations:
        """The declarations of which ``wanted(kind, name)`` is true."""
        return Declarations(
            {name: one for name, one in self.datasets.items() if wanted("dataset", name)},
            {name: one for name, one in self.reconciliations.items() if wanted("reconciliation", name)},
            {name: one for name, one in self.views.items() if wanted("view", name)},
            {name: one for name, one in self.analyses.items() if wanted("analysis", name)},
            {name: one for name, one in self.publications.items() if wanted("publication", name)},
            self.documents,
            self.failed,
        )


def tables_of(analysis: str, predicts: bool = True) -> tuple[str, ...]:
    """The qualified tables of an analysis: its sets, the champion's answers on the test set, and the predictions.

    Args:
        predicts: whether the analysis predicts.
    """
    parts = ("_train", "_test", "", *(("_predictions",) if predicts else ()))
    return tuple(f"analysis.{analysis}{part}" for part in parts)


def tables_read(declared: Declarations) -> dict[tuple[Kind, str], tuple[str, ...]]:
    """The qualified tables that each declaration reads or references, by the declaration's kind and name."""
    found: dict[tuple[Kind, str], tuple[str, ...]] = {}
    for name, dataset in declared.datasets.items():
        found["dataset", name] = tuple(dict.fromkeys(f"trusted.{other}" for _, other in datasets_read_by(dataset)))
    for name, one in declared.reconciliations.items():
        found["reconciliation", name] = inputs_of(one)
    for name, read in declared.views.items():
        found["view", name] = tuple(read.view.inputs)
    for name, analysis in declared.analyses.items():
        found["analysis", name] = tuple(dict.fromkeys(f"exploitation.{view}" for _, view in views_read(analysis)))
    for name, publication in declared.publications.items():
        found["publication", name] = (publication.table,)
    return found


def views_read(analysis: Analysis) -> Iterator[tuple[Loc, str]]:
    """The views that an analysis reads, with the paths where it names them."""
    yield ("view",), analysis.view
    for name, feature in analysis.features.items():
        if isinstance(feature, AsOf):
            yield ("features", name, "history"), feature.history


def datasets_read_by(dataset: Dataset) -> Iterator[tuple[Loc, str]]:
    """The datasets that the rules of a dataset read, and where each is named."""
    for name, column in dataset.columns.items():
        for sugar, value in column.sugar().items():
            for _, other in SUGARS[sugar].datasets_read(SUGARS[sugar].rule_value(name, value)):
                yield ("columns", name, sugar), other
    for name, rule in dataset.rules.items():
        for sugar, value in rule.sugar().items():
            for keys, other in SUGARS[sugar].datasets_read(value):
                yield ("rules", name, sugar, *keys), other
