"""`cameras_seeing` against an intersection of each view with each place."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

import geo
from geo.errors import ColumnError, GeometryError
from tests.support.scenes import CRS, ORIGIN, make_scene


@pytest.mark.parametrize("seed", range(10))
def test_cameras_seeing_equals_each_pair_of_camera_and_point(seed: int) -> None:
    cameras, buildings = make_scene(seed, cameras=12)
    rng = np.random.default_rng(seed)
    cameras["pixels_wide"] = rng.choice([1920.0, np.nan], len(cameras))
    views = geo.visible_area(cameras, buildings)
    places = gpd.GeoSeries(
        gpd.points_from_xy(*(rng.uniform(0, 160, (60, 2)) + ORIGIN).T),
        crs=CRS,
        index=[f"p{k}" for k in range(60)],
    )
    table = geo.cameras_seeing(places, cameras, views)
    expected = {
        (p, c) for p, place in places.items() for c, view in views.items() if view.intersects(place)
    }
    assert set(zip(table["point"], table["camera"], strict=True)) == expected
    assert len(table) == len(expected) > 20
    order = places.index.get_indexer(table["point"])
    assert (np.diff(order) >= 0).all()
    for row in table.itertuples():
        camera, place = cameras.loc[row.camera], places[row.point]
        assert row.distance_m == pytest.approx(camera.geometry.distance(place))
        offset = (row.bearing_deg - camera.bearing_deg + 180) % 360 - 180
        if row.distance_m > 1.0:  # the viewpoint of a mounted camera is beside its point
            assert abs(offset) <= camera.fov_deg / 2 + 25 / row.distance_m
        assert np.isnan(row.px_per_m) == np.isnan(camera.pixels_wide)
    for _, rows in table.groupby("point"):
        assert rows["distance_m"].is_monotonic_increasing


def test_cameras_seeing_pixel_density_follows_the_field_of_view() -> None:
    cameras = gpd.GeoDataFrame(
        {
            "kind": "fixed",
            "fov_deg": [90.0, 360.0],
            "bearing_deg": [90.0, None],
            "range_m": 50.0,
            "near_m": 0.0,
            "pixels_wide": [2000, 2000],
        },
        geometry=[shapely.Point(*ORIGIN)] * 2,
        crs=CRS,
        index=["flat", "round"],
    )
    place = gpd.GeoSeries([shapely.Point(ORIGIN[0] + 20, ORIGIN[1])], crs=CRS)
    table = geo.cameras_seeing(place, cameras, geo.visible_area(cameras)).set_index("camera")
    assert table["px_per_m"].tolist() == pytest.approx([50.0, 2000 / (2 * np.pi * 20)])
    assert table["bearing_deg"].tolist() == pytest.approx([90.0, 90.0], abs=1e-6)


def test_cameras_seeing_with_empty_and_invalid_input() -> None:
    cameras, buildings = make_scene(2)
    views = geo.visible_area(cameras, buildings)
    far = gpd.GeoSeries([shapely.Point(0, 0)], crs=CRS)
    assert geo.cameras_seeing(far, cameras, views).empty
    assert geo.cameras_seeing(far.iloc[:0], cameras, views.iloc[:0]).empty
    with pytest.raises(ColumnError, match="label"):
        geo.cameras_seeing(far, cameras.iloc[1:], views)
    with pytest.raises(GeometryError, match="7"):
        geo.cameras_seeing(
            gpd.GeoSeries([shapely.LineString([(0, 0), (1, 1)])], crs=CRS, index=[7]),
            cameras,
            views,
        )
