"""Child processes: started again when they exit, and ended with this process."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time

_log = logging.getLogger("gridcover.processes")
_PR_SET_PDEATHSIG = 1
_PARENT = "GRIDCOVER_PARENT"
_RESTART_S = 5.0
"""Least seconds between two starts."""


class ChildProcess:
    """A Python module in a process of its own, started again until `stop` is called.

    Parameters
    ----------
    module : str
        Name of the module, as for ``python -m``; it calls `end_with_parent` first.
    arguments : tuple of str, optional
        Arguments of its command line.
    env : dict of str to str, optional
        Environment variables, in addition to those of this process.
    pass_fds : tuple of int, optional
        File descriptors that it inherits.
    """

    def __init__(
        self,
        module: str,
        *,
        arguments: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._env = env or {}
        self._pass_fds = pass_fds
        self._stopped = threading.Event()
        # The system ends the child with the thread that started it, so the thread lives as long as
        # this process.
        self._thread = threading.Thread(target=self._watch, name=module, daemon=True)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process."""
        self._thread.start()

    def stop(self) -> None:
        """End the process and wait until it is gone."""
        self._stopped.set()
        self._thread.join(20)

    def _watch(self) -> None:
        while not self._stopped.is_set():
            started = time.monotonic()
            env = {**os.environ, **self._env, _PARENT: str(os.getpid())}
            self.process = subprocess.Popen(self._command, env=env, pass_fds=self._pass_fds)
            while self.process.poll() is None and not self._stopped.wait(0.2):
                pass
            if self.process.poll() is None:
                self._terminate(self.process)
            if self._stopped.is_set():
                return
            _log.warning(
                "%s ended (%s) and is started again", self._command[2], self.process.returncode
            )
            self._stopped.wait(max(0.0, _RESTART_S - (time.monotonic() - started)))

    @staticmethod
    def _terminate(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def end_with_parent() -> None:
    """Have the system send SIGTERM to this process when its parent dies, in whatever way.

    Nothing is done in a process that was not started by a `ChildProcess`.

    Raises
    ------
    SystemExit
        If the parent has died already.
    """
    parent = os.environ.get(_PARENT)
    if parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        # The parent died before the line above.
        raise SystemExit(0)
