"""The page on adding a source, followed from top to bottom in a fresh folder, the web replaced by a server that stands in."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from forked import Forks
from portals.portals import FileServer, embedded
from portals.stand_in import standing_in
from portals.two_years import months, portal
from vertebra.declare.schedule import checked_schedule

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sources.md"
TEXT = PAGE.read_text("utf-8")
BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HOSTS = ("https://davidmegginson.github.io", "https://transtats.bts.gov")


def airports() -> bytes:
    """The embedded airports with the names that OurAirports gives its columns."""
    names = {"faa": "ident", "name": "name", "lat": "latitude_deg", "lon": "longitude_deg", "alt": "elevation_ft"}
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow([*names.values(), "iso_country"])
    with embedded("airports.csv").open(encoding="utf-8") as file:
        writer.writerows([*(row[name] for name in names), "US"] for row in csv.DictReader(file))
    return made.getvalue().encode()


def web() -> FileServer:
    flights = {name: text.replace(b"NA", b"") for name, text in months(rows=30).items() if name.startswith("2013")}
    server = portal(flights)
    server.files["/ourairports-data/airports.csv"] = airports()
    return server


@pytest.fixture(scope="module")
def followed(
    tmp_path_factory: pytest.TempPathFactory, forks: Forks
) -> tuple[Path, dict[str, subprocess.CompletedProcess[str]]]:
    """The project as the page leaves it, and what each command said."""
    folder = tmp_path_factory.mktemp("reader")
    said = {}
    with standing_in(web()) as running:
        for kind, content in BLOCK.findall(TEXT):
            if kind == "yaml":
                name = re.match(r"# (datasets/\w+\.yaml)\n", content)
                assert name, "a declaration says which file it is"
                for host in HOSTS:
                    content = content.replace(host, running.url)
                # the reader has patience, and there are years of months; the test has neither
                content = content.replace("lag: 60 days", "to: 2013-12")
                content = content.replace("from: http", "from: http\n  limits: {rate: 1000}")
                (folder / name[1]).write_text(content, "utf-8")
                continue
            for line in content.splitlines():
                if line.startswith("cd "):
                    folder = folder / line.removeprefix("cd ")
                    continue
                program, *arguments = shlex.split(line)
                assert program == "vertebra"
                said[line] = forks.vertebra(*arguments, cwd=folder)
    return folder, said


def test_every_command_works_in_the_order_of_the_page(
    followed: tuple[Path, dict[str, subprocess.CompletedProcess[str]]],
) -> None:
    _, said = followed
    assert len(said) >= 12
    assert {line: done.returncode for line, done in said.items()} == dict.fromkeys(said, 0), [
        done.stderr for done in said.values() if done.returncode
    ]


def test_they_do_what_the_page_says(followed: tuple[Path, dict[str, subprocess.CompletedProcess[str]]]) -> None:
    _, said = followed
    assert "latitude_deg" in said['vertebra sql "describe landing.airports"'].stdout
    assert re.search(r"OK trusted\.airports .*1,458 rows", said["vertebra run --select airports"].stderr)
    assert "6 periods, 6 landed" in said["vertebra collect flights --from 2013-01 --to 2013-06"].stderr
    plan = said["vertebra collect flights --from 2013-01 --to 2013-12 --dry-run"].stdout
    assert (plan.count("landed"), plan.count("missing")) == (6, 6)
    sources = said["vertebra ls sources"].stdout
    assert re.search(r"airports +ok +http +@daily", sources)
    assert re.search(r"flights +due +http +0 6 \* \* \* America/New_York +now", sources)
    assert re.search(r"OK landing\.flights .*6 new batches, 180 records", said["vertebra collect --due"].stderr)
    assert re.search(r"OK trusted\.flights .*360 rows", said["vertebra schedule --once"].stderr)


def test_nothing_is_left_to_do_at_the_end(
    followed: tuple[Path, dict[str, subprocess.CompletedProcess[str]]], forks: Forks
) -> None:
    folder, _ = followed
    rows = json.loads(forks.vertebra("ls", "sources", "--format", "json", cwd=folder).stdout)
    assert {row["dataset"]: row["state"] for row in rows} == {"airports": "ok", "flights": "ok", "orders": "ok"}


def test_the_schedules_on_the_page_are_schedules() -> None:
    section = TEXT[TEXT.index("## On a schedule") :]
    for text in [
        *re.findall(r"@\w+", section),
        *re.findall(r"`(\d+ \w+)`", section),
        *re.findall(r'"(\*/[^"]*)"', section),
    ]:
        assert checked_schedule(text) == text
