"""The service under uvicorn: its socket, the process that serves, and the worker beside it."""

from __future__ import annotations

import contextlib
import http.client
import resource
import socket
import threading
from collections.abc import Callable

from geo.errors import GridcoverError
from geo.settings import Settings
from geo.store.audit_seal import AuditSeal
from service.child_process import ChildProcess

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_OTHER_PORTS = 10
_LONGEST_START_S = 300


def run(
    conninfo: str,
    *,
    settings: Settings,
    host: str,
    port: int,
    exact: bool,
    announce: Callable[[str], None],
) -> None:
    """Serve until interrupted.

    The socket is this process's, the answers are another's: one that dies is started again, and who
    comes meanwhile waits instead of being refused.

    Parameters
    ----------
    conninfo : str
        Of a migrated database.
    settings : Settings
        Of the deployment.
    host, port : str, int
        Where to listen; port 0 for any free one.
    exact : bool
        Whether it must be this port; otherwise one of the next ten serves as well.
    announce : callable
        Takes the line that says where the service is.

    Raises
    ------
    GridcoverError
        The address is not of this machine and that was not allowed, it is taken, or the head of the audit
        log cannot be written.
    """
    if host not in _LOOPBACK and not settings.allow_remote:
        raise GridcoverError(
            f"{host} can be reached from other machines, without TLS; put a TLS proxy in front of "
            "127.0.0.1, or set GRIDCOVER_ALLOW_REMOTE=true if you know what you do"
        )
    AuditSeal(settings.seal_dir).require_writable()
    raise_limits()
    listener = listen(host, port, others=0 if exact else _OTHER_PORTS)
    bound = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    env = {
        "GRIDCOVER_DATABASE_URL": conninfo,
        "GRIDCOVER_AUDIT_DIR": str(settings.seal_dir),
        "GRIDCOVER_HOST": host,
    }
    web = ChildProcess(
        "service.web_process", arguments=(str(listener.fileno()),), env=env,
        pass_fds=(listener.fileno(),),
    )  # fmt: skip
    worker = (
        ChildProcess("service.commands", arguments=("work",), env=env) if settings.worker else None
    )
    web.start()
    if worker is not None:
        worker.start()
    try:
        _wait_until_served(listener)
        announce(f"gridcover serves on http://{shown}:{bound}/ (Ctrl-C ends it)")
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        web.stop()
        listener.close()
        if worker is not None:
            worker.stop()


def _wait_until_served(listener: socket.socket) -> None:
    """Return once a request on the socket is answered: the process that answers loads for some seconds."""
    address, port = listener.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
    connection = http.client.HTTPConnection(local, port, timeout=_LONGEST_START_S)
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    connection.close()


def raise_limits() -> None:
    """Allow as many open connections as the system does: slow ones must not shut the others out."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def listen(host: str, port: int, *, others: int = 0) -> socket.socket:
    """Return a socket that listens on a port, or where it is taken on one of the next ones.

    Raises
    ------
    GridcoverError
        None of them is free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, port + others + 1) if port else [0]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(2048)  # from here on those who come wait instead of being refused
        except OSError as error:
            listener.close()
            failure = error
            continue
        return listener
    raise GridcoverError(
        f"cannot listen on {host}:{port} ({failure.strerror}); give another --port"
    )
