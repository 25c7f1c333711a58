"""What six devices send: text files, month by month, with the faults that real devices have.

The series are measured ones, from the samples of the Python package opendsm (``pip install --no-deps opendsm==1.2.7``).
This program cuts them into files of three makes of devices and writes them to ``drop/``::

    python devices.py                    # everything
    python devices.py --until 2017-06    # what has arrived by the end of June 2017

The faults are drawn with a seed, so the program knows the truth: :func:`truth` has it.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

CHICAGO = ZoneInfo("America/Chicago")
UTC = UTC
HOUR = timedelta(hours=1)
KWH_PER_THERM = 29.300111
SEED = 7


@dataclass(frozen=True)
class Device:
    """A meter and the series behind it.

    Attributes:
        make: which format its files have: ``logger``, ``meter`` or ``probe``.
        modulo: where its counter begins at 0 again, in kWh.
        start: what its counter shows at first, in kWh.
    """

    name: str
    make: str
    sample: str
    kwh_per_unit: float
    modulo: float
    start: float

    @property
    def first(self) -> datetime:
        """When it begins to send."""
        return datetime(2016, 1, 1, tzinfo=CHICAGO) if self.make != "probe" else datetime(2020, 4, 2, tzinfo=UTC)


DEVICES = (
    Device("W-101", "logger", "il-gas-hdd-only-hourly", KWH_PER_THERM, 10_000, 8_124.4),
    Device("W-102", "logger", "il-gas-intercept-only-hourly", KWH_PER_THERM, 20_000, 640),
    Device("4711", "meter", "il-electricity-cdd-hdd-hourly", 1, 1_000, 910),
    Device("4712", "meter", "il-electricity-cdd-only-hourly", 1, 100_000, 98_500),
    Device("660", "probe", "uk-gas-hdd-only-hourly-sample-0", 1, 1_000_000, 5_204.2),
    Device("661", "probe", "uk-electricity-hdd-only-hourly-sample-0", 1, 1_000_000, 17.3),
)


@dataclass(frozen=True)
class Reading:
    """What a device shows at an instant, in kWh: as counted, and as sent."""

    at: datetime
    counter: float
    sent: float


@dataclass(frozen=True)
class Sent:
    """A file.

    Attributes:
        arrives: the month in which it arrives, as 2017-06.
    """

    path: str
    arrives: str
    content: bytes


@dataclass
class Truth:
    """What the files hide.

    Attributes:
        used: what each device counted in the hour from each instant, in kWh.
        counters: what each device had counted at each instant since it was built, in kWh.
        lost: instants of readings that no file has.
        spikes: instants of readings that a device got wrong and did not correct.
        corrected: instants of readings that a later file corrects.
        repeated: files whose content an earlier file has.
        late: files that arrive months after others of the device.
    """

    used: dict[str, dict[datetime, float]] = field(default_factory=dict)
    counters: dict[str, dict[datetime, float]] = field(default_factory=dict)
    lost: dict[str, set[datetime]] = field(default_factory=dict)
    spikes: dict[str, set[datetime]] = field(default_factory=dict)
    corrected: dict[str, set[datetime]] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)


def samples() -> Path:
    """The folder with the series.

    Raises:
        SystemExit: the package is not installed.
    """
    found = importlib.util.find_spec("opendsm")  # it is not imported: its dependencies are not installed
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the series are not there; next: pip install --no-deps opendsm==1.2.7")
    return Path(found.submodule_search_locations[0]) / "eemeter" / "samples"


def made(folder: Path | None = None) -> tuple[list[Sent], Truth]:
    """Every file in the order of arrival, and the truth.

    Args:
        folder: with the series; None takes those of the package.
    """
    folder = folder or samples()
    known, files = Truth(), []
    for device in DEVICES:
        files += _files(device, folder, known)
    files += _weather(folder)
    return sorted(files, key=lambda one: (one.arrives, one.path)), known


def truth(folder: Path | None = None) -> Truth:
    """What the files hide, see :class:`Truth`."""
    return made(folder)[1]


def write(files: Iterable[Sent], drop: Path) -> int:
    """Write files that are not there yet, and return how many."""
    count = 0
    for file in files:
        target = drop / file.path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
            count += 1
    return count


# -- readings and their faults -----------------------------------------------------------------------------------------


def _hours(sample: Path) -> Iterator[tuple[datetime, float]]:
    with gzip.open(sample, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            at = datetime.fromisoformat(row["start"])
            yield at.astimezone(UTC), float(row["value"] or 0)


def _files(device: Device, folder: Path, known: Truth) -> Iterator[Sent]:
    draw = Random(f"{SEED} {device.name}")
    used = {
        at: value * device.kwh_per_unit
        for at, value in _hours(folder / f"{device.sample}.csv.gz")
        if at >= device.first
    }
    known.used[device.name] = used
    counter, counted = device.start, {}
    for at, value in used.items():
        counted[at] = counter
        counter += value
    counted[max(used) + HOUR] = counter
    known.counters[device.name] = counted
    lost = {at for at in counted if draw.random() < 0.002}
    days = sorted({at.date() for at in counted})
    for gap in draw.sample(days[30:-30], 3):
        lost |= {at for at in counted if gap <= at.date() < gap + timedelta(days=draw.choice((1, 1, 2)))}
    spikes = {at for at in counted if at not in lost and draw.random() < 0.0004}
    known.lost[device.name], known.spikes[device.name] = lost, spikes
    months: dict[str, list[Reading]] = {}
    for at, value in counted.items():
        if at in lost:
            continue
        shown = value % device.modulo
        sent = shown + draw.choice((250, 400)) if at in spikes else shown
        months.setdefault(_month(device, at), []).append(Reading(at, shown, sent))
    known.corrected[device.name] = set()
    yield from _sent(device, months, draw, known)


def _month(device: Device, at: datetime) -> str:
    """The month of a reading; midnight belongs to the day before where devices write 24:00."""
    local = at if device.make == "probe" else at.astimezone(CHICAGO)
    if device.make == "meter" and (local.hour, local.minute) == (0, 0):
        local -= timedelta(minutes=1)
    return f"{local:%Y-%m}"


def _sent(device: Device, months: dict[str, list[Reading]], draw: Random, known: Truth) -> Iterator[Sent]:
    """The files of a device: each month, some late, some twice, and one that corrects another."""
    names = list(months)
    late, twice, wrong = draw.sample(names[2:-3], 3)
    for number, month in enumerate(names):
        readings = months[month]
        arrives = names[number + 2] if month == late else month
        path = _path(device, month)
        if month == late:
            known.late.append(path)
        if month == wrong:
            first = draw.randrange(100, len(readings) - 100)
            broken = {one.at for one in readings[first : first + 30]}
            known.corrected[device.name] = broken
            known.spikes[device.name] -= broken
            right = [Reading(one.at, one.counter, one.counter) for one in readings if one.at in broken]
            readings = [Reading(one.at, one.counter, 0.0) if one.at in broken else one for one in readings]
            following = names[number + 1]
            yield Sent(path.replace(month, f"{month}_correction"), following, _content(device, month, right))
            again = path.replace(month, f"{month} (1)")
            known.repeated.append(again)
            yield Sent(again, names[number + 2], _content(device, month, readings))
        content = _content(device, month, readings)
        if month == twice:
            known.repeated.append(path.replace(month, f"{month} (1)"))
            yield Sent(known.repeated[-1], names[number + 1], content)
        yield Sent(path, arrives, content)


# -- formats -----------------------------------------------------------------------------------------------------------


def _path(device: Device, month: str) -> str:
    match device.make:
        case "logger":
            return f"logger/{device.name}_{month}.csv"
        case "meter":
            return f"meter/export_{device.name}_{month}.csv"
        case _:
            return f"probe/meter-{device.name}_{month}.txt"


def _content(device: Device, month: str, readings: list[Reading]) -> bytes:
    match device.make:
        case "logger":
            return _logger(device, month, readings)
        case "meter":
            return _meter(device, readings)
        case _:
            return _probe(month, readings)


def _logger(device: Device, month: str, readings: list[Reading]) -> bytes:
    """Semicolons, decimal commas, windows-1252, local time without an offset, and another unit now and then."""
    unit, factor, digits = (("kWh", 1.0, 2), ("MWh", 1e-3, 5), ("GJ", 3.6e-3, 6))[int(month[-2:]) % 5 % 3]
    lines = ["Gerät;Zeitpunkt;Zählerstand;Einheit"]
    for one in readings:
        value = f"{round(one.sent, 2) * factor:.{digits}f}".replace(".", ",")
        lines.append(f"{device.name};{one.at.astimezone(CHICAGO):%d.%m.%Y %H:%M};{value};{unit}")
    return ("\r\n".join(lines) + "\r\n").encode("cp1252")


def _meter(device: Device, readings: list[Reading]) -> bytes:
    """The device in the lines before the table, date and time in two columns, midnight as 24:00."""
    lines = [f"device,{device.name}", f"readings,{len(readings)}", "", "Date,Time,Counter kWh"]
    for one in readings:
        local = one.at.astimezone(CHICAGO)
        time = f"{local:%H:%M}"
        if time == "00:00":
            local, time = local - timedelta(hours=1), "24:00"
        lines.append(f'{local:%m/%d/%Y},{time},"{one.sent:,.2f}"')
    return ("\n".join(lines) + "\n").encode()


def _probe(month: str, readings: list[Reading]) -> bytes:
    """The device in the name of the file alone. Firmware 3 has other names, another order, and kWh in place of GJ."""
    if month < "2021-07":
        lines = ["# probe HL-5, firmware 2.0", "time\tenergy_GJ\tvalve"]
        lines += [f"{one.at:%Y-%m-%dT%H:%M:%SZ}\t{one.sent * 3.6e-3:.6f}\topen" for one in readings]
    else:
        lines = ["# probe HL-5, firmware 3.1", "ventil\tenergie_kWh\tzeit"]
        lines += [f"offen\t{one.sent:.3f}\t{one.at:%Y-%m-%dT%H:%M:%SZ}" for one in readings]
    return ("\n".join(lines) + "\n").encode()


def _weather(folder: Path) -> Iterator[Sent]:
    """The temperature of both places, a file a month."""
    places = (("illinois", "il-tempF", "dt", "tempF", "2016"), ("england", "uk-tempC-sample-0", "dt", "tempC", "2020"))
    for place, sample, time, column, first in places:
        months: dict[str, list[str]] = {}
        with gzip.open(folder / f"{sample}.csv.gz", "rt", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                if row[time] >= first:
                    value = row[column] if row[column] not in ("", "nan") else ""
                    months.setdefault(row[time][:7], []).append(f"{row[time]},{value}")
        for month, rows in months.items():
            content = "\n".join([f"at,{column}", *rows]) + "\n"
            yield Sent(f"weather/{place}_{month}.csv", month, content.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--until", metavar="YEAR-MONTH", help="files that have arrived by the end of this month; all if left out"
    )
    parser.add_argument(
        "--drop", type=Path, default=Path(__file__).parent / "drop", help="where to write (default: drop)"
    )
    arguments = parser.parse_args()
    if arguments.until:
        date.fromisoformat(f"{arguments.until}-01")
    files = [one for one in made()[0] if not arguments.until or one.arrives <= arguments.until]
    count = write(files, arguments.drop)
    print(f"{count} new files in {arguments.drop}, {len(files)} in all")


if __name__ == "__main__":
    main()
