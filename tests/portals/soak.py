"""Thousands of collections from portals that answer wrongly one time in five, and what must be true of the lake then."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from portals import stand_in as faults
from portals.portals import CkanPortal, FileServer, PagedApi, SocrataPortal, zipped
from portals.stand_in import Clock, Fault, StandIn, standing_in, with_status
from vertebra.declare.dataset import Dataset
from vertebra.errors import CollectError
from vertebra.governance.ledgers import Ledgers
from vertebra.lake.batches import Batch, batches
from vertebra.lake.catalog import Lake
from vertebra.landing.collect import collect
from vertebra.landing.context import CollectionContext
from vertebra.landing.web.network import HostThrottle, Network

FAULTS: tuple[Fault, ...] = (
    faults.reset,
    faults.reset_midway,
    faults.cut_off,
    faults.cut_unnoticed,
    faults.page,
    faults.nothing,
    faults.error_as_data,
    faults.challenge,
    with_status(202),
    with_status(403),
    with_status(404),
    with_status(429, Retry_After="3"),
    with_status(500),
    with_status(503),
)
ROWS = 30
START = datetime(2014, 1, 15, tzinfo=UTC)


@dataclass
class Source:
    """One dataset, the portal it comes from, and every state that the portal was in.

    Attributes:
        change: brings the portal into its next state.
        states: the records of each state, as a set of texts; for periods, of each period.
    """

    dataset: Dataset
    portal: StandIn
    change: Callable[[int], None]
    states: list[frozenset[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Soaked:
    """What a soak came to."""

    collections: int
    failed: int
    answers: int
    wrong: int
    batches: int


def soak(root: Path, collections: int, seed: int, share: float = 0.2) -> Soaked:
    """Collect, while the portals change and answer wrongly; then check that everything landed is right and once.

    Raises:
        AssertionError: something is lost, doubled or wrong.
    """
    chance = random.Random(seed)
    lake, wrong, failed = Lake(root / "lake"), Counter[str](), 0
    ledgers, clock = Ledgers(lake), Clock()
    with ExitStack() as running:
        sources = [make(running) for make in (_months, _file, _ckan, _socrata, _rest)]
        for one in sources:
            _misbehaving(one.portal, chance, share, wrong)
        for number in range(collections):
            one = chance.choice(sources)
            if chance.random() < 0.5:
                one.change(number)
            try:
                _collect(one, root, lake, ledgers, number, clock)
            except CollectError:
                failed += 1
        for number, one in enumerate(sources, collections):
            one.portal.app_faults = False  # type: ignore[attr-defined]
            _collect(one, root, lake, ledgers, number, clock)
            _check(one, lake)
        landed = sum(len(_landed(one, lake)) for one in sources)
        recorded = ledgers.read("batches").num_rows
        assert recorded == landed, f"{recorded} batches in the ledger, {landed} in the landing zone"
        answers = sum(len(one.portal.asked) for one in sources)
    return Soaked(collections, failed, answers, sum(wrong.values()), landed)


def _collect(one: Source, root: Path, lake: Lake, ledgers: Ledgers, number: int, clock: Clock) -> None:
    now = START + timedelta(hours=number)
    network = Network(clock, lambda: 0.5, HostThrottle())
    collect(one.dataset, CollectionContext(root, lake, ledgers, f"run-{number:05d}", now, network=network))


def _misbehaving(portal: StandIn, chance: random.Random, share: float, wrong: Counter[str]) -> None:
    portal.app_faults = True  # type: ignore[attr-defined]

    def fault(asked: faults.Asked) -> Fault | None:
        portal.asked.append(asked)
        if not portal.app_faults or chance.random() >= share:  # type: ignore[attr-defined]
            return None
        drawn = chance.choice(FAULTS)
        wrong[getattr(drawn, "__qualname__", "")] += 1
        return drawn

    portal.fault = fault  # type: ignore[method-assign]


def _landed(one: Source, lake: Lake) -> list[Batch]:
    return batches(lake.landing, one.dataset.source, one.dataset.name)


def _check(one: Source, lake: Lake) -> None:
    name, found = one.dataset.name, _landed(one, lake)
    assert [batch.number for batch in found] == list(range(1, len(found) + 1)), name
    contents = [_texts(batch) for batch in found]
    for batch, content in zip(found, contents, strict=True):
        assert len(content) == batch.receipt.records, f"{name}: a record of batch {batch.number} came twice"
        assert frozenset(content) in one.states, f"{name}: batch {batch.number} is no state that the source was in"
    if one.dataset.load == "append":
        assert Counter(map(frozenset, contents)) == Counter(one.states), f"{name}: a period is lost or doubled"
    else:
        assert frozenset(contents[-1]) == one.states[-1], f"{name}: the last batch is not the present state"
        repeated = [n for n in range(1, len(contents)) if set(contents[n]) == set(contents[n - 1])]
        assert not repeated, f"{name}: batches {repeated} repeat the one before"


def _texts(batch: Batch) -> list[str]:
    table = pq.read_table(batch.records).drop(["_record"])
    return [_text(row) for row in table.to_pylist()]


def _text(row: dict[str, Any]) -> str:
    return "|".join(f"{key}={value}" for key, value in sorted(row.items()) if value not in (None, ""))


def _state(rows: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(_text(row) for row in rows)


def _dataset(name: str, collect: dict[str, Any], load: str, parse: dict[str, Any] | None = None) -> Dataset:
    collect = collect | {"limits": {"rate": 1000, "wait": "1 s"}}
    value = {"name": name, "source": "soak", "collect": collect, "load": load, "columns": {}}
    return Dataset.model_validate(value | ({"parse": parse} if parse else {}))


def _csv(version: int) -> tuple[bytes, list[dict[str, Any]]]:
    rows = [{"id": n, "v": version} for n in range(ROWS)]
    return b"id,v\n" + b"".join(b"%d,%d\n" % (row["id"], row["v"]) for row in rows), rows


def _months(running: ExitStack) -> Source:
    """Zip archives of twelve months; each is a batch, once."""
    files, states = {}, []
    for month in range(1, 13):
        body, rows = _csv(month)
        files[f"/2013_{month}.zip"] = zipped(data_csv=body)
        states.append(_state(rows))
    portal = running.enter_context(standing_in(FileServer(files)))
    periods = {"unit": "month", "from": "2013-01", "to": "2013-12"}
    collect = {"from": "http", "url": f"{portal.url}/{{period:%Y}}_{{period:%-m}}.zip", "periods": periods}
    return Source(_dataset("months", collect, "append", {"format": "csv"}), portal, lambda number: None, states)


def _file(running: ExitStack) -> Source:
    """One file that changes."""
    app = FileServer()
    portal = running.enter_context(standing_in(app))
    collect = {"from": "http", "url": f"{portal.url}/a.csv"}
    # A half that ends between two lines is sound CSV: only its length, or a checksum, tells it from the whole.
    one = Source(_dataset("file", collect, "snapshot", {"format": "csv"}), portal, lambda number: None)

    def change(number: int) -> None:
        body, rows = _csv(number)
        app.files["/a.csv"] = zipped(data_csv=body)
        one.states.append(_state(rows))

    one.change = change
    change(0)
    return one


def _ckan(running: ExitStack) -> Source:
    app = CkanPortal(rows=ROWS, cap=12)
    portal = running.enter_context(standing_in(app))
    collect = {"from": "ckan", "portal": f"{portal.url}/data", "resource": "r-1"}
    one = Source(_dataset("ckan", collect, "snapshot"), portal, lambda number: None, [_state(app.rows)])

    def change(number: int) -> None:
        app.rows = [row | {"Valor": str(number)} for row in app.rows]
        app.modified = f"2024-01-01T00:00:00.{number:06d}"
        one.states.append(_state(app.rows))

    one.change = change
    return one


def _socrata(running: ExitStack) -> Source:
    app = SocrataPortal(rows=ROWS)
    portal = running.enter_context(standing_in(app))
    collect = {"from": "socrata", "portal": portal.url, "id": "abcd-1234", "page": 12}
    one = Source(
        _dataset("socrata", collect, "snapshot", {"format": "json"}), portal, lambda number: None, [_state(app.rows)]
    )

    def change(number: int) -> None:
        app.rows = [row | {"valor": str(number)} for row in app.rows]
        app.updated += 1
        one.states.append(_state(app.rows))

    one.change = change
    return one


def _rest(running: ExitStack) -> Source:
    app = PagedApi(rows=ROWS, size=12)
    portal = running.enter_context(standing_in(app))
    page = {"by": "link", "total": "meta.total"}
    collect = {"from": "rest", "url": f"{portal.url}/link", "page": page}
    one = Source(
        _dataset("rest", collect, "snapshot", {"records": "data.items"}),
        portal,
        lambda number: None,
        [_state(app.rows)],
    )

    def change(number: int) -> None:
        app.rows = [row | {"v": number} for row in app.rows]
        one.states.append(_state(app.rows))

    one.change = change
    return one
