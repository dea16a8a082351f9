"""Half an hour of mixed load on the demo: responses, latency and memory.

Run as ``python -m benchmarks.endurance [MINUTES] [REQUESTS_A_SECOND]``.
"""

from __future__ import annotations

import collections
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from geo.store.connection import connect
from geo.store.queries.api_tokens import make_token

CLIENTS, FOLLOWERS = 24, 20
SendRequest = Callable[[httpx2.Client, random.Random], httpx2.Response]
RequestKind = tuple[int, str, SendRequest]


def request_kinds(
    address: str, feeder: str, extent: tuple[float, float, float, float]
) -> list[RequestKind]:
    """Return weight, name and request of each kind."""
    west, south, east, north = extent

    def random_position(rng: random.Random) -> tuple[float, float]:
        return rng.uniform(west, east), rng.uniform(south, north)

    def tile(client: httpx2.Client, rng: random.Random) -> httpx2.Response:
        lon, lat = random_position(rng)
        z = rng.choice((13, 14, 15, 16))
        x = int((lon + 180) / 360 * 2**z)
        y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z)
        layer = rng.choice(("base", "grids", "cameras", "views", "blind-spots", "areas"))
        return client.get(f"{address}/tiles/{layer}/{z}/{x}/{y}.pbf")

    def get(*paths: str) -> SendRequest:
        return lambda client, rng: client.get(address + rng.choice(paths))

    def cameras_seeing(client: httpx2.Client, rng: random.Random) -> httpx2.Response:
        lon, lat = random_position(rng)
        return client.get(f"{address}/api/v1/visibility/cameras?lon={lon}&lat={lat}")

    def what_if(client: httpx2.Client, rng: random.Random) -> httpx2.Response:
        lon, lat = random_position(rng)
        cameras = [{"lon": lon, "lat": lat, "range_m": 60}]
        return client.post(f"{address}/api/v1/planning/what-if", json={"cameras": cameras})

    def feed(client: httpx2.Client, rng: random.Random) -> httpx2.Response:
        rows = []
        for _ in range(5):
            lon, lat = random_position(rng)
            rows.append(
                {
                    "source": "load",
                    "source_id": f"{rng.getrandbits(60)}",
                    "category": "theft",
                    "occurred_at": f"2026-{rng.randint(1, 10):02}-{rng.randint(1, 28):02} 10:00",
                    "lon": lon,
                    "lat": lat,
                }
            )
        return client.post(
            f"{address}/api/v1/ingest/incidents",
            json=rows,
            headers={"Authorization": f"Bearer {feeder}"},
        )

    def status(client: httpx2.Client, rng: random.Random) -> httpx2.Response:
        rows = [{"code": rng.choice(camera_codes), "status": rng.choice(("working", "faulty"))}]
        return client.post(
            f"{address}/api/v1/ingest/camera-statuses",
            json=rows,
            headers={"Authorization": f"Bearer {feeder}"},
        )

    # fmt: off
    return [
        (55, "tiles", tile),
        (18, "api", get("/api/v1/grids", "/api/v1/blind-spots",
                        "/api/v1/areas/results?level=community",
                        "/api/v1/incidents/density?from=2026-01&until=2026-06",
                        "/api/v1/dashboard", "/api/v1/runs")),
        (8, "ogc", get("/ogc/collections/cameras/items?limit=50", "/ogc/collections",
                        "/ogc/collections/grids/items?limit=20&filter=population > 100")),
        (4, "seeing", cameras_seeing),
        (3, "what-if", what_if),
        (3, "feed", feed),
        (3, "status", status),
        (1, "export", get("/api/v1/exports/grids.csv", "/api/v1/exports/cameras.geojson",
                          "/api/v1/exports/areas.gpkg")),
        (5, "health", get("/readyz", "/healthz")),
    ]
    # fmt: on


camera_codes: list[str] = []


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def children(pid: int) -> list[int]:
    """Return the children of a process except those of the database."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for task in Path(f"/proc/{pid}/task").iterdir():
        pids += (task / "children").read_text().split()
    return sorted({int(p) for p in pids if "postgres" not in Path(f"/proc/{p}/comm").read_text()})


def main(minutes: float, rate: float) -> None:
    """Start the demo, put the load on it, print a line per minute and a summary."""
    with tempfile.TemporaryDirectory(prefix="gridcover-endurance-") as folder:
        Path(folder).chmod(0o755)
        env = {
            **os.environ,
            "GRIDCOVER_DATA_DIR": folder,
            "GRIDCOVER_REQUESTS_A_SECOND": str(10 * rate),
            "GRIDCOVER_PORT": "8931",
        }
        program = [sys.executable, "-m", "service.commands", "demo"]
        with subprocess.Popen(program, env=env, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stderr is not None
                line = next(line for line in process.stderr if "serves on" in line)
                threading.Thread(target=process.stderr.read, daemon=True).start()
                run(minutes, rate, line.split()[3].rstrip("/"), process.pid, Path(folder) / "demo")
            finally:
                process.terminate()
                process.wait(60)


class Load:
    """Clients that send requests at a constant rate and followers of live events."""

    def __init__(self, address: str, token: str, kinds: list[RequestKind], rate: float) -> None:
        self.address = address
        self.headers = {"Authorization": f"Bearer {token}"}
        self.kinds = kinds
        self.rate = rate
        self.durations: dict[str, list[float]] = collections.defaultdict(list)
        self.statuses: collections.Counter[tuple[str, int]] = collections.Counter()
        self.event_lines = collections.Counter[str]()
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.started = time.monotonic()
        self.clients = [
            threading.Thread(target=self._send_requests, args=(k,)) for k in range(CLIENTS)
        ]
        self.followers = [
            threading.Thread(target=self._follow_events, daemon=True) for _ in range(FOLLOWERS)
        ]

    def start(self) -> None:
        """Start all clients and followers."""
        for thread in self.clients + self.followers:
            thread.start()

    def stop(self) -> None:
        """Stop the load and wait for the clients."""
        self.stopped.set()
        for thread in self.clients:
            thread.join()

    def _send_requests(self, number: int) -> None:
        rng = random.Random(number)
        weights = [weight for weight, _, _ in self.kinds]
        with httpx2.Client(headers=self.headers, timeout=60) as client:
            due = self.started + number / self.rate
            while not self.stopped.is_set():
                time.sleep(max(0.0, due - time.monotonic()))
                # Durations count from when a request was due, not from when a client was free.
                _, name, request = rng.choices(self.kinds, weights)[0]
                try:
                    status = request(client, rng).status_code
                except httpx2.HTTPError:
                    status = 0
                with self.lock:
                    self.durations[name].append(time.monotonic() - due)
                    self.statuses[name, status] += 1
                due += CLIENTS / self.rate

    def _follow_events(self) -> None:
        with httpx2.Client(headers=self.headers, timeout=None) as client:
            while not self.stopped.is_set():
                try:
                    with client.stream("GET", f"{self.address}/api/v1/events") as response:
                        for line in response.iter_lines():
                            self.event_lines[line.split(":")[0]] += 1
                            if self.stopped.is_set():
                                return
                except httpx2.HTTPError:
                    time.sleep(1)


def make_load(address: str, rate: float, folder: Path) -> Load:
    """Make the tokens of a load and read what its requests need from the store."""
    with connect(f"host='{folder / 'run'}' user=gridcover dbname=gridcover") as conn:
        reader = make_token(
            conn, "reader", ["data:read"], days=1, role="administrator", areas=["*"]
        )
        feeder = make_token(conn, "feeder", ["incidents:write", "status:write"], days=1)
        camera_codes.extend(row[0] for row in conn.execute("SELECT code FROM cameras").fetchall())
        row = conn.execute(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT "
            "ST_Extent(geometry) AS e FROM grids) t"
        ).fetchone()
    assert row is not None
    kinds = request_kinds(address, feeder, (row[0], row[1], row[2], row[3]))
    return Load(address, reader, kinds, rate)


def print_minute(load: Load, minute: int, pid: int) -> None:
    """Print the number of requests and the memory of the service and its worker."""
    with load.lock:
        total = sum(len(values) for values in load.durations.values())
        counts = {name: len(values) for name, values in load.durations.items()}
    workers = sum(memory_mb(child) for child in children(pid))
    sys.stdout.write(
        f"{minute:>3} min  {total:>7,} requests  service {memory_mb(pid):6.1f} MB  "
        f"worker {workers:6.1f} MB  {json.dumps(counts)}\n"
    )
    sys.stdout.flush()


def print_summary(load: Load, jobs: list[dict[str, Any]]) -> None:
    """Print latencies and statuses by kind of request, states of jobs, lines of events."""
    for name, values in sorted(load.durations.items()):
        p50, p95, p99 = np.percentile(values, [50, 95, 99]) * 1000
        statuses = {
            status: n for (kind, status), n in sorted(load.statuses.items()) if kind == name
        }
        sys.stdout.write(
            f"{name:<8} {len(values):>7,}  p50 {p50:7.1f}  p95 {p95:7.1f}  p99 {p99:7.1f} ms  "
            f"{statuses}\n"
        )
    states = collections.Counter(job["state"] for job in jobs)
    sys.stdout.write(f"jobs {states}, live {dict(load.event_lines)}\n")


def run(minutes: float, rate: float, address: str, pid: int, folder: Path) -> None:
    """Put the load on a service, with a refresh every five minutes."""
    load = make_load(address, rate, folder)
    load.start()
    minute = 0
    with httpx2.Client(headers=load.headers, timeout=60) as client:
        while minute < minutes:
            minute += 1
            if minute % 5 == 3:
                client.post(f"{address}/api/v1/jobs/refresh")
            time.sleep(max(0.0, load.started + 60 * minute - time.monotonic()))
            print_minute(load, minute, pid)
        jobs = client.get(f"{address}/api/v1/jobs").json()
    load.stop()
    print_summary(load, jobs)


if __name__ == "__main__":
    main(float((*sys.argv[1:], "30")[0]), float((*sys.argv[2:], "100")[0]))
