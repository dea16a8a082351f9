"""Tests of the set-up checklist, from an empty store to the first map."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from geo.governance.setup import Holdings, next_step, setup_steps
from geo.pipeline import refresh_all
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.holdings import count_holdings
from geo.store.queries.registers import read_layer
from service.app import create_app
from tests.support.service import sign_in


@pytest.fixture
def client(store: str) -> Iterator[TestClient]:
    # Versions of layers are read once a second: at every look this clock is ten seconds later.
    app = create_app(store, Settings(), clock=itertools.count(0.0, 10.0).__next__)
    with TestClient(app, cookies=sign_in(store)) as test_client:
        yield test_client


def execute_all(store: str, *statements: str) -> None:
    with connect(store) as conn:
        for statement in statements:
            conn.execute(statement.encode())
        conn.commit()


GRID = (
    "INSERT INTO grids (code, name, geometry) VALUES "
    "('g1', 'one', ST_Multi(ST_MakeEnvelope(118, 31, 118.01, 31.01, 4326)))"
)
CAMERAS = (
    "INSERT INTO cameras (code, kind, bearing_deg, fov_deg, geometry) VALUES "
    "('c1', 'fixed', 90, NULL, ST_SetSRID(ST_Point(118.005, 31.005), 4326)), "
    "('c2', 'fixed', NULL, 70, ST_SetSRID(ST_Point(118.005, 31.006), 4326)), "
    "('c3', 'dome', NULL, 360, ST_SetSRID(ST_Point(118.005, 31.007), 4326)), "
    "('c4', 'ptz', NULL, NULL, ST_SetSRID(ST_Point(118.005, 31.008), 4326)), "
    "('c5', 'unknown', NULL, NULL, ST_SetSRID(ST_Point(118.005, 31.009), 4326))"
)
BUILDINGS = (
    "INSERT INTO buildings (id, height_m, geometry) VALUES "
    "('b1', 12, ST_Multi(ST_MakeEnvelope(118.001, 31.001, 118.002, 31.002, 4326))), "
    "('b2', NULL, ST_Multi(ST_MakeEnvelope(118.003, 31.001, 118.004, 31.002, 4326)))"
)


def read_status(client: TestClient) -> dict[str, Any]:
    response = client.get("/api/v1/setup/status")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def test_setup_status_advances_from_empty_to_ready(client: TestClient, store: str) -> None:
    body = read_status(client)
    assert (body["ready"], body["next"]) == (False, "grids")
    assert {step["state"] for step in body["steps"]} == {"missing"}
    assert all(step["command"] for step in body["steps"])
    execute_all(store, GRID)
    assert read_status(client)["next"] == "cameras"
    execute_all(store, CAMERAS, BUILDINGS)
    body = read_status(client)
    assert body["next"] == "refresh"
    steps = {step["key"]: step for step in body["steps"]}
    # Three of five cameras are directed, and one of these has a bearing.
    assert (steps["bearings"]["count"], steps["bearings"]["share"]) == (1, pytest.approx(1 / 3))
    assert (steps["heights"]["state"], steps["heights"]["share"]) == ("partial", 0.5)
    assert (steps["cameras"]["state"], steps["cameras"]["command"]) == ("present", None)
    with connect(store) as conn:
        refresh_all(conn, Settings())
    body = read_status(client)
    assert (body["ready"], body["next"]) == (True, None)
    execute_all(store, "UPDATE cameras SET bearing_deg = 10 WHERE code = 'c2'")
    steps = {step["key"]: step for step in read_status(client)["steps"]}
    assert (steps["refresh"]["state"], steps["refresh"]["command"]) == (
        "partial",
        "gridcover refresh",
    )
    assert steps["bearings"]["share"] == pytest.approx(2 / 3)


def test_setup_requires_rights_of_roles(store: str) -> None:
    execute_all(store, GRID, CAMERAS)
    expected = {
        "administrator": (200, 200),
        "clerk": (200, 200),
        "planner": (200, 403),
        "auditor": (403, 403),
    }
    for role, (api_status, page_status) in expected.items():
        with TestClient(create_app(store, Settings()), cookies=sign_in(store, role)) as client:
            assert client.get("/api/v1/setup/status").status_code == api_status, role
            assert client.get("/setup").status_code == page_status, role
    with TestClient(create_app(store, Settings())) as anonymous:
        assert anonymous.get("/api/v1/setup/status").status_code == 401
        assert anonymous.get("/setup", follow_redirects=False).status_code == 303


def test_setup_status_counts_own_areas(store: str) -> None:
    execute_all(
        store,
        "INSERT INTO areas (code, name, level, geometry) VALUES "
        "('a1', 'one', 'community', ST_Multi(ST_MakeEnvelope(118, 31, 118.01, 31.0055, 4326))), "
        "('a2', 'two', 'community', ST_Multi(ST_MakeEnvelope(118, 31.0055, 118.01, 31.01, 4326)))",
        CAMERAS,
    )
    with TestClient(
        create_app(store, Settings()), cookies=sign_in(store, "planner", "a1")
    ) as client:
        steps = {step["key"]: step for step in read_status(client)["steps"]}
    assert (steps["areas"]["count"], steps["cameras"]["count"]) == (1, 1)


def test_count_holdings_agrees_with_registers(demo_store: str) -> None:
    """Compare with the registers counted in Python."""
    with connect(demo_store) as conn:
        holdings = count_holdings(conn)
        cameras = read_layer(conn, "cameras")
        buildings = read_layer(conn, "buildings")
    directed = cameras[~cameras["kind"].isin(["ptz", "panoramic"]) & ~(cameras["fov_deg"] >= 360)]
    assert holdings.cameras == len(cameras) == 1500
    assert holdings.directed_cameras == len(directed)
    assert holdings.cameras_with_bearing == directed["bearing_deg"].notna().sum()
    assert holdings.buildings_with_height == buildings["height_m"].notna().sum()
    assert holdings.computed
    assert not holdings.changed
    assert next_step(setup_steps(holdings)) is None


def test_setup_steps_share_is_missing_without_data() -> None:
    steps = {step.key: step for step in setup_steps(Holdings(cameras=3))}
    assert (steps["bearings"].state, steps["bearings"].share) == ("missing", None)


def test_grid_values_include_class_breaks(client: TestClient, store: str) -> None:
    execute_all(
        store,
        GRID,
        GRID.replace("'g1'", "'g2'").replace("118, 31, 118.01, 31.01", "118.01, 31, 118.02, 31.01"),
        CAMERAS,
    )
    with connect(store) as conn:
        refresh_all(conn, Settings())
    body = client.get("/api/v1/grids/values").json()
    low, high = sorted(body["values"])
    assert low == 0
    assert 0 < high < 0.2
    for number in ("3", "4", "5"):
        (cut,) = body["breaks"]["natural"][number]
        assert low < cut <= high


def test_maps_name_sources_of_data(client: TestClient, store: str, tmp_path: Path) -> None:
    from geo.ingest.osm.importing import import_osm
    from tests.support.osm_extracts import OsmExtract, box

    assert '"sources": []' in client.get("/maps/coverage").text
    extract = OsmExtract()
    extract.ring(box(0, 0, 20, 20), building="yes")
    with connect(store) as conn:
        import_osm(conn, extract.write(tmp_path / "city.osm"))
    assert '"sources": ["OpenStreetMap"]' in client.get("/maps/coverage").text
    # Accounts of one area see the sources too.
    execute_all(
        store,
        "INSERT INTO areas (code, name, level, geometry) VALUES "
        "('a1', 'one', 'community', ST_Multi(ST_MakeEnvelope(118, 31, 118.01, 31.01, 4326)))",
    )
    with TestClient(
        create_app(store, Settings()), cookies=sign_in(store, "planner", "a1")
    ) as community_client:
        assert '"sources": ["OpenStreetMap"]' in community_client.get("/maps/coverage").text
