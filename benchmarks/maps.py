"""Maps of a city in a browser beside plain Folium pages with the same data inlined."""

from __future__ import annotations

import contextlib
import http.server
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from folium.plugins import HeatMap
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.refreshing import load_city
from benchmarks.serving import running_server
from geo.pipeline import refresh, refresh_risk
from geo.store import private_cluster
from geo.store.bulk_copy import write_table
from geo.store.connection import Conn, connect
from geo.store.migration import migrate
from geo.store.queries.cameras import read_camera_results
from geo.store.queries.grids import read_grid_results
from geo.store.queries.registers import read_extent
from geo.store.queries.runs import read_latest_run
from geo.store.queries.sessions import open_session
from geo.store.queries.users import add_user
from service.auth.sessions import COOKIE

PORT, FOLDER_PORT = 8841, 8842
CATEGORIES = (
    "theft/bicycle",
    "theft/shop",
    "dispute/neighbours",
    "traffic/parking",
    "noise/business",
    "hazard/gas",
)
IS_PAINTED = """(s) => [...document.querySelectorAll(s)].some((c) => c.width && c.height &&
  c.getContext('2d').getImageData(c.width / 2 - 32, c.height / 2 - 32, 64, 64)
    .data.some((v, k) => k % 4 === 3 && v > 20))"""
RECORD_FRAMES = """async (ms) => { const times = []; const end = performance.now() + ms;
  await new Promise((done) => {
    const step = (t) => {
      times.push(t);
      if (performance.now() < end) requestAnimationFrame(step); else done();
    };
    requestAnimationFrame(step);
  });
  return times; }"""


def add_incidents(conn: Conn, count: int) -> None:
    """Store three years of incidents around random centres."""
    rng = np.random.default_rng(3)
    west, south, east, north = read_extent(conn) or (0, 0, 1, 1)
    centres = rng.uniform([west, south], [east, north], (400, 2))
    positions = centres[rng.integers(0, 400, count)] + rng.normal(0, 0.004, (count, 2))
    times = pd.Timestamp("2023-11-01", tz="UTC") + pd.to_timedelta(
        rng.uniform(0, 1095 * 86400, count), unit="s"
    )
    frame = gpd.GeoDataFrame(
        {
            "source": "110",
            "source_id": [f"i{n}" for n in range(count)],
            "category": rng.choice(CATEGORIES, count),
            "occurred_at": times.to_pydatetime(),
            "precision": "exact",
        },
        geometry=shapely.points(positions),
        crs=4326,
    )
    write_table(conn, "incidents", frame, shape="exact")
    conn.commit()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve_folder(folder: Path) -> Iterator[None]:
    """Serve the files of a folder."""
    handler = partial(_Silent, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", FOLDER_PORT), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()


def write_folium_pages(conn: Conn, folder: Path) -> None:
    """Write plain Folium pages with local scripts: grids and cameras, and a heat map."""
    run = read_latest_run(conn)
    assert run is not None
    west, south, east, north = read_extent(conn) or (0, 0, 1, 1)
    vendor = Path(__file__).parents[1] / "service" / "static" / "vendor"
    (folder / "vendor").symlink_to(vendor)

    def new_map() -> folium.Map:
        fmap = folium.Map(
            location=[(south + north) / 2, (west + east) / 2],
            zoom_start=11,
            tiles=None,
            prefer_canvas=True,
        )
        fmap.default_js = [("leaflet", "vendor/leaflet/leaflet.js")]
        fmap.default_css = [("leaflet_css", "vendor/leaflet/leaflet.css")]
        fmap.fit_bounds([[south, west], [north, east]])
        return fmap

    grids = read_grid_results(conn, run.id)[["code", "open_covered_share", "geometry"]].reset_index(
        drop=True
    )
    grids["geometry"] = shapely.set_precision(grids.geometry.values, 1e-6)
    coverage_map = new_map()
    folium.GeoJson(
        grids.to_json(),
        style_function=lambda f: {
            "fillColor": "#2f7fa3",
            "fillOpacity": f["properties"]["open_covered_share"] or 0,
            "weight": 0.5,
        },
    ).add_to(coverage_map)
    cameras = read_camera_results(conn)[["status", "geometry"]]
    cameras["geometry"] = shapely.set_precision(cameras.geometry.values, 1e-6)
    folium.GeoJson(
        cameras.to_json(drop_id=True),
        marker=folium.CircleMarker(radius=2, weight=0, fill=True, fill_opacity=1),
    ).add_to(coverage_map)
    coverage_map.save(folder / "coverage.html")
    heat_map = new_map()
    places = np.array(
        conn.execute("SELECT lat, lon FROM incident_events WHERE lon IS NOT NULL").fetchall(), float
    )
    heat = HeatMap(places.tolist(), radius=12)
    heat.default_js = [("heat", "vendor/heat/leaflet-heat.js")]
    heat.add_to(heat_map)
    heat_map.save(folder / "heat.html")


def measure_frames(page: Page, kind: str) -> dict[str, float]:
    """Return frames per second and pauses between frames while the map is panned or zoomed."""
    box = page.locator(".leaflet-container").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    handle = page.evaluate_handle(f"() => {{ window.frameTimes = ({RECORD_FRAMES})(6000); }}")
    started = time.perf_counter()
    if kind == "pan":
        while time.perf_counter() - started < 5.5:
            page.mouse.move(x, y)
            page.mouse.down()
            for k in range(1, 13):
                page.mouse.move(x + 20 * k * (-1) ** int(time.perf_counter() * 2), y + 8 * k)
            page.mouse.up()
    else:
        while time.perf_counter() - started < 5.5:
            page.mouse.wheel(
                0, -120 if int((time.perf_counter() - started) / 1.5) % 2 == 0 else 120
            )
            page.wait_for_timeout(400)
    times = np.array(page.evaluate("() => window.frameTimes"))
    handle.dispose()
    gaps = np.diff(times)
    return {
        "fps": 1000 * len(gaps) / (times[-1] - times[0]),
        "p95_ms": float(np.percentile(gaps, 95)),
        "longest_ms": float(gaps.max()),
    }


def open_page(
    browser: Browser, address: str, ready: str, canvas: str, cookies: list[Any]
) -> tuple[Page, dict[str, float]]:
    """Open a page in a new browser; return it with kB, seconds to the map, and frame rates."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
    context.set_default_timeout(120_000)
    context.add_cookies(cookies)
    page = context.new_page()
    client = context.new_cdp_session(page)
    client.send("Network.enable")
    sizes: dict[str, tuple[str, float]] = {}
    names: dict[str, str] = {}
    client.on(
        "Network.responseReceived", lambda e: names.update({e["requestId"]: e["response"]["url"]})
    )
    client.on(
        "Network.loadingFinished",
        lambda e: sizes.update(
            {e["requestId"]: (names.get(e["requestId"], ""), e["encodedDataLength"])}
        ),
    )
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(ready)
    while not page.evaluate(IS_PAINTED, canvas):
        time.sleep(0.02)
    useful_s = time.perf_counter() - started
    page.wait_for_load_state("networkidle")
    tiles = sum(size for url, size in sizes.values() if "/tiles/" in url)
    measurements = {
        "page_kb": (sum(size for _, size in sizes.values()) - tiles) / 1000,
        "tiles_kb": tiles / 1000,
        "useful_s": useful_s,
    }
    for kind in ("pan", "zoom"):
        for name, value in measure_frames(page, kind).items():
            measurements[f"{kind}_{name}"] = value
    return page, measurements


def drag_camera(page: Page, lon: float, lat: float) -> list[float]:
    """Drag a planned camera; return milliseconds from the pointer to the polygon."""
    page.goto("about:blank")
    page.goto(f"http://127.0.0.1:{PORT}/maps/coverage#at={lat:.5f},{lon:.5f},17")
    page.wait_for_selector("body[data-ready=true]")
    page.wait_for_load_state("networkidle")
    page.locator(".plan summary").click()
    page.locator(".plan-put").click()
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#plan-gain")
    page.wait_for_timeout(1500)
    marker = page.locator(".plan-camera").first.bounding_box()
    assert marker is not None
    x, y = marker["x"] + 11, marker["y"] + 11
    page.mouse.move(x, y)
    page.mouse.down()
    times = []
    request_count = page.locator(".plan").get_attribute("data-requests")
    for k in range(1, 41):
        page.mouse.move(x + 5 * k, y + 2 * k)
        until = time.perf_counter() + 10
        while (
            page.locator(".plan").get_attribute("data-requests") == request_count
            and time.perf_counter() < until
        ):
            time.sleep(0.02)
        request_count = page.locator(".plan").get_attribute("data-requests")
        times.append(float(page.locator(".plan").get_attribute("data-took") or "nan"))
    page.mouse.up()
    return times


def measure(conninfo: str) -> None:
    """Print the table for a stored city."""
    with connect(conninfo) as conn:
        numbers = conn.execute(
            "SELECT (SELECT count(*) FROM grids), (SELECT count(*) FROM cameras), (SELECT "
            "count(*) FROM incident_events)"
        ).fetchone()
        centre = conn.execute(
            "SELECT (ST_XMin(e) + ST_XMax(e)) / 2, (ST_YMin(e) + ST_YMax(e)) / 2 FROM (SELECT "
            "ST_Extent(geometry) AS e FROM grids) t"
        ).fetchone()
        assert centre is not None
        conn.execute("DELETE FROM users WHERE name = 'benchmark'")
        user = add_user(conn, "benchmark", "none", "administrator", ["*"])
        secret = open_session(conn, user, hours=2)
        conn.commit()
    print(
        f"\nMaps of {numbers} grids, cameras and incidents, 1280 x 720, headless Chromium\n",
        flush=True,
    )
    print(
        "| page | page kB | tiles kB | first useful map s | pan fps | p95 ms | longest ms | zoom "
        "fps | p95 ms | longest ms |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    python = str(Path(sys.executable).parent)
    session_cookies = [{"name": COOKIE, "value": secret, "url": f"http://127.0.0.1:{PORT}"}]
    chromium = os.environ.get("GRIDCOVER_CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        with connect(conninfo) as conn:
            write_folium_pages(conn, folder)

        def row(name: str, address: str, ready: str, canvas: str, cookies: list[Any]) -> Page:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            page, measurements = open_page(browser, address, ready, canvas, cookies)
            values = [
                measurements[k]
                for k in (
                    "page_kb",
                    "tiles_kb",
                    "useful_s",
                    "pan_fps",
                    "pan_p95_ms",
                    "pan_longest_ms",
                    "zoom_fps",
                    "zoom_p95_ms",
                    "zoom_longest_ms",
                )
            ]
            print(f"| {name} | " + " | ".join(f"{v:,.1f}" for v in values) + " |", flush=True)
            return page

        env = {
            "GRIDCOVER_DATABASE_URL": conninfo,
            "GRIDCOVER_REQUESTS_A_SECOND": "1e9",
            "GRIDCOVER_WORKER": "false",
        }
        with running_server([f"{python}/gridcover", "serve", "--port", str(PORT)], PORT, env):
            time.sleep(1)
            for visitor in ("first visitor", "next visitor"):
                for name in ("coverage", "incidents"):
                    page = row(
                        f"gridcover {name}, {visitor}",
                        f"http://127.0.0.1:{PORT}/maps/{name}",
                        "body[data-painted], body[data-updates]",
                        ".leaflet-shade-pane canvas",
                        session_cookies,
                    )
                    if visitor == "next visitor" and name == "coverage":
                        times = drag_camera(page, *centre)
                        print(
                            f"a camera dragged: p50 {np.median(times):.0f} ms, p95 "
                            f"{np.percentile(times, 95):.0f} ms from the pointer to the polygon",
                            flush=True,
                        )
                    page.context.browser.close()  # type: ignore[union-attr]
        with serve_folder(folder):
            for name in ("coverage", "heat"):
                size = (folder / f"{name}.html").stat().st_size / 1e6
                page = row(
                    f"usual Folium {name} ({size:.1f} MB)",
                    f"http://127.0.0.1:{FOLDER_PORT}/{name}.html",
                    ".leaflet-container",
                    ".leaflet-pane canvas",
                    [],
                )
                page.context.browser.close()  # type: ignore[union-attr]


def main(cameras: int = 100_000, incidents: int = 1_000_000) -> None:
    """Measure a temporary city, or one stored in GRIDCOVER_BENCH_DIR for further runs."""
    bench_dir = os.environ.get("GRIDCOVER_BENCH_DIR")
    with contextlib.ExitStack() as stack:
        folder = (
            Path(bench_dir)
            if bench_dir
            else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        )
        folder.mkdir(exist_ok=True, parents=True)
        folder.chmod(0o755)
        private = stack.enter_context(private_cluster.running(folder / "d"))
        if migrate(private.conninfo):
            with connect(private.conninfo) as conn:
                load_city(conn, cameras, 233.5)
                add_incidents(conn, incidents)
                refresh(conn, progress=lambda step: print(step, flush=True))
                refresh_risk(conn)
        measure(private.conninfo)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
