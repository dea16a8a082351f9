"""The service: its socket, its web process and its worker."""

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

    This process holds the socket, and a web process answers requests. If the web process dies it is
    started again; new connections wait meanwhile and are not refused.

    Parameters
    ----------
    conninfo : str
        Connection string of a migrated database.
    settings : Settings
        Settings of the deployment.
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 for any free one.
    exact : bool
        Whether it must be this port; otherwise one of the next ten may be used.
    announce : callable
        Takes the line that says where the service is.

    Raises
    ------
    GridcoverError
        If the address can be reached from other machines and that is not allowed, the port is
        taken, or the head of the audit log cannot be written.
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
        "service.web_process",
        arguments=(str(listener.fileno()),),
        env=env,
        pass_fds=(listener.fileno(),),
    )
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
    """Return when a request is answered: the web process needs some seconds to start."""
    address, port = listener.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
    connection = http.client.HTTPConnection(local, port, timeout=_LONGEST_START_S)
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    connection.close()


def raise_limits() -> None:
    """Raise the limit of open files to that of the system, for many slow connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def listen(host: str, port: int, *, others: int = 0) -> socket.socket:
    """Return a socket that listens on a port, or on one of the next ports if it is taken.

    Parameters
    ----------
    host : str
        Address to listen on; IPv6 if it has a colon.
    port : int
        Port to listen on; 0 for any free one.
    others : int, default 0
        Number of further ports that may be used.

    Returns
    -------
    socket.socket
        Listening socket.

    Raises
    ------
    GridcoverError
        If none of the ports is free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, port + others + 1) if port else [0]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(2048)  # from here on clients wait and are not refused
        except OSError as error:
            listener.close()
            failure = error
            continue
        return listener
    raise GridcoverError(
        f"cannot listen on {host}:{port} ({failure.strerror}); give another --port"
    )
