"""Records of an API without the field that collections continue from: kept in the table, and listed as rejects."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.tiny import open_tiny
from portals.stand_in import Reply, standing_in


def test_a_record_without_the_field_is_in_the_table_and_among_the_rejects(tmp_path: Path) -> None:
    rows = [{"id": 1, "at": "2024-01-01T00:00:00Z"}, {"id": 2}, {"id": 3, "at": "2024-01-02T00:00:00Z"}]
    (tmp_path / "datasets").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: cursors\n")
    with standing_in(lambda _: Reply(json.dumps(rows).encode(), headers={"Content-Type": "application/json"})) as web:
        (tmp_path / "datasets" / "d.yaml").write_text(
            f"source: s\ncollect:\n  from: rest\n  url: {web.url}/d\n"
            "  since: {param: since, field: at, start: '2000'}\n"
            "load: upsert\nkey: [id]\ncolumns: {id: int, changed: {type: timestamp, source: at}}\n"
        )
        with open_tiny(tmp_path) as project:
            report = project.run()
            assert report.ok, [result.error for result in report.results]
            formatted = next(result for result in report.results if result.step == "formatted.d")
            assert (formatted.rows, formatted.facts.cells_rejected) == (3, 1)
            found = project.sql("select column_name, record, raw, reason from governance.rejects").arrow().to_pylist()
            warned = project.sources(["d"])[0].warnings
    reason = "has no value, and collect.since continues from it"
    assert found == [{"column_name": "changed", "record": 1, "raw": None, "reason": reason}]
    assert "1 record has no at that can be compared" in warned[0]
