"""The service over HTTP, its database restarted under it."""

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
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as found:
        yield found


def test_home_leads_to_coverage(client: TestClient) -> None:
    answer = client.get("/?lang=en", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/maps/coverage?lang=en"


@pytest.mark.parametrize("page", ["coverage", "incidents"])
def test_language_by_query_and_browser(client: TestClient, page: str) -> None:
    english = client.get(f"/maps/{page}", headers={"Accept-Language": "fr, en;q=0.8, zh;q=0.5"})
    assert '<html lang="en">' in english.text
    chinese = client.get(f"/maps/{page}", headers={"Accept-Language": "zh-TW,zh;q=0.9,en;q=0.1"})
    assert '<html lang="zh-CN">' in chinese.text
    forced = client.get(f"/maps/{page}?lang=en", headers={"Accept-Language": "zh"})
    assert '<html lang="en">' in forced.text


@pytest.mark.parametrize(
    "path", ["/maps/coverage", "/maps/incidents", "/maps/data-quality", "/dashboard", "/docs"]
)
def test_pages_name_no_foreign_address(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert ADDRESS.findall(answer.text) == []
    for asset in re.findall(r"(?:src|href)=\"(/[^\"]+)\"", answer.text):
        assert client.get(asset).status_code == 200, asset
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    scripts = policy.split("script-src")[1].split(";")[0]
    assert "unsafe" not in scripts
    nonce = re.search(r"'nonce-([^']+)'", scripts).group(1)  # type: ignore[union-attr]
    tags = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", answer.text)
    inline = [tag for tag in tags if 'type="application/json"' not in tag]  # data never runs
    assert inline or path == "/dashboard"  # which has all its code in files
    assert all(f'nonce="{nonce}"' in tag for tag in inline)
    assert nonce not in client.get(path).text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<[^>]+\son\w+=", answer.text)


def test_data_agree_with_the_store(client: TestClient, demo_store: str) -> None:
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
            "NULL AND "
            "to_char(coalesce(occurred_at, occurred_from) AT TIME ZONE 'Asia/Shanghai', "
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


def test_tiles_hold_their_layers(client: TestClient) -> None:
    lon, lat, z = 118.05, 30.955, 15
    x = int((lon + 180) / 360 * 2**z)
    y = int((1 - np_asinh_tan(lat) / 3.141592653589793) / 2 * 2**z)
    base = client.get(f"/tiles/base/{z}/{x}/{y}.pbf")
    assert base.status_code == 200
    for name in (b"buildings", b"streets", b"areas", b"landcover"):
        assert name in base.content
    assert b"views" in client.get(f"/tiles/views/{z}/{x}/{y}.pbf").content
    assert client.get("/tiles/base/2/9/0.pbf").status_code == 404
    assert client.get("/tiles/secrets/2/1/0.pbf").status_code == 422


def np_asinh_tan(lat: float) -> float:
    import math

    return math.asinh(math.tan(math.radians(lat)))


def test_wrong_requests_are_problem_details(client: TestClient) -> None:
    answer = client.get("/api/v1/incidents/density?from=2026-13&until=x")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "from" in answer.json()["detail"]


def test_health(client: TestClient, store: str) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["ready"]
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as empty:
        answer = empty.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["migrations"] is True
        assert answer.json()["results"] is False
        page = empty.get("/maps/coverage?lang=en")
        assert page.status_code == 200
        assert "No results yet" in page.text


def test_words_exist_in_both_languages() -> None:
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


def test_every_finding_has_words_in_both_languages(demo_store: str) -> None:
    with connect(demo_store) as conn:
        stored = [row[0] for row in conn.execute("SELECT DISTINCT finding FROM register_findings")]
    assert len(stored) > 10
    assert {finding.split("/")[0] for finding in stored} <= set(FindingCode)
    for code in FindingCode:
        assert f"finding_{code}" in TEXTS, code


def test_data_cannot_become_script() -> None:
    evil = "</script><script>alert(1)</script>{% raw %}{{ 7*7 }}{% endraw %}\u2028"
    assert "</script>" not in script_json({"name": evil})
    html = render_page(
        MapPage(
            page="coverage",
            language="en",
            bounds=(0, 0, 1, 1),
            provenance=evil,
            basemap_attribution=evil,
            run=1,
        )
    )
    assert "<script>alert" not in html
    assert "{{ 7*7 }}" in html


def test_an_evil_name_stays_text(store: str) -> None:
    evil = "<img src=x onerror=alert(1)>"
    box = shapely.to_wkt(shapely.MultiPolygon([shapely.box(0, 0, 1, 1)]))
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO grids (code, name, geometry) VALUES ('a', %s, ST_GeomFromText(%s, 4326))",
            (evil, box),
        )
        conn.execute(
            "INSERT INTO runs (kind, parameters, inputs_digest, software_version, metric_crs, "
            "started_at, finished_at, summary) VALUES ('x', '{}', '', '', '', now(), now(), '{}')"
        )
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as client:
        assert client.get("/api/v1/grids").json()["features"][0]["properties"]["name"] == evil
        assert client.get("/api/v1/grids").headers["content-type"] == "application/geo+json"


def test_other_machines_need_an_explicit_setting(demo_store: str) -> None:
    with pytest.raises(GridcoverError, match="GRIDCOVER_ALLOW_REMOTE"):
        run(demo_store, settings=Settings(), host="0.0.0.0", port=0, exact=False, announce=print)


def test_a_base_map_of_ones_own(demo_store: str) -> None:
    own = Settings(
        basemap_url="http://tiles.intranet/{z}/{x}/{y}.png", basemap_attribution="测绘院 <b>"
    )
    with TestClient(create_app(demo_store, own), cookies=sign_in(demo_store)) as client:
        page = client.get("/maps/coverage?lang=en")
    assert "http://tiles.intranet/{z}/{x}/{y}.png" in page.text
    assert "<b>" not in page.text
    policy = page.headers["content-security-policy"]
    assert "img-src 'self' data: http://tiles.intranet;" in policy


def test_missing_assets_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDCOVER_ASSETS_DIR", str(tmp_path))
    with pytest.raises(AssetError, match=r"scripts/setup\.sh"):
        create_app("", Settings())


def test_postgres_restarted_under_the_service(open_folder: Path) -> None:
    with private_cluster.running(open_folder / "restart") as found:
        migrate(found.conninfo)
        cookies = sign_in(found.conninfo)
        with TestClient(create_app(found.conninfo, Settings()), cookies=cookies) as client:
            assert client.get("/api/v1/areas").status_code == 200
            pid = int((found.data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGKILL)
            answer = client.get("/readyz")
            assert answer.status_code == 503
            page = client.get("/maps/coverage?lang=en")
            assert page.status_code == 503
            assert "recovers by itself" in page.text
            problem = client.get("/api/v1/areas")
            assert problem.status_code == 503
            assert "try again" in problem.json()["detail"]
            private_cluster.start(found)
            wait_until(lambda: client.get("/api/v1/areas").status_code == 200)
            assert client.get("/maps/coverage").status_code == 200


def test_ctrl_c_leaves_no_process_behind(open_folder: Path) -> None:
    """The whole demo as a user runs it, ended as a user ends it."""
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
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                address = found.group()
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


def test_patterns_forecast_contours_and_service(client: TestClient) -> None:
    whole = client.get("/api/v1/spatial-statistics").json()
    assert len(whole["grids"]) == 297
    assert len(whole["hours"]) == 168
    assert len(whole["near_repeats"]) == 9
    grid = whole["grids"][0]["grid"]
    cube = client.get("/api/v1/spatial-statistics/weekly-counts", params={"grid": grid}).json()
    assert (cube["weeks_from"], len(cube["weeks"])) == ("2023-11-05", 156)
    assert (
        client.get("/api/v1/spatial-statistics/weekly-counts", params={"grid": "x"}).status_code
        == 404
    )
    theft = client.get("/api/v1/spatial-statistics", params={"category": "theft"}).json()
    assert sum(g["count"] for g in theft["grids"]) < sum(g["count"] for g in whole["grids"])
    assert (
        client.get("/api/v1/spatial-statistics", params={"category": "none"}).json()["grids"] == []
    )
    forecast = client.get("/api/v1/spatial-statistics/forecast").json()
    offered = {t["model"] for t in forecast["tests"] if t["offered"]}
    assert {g["model"] for g in forecast["grids"]} == offered
    bands = client.get("/api/v1/spatial-statistics/contours", params={"kind": "density"}).json()[
        "features"
    ]
    assert bands[-1]["properties"]["high"] is None
    assert [b["properties"]["low"] for b in bands] == sorted(b["properties"]["low"] for b in bands)
    assert (
        client.get("/api/v1/spatial-statistics/contours", params={"kind": "x"}).status_code == 422
    )
    query = {"from": "2026-10", "until": "2026-11", "level": "district"}
    served = client.get("/api/v1/service-requests/quality", params=query).json()
    assert {row["code"] for row in served} == {"", "990101"}
    assert all(0 <= row["in_time_share"] <= 1 for row in served)


def test_areas_by_level_add_up_and_are_ranked(client: TestClient) -> None:
    by_level = {
        level: client.get("/api/v1/areas/results", params={"level": level}).json()
        for level in ("grid", "community", "subdistrict", "district")
    }
    whole = by_level["district"]["areas"][0]
    run = client.get("/api/v1/runs/latest").json()
    assert whole["open_covered_share"] == pytest.approx(run["summary"]["open_covered_share"])
    assert whole["incidents"] == run["summary"]["incidents"] - run["summary"]["incidents_outside"]
    for answer in by_level.values():
        for figure in ("area_m2", "covered_m2", "open_m2", "incidents", "population", "grids"):
            assert sum(a[figure] for a in answer["areas"]) == whole[figure]
    towns = by_level["subdistrict"]
    assert [a["rank"] for a in towns["areas"]] == [1, 2, 3, 4, 5, 6]
    shares = [a["open_covered_share"] for a in towns["areas"]]
    assert shares == sorted(shares, reverse=True)
    assert 0 < towns["gini"] < 1
    assert towns["areas"][0]["name_en"].endswith("Sub-district")
    quiet = client.get("/api/v1/areas/results", params={"by": "per_km2"}).json()["areas"]
    assert quiet[0]["per_km2"] == min(a["per_km2"] for a in quiet)
    assert client.get("/api/v1/areas/results", params={"level": "town"}).status_code == 422
