"""The base of sources on the web: addresses, credentials, limits, periods and lists of values."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from vertebra.declare.declaration import Declaration, Name
from vertebra.declare.period import Unit, parse_period
from vertebra.declare.placeholders import is_time_placeholder, placeholder_names
from vertebra.declare.quantity import Duration, Size, parse_duration, parse_size
from vertebra.declare.source import Source

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_RESERVED_HEADERS: Final = {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "range",
    "if-range",
    "accept-encoding",
}


class Auth(Declaration):
    """Credentials: one of ``bearer``; ``header`` and ``value``; ``query`` and ``value``; ``user`` and ``password``.

    Secrets are references: ``${NAME}``. They are sent to the declared host only, not to hosts it redirects to.

    Attributes:
        bearer: a token, sent as ``Authorization: Bearer …``.
        header: name of a request header with the secret ``value``.
        query: name of a query parameter with the secret ``value``.
        value: the secret for ``header`` or ``query``.
        user: name for HTTP Basic authentication.
        password: its password.
        token_url: address that issues access tokens (OAuth 2.0), by client credentials or by ``refresh_token``. A
            token that expires is renewed, also between two pages.
        client_id: name of the client.
        client_secret: its secret; clients with a ``refresh_token`` may have none.
        refresh_token: the refresh token.
        refresh_token_file: a file that has it, outside of the project and the lake. If the token address issues a new
            refresh token, that replaces the one in the file. Without the file, ``refresh_token`` is used first.
        scope: the requested scope.
    """

    bearer: SecretStr | None = None
    header: str | None = None
    query: str | None = None
    value: SecretStr | None = None
    user: str | None = None
    password: SecretStr | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    refresh_token_file: str | None = None
    scope: str | None = None

    @field_validator("token_url")
    @classmethod
    def _encrypted(cls, value: str | None) -> str | None:
        if value is None:
            return None
        address = web_address(value)
        if address.lower().startswith("http://") and not _is_loopback(urlsplit(address).hostname or ""):
            raise ValueError("others can read credentials over http:// on their way; write https://")
        return address

    @field_validator("refresh_token_file")
    @classmethod
    def _outside_the_project(cls, value: str | None) -> str | None:
        if value is not None and not PurePath(value).is_absolute() and not value.startswith("~/"):
            raise ValueError("a token is kept outside of the project; write an absolute path, or one in ~/")
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Auth:
        given = {name for name in Auth.model_fields if getattr(self, name) is not None}
        if self.token_url is not None:
            given -= {"scope"}
            given = {"refresh_token" if name == "refresh_token_file" else name for name in given}
        token = {"token_url", "client_id"}
        forms = (
            *({"bearer"}, {"header", "value"}, {"query", "value"}, {"user", "password"}),
            *(token | {"client_secret"}, token | {"refresh_token"}, token | {"client_secret", "refresh_token"}),
        )
        if given not in forms:
            raise ValueError(
                "auth has one of five forms; write {bearer: …}, {header: NAME, value: …}, {query: NAME, value: …}, "
                "{user: …, password: …} or {token_url: …, client_id: …, client_secret: …}, secrets as ${NAME}"
            )
        for secret in self._given():
            if any(ord(letter) < 32 for letter in secret.get_secret_value()):
                raise ValueError("a secret has a line break or another control character; correct the variable's value")
        return self

    @property
    def basic(self) -> str | None:
        """Name and password as HTTP sends them (RFC 7617)."""
        if self.user is None or self.password is None:
            return None
        return base64.b64encode(f"{self.user}:{self.password.get_secret_value()}".encode()).decode()

    @property
    def client_basic(self) -> str | None:
        """Name and secret of the client as the token address gets them (RFC 6749, 2.3.1)."""
        if self.client_id is None or self.client_secret is None:
            return None
        text = f"{quote(self.client_id, safe='')}:{quote(self.client_secret.get_secret_value(), safe='')}"
        return base64.b64encode(text.encode()).decode()

    def _given(self) -> list[SecretStr]:
        secrets = (self.bearer, self.value, self.password, self.client_secret, self.refresh_token)
        return [secret for secret in secrets if secret is not None]

    def secrets(self) -> Iterator[str]:
        """Every secret text: as declared, as sent, and a token without its scheme."""
        for secret in self._given():
            yield secret.get_secret_value()
        if self.client_basic is not None:
            yield self.client_basic
        if self.header is not None and self.header.lower() == "authorization" and self.value is not None:
            yield self.value.get_secret_value().partition(" ")[2]
        if self.basic is not None:
            yield self.basic


class WebLimits(Declaration):
    """Limits of requests to a host.

    Attributes:
        rate: most requests a second to one host, for all datasets together.
        connections: most requests to one host at the same time.
        retries: how often a request that failed is repeated.
        wait: longest time without any bytes from the host, e.g. ``60 s``.
        time: longest time for one read of a payload with all its pages and attempts, e.g. ``2 hours``.
        size: most bytes of one answer, e.g. ``16 GB``.
    """

    rate: float = Field(default=5, gt=0, le=1000)
    connections: int = Field(default=2, ge=1, le=64)
    retries: int = Field(default=4, ge=0, le=19)
    wait: Duration = "60 s"
    time: Duration = "1 hour"
    size: Size = "16 GB"

    @property
    def wait_seconds(self) -> float:
        """``wait`` in seconds."""
        return parse_duration(self.wait).total_seconds()

    @property
    def time_seconds(self) -> float:
        """``time`` in seconds."""
        return parse_duration(self.time).total_seconds()

    @property
    def size_bytes(self) -> int:
        """``size`` in bytes."""
        return parse_size(self.size)


class Periods(Declaration):
    """The periods that a source publishes; each is one batch.

    Attributes:
        unit: length of a period.
        first: the first one: ``2013`` for a year, ``2013-Q1``, ``2013-01``, ``2013-W05``, ``2013-01-31``,
            ``2013-01-31T23``.
        last: the last one; without it, new periods are always collected.
        lag: how long after its end a period is published, e.g. ``60 days``.
        revisit: how many of the newest landed periods of each part are collected again, for sources that revise them.
        skip: periods that were never published.
    """

    unit: Unit
    first: str = Field(alias="from")
    last: str | None = Field(default=None, alias="to")
    lag: Duration = "0 days"
    revisit: int = Field(default=0, ge=0, le=1000)
    skip: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _of_the_unit(self) -> Periods:
        named = [parse_period(name, self.unit) for name in (self.first, self.last, *self.skip) if name is not None]
        if self.last is not None and named[1] < named[0]:
            raise ValueError(f"the last period, {self.last}, is before the first; exchange from and to")
        return self


class ValueRange(Declaration):
    """Whole numbers between two bounds, both included.

    Attributes:
        first: the least one.
        last: the greatest one.
    """

    first: int = Field(alias="from")
    last: int = Field(alias="to")

    @model_validator(mode="after")
    def _rises(self) -> ValueRange:
        if not 0 <= self.last - self.first < 100_000:
            raise ValueError("from is above to, or the range has more than 100,000 numbers; exchange from and to")
        return self


Values = tuple[str, ...] | ValueRange


class WebSource(Source):
    """A source that answers over HTTP.

    Attributes:
        headers: request headers, e.g. ``User-Agent``; put secrets into ``auth``.
        auth: credentials.
        limits: limits of the requests to the host.
    """

    headers: dict[str, str] = Field(default_factory=dict)
    auth: Auth | None = None
    limits: WebLimits = WebLimits()

    def secrets(self) -> Iterator[str]:
        """The secret texts of the declaration, including those derived from ``auth``."""
        yield from super().secrets()
        if self.auth is not None:
            yield from self.auth.secrets()

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or any(ord(letter) < 32 for letter in value) or not value.isascii():
                raise ValueError(f"{name!r} cannot be sent as a header; names and values are plain ASCII text")
            if name.lower() in _RESERVED_HEADERS:
                raise ValueError(f"Vertebra sets the header {name} itself; remove it")
        return headers


class UrlTemplateSource(WebSource):
    """A source with one address for each period and each combination of the listed values.

    Attributes:
        url: address with placeholders: ``{period:%Y}``, ``{period:%-m}`` (without leading zero), ``{end:…}`` (where the
            next period begins), ``{last:…}`` (the period's last day), and ``{name}`` of a list in ``over``.
        params: query parameters, with the same placeholders; several values of one name as a list.
        periods: the periods that the source publishes.
        over: lists of values; each combination is collected: ``{station: [JFK, LGA]}``, ``{year: {from: 2013, to:
            2015}}``.
    """

    url: str
    params: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    periods: Periods | None = None
    over: dict[Name, Values] = Field(default_factory=dict)

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return web_address(value)

    @model_validator(mode="after")
    def _places(self) -> UrlTemplateSource:
        used = set()
        for text in self.templates():
            used |= placeholder_names(text)
        timed = {name for name in used if is_time_placeholder(name)}
        if timed and self.periods is None:
            raise ValueError(
                f"the address has {{{min(timed)}:…}} and there are no periods; "
                "add periods: {unit: month, from: 2013-01}"
            )
        if self.periods is not None and not timed:
            raise ValueError("periods are declared and the address has no {period:…}; write it into url or params")
        unknown = sorted(used - timed - set(self.over))
        if unknown:
            raise ValueError(f"{{{unknown[0]}}} has no values; add over: {{{unknown[0]}: [ … ]}}")
        unused = sorted(set(self.over) - used)
        if unused:
            raise ValueError(f"the list {unused[0]} is not used; write {{{unused[0]}}} into url or params")
        check_encrypted(self.url, self.auth)
        return self

    def doubled_by_append(self) -> str | None:
        """``periods.revisit`` collects landed periods again."""
        return "periods.revisit" if self.periods is not None and self.periods.revisit else None

    def templates(self) -> list[str]:
        """Every text that may have placeholders."""
        given = [value if isinstance(value, str) else "\0".join(value) for value in self.params.values()]
        return [self.url, *given]


class PortalSource(WebSource):
    """A source in a data portal.

    Attributes:
        portal: address of the portal.
    """

    portal: str

    @field_validator("portal")
    @classmethod
    def _address(cls, value: str) -> str:
        return web_address(value).rstrip("/")

    @model_validator(mode="after")
    def _encrypted(self) -> PortalSource:
        check_encrypted(self.portal, self.auth)
        return self


def web_address(value: str) -> str:
    """Check that a text is an address that requests may be sent to.

    Raises:
        ValueError: it is not http or https, has no host, or has a name and password.
    """
    if re.match(r"https?://", value, re.IGNORECASE) is None:
        raise ValueError(f"{value!r} is not an address on the web; it begins with https:// (or http://)")
    parts = urlsplit(value)
    if "@" in parts.netloc:
        raise ValueError("receipts would keep the name or password in the address; write auth: {user: …, password: …}")
    if not parts.hostname or "{" in parts.netloc or re.search(r"[\s\\]", value):
        raise ValueError(f"{value!r} is not an address; it needs a fixed host, and no spaces")
    if parts.fragment:
        raise ValueError("the part after # in an address is never sent; remove it")
    return value


def check_encrypted(url: str, auth: Auth | None) -> None:
    """Check that credentials are not sent unencrypted over a network.

    Raises:
        ValueError: the credentials would be sent unencrypted.
    """
    if auth is not None and url.lower().startswith("http://") and not _is_loopback(urlsplit(url).hostname or ""):
        raise ValueError("others can read credentials over http:// on their way; write https://")


def refuse_secret_parameters(url: str, params: dict[str, Any]) -> None:
    """Refuse a secret in an address: receipts keep addresses.

    Raises:
        ValueError: a query parameter is named like a secret.
    """
    found = secret_parameters(url, params)
    if found:
        raise ValueError(
            f"the query parameter {found[0]} would be kept in receipts; "
            f"write auth: {{query: {found[0]}, value: ${{NAME}}}}"
        )


def secret_parameters(url: str, params: dict[str, Any]) -> list[str]:
    """Query parameters that, by their names, contain a secret."""
    names = [name for name, _ in parse_qsl(urlsplit(url).query)] + list(params)
    return [name for name in names if _SECRET_NAME.fullmatch(name)]


_SECRET_NAME: Final = re.compile(
    r"(.*[_-])?(api[_-]?key|app[_-]?token|(access|auth)[_-]?token|token|secret|password|passwd|pwd|sig|signature)",
    re.IGNORECASE,
)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
