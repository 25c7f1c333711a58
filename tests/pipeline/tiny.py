"""A project small enough to run in a second: two datasets, rules that repair and quarantine, views in SQL and Python."""

from __future__ import annotations

import textwrap
from pathlib import Path

import vertebra
from vertebra.workspace.workspace import Workspace

FILES = {
    "vertebra.yaml": "name: tiny\ndescription: Sales of a few shops.\n",
    "data/shops.csv": "shop,city\nS1,Girona\nS2,Lleida\n",
    "data/sales-1.csv": """\
        id,shop,city,price,day
        1,S1,Girona,10.5,2026-01-01
        2,S1,Girona,3.0,2026-01-02
        3,S1,Gerona,4.0,2026-01-02
        4,S2,Lleida,-7.0,2026-01-03
        5,S2,Lleida,seven,2026-01-03
        6,S3,Reus,8.0,2026-01-04
        """,
    "datasets/shops.yaml": """\
        source: office
        collect: {from: files, path: data/shops.csv}
        parse: {format: csv}
        load: snapshot
        tags: [reference]
        columns: {shop: string, city: string}
        key: [shop]
        """,
    "datasets/sales.yaml": """\
        source: tills
        description: One row per sale.
        collect: {from: files, path: "data/sales-*.csv"}
        parse: {format: csv}
        load: append
        columns:
          id: int
          shop: {type: string, references: shops.shop}
          city: string
          price: double
          day: date
        key: [id]
        rules:
          refund:
            deny: t.price < 0
            on_violation: quarantine
          shop_city:
            determines: "shop -> city"
            on_violation: repair
        """,
    "views/by_city.sql": """\
        -- Sales per city.
        SELECT city, count(*) AS sales, sum(price) AS total
        FROM trusted.sales
        GROUP BY city
        """,
    "views/best.py": """\
        import os
        import time

        import vertebra


        @vertebra.view("exploitation.by_city")
        def best(by_city):
            \"\"\"Cities that sold for more than five.\"\"\"
            if until := os.environ.get("TINY_BLOCK"):
                print("blocked", flush=True)
                for _ in range(600):
                    if not os.path.exists(until):
                        time.sleep(0.1)
            return by_city.where("total > 5")
        """,
}

MORE_SALES = "id,shop,city,price,day\n7,S2,Lleida,20.0,2026-01-05\n"


def make(folder: Path) -> Path:
    """Write the project into a folder."""
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), "utf-8")
    return folder


def without_rules(folder: Path) -> Path:
    """Remove the rules of a project: cleaning by them takes most of the time of a run."""
    file = folder / "datasets" / "sales.yaml"
    file.write_text(file.read_text("utf-8").partition("rules:")[0], "utf-8")
    return folder


def edit(folder: Path, name: str, old: str, new: str) -> None:
    """Change the text of a file of the project."""
    file = folder / name
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def open_tiny(folder: Path) -> Workspace:
    return vertebra.open(folder)


def contents(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """The rows of every table but governance's, in an order of their own."""
    with open_tiny(folder) as project:
        names = [name for name in project.tables() if not name.startswith("governance.")]
        tables = {name: project.table(name).arrow().to_pylist() for name in names}
    return {name: sorted((tuple(row.values()) for row in rows), key=repr) for name, rows in tables.items()}
