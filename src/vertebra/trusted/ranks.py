"""Values as whole numbers in their order. The workers of the engine get the code of this module by value."""

from __future__ import annotations

from typing import Any


def ranked(column: Any) -> Any:
    """Whole numbers in the order of the values, NaN last."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_floating(column.type):
        return np.unique(column.to_numpy(zero_copy_only=False), return_inverse=True)[1].astype("int64")
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return pc.rank(column, tiebreaker="dense").to_numpy(zero_copy_only=False).astype("int64")
