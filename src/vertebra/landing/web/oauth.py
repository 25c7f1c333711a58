"""Access tokens of OAuth 2.0 (RFC 6749): client credentials and refresh tokens. They are kept in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import httpx

from vertebra.errors import CollectError
from vertebra.landing.web.credentials import without_query
from vertebra.landing.web.errors import RetryableError
from vertebra.landing.web.refresh_token_file import RefreshTokenFile

if TYPE_CHECKING:
    from collections.abc import Generator

    from vertebra.declare.web_source import Auth
    from vertebra.landing.web.network import Network

_EARLY: Final = 30.0
"""Seconds before a token expires at which it is renewed."""

_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class OAuth(httpx.Auth):
    """Requests an access token before the first request, when it is about to expire, and when the host refuses it.

    Args:
        auth: with ``token_url``.
        network: the clock.
    """

    def __init__(self, auth: Auth, network: Network) -> None:
        self._auth = auth
        self._network = network
        self._token: str | None = None
        self._expires = 0.0
        self._file = RefreshTokenFile(auth.refresh_token_file) if auth.refresh_token_file is not None else None
        self._refresh = auth.refresh_token.get_secret_value() if auth.refresh_token is not None else None

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with a token; if the host refuses the token, once more with a new one."""
        fresh = self._token is None or self._network.clock.monotonic() >= self._expires
        if fresh:
            self._take((yield self._asking(request)))
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED and not fresh:
            response.read()
            self._take((yield self._asking(request)))
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _asking(self, request: httpx.Request) -> httpx.Request:
        """The request for a token; its timeouts are those of the request that needs it."""
        form = {"grant_type": "client_credentials"}
        if self._file is not None:
            self._refresh = self._file.read(self._refresh)
        if self._refresh is not None:
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh}
        if self._auth.scope is not None:
            form["scope"] = self._auth.scope
        headers = {"Accept": "application/json"}
        if self._auth.client_basic is not None:
            headers["Authorization"] = f"Basic {self._auth.client_basic}"
        else:
            form["client_id"] = str(self._auth.client_id)
        extensions = {name: value for name, value in request.extensions.items() if name == "timeout"}
        return httpx.Request("POST", str(self._auth.token_url), data=form, headers=headers, extensions=extensions)

    def _take(self, response: httpx.Response) -> None:
        """Take the token from an answer.

        Raises:
            RetryableError: the host of the tokens is busy.
            CollectError: it refuses, or its answer has no token.
        """
        shown = without_query(str(self._auth.token_url))
        body = _object(response.read())
        if response.status_code in _BUSY:
            raise RetryableError(f"{shown} answers with status {response.status_code}", cause="it issues the tokens")
        token = body.get("access_token")
        if response.status_code != httpx.codes.OK or not isinstance(token, str):
            code = body.get("error")
            raise CollectError(
                f"{shown} gives no access token",
                cause=f"status {response.status_code}" + (f", {code}" if isinstance(code, str) else ""),
                remedy=self._remedy(code),
            )
        try:
            seconds = float(body.get("expires_in", "inf"))
        except (TypeError, ValueError):
            seconds = float("inf")
        self._token = token
        self._expires = self._network.clock.monotonic() + max(0.0, seconds - _EARLY)
        renewed = body.get("refresh_token")
        if self._refresh is not None and isinstance(renewed, str):
            if self._file is not None and renewed != self._refresh:
                self._file.replace(renewed)
            self._refresh = renewed

    def _remedy(self, code: object) -> str:
        if self._refresh is None or code != "invalid_grant":
            return "check token_url, client_id, client_secret, refresh_token and scope of collect.auth"
        if self._file is not None:
            return f"the refresh token is not valid any more: get a new one, and write it into {self._file.path}"
        return (
            "the refresh token is not valid any more: get a new one; where each is good for one use, declare "
            "refresh_token_file in collect.auth, which keeps the next one"
        )


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
