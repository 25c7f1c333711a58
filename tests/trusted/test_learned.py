"""The repair method ``learned``: what labels teach about values, and about other methods."""

from __future__ import annotations

from pathlib import Path

import pytest

from trusted.table_repairs import likely, proposals
from vertebra.engine import Engine
from vertebra.trusted.labels import Label, Suggested, label_of, suggested_in, suggested_text
from vertebra.trusted.repair.learned.calibration import calibration_of, change_of, kind_of
from vertebra.trusted.repair.learned.judged import judged
from vertebra.trusted.repair.learned.transformations import transformations
from vertebra.trusted.repair.table_methods.learned import METHOD


def changed(column: str, *pairs: tuple[str | None, str | None]) -> list[Label]:
    """Labels of cells of rows that are not in the table."""
    return [Label(1000 + number, column, old, new) for number, (old, new) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("old", "new", "others"),
    [
        ("12.0 oz", "12.0", {"16.0 oz": "16.0"}),
        ("BOSTON-*", "BOSTON", {"NEW YORK-*": "NEW YORK"}),
        ("$5", "5", {"$1,200": "1,200"}),
        ("1907", "01907", {"2134": "02134"}),
        ("7", "007", {"9": "009", "12": "012"}),
        ("12/01/2011 7:10 a.m.", "7:10 a.m.", {"12/02/2011 10:45 p.m.": "10:45 p.m."}),
        ("1/2/2012", "2012-02-01", {"3/4/2013": "2013-04-03"}),
        ("2053258100", "205-325-8100", {"2125550199": "212-555-0199"}),
        ("Doe, Jane", "Jane Doe", {"Roe, Mary": "Mary Roe"}),
        ("boston", "BOSTON", {"new york": "NEW YORK"}),
        ("  two  words ", "two words", {" a b": "a b"}),
        ("snake_case_word", "snake case word", {"a_b": "a b"}),
        ("12", "12%", {"45": "45%"}),
    ],
)
def test_a_pair_of_values_shows_what_becomes_of_others(old: str, new: str, others: dict[str, str]) -> None:
    ways = transformations(old, new)
    assert all(way.apply(old) == new for way in ways)
    for other, right in others.items():
        assert right in {way.apply(other) for way in ways}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Smiths", "Smith"),
        ("birmxngham", "birmingham"),
        ("7:10 am", "7:16 am"),
        (None, "a"),
        ("a", None),
        ("a", "a"),
        ("", "a"),
    ],
)
def test_slips_and_empty_cells_show_nothing_about_other_values(old: str | None, new: str | None) -> None:
    assert transformations(old, new) == []


def test_values_are_the_same_on_the_engine_as_in_python(engine: Engine) -> None:
    from pyspark.sql import functions as F

    texts = [
        "12.0 oz",
        "3.5 oz.",
        "x oz",
        "BOSTON-*",
        "New York",
        "7",
        "0012",
        "a_b__c",
        " a  b ",
        "1/2/2012",
        "É-*",
        "",
    ]
    pairs = [("12.0 oz", "12.0"), ("BOSTON-*", "BOSTON"), ("7", "007"), ("a_b", "a b"), ("007", "7"), (" a", "a"),
             ("New", "NEW"), ("NEW", "New"), ("1/2/2012", "2012-02-01"), ("12", "12%"), ("$(a) b", "b")]  # fmt: skip
    ways = [way for old, new in pairs for way in transformations(old, new)]
    frame = engine.session.createDataFrame([(text,) for text in texts], "value string")
    frame = frame.select("value", *(way.column(F.col("value")).alias(f"way{i}") for i, way in enumerate(ways)))
    for row in frame.toArrow().to_pylist():
        for number, way in enumerate(ways):
            assert row[f"way{number}"] == way.apply(row["value"]), (row["value"], way)


def test_cells_are_repaired_as_labelled_ones(engine: Engine, tmp_path: Path) -> None:
    ounces = [f"{n % 5 + 10}" for n in range(60)]
    ounces[3], ounces[4], ounces[7] = "16 oz", "12 oz", "12 ounce"
    labels = changed("ounces", ("14 oz", "14"))
    found = proposals(METHOD, {"ounces": ounces, "other": ounces}, engine, tmp_path / "one", labels=labels)
    assert likely(found, 0.9) == {(3, "ounces"): "16", (4, "ounces"): "12"}
    assert found[3, "ounces"]["evidence"] == "as in 1 labelled cell: without ' oz'"


def test_the_more_labels_agree_the_surer_and_a_contradiction_counts(sail: Engine, tmp_path: Path) -> None:
    names = [f"name{n} jr" for n in range(30)] + [f"person{n}" for n in range(70)]

    def sure(name: str, labels: list[Label]) -> float:
        found = proposals(METHOD, {"name": names}, sail, tmp_path / name, labels=labels)
        return float(found[0, "name"]["confidence"]) if (0, "name") in found else 0.0

    once = sure("once", changed("name", ("a jr", "a")))
    often = sure("often", changed("name", ("a jr", "a"), ("b jr", "b"), ("c jr", "c")))
    doubted = sure("doubted", changed("name", ("a jr", "a"), ("b jr", "b"), ("c jr", "c jr")))
    refuted = sure("refuted", changed("name", ("a jr", "a"), ("c jr", "c jr"), ("d jr", "d jr")))
    assert often > once > doubted > refuted == 0
    assert often > 0.95 > once


def test_usual_values_are_doubtful_and_a_value_of_its_own_is_kept(sail: Engine, tmp_path: Path) -> None:
    times = [f"{n % 12 + 1}:10 a.m." for n in range(60)]
    labels = changed("time", ("7:10 a.m.", "7:16 a.m."))  # right in that row only
    found = proposals(METHOD, {"time": times}, sail, tmp_path / "own", labels=labels)
    assert likely(found, 0.6) == {}
    labels = changed("time", ("7:10 a.m.", "7:10"))
    found = proposals(METHOD, {"time": times}, sail, tmp_path / "usual", labels=labels)
    assert likely(found, 0.8) == {}


def test_the_same_wrong_text_is_repaired_in_other_rows(sail: Engine, tmp_path: Path) -> None:
    cities = ["Barcelona"] * 30 + ["Barclona", "Barclona", "-"]
    labels = changed("city", ("Barclona", "Barcelona"), ("-", None), ("-", None))
    found = proposals(METHOD, {"city": cities}, sail, tmp_path / "city", labels=labels)
    assert likely(found, 0.85) == {(30, "city"): "Barcelona", (31, "city"): "Barcelona", (32, "city"): None}


def test_without_labels_that_change_a_value_there_is_nothing_to_do(tmp_path: Path, sail: Engine) -> None:
    for number, labels in enumerate(([], changed("city", ("a", "a")), changed("city", (None, "a")))):
        assert proposals(METHOD, {"city": ["a"]}, sail, tmp_path / str(number), labels=labels) == {}


# -- how right the other methods are ------------------------------------------------------------------------------------


def outcomes(method: str, column: str, confidence: float, *rights: bool) -> list[Label]:
    """Labels of cells for which a method proposed a value that was right, or not."""
    return [
        Label(
            number, column, "old", "new" if right else "else", (Suggested(method, method, "new", confidence, "7 of 8"),)
        )
        for number, right in enumerate(rights)
    ]


def test_methods_are_trusted_as_often_as_they_were_right() -> None:
    assert calibration_of(changed("city", ("a", "b"))) is None
    kind = kind_of("m", "3 of 4", "old", "new")
    assert kind == "m: # of #, other"

    def after(confidence: float, *rights: bool, column: str = "city", at: float | None = None) -> float:
        taught = calibration_of(outcomes("m", "city", confidence, *rights))
        assert taught is not None
        return taught.confidence("m", column, kind, at or confidence)

    assert 0.8 < after(0.8, True) < after(0.8, True, True, True)
    assert after(0.8, *[True] * 8) > 0.9
    assert after(0.99, False, False) < 0.9 < after(0.99, False, *[True] * 6)
    # of another column of the method it says less, of another method nothing
    assert after(0.8, True, True) > after(0.8, True, True, column="name") > 0.8
    taught = calibration_of(outcomes("m", "city", 0.8, True, True))
    assert taught is not None
    assert taught.confidence("other", "city", kind, 0.8) == 0.8


def test_the_engine_computes_the_same_confidence(engine: Engine) -> None:
    labels = [*outcomes("m", "city", 0.8, True, True), *outcomes("m", "name", 0.99, False, False)]
    taught = calibration_of(labels)
    assert taught is not None
    rows = [
        (number, "n" if number == 0 else "m", "m", *about)
        for number, about in enumerate(
            (column, old, new, confidence, evidence)
            for column in ("city", "name", "zip")
            for old, new in (("old", "new"), ("Barclona", "Barcelona"), ("", "x"), (None, "x"), ("x", None))
            for confidence, evidence in ((0.5, "7 of 8"), (0.85, "other"), (0.999, None))
        )
    ]
    frame = engine.session.createDataFrame(
        rows,
        "rid bigint, method string, rule string, column_name string, old string, new string, confidence double,"
        " evidence string",
    )
    now = {row["rid"]: row["confidence"] for row in taught.applied(frame, engine).toArrow().to_pylist()}
    for number, method, rule, column, old, new, before, evidence in rows:
        kind = kind_of(rule, evidence, old, new)
        assert now[number] == pytest.approx(
            taught.confidence(method, column, kind, before, change_of(old, new)), abs=1e-3
        )


def test_decisions_about_cells_are_labels() -> None:
    said = suggested_text([{"method": "format", "rule": "format", "new": "1", "confidence": 0.9, "evidence": "e"}])
    assert suggested_in(said) == (Suggested("format", "format", "1", 0.9, "e"),)
    assert suggested_text([{"method": "decision"}]) is None
    values = '{"city": "Rues"}'
    assert label_of(1, "city", "override", "Reus", values, said) == Label(1, "city", "Rues", "Reus", suggested_in(said))
    kept = label_of(1, "city", "undo", None, values, None)
    assert kept == Label(1, "city", "Rues", "Rues")
    assert kept.confirms
    assert label_of(1, None, "release", None, values, None) is None
    assert label_of(1, "city", "override", "Reus", None, None) is None


def test_slips_are_looked_for_where_one_was_corrected(sail: Engine, tmp_path: Path) -> None:
    cities = ["Barcelona", "Tarragona", "Girona", "Lleida"] * 12
    cities[5], cities[6], cities[9] = "Tarragna", "Girxna", "Tarrragona"
    columns = {"city": cities, "other": cities}
    found = proposals(METHOD, columns, sail, tmp_path / "one", labels=changed("city", ("Lliida", "Lleida")))
    assert likely(found, 0.9) == {(5, "city"): "Tarragona", (6, "city"): "Girona", (9, "city"): "Tarragona"}
    assert found[6, "city"]["evidence"].endswith("; 1 labelled cell of the column was a slip")
    kept = [
        *changed("city", ("Lliida", "Lleida")),
        Label(5, "city", "Tarragna", "Tarragna"),
        Label(9, "city", "Tarrragona", "Tarrragona"),
    ]
    doubted = proposals(METHOD, columns, sail, tmp_path / "two", labels=kept)
    assert doubted[6, "city"]["confidence"] < 0.9 < found[6, "city"]["confidence"]


def test_dependencies_are_judged_by_what_labels_taught(engine: Engine) -> None:
    columns = (
        "rule string, rid bigint, column_name string, old string, new string, method string, confidence double,"
        " support bigint, evidence string"
    )
    rows = [
        ("city", 1, "city", "Rus", "Reus", "consistent", 0.88, 9, "9 of 10"),
        ("city", 2, "city", "Rus", "Reus", "consistent", 0.88, 9, "9 of 10"),
        ("town", 2, "city", "Rus", "Vic", "consistent", 0.5, 9, "9 of 10"),
        ("city", 3, "city", "Vicc", "Vic", "consistent", 0.88, 9, "9 of 10"),
    ]
    left = engine.session.createDataFrame(
        [(*row, "tie" if row[1] == 3 else "unsure") for row in rows], f"{columns}, reason string"
    )
    made = engine.session.createDataFrame([("name", 4, "name", "Ana", "Ann", "consistent", 0.95, 3, "3 of 4")], columns)
    right = [Suggested("consistent", "city", "Olot", 0.88, "9 of 10")]
    wrong = [Suggested("consistent", "name", "Eva", 0.95, "3 of 4")]
    labels = [Label(10 + n, "city", "Olott", "Olot", tuple(right)) for n in range(9)]
    labels += [Label(20 + n, "name", "Evi", "Evi", tuple(wrong)) for n in range(3)]
    taught = calibration_of(labels)
    assert taught is not None
    found = judged(made, left, {"city": 0.9, "town": 0.9, "name": 0.9}, taught, engine)
    assert found is not None
    reasons = sorted((row["rid"], row["rule"], row["reason"]) for row in found.toArrow().to_pylist())
    # a sure proposal is made; not where another value is proposed, or it is a tie; a doubtful repair is taken back
    assert reasons == [
        (1, "city", ""),
        (2, "city", "unsure"),
        (2, "town", "unsure"),
        (3, "city", "tie"),
        (4, "name", "unsure"),
    ]
