"""Running the application under uvicorn until a signal ends it."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable

import uvicorn

from geo.errors import GridcoverError
from geo.settings import Settings
from service.app import create_app
from service.watching import log_json
from service.worker import WorkerProcess

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def run(
    conninfo: str,
    *,
    settings: Settings,
    host: str,
    port: int,
    announce: Callable[[str], None],
) -> None:
    """Serve until interrupted.

    Raises
    ------
    GridcoverError : the address is not of this machine and that was not allowed, or it is taken.
    """
    if host not in _LOOPBACK and not settings.allow_remote:
        raise GridcoverError(
            f"{host} can be reached from other machines, without TLS; put a TLS proxy in front of "
            "127.0.0.1, or set GRIDCOVER_ALLOW_REMOTE=true if you know what you do"
        )
    if settings.log_requests:
        log_json()
    raise_limits()
    app = create_app(conninfo, settings)
    listener = _listen(host, port)
    bound = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    announce(f"gridcover serves on http://{shown}:{bound}/ (Ctrl-C ends it)")
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=5,
        log_config=None if settings.log_requests else uvicorn.config.LOGGING_CONFIG,
    )  # fmt: skip
    server = uvicorn.Server(config)
    worker = WorkerProcess(conninfo) if settings.worker else None
    if worker is not None:
        worker.start()
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()
        if worker is not None:
            worker.stop()


def raise_limits() -> None:
    """As many open connections as the system lets us have: a thousand slow ones must not shut the others out."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _listen(host: str, port: int) -> socket.socket:
    """Bind the port, or where it is taken one of the next ten."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, port + 11) if port else [0]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(2048)  # from here on those who come wait instead of being refused
        except OSError as error:
            listener.close()
            last = error
            continue
        return listener
    raise GridcoverError(f"cannot listen on {host}:{port} ({last}); give another --port")
