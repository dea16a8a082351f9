"""A worker process and its jobs in tests."""

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
    """Run a worker process that counts as missing after 1.5 s without a heartbeat."""
    code = (
        "import sys; from service.worker.worker_process import run_worker; "
        "run_worker(sys.argv[1], heartbeat_s=0.5)"
    )
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
    """Block refreshes until the yielded function is called."""
    with connect(conninfo, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (REFRESH_LOCK,))
        yield lambda: conn.execute("SELECT pg_advisory_unlock_all()") and None


def wait_for_job(client: TestClient, job: int, *states: str) -> dict[str, Any]:
    """Wait until a job is in one of the given states and return it."""

    def job_in_state() -> dict[str, Any] | None:
        row: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()
        return row if row["state"] in states else None

    finished = wait_until(job_in_state, what=lambda: client.get(f"/api/v1/jobs/{job}").json())
    assert finished is not None
    return finished
