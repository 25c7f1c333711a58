"""Takes bodies that were saved from the portals, where a folder has them; the others stay those that were made."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from standin.bodies import ACCIDENTS, INCOME, RENTS, REQUESTS, UNEMPLOYMENT, Bodies, csv_text


def replayed(folder: Path, made: Bodies) -> Bodies:
    """Bodies of a folder in place of those that were made.

    Args:
        folder: with ``income/``, ``unemployment/``, ``incidences/``, ``listings/``, ``lookup_tables/``,
            ``accidents_2017.csv`` and ``rent.parquet``; any of them may be absent.
    """
    for package, place in ((INCOME, "income"), (REQUESTS, "incidences")):
        found = {file.name: file.read_bytes() for file in sorted((folder / place).glob("*.csv"))}
        if found:
            # what the portal lists and does not have stays missing
            gone = {name for name, body in made.files[package].items() if body is None}
            made.files[package] = {name: None if name in gone else body for name, body in found.items()}
    _unemployment(folder / "unemployment", made)
    listings = {file.name: file.read_bytes() for file in sorted((folder / "listings").glob("*.json"))}
    made.listings = listings or made.listings
    accidents = folder / "accidents_2017.csv"
    if accidents.is_file():
        made.files[ACCIDENTS] = {"2017_accidents_gu_bcn.csv": accidents.read_bytes()}
    if (folder / "rent.parquet").is_file():
        made.files[RENTS] = _rents(folder / "rent.parquet")
    for ours, theirs in (
        ("idealista_names.csv", "idealista_extended.csv"),
        ("official_names.csv", "income_opendatabcn_extended.csv"),
    ):
        file = folder / "lookup_tables" / theirs
        if file.is_file():
            rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
            made.lookups[ours] = csv_text(
                ["district", "neighborhood"], [[r["district"], r["neighborhood"]] for r in rows]
            ).encode()
    return made


def _unemployment(folder: Path, made: Bodies) -> None:
    """The records of saved pages. They have the first 100 of each year, so the total is what they have."""
    for file in sorted(folder.glob("*_atur_per_sexe.json")):
        body = json.loads(file.read_text("utf-8"))
        name = file.name.replace(".json", ".csv")
        rows = body["result"]["records"] if body.get("success") else None
        made.records[UNEMPLOYMENT][name] = None if rows is None else sorted(rows, key=lambda row: int(row["_id"]))


def _rents(file: Path) -> dict[str, bytes | None]:
    """The years of a Parquet file as the files of the portal."""
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    by_year: dict[int, list[list[object]]] = {}
    for row in table.to_pylist():
        by_year.setdefault(int(row["Year"]), []).append(list(row.values()))
    return {
        f"{year}_lloguer_preu_trim.csv": csv_text(table.schema.names, rows).encode() for year, rows in by_year.items()
    }
