"""Fifty people panning over a city: our tiles beside those of plain tipg, one after the other in one run."""

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
Answer = tuple[int, int, float]
ZOOMS = (11, 12, 13, 14, 15, 16)
SETS = ("grids", "cameras", "views")
VIEWS = {"grids": "layer_grids", "cameras": "layer_cameras", "views": "layer_views"}


def walks(conninfo: str, seed: int) -> list[list[list[tuple[int, int, int]]]]:
    """By client and step, the tiles that come into sight: a map of 1280 × 720 moved or zoomed."""
    with connect(conninfo) as conn:
        found = conn.execute(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM "
            "(SELECT ST_Extent(geometry) AS e FROM grids) t"
        ).fetchone()
    assert found is not None
    web = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)
    west, south = web.transform(found[0], found[1])
    east, north = web.transform(found[2], found[3])
    half = 20037508.342789244
    out = []
    rng = np.random.default_rng(seed)
    for _ in range(CLIENTS):
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        zoom = int(rng.choice(ZOOMS))
        seen: set[tuple[int, int, int]] = set()
        steps = []
        for _ in range(STEPS):
            tile_m = 2 * half / 2**zoom
            fresh = []
            for dx in range(-2, 3):
                for dy in range(-1, 2):
                    place = (zoom, int((x + half) / tile_m) + dx, int((half - y) / tile_m) + dy)
                    if place not in seen:
                        seen.add(place)
                        fresh.append(place)
            steps.append(fresh)
            x = float(np.clip(x + rng.normal(0, tile_m), west, east))
            y = float(np.clip(y + rng.normal(0, tile_m), south, north))
            if rng.random() < 0.2:
                zoom = int(np.clip(zoom + rng.choice([-1, 1]), ZOOMS[0], ZOOMS[-1]))
        out.append(steps)
    return out


class Line:
    """One kept connection that asks for one path at a time."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.used = 0.0

    async def get(self, path: str) -> tuple[int, int, float]:
        """Status, bytes of the body as sent, seconds."""
        # A connection that nobody used for some seconds was closed by the other side.
        if self.streams is None or time.perf_counter() - self.used > 3:
            if self.streams is not None:
                self.streams[1].close()
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        begun = time.perf_counter()
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
        return int(head.split(" ", 2)[1]), size, self.used - begun


async def one_by_one(port: int, token: str, paths: list[str]) -> list[Answer]:
    line = Line(port, token)
    return [await line.get(path) for path in paths]


async def pan(port: int, token: str, paths: list[list[list[str]]], pause_s: float) -> list[Answer]:
    """Every client asks for what a step shows over six connections, as browsers do, then looks at it."""
    told: list[Answer] = []
    opening: list[Answer] = []

    async def client(number: int, steps: list[list[str]]) -> None:
        lines = [Line(port, token) for _ in range(6)]
        # The first look at a map is the page's opening, not its panning; people do not come at
        # once.
        await asyncio.sleep(pause_s * number / 5)
        for number_, step in enumerate(steps):
            waiting = list(step)
            into = told if number_ else opening

            async def work(
                line: Line, waiting: list[str] = waiting, into: list[Answer] = into
            ) -> None:
                while waiting:
                    into.append(await line.get(waiting.pop()))

            await asyncio.gather(*(work(line) for line in lines))
            await asyncio.sleep(pause_s)

    await asyncio.gather(*(client(n, steps) for n, steps in enumerate(paths)))
    return told


@contextlib.contextmanager
def served(command: list[str], port: int, env: dict[str, str]) -> Iterator[None]:
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


def tell(name: str, told: list[Answer], seconds: float) -> None:
    times = np.array([t for _, _, t in told]) * 1000
    sizes = np.array([s for _, s, _ in told])
    bad = sum(status not in (200, 204) for status, _, _ in told)
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    print(
        f"| {name:<36} | {len(told):>6,} | {len(told) / seconds:>6,.0f} | {p50:>7.1f} "
        f"| {p95:>7.1f} | {p99:>7.1f} | {sizes.max() / 1000:>7,.0f} | "
        f"{sizes.sum() / 1e6:>7,.1f} | {bad:>4} |",
        flush=True,
    )


def measure(conninfo: str) -> None:
    """Print the table of a stored city."""
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
        "|--------------------------------------|-------:|-------:|--------:|--------:|--------:|--------:|--------:|-----:|"
    )
    routes = walks(conninfo, 1)
    python = str(Path(sys.executable).parent)

    def paths(of: str) -> list[list[list[str]]]:
        form = {
            "ours": "/tiles/{s}/{z}/{x}/{y}.pbf",
            "tipg": "/collections/gridcover.{v}/tiles/WebMercatorQuad/{z}/{x}/{y}?limit=10000",
        }[of]
        return [
            [
                [form.format(s=s, v=VIEWS[s], z=z, x=x, y=y) for z, x, y in step for s in SETS]
                for step in steps
            ]
            for steps in routes
        ]

    def run(name: str, port: int, of: str, *, quick: bool = False) -> None:
        wanted = paths(of)
        flat = sorted({p for steps in wanted for step in steps for p in step})
        some = list(np.random.default_rng(2).permutation(flat)[: 100 if quick else 1000])
        begun = time.perf_counter()
        told = asyncio.run(one_by_one(port, token, some))
        tell(f"{name}, one by one, cold", told, time.perf_counter() - begun)
        if quick:
            wanted = [steps[:2] for steps in wanted]
        elif of == "ours":
            asyncio.run(one_by_one(port, token, flat))
        for pause in (1.0,) if quick else (1.0, 0.0):
            begun = time.perf_counter()
            told = asyncio.run(pan(port, token, wanted, pause))
            warm = "" if quick else ", warm"
            tell(
                f"{name}, {CLIENTS} panning{warm}{'' if pause else ', no pause'}",
                told,
                time.perf_counter() - begun,
            )

    env = {"GRIDCOVER_DATABASE_URL": conninfo, "GRIDCOVER_REQUESTS_A_SECOND": "1e9"}
    with served([f"{python}/gridcover", "serve", "--port", "8831"], 8831, env):
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
    with served(
        [f"{python}/uvicorn", "tipg.main:app", "--port", "8832", "--log-level", "error"], 8832, env
    ):
        time.sleep(5)
        run("plain tipg", 8832, "tipg", quick=True)


def main(count: int = 100_000) -> None:
    """A city made for this run, or kept in GRIDCOVER_BENCH_DIR for the next."""
    kept = os.environ.get("GRIDCOVER_BENCH_DIR")
    with contextlib.ExitStack() as stack:
        folder = Path(kept) if kept else Path(stack.enter_context(tempfile.TemporaryDirectory()))
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
