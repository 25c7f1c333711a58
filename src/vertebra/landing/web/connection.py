"""One request over one connection, with error messages that contain no secrets."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlsplit

from vertebra.errors import CollectError
from vertebra.landing.web.credentials import origin_of, without_query
from vertebra.landing.web.errors import RetryableError, UnreachableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import httpx

    from vertebra.declare.web_source import WebLimits
    from vertebra.landing.web.credentials import Credentials
    from vertebra.landing.web.network import Network

_HEAD: Final = 256 << 10
_UNREACHABLE: Final = "check the address and the network; behind a proxy, export HTTPS_PROXY=…"
_CERTIFICATE: Final = ("certificate has expired", "self-signed", "self signed", "hostname mismatch", "local issuer")


class Response(Protocol):
    """The part of httpx's response that is used."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names are in any case."""
        ...

    def iter_raw(self) -> Iterator[bytes]:
        """The bytes of the body as they arrive, still compressed."""
        ...


class _WithoutQuery(logging.Filter):
    """Removes the query from addresses that httpx logs: it may contain a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, with addresses without a query."""
        if isinstance(record.args, tuple):
            record.args = tuple(without_query(str(one)) if type(one).__name__ == "URL" else one for one in record.args)
        return True


@dataclass
class Connections:
    """The connections that a dataset's requests go over.

    Attributes:
        network: clock and rate limits.
        limits: as declared.
        credentials: sent with the requests.
    """

    network: Network
    limits: WebLimits
    credentials: Credentials
    _client: httpx.Client | None = field(default=None, init=False)
    _oauth: httpx.Auth | None = field(default=None, init=False)

    def close(self) -> None:
        """Close them all."""
        if self._client is not None:
            self._client.close()

    @contextmanager
    def opened(self, url: str, headers: dict[str, str], seconds: float) -> Iterator[Response]:
        """An answer whose body is not read yet. It counts as a connection to the host until the block ends.

        Args:
            url: without credentials.
            headers: sent in addition to those of the declaration.
            seconds: longest time without any bytes.

        Raises:
            RetryableError: the connection cannot be made, or breaks off, also while the body is read.
            UnreachableError: the host's certificate is not valid.
            CollectError: it is not an address.
            KeyboardInterrupt: a stop was requested.
        """
        import httpx

        where, sent = self.credentials.request_to(url)
        shown = without_query(url)
        elsewhere = origin_of(url) != self.credentials.origin
        with self.network.throttle.turn(urlsplit(url).netloc, self.limits, self.network.clock):
            self.network.check_stop()
            # Texts of httpx's errors may contain the whole address with a secret in it, so they are not passed on.
            try:
                auth = None if elsewhere else self._tokens()
                with self._connected().stream(
                    "GET", where, headers=sent | headers, timeout=seconds, auth=auth
                ) as response:
                    yield cast("Response", response)
            except httpx.ConnectError as error:
                if "ssl" in str(error).lower() or "certificate" in str(error).lower():
                    raise (CollectError if elsewhere else UnreachableError)(
                        f"the connection to {shown} is not secure",
                        cause=_tls_cause(error),
                        remedy="correct the host's certificate, or point SSL_CERT_FILE to the authorities you trust",
                    ) from None
                raise RetryableError(
                    f"{shown} cannot be reached",
                    cause="the connection is refused, or the name unknown",
                    remedy=_UNREACHABLE,
                    host_reached=elsewhere,
                ) from None
            except httpx.ConnectTimeout:
                raise RetryableError(
                    f"{shown} cannot be reached",
                    cause=f"no connection within {seconds:g} seconds",
                    remedy=_UNREACHABLE,
                    host_reached=elsewhere,
                ) from None
            except httpx.ReadTimeout:
                raise RetryableError(
                    f"{shown} does not respond", cause=f"no bytes within {seconds:g} seconds"
                ) from None
            except httpx.TransportError as error:
                raise RetryableError(f"the connection to {shown} was interrupted", cause=type(error).__name__) from None
            except httpx.InvalidURL:
                raise CollectError(f"{shown} is not an address that can be requested") from None

    def _tokens(self) -> httpx.Auth | None:
        """What requests access tokens and sends them; None if the declaration has no ``token_url``."""
        if self._oauth is None and self.credentials.oauth is not None:
            from vertebra.landing.web.oauth import OAuth

            self._oauth = OAuth(self.credentials.oauth, self.network)
        return self._oauth

    def _connected(self) -> httpx.Client:
        """The client; proxies and certificate authorities are those of the environment."""
        import httpx

        if self._client is None:
            logger = logging.getLogger("httpx")
            if not any(isinstance(one, _WithoutQuery) for one in logger.filters):
                logger.addFilter(_WithoutQuery())
            most = httpx.Limits(max_connections=self.limits.connections)
            self._client = httpx.Client(verify=_authorities(), follow_redirects=False, limits=most)
        return self._client


@cache
def _authorities() -> ssl.SSLContext:
    """The trusted certificate authorities; read once, because it takes a tenth of a second."""
    import httpx

    return httpx.create_ssl_context()


def save_excerpt(response: Response, target: Path) -> None:
    """Write the beginning of a refused answer to a file, for a person to look at."""
    import httpx

    taken = 0
    with target.open("wb") as sink:
        try:
            for block in response.iter_raw():
                sink.write(block[: _HEAD - taken])
                taken += len(block)
                if taken >= _HEAD:
                    return
        except httpx.TransportError:
            return


def _tls_cause(error: Exception) -> str:
    text = str(error).lower()
    found = next((mark for mark in _CERTIFICATE if mark in text), None)
    about = f": {found}" if found else ", or the host speaks no TLS version that this machine accepts"
    return f"the host's certificate is not valid{about}"
