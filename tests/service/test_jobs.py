"""Tests of the job queue: requests, order, cancelling and dying workers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from fastapi.testclient import TestClient

from geo.settings import Settings
from geo.store.connection import Conn, connect
from geo.store.migration import migrate, queue_migrations
from service.app import create_app
from tests.support.jobs import CAMERA_ROWS, hold_refreshes, running_worker, wait_for_job
from tests.support.rows import insert_cameras, insert_grids
from tests.support.service import sign_in
from tests.support.waiting import wait_until


@pytest.fixture
def small_store(store: str) -> str:
    """A store with two grids and a camera, not yet refreshed."""
    with connect(store) as conn:
        insert_grids(conn, "g1", "g2", population=100)
        insert_cameras(conn, "c0", kind="ptz")
    return store


@pytest.fixture
def client(small_store: str) -> Iterator[TestClient]:
    with TestClient(
        create_app(small_store, Settings()), cookies=sign_in(small_store)
    ) as test_client:
        yield test_client


def _count_workers(conn: Conn) -> int:
    conn.rollback()
    row = conn.execute("SELECT count(*) FROM procrastinate_workers").fetchone()
    assert row is not None
    return int(row[0])


def _count_sessions(conn: Conn, job: int, waiting_for: str | None = None) -> int:
    """Return the number of database sessions of a job, optionally of those waiting."""
    row = conn.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s "
        "AND (%s::text IS NULL OR wait_event_type = %s)",
        (f"gridcover-job-{job}", waiting_for, waiting_for),
    ).fetchone()
    assert row is not None
    return int(row[0])


def count_runs(conninfo: str) -> int:
    with connect(conninfo) as conn:
        row = conn.execute("SELECT count(*) FROM runs").fetchone()
    assert row is not None
    return int(row[0])


def test_refresh_job_is_queued_run_and_audited(client: TestClient, small_store: str) -> None:
    response = client.post("/api/v1/jobs/refresh")
    assert response.status_code == 202
    job = response.json()["id"]
    # A second request returns the waiting job.
    repeated = client.post("/api/v1/jobs/refresh")
    assert (repeated.status_code, repeated.json()["id"]) == (200, job)
    with running_worker(small_store):
        finished = wait_for_job(client, job, "done", "failed")
    assert finished["state"] == "done", finished
    assert finished["outcome"]["run"] == 1
    assert finished["steps"] > 5
    assert finished["attempts"] == 1
    assert count_runs(small_store) == 1
    assert client.get("/api/v1/runs").json()[0]["id"] == 1
    with connect(small_store) as conn:
        entries = conn.execute(
            "SELECT action, object FROM audit WHERE action = 'refresh requested'"
        ).fetchall()
    assert entries == [("refresh requested", f"job {job}")]


def test_import_job_reports_dry_run_errors_and_results(
    client: TestClient, small_store: str
) -> None:
    def run_import(text: str, **query: Any) -> dict[str, Any]:
        response = client.post("/api/v1/jobs/import", params=query, content=text.encode())
        assert response.status_code == 202, response.text
        return wait_for_job(client, response.json()["id"], "done", "failed")

    with running_worker(small_store):
        dry_run_job = run_import(CAMERA_ROWS, layer="cameras", name="a.csv", dry_run=True)
        assert dry_run_job["outcome"]["dry_run"]
        with connect(small_store) as conn:
            assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (1,)
        # Only the extension of a file name is used.
        import_job = run_import(CAMERA_ROWS, layer="cameras", name="../../../etc/cron.d/表格.csv")
        assert (import_job["state"], import_job["outcome"]["inserted"]) == ("done", 2)
        repeated = run_import(CAMERA_ROWS, layer="cameras", name="a.csv")
        assert (repeated["outcome"]["inserted"], repeated["outcome"]["unchanged"]) == (0, 2)
        rejected_job = run_import(CAMERA_ROWS + "c3,坏,abc,31\n", layer="cameras", name="a.csv")
        assert rejected_job["state"] == "failed"
        assert rejected_job["outcome"]["rejected"] == 1
        report = client.get(f"/api/v1/jobs/{rejected_job['id']}/report")
        assert "abc" in report.text
        unknown_job = run_import("?", layer="cameras", name="a.exe")
        assert "unknown format" in unknown_job["outcome"]["reason"]
    with connect(small_store) as conn:
        assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (3,)
        # Files that were not stored are kept for a retry: dry run, rejected rows, unknown format.
        uploads = {row[0] for row in conn.execute("SELECT id FROM uploads").fetchall()}
        assert uploads == {
            job["arguments"]["upload"] for job in (dry_run_job, rejected_job, unknown_job)
        }
        (entry,) = conn.execute(
            "SELECT detail FROM audit WHERE action = 'imported' AND detail->>'inserted' = '2'"
        ).fetchall()
    assert entry[0]["file"] == "../../../etc/cron.d/表格.csv"
    assert (
        client.post("/api/v1/jobs/import?layer=users&name=a.csv", content=b"x").status_code == 422
    )
    assert client.post("/api/v1/jobs/import?layer=cameras&name=a.csv").status_code == 422
    assert client.get("/api/v1/jobs/9999").status_code == 404


def test_workers_run_one_job_at_a_time(client: TestClient, small_store: str) -> None:
    first = client.post("/api/v1/jobs/refresh").json()["id"]
    with (
        hold_refreshes(small_store) as release,
        running_worker(small_store),
        running_worker(small_store),
    ):
        wait_for_job(client, first, "running")
        second = client.post("/api/v1/jobs/refresh?everything=true")
        assert second.status_code == 202
        third = client.post(
            "/api/v1/jobs/import?layer=cameras&name=a.csv", content=CAMERA_ROWS.encode()
        ).json()["id"]
        with connect(small_store) as conn:
            wait_until(lambda: _count_workers(conn) == 2)
            # No worker receives a job while another job is running.
            fetched = conn.execute(
                "SELECT (procrastinate_fetch_job_v2(NULL, max(id))).id FROM procrastinate_workers"
            ).fetchone()
            conn.rollback()
        assert fetched == (None,)
        states = {j["id"]: j["state"] for j in client.get("/api/v1/jobs").json()}
        assert states == {first: "running", second.json()["id"]: "waiting", third: "waiting"}
        release()
        for job in (first, second.json()["id"], third):
            assert wait_for_job(client, job, "done", "failed")["state"] == "done"
    with connect(small_store) as conn:
        spans = conn.execute(
            "SELECT started_at, finished_at FROM jobs ORDER BY started_at"
        ).fetchall()
    for (_, finished_before), (started, _) in pairwise(spans):
        assert finished_before <= started


def test_cancel_ends_waiting_and_running_jobs(client: TestClient, small_store: str) -> None:
    waiting_job = client.post("/api/v1/jobs/refresh").json()["id"]
    assert client.post(f"/api/v1/jobs/{waiting_job}/cancel").json()["state"] == "cancelled"
    running_job = client.post("/api/v1/jobs/refresh").json()["id"]
    assert running_job != waiting_job
    with hold_refreshes(small_store) as release, running_worker(small_store):
        wait_for_job(client, running_job, "running")
        assert client.post(f"/api/v1/jobs/{running_job}/cancel").json()["state"] == "cancelling"
        with connect(small_store, autocommit=True) as conn:
            wait_until(lambda: not _count_sessions(conn, running_job))
        release()
        assert (
            wait_for_job(client, running_job, "cancelled", "done", "failed")["state"] == "cancelled"
        )
        assert count_runs(small_store) == 0
        # The next job starts from a consistent state.
        next_job = client.post("/api/v1/jobs/refresh").json()["id"]
        assert wait_for_job(client, next_job, "done", "failed")["state"] == "done"
    assert client.post(f"/api/v1/jobs/{next_job}/cancel").json()["state"] == "done"


@pytest.mark.parametrize("task", ["refresh", "import"])
def test_job_of_killed_worker_is_repeated_exactly_once(
    client: TestClient, small_store: str, task: str
) -> None:
    request_job: Callable[[], Any] = {
        "refresh": lambda: client.post("/api/v1/jobs/refresh"),
        "import": lambda: client.post(
            "/api/v1/jobs/import?layer=cameras&name=a.csv", content=CAMERA_ROWS.encode()
        ),
    }[task]
    job = request_job().json()["id"]
    with connect(small_store) as holder:
        holder.execute("LOCK TABLE grids, cameras IN ACCESS EXCLUSIVE MODE")
        with running_worker(small_store) as worker:
            wait_for_job(client, job, "running")
            with connect(small_store, autocommit=True) as conn:
                wait_until(lambda: _count_sessions(conn, job, waiting_for="Lock"))
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        holder.rollback()
    assert client.get(f"/api/v1/jobs/{job}").json()["state"] == "running"
    with running_worker(small_store):
        finished = wait_for_job(client, job, "done", "failed")
    assert (finished["state"], finished["attempts"]) == ("done", 2)
    with connect(small_store) as conn:
        assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (
            3 if task == "import" else 1,
        )
        assert conn.execute("SELECT count(*) FROM imports").fetchone() == (
            1 if task == "import" else 0,
        )
    assert count_runs(small_store) == (1 if task == "refresh" else 0)


def test_jobs_require_right_and_own_origin(small_store: str) -> None:
    for role, area, status in (
        ("planner", "*", 403),
        ("auditor", "*", 403),
        ("clerk", "g1", 403),
        ("clerk", "*", 200),
        ("administrator", "*", 200),
    ):
        with TestClient(
            create_app(small_store, Settings()), cookies=sign_in(small_store, role, area)
        ) as client:
            assert client.get("/api/v1/jobs").status_code == status, (role, area)
    with TestClient(create_app(small_store, Settings()), cookies=sign_in(small_store)) as client:
        foreign = client.post("/api/v1/jobs/refresh", headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        assert client.get("/jobs?lang=en").status_code == 200


def test_queue_migrations_are_applied_once(small_store: str) -> None:
    with connect(small_store) as conn:
        assert queue_migrations(conn) == []
        count = conn.execute("SELECT count(*) FROM queue_migrations").fetchone()
    assert count is not None
    assert count[0] > 30
    assert migrate(small_store) == []
