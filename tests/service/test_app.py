"""Tests of the application: pages, API data, texts, start-up and restarts of PostgreSQL."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
import shapely
from fastapi.testclient import TestClient

from geo.errors import AssetError, GridcoverError
from geo.governance.findings import FindingCode
from geo.maps.builder import MapPage, render_page, script_json
from geo.maps.language import texts
from geo.settings import Settings
from geo.store import private_cluster
from geo.store.connection import connect
from geo.store.migration import migrate
from service.app import create_app
from service.server import run
from tests.support.processes import accept_interrupts, is_running
from tests.support.service import sign_in
from tests.support.waiting import wait_until

TEXTS = {key: (zh, texts("en").get(key, "")) for key, zh in texts("zh").items()}

ADDRESS = re.compile(r"https?://(?!www\.w3\.org/)[^\s\"')]+")


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as test_client:
        yield test_client


def test_home_redirects_to_coverage_map(client: TestClient) -> None:
    response = client.get("/?lang=en", follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == "/maps/coverage?lang=en"


@pytest.mark.parametrize("page", ["coverage", "incidents"])
def test_maps_language_follows_query_then_browser(client: TestClient, page: str) -> None:
    english = client.get(f"/maps/{page}", headers={"Accept-Language": "fr, en;q=0.8, zh;q=0.5"})
    assert '<html lang="en">' in english.text
    chinese = client.get(f"/maps/{page}", headers={"Accept-Language": "zh-TW,zh;q=0.9,en;q=0.1"})
    assert '<html lang="zh-CN">' in chinese.text
    forced = client.get(f"/maps/{page}?lang=en", headers={"Accept-Language": "zh"})
    assert '<html lang="en">' in forced.text


@pytest.mark.parametrize(
    "path", ["/maps/coverage", "/maps/incidents", "/maps/data-quality", "/dashboard", "/docs"]
)
def test_pages_load_no_foreign_addresses(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert ADDRESS.findall(response.text) == []
    for asset in re.findall(r"(?:src|href)=\"(/[^\"]+)\"", response.text):
        assert client.get(asset).status_code == 200, asset
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    scripts = policy.split("script-src")[1].split(";")[0]
    assert "unsafe" not in scripts
    nonce = re.search(r"'nonce-([^']+)'", scripts).group(1)  # type: ignore[union-attr]
    tags = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", response.text)
    inline = [tag for tag in tags if 'type="application/json"' not in tag]  # data is not executed
    assert inline or path == "/dashboard"  # the dashboard has all its code in files
    assert all(f'nonce="{nonce}"' in tag for tag in inline)
    assert nonce not in client.get(path).text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<[^>]+\son\w+=", response.text)


def test_api_data_agree_with_the_database(client: TestClient, demo_store: str) -> None:
    grids = client.get("/api/v1/grids").json()["features"]
    run = client.get("/api/v1/runs/latest").json()
    assert len(grids) == run["summary"]["grids"] == 297
    covered = sum(f["properties"]["covered_m2"] for f in grids)
    assert covered == pytest.approx(run["summary"]["covered_m2"])
    spots = client.get("/api/v1/blind-spots?limit=50").json()["features"]
    areas = [f["properties"]["area_m2"] for f in spots]
    assert len(spots) == 50
    assert areas == sorted(areas, reverse=True)
    assert len(client.get("/api/v1/cameras").json()["features"]) == 1500
    months = client.get("/api/v1/incidents/monthly-counts").json()
    assert len(months["months"]) == 36
    with connect(demo_store) as conn:
        total = conn.execute("SELECT count(*) FROM incidents").fetchone()
        october = conn.execute(
            "SELECT count(*) FROM incidents WHERE category LIKE 'theft/%' AND "
            "to_char(coalesce(occurred_at, occurred_from) AT TIME ZONE 'Asia/Shanghai', "
            "'YYYY-MM') = '2026-10'"
        ).fetchone()
        mapped = conn.execute(
            "SELECT count(*) FROM incidents WHERE category LIKE 'theft/%' AND geometry IS NOT "
            "NULL AND to_char(coalesce(occurred_at, occurred_from) AT TIME ZONE 'Asia/Shanghai', "
            "'YYYY-MM') = '2026-10'"
        ).fetchone()
    assert total is not None
    assert october is not None
    assert mapped is not None
    assert sum(c["count"] for m in months["months"] for c in m["counts"]) == total[0] == 60_000
    query = {"from": "2026-10", "until": "2026-11", "category": "theft"}
    assert client.get("/api/v1/incidents/density", params=query).json()["total"] == october[0]
    points = client.get("/api/v1/incidents/points", params=query).json()["points"]
    assert sum(n for _, _, n in points) == mapped[0]


def test_tiles_contain_their_layers(client: TestClient) -> None:
    lon, lat, z = 118.05, 30.955, 15
    x = int((lon + 180) / 360 * 2**z)
    y = int((1 - mercator_latitude(lat) / 3.141592653589793) / 2 * 2**z)
    base = client.get(f"/tiles/base/{z}/{x}/{y}.pbf")
    assert base.status_code == 200
    for name in (b"buildings", b"streets", b"areas", b"landcover"):
        assert name in base.content
    assert b"views" in client.get(f"/tiles/views/{z}/{x}/{y}.pbf").content
    assert client.get("/tiles/base/2/9/0.pbf").status_code == 404
    assert client.get("/tiles/secrets/2/1/0.pbf").status_code == 422


def mercator_latitude(lat: float) -> float:
    import math

    return math.asinh(math.tan(math.radians(lat)))


def test_density_reports_invalid_request_as_problem_details(client: TestClient) -> None:
    response = client.get("/api/v1/incidents/density?from=2026-13&until=x")
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert "from" in response.json()["detail"]


def test_healthz_and_readyz_report_state(client: TestClient, store: str) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["ready"]
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as empty:
        response = empty.get("/readyz")
        assert response.status_code == 503
        assert response.json()["migrations"] is True
        assert response.json()["results"] is False
        page = empty.get("/maps/coverage?lang=en")
        assert page.status_code == 200
        assert "No results yet" in page.text


def test_texts_exist_in_both_languages() -> None:
    assert set(texts("zh")) == set(texts("en"))
    for key, (zh, en) in TEXTS.items():
        assert zh.strip(), key
        assert en.strip(), key
    static = Path(__file__).parents[2] / "service/static"
    scripts = [
        path for folder in ("lib", "map", "pages") for path in (static / folder).glob("*.js")
    ]
    assert len(scripts) > 40
    for script in (path.read_text() for path in scripts):
        assert set(re.findall(r"\bt\.([a-z_0-9]+)", script)) <= set(TEXTS)
        assert not re.search(r"[\u4e00-\u9fff]", script.replace("年", "").replace("月", ""))


def test_finding_codes_have_texts(demo_store: str) -> None:
    with connect(demo_store) as conn:
        stored = [row[0] for row in conn.execute("SELECT DISTINCT finding FROM register_findings")]
    assert len(stored) > 10
    assert {finding.split("/")[0] for finding in stored} <= set(FindingCode)
    for code in FindingCode:
        assert f"finding_{code}" in TEXTS, code


def test_render_page_escapes_data() -> None:
    hostile_text = "</script><script>alert(1)</script>{% raw %}{{ 7*7 }}{% endraw %}\u2028"
    assert "</script>" not in script_json({"name": hostile_text})
    html = render_page(
        MapPage(
            page="coverage",
            language="en",
            bounds=(0, 0, 1, 1),
            provenance=hostile_text,
            basemap_attribution=hostile_text,
            run=1,
        )
    )
    assert "<script>alert" not in html
    assert "{{ 7*7 }}" in html


def test_grids_return_hostile_names_as_text(store: str) -> None:
    hostile_name = "<img src=x onerror=alert(1)>"
    box = shapely.to_wkt(shapely.MultiPolygon([shapely.box(0, 0, 1, 1)]))
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO grids (code, name, geometry) VALUES ('a', %s, ST_GeomFromText(%s, 4326))",
            (hostile_name, box),
        )
        conn.execute(
            "INSERT INTO runs (kind, parameters, inputs_digest, software_version, metric_crs, "
            "started_at, finished_at, summary) VALUES ('x', '{}', '', '', '', now(), now(), '{}')"
        )
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as client:
        assert (
            client.get("/api/v1/grids").json()["features"][0]["properties"]["name"] == hostile_name
        )
        assert client.get("/api/v1/grids").headers["content-type"] == "application/geo+json"


def test_run_refuses_remote_hosts_without_setting(demo_store: str) -> None:
    with pytest.raises(GridcoverError, match="GRIDCOVER_ALLOW_REMOTE"):
        run(demo_store, settings=Settings(), host="0.0.0.0", port=0, exact=False, announce=print)


def test_maps_use_configured_base_map(demo_store: str) -> None:
    settings = Settings(
        basemap_url="http://tiles.intranet/{z}/{x}/{y}.png", basemap_attribution="测绘院 <b>"
    )
    with TestClient(create_app(demo_store, settings), cookies=sign_in(demo_store)) as client:
        page = client.get("/maps/coverage?lang=en")
    assert "http://tiles.intranet/{z}/{x}/{y}.png" in page.text
    assert "<b>" not in page.text
    policy = page.headers["content-security-policy"]
    assert "img-src 'self' data: http://tiles.intranet;" in policy


def test_create_app_names_missing_assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDCOVER_ASSETS_DIR", str(tmp_path))
    with pytest.raises(AssetError, match=r"scripts/setup\.sh"):
        create_app("", Settings())


def test_service_recovers_after_postgres_restart(open_folder: Path) -> None:
    with private_cluster.running(open_folder / "restart") as cluster:
        migrate(cluster.conninfo)
        cookies = sign_in(cluster.conninfo)
        with TestClient(create_app(cluster.conninfo, Settings()), cookies=cookies) as client:
            assert client.get("/api/v1/areas").status_code == 200
            pid = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGKILL)
            response = client.get("/readyz")
            assert response.status_code == 503
            page = client.get("/maps/coverage?lang=en")
            assert page.status_code == 503
            assert "recovers by itself" in page.text
            problem = client.get("/api/v1/areas")
            assert problem.status_code == 503
            assert "try again" in problem.json()["detail"]
            private_cluster.start(cluster)
            wait_until(lambda: client.get("/api/v1/areas").status_code == 200)
            assert client.get("/maps/coverage").status_code == 200


def test_demo_stops_all_processes_on_ctrl_c(open_folder: Path) -> None:
    """Run `gridcover demo` as a process and interrupt it."""
    folder = open_folder / "ctrl-c"
    program = Path(__file__).parents[2] / ".venv/bin/gridcover"
    env = {**os.environ, "GRIDCOVER_DATA_DIR": str(folder)}
    env.pop("GRIDCOVER_DATABASE_URL", None)
    process = subprocess.Popen(
        [str(program), "demo", "--port", "0"],
        env=env,
        text=True,
        stderr=subprocess.PIPE,
        preexec_fn=accept_interrupts,
    )
    try:
        address = ""
        assert process.stderr is not None
        for line in process.stderr:
            if match := re.search(r"http://127\.0\.0\.1:\d+/", line):
                address = match.group()
                break
        assert httpx2.get(address + "readyz", timeout=120).json()["ready"]
        pid = int((folder / "demo/pg/postmaster.pid").read_text().splitlines()[0])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        assert process.returncode == 0
        assert not is_running(pid)
        assert not (folder / "demo/pg/postmaster.pid").exists()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"host={folder}/demo/run user=gridcover dbname=gridcover")
    finally:
        process.kill()
        process.wait()


def test_spatial_statistics_forecast_contours_and_quality(client: TestClient) -> None:
    statistics = client.get("/api/v1/spatial-statistics").json()
    assert len(statistics["grids"]) == 297
    assert len(statistics["hours"]) == 168
    assert len(statistics["near_repeats"]) == 9
    grid = statistics["grids"][0]["grid"]
    weekly = client.get("/api/v1/spatial-statistics/weekly-counts", params={"grid": grid}).json()
    assert (weekly["weeks_from"], len(weekly["weeks"])) == ("2023-11-05", 156)
    unknown = client.get("/api/v1/spatial-statistics/weekly-counts", params={"grid": "x"})
    assert unknown.status_code == 404
    theft = client.get("/api/v1/spatial-statistics", params={"category": "theft"}).json()
    assert sum(g["count"] for g in theft["grids"]) < sum(g["count"] for g in statistics["grids"])
    no_category = client.get("/api/v1/spatial-statistics", params={"category": "none"})
    assert no_category.json()["grids"] == []
    forecast = client.get("/api/v1/spatial-statistics/forecast").json()
    offered = {t["model"] for t in forecast["tests"] if t["offered"]}
    assert {g["model"] for g in forecast["grids"]} == offered
    contours = client.get("/api/v1/spatial-statistics/contours", params={"kind": "density"})
    bands = contours.json()["features"]
    assert bands[-1]["properties"]["high"] is None
    assert [b["properties"]["low"] for b in bands] == sorted(b["properties"]["low"] for b in bands)
    invalid = client.get("/api/v1/spatial-statistics/contours", params={"kind": "x"})
    assert invalid.status_code == 422
    query = {"from": "2026-10", "until": "2026-11", "level": "district"}
    quality = client.get("/api/v1/service-requests/quality", params=query).json()
    assert {row["code"] for row in quality} == {"", "990101"}
    assert all(0 <= row["in_time_share"] <= 1 for row in quality)


def test_area_results_add_up_and_are_ranked(client: TestClient) -> None:
    by_level = {
        level: client.get("/api/v1/areas/results", params={"level": level}).json()
        for level in ("grid", "community", "subdistrict", "district")
    }
    district = by_level["district"]["areas"][0]
    run = client.get("/api/v1/runs/latest").json()
    assert district["open_covered_share"] == pytest.approx(run["summary"]["open_covered_share"])
    assert (
        district["incidents"] == run["summary"]["incidents"] - run["summary"]["incidents_outside"]
    )
    for response in by_level.values():
        for figure in ("area_m2", "covered_m2", "open_m2", "incidents", "population", "grids"):
            assert sum(a[figure] for a in response["areas"]) == district[figure]
    subdistricts = by_level["subdistrict"]
    assert [a["rank"] for a in subdistricts["areas"]] == [1, 2, 3, 4, 5, 6]
    shares = [a["open_covered_share"] for a in subdistricts["areas"]]
    assert shares == sorted(shares, reverse=True)
    assert 0 < subdistricts["gini"] < 1
    assert subdistricts["areas"][0]["name_en"].endswith("Sub-district")
    by_density = client.get("/api/v1/areas/results", params={"by": "per_km2"}).json()["areas"]
    assert by_density[0]["per_km2"] == min(a["per_km2"] for a in by_density)
    assert client.get("/api/v1/areas/results", params={"level": "town"}).status_code == 422
