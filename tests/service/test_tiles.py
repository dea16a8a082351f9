"""Tests of vector tiles: content, size, caching and scope."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pytest
from fastapi.testclient import TestClient

from geo.pipeline import refresh_all
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.tiles import COARSE_DEG, TILE_SETS, build_tile, read_layer_versions
from service.app import create_app
from tests.support.rows import insert_cameras, insert_grids
from tests.support.service import sign_in

OWN_AREA = "990101002"


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as test_client:
        yield test_client


def central_tile(conninfo: str, z: int) -> tuple[int, int]:
    """Return the tile of the centre of the district."""
    with connect(conninfo) as conn:
        row = conn.execute(
            "SELECT floor((ST_X(c) + 180) / 360 * 2 ^ %(z)s)::int, "
            "floor((1 - ln(tan(radians(ST_Y(c))) + 1 / cos(radians(ST_Y(c)))) / pi()) "
            "/ 2 * 2 ^ %(z)s)::int "
            "FROM (SELECT ST_Centroid(ST_Extent(geometry)) AS c FROM grids) t",
            {"z": z},
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def read_layers(data: bytes, z: int, x: int, y: int, folder: Path) -> dict[str, gpd.GeoDataFrame]:
    """Return the layers of a tile in EPSG:4326 as read by GDAL."""
    path = folder / f"{z}-{x}-{y}.pbf"
    path.write_bytes(data)
    tile_options = {"X": str(x), "Y": str(y), "Z": str(z)}
    return {
        str(name): pyogrio.read_dataframe(path, layer=name, **tile_options)
        .to_crs(4326)
        .drop(columns="mvt_id")
        for name, _ in pyogrio.list_layers(path)
    }


def count_within(conninfo: str, table: str, z: int, x: int, y: int) -> int:
    with connect(conninfo) as conn:
        row = conn.execute(
            f"SELECT count(*) FROM {table} WHERE ST_Intersects(geometry, "
            "ST_Transform(ST_TileEnvelope(%s, %s, %s), 4326))",
            (z, x, y),
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_tile_grids_carry_results(client: TestClient, demo_store: str, tmp_path: Path) -> None:
    x, y = central_tile(demo_store, 14)
    response = client.get(f"/tiles/grids/14/{x}/{y}.pbf")
    features = read_layers(response.content, 14, x, y, tmp_path)["grids"]
    with connect(demo_store) as conn:
        expected = dict(conn.execute("SELECT code, open_covered_share FROM layer_grids").fetchall())
        areas = dict(
            conn.execute(
                "SELECT code, ST_Area(ST_Transform(ST_Intersection(geometry, "
                "ST_Transform(ST_TileEnvelope(14, %s, %s), 4326)), 32650)) "
                "FROM grids",
                (x, y),
            ).fetchall()
        )
    inside = {code for code, area in areas.items() if area > 100}
    assert inside <= set(features["code"])
    for row in features.itertuples():
        assert row.open_covered_share == pytest.approx(expected[row.code])
    # Simplified to half a pixel and clipped at the margin of the tile: areas are nearly equal.
    drawn = features.set_index("code").to_crs(32650)
    middle = [code for code in inside if areas[code] > 20_000]
    assert len(middle) > 10
    for code in middle:
        assert drawn.geometry[code].area >= 0.97 * areas[code]


@pytest.mark.parametrize("z", [8, 11, 14])
def test_tile_cameras_are_aggregated_below_zoom_15(
    client: TestClient, demo_store: str, tmp_path: Path, z: int
) -> None:
    x, y = central_tile(demo_store, z)
    features = read_layers(
        client.get(f"/tiles/cameras/{z}/{x}/{y}.pbf").content, z, x, y, tmp_path
    )["cameras"]
    assert set(features.columns) == {"count", "working", "unknown", "geometry"}
    # Cells of the whole district with their centre in the tile (GDAL clips the margin): a cell at
    # an edge counts all of its cameras.
    cell = 360 / 2**z / 256 * 56
    with connect(demo_store) as conn:
        expected = conn.execute(
            "WITH box AS (SELECT ST_Transform(ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4326) AS b) "
            "SELECT n, inside FROM (SELECT count(*)::integer AS n, "
            "ST_Intersects(ST_SetSRID(ST_Point(avg(ST_X(geometry)), avg(ST_Y(geometry))), 4326), "
            "(SELECT b FROM box)) AS inside FROM cameras GROUP BY floor(ST_X(geometry) / "
            "%(cell)s), floor(ST_Y(geometry) / %(cell)s)) t",
            {"z": z, "x": x, "y": y, "cell": cell},
        ).fetchall()
    assert sorted(features["count"]) == sorted(n for n, inside in expected if inside)
    assert (features["working"] + features["unknown"] <= features["count"]).all()
    assert len(features) < features["count"].sum() / 2


def test_tile_cameras_are_points_from_zoom_15(
    client: TestClient, demo_store: str, tmp_path: Path
) -> None:
    x, y = central_tile(demo_store, 15)
    features = read_layers(
        client.get(f"/tiles/cameras/15/{x}/{y}.pbf").content, 15, x, y, tmp_path
    )["cameras"]
    with connect(demo_store) as conn:
        stored = {
            row[0]: row[1:]
            for row in conn.execute(
                "SELECT code, status, ST_X(geometry), ST_Y(geometry) FROM cameras"
            ).fetchall()
        }
    assert len(features) >= count_within(demo_store, "cameras", 15, x, y) > 5
    for row in features.itertuples():
        status, lon, lat = stored[row.code]
        assert row.status == status
        assert (row.geometry.x, row.geometry.y) == pytest.approx((lon, lat), abs=3e-6)


def test_tile_sets_match_their_tilejson(
    client: TestClient, demo_store: str, tmp_path: Path
) -> None:
    x, y = central_tile(demo_store, 14)
    for name, layers in TILE_SETS.items():
        features = read_layers(
            client.get(f"/tiles/{name}/14/{x}/{y}.pbf").content, 14, x, y, tmp_path
        )
        assert set(features) == set(layers)
        tilejson = client.get(f"/tiles/{name}.json").json()
        assert tilejson["tiles"] == [f"http://testserver/tiles/{name}/{{z}}/{{x}}/{{y}}.pbf"]
        for layer in tilejson["vector_layers"]:
            assert set(features[layer["id"]].columns) - {"geometry"} <= set(layer["fields"])


def test_tile_etag_changes_with_its_data(store: str) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO cameras (code, geometry) VALUES ('c1', ST_SetSRID(ST_Point(118, 31), "
            "4326))"
        )
    now = [0.0]
    app = create_app(store, Settings(), clock=lambda: now[0])
    with TestClient(app, cookies=sign_in(store)) as client:
        with connect(store) as conn:
            row = conn.execute(
                "SELECT floor((118.0 + 180) / 360 * 2 ^ 16)::int, floor((1 - ln(tan(radians(31)) "
                "+ 1 / cos(radians(31))) / pi()) / 2 * 2 ^ 16)::int"
            ).fetchone()
        assert row is not None
        path = f"/tiles/cameras/16/{row[0]}/{row[1]}.pbf"
        first = client.get(path)
        assert first.headers["content-encoding"] == "gzip"
        assert b"c1" in first.content
        plain = client.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == first.content
        tag = {"If-None-Match": first.headers["etag"]}
        not_modified = client.get(path, headers=tag)
        assert (not_modified.status_code, not_modified.content) == (304, b"")
        for change, content in (
            ("UPDATE cameras SET status = 'faulty' WHERE code = 'c1'", b"faulty"),
            (
                "INSERT INTO cameras (code, geometry) VALUES ('c2', ST_SetSRID(ST_Point(118, 31), "
                "4326))",
                b"c2",
            ),
        ):
            with connect(store) as conn:
                conn.execute(change.encode())
            now[0] += 1.5
            response = client.get(path, headers=tag)
            assert response.status_code == 200
            assert content in response.content
            tag = {"If-None-Match": response.headers["etag"]}
        with connect(store) as conn:
            conn.execute("DELETE FROM cameras")
        now[0] += 1.5
        assert client.get(path, headers=tag).content == b""


def test_read_layer_versions_notices_late_commits(store: str) -> None:
    """Two writers, of which the first to begin commits last."""
    with connect(store) as first, connect(store) as second, connect(store) as reader:
        add = (
            "INSERT INTO cameras (code, geometry) VALUES (%s, ST_SetSRID(ST_Point(118, 31), 4326))"
        )
        first.execute(add, ("c1",))
        second.execute(add, ("c2",))
        second.commit()
        versions = read_layer_versions(reader)
        reader.rollback()
        first.commit()
        assert read_layer_versions(reader) != versions


def test_tiles_hold_rows_of_own_areas(client: TestClient, demo_store: str, tmp_path: Path) -> None:
    x, y = central_tile(demo_store, 12)
    with TestClient(
        create_app(demo_store, Settings()), cookies=sign_in(demo_store, "planner", OWN_AREA)
    ) as own_client:
        features = read_layers(
            own_client.get(f"/tiles/grids/12/{x}/{y}.pbf").content, 12, x, y, tmp_path
        )["grids"]
        assert set(features["code"].str[:9]) == {OWN_AREA}
        cameras = read_layers(
            own_client.get(f"/tiles/cameras/9/{x >> 3}/{y >> 3}.pbf").content,
            9,
            x >> 3,
            y >> 3,
            tmp_path,
        )["cameras"]
        with connect(demo_store) as conn:
            own_count = conn.execute(
                "SELECT count(*) FROM cameras c, areas a WHERE a.code = %s AND "
                "ST_Intersects(a.geometry, c.geometry)",
                (OWN_AREA,),
            ).fetchone()
        assert own_count == (cameras["count"].sum(),)
        # An account with a wider scope receives another tile at the same address.
        full = client.get(f"/tiles/grids/12/{x}/{y}.pbf")
        assert (
            full.headers["etag"] != own_client.get(f"/tiles/grids/12/{x}/{y}.pbf").headers["etag"]
        )


def test_tile_cameras_of_coarse_roles_are_aggregated(demo_store: str, tmp_path: Path) -> None:
    settings = Settings(coarse_roles=["analyst"])
    with TestClient(
        create_app(demo_store, settings), cookies=sign_in(demo_store, "analyst")
    ) as client:
        x, y = central_tile(demo_store, 15)
        features = read_layers(
            client.get(f"/tiles/cameras/15/{x}/{y}.pbf").content, 15, x, y, tmp_path
        )["cameras"]
        assert set(features.columns) == {"count", "working", "unknown", "geometry"}
        for value in [*features.geometry.x, *features.geometry.y]:
            steps = value / COARSE_DEG - 0.5
            assert steps == pytest.approx(round(steps), abs=3e-3)
        assert client.get(f"/tiles/views/15/{x}/{y}.pbf").status_code == 403


def test_build_tile_simplifies_large_tiles(
    demo_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = central_tile(demo_store, 13)
    with connect(demo_store) as conn:
        full = build_tile(conn, "views", 13, x, y)
        monkeypatch.setattr("geo.store.queries.tiles.LARGEST_BYTES", len(full) // 3)
        simplified = build_tile(conn, "views", 13, x, y)
    assert 0 < len(simplified) <= len(full) // 3
    assert len(full) < 500_000


def test_tiles_refuse_unknown_sets_and_addresses(client: TestClient) -> None:
    assert client.get("/tiles/grids/2/4/0.pbf").status_code == 404
    for path in (
        "/tiles/secrets/2/1/0.pbf",
        "/tiles/grids/23/1/0.pbf",
        "/tiles/grids/2/-1/0.pbf",
        "/tiles/secrets.json",
    ):
        response: Any = client.get(path)
        assert response.status_code == 422, path


def test_cached_responses_follow_data_without_a_run(store: str) -> None:
    """Change a grid head, a camera status and the dashboard without a new run."""
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO areas (code, name, level, geometry) VALUES ('990101001', 'a', "
            "'subdistrict', ST_Multi(ST_MakeEnvelope(118, 31, 118.01, 31.01, 4326)))"
        )
        insert_grids(conn, "g1", name="one")
        insert_cameras(conn, "c1", kind="dome", status="working")
        conn.commit()
        refresh_all(conn, Settings())
        now = [0.0]
        app = create_app(store, Settings(), clock=lambda: now[0])
        with TestClient(app, cookies=sign_in(store)) as client:

            def get_json(path: str) -> Any:
                now[0] += 1.5
                return client.get(path).json()

            def grid_head() -> Any:
                return get_json("/api/v1/grids")["features"][0]["properties"]["head"]

            def camera_status() -> Any:
                return get_json("/api/v1/cameras")["features"][0]["properties"]["status"]

            assert (grid_head(), camera_status()) == (None, "working")
            before = get_json("/api/v1/dashboard")["computed_at"]
            tag = client.get("/api/v1/grids").headers["etag"]
            now[0] += 1.5
            unchanged = client.get("/api/v1/grids", headers={"If-None-Match": tag})
            assert unchanged.status_code == 304
            conn.execute("INSERT INTO grid_staff (grid, role, name) VALUES ('g1', 'head', 'Wang')")
            conn.execute("UPDATE cameras SET status = 'faulty'")
            conn.commit()
            assert (grid_head(), camera_status()) == ("Wang", "faulty")
            conn.execute("UPDATE board_state SET computed_at = computed_at + interval '1 day'")
            conn.commit()
            assert get_json("/api/v1/dashboard")["computed_at"] != before
