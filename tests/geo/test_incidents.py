"""Tests of counts and densities of incidents by grid, month, period and category."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo
from geo.errors import ColumnError, CrsError

CRS = "EPSG:32650"


def squares() -> gpd.GeoDataFrame:
    cells = [shapely.box(x, y, x + 100, y + 100) for y in (0, 100) for x in (0, 100)]
    return gpd.GeoDataFrame(
        {"code": list("abcd"), "population": [100, 200, 0, np.nan]},
        geometry=cells,
        crs=CRS,
        index=list("abcd"),
    )


def points(*places: tuple[float, float] | None, **columns: list[object]) -> gpd.GeoDataFrame:
    shapes = [None if p is None else shapely.Point(p) for p in places]
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(shapes, crs=CRS), crs=CRS)


@given(st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 5)), max_size=60))
def test_density_by_grid_counts_each_point_once(positions: list[tuple[int, int]]) -> None:
    """Points on corners and borders belong to one grid: the sum is the number of points."""
    table = geo.density_by_grid(squares(), points(*[(x * 50.0, y * 50.0) for x, y in positions]))
    inside = sum(0 <= x <= 4 and 0 <= y <= 4 for x, y in positions)
    assert table["count"].sum() == inside
    assert table.attrs["outside"] == len(positions) - inside


def test_density_by_grid_rates_per_area_people_and_day() -> None:
    times = pd.to_datetime(
        ["2026-01-01 10:00", "2026-01-04 23:00", "2026-01-10"], utc=True, format="ISO8601"
    )
    table = geo.density_by_grid(
        squares(), points((5, 5), (6, 6), (150, 5), occurred_at=list(times))
    )
    assert table["count"].tolist() == [2, 1, 0, 0]
    assert table.loc["a", "per_km2"] == pytest.approx(200.0)
    assert table.loc["a", "per_1000_people"] == pytest.approx(20.0)
    assert table.loc["c":"d", "per_1000_people"].isna().all()
    assert table.loc["a", "per_day"] == pytest.approx(2 / 10)


def test_density_by_grid_period_is_half_open() -> None:
    times = pd.to_datetime(
        ["2026-01-01", "2026-01-31 23:59:59", "2026-02-01"], utc=True, format="ISO8601"
    )
    incidents = points((5, 5), (5, 5), (5, 5), occurred_at=list(times))
    table = geo.density_by_grid(squares(), incidents, ("2026-01-01", "2026-02-01"))
    assert table.loc["a", "count"] == 2
    assert table.loc["a", "per_day"] == pytest.approx(2 / 31)
    with pytest.raises(ColumnError, match="empty"):
        geo.density_by_grid(squares(), incidents, ("2026-02-01", "2026-01-01"))


def test_density_by_grid_counts_incidents_located_by_grid_code() -> None:
    incidents = points(None, None, (5, 5), grid=["b", "unknown", None])
    table = geo.density_by_grid(squares(), incidents)
    assert table["count"].tolist() == [1, 1, 0, 0]
    assert table.attrs["outside"] == 1


def test_counts_by_month_use_local_time() -> None:
    times = pd.to_datetime(["2026-01-31 16:30", "2026-01-31 15:30"], utc=True, format="ISO8601")
    table = geo.counts_by_month(
        squares(), points((5, 5), (-5, 5), occurred_at=list(times), category=["x", None])
    )
    rows = {(r.grid, str(r.month), r.category): r.count for r in table.itertuples(index=False)}
    assert set(rows) == {("a", "2026-02-01", "x"), ("", "2026-01-01", "other")}


def test_density_by_grid_requires_the_same_crs() -> None:
    with pytest.raises(CrsError):
        geo.density_by_grid(squares(), points((1, 1)).to_crs(4326))
    assert len(geo.density_by_grid(squares().iloc[:0], points())) == 0


@pytest.mark.parametrize("seed", range(8))
def test_grid_positions_equal_geos(seed: int) -> None:
    """Warped, holed and overlapping grids; points on corners, on edges, near corners, random."""
    rng = np.random.default_rng(seed)
    cells = [
        shapely.box(x * 50, y * 50, x * 50 + 50, y * 50 + 50) for x in range(8) for y in range(8)
    ]
    shapes = shapely.segmentize(np.array(cells), float(rng.choice([50.0, 7.0])))
    if seed % 2:
        shapes = shapely.transform(shapes, lambda xy: xy + 9 * np.sin(xy[:, ::-1] / 31))
    if seed % 3 == 0:
        shapes[5] = shapes[5].difference(shapes[5].centroid.buffer(9))
        shapes[9] = shapely.box(20, 20, 260, 70)  # over others
        shapes[20] = shapely.MultiPolygon(
            [shapely.box(-90, 0, -60, 9), shapely.box(-50, 0, -40, 9)]
        )
    shapes = shapely.transform(shapes, lambda xy: xy + np.array([512_345.6, 4_123_456.7]))
    grids = gpd.GeoDataFrame(geometry=shapes, crs=CRS)
    corners = shapely.get_coordinates(shapes)
    middles = (corners[1:] + corners[:-1]) / 2
    west, south, east, north = grids.total_bounds
    random_points = np.column_stack(
        [rng.uniform(west - 20, east + 20, 4000), rng.uniform(south - 20, north + 20, 4000)]
    )
    near_corners = corners + rng.choice([-2e-6, -1e-9, 1e-9, 2e-6], corners.shape)
    places = np.vstack([corners, middles, random_points, near_corners])
    points_frame = gpd.GeoDataFrame(geometry=shapely.points(places), crs=CRS)
    point, grid = shapely.STRtree(shapes).query(
        points_frame.geometry.values, predicate="intersects"
    )
    expected = np.full(len(places), len(shapes))
    np.minimum.at(expected, point, grid)
    expected[expected == len(shapes)] = -1
    assert (geo.grid_positions(grids, points_frame) == expected).all()
    assert (expected >= 0).mean() > 0.5


def test_density_by_grid_and_period_rates_by_open_ground_and_street() -> None:
    grids = squares()
    frame = points(
        (50, 50),
        (60, 50),
        (150, 50),
        (500, 500),
        occurred_at=["2026-01-05", "2026-02-05", "2026-02-05", "2026-02-05"],
    )
    streets = gpd.GeoDataFrame(
        geometry=[
            shapely.LineString([(-50, 50), (150, 50)]),
            shapely.LineString([(100, 0), (100, 100)]),
        ],
        crs=CRS,
    )
    table = geo.density_by_grid(grids, frame, open_m2=[5000, 0, 10_000, np.nan], streets=streets)
    assert table["count"].tolist() == [2, 1, 0, 0]
    assert table["per_open_km2"].tolist()[:1] == [400.0]
    assert table["per_open_km2"].isna().tolist() == [False, True, False, True]
    # 100 m inside a and 50 m inside b; the border street of 100 m lies in both.
    assert table.loc["a", "per_street_km"] == pytest.approx(2 / 0.2)
    assert table.loc["b", "per_street_km"] == pytest.approx(1 / 0.15)
    assert np.isnan(table.loc["c", "per_street_km"])
    assert "per_street_km" not in geo.density_by_grid(grids, frame)
    periods = {"first": ("2026-01-01", "2026-02-01"), "both": ("2026-01-01", "2026-03-01")}
    by_period = geo.density_by_period(grids, frame, periods, streets=streets)
    for name, period in periods.items():
        of_period = geo.density_by_grid(grids, frame, period, streets=streets)
        pd.testing.assert_frame_equal(by_period.loc[name], of_period)
    assert by_period.attrs["outside"] == {"first": 0, "both": 1}
    with pytest.raises(ColumnError, match="no period"):
        geo.density_by_period(grids, frame, {})
    with pytest.raises(ColumnError, match="one a grid"):
        geo.density_by_grid(grids, frame, open_m2=[1.0])


def test_categories_form_a_tree() -> None:
    names = pd.Series(
        [
            "dispute",
            "dispute/noise",
            "dispute / noise",
            "dispute/noise/night",
            None,
            "theft/bicycle",
        ]
    )
    assert geo.in_category(names, "dispute/noise").tolist() == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]
    assert geo.in_category(names, "other", "theft").tolist() == [False] * 4 + [True, True]
    tree = geo.counts_by_category(names)
    assert tree.index.tolist() == [
        "dispute",
        "dispute/noise",
        "dispute/noise/night",
        "other",
        "theft",
        "theft/bicycle",
    ]
    assert tree["count"].tolist() == [4, 3, 1, 1, 1, 1]
    assert tree["own"].tolist() == [1, 2, 1, 1, 0, 1]
    assert tree["parent"].tolist() == ["", "dispute", "dispute/noise", "", "", "theft"]
    assert tree["own"].sum() == len(names)
    assert geo.counts_by_category(pd.Series([], dtype=object)).empty
