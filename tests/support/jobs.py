"""A worker in a process of its own, and jobs it works on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient

from geo.store.connection import connect
from geo.store.queries.runs import REFRESH_LOCK
from tests.support.waiting import wait_until

CAMERA_ROWS = "编码,名称,经度,纬度\nc1,东门,118.001,31.001\nc2,西门,118.002,31.002\n"


@contextmanager
def running_worker(conninfo: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, that is missed after a second and a half."""
    code = "import sys; from service.worker.worker_process import run_worker; run_worker(sys.argv[1], heartbeat_s=0.5)"
    env = {**os.environ, "GRIDCOVER_DATABASE_URL": conninfo}
    process = subprocess.Popen([sys.executable, "-c", code, conninfo], env=env)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def hold_refreshes(conninfo: str) -> Iterator[Callable[[], None]]:
    """Refreshes wait, until what is handed out is called."""
    with connect(conninfo, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (REFRESH_LOCK,))
        yield lambda: conn.execute("SELECT pg_advisory_unlock_all()") and None


def wait_for_job(client: TestClient, job: int, *states: str) -> dict[str, Any]:
    """The job once it is in one of some states."""

    def job_in_state() -> dict[str, Any] | None:
        row: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()
        return row if row["state"] in states else None

    found = wait_until(job_in_state, what=lambda: client.get(f"/api/v1/jobs/{job}").json())
    assert found is not None
    return found
