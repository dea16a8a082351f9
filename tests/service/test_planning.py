"""Tests of planning over HTTP: what-if, siting, cameras that see a place."""

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

OWN_AREA = "990101002"


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as test_client:
        yield test_client


def test_visibility_cameras_agree_with_views(client: TestClient, demo_store: str) -> None:
    with connect(demo_store) as conn:
        stored = conn.execute(
            "SELECT camera, ST_X(p), ST_Y(p) FROM (SELECT camera, ST_PointOnSurface(geometry) AS p "
            "FROM camera_views WHERE area_m2 > 500 ORDER BY camera LIMIT 12) t"
        ).fetchall()
        for camera, lon, lat in stored:
            rows = client.get("/api/v1/visibility/cameras", params={"lon": lon, "lat": lat}).json()
            expected = conn.execute(
                "SELECT array_agg(camera ORDER BY camera) FROM camera_views "
                "WHERE ST_Intersects(geometry, ST_SetSRID(ST_Point(%s, %s), 4326))",
                (lon, lat),
            ).fetchone()
            assert expected is not None
            assert sorted(row["camera"] for row in rows) == expected[0]
            assert camera in expected[0]
            distances = [row["distance_m"] for row in rows]
            assert distances == sorted(distances)
            distance = conn.execute(
                "SELECT ST_Distance(geometry::geography, ST_SetSRID(ST_Point(%s, %s), "
                "4326)::geography) "
                "FROM cameras WHERE code = %s",
                (lon, lat, rows[0]["camera"]),
            ).fetchone()
            assert distance is not None
            assert distances[0] == pytest.approx(distance[0], rel=2e-3)
    lon, lat = largest_blind_spot(demo_store)
    unseen = client.get("/api/v1/visibility/cameras", params={"lon": lon, "lat": lat})
    assert unseen.json() == []


def test_what_if_gain_equals_difference_of_coverage(client: TestClient, demo_store: str) -> None:
    lon, lat = largest_blind_spot(demo_store)
    camera = {"lon": lon, "lat": lat, "kind": "ptz", "height_m": 9}
    result = client.post("/api/v1/planning/what-if", json={"cameras": [camera]}).json()
    assert result["gained_m2"] > 1000
    # Compare with the coverage of the affected grids, with and without the camera.
    codes = [row["grid"] for row in result["grids"]]
    with connect(demo_store) as conn:
        grids = read_layer(conn, "grids", codes=codes).to_crs(32650)
        box = shapely.box(*shapely.total_bounds(grids.to_crs(4326).geometry.values)).buffer(0.005)
        buildings = read_layer(conn, "buildings", boxes=[box.bounds]).to_crs(32650)
        cameras = read_layer(conn, "cameras", boxes=[box.bounds]).to_crs(32650)
    cameras = cameras[cameras["status"].isin(["working", "unknown"])]
    planned = gpd.GeoDataFrame(
        {"kind": ["ptz"], "height_m": [9.0]},
        geometry=gpd.points_from_xy([lon], [lat]),
        crs=4326,
        index=["new"],
    ).to_crs(32650)
    old_views, new_views = (
        geo.visible_area(cameras, buildings),
        geo.visible_area(planned, buildings),
    )
    before = geo.coverage_by_grid(grids, old_views, buildings=buildings)
    after = geo.coverage_by_grid(
        grids, gpd.GeoSeries([*old_views, *new_views], crs=32650), buildings=buildings
    )
    gained_m2 = after["covered_m2"] - before["covered_m2"]
    for row in result["grids"]:
        assert row["gained_m2"] == pytest.approx(gained_m2[row["grid"]], abs=1.0)
        assert row["share_after"] == pytest.approx(
            after["open_covered_share"][row["grid"]], abs=2e-4
        )
    assert sum(row["gained_m2"] for row in result["grids"]) <= result["gained_m2"] + 1e-6
    (view,) = result["views"]
    assert view["area_m2"] == pytest.approx(new_views.area.iloc[0], rel=1e-6)
    with connect(demo_store) as conn:
        camera_count = conn.execute("SELECT count(*) FROM cameras").fetchone()
        audit_count = conn.execute(
            "SELECT count(*) FROM audit WHERE action = 'requested'"
        ).fetchone()
    assert camera_count == (1500,)
    assert audit_count is not None
    assert audit_count[0] > 0


def test_sites_gain_agrees_with_what_if(client: TestClient, demo_store: str) -> None:
    request: dict[str, Any] = {"count": 6, "area": OWN_AREA}
    plan = client.post("/api/v1/planning/sites", json=request).json()
    assert len(plan["sites"]) == 6
    assert [s["rank"] for s in plan["sites"]] == list(range(1, 7))
    assert all(s["grid"].startswith(OWN_AREA) for s in plan["sites"])
    assert plan["gain"] == pytest.approx(sum(s["gain"] for s in plan["sites"]))
    assert plan["gain"] <= plan["upper_bound"]
    assert plan["gap"] < 0.2
    # Siting counts lattice points, what-if measures areas.
    cameras = [{"lon": s["lon"], "lat": s["lat"], "kind": "ptz"} for s in plan["sites"]]
    what_if = client.post("/api/v1/planning/what-if", json={"cameras": cameras}).json()
    inside = sum(row["gained_m2"] for row in what_if["grids"] if row["grid"].startswith(OWN_AREA))
    assert inside == pytest.approx(plan["gain"], rel=0.06)
    fixed_plan = client.post(
        "/api/v1/planning/sites",
        json={**request, "camera": {"kind": "fixed"}, "objective": "incidents", "time_limit_s": 1},
    ).json()
    assert fixed_plan["objective"] == "incidents"
    assert len({s["bearing_deg"] for s in fixed_plan["sites"]}) > 1
    assert fixed_plan["gain"] == int(fixed_plan["gain"])


def test_sites_command_lists_sites_and_errors(
    demo_store: str, run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCOVER_DATABASE_URL", demo_store)
    plan = json.loads(run("sites", "--number", "2", "--area", OWN_AREA, "--json").stdout)
    assert [row["rank"] for row in plan["sites"]] == [1, 2]
    assert plan["sites"][0]["gain"] >= plan["sites"][1]["gain"] > 0
    assert "no other choice" in run("sites", "--number", "1", "--area", OWN_AREA).stderr
    assert run("sites", "--number", "1", "--kind", "drone").returncode == 2
    assert "no grids" in run("sites", "--number", "1", "--area", "x").stderr


def test_planning_is_limited_to_own_areas(demo_store: str) -> None:
    cookies = sign_in(demo_store, "planner", OWN_AREA)
    with TestClient(create_app(demo_store, Settings()), cookies=cookies) as client:
        lon, lat = largest_blind_spot(demo_store, "990101001")
        result = client.post(
            "/api/v1/planning/what-if", json={"cameras": [{"lon": lon, "lat": lat}]}
        ).json()
        assert all(row["grid"].startswith(OWN_AREA) for row in result["grids"])
        refused = client.post("/api/v1/planning/sites", json={"count": 1, "area": "990101001"})
        assert refused.status_code == 400
        assert "no grids" in refused.json()["detail"]


def test_planning_refuses_invalid_requests(client: TestClient, demo_store: str, store: str) -> None:
    location = {"lon": 118.04, "lat": 30.95}
    for body, message in (
        ({}, "cameras"),
        ({"cameras": []}, "at least 1"),
        ({"cameras": [{**location, "range_m": -1}]}, "range_m"),
        ({"cameras": [{**location, "colour": "red"}]}, "colour"),
        ({"cameras": [location] * 51}, "at most 50"),
        ({"cameras": [{"lon": 200, "lat": 0}]}, "lon"),
    ):
        response = client.post("/api/v1/planning/what-if", json=body)
        assert response.status_code == 422, body
        assert message in response.json()["detail"]
    foreign = client.post(
        "/api/v1/planning/what-if",
        json={"cameras": [location]},
        headers={"Origin": "https://evil.example"},
    )
    assert foreign.status_code == 403
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as empty:
        assert (
            empty.post("/api/v1/planning/what-if", json={"cameras": [location]}).status_code == 400
        )
    settings = Settings(coarse_roles=["analyst"])
    with TestClient(
        create_app(demo_store, settings), cookies=sign_in(demo_store, "analyst")
    ) as coarse:
        assert coarse.get("/api/v1/visibility/cameras", params=location).status_code == 403


def test_what_if_succeeds_anywhere_in_the_district(client: TestClient, demo_store: str) -> None:
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
        response = client.post("/api/v1/planning/what-if", json={"cameras": [camera]})
        assert response.status_code == 200, (lon, lat, response.text)
    # A place whose view became invalid when its coordinates were rounded.
    camera = {"lon": 118.03224238764467, "lat": 30.944346512769027, "range_m": 60}
    assert client.post("/api/v1/planning/what-if", json={"cameras": [camera]}).status_code == 200
