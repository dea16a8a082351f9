"""`expected_incidents` against a sum of kernels, and its properties."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import geo
from geo.errors import ColumnError, CrsError

CRS = 32650


def make_points(places: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.Point(p) for p in places], crs=CRS)  # type: ignore[attr-defined]


def kernel_sum(
    shape: shapely.Polygon, places: np.ndarray, width: float, step: float = 1.0
) -> float:
    """Integrate the quartic kernels over a shape, one square metre at a time."""
    west, south, east, north = shape.bounds
    x, y = np.meshgrid(
        np.arange(west, east, step) + step / 2, np.arange(south, north, step) + step / 2
    )
    is_inside = shapely.contains_xy(shape, x.ravel(), y.ravel())
    centres = np.column_stack([x.ravel(), y.ravel()])[is_inside]
    squared = ((centres[:, None, :] - places[None, :, :]) ** 2).sum(axis=2) / width**2
    return float((np.clip(1 - squared, 0, None) ** 2).sum() * 3 / (np.pi * width**2) * step**2)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.floats(0, 400), st.floats(0, 400)), min_size=1, max_size=40),
    st.floats(20, 120),
)
def test_expected_incidents_equals_the_kernel_sum(
    places: list[tuple[float, float]], width: float
) -> None:
    shapes = gpd.GeoSeries(
        [
            shapely.Point(150, 150).buffer(90),
            shapely.box(200, 40, 380, 60),
            shapely.box(300, 300, 302, 302),
        ],
        crs=CRS,
    )
    risks = geo.expected_incidents(shapes, make_points(places), bandwidth_m=width)
    for shape, risk in zip(shapes, risks, strict=True):
        # The lattice has steps of 5 m, so the share of an incident is known to about one step.
        scale = len(places) * shape.area * 3 / (np.pi * width**2)
        assert risk == pytest.approx(
            kernel_sum(shape, np.array(places), width), abs=0.05 * min(scale, len(places)) + 0.02
        )


def test_expected_incidents_sums_to_the_number_of_incidents() -> None:
    rng = np.random.default_rng(5)
    places = rng.uniform(100, 900, (500, 2))
    boxes = gpd.GeoSeries(
        [
            shapely.box(x, y, x + 100, y + 100)
            for x in range(0, 1000, 100)
            for y in range(0, 1000, 100)
        ],
        crs=CRS,
    )
    assert geo.expected_incidents(boxes, make_points(places)).sum() == pytest.approx(500, rel=0.002)


def test_expected_incidents_is_zero_beyond_the_bandwidth() -> None:
    shape = gpd.GeoSeries([shapely.box(0, 0, 100, 100)], index=["a"], crs=CRS)
    risks = geo.expected_incidents(shape, make_points([(151, 50), (50, -51)]))
    assert risks.to_dict() == {"a": 0.0}
    assert geo.expected_incidents(shape, make_points([(140, 50)]))["a"] > 0


def test_expected_incidents_with_empty_and_invalid_input() -> None:
    shape = gpd.GeoSeries([shapely.box(0, 0, 10, 10)], crs=CRS)
    assert geo.expected_incidents(shape, make_points([])).tolist() == [0.0]
    assert geo.expected_incidents(shape[:0], make_points([(0, 0)])).empty
    with pytest.raises(ColumnError, match="bandwidth_m"):
        geo.expected_incidents(shape, make_points([(0, 0)]), bandwidth_m=0)
    with pytest.raises(CrsError):
        geo.expected_incidents(shape.to_crs(4326), make_points([(0, 0)]).to_crs(4326))
