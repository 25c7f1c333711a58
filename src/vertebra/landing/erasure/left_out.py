"""Leaves records of forgotten keys out of a batch that a source sends: they do not land."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from vertebra.durable import flush
from vertebra.errors import CollectError
from vertebra.landing.erasure.recognise import forgotten_again
from vertebra.landing.erasure.rewrite import cut_records, next_name, with_forgotten

if TYPE_CHECKING:
    from pathlib import Path

    from vertebra.declare.dataset import Dataset
    from vertebra.governance.forgotten import Tombstones
    from vertebra.lake.batches import Receipt


def leave_out(receipt: Receipt, folder: Path, dataset: Dataset, known: Tombstones) -> Receipt:
    """Rewrite a batch that is being made without the records of forgotten keys.

    The receipt keeps hash and size of what was received, so the same bytes are not collected again.

    Args:
        receipt: of the batch as it was received.
        folder: has the payload and ``records.parquet``; both are replaced if there are such records.

    Returns:
        The receipt of the batch as it lands.

    Raises:
        CollectError: there are such records, and the payload cannot be rewritten.
    """
    records = folder / "records.parquet"
    again = forgotten_again(records, receipt, dataset, known)
    if not again:
        return receipt
    dropped = sorted(ordinal for ordinals in again.values() for ordinal in ordinals)
    key = {column: None for one in known.keys if one.erasure in again for column in one.columns}
    made = folder / "cut"
    made.mkdir()
    try:
        payload = folder / receipt.payload
        cut = cut_records(payload, receipt, dataset, records, dropped, key, made, next_name(receipt))
    except CollectError as error:
        raise CollectError(
            f"{receipt.url} has records of a forgotten key, and was not landed: {error.fact}",
            cause=error.cause,
            remedy="ask the source for a payload without them",
            where=f"dataset {dataset.name}",
        ) from error
    reasons = {one.erasure: one.reason for one in known.keys}
    entries = [
        {"erasure": erasure, "at": receipt.collected_at.isoformat(), "reason": reasons[erasure], "records": ordinals}
        for erasure, ordinals in again.items()
    ]
    renewed = with_forgotten(receipt, cut, entries)
    for file in (cut.payload, made / "records.parquet"):
        file.chmod(0o444)
        flush(file)
        file.replace(folder / file.name)
    (folder / receipt.payload).unlink()
    shutil.rmtree(made, ignore_errors=True)
    return renewed
