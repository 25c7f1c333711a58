"""Collecting from the command line: what is due, what is shown of the sources, and what a person sees meanwhile."""

from __future__ import annotations

import errno
import io
import json
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.tiny import edit, make
from portals.portals import FileServer
from portals.stand_in import StandIn, standing_in
from vertebra.cli import main
from vertebra.declare.collect import COLLECTORS
from vertebra.declare.period import summarize_periods
from vertebra.governance.step_facts import LandingFacts
from vertebra.landing.port import Transfer
from vertebra.pipeline.progress import StepResult
from vertebra.report.console import LineConsole, TerminalConsole
from vertebra.report.transfers import TransferLines, name_of, shortened

DAILY = '{from: files, path: "data/sales-*.csv", every: "@daily", zone: Europe/Madrid}'


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, object]]:
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture
def vertebra(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.delenv("VERTEBRA_DEBUG", raising=False)

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0 if code is None else 1, *capsys.readouterr())

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny project, as the current folder; sales are collected daily, shops when someone asks."""
    made = make(tmp_path / "project")
    edit(made, "datasets/sales.yaml", '{from: files, path: "data/sales-*.csv"}', DAILY)
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def web() -> Iterator[StandIn]:
    with standing_in(FileServer({"/sales.csv": b"id,shop,city,price,day\n1,S1,Girona,10.5,2026-01-01\n"})) as running:
        yield running


def from_web(folder: Path, web: StandIn, path: str = "sales.csv") -> None:
    limits = "limits: {retries: 0, rate: 1000, wait: 2 s}"
    edit(folder, "datasets/sales.yaml", DAILY, f'{{from: http, url: "{web.url}/{path}", every: "@daily", {limits}}}')


def test_what_is_due_is_collected_and_when_nothing_is_the_lake_is_not_touched(vertebra: Command, folder: Path) -> None:
    said = vertebra("collect", "--due")
    assert said.code == 0
    assert re.search(r"1 of 1 OK landing\.sales [\d.]+ s, 1 new batch, 6 records", said.err)
    assert not (folder / "lake" / "landing" / "office").exists(), "shops have no schedule"
    before = {file: file.stat().st_mtime_ns for file in (folder / "lake").rglob("*")}
    said = vertebra("collect", "--due")
    assert said.code == 0
    assert re.fullmatch(r"nothing is due: the next collection is due at \d{4}-\d\d-\d\d 2[23]:00 UTC\n", said.err)
    assert {file: file.stat().st_mtime_ns for file in (folder / "lake").rglob("*")} == before


def test_a_run_answers_for_what_was_due(vertebra: Command, folder: Path) -> None:
    assert vertebra("run", "--select", "zone:landing").code == 0
    assert vertebra("collect", "--due").err.startswith("nothing is due")


def test_what_would_be_asked_can_be_seen_before(vertebra: Command, folder: Path) -> None:
    said = vertebra("collect", "--due", "--dry-run", "--format", "json")
    assert [(row["dataset"], row["state"]) for row in said.rows] == [("sales", "never")]
    assert len(vertebra("collect", "--dry-run", "--format", "json").rows) == 2
    assert not (folder / "lake").exists()


def test_sources_are_listed_with_where_they_stand(vertebra: Command, folder: Path) -> None:
    rows = {row["dataset"]: row for row in vertebra("ls", "sources", "--format", "json").rows}
    assert {name: (row["state"], row["every"]) for name, row in rows.items()} == {
        "sales": ("never", "@daily Europe/Madrid"),
        "shops": ("never", None),
    }
    vertebra("collect")
    said = vertebra("ls", "sources")
    assert re.search(r"sales +ok +files +@daily Europe/Madrid +\d{4}-\d\d-\d\d 2[23]:00 ", said.out)
    assert re.search(r"shops +ok +files +– ", said.out)
    [sales] = [row for row in vertebra("ls", "sources", "-f", "json").rows if row["dataset"] == "sales"]
    assert (sales["batch"], sales["records"], sales["missed"]) == (1, 6, 0)


def test_sources_are_selected_and_what_cannot_be_selected_says_so(vertebra: Command, folder: Path) -> None:
    asked = ("ls", "sources", "--select", "sales", "--format", "json")
    assert [row["dataset"] for row in vertebra(*asked).rows] == ["sales"]
    assert "sales" in vertebra("ls", "sources", "--select", "landing.sales").out
    assert vertebra("ls", "sources", "--select", "sails").code == 1
    for command in (("ls", "tables", "--select", "sales"), ("ls", "sources", "--exclude", "sales")):
        said = vertebra(*command)
        assert (said.code, "it is for steps" in " ".join(said.err.split())) == (2, True)


def test_a_collection_tells_programs_where_its_sources_stand(vertebra: Command, folder: Path) -> None:
    rows = vertebra("collect", "sales", "--format", "json").rows
    assert [(row["dataset"], row["state"], row["records"]) for row in rows] == [("sales", "ok", 6)]
    said = vertebra("collect", "--format", "csv")
    assert [line.split(",")[:2] for line in said.out.splitlines()[1:]] == [["sales", "ok"], ["shops", "ok"]]
    assert vertebra("collect", "--due", "--format", "json").rows == []


def test_many_periods_are_told_in_short() -> None:
    months = [f"2013-{month:02d}" for month in range(1, 13)]
    assert summarize_periods(months[:3]) == "2013-01, 2013-02, 2013-03"
    assert summarize_periods(months) == "2013-01 … 2013-12 (12 periods)"


def test_a_disk_that_is_full_is_told_with_what_to_do(
    vertebra: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "lake/x")

    monkeypatch.setattr(Path, "mkdir", full)
    said = vertebra("collect")
    assert said.code == 1
    assert said.err == (
        "error: lake/x could not be written\n  cause: No space left on device; what was committed before is kept\n"
        "  next:  free disk space, or mount the disk for writing, then repeat the command\n"
    )


def test_how_far_a_database_is_read_is_shown_as_the_value_of_its_cursor(vertebra: Command, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE visits AS SELECT 1 AS id, '2024-01-04 00:00:00' AS at")
    (folder / "datasets" / "visits.yaml").write_text(
        "source: shop\ncollect: {from: sql, database: sqlite:///shop.db, table: visits, cursor: at}\n"
        "columns: {id: int, at: timestamp}\n"
    )
    assert vertebra("collect", "visits").code == 0
    [visits] = [row for row in vertebra("ls", "sources", "-f", "json").rows if row["dataset"] == "visits"]
    assert visits["watermark"] == "2024-01-04 00:00:00"
    assert '"ties"' in str(visits["cursor"])


def test_a_table_that_went_back_is_told_until_its_cursor_is_set(vertebra: Command, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE visits AS SELECT 100 AS id")
    (folder / "datasets" / "visits.yaml").write_text(
        "source: shop\ncollect: {from: sql, database: sqlite:///shop.db, table: visits, cursor: id}\ncolumns: {id: int}\n"
    )
    assert vertebra("collect", "visits").code == 0
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        connection.execute("UPDATE visits SET id = 1")
    says = "the row at the watermark 100 is gone: the highest id is 1"
    assert f"warning: visits: {says}" in vertebra("collect", "visits").err
    listed = vertebra("ls", "sources")
    assert f"visits warning: {says}" in listed.err
    assert "next: vertebra collect visits --reset-cursor 1" in listed.err
    assert "the cursor cannot be set to 'x'" in vertebra("collect", "visits", "--reset-cursor", "x").err
    assert vertebra("collect", "--reset-cursor", "1").code == 2
    set_to = vertebra("collect", "visits", "--reset-cursor", "1")
    assert "visits continues from 1; its watermark was 100" in set_to.err
    assert set_to.code == 0
    assert "visits warning" not in vertebra("ls", "sources").err
    resets = vertebra("sql", "select dataset, batch, before, value from governance.cursor_resets", "-f", "json").rows
    assert resets == [{"dataset": "visits", "batch": 1, "before": "100", "value": "1"}]
    assert "sales.csv" not in set_to.out
    refused = vertebra("collect", "sales", "--reset-cursor", "1")
    assert (refused.code, "the cursor of sales cannot be set" in refused.err) == (1, True)


def test_a_snapshot_that_shrank_is_refused_until_a_person_accepts_it(vertebra: Command, folder: Path) -> None:
    edit(folder, "datasets/shops.yaml", "load: snapshot", "load: snapshot\nshrink: 40 %")
    assert vertebra("collect", "shops").code == 0
    assert "no snapshot of shops waits to be accepted" in vertebra("collect", "shops", "--accept-shrink").err
    (folder / "data" / "shops.csv").write_text("shop,city\nS1,Girona\n")
    said = vertebra("collect", "shops")
    assert said.code == 1
    assert "shops.csv has 1 record, 50 % fewer than the 2 of batch 1" in said.err
    (row,) = vertebra("sql", "select state, reason from governance.collections", "--format", "json").rows
    assert row["state"] == "refused"
    assert "50 % fewer" in str(row["reason"])
    said = vertebra("collect", "shops", "--accept-shrink")
    assert said.code == 0
    assert said.err.startswith("a snapshot of shops with 1 record may replace 2")
    assert "1 new batch, 1 record" in said.err
    query = "select decided_by, url, replaces, records from governance.accepted_shrinks"
    (row,) = vertebra("sql", query, "--format", "json").rows
    assert (row["url"], row["replaces"], bool(row["decided_by"])) == ("file:data/shops.csv", 1, True)
    assert vertebra("collect", "--accept-shrink").code == 2


def test_how_far_dlt_has_read_is_shown_without_the_rest_of_its_state() -> None:
    state = {"sources": {"gh": {"resources": {"issues": {"incremental": {"at": {"last_value": "\uf0232024-01-04"}}}}}}}
    assert COLLECTORS["dlt"].shown_cursor(json.dumps(state)) == "2024-01-04"
    assert COLLECTORS["dlt"].shown_cursor(json.dumps({"sources": {}})) is None
    assert COLLECTORS["rest"].shown_cursor("2024-01-04") == "2024-01-04"


def test_a_source_that_is_down_is_shown_with_the_reason_and_the_next_command(
    vertebra: Command, folder: Path, web: StandIn
) -> None:
    from_web(folder, web)
    assert vertebra("collect", "--due").code == 0
    from_web_gone = folder / "datasets" / "sales.yaml"
    from_web_gone.write_text(from_web_gone.read_text("utf-8").replace("sales.csv", "gone.csv"), "utf-8")
    said = vertebra("collect", "sales")
    assert said.code == 1
    assert "status 404" in said.err
    said = vertebra("ls", "sources")
    assert re.search(r"sales +refused +http", said.out)
    assert re.search(r"sales refused: .*status 404.*; next attempt at", said.err)
    assert "\n  next:  " in said.err
    assert vertebra("collect", "--due").code == 1, "whoever calls it decides when it is tried again"


def test_a_source_that_holds_a_secret_shows_it_to_nobody(
    vertebra: Command, folder: Path, web: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALES_TOKEN", "s3cr3t-t0ken")
    from_web(folder, web, "${SALES_TOKEN}.csv")
    assert vertebra("collect", "sales").code == 1
    shown = [vertebra("ls", "sources", *form) for form in ((), ("-f", "json"), ("-f", "csv"))]
    shown.append(vertebra("sql", "select * from governance.collections", "-f", "json"))
    assert all("s3cr3t" not in said.out + said.err for said in shown)


def test_how_collections_ended_can_be_asked_in_sql(vertebra: Command, folder: Path) -> None:
    vertebra("collect")
    query = "select dataset, state, records from governance.collections order by 1"
    assert vertebra("sql", query, "-f", "json").rows == [
        {"dataset": "sales", "state": "new", "records": 6},
        {"dataset": "shops", "state": "new", "records": 2},
    ]


def test_the_next_moments_are_printed_in_order(vertebra: Command, folder: Path) -> None:
    rows = vertebra("schedule", "--dry-run", "-n", "3", "--format", "json").rows
    assert [row["why"] for row in rows] == ["never", "schedule", "schedule"]
    assert rows == sorted(rows, key=lambda row: str(row["at"]))
    edit(folder, "datasets/sales.yaml", DAILY, '{from: files, path: "data/sales-*.csv"}')
    assert "no selected dataset has a schedule" in vertebra("schedule", "--dry-run").err


def test_once_collects_what_is_due_and_runs_what_follows(vertebra: Command, folder: Path) -> None:
    vertebra("collect", "shops")
    said = vertebra("schedule", "--once")
    assert said.code == 0, said.err
    lines = said.err.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line) for line in lines)
    told = [line.split(" ", 1)[1] for line in lines]
    assert told[0] == "due sales (@daily Europe/Madrid): never collected"
    assert [line.split(" ")[1] for line in told if line.startswith("OK ")][:2] == ["landing.sales", "formatted.sales"]
    assert re.match(r"round \S+ (ok|failed): ", told[-1])


def test_a_schedule_that_is_none_is_a_declaration_error_with_its_line(vertebra: Command, folder: Path) -> None:
    edit(folder, "datasets/sales.yaml", "@daily", "@fortnightly")
    said = vertebra("check")
    assert said.code == 1
    assert re.search(r"datasets/sales\.yaml:\d+:\d+: .*there is no schedule '@fortnightly'", said.err)
    assert "@weekly" in said.err


# -- what is seen of transfers -------------------------------------------------------------------------------------


def test_a_log_gets_a_line_every_ten_seconds_however_many_bytes_come() -> None:
    told: list[str] = []
    now = [0.0]
    lines = TransferLines(told.append, lambda: now[0])
    for second in range(1, 41):
        now[0] = float(second)
        file = (second - 1) // 20
        lines.update(
            "landing.flights", Transfer(f"https://host/{file}.zip", 1_000_000 * ((second - 1) % 20 + 1), 20_000_000)
        )
    assert told == [
        "landing.flights 1 file, 11.0 MB, 1.1 MB/s, now 0.zip 11.0 MB of 20.0 MB",
        "landing.flights 2 files, 21.0 MB, 1.1 MB/s, now 1.zip 1.0 MB of 20.0 MB",
        "landing.flights 2 files, 31.0 MB, 1.0 MB/s, now 1.zip 11.0 MB of 20.0 MB",
    ]


def test_a_transfer_that_begins_again_is_not_counted_below_nothing() -> None:
    told: list[str] = []
    now = iter([0.0, 5.0, 11.0])
    lines = TransferLines(told.append, lambda: next(now))
    for done in (5_000_000, 1_000_000, 2_000_000):
        lines.update("landing.a", Transfer("https://host/a", done))
    assert told == ["landing.a 2 files, 7.0 MB, 636.4 kB/s, now a 2.0 MB"]


def test_long_addresses_keep_what_tells_them_apart() -> None:
    assert name_of("https://host/a/b.csv") == "b.csv"
    assert name_of("https://host/") == "host"
    assert name_of("https://host/api?page=2") == "api?page=2"
    long = name_of("https://host/On_Time_Reporting_Carrier_On_Time_Performance_1987_present_2013_12.zip")
    assert len(long) <= 44
    assert long.endswith("2013_12.zip")
    assert shortened("reading https://host/a/b.csv now") == "reading b.csv now"


def test_a_terminal_shows_bytes_and_rate_below_the_step() -> None:
    screen = io.StringIO()
    terminal = TerminalConsole(Console(file=screen, force_terminal=True, width=100, highlight=False))
    terminal.started(1, 1, "landing.flights")
    terminal.transferred("landing.flights", Transfer("https://host/2013_1.zip", 500_000, 2_000_000))
    terminal.transferred("landing.flights", Transfer("https://host/[2013]_2.zip", 1_500_000, None))
    terminal.ended(1, 1, StepResult("landing.flights", "ok", "", 1.0, facts=LandingFacts(new_batches=2)))
    terminal.close()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "landing.flights" in shown
    assert "1 of 1 OK" in shown
    assert "2 new batches" in shown


def test_a_period_that_is_not_published_yet_is_told_in_a_log() -> None:
    log = io.StringIO()
    LineConsole(log).ended(
        1, 1, StepResult("landing.a", "current", "", 0.1, facts=LandingFacts(unpublished_periods=("2013-03",)))
    )
    assert log.getvalue() == "1 of 1 current landing.a 0.1 s, not published yet: 2013-03\n"
