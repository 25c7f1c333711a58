"""Rewrites a batch without some of its records.

The new payload, records and receipt are made in a hidden folder of the batch, and checked: parsed again, the new
payload must give exactly the other records. Then they take the place of the old files, the receipt last. A process that
is killed at any moment leaves the old batch, or a folder with everything that :func:`complete_rewrite` needs.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.parse import FORMATS
from vertebra.durable import flush, replace_file, sha256_of
from vertebra.errors import CollectError
from vertebra.governance.cell_texts import cell_names
from vertebra.governance.drift import sources_in
from vertebra.lake.batches import RECORD_COLUMN, Batch, Receipt, check_payload, check_records
from vertebra.landing.parsing.column_origins import Provenance, recorded_origins
from vertebra.landing.parsing.records import ReadContext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.parse import ParseOptions
    from vertebra.landing.records import RecordsSummary

_STAGED: Final = ".rewrite"
_PAYLOAD: Final = "payload"


def stage_rewrite(
    batch: Batch, dataset: Dataset, dropped: Sequence[int], about: Mapping[str, Any], key: Mapping[str, str | None]
) -> None:
    """Make the files of a batch without some records, and check them. The batch stays as it is.

    Args:
        dropped: ordinals of the records, rising.
        about: the erasure, as receipts have it, without the records.
        key: the columns of the key that is forgotten, and the text of each, which what is not read may not contain.

    Raises:
        CollectError: the payload cannot be rewritten.
        LakeError: a file of the batch is damaged.
    """
    check_payload(batch)
    check_records(batch)
    folder = batch.folder / _STAGED
    discard_rewrite(batch)
    folder.mkdir()
    receipt = batch.receipt
    name = next_name(receipt)
    try:
        cut = cut_records(batch.payload, receipt, dataset, batch.records, dropped, key, folder, name)
    except BaseException:
        discard_rewrite(batch)
        raise
    renewed = with_forgotten(receipt, cut, [{**about, "records": list(dropped)}])
    records = folder / "records.parquet"
    for file in (folder / name, records):
        file.chmod(0o444)
    flush(folder / name, records)
    replace_file(folder / "receipt.json", renewed.to_json(), 0o444)
    flush(batch.folder)


def complete_rewrite(batch: Batch, erasure: str) -> None:
    """Put the staged files in place of the old ones; a repeated call completes one that was interrupted.

    Args:
        erasure: the id of the erasure that they were staged for; files of others are removed.
    """
    folder = batch.folder / _STAGED
    if is_staged(batch, erasure):
        renewed = Receipt.from_json((folder / "receipt.json").read_text("utf-8"))
        for name in (renewed.payload, "records.parquet", "receipt.json"):
            if (folder / name).is_file():
                (folder / name).replace(batch.folder / name)
                flush(batch.folder)
    current = Receipt.from_json((batch.folder / "receipt.json").read_text("utf-8"))
    for file in batch.folder.glob(f"{_PAYLOAD}*"):
        if file.name != current.payload:
            file.unlink()
    discard_rewrite(batch)
    flush(batch.folder)


def discard_rewrite(batch: Batch) -> None:
    """Remove staged files; the batch stays as it is."""
    shutil.rmtree(batch.folder / _STAGED, ignore_errors=True)


def is_staged(batch: Batch, erasure: str) -> bool:
    """Whether the files of a batch without the records of an erasure are complete, and wait to replace the old ones."""
    file = batch.folder / _STAGED / "receipt.json"
    if not file.is_file():
        return False
    return any(one["erasure"] == erasure for one in Receipt.from_json(file.read_text("utf-8")).forgotten)


@dataclass(frozen=True)
class CutRecords:
    """A payload and its records without those that were dropped.

    Attributes:
        payload: the file.
        summary: facts about the records that are left.
        records_sha256: of ``records.parquet``.
    """

    payload: Path
    summary: RecordsSummary
    records_sha256: str


def cut_records(
    payload: Path,
    receipt: Receipt,
    dataset: Dataset,
    records: Path,
    dropped: Sequence[int],
    key: Mapping[str, str | None],
    folder: Path,
    name: str,
) -> CutRecords:
    """Write a payload and its records without some of them into a folder, and compare them with those that are kept.

    Args:
        payload: as it is now.
        receipt: says how it was parsed, and which records were forgotten before.
        records: those of the payload.
        dropped: ordinals of the records, rising.
        key: the columns of the key, and the text of each if it is known.
        folder: gets ``records.parquet``, and the payload as ``name``.

    Raises:
        CollectError: the payload cannot be rewritten.
    """
    from vertebra.landing.erasure.cut_payload import cut_payload

    shown = receipt.payload if not receipt.url else receipt.url
    scratch = folder / "scratch"
    scratch.mkdir()
    target = folder / name
    before = receipt.forgotten_records
    try:
        options = options_of(receipt.parse, dataset)
        member = str(receipt.parse.get("member", "*"))
        paths = tuple(receipt.parse.get("paths", ()))
        guessed = receipt.guessed_encodings
        context = ReadContext(options, scratch, receipt.stored_sha256, empty=True, paths=paths, guessed=guessed)
        provenance = Provenance(receipt.url, receipt.period, receipt.part)
        context = replace(context, origins=recorded_origins(receipt.parse), provenance=provenance)
        sources = sources_in(dataset, receipt.columns, receipt.text.get("renamed"))
        written = {
            cell: text if isinstance(source, str) or source is None else None
            for column, text in key.items()
            for source in (sources.get(column),)
            for cell in cell_names(source) or (column,)
        }
        cut_payload(payload, shown, member, replace(context, key=written), _places(dropped, before), target)
        context = replace(context, digest=sha256_of(target))
        gaps = sorted({*before, *dropped})
        summary = _parsed(target, shown, member, context, folder / "records.parquet", gaps, receipt, dropped)
        _refuse_others(records, dropped, folder / "records.parquet", shown)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return CutRecords(target, summary, sha256_of(folder / "records.parquet"))


def with_forgotten(receipt: Receipt, cut: CutRecords, erasures: Sequence[dict[str, Any]]) -> Receipt:
    """The receipt of a batch without the records that were dropped; hash and size of what was received stay.

    Args:
        erasures: as receipts have them, with the records.
    """
    return replace(
        receipt,
        payload=cut.payload.name,
        records=cut.summary.records,
        columns=cut.summary.columns,
        text=dict(cut.summary.text),
        seen={name: dict(seen) for name, seen in cut.summary.profiles.items()},
        records_sha256=cut.records_sha256,
        forgotten=[*receipt.forgotten, *erasures],
        kept_sha256=sha256_of(cut.payload),
        kept_bytes=cut.payload.stat().st_size,
    )


def options_of(parse: Mapping[str, Any], dataset: Dataset) -> ParseOptions:
    """The options that a batch was parsed with."""
    from pydantic import ValidationError

    try:
        model = FORMATS[str(parse["format"])].declaration
        known = {name: parse[name] for name in model.model_fields if name in parse}
        return model.model_validate(known | {"null": dataset.parse.null})
    except (KeyError, ValidationError) as error:
        raise CollectError(
            f"it was parsed as {parse.get('format')}, in a way that this release does not know",
            cause=str(error).splitlines()[0],
            remedy="take the whole batch back",
        ) from error


def _parsed(
    payload: Path,
    name: str,
    member: str,
    context: ReadContext,
    target: Path,
    gaps: Sequence[int],
    receipt: Receipt,
    dropped: Sequence[int],
) -> RecordsSummary:
    from vertebra.landing.records import RecordsSummary, write_parsed

    summary = write_parsed(payload, name, member, context, target, gaps=gaps)
    if summary.records or receipt.records > len(dropped):
        return summary
    # an empty JSON array has no columns; the batch keeps those that it had
    _write_no_records(receipt, target)
    text = {
        fact: value
        for fact, value in receipt.text.items()
        if fact not in ("ragged", "filled", "misquoted", "out_of_place", "other_lines")
    }
    return RecordsSummary(0, receipt.columns, text, {column: {} for column in receipt.columns})


def _write_no_records(receipt: Receipt, target: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [pa.field(RECORD_COLUMN, pa.int64(), nullable=False)]
    fields += [pa.field(column, pa.string()) for column in receipt.columns]
    pq.write_table(pa.schema(fields).empty_table(), target, compression="zstd", store_schema=False)


def _places(dropped: Sequence[int], before: Sequence[int]) -> list[int]:
    """The places of records in a payload from which others were cut before."""
    import bisect

    return [record - bisect.bisect_left(before, record) for record in dropped]


def _refuse_others(old: Path, dropped: Sequence[int], new: Path, name: str) -> None:
    """Check that a file of records has those of another but for some.

    Raises:
        CollectError: it has not.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    was, now = pq.ParquetFile(old), pq.ParquetFile(new)
    ordinals = was.read([RECORD_COLUMN]).column(0)
    kept = pc.invert(pc.is_in(ordinals, value_set=pa.array(dropped, pa.int64())))
    different = [] if now.read([RECORD_COLUMN]).column(0).equals(ordinals.filter(kept)) else [RECORD_COLUMN]
    names = [*dict.fromkeys([*was.schema_arrow.names, *now.schema_arrow.names])]
    for column in names if not different else ():
        if column != RECORD_COLUMN and not _same(_texts(was, column, kept), _texts(now, column, None)):
            different.append(column)
    if different:
        raise CollectError(
            f"{name} cannot be rewritten: without the records, it does not give the other ones",
            cause=f"{', '.join(different[:5])} would change",
            remedy="take the whole batch back",
        )


def _texts(file: Any, column: str, kept: Any) -> pa.ChunkedArray | None:
    import pyarrow as pa

    if column not in file.schema_arrow.names:
        return None
    found = file.read([column]).column(0).cast(pa.string())
    return found if kept is None else found.filter(kept)


def _same(one: pa.ChunkedArray | None, other: pa.ChunkedArray | None) -> bool:
    """Whether columns are equal; one that a file does not have is NULL."""
    if one is None or other is None:
        found = one if one is not None else other
        return found is None or found.null_count == len(found)
    return bool(one.equals(other))


def next_name(receipt: Receipt) -> str:
    """The name of a payload's file when records are cut out of it: ``payload-2.csv.zip`` after ``payload.csv.zip``."""
    stem, dot, ending = receipt.payload.partition(".")
    number = int(stem.rpartition("-")[2]) if "-" in stem else 1
    return f"{_PAYLOAD}-{number + 1}{dot}{ending}"
