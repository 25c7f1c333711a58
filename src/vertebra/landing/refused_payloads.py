"""Keeps refused payloads and answers, each with the reason, for a person to look at."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.durable import complete_file, make_folder, move_file, replace_file
from vertebra.errors import CollectError
from vertebra.landing.shrink import Shrink, ShrunkSnapshotError

if TYPE_CHECKING:
    from datetime import datetime

    from vertebra.declare.redaction import Redaction
    from vertebra.landing.port import Refused

REFUSED: Final = ".refused"
_REASON: Final = "reason.json"
_MOST: Final = 200
_WHOLE: Final = 64 << 20
_HEAD: Final = 1 << 20


@dataclass(frozen=True)
class RefusedPayload:
    """A payload that was refused.

    Attributes:
        url: where it came from, without credentials.
        folder: the folder that it is kept in, with ``reason.json``.
        error: what is wrong with it.
    """

    url: str
    folder: Path
    error: CollectError


class RefusedPayloadError(CollectError):
    """A payload was refused and kept aside."""

    def __init__(self, refusal: RefusedPayload) -> None:
        self.refusal = refusal
        error = refusal.error
        kept = f"; the payload is kept in {refusal.folder}"
        super().__init__(error.fact, cause=error.cause, remedy=error.remedy + kept, where=error.where)


@dataclass(frozen=True)
class RefusedPayloadStore:
    """The refused payloads of a dataset: the newest 200, and each answer of an address once.

    Attributes:
        home: the dataset's folder in the landing zone.
        run_id: the run that collects.
        now: the collection's start, UTC.
        redact: removes secrets from texts and files.
        where: the dataset, for messages.
    """

    home: Path
    run_id: str
    now: datetime
    redact: Redaction
    where: str

    def keep(self, refused: Refused, name: str, digest: str) -> RefusedPayload:
        """Keep a payload with the reason. The same bytes from the same address are kept once.

        Of a payload of more than 64 MB only the beginning is kept, because repeated attempts could fill the disk. The
        source still has the rest.

        Args:
            refused: the payload; its file is moved.
            name: name of the file.
            digest: sha256 of its bytes, or of the reason.
        """
        raw, error, url = refused.file, refused.error, self.redact(refused.url)
        folder = self._before(digest, url) or self._new()
        make_folder(folder)
        size = raw.stat().st_size if raw is not None else 0
        if raw is not None:
            self._move(raw, folder / name, size)
        fact, cause, remedy = (self.redact(text) for text in (error.fact, error.cause, error.remedy))
        reason: dict[str, object] = {
            "url": url,
            "period": refused.period,
            "part": self.redact(refused.part) if refused.part else None,
            "sha256": digest,
            "bytes": size,
            "run_id": self.run_id,
            "collected_at": self.now.isoformat(),
            "fact": fact,
            "cause": cause,
            "remedy": remedy,
        }
        if isinstance(error, ShrunkSnapshotError):
            reason["shrink"] = asdict(error.shrink)
        replace_file(folder / _REASON, json.dumps(reason, indent=2, ensure_ascii=False))
        self._forget_oldest()
        place = ", ".join(str(reason[name]) for name in ("period", "part") if reason[name] and reason[name] != url)
        about = CollectError(
            f"{place}: {fact}" if place else fact, cause=cause, remedy=remedy, where=error.where or self.where
        )
        return RefusedPayload(url, folder, about)

    def _move(self, raw: Path, target: Path, size: int) -> None:
        """Move a file and redact it: an answer may repeat the token of its request."""
        if size > _WHOLE:
            with raw.open("r+b") as stream:
                stream.truncate(_HEAD)
        clean = target.with_name(f"{target.name}.new")
        with raw.open("rb") as source, complete_file(clean) as sink:
            for block in self.redact.blocks(source):
                sink.write(block)
        move_file(clean, target)
        raw.unlink()

    def _before(self, digest: str, url: str) -> Path | None:
        for file in sorted(self.home.glob(f"{REFUSED}/*/{_REASON}")):
            reason = _read_json(file)
            if (reason.get("sha256"), reason.get("url")) == (digest, url):
                return file.parent
        return None

    def _new(self) -> Path:
        stamp = f"{self.now:%Y%m%dT%H%M%S}"
        taken = {folder.name for folder in self.home.glob(f"{REFUSED}/{stamp}*")}
        number = 1
        while (name := stamp if number == 1 else f"{stamp}-{number}") in taken:
            number += 1
        return self.home / REFUSED / name

    def _forget_oldest(self) -> None:
        kept = sorted(self.home.glob(f"{REFUSED}/*"), key=lambda folder: folder.stat().st_mtime_ns)
        for folder in kept[:-_MOST]:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class RefusedShrink:
    """A snapshot that was refused because of its number of rows.

    Attributes:
        url: where it came from, without credentials.
        period, part: what it is a snapshot of; None for the whole source.
        shrink: the numbers of rows.
    """

    url: str
    period: str | None
    part: str | None
    shrink: Shrink


def refused_shrinks(home: Path) -> list[RefusedShrink]:
    """The snapshots of a dataset that were refused because of their numbers of rows: the newest of each address.

    Args:
        home: the dataset's folder in the landing zone.
    """
    reasons = [_read_json(file) for file in home.glob(f"{REFUSED}/*/{_REASON}")]
    reasons.sort(key=lambda reason: str(reason.get("collected_at")))
    latest = {(reason.get("url"), reason.get("period"), reason.get("part")): reason for reason in reasons}
    return [
        RefusedShrink(url, period, part, Shrink(**reason["shrink"]))
        for (url, period, part), reason in latest.items()
        if url is not None and "shrink" in reason
    ]


def _read_json(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError):
        return {}
