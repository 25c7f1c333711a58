"""Two years of flights as BTS publishes them, a project that collects them month by month, and one that has them at once.

The second year is the first one with its dates moved by a year.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from portals.portals import FileServer, flights_by_month, zipped

_COLUMNS = """\
  year: {type: int, source: Year, required: true}
  month: {type: int, source: Month, required: true, range: [1, 12]}
  day: {type: int, source: DayofMonth, required: true, range: [1, 31]}
  dep_time: {type: int, source: DepTime, range: [1, 2400]}
  sched_dep_time: {type: int, source: CRSDepTime, range: [0, 2359]}
  dep_delay: {type: int, source: DepDelay}
  arr_time: {type: int, source: ArrTime, range: [1, 2400]}
  sched_arr_time: {type: int, source: CRSArrTime}
  arr_delay: {type: int, source: ArrDelay}
  carrier: {type: string, source: Reporting_Airline}
  flight: {type: int, source: Flight_Number_Reporting_Airline}
  tailnum: {type: string, source: Tail_Number}
  origin: {type: string, source: Origin, values: [EWR, JFK, LGA]}
  dest: {type: string, source: Dest}
  air_time: {type: int, source: AirTime}
  distance: {type: int, source: Distance}
  time_hour: {type: timestamp}
key: [carrier, flight, origin, time_hour]
rules:
  route_distance: {determines: "[origin, dest] -> distance", on_violation: repair}
  leaves_the_city: {deny: "t.dest in ('EWR', 'JFK', 'LGA')", on_violation: quarantine}
  aircraft_carrier: {determines: "tailnum -> carrier"}
"""

_VIEW = """\
SELECT year, month, origin, count(*) AS flights, count(dep_time) AS departed, sum(distance) AS miles,
       sum(dep_delay) AS minutes
FROM trusted.flights
GROUP BY year, month, origin
"""


def months(rows: int | None = None) -> dict[str, bytes]:
    """The CSV of each month by its name, ``2013-01`` to ``2014-12``.

    Args:
        rows: records of each month; all of them unless given.
    """
    made = {}
    for year in (2013, 2014):
        for month, content in sorted(flights_by_month().items()):
            header, *lines = content.decode().splitlines()[: None if rows is None else rows + 1]
            moved = lines if year == 2013 else [_moved(line) for line in lines]
            made[f"{year}-{month:02d}"] = "\n".join([header, *moved, ""]).encode()
    return made


def portal(content: dict[str, bytes]) -> FileServer:
    """A server of monthly zip archives, the month not padded."""
    files = {}
    for name, text in content.items():
        year, month = map(int, name.split("-"))
        path = f"/PREZIP/On_Time_Reporting_Carrier_On_Time_Performance_1987_present_{year}_{month}.zip"
        files[path] = zipped(**{f"On_Time_{year}_{month}_csv": text, "readme_html": b"<html>Fields</html>"})
    return FileServer(files)


def monthly_project(folder: Path, url: str, every: str = "@monthly", last: str | None = "2014-12") -> Path:
    """A project that collects the months from a server."""
    address = "PREZIP/On_Time_Reporting_Carrier_On_Time_Performance_1987_present_{period:%Y}_{period:%-m}.zip"
    until = f", to: {last}" if last else ""
    return _project(
        folder,
        f"""\
        collect:
          from: http
          url: "{url}/{address}"
          member: "*.csv"
          periods: {{unit: month, from: 2013-01{until}}}
          every: "{every}"
          limits: {{rate: 1000, retries: 1}}
        """,
    )


def whole_project(folder: Path, content: dict[str, bytes]) -> Path:
    """A project that has all months in one file."""
    _project(folder, 'collect: {from: files, path: "all.csv"}\n')
    header = next(iter(content.values())).split(b"\n", 1)[0]
    (folder / "all.csv").write_bytes(header + b"\n" + b"".join(text.split(b"\n", 1)[1] for text in content.values()))
    return folder


def _project(folder: Path, collect: str) -> Path:
    (folder / "datasets").mkdir(parents=True)
    (folder / "views").mkdir()
    (folder / "vertebra.yaml").write_text("name: two_years\n", "utf-8")
    about = "source: bts\nparse: {format: csv, 'null': [NA]}\nload: append\n"
    text = about + textwrap.dedent(collect) + f"columns:\n{_COLUMNS}"
    (folder / "datasets" / "flights.yaml").write_text(text, "utf-8")
    (folder / "views" / "by_month.sql").write_text(_VIEW, "utf-8")
    return folder


def _moved(line: str) -> str:
    """A record a year later."""
    before, _, hour = line.rpartition(",")
    return f"2014{before.removeprefix('2013')},{int(hour[:4]) + 1}{hour[4:]}"
