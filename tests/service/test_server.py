"""Tests of the server: connection time limits, crashes, shutdown, trusted proxies."""

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


def _read_until_closed(connection: socket.socket) -> bytes:
    """Return the bytes received until the server closes the connection."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize(
    "request_start",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na=",
    ],
    ids=["nothing", "headers", "body"],
)
def test_protocol_closes_slow_requests(
    store: str, quick_limits: None, request_start: bytes
) -> None:
    with serving(store) as address:
        connections = [_connect(address) for _ in range(50)]
        for connection in connections:
            connection.sendall(request_start)
        # Other clients are served meanwhile.
        assert requests.get(f"{address}/healthz", timeout=60).status_code == 200
        for connection in connections:
            _read_until_closed(connection)
            connection.close()


def test_protocol_times_second_request_of_a_connection(store: str, quick_limits: None) -> None:
    with serving(store) as address, _connect(address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /heal")
        response = _read_until_closed(connection)
        assert response.startswith(b"HTTP/1.1 200")
        assert b"408 Request Timeout" in response


def test_protocol_refuses_endless_headers(store: str) -> None:
    with serving(store) as address, _connect(address) as connection:
        sent_bytes = 0
        try:
            connection.sendall(b"GET / HTTP/1.1\r\n")
            while sent_bytes < 64 * LARGEST_HEADERS:
                connection.sendall(b"X-A: " + b"b" * 1000 + b"\r\n")
                sent_bytes += 1007
        except OSError:
            pass
        assert sent_bytes < 64 * LARGEST_HEADERS
        assert requests.get(f"{address}/healthz", timeout=60).status_code == 200


def test_protocol_drops_clients_that_do_not_read(demo_store: str, quick_limits: None) -> None:
    ((name, value),) = sign_in(demo_store).items()
    with serving(demo_store) as address:
        connection = _connect(address)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = (
            "GET /api/v1/exports/buildings.geojson HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Cookie: {name}={value}\r\n\r\n"
        )
        connection.sendall(request.encode() * 3)
        assert connection.recv(10)
        deadline = time.monotonic() + 60
        # The server drops the connection although the response is not fully read.
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
            if match := re.search(r"http://\S+?:\d+", line):
                yield match.group(), process
                break
        else:
            pytest.fail("".join(lines))
    finally:
        process.terminate()
        process.wait(60)
        if process.stderr is not None:
            process.stderr.close()


def _children(pid: int) -> list[int]:
    listing = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in listing.stdout.split()]


def _wait_for_child(pid: int, module: str) -> int:
    """Wait for the child of a process that runs a module and return its id."""
    while True:
        for child in _children(pid):
            try:
                if module in Path(f"/proc/{child}/cmdline").read_text():
                    return child
            except OSError:
                continue


def test_serve_restarts_crashed_web_process(command: Command) -> None:
    with _serve(command, "--port", "0") as (address, process):
        assert requests.get(f"{address}/healthz", timeout=120).status_code == 200
        web = _wait_for_child(process.pid, "service.web_process")
        worker = _wait_for_child(process.pid, "service.commands")
        os.kill(web, signal.SIGSEGV)
        # New connections wait in the queue of the socket for the next process.
        assert requests.get(f"{address}/healthz", timeout=120).status_code == 200
        restarted = _wait_for_child(process.pid, "service.web_process")
        assert restarted != web
        assert not is_running(web)
        assert _wait_for_child(process.pid, "service.commands") == worker


def test_serve_children_end_with_the_parent(command: Command) -> None:
    with _serve(command, "--port", "0") as (address, process):
        assert requests.get(f"{address}/healthz", timeout=120).status_code == 200
        children = [
            _wait_for_child(process.pid, "service.web_process"),
            _wait_for_child(process.pid, "service.commands"),
        ]
        process.kill()
        process.wait(60)
        deadline = time.monotonic() + 60
        while any(map(is_running, children)) and time.monotonic() < deadline:
            os.sched_yield()
        assert not any(map(is_running, children))


def test_serve_refuses_port_in_use(run: Callable[..., CommandResult]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        outcome = run("serve", "--port", port)
        assert outcome.returncode == 1
        assert f"cannot listen on 127.0.0.1:{port}" in outcome.stderr
        assert "give another --port" in outcome.stderr
        assert run("serve", GRIDCOVER_PORT=port).returncode == 1


def _audited_address(store: str, settings: Settings) -> str:
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
def test_serve_trusts_forwarded_addresses_of_known_proxies(
    store: str, proxies: list[str], expected: str
) -> None:
    assert _audited_address(store, Settings(trusted_proxies=proxies)) == expected
