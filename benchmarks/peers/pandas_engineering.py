"""The data-engineering part as a notebook does it: read, clean, join and aggregate the flights with pandas."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd


def engineer(sources: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The flights with everything known of them, and the airport hours."""
    read = {name: pd.read_csv(sources / f"{name}.csv", na_values=["NA"]) for name in ("flights", "weather", "planes")}
    airlines = pd.read_csv(sources / "airlines.csv")
    airports = pd.read_csv(sources / "airports.csv")
    registry = pd.read_csv(sources / "airport_registry.csv", keep_default_na=False, na_values=[""])
    flights, weather, planes = clean(read["flights"], read["weather"], read["planes"])
    departures = join(flights, weather, planes, airlines, places(airports, registry))
    return departures, hours(departures)


def clean(
    flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    for table in (flights, weather):
        table["time_hour"] = pd.to_datetime(table["time_hour"], utc=True)
    flights = flights.drop_duplicates(["carrier", "flight", "origin", "time_hour"])
    usual = flights.groupby(["origin", "dest"])["distance"].agg(lambda values: values.mode().iloc[0]).rename("usual")
    flights = flights.merge(usual, on=["origin", "dest"])
    flights["distance"] = flights.pop("usual")
    weather.loc[weather["wind_speed"] > 250, "wind_speed"] = np.nan
    weather = weather.drop_duplicates(["origin", "time_hour"])
    spelling = {"AIRBUS INDUSTRIE": "AIRBUS", "CANADAIR": "BOMBARDIER INC", "CANADAIR LTD": "BOMBARDIER INC"}
    planes["manufacturer"] = planes["manufacturer"].replace(spelling)
    return flights, weather, planes


def places(airports: pd.DataFrame, registry: pd.DataFrame) -> pd.DataFrame:
    registry = registry.dropna(subset=["iata"]).drop_duplicates("iata")
    return (
        airports[["faa", "name", "lat", "lon"]]
        .merge(
            registry[["iata", "name", "lat", "lon"]], left_on="faa", right_on="iata", how="outer", suffixes=("", "_r")
        )
        .assign(
            code=lambda t: t["faa"].fillna(t["iata"]),
            name=lambda t: t["name"].fillna(t["name_r"]),
            lat=lambda t: t["lat"].fillna(t["lat_r"]),
            lon=lambda t: t["lon"].fillna(t["lon_r"]),
        )[["code", "name", "lat", "lon"]]
    )


def join(
    flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame, airlines: pd.DataFrame, places: pd.DataFrame
) -> pd.DataFrame:
    measured = weather.drop(columns=["year", "month", "day", "hour"])
    joined = flights.merge(measured, on=["origin", "time_hour"], how="left")
    joined = joined.merge(planes.rename(columns={"year": "built", "speed": "cruise"}), on="tailnum", how="left")
    joined = joined.merge(airlines.rename(columns={"name": "airline"}), on="carrier", how="left")
    joined = joined.merge(places.add_prefix("origin_"), left_on="origin", right_on="origin_code", how="left")
    joined = joined.merge(places.add_prefix("dest_"), left_on="dest", right_on="dest_code", how="left")
    joined["scheduled"] = joined["time_hour"] + pd.to_timedelta(joined["minute"], unit="min")
    joined["departed"] = joined["scheduled"] + pd.to_timedelta(joined["dep_delay"], unit="min")
    return joined


def hours(departures: pd.DataFrame) -> pd.DataFrame:
    return departures.groupby(["origin", "time_hour"], as_index=False).agg(
        departures=("flight", "size"),
        cancelled=("dep_time", lambda column: column.isna().sum()),
        mean_delay=("dep_delay", "mean"),
        temp=("temp", "first"),
        wind_speed=("wind_speed", "first"),
        precip=("precip", "first"),
        visib=("visib", "first"),
    )


if __name__ == "__main__":
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    one_per_flight, one_per_hour = engineer(folder)
    one_per_flight.to_parquet(out / "departures.parquet")
    one_per_hour.to_parquet(out / "airport_hours.parquet")
    print(f"{len(one_per_flight):,} departures, {len(one_per_hour):,} airport hours")
