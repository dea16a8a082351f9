"""What-if, sites and who sees a place, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient

import geo
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.registers import read_layer
from service.app import create_app
from tests.support.blind_spots import largest_blind_spot
from tests.support.commands import CommandResult
from tests.support.service import sign_in

MINE = "990101002"


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as found:
        yield found


def test_which_cameras_see_a_place(client: TestClient, demo_store: str) -> None:
    with connect(demo_store) as conn:
        stored = conn.execute(
            "SELECT camera, ST_X(p), ST_Y(p) FROM (SELECT camera, ST_PointOnSurface(geometry) AS p "
            "FROM camera_views WHERE area_m2 > 500 ORDER BY camera LIMIT 12) t"
        ).fetchall()
        for camera, lon, lat in stored:
            rows = client.get("/api/v1/visibility/cameras", params={"lon": lon, "lat": lat}).json()
            wanted = conn.execute(
                "SELECT array_agg(camera ORDER BY camera) FROM camera_views "
                "WHERE ST_Intersects(geometry, ST_SetSRID(ST_Point(%s, %s), 4326))",
                (lon, lat),
            ).fetchone()
            assert wanted is not None
            assert sorted(row["camera"] for row in rows) == wanted[0]
            assert camera in wanted[0]
            distances = [row["distance_m"] for row in rows]
            assert distances == sorted(distances)
            sphere = conn.execute(
                "SELECT ST_Distance(geometry::geography, ST_SetSRID(ST_Point(%s, %s), "
                "4326)::geography) "
                "FROM cameras WHERE code = %s",
                (lon, lat, rows[0]["camera"]),
            ).fetchone()
            assert sphere is not None
            assert distances[0] == pytest.approx(sphere[0], rel=2e-3)
    spot = largest_blind_spot(demo_store)
    assert (
        client.get("/api/v1/visibility/cameras", params={"lon": spot[0], "lat": spot[1]}).json()
        == []
    )


def test_what_if_adds_what_a_refresh_would_find(client: TestClient, demo_store: str) -> None:
    lon, lat = largest_blind_spot(demo_store)
    camera = {"lon": lon, "lat": lat, "kind": "ptz", "height_m": 9}
    told = client.post("/api/v1/planning/what-if", json={"cameras": [camera]}).json()
    assert told["gained_m2"] > 1000
    # By other means: coverage of the grids it meets, with and without it.
    codes = [row["grid"] for row in told["grids"]]
    with connect(demo_store) as conn:
        grids = read_layer(conn, "grids", codes=codes).to_crs(32650)
        box = shapely.box(*shapely.total_bounds(grids.to_crs(4326).geometry.values)).buffer(0.005)
        buildings = read_layer(conn, "buildings", boxes=[box.bounds]).to_crs(32650)
        cameras = read_layer(conn, "cameras", boxes=[box.bounds]).to_crs(32650)
    cameras = cameras[cameras["status"].isin(["working", "unknown"])]
    place = gpd.GeoDataFrame(
        {"kind": ["ptz"], "height_m": [9.0]},
        geometry=gpd.points_from_xy([lon], [lat]),
        crs=4326,
        index=["new"],
    ).to_crs(32650)
    old, new = geo.visible_area(cameras, buildings), geo.visible_area(place, buildings)
    before = geo.coverage_by_grid(grids, old, buildings=buildings)
    after = geo.coverage_by_grid(grids, gpd.GeoSeries([*old, *new], crs=32650), buildings=buildings)
    gained = after["covered_m2"] - before["covered_m2"]
    for row in told["grids"]:
        assert row["gained_m2"] == pytest.approx(gained[row["grid"]], abs=1.0)
        assert row["share_after"] == pytest.approx(
            after["open_covered_share"][row["grid"]], abs=2e-4
        )
    assert sum(row["gained_m2"] for row in told["grids"]) <= told["gained_m2"] + 1e-6
    (view,) = told["views"]
    assert view["area_m2"] == pytest.approx(new.area.iloc[0], rel=1e-6)
    with connect(demo_store) as conn:
        there = conn.execute("SELECT count(*) FROM cameras").fetchone()
        asked = conn.execute("SELECT count(*) FROM audit WHERE action = 'requested'").fetchone()
    assert there == (1500,)
    assert asked is not None
    assert asked[0] > 0


def test_sites_gain_what_they_say(client: TestClient, demo_store: str) -> None:
    wanted: dict[str, Any] = {"count": 6, "area": MINE}
    told = client.post("/api/v1/planning/sites", json=wanted).json()
    assert len(told["sites"]) == 6
    assert [s["rank"] for s in told["sites"]] == list(range(1, 7))
    assert all(s["grid"].startswith(MINE) for s in told["sites"])
    assert told["gain"] == pytest.approx(sum(s["gain"] for s in told["sites"]))
    assert told["gain"] <= told["upper_bound"]
    assert told["gap"] < 0.2
    # The demand is points of a lattice; the ground itself is measured by what-if.
    cameras = [{"lon": s["lon"], "lat": s["lat"], "kind": "ptz"} for s in told["sites"]]
    gain = client.post("/api/v1/planning/what-if", json={"cameras": cameras}).json()
    inside = sum(row["gained_m2"] for row in gain["grids"] if row["grid"].startswith(MINE))
    assert inside == pytest.approx(told["gain"], rel=0.06)
    fixed = client.post(
        "/api/v1/planning/sites",
        json={**wanted, "camera": {"kind": "fixed"}, "objective": "incidents", "time_limit_s": 1},
    ).json()
    assert fixed["objective"] == "incidents"
    assert len({s["bearing_deg"] for s in fixed["sites"]}) > 1
    assert fixed["gain"] == int(fixed["gain"])


def test_sites_from_the_command_line(
    demo_store: str, run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_DATABASE_URL", demo_store)
    told = json.loads(run("sites", "--number", "2", "--area", MINE, "--json").stdout)
    assert [row["rank"] for row in told["sites"]] == [1, 2]
    assert told["sites"][0]["gain"] >= told["sites"][1]["gain"] > 0
    assert "no other choice" in run("sites", "--number", "1", "--area", MINE).stderr
    assert run("sites", "--number", "1", "--kind", "drone").returncode == 2
    assert "no grids" in run("sites", "--number", "1", "--area", "x").stderr


def test_a_neighbour_plans_with_their_own(demo_store: str) -> None:
    cookies = sign_in(demo_store, "planner", MINE)
    with TestClient(create_app(demo_store, Settings()), cookies=cookies) as client:
        lon, lat = largest_blind_spot(demo_store, "990101001")
        told = client.post(
            "/api/v1/planning/what-if", json={"cameras": [{"lon": lon, "lat": lat}]}
        ).json()
        assert all(row["grid"].startswith(MINE) for row in told["grids"])
        refused = client.post("/api/v1/planning/sites", json={"count": 1, "area": "990101001"})
        assert refused.status_code == 400
        assert "no grids" in refused.json()["detail"]


def test_bad_questions(client: TestClient, demo_store: str, store: str) -> None:
    here = {"lon": 118.04, "lat": 30.95}
    for body, says in (
        ({}, "cameras"),
        ({"cameras": []}, "at least 1"),
        ({"cameras": [{**here, "range_m": -1}]}, "range_m"),
        ({"cameras": [{**here, "colour": "red"}]}, "colour"),
        ({"cameras": [here] * 51}, "at most 50"),
        ({"cameras": [{"lon": 200, "lat": 0}]}, "lon"),
    ):
        answer = client.post("/api/v1/planning/what-if", json=body)
        assert answer.status_code == 422, body
        assert says in answer.json()["detail"]
    foreign = client.post(
        "/api/v1/planning/what-if",
        json={"cameras": [here]},
        headers={"Origin": "https://evil.example"},
    )
    assert foreign.status_code == 403
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as empty:
        assert empty.post("/api/v1/planning/what-if", json={"cameras": [here]}).status_code == 400
    settings = Settings(coarse_roles=["analyst"])
    with TestClient(
        create_app(demo_store, settings), cookies=sign_in(demo_store, "analyst")
    ) as coarse:
        assert coarse.get("/api/v1/visibility/cameras", params=here).status_code == 403


def test_what_if_anywhere_in_the_district(client: TestClient, demo_store: str) -> None:
    with connect(demo_store) as conn:
        box = conn.execute(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT "
            "ST_Extent(geometry) AS e FROM grids) t"
        ).fetchone()
    assert box is not None
    rng = np.random.default_rng(4)
    for lon, lat in zip(
        rng.uniform(box[0], box[2], 40), rng.uniform(box[1], box[3], 40), strict=True
    ):
        camera = {"lon": lon, "lat": lat, "range_m": 60}
        answer = client.post("/api/v1/planning/what-if", json={"cameras": [camera]})
        assert answer.status_code == 200, (lon, lat, answer.text)
    # A place whose shape could not be rounded without folding it over.
    camera = {"lon": 118.03224238764467, "lat": 30.944346512769027, "range_m": 60}
    assert client.post("/api/v1/planning/what-if", json={"cameras": [camera]}).status_code == 200
