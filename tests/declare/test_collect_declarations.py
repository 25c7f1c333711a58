"""``collect:`` is checked when a project is loaded: what is wrong is told with its place and what to write."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertebra.declare.collect import COLLECTORS
from vertebra.declare.period import Period, format_time, parse_period, periods_until
from vertebra.declare.placeholders import file_name_pattern, fill_placeholders, placeholder_names
from vertebra.declare.schema import json_schema

DATASET = """\
source: bts
collect: {collect}
{more}columns: {{a: int}}
"""
HTTP = "{from: http, url: https://example.org/a.csv}"


def declare(project, collect, more="parse: {format: csv}\n"):
    return project.write("datasets/extra.yaml", DATASET.format(collect=collect, more=more))


@pytest.mark.parametrize(
    ("collect", "says"),
    [
        ("{from: htp, url: x}", "extra.yaml:2:17: dataset extra: collect.from is 'htp'"),
        ("{from: http}", "dataset extra: collect needs 'url'"),
        ("{from: http, url: ftp://x.org/a}", "collect.url: 'ftp://x.org/a' is not an address on the web"),
        ("{from: http, url: file:///etc/passwd}", "is not an address on the web"),
        ('{from: http, url: "https://ada:pw@x.org/a"}', "receipts would keep the name or password"),
        ("{from: http, url: https://x.org/a?api_key=1}", "the query parameter api_key would be kept in receipts"),
        ("{from: http, url: 'https://x.org/{period:%Y}'}", "there are no periods"),
        ("{from: http, url: 'https://x.org/{station}'}", "{station} has no values"),
        ("{from: http, url: 'https://x.org/{'}", "is not part of a placeholder"),
        ("{from: http, url: 'https://x.org/{period}'}", "has no format for the time"),
        ("{from: http, url: 'https://x.org/{period:%Q}'}", "'%Q' is not a field of a date"),
        ("{from: http, url: https://x.org/a, over: {station: [A]}}", "the list station is not used"),
        ("{from: http, url: https://x.org/a, periods: {unit: month, from: 2013-01}}", "the address has no {period:…}"),
        ("{from: http, url: 'https://x.org/{period:%Y}', periods: {unit: month, from: 2013}}", "'2013' is not a month"),
        ("{from: http, url: 'https://x.org/{period:%Y}', periods: {unit: month, from: 2013-13}}", "not a month of the calendar"),
        ("{from: http, url: 'https://x.org/{period:%Y}', periods: {unit: year, from: 2014, to: 2013}}", "is before the first"),
        ("{from: http, url: https://x.org/a, limits: {wait: soon}}", "'soon' is not a duration"),
        ("{from: http, url: https://x.org/a, limits: {size: big}}", "'big' is not a size"),
        ("{from: http, url: https://x.org/a, limit: {}}", "did you mean limits?"),
        ("{from: http, url: https://x.org/a, headers: {Host: x}}", "Vertebra sets the header Host itself"),
        ("{from: ckan, portal: https://x.org}", "write resource: ID for records, or package: NAME"),
        ("{from: ckan, portal: https://x.org, package: p}", "package goes with files or with resources"),
        ("{from: socrata, portal: https://x.org, id: abc}", "'abc' is not the id of a dataset"),
        ("{from: rest, url: https://x.org/a, page: {by: offset}}", "pages by offset need param"),
        ("{from: rest, url: https://x.org/a, page: {by: cursor, param: c}}", "pages by cursor need next"),
        ("{from: sql, database: oracle://x, table: t}", "this is not the address of a known database"),
        ("{from: sql, database: sqlite:///a.db}", "write table: NAME or query: SELECT"),
        ("{from: dlt, resource: issues}", "collect.resource"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(project, collect, says):
    more = "parse: {format: csv}\n" if "from: ht" in collect or "ckan" in collect else "load: snapshot\n"
    told = declare(project, collect, more).only_wrong()
    assert told.startswith("datasets/extra.yaml:2:")
    assert says in told


@pytest.mark.parametrize(
    ("collect", "more", "says"),
    [
        ("{from: rest, url: https://x.org/a}", "parse: {format: csv}\n", "rest gives json, not csv"),
        ("{from: sql, database: sqlite:///a.db, table: t}", "parse: {format: json}\n", "sql gives parquet, not json"),
        (
            "{from: ckan, portal: https://x.org, package: p, files: '*.csv'}", "parse: {format: csv}\n",
            "collect.files returns changed records again, and load: append would keep both versions",
        ),
        (
            "{from: rest, url: https://x.org/a, since: {param: s, field: f, start: a}}", "", "load: append would keep both",
        ),
        (
            "{from: http, url: 'https://x.org/{period:%Y}', periods: {unit: year, from: 2013, revisit: 1}}",
            "parse: {format: csv}\n",
            "collect.periods.revisit returns changed records again",
        ),
        (HTTP, "", "has no 'parse', which it needs"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_rest_of_the_dataset_is_told(project, collect, more, says):
    assert says in declare(project, collect, more).only_wrong()


class TestSecrets:
    @pytest.mark.parametrize(
        ("collect", "says"),
        [
            ("{from: http, url: https://x.org/a, auth: {bearer: abcdef}}", "collect.auth.bearer is not a reference"),
            ("{from: http, url: https://x.org/a, auth: {header: X-Key, value: abcdef}}", "collect.auth.value is not"),
            ('{from: http, url: https://x.org/a, auth: {bearer: "${T:-abcdef}"}}', "collect.auth.bearer is not"),
            ("{from: http, url: https://x.org/a, headers: {X-Api-Key: abcdef}}", "the header X-Api-Key holds a secret"),
            ('{from: sql, database: "postgresql://a:secret@h/d", table: t}', "the password in collect.database is not"),
            ('{from: files, path: "sftp://a:secret@h/x/*.csv"}', "the password in collect.path is not"),
        ],
    )
    def test_in_a_file_they_are_refused(self, project, collect, says):
        more = "load: snapshot\n" if "sql" in collect else "parse: {format: csv}\n"
        told = declare(project, collect, more).only_wrong({"T": "x"})
        assert says in told
        assert told.startswith("datasets/extra.yaml:2:")
        assert "abcdef" not in told

    def test_as_references_they_are_read_and_not_shown(self, project):
        declare(project, '{from: http, url: https://x.org/a, auth: {bearer: "${TOKEN}"}}')
        loaded = project.load({"TOKEN": "hunter22"})
        assert loaded.datasets["extra"].collect.auth.bearer.get_secret_value() == "hunter22"
        assert "hunter22" not in repr(loaded.datasets["extra"])

    def test_they_are_not_sent_in_clear_text_over_a_network(self, project):
        declare(project, '{from: http, url: http://x.org/a, auth: {bearer: "${TOKEN}"}}')
        assert "others can read credentials over http:// on their way; write https://" in project.only_wrong(
            {"TOKEN": "hunter22"}
        ).replace("\n  next:  ", "; ")

    @pytest.mark.parametrize("auth", ["{}", '{bearer: "${T}", user: ada}', "{user: ada}", '{value: "${T}"}'])
    def test_half_of_them_is_told(self, project, auth):
        declare(project, f"{{from: http, url: https://x.org/a, auth: {auth}}}")
        assert "auth has one of five forms" in project.only_wrong({"T": "hunter22"})


class TestDefaults:
    @pytest.mark.parametrize(
        ("collect", "form", "path"),
        [
            ("{from: ckan, portal: https://x.org, resource: r}", "json", "result.records"),
            ("{from: socrata, portal: https://x.org, id: abcd-1234}", "json", None),
            ("{from: sql, database: sqlite:///a.db, table: t}", "parquet", None),
            ("{from: dlt, resource: 'a:b'}", "jsonl", None),
        ],
    )
    def test_parse_need_not_be_written_where_the_source_decides_it(self, project, collect, form, path):
        parse = declare(project, collect, "load: snapshot\n").load().datasets["extra"].parse
        assert (parse.format, getattr(parse, "records", None)) == (form, path)

    def test_what_is_written_stands(self, project):
        more = 'parse: {"null": [NA]}\nload: snapshot\n'
        loaded = declare(project, "{from: ckan, portal: https://x.org, resource: r}", more).load()
        assert (loaded.datasets["extra"].parse.null, loaded.datasets["extra"].parse.format) == (("NA",), "json")


class TestOverlay:
    def test_its_files_are_added_or_take_the_place_of_others(self, project):
        project.write("vertebra.yaml", "name: flights\nprofiles:\n  live: {overlay: live}\n")
        project.write(
            "live/datasets/airlines.yaml",
            DATASET.format(collect=HTTP, more="parse: {format: csv}\n").replace(
                "a: int", "carrier: string, name: string"
            ),
        )
        project.write("live/datasets/more.yaml", DATASET.format(collect=HTTP, more="parse: {format: csv}\n"))
        assert set(project.load().datasets) == {"airlines", "flights"}
        live = project.load(profile="live").datasets
        assert {name: dataset.collect.kind for name, dataset in live.items()} == {"airlines": "http", "flights": "files", "more": "http"}  # fmt: skip

    def test_what_is_wrong_in_it_is_told_only_where_it_counts(self, project):
        project.write("vertebra.yaml", "name: flights\nprofiles:\n  live: {overlay: live}\n")
        project.write("live/datasets/more.yaml", "source: x\n")
        project.load()
        assert all(told.startswith("live/datasets/more.yaml") for told in project.wrong(profile="live"))

    @pytest.mark.parametrize("folder", ["none", "."])
    def test_it_is_a_folder_in_the_project(self, project, folder):
        project.write("vertebra.yaml", f"name: flights\noverlay: {folder}\n")
        assert "is not a folder in the project" in project.only_wrong()


class TestPeriods:
    @pytest.mark.parametrize(
        ("unit", "name", "following", "last_day"),
        [
            ("hour", "2013-12-31T23", "2014-01-01T00", "2013-12-31"),
            ("day", "2012-02-28", "2012-02-29", "2012-02-28"),
            ("week", "2020-W53", "2021-W01", "2021-01-03"),
            ("month", "2013-12", "2014-01", "2013-12-31"),
            ("quarter", "2013-Q4", "2014-Q1", "2013-12-31"),
            ("year", "2012", "2013", "2012-12-31"),
        ],
    )
    def test_what_follows_and_where_they_end(self, unit, name, following, last_day):
        one = parse_period(name, unit)
        assert (str(one), str(one.next), format_time(one.last_day, "%Y-%m-%d")) == (name, following, last_day)

    @given(
        st.sampled_from(["hour", "day", "week", "month", "quarter", "year"]),
        st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)),
    )
    def test_a_name_says_the_period_and_names_sort_as_time_does(self, unit, until):
        first = next(one for one in [Period(datetime(until.year, 1, 1), "year")])
        start = parse_period(str(Period(first.start, unit)), unit)
        found = [one for one, _ in zip(periods_until(start, until), range(60), strict=False)]
        assert [parse_period(str(one), unit) for one in found] == found
        assert sorted(map(str, found)) == [str(one) for one in found]
        assert all(one.end == other.start for one, other in pairwise(found))
        assert all(one.end <= until for one in found)

    def test_places_are_filled(self):
        one = parse_period("2013-01", "month")
        text = "{period:%Y}_{period:%-m}/{end:%Y-%m-%d}/{last:%d}/{station}/{{x}}"
        assert placeholder_names(text) == {"period", "end", "last", "station"}
        assert fill_placeholders(text, one, {"station": "JFK"}) == "2013_1/2013-02-01/31/JFK/{x}"

    def test_a_name_gives_the_period_back(self):
        found = file_name_pattern("{period:%Y}-{period:%m}_*.csv").fullmatch("2021-03_renda.csv")
        assert found is not None
        assert found.groupdict() == {"Y": "2021", "m": "03"}
        assert file_name_pattern("a.csv").fullmatch("a_csv") is None


def test_the_schema_has_every_kind():
    schema = json_schema("dataset")
    collect = schema["properties"]["collect"]
    assert set(collect["discriminator"]["mapping"]) == {
        "package",
        "files",
        "http",
        "ckan",
        "socrata",
        "rest",
        "sql",
        "dlt",
    }
    http = schema["$defs"][collect["discriminator"]["mapping"]["http"].rpartition("/")[2]]
    assert {"url", "params", "periods", "over", "begins", "auth", "limits"} <= set(http["properties"])
    assert all(http["properties"][key].get("description") for key in ("url", "periods", "over", "begins", "auth"))


def test_a_project_loads_without_the_libraries_that_collecting_takes(project):
    kinds = {
        "files": "path: a",
        "package": "path: a/b.csv",
        "http": "url: https://x.org/a",
        "ckan": "portal: https://x.org, resource: r",
        "socrata": "portal: https://x.org, id: abcd-1234",
        "rest": "url: https://x.org/a",
        "sql": "database: sqlite:///a.db, table: t",
        "dlt": "resource: a:b",
    }
    assert set(kinds) == set(COLLECTORS)
    for kind, keys in kinds.items():
        parse = "" if COLLECTORS[kind].declaration.payload_formats or kind == "ckan" else "parse: {format: csv}\n"
        project.write(f"datasets/of_{kind}.yaml", DATASET.format(collect=f"{{from: {kind}, {keys}}}", more=parse))
    code = (
        "import sys; from pathlib import Path; from vertebra.declare.load import load_project;"
        "load_project(Path(sys.argv[1]), environ={});"
        "print([one for one in ('httpx', 'pyarrow', 'numpy', 'pandas', 'duckdb', 'sqlalchemy', 'sqlite3', 'fsspec', 'dlt',"
        "'fastavro') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, project.root], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
