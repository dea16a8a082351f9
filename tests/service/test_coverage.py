"""Tests of coverage over HTTP: grid values and cards, blind spots, search, camera views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import shapely
from fastapi.testclient import TestClient

from geo.settings import Settings
from geo.store.connection import connect
from service.app import create_app
from tests.support.service import sign_in

OWN_AREA, OTHER_AREA = "990101002", "990101001"


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as test_client:
        yield test_client


def query_rows(conninfo: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connect(conninfo) as conn:
        return conn.execute(query.encode(), values).fetchall()


def test_grid_values_agree_with_grids_and_database(client: TestClient, demo_store: str) -> None:
    grids = client.get("/api/v1/grids").json()["features"]
    for measure in ("open_covered_share", "covered_share", "twice_covered_share"):
        body = client.get("/api/v1/grids/values", params={"measure": measure}).json()
        assert dict(zip(body["codes"], body["values"], strict=True)) == {
            f["properties"]["code"]: pytest.approx(f["properties"][measure], abs=5e-5)
            for f in grids
        }
    query = {"cameras": "all", "light": "night", "image": "seen"}
    body = client.get("/api/v1/grids/values", params=query).json()
    shares = dict(
        query_rows(demo_store, "SELECT code, shares FROM area_quality WHERE layer = 'grids'")
    )
    for code, value in zip(body["codes"], body["values"], strict=True):
        assert value == pytest.approx(shares[code]["all"]["night"]["seen"], abs=5e-5)
    response = client.get("/api/v1/grids/values", params={"image": "2014.recognise"})
    recognised = response.json()["values"]
    seen = client.get("/api/v1/grids/values").json()["values"]
    assert 0 < sum(recognised) < sum(seen)
    risk = client.get("/api/v1/grids/values", params={"measure": "risk"}).json()
    sums = dict(query_rows(demo_store, "SELECT grid, sum(risk) FROM blind_spots GROUP BY 1"))
    for code, value in zip(risk["codes"], risk["values"], strict=True):
        assert value == (pytest.approx(sums[code], abs=6e-4) if code in sums else None)
    run = body["run"]
    repeated = client.get("/api/v1/grids/values", params={"run": run}).json()
    assert repeated["values"] == seen


@pytest.mark.parametrize(
    "query",
    [
        {"light": "night", "measure": "covered_share"},
        {"cameras": "all", "image": "2025.discern"},
        {"light": "night", "run": 1},
    ],
)
def test_grid_values_refuse_unsupported_combinations(
    client: TestClient, query: dict[str, Any]
) -> None:
    assert client.get("/api/v1/grids/values", params=query).status_code == 422


def test_blind_spot_ranking_orders_and_pages(client: TestClient, demo_store: str) -> None:
    for by in ("area", "risk"):
        ranking = client.get("/api/v1/blind-spots/ranking", params={"by": by, "limit": 200}).json()
        keys = [row["area_m2"] if by == "area" else row["risk"] for row in ranking["blind_spots"]]
        assert keys == sorted(keys, reverse=True)
        assert [row["rank"] for row in ranking["blind_spots"]] == list(range(1, 201))
        (total,) = query_rows(
            demo_store, "SELECT count(*), sum(area_m2), sum(risk) FROM blind_spots"
        )
        assert (ranking["total"], ranking["area_m2"], ranking["risk"]) == (
            total[0],
            pytest.approx(total[1]),
            pytest.approx(total[2]),
        )
        next_page = client.get(
            "/api/v1/blind-spots/ranking", params={"by": by, "limit": 50, "offset": 150}
        ).json()["blind_spots"]
        assert next_page == ranking["blind_spots"][150:]
    first = ranking["blind_spots"][0]
    assert first["risk"] > 0
    assert first["rank"] == 1
    own_ranking = client.get(
        "/api/v1/blind-spots/ranking", params={"area": OWN_AREA, "limit": 1000}
    ).json()
    assert own_ranking["blind_spots"]
    assert all(row["grid"].startswith(OWN_AREA) for row in own_ranking["blind_spots"])


def test_blind_spot_risk_equals_kernel_sum_of_incidents(demo_store: str) -> None:
    """Compare the risk with the quartic kernel summed on a lattice of the blind spot."""
    spot = query_rows(
        demo_store,
        "SELECT ST_AsText(ST_Transform(b.geometry, r.srid)), b.risk, r.srid FROM blind_spots b, "
        "(SELECT split_part(metric_crs, ':', 2)::integer AS srid FROM runs "
        "ORDER BY id DESC LIMIT 1) r WHERE b.risk > 0.2 AND b.area_m2 < 4000 "
        "ORDER BY b.risk DESC LIMIT 1",
    )[0]
    shape = shapely.from_wkt(spot[0])
    west, south, east, north = shape.bounds
    places = query_rows(
        demo_store,
        "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_Transform(ST_SetSRID(ST_Point(lon, lat), 4326), "
        "%s::integer) AS p FROM incident_events WHERE lon IS NOT NULL AND at > (SELECT max(at) "
        "FROM incident_events) - interval '365 days') t",
        spot[2],
    )
    total, step = 0.0, 1.0
    x = west + step / 2
    nearby = [
        (a, b) for a, b in places if west - 50 < a < east + 50 and south - 50 < b < north + 50
    ]
    while x < east:
        y = south + step / 2
        while y < north:
            if shapely.contains_xy(shape, x, y):
                for a, b in nearby:
                    remaining = 1 - ((x - a) ** 2 + (y - b) ** 2) / 2500
                    total += max(remaining, 0.0) ** 2 * 3 / (3.141592653589793 * 2500)
            y += step
        x += step
    assert spot[1] == pytest.approx(total, rel=0.08)


def test_grid_card_agrees_with_database(client: TestClient, demo_store: str) -> None:
    code = query_rows(
        demo_store, "SELECT grid FROM grid_staff WHERE role = 'head' ORDER BY 1 LIMIT 1"
    )[0][0]
    card = client.get(f"/api/v1/grids/{code}/card").json()
    assert card["code"] == code
    assert card["subdistrict_name"]
    assert card["trend"][-1]["open_covered_share"] == card["open_covered_share"]
    assert sum(m["count"] for m in card["months"]) == card["incidents"]
    assert card["staff"][0]["role"] == "head"
    assert card["staff"][0]["phone"]
    seen_by = {
        row[0]
        for row in query_rows(
            demo_store,
            "SELECT v.camera FROM camera_views v, grids g WHERE g.code = %s AND "
            "ST_Intersects(v.geometry, g.geometry) UNION SELECT c.code FROM cameras c, grids g "
            "WHERE g.code = %s AND ST_Intersects(c.geometry, g.geometry)",
            code,
            code,
        )
    }
    assert {c["code"] for c in card["seen_by"]} == seen_by
    assert card["assumed"] == sum(c["assumed"] for c in card["seen_by"])
    assert client.get("/api/v1/grids/nowhere/card").status_code == 404


def test_search_finds_cameras_grids_and_areas(client: TestClient, demo_store: str) -> None:
    camera, grid, area = query_rows(
        demo_store,
        "SELECT (SELECT code FROM cameras ORDER BY code OFFSET 5 LIMIT 1), "
        "(SELECT name FROM grids LIMIT 1), "
        "(SELECT name_en FROM areas WHERE level = 'subdistrict' ORDER BY code LIMIT 1)",
    )[0]
    assert client.get("/api/v1/search", params={"q": camera}).json()[0]["code"] == camera
    assert client.get("/api/v1/search", params={"q": f" {grid} "}).json()[0]["name"] == grid
    matches = client.get("/api/v1/search", params={"q": area.lower()}).json()
    assert (matches[0]["kind"], matches[0]["name_en"]) == ("subdistrict", area)
    assert client.get("/api/v1/search", params={"q": "100%_\\"}).json() == []
    assert client.get("/api/v1/search", params={"q": "  "}).status_code == 422
    west, south, east, north = matches[0]["bbox"]
    assert west < east
    assert south < north


def test_camera_view_seen_and_hidden_fill_the_sector(client: TestClient, demo_store: str) -> None:
    obstructed = 0
    for code, area in query_rows(
        demo_store, "SELECT camera, area_m2 FROM camera_views ORDER BY camera LIMIT 12"
    ):
        view = client.get(f"/api/v1/cameras/{code}/view").json()
        assert view["seen_m2"] == pytest.approx(area, abs=0.01)
        seen, hidden = (
            # After rounding to a centimetre, edges may touch each other.
            shapely.make_valid(shapely.geometry.shape(view[name]))
            for name in ("seen", "hidden")
        )
        assert seen.intersection(hidden).area < 1e-9
        reach = view["parameters"]["range_m"] ** 2 - view["parameters"]["near_m"] ** 2
        sector = 3.141592653589793 * reach * view["parameters"]["fov_deg"] / 360
        assert view["seen_m2"] + view["hidden_m2"] == pytest.approx(sector, rel=0.01)
        obstructed += view["hidden_m2"] > 1
    assert obstructed
    assert client.get("/api/v1/cameras/none/view").status_code == 404
