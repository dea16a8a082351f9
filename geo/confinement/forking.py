"""Process of the fork server: a single thread that forks a child for each request."""

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
from dataclasses import dataclass, field
from typing import Any

_PR_SET_PDEATHSIG = 1
_FAILED = 70
"""Exit status of a function that raised."""
_REQUEST_BYTES = 1 << 18
_MAX_FILES = 16


@dataclass(frozen=True)
class _Child:
    """A forked process."""

    pid: int
    channel: socket.socket
    """Connection to the caller."""
    folder: str | None
    """Folder of temporary files, removed here because a killed process cannot."""


def serve(number: int, modules: Sequence[str]) -> None:
    """Load modules, then fork a process for each request until the last owner has ended.

    Parameters
    ----------
    number : int
        Descriptor of the socket that receives requests.
    modules : sequence of str
        Modules to load first.
    """
    # The server ends with its owner, which may need to finish when a group of processes is ended.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    control = socket.socket(fileno=number)
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    with selectors.DefaultSelector() as selector:
        _Server(control, selector).run()


@dataclass
class _Server:
    """Fork server with its children."""

    control: socket.socket
    """Socket that receives requests."""
    selector: selectors.BaseSelector
    children: dict[int, _Child] = field(default_factory=dict)
    """Running children by process number."""

    def run(self) -> None:
        """Answer requests until nobody can send one."""
        woken, wake = socket.socketpair()
        for end in (woken, wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self.selector.register(self.control, selectors.EVENT_READ)
        self.selector.register(woken, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.control:
                    if not self._answer([self.control, woken, wake]):
                        return
                elif key.fileobj is woken:
                    with contextlib.suppress(BlockingIOError):
                        woken.recv(4096)
                elif key.data in self.children:
                    # The caller has ended, or ends the child.
                    _kill(key.data)
                    self.selector.unregister(key.fileobj)
            self._collect()

    def _answer(self, own_sockets: Sequence[socket.socket]) -> bool:
        """Fork a child for the next request; return False if nobody can send one."""
        data, files, _, _ = socket.recv_fds(self.control, _REQUEST_BYTES, _MAX_FILES)
        if not data:
            self._end_children()
            return False
        channels = [child.channel for child in self.children.values()]
        child = _start(data, files, [*own_sockets, *channels])
        if child is not None:
            self.children[child.pid] = child
            self.selector.register(child.channel, selectors.EVENT_READ, child.pid)
        return True

    def _end_children(self) -> None:
        for child in self.children.values():
            _kill(child.pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, 0)
            _remove_folder(child)

    def _collect(self) -> None:
        """Report the exit status and peak memory of each child that has ended."""
        while self.children:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self.children.pop(pid, None)
            if child is None:
                continue
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # processes that the child started
            _remove_folder(child)
            with contextlib.suppress(KeyError):
                self.selector.unregister(child.channel)
            code = os.waitstatus_to_exitcode(status)
            _send(child.channel, {"code": code, "peak_bytes": usage.ru_maxrss * 1024})
            child.channel.close()


def _start(data: bytes, files: list[int], inherited: Sequence[socket.socket]) -> _Child | None:
    """Fork a child for a request; None if the system refuses."""
    request = json.loads(data)
    channel = socket.socket(fileno=files[0])
    for function in request["prepare"]:
        _function(function)()
    server = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        _send(channel, {"failed": error.strerror})
        for number in files[1:]:
            os.close(number)
        channel.close()
        return None
    if pid == 0:
        _run(request, files[1:], [*inherited, channel], server)
    for number in files[1:]:
        os.close(number)
    _send(channel, {"pid": pid})
    return _Child(pid, channel, request["folder"])


def _run(
    request: dict[str, Any], files: list[int], inherited: Sequence[socket.socket], server: int
) -> None:
    """Call the function of a request in the child, and end the child."""
    code = _FAILED
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != server:
            os._exit(_FAILED)
        signal.set_wakeup_fd(-1)
        for name in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_DFL)
        for connection in inherited:
            connection.close()
        _function(request["target"])(files, **request["arguments"])
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else _FAILED
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        os._exit(code)


def _function(name: str) -> Callable[..., None]:
    """Return the function that ``module:function`` names."""
    module, _, attribute = name.partition(":")
    function: Callable[..., None] = getattr(importlib.import_module(module), attribute)
    return function


def _kill(pid: int) -> None:
    # A process that was just forked has no group of its own yet.
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)


def _remove_folder(child: _Child) -> None:
    if child.folder is not None:
        shutil.rmtree(child.folder, ignore_errors=True)


def _send(channel: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        channel.send(json.dumps(message).encode())
