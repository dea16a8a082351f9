"""Tests of `coverage_by_grid` with simulated errors of positions and bearings."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

import geo
from geo.errors import ColumnError
from tests.support.scenes import CRS, ORIGIN, make_scene


def scene() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    cameras, buildings = make_scene(8, cameras=10)
    cells = [shapely.box(x, y, x + 80, y + 80) for x in (0, 80) for y in (0, 80)]
    grids = gpd.GeoDataFrame(
        geometry=[shapely.affinity.translate(c, *ORIGIN) for c in cells],
        crs=CRS,
        index=list("abcd"),
    )
    return cameras, buildings, grids


def test_coverage_by_grid_draws_without_error_equal_the_figure() -> None:
    cameras, buildings, grids = scene()
    views = geo.visible_area(cameras, buildings)
    exact = geo.coverage_by_grid(grids, views, buildings=buildings)
    drawn = geo.coverage_by_grid(grids, views, buildings=buildings, cameras=cameras, draws=3)
    for share in ("covered_share", "open_covered_share"):
        for statistic in ("mean", "p05", "p95"):
            assert np.allclose(drawn[f"{share}_{statistic}"], exact[share], atol=1e-9)
    assert exact.equals(drawn[exact.columns])


def test_coverage_by_grid_position_error_gives_normal_interval() -> None:
    # The rim of a disc of 500 m crosses the middle of a square of 20 m: with an error of 2 m
    # along x the covered share is normal about one half, with a standard deviation of 2 / 20.
    cameras = gpd.GeoDataFrame(
        {"fov_deg": [360.0], "range_m": [500.0], "near_m": [0.0]},
        geometry=[shapely.Point(*ORIGIN)],
        crs=CRS,
    )
    square = shapely.affinity.translate(shapely.box(490, -10, 510, 10), *ORIGIN)
    grids = gpd.GeoDataFrame(geometry=[square], crs=CRS)
    views = geo.visible_area(cameras)
    row = geo.coverage_by_grid(
        grids, views, cameras=cameras, position_error_m=2.0, draws=2000
    ).iloc[0]
    assert row.covered_share_mean == pytest.approx(row.covered_share, abs=0.01)
    assert row.covered_share_p05 == pytest.approx(row.covered_share - 1.645 * 0.1, abs=0.012)
    assert row.covered_share_p95 == pytest.approx(row.covered_share + 1.645 * 0.1, abs=0.012)


def test_coverage_by_grid_interval_contains_90_percent_of_draws() -> None:
    cameras, buildings, grids = scene()
    views = geo.visible_area(cameras, buildings)
    errors = {"position_error_m": 3.0, "bearing_error_deg": 15.0}
    first = geo.coverage_by_grid(
        grids, views, buildings=buildings, cameras=cameras, draws=300, **errors
    )
    second = geo.coverage_by_grid(
        grids, views, buildings=buildings, cameras=cameras, draws=300, **errors
    )
    assert first.equals(second), "a seed gives the same figures"
    inside = []
    for seed in range(100, 160):
        rng = np.random.default_rng(seed)
        moved = cameras.copy()
        xy = shapely.get_coordinates(cameras.geometry.values) + rng.normal(0, 3.0, (10, 2))
        moved = moved.set_geometry(gpd.GeoSeries(shapely.points(xy), index=moved.index, crs=CRS))
        moved["bearing_deg"] = (cameras["bearing_deg"] + rng.normal(0, 15.0, 10)) % 360
        share = geo.coverage_by_grid(grids, geo.visible_area(moved, buildings))["covered_share"]
        inside.append((share >= first["covered_share_p05"]) & (share <= first["covered_share_p95"]))
    assert 0.82 < np.mean(inside) < 0.97


def test_coverage_by_grid_draws_rotate_recorded_bearings_only() -> None:
    cameras = gpd.GeoDataFrame(
        {"fov_deg": [60.0, 60.0], "bearing_deg": [90.0, None], "range_m": 40.0, "near_m": 0.0},
        geometry=[shapely.Point(*ORIGIN), shapely.Point(ORIGIN[0] + 500, ORIGIN[1])],
        crs=CRS,
    )
    cells = [shapely.box(15, -30, 60, 30), shapely.box(515, -30, 560, 30)]
    grids = gpd.GeoDataFrame(
        geometry=[shapely.affinity.translate(c, *ORIGIN) for c in cells], crs=CRS
    )
    table = geo.coverage_by_grid(
        grids, geo.visible_area(cameras), cameras=cameras, bearing_error_deg=[30.0, 30.0], draws=60
    )
    width = table["covered_share_p95"] - table["covered_share_p05"]
    assert width.iloc[0] > 0.05
    assert width.iloc[1] < 1e-3  # the chords of its circle rotate slightly


def test_coverage_by_grid_rejects_bad_draw_options() -> None:
    cameras, buildings, grids = scene()
    views = geo.visible_area(cameras, buildings)
    with pytest.raises(ColumnError, match="cameras="):
        geo.coverage_by_grid(grids, views, draws=10)
    for options in ({"position_error_m": -1.0}, {"bearing_error_deg": np.nan}):
        with pytest.raises(ColumnError, match=next(iter(options))):
            geo.coverage_by_grid(grids, views, cameras=cameras, draws=10, **options)
    with pytest.raises(ColumnError, match="at least 2"):
        geo.coverage_by_grid(grids, views, cameras=cameras, draws=1)
