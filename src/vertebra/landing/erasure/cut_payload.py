"""Copies a payload without some of its records: plain, gzip, or members of a zip archive."""

from __future__ import annotations

import gzip
import re
import shutil
import zipfile
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from vertebra.errors import CollectError
from vertebra.landing.parsing.format import format_named
from vertebra.landing.payload import BUFFER, PayloadPart, is_damage, parts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vertebra.landing.parsing.records import ReadContext

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"


def cut_payload(
    payload: Path,
    name: str,
    member: str,
    context: ReadContext,
    dropped: Sequence[int],
    target: Path,
) -> None:
    """Copy a payload without some of its records.

    Args:
        name: name of the payload in messages.
        member: pattern for the members of a zip archive that are read.
        context: how the payload is read, and the key, which members that are not read may not contain.
        dropped: ordinals of the records to leave out, rising.
        target: file to write.

    Raises:
        CollectError: the records cannot be cut out.
    """
    form = format_named(context.options.format)
    try:
        streams = parts(payload, name, member)
        with payload.open("rb") as stream:
            magic = stream.read(4)
        # some formats are zip archives themselves, and have their own method
        if magic == _ZIP and not all(part.plain for part in streams):
            _cut_zip(payload, name, streams, context, dropped, target)
            return
        with target.open("wb") as sink:
            if magic[:2] == _GZIP and streams[0].plain is None:
                with gzip.GzipFile("", "wb", fileobj=sink, mtime=0) as packed:
                    form.cut(streams[0], dropped, cast("BinaryIO", packed), context)
            else:
                form.cut(streams[0], dropped, sink, context)
    except CollectError:
        raise
    except Exception as error:
        if not is_damage(error):
            raise
        raise CollectError(f"{name} is damaged", cause=str(error), remedy="vertebra debug --verify") from error


def _cut_zip(
    payload: Path,
    name: str,
    streams: Sequence[PayloadPart],
    context: ReadContext,
    dropped: Sequence[int],
    target: Path,
) -> None:
    """Copy an archive; members without a dropped record are copied, also those that are not read."""
    form = format_named(context.options.format)
    of_member = _dropped_by_part(streams, context, dropped)
    read = {part.name.removeprefix(f"{name}:") for part in streams}
    with zipfile.ZipFile(payload) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as sink:
        sink.comment = source.comment
        for entry in source.infolist():
            places = of_member.get(f"{name}:{entry.filename}", ())
            if entry.is_dir():
                sink.writestr(entry, b"")
                continue
            if entry.filename not in read:
                _refuse_text(source, entry, name, [text for text in context.key.values() if text])
            with sink.open(_described(entry), "w", force_zip64=True) as out:
                part = next((one for one in streams if one.name == f"{name}:{entry.filename}"), None)
                if part is not None and places:
                    form.cut(part, places, cast("BinaryIO", out), context)
                else:
                    with source.open(entry) as member:
                        shutil.copyfileobj(member, out, BUFFER)


def _described(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    new = zipfile.ZipInfo(entry.filename, entry.date_time)
    new.comment, new.external_attr, new.compress_type = entry.comment, entry.external_attr, zipfile.ZIP_DEFLATED
    return new


def _dropped_by_part(
    streams: Sequence[PayloadPart], context: ReadContext, dropped: Sequence[int]
) -> dict[str, list[int]]:
    """The dropped records of each part, counted from its own beginning."""
    if len(streams) == 1:
        return {streams[0].name: list(dropped)}
    found: dict[str, list[int]] = {}
    first = 0
    for part in streams:
        rows = _records_of(part, context)
        mine = [record - first for record in dropped if first <= record < first + rows]
        if mine:
            found[part.name] = mine
        first += rows
    return found


def _records_of(part: PayloadPart, context: ReadContext) -> int:
    from dataclasses import replace

    from vertebra.landing.parsing.records import RaggedRecordError

    form = format_named(context.options.format)
    reading = replace(context, empty=True)
    try:
        return sum(batch.num_rows for batch in form.read([part], reading).batches)
    except RaggedRecordError:
        return sum(batch.num_rows for batch in form.read([part], replace(reading, ragged=True)).batches)


def _refuse_text(source: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, texts: Sequence[str]) -> None:
    """Refuse an archive with a member that is not read and that contains the key."""
    data = source.read(entry)
    for text in texts:
        if re.search(rb"(?<!\w)" + re.escape(text.encode()) + rb"(?!\w)", data):
            raise CollectError(
                f"{name} has the member {entry.filename}, which contains the key and is not read",
                cause="only members that match collect.member are read, and can be rewritten",
                remedy="take the whole batch back",
            )
