"""Columns whose values are not in the records: from the file's name, its preamble, its period or its request."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import Any

import pytest

from landing.readings import records
from vertebra.declare.dataset import Dataset
from vertebra.errors import CollectError
from vertebra.landing.parsing.column_origins import ColumnOrigin, Provenance, declared_origins
from vertebra.landing.parsing.origin_texts import origin_texts
from vertebra.landing.parsing.records import ReadContext
from vertebra.landing.payload import PayloadPart

DEVICE = {"from": {"file": r"*meter-(?<device>\d+)_*.csv"}}


def dataset(path: str, columns: dict[str, Any], load: str = "append", **parse: Any) -> Dataset:
    return Dataset.model_validate(
        {
            "name": "data", "source": "test", "load": load, "key": list(columns),
            "collect": {"from": "files", "path": path}, "parse": {"format": "csv", **parse}, "columns": columns,
        }
    )  # fmt: skip


def zipped(**members: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return sink.getvalue()


@pytest.fixture
def read(project, collected):
    """The values of the declared columns that files land with: ``read(dataset, {"a.csv": b"…"})``."""

    def run(declared: Dataset, files: dict[str, bytes]) -> list[tuple[str | None, ...]]:
        for name, content in files.items():
            (project / name).parent.mkdir(exist_ok=True, parents=True)
            (project / name).write_bytes(content)
        outcome = collected(declared)
        names = [column.sources(name)[0] for name, column in declared.columns.items()]
        assert not outcome.refused, outcome.refused[0].error
        return [tuple(row[name] for name in names) for batch in outcome.new for row in records(batch)]

    return run


def refusal(collected, declared: Dataset) -> str:
    with pytest.raises(CollectError) as told:
        collected(declared)
    return f"{told.value.fact}; {told.value.cause}; {told.value.remedy}"


def test_the_name_of_a_file_of_a_folder_and_of_a_packed_file(read):
    columns = {"v": "int", "device": DEVICE}
    assert read(dataset("*.csv*", columns), {"meter-1_x.csv": b"v\n5\n6\n", "meter-2_x.csv.gz": gzip.compress(b"v\n5\n")}) == [
        ("5", "1"), ("6", "1"), ("5", "2"),
    ]  # fmt: skip
    folder = {"v": "int", "site": {"from": {"file": "site-(?<site>[^/]+)/*.csv"}}}
    assert read(dataset("site-*/*.csv", folder), {"site-N/a.csv": b"v\n5\n", "site-S/b.csv": b"v\n7\n"}) == [
        ("5", "N"), ("7", "S"),
    ]  # fmt: skip


@pytest.mark.parametrize("ragged", ["", "9,9,9\n"])
def test_each_member_of_an_archive_has_its_own_name(read, ragged):
    columns = {"v": "int", "w": "int", "device": DEVICE, "year": {"from": {"file": r"all-(?<year>\d{4}).zip"}}}
    members = {"meter-1_x.csv": "v,w\n5,1\n" + ragged, "sub/meter-2_x.csv": "v,w\n6,2\n7,3\n" + ragged}
    found = read(dataset("*.zip", columns), {"all-2020.zip": zipped(**members)})
    assert [row for row in found if row[0]] == [
        ("5", "1", "1", "2020"), ("6", "2", "2", "2020"), ("7", "3", "2", "2020"),
    ]  # fmt: skip
    assert [row for row in found if not row[0]] == [(None,) * 4] * (2 if ragged else 0)


def test_members_of_json_may_lack_keys(read):
    columns = {"a": "int", "b": "int", "device": {"from": {"file": "(?<device>.)*.json"}}}
    members = {"1.json": '[{"a": 1}]', "2.json": '[{"b": 2}, {"a": 3, "b": 4}]'}
    assert read(dataset("*.zip", columns, format="json"), {"x.zip": zipped(**members)}) == [
        ("1", None, "1"), (None, "2", "2"), ("3", "4", "2"),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_lines_before_the_records(read, encoding):
    columns = {
        "v": "int",
        "device": {"from": {"preamble": "Ger\u00e4t;(?<device>.+)"}},
        "firmware": {"from": {"preamble": "# firmware (?<firmware>[0-9.]+)"}},
    }
    text = "Ger\u00e4t;K\u00f6ln 1\nunit;MWh\n\n# logger\n\n# firmware 1.4\nv\n5\n# firmware 2\n6\n"
    declared = dataset("a.csv", columns, skip=3, comment="#", encoding=encoding)
    assert read(declared, {"a.csv": text.encode(encoding)}) == [
        ("5", "K\u00f6ln 1", "1.4"),
        ("6", "K\u00f6ln 1", "1.4"),
    ]


def test_each_member_has_its_own_preamble(read):
    columns = {"v": "int", "device": {"from": {"preamble": "device;(?<device>.+)"}}}
    members = {"a.csv": "device;1\nv\n5\n", "b.csv": "device;2\nv\n5\n"}
    assert read(dataset("*.zip", columns, skip=1), {"x.zip": zipped(**members)}) == [("5", "1"), ("5", "2")]


def test_what_does_not_match_is_refused(project, collected):
    (project / "meter.csv").write_bytes(b"v\n5\n")
    words = refusal(collected, dataset("*.csv", {"v": "int", "device": DEVICE}))
    assert "the name of meter.csv does not match" in words
    assert "'meter.csv'" in words
    assert "columns.device.from" in words
    preamble = {"v": "int", "device": {"from": {"preamble": "device;(?<device>.*)"}}}
    for content, said in (
        (b"unit;kWh\nv\n5\n", "no line before the records"),
        (b"device;\nv\n5\n", "no line before the records"),
        (b"v\n5\ndevice;9\n", "no line before the records"),
    ):
        (project / "meter.csv").write_bytes(content)
        assert said in refusal(collected, dataset("meter.csv", preamble, skip=1))
    (project / "meter.csv").write_bytes(b"device;1\ndevice;2\nv\n5\n")
    assert "several values of device before the records: 1, 2" in refusal(
        collected, dataset("meter.csv", preamble, skip=2)
    )


def test_the_other_columns_are_still_checked(project, collected):
    (project / "meter-1_x.csv").write_bytes(b"error\nno such device\n")
    assert "none of the declared columns" in refusal(collected, dataset("*.csv", {"v": "int", "device": DEVICE}))
    (project / "empty.json").write_bytes(b"[]")
    columns = {"v": "int", "device": {"from": "file"}}
    declared = dataset("empty.json", columns, format="json")
    declared = declared.model_copy(update={"collect": declared.collect.model_copy(update={"empty": "accept"})})
    assert collected(declared).new[0].receipt.columns == ()


def test_period_and_parameters(tmp_path):
    columns = {
        "v": "int",
        "month": {"type": "date", "format": "yyyy-MM", "from": "period"},
        "year": {"type": "int", "from": {"period": r"(?<year>\d+)-*"}},
        "station": {"from": {"parameter": "station"}},
        "lang": {"from": {"parameter": "lang"}},
        "name": {"from": {"file": "(?<name>*).csv".replace("*", ".+")}},
    }
    declared = dataset("*.csv", columns)
    about = Provenance("https://h/a%20b.csv?lang=ca&x=1", "2013-01", "station=J,F=K,year=2013")
    context = ReadContext(declared.parse, tmp_path, "", origins=declared_origins(declared), provenance=about)
    part = PayloadPart("a b.csv", lambda: io.BytesIO(b"v\n5\n"))
    assert list(origin_texts(part, "a b.csv", context).values()) == ["2013-01", "2013", "J,F=K", "ca", "a b"]
    assert [ColumnOrigin.from_receipt(one.to_receipt()) for one in context.origins] == list(context.origins)
