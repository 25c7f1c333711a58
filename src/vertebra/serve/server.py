"""Runs the server of models."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from vertebra.errors import VertebraError
from vertebra.workspace.lookup import analysis_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.applications import Starlette

    from vertebra.workspace.workspace import Workspace

TOKEN: Final = "VERTEBRA_SERVE_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the token that requests have to bear."""

_SHORTEST: Final = 16


@contextmanager
def serving(space: Workspace, analyses: Sequence[str] = (), token: str = "", every: float = 2.0) -> Iterator[Starlette]:
    """An ASGI application that serves the champions of analyses, for a server of your own.

    Args:
        space: the project.
        analyses: their names; all by default.
        token: what requests have to bear; without one, only requests by local names are answered.
        every: seconds between two looks for other champions.

    Raises:
        DeclarationError: there is no such analysis.
    """
    from vertebra.serve.app import application
    from vertebra.serve.champion_watch import ChampionWatch
    from vertebra.serve.feature_lookup import FeatureLookup
    from vertebra.serve.service_metrics import ServiceMetrics

    chosen = [analysis_named(space.project, name) for name in analyses or space.project.analyses]
    watch = ChampionWatch(space.project, space.lake, chosen, every)
    watch.start()
    try:
        yield application(watch, FeatureLookup(space.lake, lambda: space.engine), ServiceMetrics(), token)
    finally:
        watch.close()


def serve(
    space: Workspace,
    analyses: Sequence[str] = (),
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str = "",
    started: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve the champions of analyses until the process is interrupted.

    Args:
        host: the address to listen at; other than this machine's own needs a token.
        port: 0 takes a free one.
        started: receives the address when requests are answered.

    Raises:
        VertebraError: the address cannot be used, or is not of this machine alone and there is no token.
    """
    import uvicorn

    if token and len(token) < _SHORTEST:
        raise VertebraError(f"the token has {len(token)} characters", remedy=f"set {TOKEN} to at least {_SHORTEST}")
    if not token and not _is_local(host):
        raise VertebraError(
            f"{host} can be reached from other machines, and there is no token",
            cause="everyone who reaches the port could ask for predictions",
            remedy=f"export {TOKEN}=$(openssl rand -hex 32), or leave out --host",
        )
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise VertebraError(
            f"cannot listen at {host}:{port}", cause=error.strerror or str(error), remedy="choose another --port"
        ) from error
    with listening, serving(space, analyses, token) as app:
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        name = f"[{host}]" if ":" in host else host
        started(f"http://{name}:{listening.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listening])


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
