"""`why` of views: rows and columns through joins, windows, aggregates and Python, at the versions that were read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.tiny import edit, make, open_tiny
from vertebra.errors import LakeError, SqlError
from vertebra.workspace.explanation import Link

VIEWS = {
    "named.sql": "select s._rid, s.shop, s.price * 2 as twice, p.city as town from trusted.sales s "
    "left join trusted.shops p on p.shop = s.shop",
    "above.sql": "with x as (select *, price - avg(price) over (partition by shop) as above from trusted.sales) "
    "select _rid, Price as fare, above from x",
    "repeated.sql": "select s._rid, s.shop, p.shop as other from trusted.sales s cross join trusted.shops p",
    "newest.sql": "select max(_rid) as _rid, shop from trusted.sales group by shop",
    "either.sql": "select _rid, shop from trusted.sales union all select _rid, shop from trusted.shops",
    "again.sql": "select _rid, town, twice + 1 as more from exploitation.named",
}
IN_PYTHON = """\
import vertebra

@vertebra.view("trusted.sales", description="Sales.")
def coded(sales):
    return sales.selectExpr("_rid", "city as town")
"""
FIRST = 10_000_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project with views of every kind, after a run; tests do not change it."""
    folder = make(tmp_path_factory.mktemp("why") / "project")
    for name, sql in VIEWS.items():
        (folder / "views" / name).write_text(sql)
    (folder / "views" / "coded.py").write_text(IN_PYTHON)
    with open_tiny(folder) as project:
        assert project.run().ok
    return folder


def links(
    folder: Path, table: str, rid: int | None = None, column: str | None = None, where: str | None = None
) -> list[Link]:
    with open_tiny(folder) as project:
        return list(project.why(table, rid, column, where).links)


def texts(found: list[Link]) -> str:
    return "\n".join(f"{link.text} {dict(link.facts)}" for link in found)


def test_a_renamed_column_is_traced_to_its_record(folder: Path) -> None:
    found = links(folder, "exploitation.above", FIRST + 2, "fare")
    assert "exploitation.above.fare is trusted.sales.price" in found[1].text
    assert [link.kind for link in found[2:]] == ["trusted", "violation", "formatted", "formatted", "landing", "batch"]
    assert found[2].facts == {"price": 4.0}
    assert next(link for link in found if link.kind == "landing").facts == {"price": "4.0"}


def test_a_column_that_came_through_a_join_is_not_taken_for_the_row_s_own(folder: Path) -> None:
    found = links(folder, "exploitation.named", FIRST + 2, "town")
    assert found[0].facts == {"town": "Girona"}
    assert "exploitation.named.town is trusted.shops.city" in found[1].text
    assert found[1].facts == {"trusted.shops.city": "joined on p.shop = s.shop"}
    assert "town does not come from the row of trusted.sales, but from trusted.shops.city" in found[2].text
    assert "Gerona" not in texts(found), "the city of the sale is another one"


def test_a_window_is_said_with_all_its_inputs(folder: Path) -> None:
    found = texts(links(folder, "exploitation.above", FIRST, "above"))
    assert "is sales.price - AVG(sales.price) OVER (PARTITION BY sales.shop)" in found
    assert "'trusted.sales.shop': 'of several rows: AVG(sales.price) OVER (PARTITION BY sales.shop)'" in found


def test_a_row_id_that_stands_in_several_rows_shows_each(folder: Path) -> None:
    found = links(folder, "exploitation.repeated", FIRST)
    assert found[0].text == "exploitation.repeated version 0 has 2 rows with this _rid"
    assert [dict(link.facts) for link in found[1:3]] == [{"shop": "S1", "other": "S1"}, {"shop": "S1", "other": "S2"}]


def test_what_cannot_be_traced_says_so(folder: Path) -> None:
    several = texts(links(folder, "exploitation.newest", FIRST + 5))
    assert "its _rid is made from several rows (MAX(sales._rid); GROUP BY sales.shop)" in several
    either = texts(links(folder, "exploitation.either", FIRST))
    assert "trusted.sales and trusted.shops have a row 10000000000 each" in either
    coded = links(folder, "exploitation.coded", FIRST + 2, "town")
    assert "views/coded.py) cannot be traced: its code is Python" in coded[1].text
    assert coded[1].facts == {"may come from": "trusted.sales version 0"}
    assert {"trusted", "landing"} <= {link.kind for link in coded}, "the row itself has one origin"


def test_a_view_of_a_view_is_traced_through_both(folder: Path) -> None:
    found = links(folder, "exploitation.again", FIRST + 2, "more")
    text = texts(found)
    assert "exploitation.again.more is named.twice + 1" in text
    assert "exploitation.named.twice (views/named.sql)" in text or "exploitation.named.twice is s.price * 2" in text
    assert "'price': '4.0'" in text
    deep = links(folder, "exploitation.again", column="more")
    assert [(link.depth, link.text.split(" (")[0]) for link in deep] == [
        (0, "exploitation.again.more is named.twice + 1"),
        (1, "exploitation.named.twice is s.price * 2"),
        (2, "trusted.sales.price: double, received as price"),
    ]


def test_a_row_of_an_aggregate_lists_the_rows_it_was_made_from(folder: Path) -> None:
    found = texts(links(folder, "exploitation.by_city", where="city = 'Girona'", column="total"))
    assert "made from 3 rows of trusted.sales version 0" in found
    assert "'_rid': '10000000000, 10000000001, 10000000002'" in found
    assert "exploitation.by_city.total is SUM(sales.price)" in found
    with pytest.raises(LakeError, match=r"no row of exploitation.by_city satisfies"):
        links(folder, "exploitation.by_city", where="city = 'Vic'")
    with pytest.raises(SqlError):
        links(folder, "exploitation.by_city", where="town = 'Vic'")
    with pytest.raises(LakeError, match="by its _rid and by a condition"):
        links(folder, "exploitation.named", FIRST, where="true")


def test_the_version_that_a_view_read_is_explained_not_the_present_one(tmp_path: Path, folder: Path) -> None:
    import shutil

    own = Path(shutil.copytree(folder, tmp_path / "project"))
    edit(own, "data/sales-1.csv", "3.0", "3.5")
    (own / "data" / "sales-2.csv").write_text("id,shop,city,price,day\n7,S2,Lleida,1.0,2026-01-05\n")
    with open_tiny(own) as project:
        assert project.run(["+trusted.sales"]).ok
        table = "\n".join(link.text for link in project.why("exploitation.named").links)
        row = texts(list(project.why("exploitation.named", FIRST + 2, "twice").links))
    assert "trusted.sales version 0 (version 1 is newer)" in table
    assert "trusted.sales version 0 has the row" in row
    assert "trusted.sales is at version 1 now; what follows is about that version" in row


def test_a_view_whose_file_changed_since_its_table_was_computed_says_so(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "project"))
    assert "changed since" not in texts(links(copy, "exploitation.again", None, "more"))
    edit(copy, "views/named.sql", "s.price * 2", "s.price * 3")
    said = "views/named.sql changed since version 0 of exploitation.named was computed"
    for about in ((None, "more"), (FIRST, "more"), (FIRST, None)):
        found = texts(links(copy, "exploitation.again", *about))
        assert said in found, about
        assert "views/again.sql changed" not in found
    # SQL that gives the same rows leaves the table as it was, which is then by the new file
    edit(copy, "views/named.sql", "s.price * 3", "2 * s.price")
    with open_tiny(copy) as project:
        assert project.run().ok
        assert project.table("exploitation.named").latest_version() == 0
    assert "changed since" not in texts(links(copy, "exploitation.again", FIRST, "more"))
