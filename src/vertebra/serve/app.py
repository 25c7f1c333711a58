"""The HTTP application: predictions, health, metrics, and what can be asked as OpenAPI."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from vertebra.errors import VertebraError
from vertebra.serve.documentation import openapi, page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from vertebra.serve.champion_watch import ChampionWatch, Served
    from vertebra.serve.feature_lookup import FeatureLookup
    from vertebra.serve.service_metrics import ServiceMetrics

_MOST_BYTES: Final = 10_000_000
_MOST_ROWS: Final = 10_000
_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1", "testserver"})


class _RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(str(detail))
        self.status = status
        self.detail = detail


def application(watch: ChampionWatch, lookup: FeatureLookup, metrics: ServiceMetrics, token: str = "") -> Starlette:
    """The application.

    Args:
        watch: the models, each the champion of its analysis.
        lookup: computes features that requests leave out.
        token: what requests have to bear, but for ``/health``. Without one, only requests to this machine by its local
            names are answered, so that a page in a browser cannot ask under another name.
    """
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
    from starlette.routing import Route

    lookups = ThreadPoolExecutor(1, "lookup")

    async def predict(request: Request) -> Response:
        name = request.path_params["analysis"]
        began, status, rows = time.perf_counter(), 500, 0
        try:
            served = _served(watch, name)
            examples, single = await _examples(request, served)
            rows = len(examples)
            inputs = await asyncio.get_running_loop().run_in_executor(lookups, _complete, served, examples, lookup) if (
                any(_missing(served, one) for one in examples)
            ) else [_plain(served, one) for one in examples]  # fmt: skip
            said, version = await asyncio.wrap_future(served.batcher.ask(inputs))
            status = 200
            answer = {"prediction": said[0]} if single else {"predictions": said}
            return JSONResponse(answer | {"model": served.model.name, "model_version": version})
        except _RefusedError as refused:
            status = refused.status
            return JSONResponse({"detail": refused.detail}, status)
        finally:
            metrics.asked(
                name if status != 404 else "", status, rows if status == 200 else 0, time.perf_counter() - began
            )

    async def health(_: Request) -> Response:
        models = {name: watch.state(name) for name in watch.names}
        well = all(state.get("version") for state in models.values())
        return JSONResponse({"status": "ok" if well else "degraded", "models": models}, 200 if well else 503)

    async def measured(_: Request) -> Response:
        return PlainTextResponse(metrics.text(watch), media_type="text/plain; version=0.0.4")

    async def described(_: Request) -> Response:
        return JSONResponse(openapi(watch.models(), bool(token)))

    async def documented(_: Request) -> Response:
        return HTMLResponse(page(watch.models(), bool(token)))

    return Starlette(
        routes=[
            Route("/predict/{analysis}", predict, methods=["POST"]),
            Route("/health", health),
            Route("/metrics", measured),
            Route("/openapi.json", described),
            Route("/docs", documented),
        ],
        middleware=[_guard(token)],
    )


def _guard(token: str) -> Any:
    """Middleware that refuses requests without the token, or, where there is none, by a name that is not local."""
    from starlette.middleware import Middleware
    from starlette.responses import JSONResponse

    class Guard:
        def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                headers = dict(scope["headers"])
                refused = self._refused(scope["path"], headers)
                if refused is not None:
                    await refused(scope, receive, send)
                    return
            await self.app(scope, receive, send)

        def _refused(self, path: str, headers: Mapping[bytes, bytes]) -> Any:
            if not token:
                host = headers.get(b"host", b"").decode("latin-1").rpartition(":")
                name = (host[0] if host[2].isdigit() else "".join(host)).strip("[]")
                return None if name in _LOCAL else JSONResponse({"detail": f"{name} is no name of this machine"}, 421)
            said = headers.get(b"authorization", b"")
            if path == "/health" or hmac.compare_digest(said, f"Bearer {token}".encode()):
                return None
            return JSONResponse({"detail": "a token is needed: Authorization: Bearer …"}, 401)

    return Middleware(Guard)


def _served(watch: ChampionWatch, name: str) -> Served:
    if name not in watch.names:
        raise _RefusedError(404, f"there is no analysis {name}; there are {', '.join(watch.names) or 'none'}")
    served = watch.served(name)
    if served is None:
        raise _RefusedError(503, watch.state(name).get("error", "its model is not loaded yet"))
    return served


async def _examples(request: Request, served: Served) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a request, each checked, and whether it is a single one."""
    from pydantic import ValidationError

    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise _RefusedError(413, f"a request has at most {_MOST_BYTES:,} bytes")
    try:
        value = json.loads(body)
    except ValueError as error:
        raise _RefusedError(422, [_problem(["body"], f"not JSON: {error}", "json_invalid")]) from None
    single = isinstance(value, dict)
    rows = [value] if single else value
    if not isinstance(rows, list) or not rows or len(rows) > _MOST_ROWS:
        what = f"an object of features, or a list of 1 to {_MOST_ROWS:,} of them"
        raise _RefusedError(422, [_problem(["body"], f"the body is {what}", "body")])
    made: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        place = ["body"] if single else ["body", number]
        try:
            example = served.model.example.model_validate(row)
        except ValidationError as error:
            problems += [
                _problem([*place, *one["loc"]], one["msg"], one["type"])
                for one in error.errors(include_url=False, include_context=False)
            ]
            continue
        given = {name: getattr(example, name) for name in example.model_fields_set}
        missing = _missing(served, given)
        if missing and any(given.get(key) is None for key in served.model.keys):
            keys = ", ".join(served.model.keys)
            problems += [
                _problem([*place, name], f"required, or give the key ({keys}) to look it up", "missing")
                for name in missing
            ]
        made.append(given)
    if problems:
        raise _RefusedError(422, problems)
    return made, single


def _missing(served: Served, row: Mapping[str, Any]) -> list[str]:
    return [name for name in served.model.features if name not in row]


def _plain(served: Served, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in served.model.features}


def _complete(served: Served, rows: Sequence[Mapping[str, Any]], lookup: FeatureLookup) -> list[dict[str, Any]]:
    """Rows with the features that they leave out, looked up by key; what a request gives is kept."""
    model = served.model
    wanting = [row for row in rows if _missing(served, row)]
    try:
        found = iter(lookup.features(model, [{name: row[name] for name in model.keys} for row in wanting]))
    except VertebraError as error:
        raise _RefusedError(503, f"features cannot be looked up: {error.fact}") from error
    made = []
    for number, row in enumerate(rows):
        known = next(found) if _missing(served, row) else {}
        if known is None:
            place = ["body"] if len(rows) == 1 else ["body", number]
            view = f"exploitation.{model.analysis.view}"
            key = ", ".join(f"{name} = {row[name]}" for name in model.keys)
            raise _RefusedError(
                422,
                [_problem([*place, name], f"{view} has no example with {key}", "unknown_key") for name in model.keys],
            )
        made.append(_plain(served, {**known, **row}))
    return made


def _problem(place: Sequence[Any], message: str, kind: str) -> dict[str, Any]:
    return {"loc": list(place), "msg": message, "type": kind}
