"""One request over one connection; what can go wrong with it, in words without secrets."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, cast
from urllib.parse import urlsplit

from vertebra.errors import CollectError
from vertebra.landing.web.credentials import without_query
from vertebra.landing.web.errors import TryAgainError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from vertebra.declare.web_source import Limits
    from vertebra.landing.web.credentials import Credentials
    from vertebra.landing.web.network import Network

_HEAD: Final = 256 << 10
_UNREACHABLE: Final = "check the address and the network; behind a proxy, export HTTPS_PROXY=…"
_CERTIFICATE: Final = ("certificate has expired", "self-signed", "self signed", "hostname mismatch", "local issuer")


class Response(Protocol):
    """What is used of urllib3's response."""

    status: int
    headers: Mapping[str, str]

    def read1(self, amt: int, decode_content: bool) -> bytes:
        """The next bytes, as soon as there are some; none at the end."""
        ...


@dataclass
class Connections:
    """The connections that a dataset's requests go over.

    Attributes:
        network: clock and turns.
        limits: as declared.
        credentials: what is sent along.
    """

    network: Network
    limits: Limits
    credentials: Credentials
    _pools: dict[str, Any] = field(default_factory=dict, init=False)

    def close(self) -> None:
        """Close them all."""
        for pool in self._pools.values():
            pool.clear()

    @contextmanager
    def opened(self, url: str, headers: dict[str, str], seconds: float) -> Iterator[Response]:
        """An answer whose body is not read yet. The host's turn is held until it is.

        Args:
            url: without credentials.
            headers: besides those of the declaration.
            seconds: longest silence of the host.

        Raises:
            TryAgainError: the connection cannot be made, or broke off, also while the body is read.
            CollectError: the host cannot prove who it is.
        """
        import urllib3
        from urllib3.exceptions import HTTPError, LocationParseError, NewConnectionError, SSLError

        where, sent = self.credentials.request_to(url)
        with self.network.gate.turn(urlsplit(url).netloc, self.limits, self.network.clock):
            response = None
            try:
                response = self._pool(url).request(
                    "GET",
                    where,
                    headers=sent | headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                    timeout=urllib3.Timeout(connect=seconds, read=seconds),
                )
                yield cast("Response", response)
            # The texts of these errors have the whole address, with the secrets in it: they are not passed on.
            except SSLError as error:
                raise CollectError(
                    f"the connection to {without_query(url)} is not secure",
                    cause=_tls_cause(error),
                    remedy="correct the host's certificate, or point SSL_CERT_FILE to your organisation's authorities",
                ) from None
            except LocationParseError:
                raise CollectError(f"{without_query(url)} is not an address") from None
            except NewConnectionError as error:
                raise TryAgainError(
                    f"{without_query(url)} cannot be reached", cause=type(error).__name__, remedy=_UNREACHABLE
                ) from None
            except HTTPError as error:
                raise TryAgainError(
                    f"the connection to {without_query(url)} broke off", cause=type(error).__name__
                ) from None
            finally:
                if response is not None:
                    response.close()

    def _pool(self, url: str) -> Any:
        """The connections to a host, by way of the proxy that the environment names for it."""
        from urllib.request import getproxies, proxy_bypass

        import urllib3

        parts, named = urlsplit(url), getproxies()
        proxy = "" if proxy_bypass(parts.hostname or "") else named.get(parts.scheme, named.get("all", ""))
        if proxy not in self._pools:
            most = self.limits.connections
            self._pools[proxy] = (
                urllib3.ProxyManager(proxy, cert_reqs="CERT_REQUIRED", maxsize=most)
                if proxy
                else urllib3.PoolManager(cert_reqs="CERT_REQUIRED", maxsize=most)
            )
        return self._pools[proxy]


def keep_head(response: Response, target: Path) -> None:
    """Write the beginning of an answer that is refused, to look at. It is refused however it ends."""
    from urllib3.exceptions import HTTPError

    taken = 0
    with target.open("wb") as sink:
        try:
            while taken < _HEAD and (block := response.read1(_HEAD - taken, decode_content=False)):
                sink.write(block)
                taken += len(block)
        except HTTPError:
            return


def _tls_cause(error: Exception) -> str:
    text = str(error).lower()
    found = next((mark for mark in _CERTIFICATE if mark in text), None)
    about = f": {found}" if found else ", or speaks no TLS that this machine accepts"
    return f"the host cannot prove who it is{about}"
