"""Features of examples of which a request gives the key only: computed in the lake, as for training."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vertebra.analysis.features import example_frame, histories_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vertebra.engine.port import Engine
    from vertebra.lake.catalog import Lake
    from vertebra.serve.served_model import ServedModel


@dataclass
class FeatureLookup:
    """Computes features of rows of an analysis's view, point-in-time ones as of the time of each row.

    Args:
        engine: starts the engine when it is first needed.
    """

    lake: Lake
    engine: Callable[[], Engine]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def features(self, model: ServedModel, keys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        """The features of each key, by the present tables; None where the view has no example with the key."""
        from functools import reduce

        from pyspark.sql import functions as F

        from vertebra.quoting import spark_identifier

        declared = model.analysis

        def equal(key: Mapping[str, Any]) -> Any:
            return reduce(
                lambda one, other: one & other,
                [F.col(spark_identifier(name)).eqNullSafe(F.lit(key[name])) for name in model.keys],
            )

        with self._lock:
            engine = self.engine()
            names = dict.fromkeys([declared.view, *histories_of(declared)])
            frames = {name: self.lake.table(f"exploitation.{name}").frame(engine) for name in names}
            # the rows are chosen last, as `derive` may compute features of a row from others
            examples = example_frame(declared, frames[declared.view], frames, engine)
            wanted = examples.where(reduce(lambda one, other: one | other, map(equal, keys)))
            columns = dict.fromkeys([*model.keys, *model.features])
            found = wanted.select(*[F.col(spark_identifier(name)) for name in columns]).toArrow().to_pylist()
        by_key = {tuple(row[name] for name in model.keys): row for row in found}
        return [by_key.get(tuple(key[name] for name in model.keys)) for key in keys]
