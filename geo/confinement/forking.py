"""The side of the fork server that forks: one thread, a process for each request."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_PR_SET_PDEATHSIG = 1
_FAILED = 70
"""Exit status of a call that raised."""


@dataclass(frozen=True)
class _Child:
    pid: int
    channel: socket.socket
    folder: str | None
    """Of temporary files, removed with the process: one that is killed removes nothing."""


def serve(number: int, modules: Sequence[str]) -> None:
    """Load modules, then fork a process for each request until nobody can send one any more.

    Parameters
    ----------
    number : descriptor of the socket that requests come by.
    modules : to load first.
    """
    # It ends with its owner, which may finish what it is at when all are asked to end.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    control = socket.socket(fileno=number)
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    children: dict[int, _Child] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is control:
                    data, files, _, _ = socket.recv_fds(control, 1 << 18, 16)
                    if not data:
                        for child in children.values():
                            _kill(child.pid)
                            with contextlib.suppress(ChildProcessError):
                                os.waitpid(child.pid, 0)
                            _remove(child)
                        return
                    ours = [control, woken, wake, *(child.channel for child in children.values())]
                    begun = _start(data, files, ours)
                    if begun is not None:
                        children[begun.pid] = begun
                        selector.register(begun.channel, selectors.EVENT_READ, begun.pid)
                elif key.fileobj is woken:
                    with contextlib.suppress(BlockingIOError):
                        woken.recv(4096)
                elif key.data in children:
                    # Whoever waited has ended, or ends it.
                    _kill(key.data)
                    selector.unregister(key.fileobj)
            _collect(children, selector)


def _start(data: bytes, files: list[int], ours: Sequence[socket.socket]) -> _Child | None:
    request = json.loads(data)
    channel = socket.socket(fileno=files[0])
    for function in request["prepare"]:
        _function(function)()
    server = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        _tell(channel, {"failed": error.strerror})
        for number in files[1:]:
            os.close(number)
        channel.close()
        return None
    if pid == 0:
        _run(request, files[1:], [*ours, channel], server)
    for number in files[1:]:
        os.close(number)
    _tell(channel, {"pid": pid})
    return _Child(pid, channel, request["folder"])


def _run(
    request: dict[str, Any], files: list[int], foreign: Sequence[socket.socket], server: int
) -> None:
    """Do what was asked for, in the new process, and end it."""
    code = _FAILED
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != server:
            os._exit(_FAILED)
        signal.set_wakeup_fd(-1)
        for name in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_DFL)
        for one in foreign:
            one.close()
        _function(request["target"])(files, **request["arguments"])
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else _FAILED
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        os._exit(code)


def _function(name: str) -> Callable[..., None]:
    module, _, function = name.partition(":")
    found: Callable[..., None] = getattr(importlib.import_module(module), function)
    return found


def _collect(children: dict[int, _Child], selector: selectors.BaseSelector) -> None:
    """Say of each process that ended how it did."""
    while children:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        child = children.pop(pid, None)
        if child is None:
            continue
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what it started itself
        _remove(child)
        with contextlib.suppress(KeyError):
            selector.unregister(child.channel)
        code = os.waitstatus_to_exitcode(status)
        _tell(child.channel, {"code": code, "peak_bytes": usage.ru_maxrss * 1024})
        child.channel.close()


def _kill(pid: int) -> None:
    # A process that has just begun has no group of its own yet.
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)


def _remove(child: _Child) -> None:
    if child.folder is not None:
        shutil.rmtree(child.folder, ignore_errors=True)


def _tell(channel: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        channel.send(json.dumps(message).encode())
