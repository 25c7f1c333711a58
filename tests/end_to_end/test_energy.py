"""The energy project: what cleaning recovers from the files of devices is what the devices counted.

The generator of the files knows the truth. The tests take a part of the files, in two drops, as they would arrive.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import vertebra

PROJECT = Path(__file__).resolve().parents[2] / "projects" / "energy"
FIRST = {"logger": "2016-06", "meter": "2016-06", "probe": "2020-12", "weather": "2016-06"}
SECOND = {"logger": "2016-12", "meter": "2016-12", "probe": "2021-09", "weather": "2021-09"}
"""The months until which the files of each make have arrived; weather after 2016 begins in 2020."""
ZONES = {
    "logger": ZoneInfo("America/Chicago"),
    "meter": ZoneInfo("America/Chicago"),
    "probe": ZoneInfo("Europe/London"),
}
TABLES = {"logger": "loggers", "meter": "meters", "probe": "probes"}
DECIMALS = {"logger": 0.005, "meter": 0.005, "probe": 0.0005}
"""How far a counter is rounded in the files, in kWh."""


@pytest.fixture(scope="module")
def devices() -> ModuleType:
    spec = importlib.util.spec_from_file_location("energy_devices", PROJECT / "devices.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Energy:
    """The project after both drops, the truth, and what each run said."""

    def __init__(self, folder: Path, devices: ModuleType) -> None:
        shutil.copytree(
            PROJECT,
            folder,
            ignore=shutil.ignore_patterns("lake", "drop", "mlflow*", "mlruns", "plots", "analyses", "__pycache__"),
        )
        files, self.truth = devices.made()
        self.devices = {one.name: one for one in devices.DEVICES}
        self.runs = []
        self.written = []
        for until in (FIRST, SECOND):
            arrived = [one for one in files if one.arrives <= until[one.path.partition("/")[0]]]
            self.written.append(devices.write(arrived, folder / "drop"))
            self.project = vertebra.open(folder)
            self.runs.append(self.project.run())
        self.files = {one.path for one in arrived}

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.project.sql(sql).rows()

    def sent(self, name: str) -> set[datetime]:
        """The instants whose readings are in the files."""
        make = self.devices[name].make
        months = {path.rpartition("_")[2][:7] for path in self.files if f"{name}_" in path}
        found = set()
        for at in self.truth.counters[name].keys() - self.truth.lost[name]:
            local = at if make == "probe" else at.astimezone(ZONES[make])
            if make == "meter" and (local.hour, local.minute) == (0, 0):
                local -= timedelta(minutes=1)  # 24:00
            if f"{local:%Y-%m}" in months:
                found.add(at)
        return found


@pytest.fixture(scope="module")
def energy(devices: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Energy:
    return Energy(tmp_path_factory.mktemp("energy") / "project", devices)


def test_every_reading_is_recovered_and_every_spike_is_removed(energy: Energy) -> None:
    for name, device in energy.devices.items():
        table = TABLES[device.make]
        rows = energy.rows(f"select read_at, counter from trusted.{table} where device = '{name}'")
        found = {row["read_at"]: row["counter"] for row in rows}
        sent, spikes = energy.sent(name), energy.truth.spikes[name]
        assert found.keys() == sent - spikes, name
        removed = energy.rows(
            f"select f.read_at from governance.quarantine q join formatted.{table} f on f._rid = q.rid "
            f"where q.dataset = '{table}' and f.device = '{name}'"
        )
        assert {row["read_at"] for row in removed} == sent & spikes, name
        for at, counter in found.items():
            off = abs(counter - energy.truth.counters[name][at] % device.modulo)
            assert min(off, device.modulo - off) <= DECIMALS[device.make] + 1e-9, (name, at)


def test_corrections_count_and_files_that_come_twice_do_not(energy: Energy) -> None:
    corrected = sum(len(energy.truth.corrected[name] & energy.sent(name)) for name in energy.devices)
    arrived = [path for path in energy.truth.repeated if path in energy.files]
    replaced = energy.rows("select count(*) as n from governance.superseded")[0]["n"]
    assert len(arrived) >= 4
    landed = energy.rows("select count(*) as n from governance.batches where dataset != 'weather'")[0]["n"]
    assert landed == len([path for path in energy.files if not path.startswith("weather")])
    assert replaced >= corrected > 0


def test_a_day_has_what_the_device_counted_between_its_midnights(energy: Energy) -> None:
    days = energy.rows("select device, place, day, begins, ends, kwh, kwh_filled, readings from exploitation.use_days")
    assert {row["ends"] - row["begins"] for row in days} == {timedelta(hours=hours) for hours in (23, 24, 25)}
    right = {name: energy.sent(name) - energy.truth.spikes[name] for name in energy.devices}
    known = 0
    for row in days:
        device = energy.devices[row["device"]]
        zone, counters = ZONES[device.make], energy.truth.counters[row["device"]]
        local = [
            datetime(one.year, one.month, one.day, tzinfo=zone) for one in (row["day"], row["day"] + timedelta(days=1))
        ]
        assert [one.timestamp() for one in local] == [row["begins"].timestamp(), row["ends"].timestamp()]
        if row["kwh"] is None:
            continue
        known += 1
        used = counters[row["ends"]] - counters[row["begins"]]
        if {row["begins"], row["ends"]} <= right[row["device"]]:
            assert row["kwh"] == pytest.approx(used, abs=2 * DECIMALS[device.make] + 1e-6), row
    assert known > 0.95 * len(days)


def test_gaps_are_counted_with_their_place(energy: Energy) -> None:
    missing = energy.rows(
        "select dataset, sum(missing) as missing from governance.gaps where dataset != 'weather' group by 1"
    )
    for table in TABLES.values():
        of = [name for name, one in energy.devices.items() if TABLES[one.make] == table]
        expected = 0
        for name in of:
            sent = energy.sent(name) - energy.truth.spikes[name]
            expected += round((max(sent) - min(sent)) / timedelta(hours=1)) + 1 - len(sent)
        [found] = [row["missing"] for row in missing if row["dataset"] == table]
        assert found == expected, table


def test_the_weather_is_in_one_unit_and_joined_by_the_local_day(energy: Energy) -> None:
    [row] = energy.rows(
        "select count(*) as days, count(temp_mean) as known, min(temp_min) as low, max(temp_max) as high from exploitation.device_days"
    )
    assert row["known"] > 0.99 * row["days"]
    assert -30 < row["low"] < -15
    assert 25 < row["high"] < 42


def test_a_new_month_lands_alone(energy: Energy, devices: ModuleType) -> None:
    second = {one.step: one for one in energy.runs[1].results}
    assert second["landing.loggers"].facts.new_batches == sum(
        1
        for one in devices.made()[0]
        if one.path.startswith("logger") and FIRST["logger"] < one.arrives <= SECOND["logger"]
    )
    assert energy.project.run().idle
