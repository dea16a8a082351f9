"""Tiles for fifty people panning over a city, beside those of plain tipg, in one run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyproj

from benchmarks.refreshing import load_city
from geo.pipeline import refresh
from geo.store import private_cluster
from geo.store.connection import connect
from geo.store.migration import migrate
from geo.store.queries.api_tokens import make_token

CLIENTS, STEPS = 50, 20
Measurement = tuple[int, int, float]
ZOOMS = (11, 12, 13, 14, 15, 16)
SETS = ("grids", "cameras", "views")
VIEWS = {"grids": "layer_grids", "cameras": "layer_cameras", "views": "layer_views"}


def plan_walks(conninfo: str, seed: int) -> list[list[list[tuple[int, int, int]]]]:
    """Return new tiles by client and step of a map of 1280 × 720 that is moved or zoomed."""
    with connect(conninfo) as conn:
        extent = conn.execute(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM "
            "(SELECT ST_Extent(geometry) AS e FROM grids) t"
        ).fetchone()
    assert extent is not None
    web = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)
    west, south = web.transform(extent[0], extent[1])
    east, north = web.transform(extent[2], extent[3])
    half_world_m = 20037508.342789244
    all_steps = []
    rng = np.random.default_rng(seed)
    for _ in range(CLIENTS):
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        zoom = int(rng.choice(ZOOMS))
        loaded: set[tuple[int, int, int]] = set()
        steps = []
        for _ in range(STEPS):
            tile_m = 2 * half_world_m / 2**zoom
            new_tiles = []
            for dx in range(-2, 3):
                for dy in range(-1, 2):
                    tile = (
                        zoom,
                        int((x + half_world_m) / tile_m) + dx,
                        int((half_world_m - y) / tile_m) + dy,
                    )
                    if tile not in loaded:
                        loaded.add(tile)
                        new_tiles.append(tile)
            steps.append(new_tiles)
            x = float(np.clip(x + rng.normal(0, tile_m), west, east))
            y = float(np.clip(y + rng.normal(0, tile_m), south, north))
            if rng.random() < 0.2:
                zoom = int(np.clip(zoom + rng.choice([-1, 1]), ZOOMS[0], ZOOMS[-1]))
        all_steps.append(steps)
    return all_steps


class Connection:
    """A persistent connection that requests one path at a time."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.used = 0.0

    async def get(self, path: str) -> tuple[int, int, float]:
        """Return status, bytes of the body as sent, and seconds."""
        # The server closes connections that are idle for some seconds.
        if self.streams is None or time.perf_counter() - self.used > 3:
            if self.streams is not None:
                self.streams[1].close()
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        started = time.perf_counter()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept-Encoding: gzip\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = 0
        if "transfer-encoding: chunked" in head:
            while True:
                length = int((await reader.readuntil(b"\r\n")).strip(), 16)
                await reader.readexactly(length + 2)
                size += length
                if not length:
                    break
        elif "content-length: " in head:
            size = int(head.split("content-length: ")[1].split("\r\n")[0])
            await reader.readexactly(size)
        self.used = time.perf_counter()
        return int(head.split(" ", 2)[1]), size, self.used - started


async def fetch_sequentially(port: int, token: str, paths: list[str]) -> list[Measurement]:
    """Request paths one after the other."""
    connection = Connection(port, token)
    return [await connection.get(path) for path in paths]


async def simulate_panning(
    port: int, token: str, paths: list[list[list[str]]], pause_s: float
) -> list[Measurement]:
    """Request the tiles of each step over six connections per client, with pauses between."""
    measurements: list[Measurement] = []
    first_view: list[Measurement] = []

    async def client(number: int, steps: list[list[str]]) -> None:
        connections = [Connection(port, token) for _ in range(6)]
        # The first view belongs to opening the page, not to panning; clients start in turn.
        await asyncio.sleep(pause_s * number / 5)
        for step_number, step in enumerate(steps):
            waiting = list(step)
            results = measurements if step_number else first_view

            async def fetch_waiting(
                connection: Connection,
                waiting: list[str] = waiting,
                results: list[Measurement] = results,
            ) -> None:
                while waiting:
                    results.append(await connection.get(waiting.pop()))

            await asyncio.gather(*(fetch_waiting(connection) for connection in connections))
            await asyncio.sleep(pause_s)

    await asyncio.gather(*(client(n, steps) for n, steps in enumerate(paths)))
    return measurements


@contextlib.contextmanager
def running_server(command: list[str], port: int, env: dict[str, str]) -> Iterator[None]:
    """Run a server while the block runs."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=log, stderr=log)
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(20)


def print_row(name: str, measurements: list[Measurement], seconds: float) -> None:
    """Print a row of the table."""
    times = np.array([t for _, _, t in measurements]) * 1000
    sizes = np.array([s for _, s, _ in measurements])
    failures = sum(status not in (200, 204) for status, _, _ in measurements)
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    print(
        f"| {name:<36} | {len(measurements):>6,} | {len(measurements) / seconds:>6,.0f} | "
        f"{p50:>7.1f} | {p95:>7.1f} | {p99:>7.1f} | {sizes.max() / 1000:>7,.0f} | "
        f"{sizes.sum() / 1e6:>7,.1f} | {failures:>4} |",
        flush=True,
    )


def measure(conninfo: str) -> None:
    """Print the table for a stored city."""
    with connect(conninfo) as conn:
        conn.execute("DELETE FROM api_tokens WHERE name = 'benchmark'")
        token = make_token(conn, "benchmark", ["data:read"], days=1, role="planner", areas=["*"])
        conn.commit()
        numbers = conn.execute(
            "SELECT (SELECT count(*) FROM cameras), (SELECT count(*) FROM grids), (SELECT "
            "count(*) FROM camera_views)"
        ).fetchone()
    print(f"\nTiles of {numbers} cameras, grids and views; {CLIENTS} people; milliseconds\n")
    print(
        "| what                                 | tiles  | a s    | p50     | p95     | p99     | "
        "max kB  | MB      | bad  |"
    )
    print(
        "|--------------------------------------|-------:|-------:|--------:|--------:|--------:|"
        "--------:|--------:|-----:|"
    )
    routes = plan_walks(conninfo, 1)
    python = str(Path(sys.executable).parent)

    def paths(server: str) -> list[list[list[str]]]:
        template = {
            "ours": "/tiles/{s}/{z}/{x}/{y}.pbf",
            "tipg": "/collections/gridcover.{v}/tiles/WebMercatorQuad/{z}/{x}/{y}?limit=10000",
        }[server]
        return [
            [
                [template.format(s=s, v=VIEWS[s], z=z, x=x, y=y) for z, x, y in step for s in SETS]
                for step in steps
            ]
            for steps in routes
        ]

    def run(name: str, port: int, server: str, *, short: bool = False) -> None:
        walk_paths = paths(server)
        distinct_paths = sorted({p for steps in walk_paths for step in steps for p in step})
        sample = list(
            np.random.default_rng(2).permutation(distinct_paths)[: 100 if short else 1000]
        )
        started = time.perf_counter()
        measurements = asyncio.run(fetch_sequentially(port, token, sample))
        print_row(f"{name}, one by one, cold", measurements, time.perf_counter() - started)
        if short:
            walk_paths = [steps[:2] for steps in walk_paths]
        elif server == "ours":
            asyncio.run(fetch_sequentially(port, token, distinct_paths))
        for pause in (1.0,) if short else (1.0, 0.0):
            started = time.perf_counter()
            measurements = asyncio.run(simulate_panning(port, token, walk_paths, pause))
            warm = "" if short else ", warm"
            print_row(
                f"{name}, {CLIENTS} panning{warm}{'' if pause else ', no pause'}",
                measurements,
                time.perf_counter() - started,
            )

    env = {"GRIDCOVER_DATABASE_URL": conninfo, "GRIDCOVER_REQUESTS_A_SECOND": "1e9"}
    with running_server([f"{python}/gridcover", "serve", "--port", "8831"], 8831, env):
        time.sleep(1)
        run("gridcover", 8831, "ours")
    with connect(conninfo) as conn:
        host = conn.info.get_parameters().get("host", "")
        address = f"postgresql://{conn.info.user}@{quote(host, safe='')}/{conn.info.dbname}"
    env = {
        "DATABASE_URL": address,
        "TIPG_DB_SCHEMAS": '["gridcover"]',
        "TIPG_CATALOG_TTL": "0",
        "TIPG_DB_TABLES": str([f"gridcover.{v}" for v in VIEWS.values()]).replace("'", '"'),
    }
    with running_server(
        [f"{python}/uvicorn", "tipg.main:app", "--port", "8832", "--log-level", "error"], 8832, env
    ):
        time.sleep(5)
        run("plain tipg", 8832, "tipg", short=True)


def main(count: int = 100_000) -> None:
    """Measure a temporary city, or one stored in GRIDCOVER_BENCH_DIR for further runs."""
    bench_dir = os.environ.get("GRIDCOVER_BENCH_DIR")
    with contextlib.ExitStack() as stack:
        folder = (
            Path(bench_dir)
            if bench_dir
            else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        )
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        private = stack.enter_context(private_cluster.running(folder / "d"))
        if migrate(private.conninfo):
            with connect(private.conninfo) as conn:
                load_city(conn, count, 233.5)
                refresh(conn)
        measure(private.conninfo)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
