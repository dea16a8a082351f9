"""The running service and signed-in sessions in tests."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.sessions import open_session
from geo.store.queries.users import add_user
from service.app import create_app
from service.auth.sessions import COOKIE
from service.server import raise_limits
from service.web_process import server_config
from tests.support.waiting import wait_until

numbers = itertools.count(1)


def sign_in(conninfo: str, role: str = "administrator", *areas: str) -> dict[str, str]:
    """Cookies of a newly signed-in user, with access to all areas unless areas are given."""
    with connect(conninfo) as conn:
        name = f"{role}-{next(numbers)}"
        user = add_user(conn, name, "no password", role, list(areas) or ["*"])
        return {COOKIE: open_session(conn, user, hours=1)}


@contextmanager
def serving(conninfo: str, settings: Settings | None = None) -> Iterator[str]:
    """Run the service on a free port and yield its address."""
    raise_limits()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    settings = settings or Settings()
    config = server_config(create_app(conninfo, settings), settings)
    config.timeout_graceful_shutdown = 2
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
