"""Fork server: processes that start in milliseconds, forked from a preloaded interpreter.

The interpreter has a single thread, so that forking it is safe whatever threads its owner has. It
ends with its last owner, and the processes that it forked end with it.
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
"""Time limit for loading the modules."""
_POLL_S = 0.2
"""Interval at which a caller is asked whether the process should be ended."""
_KILL_S = 10.0
"""Time limit for the end of a killed process."""
_MESSAGE_BYTES = 1 << 16


class ProcessError(GridcoverError, RuntimeError):
    """A process could not be started."""


@dataclass(frozen=True)
class Ended:
    """End of a process."""

    code: int | None
    """Exit status, or the negative number of the signal that ended it; None if not known."""
    peak_bytes: int
    """Peak memory use (resident set)."""
    ended_by: str = ""
    """``time`` or ``caller`` if the process was killed; else empty."""


class ForkServer:
    """Interpreter with modules preloaded that forks a process for each call.

    It starts with the first call.

    Parameters
    ----------
    modules : sequence of str
        Modules to load before anything is forked.
    environment : mapping of str to str or None, optional
        Environment variables of the interpreter and its children; None for those of this process.
    """

    def __init__(
        self, modules: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self._modules = list(modules)
        self._environment = environment
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the interpreter before the first call, if it is not running."""
        with self._lock:
            if self._control is None:
                self._launch()

    def stop(self) -> None:
        """End the interpreter and the processes that it forked."""
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
        """Run a function in a new process and wait for its end.

        Parameters
        ----------
        target : str
            Function as ``module:function``; it is called with the list of descriptors and the
            arguments.
        arguments : mapping of str to object
            Keyword arguments of the function, values that JSON can represent.
        files : sequence of int, optional
            File descriptors to pass to the process.
        seconds : float or None, optional
            Elapsed time after which the process is killed; None for no limit.
        give_up : callable, optional
            Called repeatedly without arguments; the process is killed when it returns True.
        prepare : sequence of str, optional
            Functions, as ``module:function``, to call in the interpreter before it forks.
        folder : str or None, optional
            Folder of temporary files, removed when the process or the caller has ended.

        Returns
        -------
        Ended
            Exit status and peak memory of the process.

        Raises
        ------
        ProcessError
            If no process can be started.
        """
        request = json.dumps(
            {
                "target": target,
                "arguments": arguments,
                "prepare": list(prepare),
                "folder": folder,
            }
        )
        channel, remote = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with channel:
            with remote:
                self._send(request, [remote.fileno(), *files])
            started = _receive(channel, START_S, give_up)
            if started is None or "pid" not in started:
                if started is not None and started.get("ended_by") == "caller":
                    return Ended(None, 0, "caller")
                reason = (started or {}).get("failed", "it did not start")
                raise ProcessError(f"no process can be started for the work ({reason}); try again")
            ended = _receive(channel, seconds, give_up)
            if ended is None:
                return Ended(None, 0)
            if "ended_by" in ended:
                return _kill(channel, ended["ended_by"])
            return Ended(ended["code"], ended["peak_bytes"])

    def _send(self, request: str, files: list[int]) -> None:
        """Send a request with descriptors; start the interpreter if it is not running."""
        with self._lock:
            for _ in range(2):
                if self._control is None:
                    self._launch()
                assert self._control is not None  # noqa: S101
                try:
                    socket.send_fds(self._control, [request.encode()], files)
                except OSError:
                    self._drop()  # it was killed; start another one
                else:
                    return
        raise ProcessError("no process can be started for the work; try again")

    def _launch(self) -> None:
        """Start the interpreter."""
        control, remote = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Modules are found as in this process, but not in the working folder.
        path = [folder for folder in sys.path if folder]
        code = (
            f"import sys; sys.path[:] = {path!r}; from geo.confinement.forking import serve; "
            f"serve({remote.fileno()}, {self._modules!r})"
        )
        with remote:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                env=None if self._environment is None else dict(self._environment),
                pass_fds=[remote.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # Ctrl-C of a terminal goes to the owner, which then ends the interpreter.
                start_new_session=True,
            )
        self._control = control

    def _drop(self) -> None:
        """Close the connection to the interpreter, which ends it."""
        control, self._control = self._control, None
        process, self._process = self._process, None
        if control is not None:
            control.close()
        if process is not None:
            # If another process shares the interpreter, it ends with that process.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2.0)
            process.returncode = process.returncode or 0


def _receive(
    channel: socket.socket, seconds: float | None, give_up: Callable[[], bool]
) -> dict[str, Any] | None:
    """Return the next message; None if the sender is gone, ``ended_by`` if the wait ended."""
    deadline = None if seconds is None else time.monotonic() + seconds
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    while True:
        timeout_s = _POLL_S if deadline is None else min(_POLL_S, deadline - time.monotonic())
        if poll.poll(max(timeout_s, 0.0) * 1000):
            break
        if deadline is not None and time.monotonic() >= deadline:
            return {"ended_by": "time"}
        if give_up():
            return {"ended_by": "caller"}
    try:
        data = channel.recv(_MESSAGE_BYTES)
    except ConnectionError:
        return None
    return dict(json.loads(data)) if data else None


def _kill(channel: socket.socket, ended_by: str) -> Ended:
    """Have the interpreter kill the process, and wait for its end."""
    channel.shutdown(socket.SHUT_WR)
    ended = _receive(channel, _KILL_S, lambda: False)
    return Ended(None, (ended or {}).get("peak_bytes", 0), ended_by)


_PASSED_VARIABLES = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "LD_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONHASHSEED",
    "PROJ_DATA",
    "PROJ_LIB",
    "GDAL_DATA",
)


def sparse_environment() -> dict[str, str]:
    """Return the environment variables that loading and parsing need; none holds a secret.

    Returns
    -------
    dict of str to str
        Value by name, of those that are set.
    """
    return {name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ}
