"""Fetching an answer into a file: whole, within bounds, or not at all."""

from __future__ import annotations

import gzip
import shutil
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from vertebra.errors import CollectError
from vertebra.landing.payload import Expansion, SizeLimits, bounded
from vertebra.landing.port import Transfer
from vertebra.landing.web.connection import Connections, Response, keep_head
from vertebra.landing.web.content import error_message
from vertebra.landing.web.credentials import Credentials, with_query, without_query
from vertebra.landing.web.download import Download
from vertebra.landing.web.errors import RefusedAnswerError, TryAgainError
from vertebra.landing.web.partial import Partial
from vertebra.landing.web.retries import Retries, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from vertebra.declare.web_source import WebLimits
    from vertebra.landing.web.network import Network

_HOPS: Final = 8
_CHUNK: Final = 1 << 20
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_AGAIN: Final = frozenset({202, 408, 425, 429, 500, 502, 503, 504})
_KEPT: Final = (
    "etag",
    "last-modified",
    "content-type",
    "x-soda2-fields",
    "x-soda2-types",
    "x-soda2-truth-last-modified",
)


@dataclass
class Client:
    """Asks one host on behalf of one dataset.

    Attributes:
        network: clock, chance and turns.
        limits: as declared.
        credentials: what is sent along.
        transferred: told of bytes as they come.
    """

    network: Network
    limits: WebLimits
    credentials: Credentials
    transferred: Callable[[Transfer], None]
    _deadline: float = field(default=0.0, init=False)
    _connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self._connections = Connections(self.network, self.limits, self.credentials)
        self.begin()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connections.close()

    def begin(self) -> None:
        """Start the time of a payload."""
        self._deadline = self.network.clock.monotonic() + self.limits.time_seconds

    def fetch(
        self,
        url: str,
        target: Path,
        params: tuple[tuple[str, str], ...] = (),
        *,
        landed: Mapping[str, str] | None = None,
        packed: bool = False,
    ) -> Download | None:
        """Ask, as often as it takes.

        Args:
            url: without credentials.
            target: file for the answer; replaced.
            params: query parameters to add.
            landed: headers of the answer landed last, to ask only for a newer one.
            packed: whether the host may compress the answer on the way; such an answer cannot be resumed.

        Returns:
            The answer; None when the host says it is the one landed last.

        Raises:
            RefusedAnswerError: an answer came, and it is an error, a page, too large or cut off.
            CollectError: no answer came.
        """
        asked = with_query(url, params)
        tries = Retries(self.network, self.limits.tries, self._deadline)
        partial = Partial(target.with_name(target.name + ".part"))
        conditions = _conditions(landed or {})
        encoding = "gzip" if packed else "identity"
        while True:
            try:
                return self._once(asked, target, partial, conditions | {"Accept-Encoding": encoding})
            except TryAgainError as error:
                try:
                    tries.failed(error)
                except CollectError as final:
                    if not partial.received:
                        raise
                    raise RefusedAnswerError(
                        final.fact, url=asked, file=partial.file, cause=final.cause, remedy=final.remedy
                    ) from error

    def _once(self, asked: str, target: Path, partial: Partial, headers: dict[str, str]) -> Download | None:
        url = asked
        for _ in range(_HOPS):
            left = max(0.1, self._deadline - self.network.clock.monotonic())
            silence = min(self.limits.wait_seconds, left)
            with self._connections.opened(url, headers | partial.resumption(), silence) as response:
                fields = {name.lower(): value for name, value in response.headers.items()}
                if response.status_code in _REDIRECTS and fields.get("location"):
                    url = self._followed(url, fields["location"], asked, target, response)
                    continue
                conditional = "If-None-Match" in headers or "If-Modified-Since" in headers
                return self._taken(response, fields, asked, url, target, partial, conditional=conditional)
        raise RefusedAnswerError(
            f"{without_query(asked)} redirects more than {_HOPS} times",
            url=asked,
            cause="it leads in a circle",
            remedy="open the address in a browser and correct the declaration",
        )

    def _taken(
        self,
        response: Response,
        fields: dict[str, str],
        asked: str,
        url: str,
        target: Path,
        partial: Partial,
        *,
        conditional: bool,
    ) -> Download | None:
        """Take an answer.

        Args:
            asked: the address that was asked.
            url: the one that answers, after redirects.
        """
        status = response.status_code
        if status == 304 and conditional:
            return None
        if status in _AGAIN:
            raise TryAgainError(
                f"{without_query(asked)} answers with status {status}",
                cause=_MEANINGS.get(status, ""),
                after=retry_after(fields, self.network.clock.now()),
            )
        if status == 416 and partial.received:
            partial.forget()
            raise TryAgainError(f"{without_query(asked)} cannot go on with a download", cause="status 416")
        if status not in (200, 206):
            keep_head(response, target)
            led = f" at {without_query(url)}, where it leads" if url != asked else ""
            raise RefusedAnswerError(
                f"{without_query(asked)} answers with status {status}{led}",
                url=asked,
                file=target,
                status=status,
                cause=error_message(target) or _MEANINGS.get(status, ""),
                remedy=_REMEDIES.get(status, "open the address in a browser and correct the declaration"),
            )
        partial.answered(status, fields, asked)
        self._stream(response, asked, partial)
        partial.check_whole(asked)
        self._unpack(partial, fields.get("content-encoding", "identity").lower(), asked, target)
        kept = {_usual(name): fields[name] for name in _KEPT if name in fields}
        return Download(target, asked, kept, fields.get("link", ""))

    def _followed(self, url: str, location: str, asked: str, target: Path, response: Response) -> str:
        try:
            return self.credentials.follow(url, location)
        except CollectError as error:
            keep_head(response, target)
            raise RefusedAnswerError(
                error.fact,
                url=asked,
                file=target,
                status=response.status_code,
                cause=error.cause,
                remedy=error.remedy,
            ) from None

    def _stream(self, response: Response, asked: str, partial: Partial) -> None:
        """Write a body to disk as it comes."""
        clock, most = self.network.clock, self.limits.size_bytes
        shown = without_query(asked)
        with partial.open() as sink:
            for block in response.iter_raw():
                sink.write(block)
                partial.received += len(block)
                self.transferred(Transfer(shown, partial.received, partial.size))
                if max(partial.received, partial.size or 0) > most:
                    raise RefusedAnswerError(
                        f"{shown} gives more than {self.limits.size}",
                        url=asked,
                        file=partial.file,
                        cause="an answer without bound would fill the disk",
                        remedy="if it is meant to be so large, write collect: {limits: {size: …}}",
                    )
                if clock.monotonic() > self._deadline:
                    raise CollectError(
                        f"{shown} takes longer than {self.limits.time}",
                        cause=f"{partial.received:,} bytes came in that time",
                        remedy="if it is meant to take so long, write collect: {limits: {time: …}}",
                    )

    def _unpack(self, partial: Partial, encoding: str, asked: str, target: Path) -> None:
        """Undo the compression of the way; a damaged stream is asked for again."""
        if encoding in ("identity", ""):
            partial.file.replace(target)
            return
        if encoding not in ("gzip", "x-gzip"):
            raise RefusedAnswerError(
                f"{without_query(asked)} is compressed as {encoding}, which was not asked for",
                url=asked,
                file=partial.file,
                remedy="ask the source",
            )
        name = without_query(asked)
        try:
            packed = cast("BinaryIO", gzip.open(partial.file, "rb"))  # noqa: SIM115 - bounded() closes it
            expansion = Expansion(name, partial.received, SizeLimits(size=self.limits.size_bytes))
            with bounded(packed, expansion) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            partial.forget()
            raise TryAgainError(f"{name} came damaged", cause=str(error) or type(error).__name__) from error
        except CollectError as error:
            raise RefusedAnswerError(
                error.fact, url=asked, file=partial.file, cause=error.cause, remedy=error.remedy
            ) from error
        partial.forget()


def _conditions(landed: Mapping[str, str]) -> dict[str, str]:
    """Ask for nothing that is landed already (RFC 9110, 13.1)."""
    asked = {"If-None-Match": landed.get("ETag"), "If-Modified-Since": landed.get("Last-Modified")}
    return {name: value for name, value in asked.items() if value}


def _usual(name: str) -> str:
    return (
        "ETag"
        if name == "etag"
        else "-".join(part.upper() if part == "soda2" else part.title() for part in name.split("-"))
    )


_MEANINGS: Final[Mapping[int, str]] = {
    202: "the answer is being made",
    401: "the host wants credentials",
    403: "the host refuses: the credentials, the address, or a program in place of a browser",
    404: "there is nothing at this address",
    410: "what was at this address is gone for good",
    429: "too many requests",
    500: "the host has an error",
    502: "the host behind the host does not answer",
    503: "the host is busy or under maintenance",
    504: "the host behind the host does not answer in time",
}
_REMEDIES: Final[Mapping[int, str]] = {
    401: "write auth under collect, with the token as ${NAME}",
    403: "check the credentials; some hosts want headers: {User-Agent: …} of a browser",
    404: "correct the address in the declaration, or find where the data has moved",
    410: "find where the data has moved and correct the declaration",
}
