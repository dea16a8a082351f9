"""Image quality classes, coverage by day and night, and `cameras_in_use`."""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import geo
from geo.errors import ColumnError
from geo.pipeline import refresh, refresh_quality
from geo.settings import get_settings
from geo.store.connection import connect
from geo.store.queries.grids import read_grid_results
from geo.store.queries.image_quality import read_area_quality
from geo.store.queries.runs import read_latest_run
from tests.support.scenes import CRS, ORIGIN, make_scene

EDITIONS = {
    "2025": [
        "overview",
        "outline",
        "discern",
        "perceive",
        "characterise",
        "validate",
        "scrutinise",
    ],
    "2014": ["detect", "observe", "recognise", "identify"],
}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("edition", ["2025", "2014"])
def test_quality_coverage_equals_views_within_class_range(seed: int, edition: str) -> None:
    cameras, buildings = make_scene(seed, cameras=6)
    # The disc below is centred on the point of a camera; a mounted one has another viewpoint.
    cameras = cameras[cameras.geometry.distance(buildings.union_all()) > 0.01]
    rng = np.random.default_rng(seed)
    cameras["pixels_wide"] = rng.choice([960.0, 1920.0, 3840.0, np.nan], len(cameras))
    cameras["fov_deg"] = rng.choice([30.0, 70.0, 110.0, 360.0], len(cameras))
    corners = [(0, 0), (80, 0), (0, 80), (80, 80)]
    boxes = [shapely.box(x, y, x + 80, y + 80) for x, y in corners]
    areas = gpd.GeoDataFrame(
        geometry=[shapely.affinity.translate(c, *ORIGIN) for c in boxes],
        crs=CRS,
        index=list("abcd"),
    )
    table = geo.quality_coverage(areas, cameras, buildings, edition=edition)  # type: ignore[arg-type]
    assert list(table.columns) == ["seen_share", *[f"{n}_share" for n in EDITIONS[edition]]]
    assert table.attrs["unknown_pixels"] == cameras["pixels_wide"].isna().sum()
    views = geo.visible_area(cameras, buildings)
    roofs = buildings.union_all()
    open_ground = shapely.difference(areas.geometry.values, roofs)
    viewpoints = np.asarray(cameras.geometry.values)
    for name in EDITIONS[edition]:
        density = geo.PIXEL_DENSITY[edition][name]
        visible_parts = []
        for view, viewpoint, camera in zip(views, viewpoints, cameras.itertuples(), strict=True):
            fov = np.radians(camera.fov_deg)
            reach = camera.pixels_wide / (2 * density * np.tan(fov / 2))
            if camera.fov_deg == 360:
                reach = camera.pixels_wide / (density * 2 * np.pi)
            if np.isfinite(reach):
                visible_parts.append(view.intersection(viewpoint.buffer(reach, quad_segs=256)))
        visible = shapely.intersection(open_ground, shapely.union_all(visible_parts))
        expected = shapely.area(visible) / shapely.area(open_ground)
        # Arcs are chords: up to 0.05 m inside the circle.
        assert np.allclose(table[f"{name}_share"], expected, atol=3e-3), name
    shares = table.drop(columns="seen_share").to_numpy()
    assert (np.diff(shares, axis=1) <= 1e-9).all(), "a higher class has no larger share"


def test_class_range_follows_the_field_of_view() -> None:
    cameras = gpd.GeoDataFrame(
        {
            "kind": "fixed",
            "fov_deg": [90.0, 360.0, 90.0, 90.0, np.nan],
            "range_m": 500.0,
            "bearing_deg": [10.0, np.nan, 10.0, np.nan, np.nan],
            "pixels_wide": [2000, 2000, None, 2000, 2000],
        },
        geometry=gpd.points_from_xy(*np.add(np.zeros((5, 2)), ORIGIN).T),
        crs=CRS,
    )
    reach = geo.class_range(cameras, 25.0)
    default_reach = 2000 / (2 * 25 * np.tan(np.radians(35)))
    expected = [40.0, 2000 / (25 * 2 * np.pi), np.nan, 40.0, default_reach]
    # A camera without a bearing is assumed to look in all directions with its own lens.
    assert np.allclose(reach, expected, equal_nan=True)
    assert geo.class_range(cameras.assign(range_m=12.0), 25.0).max() == 12.0


def test_at_night_uses_only_recorded_ranges() -> None:
    cameras = gpd.GeoDataFrame(
        {
            "range_m": [60.0, 60.0, 60.0],
            "night_range_m": [20.0, np.nan, 200.0],
            "fov_deg": 360.0,
            "near_m": 30.0,
        },
        geometry=gpd.points_from_xy(*np.add(np.zeros((3, 2)), ORIGIN).T),
        crs=CRS,
    )
    night = geo.at_night(cameras)
    assert night["range_m"].tolist() == [20.0, 0.0, 60.0]
    views = geo.visible_area(night)
    assert views.is_empty.tolist() == [True, True, False]
    with pytest.raises(ColumnError, match="night_range_m"):
        geo.at_night(cameras.assign(night_range_m=-1.0))


def test_cameras_in_use_filters_by_status_class_and_date() -> None:
    timestamp = pd.Timestamp
    cameras = gpd.GeoDataFrame(
        {
            "status": ["working", "faulty", "offline", "retired", "unknown", None],
            "point_class": ["public", "public", "industry", "private", "private", "public"],
            "room": ["outdoor", "indoor", "unknown", "outdoor", "indoor", None],
            "installed_on": [
                timestamp("2020-01-01"),
                timestamp("2020-01-01"),
                None,
                timestamp("2015-01-01"),
                timestamp("2024-01-01"),
                timestamp("2026-06-01"),
            ],
            "retired_on": [None, None, None, timestamp("2022-03-01"), None, None],
        },
        geometry=[shapely.Point(k, 0) for k in range(6)],
        crs=CRS,
        index=list("abcdef"),
    )

    def codes_in_use(**criteria: object) -> str:
        return "".join(geo.cameras_in_use(cameras, **criteria).index)  # type: ignore[arg-type]

    assert codes_in_use() == "aef"
    assert codes_in_use(working_only=False) == "abcef"
    assert codes_in_use(working_only=False, point_class="public") == "abf"
    assert codes_in_use(point_class=["public", "private"]) == "aef"
    assert codes_in_use(working_only=False, outdoor_only=True) == "acf"
    assert codes_in_use(at=dt.date(2021, 1, 1), working_only=False) == "abc"
    history = pd.DataFrame(
        {
            "camera": ["a", "a", "b", "b", "d"],
            "status": ["working", "offline", "working", "faulty", "working"],
            "since": ["2020-01-01", "2021-06-01", "2020-01-01", "2025-01-01", "2015-01-01"],
        }
    )
    assert codes_in_use(at=dt.date(2021, 1, 1), history=history) == "abcd"
    assert codes_in_use(at=dt.date(2021, 6, 1), history=history) == "bcd"
    assert codes_in_use(at=dt.date(2022, 3, 1), history=history) == "bc"
    assert codes_in_use(at=dt.date(2026, 6, 1), history=history) == "cef"
    with pytest.raises(ColumnError, match="point_class"):
        geo.cameras_in_use(cameras.drop(columns="point_class"), point_class="public")
    with pytest.raises(ColumnError, match="since"):
        geo.cameras_in_use(cameras, at=dt.date(2021, 1, 1), history=history[["camera", "status"]])


def test_refresh_quality_follows_the_coverage(store: str) -> None:
    from tests.support.random_city import insert_random_city

    rng = np.random.default_rng(3)
    with connect(store) as conn:
        assert refresh_quality(conn, get_settings()) == 0
        insert_random_city(conn, rng)
        conn.execute(
            "UPDATE cameras SET pixels_wide = 1920, night_range_m = 15, "
            "point_class = CASE WHEN code < '5' THEN 'public' ELSE 'private' END"
        )
        key_place_ewkt = (
            "SRID=4326;MULTIPOLYGON(((118 30.9, 118.001 30.9, 118.001 30.901, 118 30.9)))"
        )
        conn.execute(
            "INSERT INTO key_places (code, name, kind, geometry) VALUES ('k', 'k', 'school', %s)",
            (key_place_ewkt,),
        )
        conn.commit()
        refresh(conn)
        assert refresh_quality(conn, get_settings()) == 6 + 1
        assert refresh_quality(conn, get_settings()) == 0
        grids = read_area_quality(conn, "grids")
        run = read_latest_run(conn)
        assert run is not None
        result = read_grid_results(conn, run.id)
        for code, shares in grids["shares"].items():
            covered_share = result.loc[code, "open_covered_share"]
            assert shares["working"]["day"]["seen"] == pytest.approx(covered_share, abs=1e-9)
            assert shares["working"]["night"]["seen"] <= covered_share + 1e-9
            assert shares["public"]["day"]["seen"] <= covered_share + 1e-9
            for light in ("day", "night"):
                classes = [shares["working"][light][f"2014.{n}"] for n in EDITIONS["2014"]]
                assert classes == sorted(classes, reverse=True)
                assert len(shares["working"][light]) == 1 + 7 + 4
        assert (
            read_area_quality(conn, "key-places").loc["k", "shares"]["working"]["day"]["seen"] > 0
        )
        code = conn.execute(
            "SELECT code FROM cameras ORDER BY geometry <-> %s LIMIT 1",
            ("SRID=4326;POINT(118.0028 30.9018)",),
        ).fetchone()[0]  # type: ignore[index]
        conn.execute("UPDATE cameras SET status = 'faulty' WHERE code = %s", (code,))
        conn.commit()
        changed = refresh(conn)
        assert refresh_quality(conn, get_settings()) in (changed.grids, changed.grids + 1)
        incremental_shares = read_area_quality(conn, "grids")["shares"].to_dict()
        conn.execute("DELETE FROM area_quality")
        conn.commit()
        refresh_quality(conn, get_settings())
        assert read_area_quality(conn, "grids")["shares"].to_dict() == incremental_shares
        history = conn.execute(
            "SELECT status FROM camera_status WHERE camera = %s ORDER BY since", (code,)
        ).fetchall()
        assert history == [("unknown",), ("faulty",)]
        conn.execute("DELETE FROM key_places")
        conn.commit()
        refresh_quality(conn, get_settings())
        assert read_area_quality(conn, "key-places").empty


def test_quality_coverage_measures_from_the_wall_of_a_mounted_camera() -> None:
    # 6 m inside a tower, identifying up to 4 m: the 4 m are measured from the wall.
    tower = gpd.GeoDataFrame(
        {"height_m": [50.0]},
        geometry=[shapely.affinity.translate(shapely.box(-20, -20, 6, 20), *ORIGIN)],
        crs=CRS,
    )
    camera = gpd.GeoDataFrame(
        {"fov_deg": [90.0], "bearing_deg": [90.0], "range_m": [50.0], "pixels_wide": [2000.0]},
        geometry=[shapely.Point(*ORIGIN)],
        crs=CRS,
    )
    front = gpd.GeoDataFrame(
        geometry=[shapely.affinity.translate(shapely.box(7, -0.2, 9, 0.2), *ORIGIN)], crs=CRS
    )
    table = geo.quality_coverage(front, camera, tower, edition="2014")
    assert table["identify_share"].iloc[0] == pytest.approx(1.0)
