"""Credentials, which are sent to the declared host only."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from vertebra.declare.redaction import Redaction
from vertebra.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.declare.web_source import Auth

Origin = tuple[str, str, int]
_PORTS: Final = {"http": 80, "https": 443}
_SENT_TO_ALL: Final = {"user-agent", "accept", "accept-language"}
_CHALLENGES: Final = ("/challenge", "/captcha", "/cdn-cgi/")


@dataclass(frozen=True)
class Credentials:
    """Headers and query parameters that are sent to the declared host.

    Attributes:
        origin: scheme, host and port of the declared address.
        headers: declared request headers.
        secret_headers: those of ``auth``.
        query: name and value of the secret query parameter.
        secrets: finds secrets in an address.
        oauth: how an access token is requested; None without ``token_url``.
    """

    origin: Origin
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: tuple[str, str] | None = field(default=None, repr=False)
    secrets: Redaction = field(default_factory=lambda: Redaction({}), repr=False)
    oauth: Auth | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str], auth: Auth | None) -> Credentials:
        """The credentials that are declared for an address."""
        secret, query = {}, None
        if auth is not None and auth.bearer is not None:
            secret["Authorization"] = f"Bearer {auth.bearer.get_secret_value()}"
        elif auth is not None and auth.header is not None and auth.value is not None:
            secret[auth.header] = auth.value.get_secret_value()
        elif auth is not None and auth.query is not None and auth.value is not None:
            query = (auth.query, auth.value.get_secret_value())
        elif auth is not None and auth.basic is not None:
            secret["Authorization"] = f"Basic {auth.basic}"
        secrets = Redaction({}, auth.secrets() if auth is not None else ())
        oauth = auth if auth is not None and auth.token_url is not None else None
        return cls(origin_of(url), dict(headers), secret, query, secrets, oauth)

    def request_to(self, url: str) -> tuple[str, dict[str, str]]:
        """The address and headers of a request: with credentials if it goes to the declared host, else without."""
        headers = {"User-Agent": f"vertebra/{version('vertebra')}", "Accept": "*/*"}
        own = origin_of(url) == self.origin
        known = {name.lower(): name for name in headers}
        for name, value in self.headers.items():
            if own or name.lower() in _SENT_TO_ALL:
                headers.pop(known.get(name.lower(), ""), None)
                headers[name] = value
        if not own:
            return url, headers
        headers |= self.secret_headers
        if self.query is None:
            return url, headers
        name, value = self.query
        return with_query(url, ((name, value),)), headers

    def follow(self, url: str, location: str) -> str:
        """The target of a redirect.

        Raises:
            CollectError: the redirect is not allowed: its target is not on the web or is in this machine or its
                network, it leads from https to http, or it would send a secret to another host.
        """
        target = urljoin(url, location)
        parts = urlsplit(target)
        shown = without_query(target)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise _not_followed(url, f"{parts.scheme or 'nothing'}: is not an address on the web")
        if urlsplit(url).scheme == "https" and parts.scheme == "http":
            raise _not_followed(url, f"{shown} is not encrypted, and the address that redirects is")
        if _is_internal(parts.hostname) and not _is_internal(self.origin[1]):
            raise _not_followed(url, f"{shown} is in a private network, and the declared host is not")
        if origin_of(target) != self.origin and self.secrets.finds(target):
            raise _not_followed(url, f"{without_query(target)} is another host, and the address contains a secret")
        if any(mark in parts.path.lower() for mark in _CHALLENGES):
            raise _not_followed(url, f"{shown} is a challenge for people; the host blocks programs")
        return target


def origin_of(url: str) -> Origin:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme.lower(), 0)


def with_query(url: str, params: tuple[tuple[str, str], ...]) -> str:
    """An address with query parameters added."""
    parts = urlsplit(url)
    added = "&".join(f"{quote(name, safe='$:')}={quote(value, safe=_PLAIN)}" for name, value in params)
    return urlunsplit(parts._replace(query="&".join(one for one in (parts.query, added) if one)))


_PLAIN: Final = "/:,()*!$'@"
"""Characters that are not percent-encoded in the value of a query parameter."""


def without_query(url: str) -> str:
    """An address that is safe to show: without user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _is_internal(host: str) -> bool:
    """Whether a host name or an IP address, in any notation, is that of this machine or its network."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".internal")):
        return True
    try:
        found = socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        return False
    addresses = [ipaddress.ip_address(address[0]) for *_, address in found]
    return any(not (getattr(one, "ipv4_mapped", None) or one).is_global for one in addresses)


def _not_followed(url: str, why: str) -> CollectError:
    return CollectError(
        f"{without_query(url)} redirects to an address that Vertebra does not follow",
        cause=why,
        remedy="open the address in a browser; if the data has moved, declare where to",
    )
