"""The champion of an analysis, ready to answer: the fitted model, the types of its features, and the form of a row."""

from __future__ import annotations

import datetime
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa

from vertebra.errors import LakeError
from vertebra.governance.ledgers import Ledgers
from vertebra.governance.promotions import champions
from vertebra.pipeline.dispatch import tracking_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from vertebra.declare.analysis import Analysis
    from vertebra.declare.project import Project
    from vertebra.lake.catalog import Lake


@dataclass(frozen=True)
class ServedModel:
    """A model that answers requests.

    Attributes:
        analysis: with the features that the model was trained on.
        name, version: of the registered model.
        model: the fitted pipeline.
        types: the types of its features and keys, as in its training set.
        example: what one row of a request may contain.
    """

    analysis: Analysis
    name: str
    version: str
    model: Any
    types: pa.Schema
    example: type[BaseModel]

    @property
    def features(self) -> list[str]:
        """The names of its features."""
        return list(self.analysis.feature_names)

    @property
    def keys(self) -> list[str]:
        """The columns that identify an example."""
        return list(self.analysis.key)

    def predict(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        """The predictions for rows of features: a value each, or an object if the task predicts several."""
        from vertebra.analysis.examples import as_features
        from vertebra.analysis.task_port import classes_of, task_of
        from vertebra.analysis.train import predictions

        columns = [pa.array([row[name] for row in rows], self.types.field(name).type) for name in self.features]
        table = pa.table(columns, schema=pa.schema([self.types.field(name) for name in self.features]))
        task = task_of(self.analysis)
        said = predictions(self.analysis, self.model, as_features(self.analysis, table))
        made = task.columns(said, classes_of(self.model))
        if len(made) == 1:
            answer: list[Any] = next(iter(made.values())).to_pylist()
            return answer
        names = [name.removeprefix("_") for name in made]
        return [
            dict(zip(names, row, strict=True)) for row in zip(*(one.to_pylist() for one in made.values()), strict=True)
        ]


def champion_model(project: Project, lake: Lake, analysis: Analysis) -> ServedModel:
    """Load the champion of an analysis.

    Raises:
        LakeError: no model was trained yet, or the champion cannot predict.
    """
    from vertebra.analysis import track
    from vertebra.analysis.recipe import as_trained, registered

    ledgers, tracking = Ledgers(lake), tracking_uri(project)
    version = champions(ledgers, analysis.name).version
    if version is None:
        raise LakeError(f"{analysis.name} has no model", cause="none was trained yet", remedy="vertebra run")
    name = track.model_name(project.settings.name, analysis)
    row = registered(ledgers, name, version)
    declared = as_trained(analysis, row, tracking)
    with tempfile.TemporaryDirectory() as folder:
        model = track.load(declared, tracking, row, Path(folder))
    types = lake.table(row["train_table"]).schema(row["train_version"])
    return ServedModel(declared, name, version, model, types, _example(declared, types))


def _example(analysis: Analysis, types: pa.Schema) -> type[BaseModel]:
    """A pydantic model of one row of a request: its features, and its key, from which features are looked up."""
    from pydantic import ConfigDict, Field, create_model

    fields: dict[str, Any] = {}
    for name in (*analysis.feature_names, *analysis.key):
        if name not in fields:
            about = (
                "" if name in analysis.feature_names else "Key: with all keys, features that are missing are looked up."
            )
            fields[name] = (_kind(types.field(name).type) | None, Field(default=None, description=about or None))
    made: type[BaseModel] = create_model(
        f"{analysis.name}_example", __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields
    )
    return made


def _kind(kind: pa.DataType) -> Any:
    """The type of a JSON value for a column."""
    from pydantic import Strict

    if pa.types.is_boolean(kind):
        return Annotated[bool, Strict()]
    if pa.types.is_integer(kind):
        return Annotated[int, Strict()]
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Annotated[float, Strict()]
    if pa.types.is_date(kind):
        return datetime.date
    if pa.types.is_timestamp(kind):
        return datetime.datetime
    return Annotated[str, Strict()]
