"""Jobs in PostgreSQL: asked for, run one at a time, cancelled, and taken again when a worker dies."""

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
def small(store: str) -> str:
    """Two grids, a camera, and nothing computed yet."""
    with connect(store) as conn:
        insert_grids(conn, "g1", "g2", population=100)
        insert_cameras(conn, "c0", kind="ptz")
    return store


@pytest.fixture
def client(small: str) -> Iterator[TestClient]:
    with TestClient(create_app(small, Settings()), cookies=sign_in(small)) as found:
        yield found


def _workers(conn: Conn) -> int:
    conn.rollback()
    row = conn.execute("SELECT count(*) FROM procrastinate_workers").fetchone()
    assert row is not None
    return int(row[0])


def _sessions(conn: Conn, job: int, waiting_for: str | None = None) -> int:
    """Sessions of the process of a job, or those of them that wait for something."""
    row = conn.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s "
        "AND (%s::text IS NULL OR wait_event_type = %s)",
        (f"gridcover-job-{job}", waiting_for, waiting_for),
    ).fetchone()
    assert row is not None
    return int(row[0])


def runs(conninfo: str) -> int:
    with connect(conninfo) as conn:
        row = conn.execute("SELECT count(*) FROM runs").fetchone()
    assert row is not None
    return int(row[0])


def test_a_refresh_is_asked_for_followed_and_done(client: TestClient, small: str) -> None:
    asked = client.post("/api/v1/jobs/refresh")
    assert asked.status_code == 202
    job = asked.json()["id"]
    # Whoever asks while one waits gets that one.
    again = client.post("/api/v1/jobs/refresh")
    assert (again.status_code, again.json()["id"]) == (200, job)
    with running_worker(small):
        done = wait_for_job(client, job, "done", "failed")
    assert done["state"] == "done", done
    assert done["outcome"]["run"] == 1
    assert done["steps"] > 5
    assert done["attempts"] == 1
    assert runs(small) == 1
    assert client.get("/api/v1/runs").json()[0]["id"] == 1
    with connect(small) as conn:
        told = conn.execute(
            "SELECT action, object FROM audit WHERE action = 'refresh requested'"
        ).fetchall()
    assert told == [("refresh requested", f"job {job}")]


def test_an_import_from_the_browser(client: TestClient, small: str) -> None:
    def send(text: str, **query: Any) -> dict[str, Any]:
        answer = client.post("/api/v1/jobs/import", params=query, content=text.encode())
        assert answer.status_code == 202, answer.text
        return wait_for_job(client, answer.json()["id"], "done", "failed")

    with running_worker(small):
        tried = send(CAMERA_ROWS, layer="cameras", name="a.csv", dry_run=True)
        assert tried["outcome"]["dry_run"]
        with connect(small) as conn:
            assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (1,)
        # The name of a file leads nowhere but to its ending.
        done = send(CAMERA_ROWS, layer="cameras", name="../../../etc/cron.d/表格.csv")
        assert (done["state"], done["outcome"]["inserted"]) == ("done", 2)
        same = send(CAMERA_ROWS, layer="cameras", name="a.csv")
        assert (same["outcome"]["inserted"], same["outcome"]["unchanged"]) == (0, 2)
        bad = send(CAMERA_ROWS + "c3,坏,abc,31\n", layer="cameras", name="a.csv")
        assert bad["state"] == "failed"
        assert bad["outcome"]["rejected"] == 1
        report = client.get(f"/api/v1/jobs/{bad['id']}/report")
        assert "abc" in report.text
        unknown = send("?", layer="cameras", name="a.exe")
        assert "unknown format" in unknown["outcome"]["reason"]
    with connect(small) as conn:
        assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (3,)
        # What was not stored is kept for another try: the dry run, the rejected rows, the unknown
        # format.
        kept = {row[0] for row in conn.execute("SELECT id FROM uploads").fetchall()}
        assert kept == {job["arguments"]["upload"] for job in (tried, bad, unknown)}
        (told,) = conn.execute(
            "SELECT detail FROM audit WHERE action = 'imported' AND detail->>'inserted' = '2'"
        ).fetchall()
    assert told[0]["file"] == "../../../etc/cron.d/表格.csv"
    assert (
        client.post("/api/v1/jobs/import?layer=users&name=a.csv", content=b"x").status_code == 422
    )
    assert client.post("/api/v1/jobs/import?layer=cameras&name=a.csv").status_code == 422
    assert client.get("/api/v1/jobs/9999").status_code == 404


def test_one_at_a_time_with_two_workers(client: TestClient, small: str) -> None:
    first = client.post("/api/v1/jobs/refresh").json()["id"]
    with hold_refreshes(small) as let_go, running_worker(small), running_worker(small):
        wait_for_job(client, first, "running")
        second = client.post("/api/v1/jobs/refresh?everything=true")
        assert second.status_code == 202
        third = client.post(
            "/api/v1/jobs/import?layer=cameras&name=a.csv", content=CAMERA_ROWS.encode()
        ).json()["id"]
        with connect(small) as conn:
            wait_until(lambda: _workers(conn) == 2)
            # No worker is given another job while one is at work.
            free = conn.execute(
                "SELECT (procrastinate_fetch_job_v2(NULL, max(id))).id FROM procrastinate_workers"
            ).fetchone()
            conn.rollback()
        assert free == (None,)
        states = {j["id"]: j["state"] for j in client.get("/api/v1/jobs").json()}
        assert states == {first: "running", second.json()["id"]: "waiting", third: "waiting"}
        let_go()
        for job in (first, second.json()["id"], third):
            assert wait_for_job(client, job, "done", "failed")["state"] == "done"
    with connect(small) as conn:
        spans = conn.execute(
            "SELECT started_at, finished_at FROM jobs ORDER BY started_at"
        ).fetchall()
    for (_, ended), (begun, _) in pairwise(spans):
        assert ended <= begun


def test_cancelling(client: TestClient, small: str) -> None:
    waits = client.post("/api/v1/jobs/refresh").json()["id"]
    assert client.post(f"/api/v1/jobs/{waits}/cancel").json()["state"] == "cancelled"
    runs_on = client.post("/api/v1/jobs/refresh").json()["id"]
    assert runs_on != waits
    with hold_refreshes(small) as let_go, running_worker(small):
        wait_for_job(client, runs_on, "running")
        assert client.post(f"/api/v1/jobs/{runs_on}/cancel").json()["state"] == "cancelling"
        with connect(small, autocommit=True) as conn:
            wait_until(lambda: not _sessions(conn, runs_on))
        let_go()
        assert wait_for_job(client, runs_on, "cancelled", "done", "failed")["state"] == "cancelled"
        assert runs(small) == 0
        # The next one finds nothing half done.
        after = client.post("/api/v1/jobs/refresh").json()["id"]
        assert wait_for_job(client, after, "done", "failed")["state"] == "done"
    assert client.post(f"/api/v1/jobs/{after}/cancel").json()["state"] == "done"


@pytest.mark.parametrize("task", ["refresh", "import"])
def test_a_killed_worker_leaves_nothing_lost_and_nothing_doubled(
    client: TestClient, small: str, task: str
) -> None:
    ask: Callable[[], Any] = {
        "refresh": lambda: client.post("/api/v1/jobs/refresh"),
        "import": lambda: client.post(
            "/api/v1/jobs/import?layer=cameras&name=a.csv", content=CAMERA_ROWS.encode()
        ),
    }[task]
    job = ask().json()["id"]
    with connect(small) as holder:
        holder.execute("LOCK TABLE grids, cameras IN ACCESS EXCLUSIVE MODE")
        with running_worker(small) as victim:
            wait_for_job(client, job, "running")
            with connect(small, autocommit=True) as conn:
                wait_until(lambda: _sessions(conn, job, waiting_for="Lock"))
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        holder.rollback()
    assert client.get(f"/api/v1/jobs/{job}").json()["state"] == "running"
    with running_worker(small):
        done = wait_for_job(client, job, "done", "failed")
    assert (done["state"], done["attempts"]) == ("done", 2)
    with connect(small) as conn:
        assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (
            3 if task == "import" else 1,
        )
        assert conn.execute("SELECT count(*) FROM imports").fetchone() == (
            1 if task == "import" else 0,
        )
    assert runs(small) == (1 if task == "refresh" else 0)


def test_whose_jobs_they_are(small: str) -> None:
    for role, area, status in (
        ("planner", "*", 403),
        ("auditor", "*", 403),
        ("clerk", "g1", 403),
        ("clerk", "*", 200),
        ("administrator", "*", 200),
    ):
        with TestClient(
            create_app(small, Settings()), cookies=sign_in(small, role, area)
        ) as client:
            assert client.get("/api/v1/jobs").status_code == status, (role, area)
    with TestClient(create_app(small, Settings()), cookies=sign_in(small)) as client:
        foreign = client.post("/api/v1/jobs/refresh", headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        assert client.get("/jobs?lang=en").status_code == 200


def test_the_queue_is_migrated_once(small: str) -> None:
    with connect(small) as conn:
        assert queue_migrations(conn) == []
        count = conn.execute("SELECT count(*) FROM queue_migrations").fetchone()
    assert count is not None
    assert count[0] > 30
    assert migrate(small) == []
