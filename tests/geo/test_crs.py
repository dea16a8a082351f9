"""Datums and the metric CRS."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo
from geo.crs import bd09_from_gcj02, gcj02_from_wgs84, require_metric
from geo.errors import CrsError, GeometryError

# Published pairs (WGS 84 to GCJ-02), as printed by the libraries eviltransform and coordtransform.
PAIRS = [
    ((121.4737, 31.2304), (121.4783, 31.2285)),
    ((116.3913, 39.9075), (116.3975, 39.9089)),
]


@given(st.floats(74, 134), st.floats(19, 53))
def test_round_trip_within_a_millimetre(lon: float, lat: float) -> None:
    x, y = gcj02_from_wgs84(np.array([lon]), np.array([lat]))
    back = geo.to_wgs84(shapely.Point(x[0], y[0]), "gcj02")
    assert abs(back.x - lon) < 1e-8
    assert abs(back.y - lat) < 1e-8
    x, y = bd09_from_gcj02(x, y)
    back = geo.to_wgs84(shapely.Point(x[0], y[0]), "bd09")
    assert abs(back.x - lon) < 1e-8
    assert abs(back.y - lat) < 1e-8


@pytest.mark.parametrize(("wgs", "gcj"), PAIRS)
def test_published_pairs(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    x, y = gcj02_from_wgs84(np.array([wgs[0]]), np.array([wgs[1]]))
    assert (x[0], y[0]) == pytest.approx(gcj, abs=1.5e-4)


def test_outside_china_points_stay() -> None:
    place = shapely.Point(-76.6, 39.3)
    assert geo.to_wgs84(place, "gcj02").equals(place)
    assert geo.to_wgs84(place, "bd09").equals(place)


def test_types_are_kept() -> None:
    frame = gpd.GeoDataFrame(
        {"a": [1]}, geometry=[shapely.Point(116.4, 39.9)], crs=4326, index=["k"]
    )
    moved = geo.to_wgs84(frame, "gcj02")
    assert list(moved.index) == ["k"]
    assert moved.geometry.iloc[0].distance(frame.geometry.iloc[0]) > 1e-3
    assert geo.to_wgs84(frame.geometry, "cgcs2000").iloc[0].equals(frame.geometry.iloc[0])
    with pytest.raises(CrsError):
        geo.to_wgs84(frame.to_crs(32650), "gcj02")
    with pytest.raises(CrsError):
        geo.to_wgs84(frame, "mars")  # type: ignore[arg-type]


def test_metric_crs() -> None:
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(118.05, 30.95)], crs=4326)
    assert geo.metric_crs(frame).to_epsg() == 32650
    with pytest.raises(GeometryError):
        geo.metric_crs(frame.iloc[:0])
    feet = frame.to_crs(2248)
    with pytest.raises(CrsError, match="metres"):
        require_metric(feet)
