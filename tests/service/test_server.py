"""The processes of the service: time limits of connections, a crash, the end, and whose addresses are believed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from geo.settings import Settings
from service.protocol import LARGEST_HEADERS, TimedHttpProtocol
from tests.support.commands import Command, CommandResult
from tests.support.processes import is_running
from tests.support.service import serving, sign_in


@pytest.fixture
def quick_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("headers_s", "body_s", "answer_s"):
        monkeypatch.setattr(TimedHttpProtocol, name, 0.5)


def _connect(address: str) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def _rest(connection: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na=",
    ],
    ids=["nothing", "headers", "body"],
)
def test_slow_requests_are_closed(store: str, quick_limits: None, sent: bytes) -> None:
    with serving(store) as address:
        connections = [_connect(address) for _ in range(50)]
        for connection in connections:
            connection.sendall(sent)
        # Others are answered meanwhile.
        assert requests.get(f"{address}/healthz", timeout=60).status_code == 200
        for connection in connections:
            _rest(connection)
            connection.close()


def test_a_second_request_of_a_connection_is_timed_too(store: str, quick_limits: None) -> None:
    with serving(store) as address, _connect(address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /heal")
        answer = _rest(connection)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"408 Request Timeout" in answer


def test_headers_without_an_end_are_refused(store: str) -> None:
    with serving(store) as address, _connect(address) as connection:
        sent = 0
        try:
            connection.sendall(b"GET / HTTP/1.1\r\n")
            while sent < 64 * LARGEST_HEADERS:
                connection.sendall(b"X-A: " + b"b" * 1000 + b"\r\n")
                sent += 1007
        except OSError:
            pass
        assert sent < 64 * LARGEST_HEADERS
        assert requests.get(f"{address}/healthz", timeout=60).status_code == 200


def test_a_client_that_does_not_read_is_let_go(demo_store: str, quick_limits: None) -> None:
    ((name, value),) = sign_in(demo_store).items()
    with serving(demo_store) as address:
        connection = _connect(address)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET /api/v1/exports/buildings.geojson HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {name}={value}\r\n\r\n"
        connection.sendall(request.encode() * 3)
        assert connection.recv(10)
        deadline = time.monotonic() + 60
        # It ends although not all was sent: the service does not hold it until we read on.
        while time.monotonic() < deadline:
            state = Path("/proc/net/tcp").read_text()
            port = f"{connection.getsockname()[1]:04X}"
            if not re.search(rf":\w{{4}} \w+:{port} 01 ", state):
                break
        else:
            pytest.fail("the connection is still open")
        connection.close()


@contextmanager
def _serve(
    command: Command, *arguments: str, **env: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "service.commands", "serve", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=command.env | env,
    )
    try:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"http://\S+?:\d+", line):
                yield found.group(), process
                break
        else:
            pytest.fail("".join(lines))
    finally:
        process.terminate()
        process.wait(60)
        if process.stderr is not None:
            process.stderr.close()


def _children(pid: int) -> list[int]:
    out = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in out.stdout.split()]


def _named(pid: int, module: str) -> int:
    """Return the child of a process that runs a module, once it is there."""
    while True:
        for child in _children(pid):
            try:
                if module in Path(f"/proc/{child}/cmdline").read_text():
                    return child
            except OSError:
                continue


def test_a_serving_process_that_crashes_is_started_again(command: Command) -> None:
    with _serve(command, "--port", "0") as (address, process):
        assert requests.get(f"{address}/healthz", timeout=120).status_code == 200
        web = _named(process.pid, "service.web_process")
        worker = _named(process.pid, "service.commands")
        os.kill(web, signal.SIGSEGV)
        # Who comes meanwhile waits in the socket's queue, and is answered by the next process.
        assert requests.get(f"{address}/healthz", timeout=120).status_code == 200
        again = _named(process.pid, "service.web_process")
        assert again != web
        assert not is_running(web)
        assert _named(process.pid, "service.commands") == worker


def test_nothing_is_left_when_the_parent_is_killed(command: Command) -> None:
    with _serve(command, "--port", "0") as (address, process):
        assert requests.get(f"{address}/healthz", timeout=120).status_code == 200
        children = [
            _named(process.pid, "service.web_process"),
            _named(process.pid, "service.commands"),
        ]
        process.kill()
        process.wait(60)
        deadline = time.monotonic() + 60
        while any(map(is_running, children)) and time.monotonic() < deadline:
            os.sched_yield()
        assert not any(map(is_running, children))


def test_a_port_that_was_asked_for_is_not_exchanged(run: Callable[..., CommandResult]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = run("serve", "--port", port)
        assert answer.returncode == 1
        assert f"cannot listen on 127.0.0.1:{port}" in answer.stderr
        assert "give another --port" in answer.stderr
        assert run("serve", GRIDCOVER_PORT=port).returncode == 1


def _address_on_record(store: str, settings: Settings) -> str:
    from geo.store.connection import connect
    from geo.store.queries.audit import read_audit_entries

    with serving(store, settings) as address:
        forwarded = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
        requests.post(
            f"{address}/sign-in", data={"name": "x", "password": "y"}, headers=forwarded, timeout=60
        )
    with connect(store) as conn:
        return str(read_audit_entries(conn, 1)[0]["address"])


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        ([], "127.0.0.1"),
        (["192.0.2.1"], "127.0.0.1"),
        (["127.0.0.1"], "203.0.113.7"),
        (["127.0.0.0/8"], "203.0.113.7"),
    ],
)
def test_forwarded_addresses_are_believed_of_configured_proxies_alone(
    store: str, proxies: list[str], expected: str
) -> None:
    assert _address_on_record(store, Settings(trusted_proxies=proxies)) == expected
