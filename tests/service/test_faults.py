"""Tests of faults under load: killed database, slow connections, full disk, changed clock.

Nothing may be lost or stored twice, and the service recovers without intervention.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from geo.ingest import ImportOutcome, import_file
from geo.pipeline import refresh
from geo.store import private_cluster
from geo.store.connection import Conn, connect
from geo.store.migration import migrate
from geo.store.queries.api_tokens import make_token
from geo.store.queries.audit import check_audit, set_actor
from tests.support.event_stream import EventStream
from tests.support.jobs import hold_refreshes, running_worker
from tests.support.processes import descendants, is_running
from tests.support.rows import insert_grids
from tests.support.service import serving
from tests.support.waiting import wait_until

# fmt: off
PATHS = (
    "/api/v1/grids", "/api/v1/areas/results?level=grid", "/tiles/grids/14/{x}/{y}.pbf",
    "/tiles/cameras/16/{x4}/{y4}.pbf",
    "/ogc/collections/cameras/items?limit=5", "/ogc/collections/grids/items?filter=population > 0",
    "/api/v1/exports/grids.csv", "/api/v1/runs",
)
# fmt: on


def fill_store(conninfo: str) -> None:
    with connect(conninfo) as conn:
        insert_grids(conn, "g0", "g1", "g2", "g3", "g4", population=100)
        conn.execute(
            "INSERT INTO cameras (code, kind, geometry) SELECT 'c' || n, 'dome', "
            "ST_SetSRID(ST_Point(118.001 + n * 0.001, 31.005), 4326) FROM generate_series(0, 40) n"
        )
        conn.commit()
        refresh(conn)


def make_load_tokens(conn: Conn) -> tuple[str, str]:
    """Return the tokens with which a load reads and requests jobs, and sends incidents."""
    scopes = ["data:read", "jobs:write"]
    reader = make_token(conn, "reader", scopes, days=1, role="administrator", areas=["*"])
    return reader, make_token(conn, "feeder", ["incidents:write"], days=1)


class Load:
    """Readers and feeders that continue through faults, and the responses they received."""

    def __init__(self, address: str, reader: str, feeder: str) -> None:
        self.address = address
        self.reads: Counter[tuple[str, int]] = Counter()
        self.sent: set[str] = set()
        self.acknowledged: set[str] = set()
        self.failures: list[str] = []
        self._ended = threading.Event()
        x, y = 13562, 6701
        paths = [p.format(x=x, y=y, x4=x * 4, y4=y * 4) for p in PATHS]
        self._threads = [
            threading.Thread(target=self._read, args=(paths[k:] + paths[:k], reader), daemon=True)
            for k in range(4)
        ] + [threading.Thread(target=self._feed, args=(k, feeder), daemon=True) for k in range(2)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def completed_reads(self) -> int:
        """Return the number of complete reads so far."""
        return sum(n for (_, status), n in list(self.reads.items()) if status == 200)

    def failed_reads(self) -> int:
        """Return the number of failed reads so far."""
        return sum(n for (_, status), n in list(self.reads.items()) if status in (0, 503))

    def _read(self, paths: list[str], token: str) -> None:
        with httpx2.Client(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
            while not self._ended.is_set():
                for path in paths:
                    try:
                        response = client.get(self.address + path)
                    except (httpx2.RemoteProtocolError, httpx2.ReadError):
                        # An interrupted download: the client notices that it is incomplete.
                        self.reads[path, 0] += 1
                        if "/exports/" not in path:
                            self.failures.append(f"{path}: broken off")
                        continue
                    self.reads[path, response.status_code] += 1
                    if response.status_code not in (200, 503):
                        self.failures.append(
                            f"{path}: {response.status_code} {response.text[:200]}"
                        )

    def _feed(self, feeder_number: int, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(headers=headers, timeout=30) as client:
            number = 0
            while not self._ended.is_set():
                keys = [f"{feeder_number}-{number}-{k}" for k in range(3)]
                # Spread over the grids and over a year.
                rows = [
                    {
                        "source": "t",
                        "source_id": key,
                        "category": "theft",
                        "occurred_at": f"2026-{1 + k % 11:02}-{1 + number % 28:02} 08:00",
                        "lon": 118.0 + 0.0001 * ((number * 7 + k * 171) % 499),
                        "lat": 31.0 + 0.0001 * (number % 97),
                    }
                    for k, key in enumerate(keys)
                ]
                time.sleep(0.02)
                self.sent |= set(keys)
                while True:
                    try:
                        response = client.post(
                            f"{self.address}/api/v1/ingest/incidents",
                            json=rows,
                            headers={"Idempotency-Key": f"batch-{feeder_number}-{number}"},
                        )
                    except httpx2.HTTPError:
                        continue
                    if response.status_code == 200:
                        break
                    if response.status_code != 503:
                        self.failures.append(f"feed: {response.status_code} {response.text[:200]}")
                    time.sleep(0.1)
                self.acknowledged |= set(keys)
                number += 1


@pytest.mark.faults
def test_service_loses_nothing_when_postgres_is_killed(open_folder: Path) -> None:
    with private_cluster.running(open_folder / "killed") as cluster:
        migrate(cluster.conninfo)
        fill_store(cluster.conninfo)
        with connect(cluster.conninfo) as conn:
            reader, feeder = make_load_tokens(conn)
        with serving(cluster.conninfo) as address:
            load = Load(address, reader, feeder)
            stream = EventStream()
            follower = threading.Thread(
                target=_follow_events, args=(stream, address, reader), daemon=True
            )
            follower.start()
            assert stream.open.wait(10)
            load.start()
            headers = {"Authorization": f"Bearer {reader}"}
            jobs = []
            for _ in range(2):
                # A worker ends with the database, and `serve` starts another.
                with running_worker(cluster.conninfo):
                    _wait_for_reads(load, 10)
                    response = httpx2.post(
                        f"{address}/api/v1/jobs/refresh?everything=true",
                        headers=headers,
                        timeout=30,
                    )
                    jobs.append(response.json()["id"])
                    _wait_for_job_session(cluster.conninfo)
                    pid = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
                    failed_before = load.failed_reads()
                    os.kill(pid, signal.SIGKILL)
                    wait_until(lambda: load.failed_reads() > failed_before)  # noqa: B023
                    private_cluster.start(cluster)
            wait_until(lambda: load.completed_reads() > 50, within_s=120)
            load.stop()
            assert load.failures == []
            # Everything is available again without intervention.
            with httpx2.Client(headers=headers, timeout=30) as client:
                for path in {path for path, _ in load.reads}:
                    wait_until(lambda: client.get(address + path).status_code == 200, what=path)  # noqa: B023
                assert client.get(f"{address}/readyz").json()["ready"]
                with running_worker(cluster.conninfo):
                    _wait_until_jobs_done(client, address, jobs)
            assert load.completed_reads() > 50
            assert any(status in (0, 503) for _, status in load.reads)
            stored = _check_nothing_lost(cluster.conninfo, load)
            # A map that reconnects with its last event id misses no event.
            wait_until(lambda: stream.events.qsize() >= stored)
            stream.ended.set()


def _follow_events(stream: EventStream, address: str, token: str) -> None:
    """Reconnect with the last event id, as browsers do."""
    while not stream.ended.is_set():
        stream.read(address, {}, stream.last, token)
        time.sleep(0.3)


@pytest.mark.faults
def test_service_answers_beside_a_thousand_slow_connections(demo_store: str) -> None:
    with serving(demo_store) as address:
        port = int(address.rsplit(":", 1)[1])
        slow: list[socket.socket] = []
        for k in range(1000):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            # Incomplete headers, or a body that never arrives.
            connection.sendall(
                b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
                if k % 2
                else b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nname="
            )
            slow.append(connection)
        for _ in range(40):
            assert httpx2.get(f"{address}/readyz", timeout=120).status_code == 200
        for connection in slow:
            connection.close()


@pytest.mark.faults
def test_grids_are_served_during_slow_downloads(demo_store: str) -> None:
    with connect(demo_store) as conn:
        conn.execute("DELETE FROM api_tokens WHERE name = 'slow'")
        token = make_token(conn, "slow", ["data:read"], days=1, role="planner", areas=["*"])
    with serving(demo_store) as address:
        port = int(address.rsplit(":", 1)[1])
        slow = []
        for _ in range(12):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            connection.sendall(
                (
                    "GET /api/v1/exports/incidents.csv HTTP/1.1\r\nHost: x\r\n"
                    f"Authorization: Bearer {token}\r\n\r\n"
                ).encode()
            )
            slow.append(connection)
        # Downloads have started, and nobody reads them; the others wait for these.
        wait_until(lambda: len(select.select(slow, [], [], 0)[0]) >= 4)
        headers = {"Authorization": f"Bearer {token}"}
        for _ in range(10):
            response = httpx2.get(f"{address}/api/v1/grids", headers=headers, timeout=120)
            assert response.status_code == 200
        for connection in slow:
            connection.close()


@pytest.mark.faults
def test_service_recovers_after_disk_full(open_folder: Path) -> None:
    """Fill the data folder under load, wait a few seconds, and free the space."""
    folder = open_folder / "small"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256m", "none", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode:
        pytest.skip(f"cannot mount a small disk: {mount.stderr.strip()}")
    ballast = folder / "ballast"
    try:
        with private_cluster.running(folder / "data", supervised=True) as cluster:
            migrate(cluster.conninfo)
            fill_store(cluster.conninfo)
            with connect(cluster.conninfo) as conn:
                reader, feeder = make_load_tokens(conn)
                conn.execute("CHECKPOINT")
            with serving(cluster.conninfo) as address, running_worker(cluster.conninfo):
                load = Load(address, reader, feeder)
                load.start()
                headers = {"Authorization": f"Bearer {reader}"}
                _wait_for_reads(load, 10)
                jobs, full_since = [], 0.0
                started = time.monotonic()
                while (
                    time.monotonic() < started + 60 and time.monotonic() < (full_since or 1e9) + 4
                ):
                    _fill_disk(ballast, folder)
                    response = httpx2.post(
                        f"{address}/api/v1/jobs/refresh?everything=true",
                        headers=headers,
                        timeout=30,
                    )
                    if response.status_code in (200, 202):
                        jobs.append(response.json()["id"])
                    elif not full_since:
                        assert response.status_code == 503
                        full_since = time.monotonic()
                    time.sleep(0.3)
                assert full_since, "the disk was never full"
                ballast.unlink()
                with httpx2.Client(headers=headers, timeout=30) as client:
                    wait_until(
                        lambda: (
                            client.get(f"{address}/healthz").status_code == 200
                            and client.get(f"{address}/readyz").json()["ready"]
                        )
                    )
                    _wait_for_reads(load, 10)
                    load.stop()
                    assert load.failures == []
                    for path in {path for path, _ in load.reads}:
                        assert client.get(address + path).status_code == 200, path
                    with running_worker(cluster.conninfo):
                        _wait_until_jobs_done(client, address, jobs)
                _check_nothing_lost(cluster.conninfo, load)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill_disk(path: Path, folder: Path) -> None:
    """Write to a file until the disk is full."""
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as handle:
        while handle.write(b"\0" * min(1 << 20, max(shutil.disk_usage(folder).free, 1))):
            pass


def _wait_until_jobs_done(client: httpx2.Client, address: str, jobs: list[int]) -> None:
    for job in jobs:

        def done(job: int = job) -> bool:
            row = client.get(f"{address}/api/v1/jobs/{job}").json()
            assert row["state"] in ("waiting", "running", "done"), row
            return bool(row["state"] == "done")

        wait_until(done, within_s=240, what=f"job {job}")


def _wait_for_reads(load: Load, number: int) -> None:
    """Wait for a number of further successful reads."""
    completed = load.completed_reads()
    wait_until(lambda: load.completed_reads() >= completed + number)


def _wait_for_job_session(conninfo: str) -> None:
    """Wait until the process of a job has a database session."""
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'gridcover-job-%'"
    with connect(conninfo, autocommit=True) as conn:
        wait_until(lambda: conn.execute(sessions).fetchone() != (0,))


def _check_nothing_lost(conninfo: str, load: Load) -> int:
    with connect(conninfo) as conn:
        stored = [row[0] for row in conn.execute("SELECT source_id FROM incidents").fetchall()]
        assert len(stored) == len(set(stored))
        assert set(stored) == load.acknowledged == load.sent
        events = conn.execute("SELECT count(*) FROM live_events WHERE kind = 'incident'").fetchone()
        assert events == (len(stored),)
        audit_check = check_audit(conn)
        assert (audit_check.broken, audit_check.broken_change) == (None, None)
    return len(stored)


@pytest.mark.faults
def test_service_tolerates_clock_changes(open_folder: Path) -> None:
    """Set the clock three days forward and five back for service, workers and database."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("faketime is not installed")
    folder = open_folder / "clock"
    folder.mkdir()
    folder.chmod(0o755)
    offset_file = folder / "ahead"
    offset_file.write_text("+0d\n")
    env = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(offset_file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "GRIDCOVER_DATA_DIR": str(folder / "data"),
        "GRIDCOVER_WORKER": "false",
        # Otherwise cached kernels look changed, and every process compiles its own.
        "NO_FAKE_STAT": "1",
    }
    env.pop("GRIDCOVER_DATABASE_URL", None)
    with private_cluster.running(folder / "data") as cluster:
        migrate(cluster.conninfo)
        fill_store(cluster.conninfo)
        with connect(cluster.conninfo) as conn:
            token = make_token(
                conn,
                "all",
                ["data:read", "jobs:write", "incidents:write", "status:write"],
                days=30,
                role="administrator",
                areas=["*"],
            )
    with running_service(env) as (address, _):
        code = (
            "import sys; from service.worker.worker_process import run_worker; "
            "run_worker(sys.argv[1], heartbeat_s=2.0)"
        )
        workers = [
            subprocess.Popen([sys.executable, "-c", code, cluster.conninfo], env=env)
            for _ in range(2)
        ]
        try:
            _change_clocks(address, token, offset_file, cluster.conninfo)
            assert [worker.poll() for worker in workers] == [None, None]
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
    with private_cluster.running(folder / "data") as cluster, connect(cluster.conninfo) as conn:
        audit_check = check_audit(conn)
        assert (audit_check.broken, audit_check.broken_change) == (None, None)
        row = conn.execute("SELECT count(*), count(DISTINCT source_id) FROM incidents").fetchone()
        assert row == (6, 6)


def _change_clocks(address: str, token: str, offset_file: Path, conninfo: str) -> None:
    with httpx2.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:

        def run_refresh(attempts: int = 1) -> None:
            job = client.post(f"{address}/api/v1/jobs/refresh?everything=true").json()["id"]
            _wait_until_jobs_done(client, address, [job])
            assert client.get(f"{address}/api/v1/jobs/{job}").json()["attempts"] == attempts

        def send_incidents(number: int) -> httpx2.Response:
            rows = [
                {
                    "source": "t",
                    "source_id": f"{number}-{k}",
                    "category": "theft",
                    "occurred_at": "2026-03-01 08:00",
                    "lon": 118.005,
                    "lat": 31.005,
                }
                for k in (1, 2)
            ]
            response = client.post(
                f"{address}/api/v1/ingest/incidents",
                json=rows,
                headers={"Idempotency-Key": f"b{number}"},
            )
            assert response.status_code == 200, response.text
            return response

        def set_status(status: str) -> None:
            client.post(
                f"{address}/api/v1/ingest/camera-statuses", json=[{"code": "c1", "status": status}]
            )
            assert client.get(f"{address}/api/v1/cameras/c1").json()["status"] == status

        send_incidents(1)
        set_status("faulty")
        run_refresh()
        for number, days, status in ((2, "+3d", "working"), (3, "-2d", "offline")):
            # A job that runs while the clock changes is neither lost nor restarted.
            with hold_refreshes(conninfo) as release:
                job = client.post(f"{address}/api/v1/jobs/refresh?everything=true").json()["id"]
                path = f"{address}/api/v1/jobs/{job}"
                wait_until(lambda: client.get(path).json()["state"] == "running")  # noqa: B023
                offset_file.write_text(f"{days}\n")
                _wait_for_clock(conninfo, int(days[:-1]))
                _wait_for_heartbeats(conninfo, 6)
                assert client.get(f"{address}/api/v1/jobs/{job}").json()["state"] == "running"
                release()
            _wait_until_jobs_done(client, address, [job])
            assert client.get(f"{address}/api/v1/jobs/{job}").json()["attempts"] == 1
            assert "Idempotency-Replayed" in send_incidents(1).headers
            send_incidents(number)
            set_status(status)
            run_refresh()
            assert client.get(f"{address}/readyz").json()["ready"]
            assert client.get(f"{address}/tiles/grids/14/13562/6701.pbf").status_code == 200


def _wait_for_heartbeats(conninfo: str, number: int) -> None:
    """Wait until each of the two workers has sent more than a number of heartbeats."""
    beats: dict[int, set[dt.datetime]] = {}
    with connect(conninfo, autocommit=True) as conn:

        def enough_heartbeats() -> bool:
            for worker, beat in conn.execute(
                "SELECT id, last_heartbeat FROM procrastinate_workers"
            ):
                beats.setdefault(worker, set()).add(beat)
            return sum(len(times) > number for times in beats.values()) >= 2

        wait_until(enough_heartbeats, within_s=120)


def _wait_for_clock(conninfo: str, days: int) -> None:
    """Wait until the clock of the database is a number of days off."""

    def is_set() -> bool:
        with connect(conninfo) as conn:
            row = conn.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        offset = row[0] - dt.datetime.now(dt.UTC)
        return bool(abs(offset - dt.timedelta(days=days)) < dt.timedelta(minutes=1))

    wait_until(is_set, what=f"the database's clock {days} days off")


@contextlib.contextmanager
def running_service(env: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Run `gridcover serve` as a process; yield its address and process id."""
    program = [sys.executable, "-m", "service.commands", "serve", "--port", "0"]
    with subprocess.Popen(program, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = next(line for line in process.stderr if "serves on" in line)
            threading.Thread(target=process.stderr.read, daemon=True).start()
            match = re.search(r"http://[\d.]+:\d+", line)
            assert match is not None
            yield match.group(), process.pid
        finally:
            process.terminate()
            process.wait(60)


def _cpu_s(pid: int) -> float:
    """Return the processor seconds that a process and those that it started have used."""
    ticks = 0
    for number in {pid} | descendants(pid):
        fields = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def test_service_finishes_requests_on_sigterm(demo_store: str) -> None:
    with connect(demo_store) as conn:
        conn.execute("DELETE FROM api_tokens WHERE name = 'ending'")
        token = make_token(conn, "ending", ["data:read"], days=1, role="planner", areas=["*"])
    env = {**os.environ, "GRIDCOVER_DATABASE_URL": demo_store, "GRIDCOVER_WORKER": "false"}
    headers = {"Authorization": f"Bearer {token}"}
    with (
        running_service(env) as (address, pid),
        httpx2.Client(headers=headers, timeout=60) as client,
    ):
        responses: list[httpx2.Response] = []
        body = {"count": 20, "time_limit_s": 2.0}
        # The first calculation of a process loads its kernels, which may take longer than the
        # time allowed for shutting down.
        assert client.post(f"{address}/api/v1/planning/sites", json={"count": 1}).status_code == 200
        thread = threading.Thread(
            target=lambda: responses.append(
                client.post(f"{address}/api/v1/planning/sites", json=body)
            )
        )
        with httpx2.stream("GET", f"{address}/api/v1/events", headers=headers) as live:
            before = _cpu_s(pid)
            thread.start()
            # It calculates: that is more work than reading the request.
            wait_until(lambda: responses or _cpu_s(pid) > before + 0.15)
            assert not responses
            os.kill(pid, signal.SIGTERM)
            with contextlib.suppress(httpx2.HTTPError):
                for _ in live.iter_lines():
                    pass  # an open event stream does not delay the shutdown
            thread.join()
        assert responses[0].status_code == 200
        assert len(responses[0].json()["sites"]) == 20
        wait_until(lambda: not is_running(pid), within_s=120)
        with pytest.raises(httpx2.ConnectError):
            client.get(f"{address}/healthz")


def test_import_file_twice_at_once_stores_rows_once(store: str, tmp_path: Path) -> None:
    fill_store(store)
    rows = [
        f"t,{k},theft,2026-03-{1 + k % 28:02} 08:00,{118 + k * 1e-5:.5f},31.005"
        for k in range(3000)
    ]
    outcomes: list[ImportOutcome] = []

    def run_import(name: str, lines: list[str]) -> None:
        path = tmp_path / f"{name}.csv"
        path.write_text("source,source_id,category,occurred_at,lon,lat\n" + "\n".join(lines) + "\n")
        with connect(store) as conn:
            set_actor(conn, name, session=True)
            conn.commit()
            outcomes.append(import_file(conn, "incidents", path))

    # In opposite orders, which could make the two writers deadlock.
    threads = [
        threading.Thread(target=run_import, args=arguments)
        for arguments in (("one", rows), ("two", rows[::-1]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((o.inserted, o.updated, o.unchanged) for o in outcomes) == [
        (0, 0, 3000),
        (3000, 0, 0),
    ]
    with connect(store) as conn:
        row = conn.execute("SELECT count(*), count(DISTINCT source_id) FROM incidents").fetchone()
        assert row == (3000, 3000)
        change_sets = conn.execute(
            "SELECT actor, inserted FROM change_sets WHERE layer = 'incidents'"
        )
        assert [(actor in ("one", "two"), number) for actor, number in change_sets.fetchall()] == [
            (True, 3000)
        ]
        assert check_audit(conn).broken_change is None
