"""A process beside this one: started again when it dies, ended with this one."""

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
_PAUSE_S = 5.0
"""One that cannot live is not started over and over without a pause."""


class ChildProcess:
    """A Python module that runs until `stop`, whatever ends it before.

    Parameters
    ----------
    module : str
        Its name, as for ``python -m``; it calls `end_with_parent` first.
    arguments : tuple of str
        Of the command line.
    env : dict
        Variables of its environment beside ours.
    pass_fds : tuple of int
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
        # The thread lives as long as this process: the system ends the child with the thread that started it.
        self._thread = threading.Thread(target=self._watch, name=module, daemon=True)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait until it is gone."""
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
            self._stopped.wait(max(0.0, _PAUSE_S - (time.monotonic() - started)))

    @staticmethod
    def _terminate(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def end_with_parent() -> None:
    """Have the system send this process SIGTERM when the `ChildProcess` that started it dies, however it dies.

    Nothing is done in a process that was started in another way.
    """
    parent = os.environ.get(_PARENT)
    if parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        # It died between our start and the line above.
        raise SystemExit(0)
