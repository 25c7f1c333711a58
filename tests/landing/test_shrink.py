"""``shrink:``: a snapshot with far fewer rows than the one in force is refused before it replaces it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from landing.readings import source
from vertebra.declare.dataset import Dataset
from vertebra.governance.accepted_shrinks import AcceptedShrink, accepted_shrinks, record_accepted
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.batches import batches
from vertebra.lake.catalog import Lake
from vertebra.landing.outcome import PayloadsRefusedError
from vertebra.landing.refused_payloads import refused_shrinks

from .conftest import NOW

SHOPS = {"from": "files", "path": "shops.csv"}


def snapshot(shrink: str | None = "50 %", collect: dict[str, Any] = SHOPS, **more: Any) -> Dataset:
    return source(collect, parse={"format": "csv"}, shrink=shrink, **({"load": "snapshot"} | more))


@pytest.fixture
def write(project: Path) -> Callable[..., None]:
    """Write a file with so many rows: ``write("a.csv", 100)``."""

    def rows(name: str, number: int, first: int = 0) -> None:
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("id\n" + "".join(f"{first + row}\n" for row in range(number)))

    return rows


def landed(lake: Lake) -> list[int]:
    return [batch.receipt.records for batch in batches(lake.landing, "station", "readings")]


def accept(lake: Lake, ledgers: Ledgers) -> None:
    rows = [
        AcceptedShrink(
            NOW, "ana", "station", "readings", one.url, one.period, one.part,
            one.shrink.replaces, one.shrink.records, one.shrink.before,
        )
        for one in refused_shrinks(lake.landing / "station" / "readings")
    ]  # fmt: skip
    record_accepted(ledgers, rows)


def test_a_snapshot_may_lose_the_declared_share_and_no_row_more(collected, write, lake) -> None:
    for number in (100, 50, 200, 1000):
        write("shops.csv", number)
        collected(snapshot())
    write("shops.csv", 499)
    with pytest.raises(PayloadsRefusedError) as told:
        collected(snapshot())
    assert str(told.value) == (
        "dataset readings: shops.csv has 499 records, 50.1 % fewer than the 1,000 of batch 4\n"
        "  cause: readings declares `shrink: 50 %`; batch 4 stays in force\n"
        "  next:  collect again when the source is complete; if the rows are gone at the source: "
        "vertebra collect readings --accept-shrink; refused payloads are kept with the reason in "
        f"{lake.landing / 'station' / 'readings' / '.refused'}"
    )
    assert landed(lake) == [100, 50, 200, 1000]
    assert [batch.number for batch in batches(lake.landing, "station", "readings")] == [1, 2, 3, 4]
    write("shops.csv", 1001)
    collected(snapshot())  # complete again: nothing has to be undone
    assert landed(lake) == [100, 50, 200, 1000, 1001]


@pytest.mark.parametrize("small", [True, False])
def test_an_accepted_snapshot_lands_once_and_no_smaller_one_does(
    collected, write, lake, ledgers, monkeypatch, small
) -> None:
    if not small:
        monkeypatch.setattr("vertebra.landing.batch_writer.SMALL", 0)
    write("shops.csv", 100)
    collected(snapshot())
    write("shops.csv", 10)
    with pytest.raises(PayloadsRefusedError):
        collected(snapshot())
    accept(lake, ledgers)
    assert [(one.records, one.before, one.replaces) for one in accepted_shrinks(ledgers, "readings")] == [(10, 100, 1)]
    write("shops.csv", 9)
    with pytest.raises(PayloadsRefusedError, match="9 records, 91 % fewer"):
        collected(snapshot())
    write("shops.csv", 10)
    collected(snapshot())
    assert landed(lake) == [100, 10]
    write("shops.csv", 3)
    with pytest.raises(PayloadsRefusedError, match="fewer than the 10 of batch 2"):
        collected(snapshot())


def test_each_file_of_a_snapshot_is_compared_with_its_own_earlier_version(collected, write, lake) -> None:
    dataset = snapshot(collect={"from": "files", "path": "shops/*.csv"})
    write("shops/a.csv", 100)
    write("shops/b.csv", 2, first=500)
    assert len(collected(dataset).new) == 2
    write("shops/a.csv", 10)
    write("shops/b.csv", 1, first=500)
    with pytest.raises(PayloadsRefusedError, match=r"a\.csv has 10 records, 90 % fewer than the 100 of batch") as told:
        collected(dataset)
    assert [batch.receipt.url for batch in told.value.outcome.new] == ["file:shops/b.csv"]


def test_a_source_that_is_divided_anew_replaces_all_that_it_had(collected, write, project) -> None:
    write("shops.csv", 100)
    collected(snapshot())
    divided = snapshot(collect={"from": "files", "path": "shops*.csv"})
    (project / "shops.csv").unlink()
    write("shops-a.csv", 10)
    with pytest.raises(PayloadsRefusedError, match="90 % fewer than the 100 of batch 1"):
        collected(divided)


def test_whole_snapshots_that_are_upserted_are_compared_in_their_order(collected, write, lake) -> None:
    def upserted() -> Dataset:
        return snapshot(
            collect={"from": "files", "path": "*.csv"}, load="upsert", deleted="by snapshot", version="file.name",
            columns={"id": "int"}, key=["id"],
        )  # fmt: skip

    write("2026-02.csv", 100)
    collected(upserted())
    write("2026-01.csv", 5)
    collected(upserted())  # an older snapshot replaces nothing
    write("2026-03.csv", 5, first=1)
    with pytest.raises(PayloadsRefusedError, match="95 % fewer than the 100 of batch 1"):
        collected(upserted())
    assert landed(lake) == [100, 5]


def test_a_retracted_snapshot_is_not_compared_with(collected, write, lake, ledgers) -> None:
    from vertebra.governance.retractions import Retraction, record_retraction

    write("shops.csv", 10)
    collected(snapshot())
    write("shops.csv", 1000)
    collected(snapshot())  # rows of a test, say
    record_retraction(ledgers, Retraction(NOW, "ana", "retract", "station", "readings", 2, "a test"))
    write("shops.csv", 9)
    collected(snapshot())
    assert landed(lake) == [10, 1000, 9]


def test_without_shrink_a_snapshot_may_have_any_number_of_rows(collected, write, lake) -> None:
    write("shops.csv", 1000)
    collected(snapshot(None))
    write("shops.csv", 1)
    collected(snapshot(None))
    assert landed(lake) == [1000, 1]
