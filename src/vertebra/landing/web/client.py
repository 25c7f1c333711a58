"""Downloads an answer into a file; an answer that is incomplete or exceeds the limits is refused."""

from __future__ import annotations

import gzip
import shutil
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from vertebra.errors import CollectError
from vertebra.landing.payload import Expansion, SizeLimits, limit_expansion
from vertebra.landing.port import Transfer
from vertebra.landing.web.connection import Connections, Response, save_excerpt
from vertebra.landing.web.content import error_message
from vertebra.landing.web.credentials import Credentials, with_query, without_query
from vertebra.landing.web.download import Download
from vertebra.landing.web.errors import RefusedAnswerError, RetryableError
from vertebra.landing.web.partial import PartialDownload
from vertebra.landing.web.retries import Retries, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from vertebra.declare.web_source import WebLimits
    from vertebra.landing.web.network import Network

_MAX_REDIRECTS: Final = 8
_CHUNK: Final = 1 << 20
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_RETRYABLE: Final = frozenset({202, 408, 425, 429, 500, 502, 503, 504})
_KEPT_HEADERS: Final = (
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
        network: clock, random numbers and rate limits.
        limits: as declared.
        credentials: sent with the requests.
        transferred: called with the bytes received so far.
    """

    network: Network
    limits: WebLimits
    credentials: Credentials
    transferred: Callable[[Transfer], None]
    _deadline: float = field(default=0.0, init=False)
    _connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self._connections = Connections(self.network, self.limits, self.credentials)
        self.start_deadline()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connections.close()

    def start_deadline(self) -> None:
        """Start the time that one payload may take."""
        self._deadline = self.network.clock.monotonic() + self.limits.time_seconds

    def fetch(
        self,
        url: str,
        target: Path,
        params: tuple[tuple[str, str], ...] = (),
        *,
        validators: Mapping[str, str] | None = None,
        allow_gzip: bool = False,
    ) -> Download | None:
        """Download an answer, with retries; an interrupted download is resumed if the host allows it.

        Args:
            url: without credentials.
            target: file for the answer; replaced.
            params: query parameters to add.
            validators: headers of the landed answer, which ask for a newer one only.
            allow_gzip: whether the host may compress the answer; such a download cannot be resumed.

        Returns:
            The answer; None if the host says that it has not changed.

        Raises:
            RefusedAnswerError: the answer is an error, too large or cut off.
            CollectError: no answer came.
        """
        asked = with_query(url, params)
        retries = Retries(self.network, 1 + self.limits.retries, self._deadline)
        partial = PartialDownload(target.with_name(target.name + ".part"))
        conditions = _conditions(validators or {})
        encoding = "gzip" if allow_gzip else "identity"
        while True:
            try:
                return self._attempt(asked, target, partial, conditions | {"Accept-Encoding": encoding})
            except RetryableError as error:
                try:
                    retries.wait(error)
                except CollectError as final:
                    if not partial.received:
                        raise
                    raise RefusedAnswerError(
                        final.fact, url=asked, file=partial.file, cause=final.cause, remedy=final.remedy
                    ) from error

    def _attempt(self, asked: str, target: Path, partial: PartialDownload, headers: dict[str, str]) -> Download | None:
        url = asked
        for _ in range(_MAX_REDIRECTS):
            left = max(0.1, self._deadline - self.network.clock.monotonic())
            silence = min(self.limits.wait_seconds, left)
            with self._connections.opened(url, headers | partial.resume_headers(), silence) as response:
                fields = {name.lower(): value for name, value in response.headers.items()}
                if response.status_code in _REDIRECTS and fields.get("location"):
                    url = self._followed(url, fields["location"], asked, target, response)
                    continue
                conditional = "If-None-Match" in headers or "If-Modified-Since" in headers
                return self._receive(response, fields, asked, url, target, partial, conditional=conditional)
        raise RefusedAnswerError(
            f"{without_query(asked)} redirects more than {_MAX_REDIRECTS} times",
            url=asked,
            cause="it leads in a circle",
            remedy="open the address in a browser and correct the declaration",
        )

    def _receive(
        self,
        response: Response,
        fields: dict[str, str],
        asked: str,
        url: str,
        target: Path,
        partial: PartialDownload,
        *,
        conditional: bool,
    ) -> Download | None:
        """Receive an answer.

        Args:
            asked: the requested address.
            url: the address that answers, after redirects.
            conditional: whether the host may say that nothing changed.
        """
        status = response.status_code
        if status == 304 and conditional:
            return None
        if status in _RETRYABLE:
            raise RetryableError(
                f"{without_query(asked)} answers with status {status}",
                cause=_MEANINGS.get(status, ""),
                retry_after=retry_after(fields, self.network.clock.now()),
            )
        if status == 416 and partial.received:
            partial.reset()
            raise RetryableError(f"{without_query(asked)} cannot resume a download", cause="status 416")
        if status not in (200, 206):
            save_excerpt(response, target)
            led = f" at {without_query(url)}, where it leads" if url != asked else ""
            raise RefusedAnswerError(
                f"{without_query(asked)} answers with status {status}{led}",
                url=asked,
                file=target,
                status=status,
                cause=error_message(target) or _MEANINGS.get(status, ""),
                remedy=_REMEDIES.get(status, "open the address in a browser and correct the declaration"),
            )
        partial.start_response(status, fields, asked)
        self._stream(response, asked, partial)
        partial.check_complete(asked)
        self._decompress(partial, fields.get("content-encoding", "identity").lower(), asked, target)
        kept = {_canonical_name(name): fields[name] for name in _KEPT_HEADERS if name in fields}
        return Download(target, asked, kept, fields.get("link", ""))

    def _followed(self, url: str, location: str, asked: str, target: Path, response: Response) -> str:
        try:
            return self.credentials.follow(url, location)
        except CollectError as error:
            save_excerpt(response, target)
            raise RefusedAnswerError(
                error.fact,
                url=asked,
                file=target,
                status=response.status_code,
                cause=error.cause,
                remedy=error.remedy,
            ) from None

    def _stream(self, response: Response, asked: str, partial: PartialDownload) -> None:
        """Write the body to disk as it arrives."""
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
                        cause="an answer without a limit could fill the disk",
                        remedy="if so much data is right, write collect: {limits: {size: …}}",
                    )
                if clock.monotonic() > self._deadline:
                    raise CollectError(
                        f"{shown} takes longer than {self.limits.time}",
                        cause=f"{partial.received:,} bytes arrived in that time",
                        remedy="if it may take so long, write collect: {limits: {time: …}}",
                    )

    def _decompress(self, partial: PartialDownload, encoding: str, asked: str, target: Path) -> None:
        """Decompress what the host compressed for the transfer; a damaged stream is requested again."""
        if encoding in ("identity", ""):
            partial.file.replace(target)
            return
        if encoding not in ("gzip", "x-gzip"):
            raise RefusedAnswerError(
                f"{without_query(asked)} is compressed as {encoding}, which was not requested",
                url=asked,
                file=partial.file,
                remedy="ask the source",
            )
        name = without_query(asked)
        try:
            packed = cast("BinaryIO", gzip.open(partial.file, "rb"))  # noqa: SIM115 - limit_expansion() closes it
            expansion = Expansion(name, partial.received, SizeLimits(size=self.limits.size_bytes))
            with limit_expansion(packed, expansion) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            partial.reset()
            raise RetryableError(f"{name} arrived damaged", cause=str(error) or type(error).__name__) from error
        except CollectError as error:
            raise RefusedAnswerError(
                error.fact, url=asked, file=partial.file, cause=error.cause, remedy=error.remedy
            ) from error
        partial.reset()


def _conditions(landed: Mapping[str, str]) -> dict[str, str]:
    """Headers that ask only for a newer answer (RFC 9110, 13.1)."""
    asked = {"If-None-Match": landed.get("ETag"), "If-Modified-Since": landed.get("Last-Modified")}
    return {name: value for name, value in asked.items() if value}


def _canonical_name(name: str) -> str:
    return (
        "ETag"
        if name == "etag"
        else "-".join(part.upper() if part == "soda2" else part.title() for part in name.split("-"))
    )


_MEANINGS: Final[Mapping[int, str]] = {
    202: "the answer is not ready yet",
    401: "the host requires credentials",
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
