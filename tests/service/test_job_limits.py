"""Jobs that take too much, are cancelled, or lose their worker: they end with a true state and a reason, others go on."""

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
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as found:
        yield found


def send(client: TestClient, name: str, content: bytes) -> int:
    answer = client.post(
        "/api/v1/jobs/import", params={"layer": "cameras", "name": name}, content=content
    )
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def cameras(conninfo: str) -> int:
    with connect(conninfo) as conn:
        row = conn.execute("SELECT count(*) FROM cameras").fetchone()
    assert row is not None
    return int(row[0])


def working(client: TestClient, job: int, step: str) -> None:
    """Wait until a job is at a step."""

    def at_step() -> bool:
        return bool(client.get(f"/api/v1/jobs/{job}").json()["step"].startswith(step))

    wait_until(at_step, what=lambda: client.get(f"/api/v1/jobs/{job}").json())


def test_cancelling_ends_the_process_at_once_and_the_next_job_is_done(
    client: TestClient, store: str, tmp_path: Path
) -> None:
    with running_worker(store) as process:
        stuck = send(client, "a.gpkg", endless(tmp_path).content)
        after = send(client, "b.csv", CAMERA_ROWS.encode())
        working(client, stuck, "reading")
        wait_until(lambda: len(descendants(process.pid)) > 2)
        busy = descendants(process.pid)
        assert client.post(f"/api/v1/jobs/{stuck}/cancel").json()["state"] == "cancelling"
        ended = wait_for_job(client, stuck, "cancelled", "failed", "done")
        assert ended["state"] == "cancelled"
        assert "cancelled" in ended["outcome"]["reason"]
        assert wait_for_job(client, after, "done", "failed")["state"] == "done"
        # Of the processes at the time only those that start others are left.
        wait_until(lambda: len(busy & descendants(process.pid)) == 2)
    assert cameras(store) == 2


def test_a_job_that_waits_for_a_lock_is_cancelled_and_leaves_no_session(
    client: TestClient, store: str
) -> None:
    with connect(store) as holder, running_worker(store):
        holder.execute("LOCK TABLE cameras IN ACCESS EXCLUSIVE MODE")
        job = send(client, "a.csv", CAMERA_ROWS.encode())
        working(client, job, "storing")
        client.post(f"/api/v1/jobs/{job}/cancel")
        assert wait_for_job(client, job, "cancelled", "failed", "done")["state"] == "cancelled"
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        name = f"gridcover-job-{job}"
        wait_until(lambda: holder.execute(sessions, (name,)).fetchone() == (0,))
        holder.rollback()
    assert cameras(store) == 0


def test_an_import_that_takes_too_long_fails_and_the_next_is_done(
    client: TestClient, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_IMPORT_SECONDS", "6")
    stuck = send(client, "a.gpkg", endless(tmp_path).content)
    after = send(client, "b.csv", CAMERA_ROWS.encode())
    with running_worker(store):
        ended = wait_for_job(client, stuck, "failed", "done")
        assert ended["state"] == "failed"
        assert "more than 6 s" in ended["outcome"]["reason"]
        assert "GRIDCOVER_IMPORT_SECONDS" in ended["outcome"]["reason"]
        with connect(store) as holder:
            holder.execute("LOCK TABLE cameras IN ACCESS EXCLUSIVE MODE")
            # It waits in the database: its own time is what ends it.
            waits = wait_for_job(client, after, "failed", "done")
            holder.rollback()
        assert "The import took more than 6 s" in waits["outcome"]["reason"]
        last = send(client, "c.csv", CAMERA_ROWS.encode())
        assert wait_for_job(client, last, "failed", "done")["state"] == "done"


def test_an_import_that_needs_too_much_memory_fails_and_the_next_is_done(
    client: TestClient, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_IMPORT_MEMORY_MB", "300")
    rows = b"code,lon,lat\n" + b"".join(b"%d,118.05,30.95\n" % k for k in range(1_000_000))
    big = send(client, "a.csv", rows)
    with running_worker(store):
        ended = wait_for_job(client, big, "failed", "done")
        assert ended["state"] == "failed"
        assert "memory" in ended["outcome"]["reason"]
        last = send(client, "c.csv", CAMERA_ROWS.encode())
        assert wait_for_job(client, last, "failed", "done")["state"] == "done"


def take(files: list[int], *, megabytes: int) -> None:
    """Use memory, in a job's process."""
    from service.worker.job_process import _prepare, _reason

    _prepare("/tmp", 400 << 20)
    try:
        bytearray(megabytes << 20)
    except MemoryError as error:
        raise SystemExit(9 if "memory" in _reason(error) else 1) from error


def test_the_process_of_a_job_has_a_memory_limit_of_its_own() -> None:
    server = ForkServer(["service.worker.job_process"])
    assert server.call("tests.service.test_job_limits:take", {"megabytes": 10}).code == 0
    assert server.call("tests.service.test_job_limits:take", {"megabytes": 1000}).code == 9
    server.stop()


@pytest.mark.parametrize("hangs", [True, False])
def test_a_cancelled_job_whose_worker_dies_is_cancelled(
    client: TestClient, store: str, hangs: bool
) -> None:
    with hold_refreshes(store), running_worker(store) as victim:
        job = client.post("/api/v1/jobs/refresh").json()["id"]
        wait_for_job(client, job, "running")
        if hangs:
            victim.send_signal(signal.SIGSTOP)
        assert client.post(f"/api/v1/jobs/{job}/cancel").json()["state"] == "cancelling"
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    with running_worker(store):
        ended = wait_for_job(client, job, "cancelled", "failed", "done")
    assert ended["state"] == "cancelled"
    assert ended["outcome"]["reason"]


def _left(conninfo: str, job: int) -> None:
    """A job as a worker leaves it that died long ago."""
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


def test_a_job_that_was_done_when_its_worker_died_is_not_done_again(
    client: TestClient, store: str
) -> None:
    job = send(client, "a.csv", CAMERA_ROWS.encode())
    with connect(store) as conn:
        assert begin_job(conn, job, "import")
        assert end_job(conn, job, "done", {"inserted": 2})
        assert not end_job(conn, job, "failed", {})
        assert not begin_job(conn, job, "import")
    _left(store, job)
    with running_worker(store):
        wait_for_job(client, send(client, "b.csv", CAMERA_ROWS.encode()), "done", "failed")
    found = client.get(f"/api/v1/jobs/{job}").json()
    assert (found["state"], found["outcome"], found["attempts"]) == ("done", {"inserted": 2}, 1)
    with connect(store) as conn:
        assert conn.execute(
            "SELECT status::text FROM procrastinate_jobs WHERE id = %s", (job,)
        ).fetchone() == ("succeeded",)


def test_a_job_whose_worker_always_dies_is_given_up(client: TestClient, store: str) -> None:
    job = send(client, "a.csv", CAMERA_ROWS.encode())
    with connect(store) as conn:
        for _ in range(MAX_ATTEMPTS):
            assert begin_job(conn, job, "import")
    _left(store, job)
    with running_worker(store):
        ended = wait_for_job(client, job, "done", "failed")
    assert ended["state"] == "failed"
    assert f"{MAX_ATTEMPTS} times" in ended["outcome"]["reason"]
    assert cameras(store) == 0


def test_every_end_has_a_reason(client: TestClient, store: str) -> None:
    waits = send(client, "a.csv", CAMERA_ROWS.encode())
    assert client.post(f"/api/v1/jobs/{waits}/cancel").json()["outcome"]["reason"]
    broken = send(client, "a.csv", CAMERA_ROWS.encode())
    with connect(store) as conn:
        conn.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", (broken,))
    found: dict[str, Any] = client.get(f"/api/v1/jobs/{broken}").json()
    assert found["state"] == "failed"
    assert found["outcome"]["reason"]


def test_a_worker_that_is_stopped_lets_its_job_begin_anew(client: TestClient, store: str) -> None:
    with hold_refreshes(store) as let_go:
        with running_worker(store) as first:
            job = client.post("/api/v1/jobs/refresh").json()["id"]
            wait_for_job(client, job, "running")
            first.terminate()
            first.wait(30)
        assert client.get(f"/api/v1/jobs/{job}").json()["state"] in ("waiting", "running")
        let_go()
    with connect(store) as conn:
        insert_grids(conn, "g1", name="one")
    with running_worker(store):
        assert wait_for_job(client, job, "done", "failed")["state"] == "done"


def _working(pid: int) -> set[int]:
    """The processes that a process has started, once it has those that it needs."""

    def started() -> set[int]:
        pids = descendants(pid)
        return pids if len(pids) >= 2 else set()

    return wait_until(started, within_s=120)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_worker(client: TestClient, store: str, number: signal.Signals) -> None:
    with hold_refreshes(store), running_worker(store) as process:
        job = client.post("/api/v1/jobs/refresh").json()["id"]
        wait_for_job(client, job, "running")
        found = _working(process.pid)
        process.send_signal(number)
        process.wait(30)
        assert all_ended(found)
        sessions = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'gridcover-job-%'"
        )
        with connect(store, autocommit=True) as conn:
            wait_until(lambda: conn.execute(sessions).fetchone() == (0,))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_file_that_was_sent_outlives_a_worker(
    client: TestClient,
    store: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    content = endless(tmp_path).content
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with running_worker(store) as process:
        working(client, send(client, "a.gpkg", content), "reading")
        found = _working(process.pid)
        assert list(temporary.rglob("a.gpkg"))
        process.send_signal(number)
        process.wait(30)
        assert all_ended(found)
    assert list(temporary.rglob("*")) == []


def test_the_worker_ends_with_the_service(store: str) -> None:
    code = (
        "import time; from service.child_process import ChildProcess; "
        "ChildProcess('service.commands', arguments=('work',)).start(); time.sleep(600)"
    )
    env = {**os.environ, "GRIDCOVER_DATABASE_URL": store}
    process = subprocess.Popen([sys.executable, "-c", code, store], env=env)
    workers = "SELECT count(*) FROM procrastinate_workers"
    with connect(store, autocommit=True) as conn:
        wait_until(lambda: conn.execute(workers).fetchone() == (1,), within_s=120)
    found = _working(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert all_ended(found)
