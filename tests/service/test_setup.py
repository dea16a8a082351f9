"""The set-up checklist, from an empty store to the first map."""

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
    with TestClient(app, cookies=sign_in(store)) as found:
        yield found


def fill(store: str, *statements: str) -> None:
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


def status(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/v1/setup/status")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_from_an_empty_store_to_a_map(client: TestClient, store: str) -> None:
    found = status(client)
    assert (found["ready"], found["next"]) == (False, "grids")
    assert {step["state"] for step in found["steps"]} == {"missing"}
    assert all(step["command"] for step in found["steps"])
    fill(store, GRID)
    assert status(client)["next"] == "cameras"
    fill(store, CAMERAS, BUILDINGS)
    found = status(client)
    assert found["next"] == "refresh"
    steps = {step["key"]: step for step in found["steps"]}
    # Three of five look one way, and of one of these the way is known.
    assert (steps["bearings"]["count"], steps["bearings"]["share"]) == (1, pytest.approx(1 / 3))
    assert (steps["heights"]["state"], steps["heights"]["share"]) == ("partial", 0.5)
    assert (steps["cameras"]["state"], steps["cameras"]["command"]) == ("present", None)
    with connect(store) as conn:
        refresh_all(conn, Settings())
    found = status(client)
    assert (found["ready"], found["next"]) == (True, None)
    fill(store, "UPDATE cameras SET bearing_deg = 10 WHERE code = 'c2'")
    steps = {step["key"]: step for step in status(client)["steps"]}
    assert (steps["refresh"]["state"], steps["refresh"]["command"]) == (
        "partial",
        "gridcover refresh",
    )
    assert steps["bearings"]["share"] == pytest.approx(2 / 3)


def test_who_may_see_it(store: str) -> None:
    fill(store, GRID, CAMERAS)
    expected = {
        "administrator": (200, 200),
        "clerk": (200, 200),
        "planner": (200, 403),
        "auditor": (403, 403),
    }
    for role, (api, page) in expected.items():
        with TestClient(create_app(store, Settings()), cookies=sign_in(store, role)) as client:
            assert client.get("/api/v1/setup/status").status_code == api, role
            assert client.get("/setup").status_code == page, role
    with TestClient(create_app(store, Settings())) as nobody:
        assert nobody.get("/api/v1/setup/status").status_code == 401
        assert nobody.get("/setup", follow_redirects=False).status_code == 303


def test_counts_are_those_of_ones_own_areas(store: str) -> None:
    fill(
        store,
        "INSERT INTO areas (code, name, level, geometry) VALUES "
        "('a1', 'one', 'community', ST_Multi(ST_MakeEnvelope(118, 31, 118.01, 31.0055, 4326))), "
        "('a2', 'two', 'community', ST_Multi(ST_MakeEnvelope(118, 31.0055, 118.01, 31.01, 4326)))",
        CAMERAS,
    )
    with TestClient(
        create_app(store, Settings()), cookies=sign_in(store, "planner", "a1")
    ) as client:
        steps = {step["key"]: step for step in status(client)["steps"]}
    assert (steps["areas"]["count"], steps["cameras"]["count"]) == (1, 1)


def test_holdings_of_the_demo(demo_store: str) -> None:
    """Against the registers read whole and counted in Python."""

    with connect(demo_store) as conn:
        have = count_holdings(conn)
        cameras = read_layer(conn, "cameras")
        buildings = read_layer(conn, "buildings")
    directed = cameras[~cameras["kind"].isin(["ptz", "panoramic"]) & ~(cameras["fov_deg"] >= 360)]
    assert have.cameras == len(cameras) == 1500
    assert have.directed_cameras == len(directed)
    assert have.cameras_with_bearing == directed["bearing_deg"].notna().sum()
    assert have.buildings_with_height == buildings["height_m"].notna().sum()
    assert have.computed
    assert not have.changed
    assert next_step(setup_steps(have)) is None


def test_a_share_of_nothing_is_missing() -> None:
    steps = {step.key: step for step in setup_steps(Holdings(cameras=3))}
    assert (steps["bearings"].state, steps["bearings"].share) == ("missing", None)


def test_breaks_come_with_the_values(client: TestClient, store: str) -> None:
    fill(
        store,
        GRID,
        GRID.replace("'g1'", "'g2'").replace("118, 31, 118.01, 31.01", "118.01, 31, 118.02, 31.01"),
        CAMERAS,
    )
    with connect(store) as conn:
        refresh_all(conn, Settings())
    found = client.get("/api/v1/grids/values").json()
    low, high = sorted(found["values"])
    assert low == 0
    assert 0 < high < 0.2
    for number in ("3", "4", "5"):
        (cut,) = found["breaks"]["natural"][number]
        assert low < cut <= high


def test_maps_name_the_sources_of_their_data(
    client: TestClient, store: str, tmp_path: Path
) -> None:
    from geo.ingest.osm.importing import import_osm
    from tests.support.osm_extracts import OsmExtract, box

    assert '"sources": []' in client.get("/maps/coverage").text
    city = OsmExtract()
    city.ring(box(0, 0, 20, 20), building="yes")
    with connect(store) as conn:
        import_osm(conn, city.write(tmp_path / "city.osm"))
    assert '"sources": ["OpenStreetMap"]' in client.get("/maps/coverage").text
    # Who sees a part of the deployment alone sees whose data it is too.
    fill(
        store,
        "INSERT INTO areas (code, name, level, geometry) VALUES "
        "('a1', 'one', 'community', ST_Multi(ST_MakeEnvelope(118, 31, 118.01, 31.01, 4326)))",
    )
    with TestClient(
        create_app(store, Settings()), cookies=sign_in(store, "planner", "a1")
    ) as other:
        assert '"sources": ["OpenStreetMap"]' in other.get("/maps/coverage").text
