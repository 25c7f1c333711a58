"""Records of a key are found however the key is written, in every batch and on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vertebra.declare.dataset import Dataset
from vertebra.engine import Engine
from vertebra.formatted.matching import matching_records
from vertebra.governance.context import StepOutcome
from vertebra.lake.batches import batches
from vertebra.lake.catalog import Lake

TYPES: dict[str, Any] = {
    "id": "int",
    "code": "string",
    "on": {"type": "date", "format": "dd.MM.yyyy"},
    "at": {"type": "timestamp", "zone": "Europe/Berlin"},
    "price": {"type": "decimal(8,2)", "decimal": ","},
    "ok": "boolean",
    "x": "double",
}
TEXTS: dict[str, list[str | None]] = {
    "id": ["17", " 017", "17.0", "170", "NA", "1x", None],
    "code": ["a'b", "17", " a'b ", "A'B", "NA", "", None],
    "on": ["03.01.2026", "3.1.2026", "2026-01-03", "01.03.2026", "NA", "x", None],
    "at": ["2026-01-03 10:00", "2026-01-03T09:00Z", "2026-01-03 10:00:00", "2026-01-03 11:00", "NA", "x", None],
    "price": ["1,50", "1.5", "01,5", "15,0", "NA", "x", None],
    "ok": ["yes", "Y", "no", "1", "NA", "x", None],
    "x": ["0.5", ".5", "5e-1", "5", "NA", "x", None],
}
FOUND: list[tuple[dict[str, str], list[int]]] = [
    ({"id": "17"}, [0, 1, 2]),
    ({"id": "0017"}, [0, 1, 2]),
    ({"id": "1x"}, [5]),  # a cell that was rejected
    ({"id": "NA"}, [4]),  # only as the text that means NULL
    ({"id": "9"}, []),
    ({"code": "a'b"}, [0, 2]),
    ({"on": "03.01.2026"}, [0]),
    ({"on": "2026-01-03"}, [0, 2]),  # as Vertebra shows it
    ({"at": "2026-01-03 10:00"}, [0, 1, 2]),
    ({"price": "1,5"}, [0, 2]),
    ({"price": "1.5"}, [0, 1, 2]),
    ({"ok": "true"}, [0, 1, 3]),
    ({"x": "0.50"}, [0, 1, 2]),
    ({"id": "17", "x": "0.5"}, [0, 1, 2]),
    ({"id": "17", "ok": "no"}, [2]),
]


def test_every_way_of_writing_a_value_is_found(
    declared: Callable[..., Dataset], land: Callable[..., int], lake: Lake, engine: Engine
) -> None:
    dataset = declared(TYPES)
    land(1, TEXTS)
    land(2, {"id": ["5", "17"]})  # it lacks the other columns
    landed = batches(lake.landing, "test", "cells")
    for key, ordinals in FOUND:
        wanted = {1: ordinals} if ordinals else {}
        if key in ({"id": "17"}, {"id": "0017"}):
            wanted[2] = [1]
        assert matching_records(dataset, lake, landed, key, engine) == wanted, key


def test_a_row_is_found_by_the_value_that_cleaning_gave_it(
    declared: Callable[..., Dataset],
    land: Callable[..., int],
    formatted: Callable[..., StepOutcome],
    lake: Lake,
    engine: Engine,
) -> None:
    dataset = declared({"id": "int"})
    land(1, {"id": ["1", "2"]})
    formatted(dataset)
    # as if a rule had repaired 2 to 7
    repaired = lake.table("formatted.cells").arrow().to_table().to_pylist()
    repaired[1]["id"] = 7
    import pyarrow as pa

    from vertebra.lake.commit import Commit

    schema = lake.table("formatted.cells").schema()
    lake.table("trusted.cells").write_arrow(pa.Table.from_pylist(repaired, schema), Commit("r", "trusted.cells", ""))
    landed = batches(lake.landing, "test", "cells")
    assert matching_records(dataset, lake, landed, {"id": "7"}, engine) == {1: [1]}
    assert matching_records(dataset, lake, landed, {"id": "2"}, engine) == {1: [1]}
