"""The same files give the same trusted table in whatever order and grouping they arrive, if an order is declared."""

from __future__ import annotations

import itertools
import os
import textwrap
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effort import examples
from pipeline.tiny import open_tiny

DECLARED = """\
    source: s
    collect: {{from: files, path: "data/*.csv"}}
    parse: {{format: csv}}
    {load}
    key: [id]
    columns: {{id: int, zip: int, city: string, at: int}}
    rules:
      small: {{range: {{zip: [0, 3]}}, on_violation: quarantine}}
      zip_city: {{determines: "zip -> city", on_violation: repair}}
    """
LOADS = ["append", "snapshot", "upsert, version: at", "upsert, version: file.time", "upsert, version: file.name"]

rows = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.sampled_from("ab"), st.integers(1, 3)), min_size=1, max_size=4
)
NUMBERS = itertools.count()


def trusted(root: Path, load: str, files: list[tuple[str, str]], groups: list[list[int]]) -> list[tuple[Any, ...]]:
    """The rows of the trusted table when files arrive in groups, one run each."""
    folder = root / str(next(NUMBERS))
    for name in ("data", "datasets"):
        (folder / name).mkdir(parents=True)
    (folder / "vertebra.yaml").write_text("name: arrival\n")
    declared = textwrap.dedent(DECLARED).format(load="\n".join(f"load: {load}".split(", ")))
    (folder / "datasets" / "m.yaml").write_text(declared)
    with open_tiny(folder) as project:
        for group in groups:
            for number in group:
                name, text = files[number]
                file = folder / "data" / name
                file.write_text(text)
                os.utime(file, (1_760_000_000 + number, 1_760_000_000 + number))
            report = project.run()
            assert report.ok, [result.error for result in report.results]
        found = project.sql("select * exclude (_rid) from trusted.m order by all").rows()
    return [tuple(row.values()) for row in found]


@settings(
    max_examples=examples(fast=4, thorough=60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_files_may_arrive_in_any_order_and_grouping(data: st.DataObject, tmp_path: Path) -> None:
    load = data.draw(st.sampled_from(LOADS))
    drawn = data.draw(st.lists(rows, min_size=2, max_size=4))
    order = data.draw(st.permutations(range(len(drawn))))
    cut = data.draw(st.integers(1, len(drawn) - 1))
    names = data.draw(st.permutations("pqrs"))
    files = []
    for name, records in zip(names, drawn, strict=False):
        # one record of a key in a file, so that the order within the file does not decide
        distinct = {record[0]: record for record in records}.values()
        lines = [f"{key},{code},{city},{at}\n" for key, code, city, at in distinct]
        files.append((f"{name}.csv", "id,zip,city,at\n" + "".join(lines)))
    at_once = trusted(tmp_path, load, files, [list(range(len(files)))])
    assert trusted(tmp_path, load, files, [list(order[:cut]), list(order[cut:])]) == at_once
