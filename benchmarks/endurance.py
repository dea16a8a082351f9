"""Half an hour of mixed load on the demo: what it is answered, how fast, and whether memory stays as it is.

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

import httpx2
import numpy as np

from geo.store.connection import connect
from geo.store.queries.api_tokens import make_token

CLIENTS, FOLLOWERS = 24, 20
Ask = Callable[[httpx2.Client, random.Random], httpx2.Response]


def asks(
    address: str, feeder: str, box: tuple[float, float, float, float]
) -> list[tuple[int, str, Ask]]:
    """Weight, name and request of each kind."""
    west, south, east, north = box

    def place(rng: random.Random) -> tuple[float, float]:
        return rng.uniform(west, east), rng.uniform(south, north)

    def tile(client: httpx2.Client, rng: random.Random) -> httpx2.Response:
        lon, lat = place(rng)
        z = rng.choice((13, 14, 15, 16))
        x = int((lon + 180) / 360 * 2**z)
        y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z)
        layer = rng.choice(("base", "grids", "cameras", "views", "blind-spots", "areas"))
        return client.get(f"{address}/tiles/{layer}/{z}/{x}/{y}.pbf")

    def get(*paths: str) -> Ask:
        return lambda client, rng: client.get(address + rng.choice(paths))

    def seeing(client: httpx2.Client, rng: random.Random) -> httpx2.Response:
        lon, lat = place(rng)
        return client.get(f"{address}/api/v1/visibility/cameras?lon={lon}&lat={lat}")

    def what_if(client: httpx2.Client, rng: random.Random) -> httpx2.Response:
        lon, lat = place(rng)
        cameras = [{"lon": lon, "lat": lat, "range_m": 60}]
        return client.post(f"{address}/api/v1/planning/what-if", json={"cameras": cameras})

    def feed(client: httpx2.Client, rng: random.Random) -> httpx2.Response:
        rows = []
        for _ in range(5):
            lon, lat = place(rng)
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
        codes = asked_codes[:]
        rows = [{"code": rng.choice(codes), "status": rng.choice(("working", "faulty"))}]
        return client.post(
            f"{address}/api/v1/ingest/camera-statuses",
            json=rows,
            headers={"Authorization": f"Bearer {feeder}"},
        )

    # fmt: off
    return [
        (55, "tiles", tile),
        (18, "api", get("/api/v1/grids", "/api/v1/blind-spots", "/api/v1/areas/results?level=community",
                        "/api/v1/incidents/density?from=2026-01&until=2026-06", "/api/v1/dashboard", "/api/v1/runs")),
        (8, "ogc", get("/ogc/collections/cameras/items?limit=50", "/ogc/collections",
                        "/ogc/collections/grids/items?limit=20&filter=population > 100")),
        (4, "seeing", seeing),
        (3, "what-if", what_if),
        (3, "feed", feed),
        (3, "status", status),
        (1, "export", get("/api/v1/exports/grids.csv", "/api/v1/exports/cameras.geojson", "/api/v1/exports/areas.gpkg")),
        (5, "health", get("/readyz", "/healthz")),
    ]
    # fmt: on


asked_codes: list[str] = []


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def children(pid: int) -> list[int]:
    """Processes that a process started and that are not of the database."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for task in Path(f"/proc/{pid}/task").iterdir():
        told += (task / "children").read_text().split()
    return sorted({int(p) for p in told if "postgres" not in Path(f"/proc/{p}/comm").read_text()})


def main(minutes: float, rate: float) -> None:
    """Print a line a minute and the sums."""
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


def run(minutes: float, rate: float, address: str, pid: int, folder: Path) -> None:
    """Put the load on a service."""
    with connect(f"host='{folder / 'run'}' user=gridcover dbname=gridcover") as conn:
        reader = make_token(
            conn, "reader", ["data:read"], days=1, role="administrator", areas=["*"]
        )
        feeder = make_token(conn, "feeder", ["incidents:write", "status:write"], days=1)
        asked_codes.extend(row[0] for row in conn.execute("SELECT code FROM cameras").fetchall())
        row = conn.execute(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT "
            "ST_Extent(geometry) AS e FROM grids) t"
        ).fetchone()
    assert row is not None
    kinds = asks(address, feeder, (row[0], row[1], row[2], row[3]))
    weights = [w for w, _, _ in kinds]
    took: dict[str, list[float]] = collections.defaultdict(list)
    answers: collections.Counter[tuple[str, int]] = collections.Counter()
    heard = collections.Counter[str]()
    lock = threading.Lock()
    ended = threading.Event()
    begun = time.monotonic()

    def ask(number: int) -> None:
        rng = random.Random(number)
        with httpx2.Client(headers={"Authorization": f"Bearer {reader}"}, timeout=60) as client:
            due = begun + number / rate
            while not ended.is_set():
                time.sleep(max(0.0, due - time.monotonic()))
                # From when it was due, not from when a client came free.
                _, name, request = rng.choices(kinds, weights)[0]
                try:
                    status = request(client, rng).status_code
                except httpx2.HTTPError:
                    status = 0
                with lock:
                    took[name].append(time.monotonic() - due)
                    answers[name, status] += 1
                due += CLIENTS / rate

    def follow() -> None:
        with httpx2.Client(headers={"Authorization": f"Bearer {reader}"}, timeout=None) as client:
            while not ended.is_set():
                try:
                    with client.stream("GET", f"{address}/api/v1/events") as answer:
                        for line in answer.iter_lines():
                            heard[line.split(":")[0]] += 1
                            if ended.is_set():
                                return
                except httpx2.HTTPError:
                    time.sleep(1)

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(CLIENTS)]
    threads += [threading.Thread(target=follow, daemon=True) for _ in range(FOLLOWERS)]
    for thread in threads:
        thread.start()
    minute = 0
    with httpx2.Client(headers={"Authorization": f"Bearer {reader}"}, timeout=60) as desk:
        while minute < minutes:
            minute += 1
            if minute % 5 == 3:
                desk.post(f"{address}/api/v1/jobs/refresh")
            time.sleep(max(0.0, begun + 60 * minute - time.monotonic()))
            with lock:
                times = np.concatenate([np.array(v) for v in took.values()])
                recent = {name: len(v) for name, v in took.items()}
            workers = sum(memory_mb(child) for child in children(pid))
            told = f"{minute:>3} min  {len(times):>7,} requests  service {memory_mb(pid):6.1f} MB  worker {workers:6.1f} MB"
            sys.stdout.write(f"{told}  {json.dumps(recent)}\n")
            sys.stdout.flush()
        jobs = desk.get(f"{address}/api/v1/jobs").json()
    ended.set()
    for thread in threads[:CLIENTS]:
        thread.join()
    for name, values in sorted(took.items()):
        p50, p95, p99 = np.percentile(values, [50, 95, 99]) * 1000
        statuses = {status: n for (kind, status), n in sorted(answers.items()) if kind == name}
        sys.stdout.write(
            f"{name:<8} {len(values):>7,}  p50 {p50:7.1f}  p95 {p95:7.1f}  p99 {p99:7.1f} ms  "
            f"{statuses}\n"
        )
    sys.stdout.write(
        f"jobs {collections.Counter(job['state'] for job in jobs)}, live {dict(heard)}\n"
    )


if __name__ == "__main__":
    main(float((*sys.argv[1:], "30")[0]), float((*sys.argv[2:], "100")[0]))
