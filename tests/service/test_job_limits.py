"""Tests of jobs that exceed limits, are cancelled or lose their worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from geo.confinement.fork_server import ForkServer
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.jobs import begin_job, end_job
from service.app import create_app
from service.worker.worker_process import MAX_ATTEMPTS
from tests.support.hostile_files import endless
from tests.support.jobs import CAMERA_ROWS, hold_refreshes, running_worker, wait_for_job
from tests.support.processes import all_ended, descendants
from tests.support.rows import insert_grids
from tests.support.service import sign_in
from tests.support.waiting import wait_until


@pytest.fixture
def client(store: str) -> Iterator[TestClient]:
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as test_client:
        yield test_client


def send_import(client: TestClient, name: str, content: bytes) -> int:
    response = client.post(
        "/api/v1/jobs/import", params={"layer": "cameras", "name": name}, content=content
    )
    assert response.status_code == 202, response.text
    return int(response.json()["id"])


def count_cameras(conninfo: str) -> int:
    with connect(conninfo) as conn:
        row = conn.execute("SELECT count(*) FROM cameras").fetchone()
    assert row is not None
    return int(row[0])


def wait_for_step(client: TestClient, job: int, step: str) -> None:
    """Wait until a job has reached a step."""

    def at_step() -> bool:
        return bool(client.get(f"/api/v1/jobs/{job}").json()["step"].startswith(step))

    wait_until(at_step, what=lambda: client.get(f"/api/v1/jobs/{job}").json())


def test_cancel_ends_job_process_and_next_job_runs(
    client: TestClient, store: str, tmp_path: Path
) -> None:
    with running_worker(store) as process:
        endless_job = send_import(client, "a.gpkg", endless(tmp_path).content)
        next_job = send_import(client, "b.csv", CAMERA_ROWS.encode())
        wait_for_step(client, endless_job, "reading")
        wait_until(lambda: len(descendants(process.pid)) > 2)
        processes = descendants(process.pid)
        assert client.post(f"/api/v1/jobs/{endless_job}/cancel").json()["state"] == "cancelling"
        finished = wait_for_job(client, endless_job, "cancelled", "failed", "done")
        assert finished["state"] == "cancelled"
        assert "cancelled" in finished["outcome"]["reason"]
        assert wait_for_job(client, next_job, "done", "failed")["state"] == "done"
        # Of those processes only the fork servers are left.
        wait_until(lambda: len(processes & descendants(process.pid)) == 2)
    assert count_cameras(store) == 2


def test_cancel_ends_job_waiting_for_lock_and_its_session(client: TestClient, store: str) -> None:
    with connect(store) as holder, running_worker(store):
        holder.execute("LOCK TABLE cameras IN ACCESS EXCLUSIVE MODE")
        job = send_import(client, "a.csv", CAMERA_ROWS.encode())
        wait_for_step(client, job, "storing")
        client.post(f"/api/v1/jobs/{job}/cancel")
        assert wait_for_job(client, job, "cancelled", "failed", "done")["state"] == "cancelled"
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        name = f"gridcover-job-{job}"
        wait_until(lambda: holder.execute(sessions, (name,)).fetchone() == (0,))
        holder.rollback()
    assert count_cameras(store) == 0


def test_import_time_limit_fails_job_and_next_job_runs(
    client: TestClient, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_IMPORT_SECONDS", "6")
    endless_job = send_import(client, "a.gpkg", endless(tmp_path).content)
    next_job = send_import(client, "b.csv", CAMERA_ROWS.encode())
    with running_worker(store):
        finished = wait_for_job(client, endless_job, "failed", "done")
        assert finished["state"] == "failed"
        assert "more than 6 s" in finished["outcome"]["reason"]
        assert "GRIDCOVER_IMPORT_SECONDS" in finished["outcome"]["reason"]
        with connect(store) as holder:
            holder.execute("LOCK TABLE cameras IN ACCESS EXCLUSIVE MODE")
            # The job waits for a lock in the database until its time limit.
            blocked = wait_for_job(client, next_job, "failed", "done")
            holder.rollback()
        assert "The import took more than 6 s" in blocked["outcome"]["reason"]
        last_job = send_import(client, "c.csv", CAMERA_ROWS.encode())
        assert wait_for_job(client, last_job, "failed", "done")["state"] == "done"


def test_import_memory_limit_fails_job_and_next_job_runs(
    client: TestClient, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_IMPORT_MEMORY_MB", "300")
    rows = b"code,lon,lat\n" + b"".join(b"%d,118.05,30.95\n" % k for k in range(1_000_000))
    large_job = send_import(client, "a.csv", rows)
    with running_worker(store):
        finished = wait_for_job(client, large_job, "failed", "done")
        assert finished["state"] == "failed"
        assert "memory" in finished["outcome"]["reason"]
        last_job = send_import(client, "c.csv", CAMERA_ROWS.encode())
        assert wait_for_job(client, last_job, "failed", "done")["state"] == "done"


def allocate_memory(files: list[int], *, megabytes: int) -> None:
    """Allocate memory in the process of a job."""
    from service.worker.job_process import _prepare, _reason

    _prepare("/tmp", 400 << 20)
    try:
        bytearray(megabytes << 20)
    except MemoryError as error:
        raise SystemExit(9 if "memory" in _reason(error) else 1) from error


def test_job_process_has_its_own_memory_limit() -> None:
    server = ForkServer(["service.worker.job_process"])
    assert server.call("tests.service.test_job_limits:allocate_memory", {"megabytes": 10}).code == 0
    assert (
        server.call("tests.service.test_job_limits:allocate_memory", {"megabytes": 1000}).code == 9
    )
    server.stop()


@pytest.mark.parametrize("hangs", [True, False])
def test_cancelled_job_stays_cancelled_when_worker_dies(
    client: TestClient, store: str, hangs: bool
) -> None:
    with hold_refreshes(store), running_worker(store) as worker:
        job = client.post("/api/v1/jobs/refresh").json()["id"]
        wait_for_job(client, job, "running")
        if hangs:
            worker.send_signal(signal.SIGSTOP)
        assert client.post(f"/api/v1/jobs/{job}/cancel").json()["state"] == "cancelling"
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    with running_worker(store):
        finished = wait_for_job(client, job, "cancelled", "failed", "done")
    assert finished["state"] == "cancelled"
    assert finished["outcome"]["reason"]


def _abandon_job(conninfo: str, job: int) -> None:
    """Mark a job as running on a worker that died long ago."""
    with connect(conninfo) as conn:
        row = conn.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 day') "
            "RETURNING id"
        ).fetchone()
        assert row is not None
        conn.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE id = %s",
            (row[0], job),
        )


def test_finished_job_is_not_repeated_when_worker_dies(client: TestClient, store: str) -> None:
    job = send_import(client, "a.csv", CAMERA_ROWS.encode())
    with connect(store) as conn:
        assert begin_job(conn, job, "import")
        assert end_job(conn, job, "done", {"inserted": 2})
        assert not end_job(conn, job, "failed", {})
        assert not begin_job(conn, job, "import")
    _abandon_job(store, job)
    with running_worker(store):
        wait_for_job(client, send_import(client, "b.csv", CAMERA_ROWS.encode()), "done", "failed")
    stored = client.get(f"/api/v1/jobs/{job}").json()
    assert (stored["state"], stored["outcome"], stored["attempts"]) == ("done", {"inserted": 2}, 1)
    with connect(store) as conn:
        assert conn.execute(
            "SELECT status::text FROM procrastinate_jobs WHERE id = %s", (job,)
        ).fetchone() == ("succeeded",)


def test_job_fails_after_max_attempts(client: TestClient, store: str) -> None:
    job = send_import(client, "a.csv", CAMERA_ROWS.encode())
    with connect(store) as conn:
        for _ in range(MAX_ATTEMPTS):
            assert begin_job(conn, job, "import")
    _abandon_job(store, job)
    with running_worker(store):
        finished = wait_for_job(client, job, "done", "failed")
    assert finished["state"] == "failed"
    assert f"{MAX_ATTEMPTS} times" in finished["outcome"]["reason"]
    assert count_cameras(store) == 0


def test_cancelled_and_failed_jobs_have_a_reason(client: TestClient, store: str) -> None:
    waiting_job = send_import(client, "a.csv", CAMERA_ROWS.encode())
    assert client.post(f"/api/v1/jobs/{waiting_job}/cancel").json()["outcome"]["reason"]
    failed_job = send_import(client, "a.csv", CAMERA_ROWS.encode())
    with connect(store) as conn:
        conn.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", (failed_job,))
    stored: dict[str, Any] = client.get(f"/api/v1/jobs/{failed_job}").json()
    assert stored["state"] == "failed"
    assert stored["outcome"]["reason"]


def test_stopped_worker_returns_its_job_to_the_queue(client: TestClient, store: str) -> None:
    with hold_refreshes(store) as release:
        with running_worker(store) as first:
            job = client.post("/api/v1/jobs/refresh").json()["id"]
            wait_for_job(client, job, "running")
            first.terminate()
            first.wait(30)
        assert client.get(f"/api/v1/jobs/{job}").json()["state"] in ("waiting", "running")
        release()
    with connect(store) as conn:
        insert_grids(conn, "g1", name="one")
    with running_worker(store):
        assert wait_for_job(client, job, "done", "failed")["state"] == "done"


def _wait_for_children(pid: int) -> set[int]:
    """Return the descendants of a process once there are at least two."""

    def started() -> set[int]:
        pids = descendants(pid)
        return pids if len(pids) >= 2 else set()

    return wait_until(started, within_s=120)


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_worker_end_leaves_no_processes_or_sessions(
    client: TestClient, store: str, signal_number: signal.Signals
) -> None:
    with hold_refreshes(store), running_worker(store) as process:
        job = client.post("/api/v1/jobs/refresh").json()["id"]
        wait_for_job(client, job, "running")
        processes = _wait_for_children(process.pid)
        process.send_signal(signal_number)
        process.wait(30)
        assert all_ended(processes)
        sessions = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'gridcover-job-%'"
        )
        with connect(store, autocommit=True) as conn:
            wait_until(lambda: conn.execute(sessions).fetchone() == (0,))


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_worker_end_removes_uploaded_files(
    client: TestClient,
    store: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    signal_number: signal.Signals,
) -> None:
    content = endless(tmp_path).content
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with running_worker(store) as process:
        wait_for_step(client, send_import(client, "a.gpkg", content), "reading")
        processes = _wait_for_children(process.pid)
        assert list(temporary.rglob("a.gpkg"))
        process.send_signal(signal_number)
        process.wait(30)
        assert all_ended(processes)
    assert list(temporary.rglob("*")) == []


def test_worker_ends_with_its_parent(store: str) -> None:
    code = (
        "import time; from service.child_process import ChildProcess; "
        "ChildProcess('service.commands', arguments=('work',)).start(); time.sleep(600)"
    )
    env = {**os.environ, "GRIDCOVER_DATABASE_URL": store}
    process = subprocess.Popen([sys.executable, "-c", code, store], env=env)
    workers = "SELECT count(*) FROM procrastinate_workers"
    with connect(store, autocommit=True) as conn:
        wait_until(lambda: conn.execute(workers).fetchone() == (1,), within_s=120)
    processes = _wait_for_children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert all_ended(processes)
