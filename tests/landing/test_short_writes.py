"""What lands is what was received, byte for byte, or nothing lands."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from landing.readings import declared, records
from vertebra.errors import CollectError
from vertebra.lake.batches import batches
from vertebra.lake.catalog import Lake
from vertebra.landing.outcome import CollectOutcome

Collected = Callable[..., CollectOutcome]
ROWS = "a\n" + "".join(f"{number:08d}\n" for number in range(10_000))


@pytest.fixture
def size_limit() -> Iterator[Callable[[int], None]]:
    """Limit the size of the files of this process, as ``ulimit -f`` does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_payload_larger_than_the_limit_does_not_land_and_is_asked_for_again(
    project: Path, collected: Collected, lake: Lake, size_limit: Callable[[int], None]
) -> None:
    (project / "r.csv").write_text(ROWS)
    size_limit(20 << 10)
    with pytest.raises(CollectError, match="batch 1 of readings could not be written") as told:
        collected(declared("r.csv"))
    assert told.value.cause.startswith("File too large (")
    assert told.value.cause.endswith("payload.csv)")
    assert "vertebra collect readings" in told.value.remedy
    assert batches(lake.landing, "station", "readings") == []
    size_limit(1 << 30)
    (batch,) = collected(declared("r.csv")).new
    assert batch.payload.read_text() == ROWS
    assert len(records(batch)) == 10_000


def test_writes_that_take_less_than_they_are_given_are_continued(
    project: Path, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "r.csv").write_text(ROWS)
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data[:4096])))
    (batch,) = collected(declared("r.csv")).new
    assert hashlib.sha256(batch.payload.read_bytes()).hexdigest() == batch.receipt.sha256
    assert (batch.payload.read_text(), batch.receipt.bytes) == (ROWS, len(ROWS))


def test_a_disk_that_returns_other_bytes_than_it_took_is_told(
    project: Path, collected: Collected, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "r.csv").write_text(ROWS)
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data).replace(b"00000042", b"00000043")))
    with pytest.raises(CollectError, match="batch 1 of readings could not be written") as told:
        collected(declared("r.csv"))
    assert "other bytes than were written" in told.value.cause
    assert batches(lake.landing, "station", "readings") == []
