"""Processes that start in milliseconds: forked from a fresh interpreter that has its modules loaded.

The interpreter runs one thread only, so that forking it is safe whatever threads its owner has. It
ends with its last owner, and what it started ends with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geo.errors import GridcoverError

START_S = 120.0
"""How long loading the modules may take."""
_LOOK_S = 0.2
"""How often a caller is asked whether it wants to go on."""


class ProcessError(GridcoverError, RuntimeError):
    """A process of ours could not be started."""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int | None
    """Exit status, negative the number of a signal; None where nobody knows."""
    peak_bytes: int
    """Most memory it had in use."""
    ended_by: str = ""
    """`time` or `caller` where it was ended from outside."""


class ForkServer:
    """A fresh interpreter that forks a process for each call."""

    def __init__(
        self, modules: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """Describe it; it starts with the first call.

        Parameters
        ----------
        modules : loaded before anything is forked.
        environment : of the interpreter and what it forks; this process's unless given.
        """
        self._modules = list(modules)
        self._environment = environment
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it ahead of the first call, if it does not run."""
        with self._lock:
            if self._control is None:
                self._launch()

    def stop(self) -> None:
        """End it and what it started."""
        with self._lock:
            self._drop()

    def call(
        self,
        target: str,
        arguments: Mapping[str, Any],
        *,
        files: Sequence[int] = (),
        seconds: float | None = None,
        give_up: Callable[[], bool] = lambda: False,
        prepare: Sequence[str] = (),
        folder: str | None = None,
    ) -> Ended:
        """Run a function in a process of its own and wait for its end.

        Parameters
        ----------
        target : `module:function`; called with the arguments and the list of files.
        arguments : what JSON can say.
        files : descriptors that the process gets.
        seconds : on the clock, after which it is ended.
        prepare : functions, as `module:function`, called in the interpreter before it forks.
        folder : of temporary files, which goes when the process or whoever called has ended.
        give_up : asked again and again; the process is ended once it says so.

        Raises
        ------
        ProcessError : no process can be started.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs:
                self._send(json.dumps({"target": target, "arguments": arguments, "prepare": list(prepare), "folder": folder}), [theirs.fileno(), *files])  # fmt: skip
            begun = _receive(ours, START_S, give_up)
            if begun is None or "pid" not in begun:
                if begun is not None and begun.get("ended_by") == "caller":
                    return Ended(None, 0, "caller")
                why = (begun or {}).get("failed", "it did not start")
                raise ProcessError(f"no process can be started for the work ({why}); try again")
            ended = _receive(ours, seconds, give_up)
            if ended is None:
                return Ended(None, 0)
            if "ended_by" in ended:
                return _end(ours, ended["ended_by"])
            return Ended(ended["code"], ended["peak_bytes"])

    def _send(self, request: str, files: list[int]) -> None:
        with self._lock:
            for _ in range(2):
                if self._control is None:
                    self._launch()
                assert self._control is not None  # noqa: S101
                try:
                    socket.send_fds(self._control, [request.encode()], files)
                except OSError:
                    self._drop()  # it was ended from outside; a new one takes its place
                else:
                    return
        raise ProcessError("no process can be started for the work; try again")

    def _launch(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The same modules as here, wherever they came from, and nothing from the working folder.
        path = [folder for folder in sys.path if folder]
        code = (
            f"import sys; sys.path[:] = {path!r}; "
            f"from geo.confinement.forking import serve; serve({theirs.fileno()}, {self._modules!r})"
        )
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                env=None if self._environment is None else dict(self._environment),
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                # A terminal's Ctrl-C is for its owner, which then ends it.
                start_new_session=True,
            )  # fmt: skip
        self._control = ours

    def _drop(self) -> None:
        control, self._control = self._control, None
        process, self._process = self._process, None
        if control is not None:
            control.close()
        if process is not None:
            # One that another process shares lives on and ends with that.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2.0)
            process.returncode = process.returncode or 0


def _receive(
    channel: socket.socket, seconds: float | None, give_up: Callable[[], bool]
) -> dict[str, Any] | None:
    """Receive the next message; None if there is nobody to send it, `ended_by` if the wait was ended."""
    end = None if seconds is None else time.monotonic() + seconds
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    while True:
        left = _LOOK_S if end is None else min(_LOOK_S, end - time.monotonic())
        if poll.poll(max(left, 0.0) * 1000):
            break
        if end is not None and time.monotonic() >= end:
            return {"ended_by": "time"}
        if give_up():
            return {"ended_by": "caller"}
    try:
        data = channel.recv(1 << 16)
    except ConnectionError:
        return None
    return dict(json.loads(data)) if data else None


def _end(channel: socket.socket, ended_by: str) -> Ended:
    """Have the process killed and wait until it is gone."""
    channel.shutdown(socket.SHUT_WR)
    ended = _receive(channel, 10.0, lambda: False)
    return Ended(None, (ended or {}).get("peak_bytes", 0), ended_by)


def sparse_environment() -> dict[str, str]:
    """Return the variables that loading and parsing need, and none that hold a secret."""
    wanted = (
        "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONHASHSEED",
        "PROJ_DATA", "PROJ_LIB", "GDAL_DATA",
    )  # fmt: skip
    return {name: os.environ[name] for name in wanted if name in os.environ}
