"""Tests of datum transformations and of the metric CRS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import geo
from geo.crs import (
    bd09_from_gcj02,
    gcj02_from_bd09,
    gcj02_from_wgs84,
    is_off_scale,
    require_metric,
    scale_error,
)
from geo.errors import CrsError, GeometryError

# Longitude and latitude as published in the tests of eviltransform and on coordtransform's page.
GCJ_OF_WGS = [
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
]
BD_OF_GCJ = [
    ((116.404, 39.915), (116.41036949371029, 39.92133699351021)),
    ((116.39762729119315, 39.90865673957631), (116.404, 39.915)),
]
# Omitted: two more BD-09 pairs of eviltransform, which differ by 10 m from these formulas.
WGS_OF_BD = [
    ((116.41662724378733, 39.922699552216216), (116.404, 39.915)),
    ((116.404, 39.915), (116.3913836995125, 39.907253214522164)),
]
GEOD = pyproj.Geod(ellps="WGS84")


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(GEOD.inv(*a, *b)[2])


def transformed(
    transform: Callable[..., tuple[Any, Any]], point: tuple[float, float]
) -> tuple[float, float]:
    x, y = transform(np.array([point[0]]), np.array([point[1]]))
    return float(x[0]), float(y[0])


@given(st.floats(74, 134), st.floats(19, 53))
def test_to_wgs84_round_trip_is_within_a_centimetre(lon: float, lat: float) -> None:
    gcj = transformed(gcj02_from_wgs84, (lon, lat))
    back = geo.to_wgs84(shapely.Point(gcj), "gcj02")
    assert distance_m((back.x, back.y), (lon, lat)) < 0.01
    back = geo.to_wgs84(shapely.Point(transformed(bd09_from_gcj02, gcj)), "bd09")
    assert distance_m((back.x, back.y), (lon, lat)) < 0.01


def test_datum_transforms_equal_published_pairs_within_a_metre() -> None:
    for wgs, gcj in GCJ_OF_WGS:
        assert distance_m(transformed(gcj02_from_wgs84, wgs), gcj) < 1.0
        back = geo.to_wgs84(shapely.Point(gcj), "gcj02")
        assert distance_m((back.x, back.y), wgs) < 1.0
    for gcj, bd in BD_OF_GCJ:
        assert distance_m(transformed(bd09_from_gcj02, gcj), bd) < 1.0
        assert distance_m(transformed(gcj02_from_bd09, bd), gcj) < 1.0
    for bd, wgs in WGS_OF_BD:
        back = geo.to_wgs84(shapely.Point(bd), "bd09")
        assert distance_m((back.x, back.y), wgs) < 1.0


def test_to_wgs84_keeps_points_outside_china() -> None:
    for lon, lat in ((-76.6, 39.3), (151.2, -33.9), (13.4, 52.5), (139.7, 35.7)):
        place = shapely.Point(lon, lat)
        assert geo.to_wgs84(place, "gcj02").equals(place)
        assert geo.to_wgs84(place, "bd09").equals(place)
        assert transformed(gcj02_from_wgs84, (lon, lat)) == (lon, lat)
        assert transformed(bd09_from_gcj02, (lon, lat)) == (lon, lat)


def test_to_wgs84_preserves_types_and_rejects_other_crs() -> None:
    frame = gpd.GeoDataFrame(
        {"a": [1]}, geometry=[shapely.Point(116.4, 39.9)], crs=4326, index=["k"]
    )
    converted = geo.to_wgs84(frame, "gcj02")
    assert list(converted.index) == ["k"]
    assert converted.geometry.iloc[0].distance(frame.geometry.iloc[0]) > 1e-3
    assert geo.to_wgs84(frame.geometry, "cgcs2000").iloc[0].equals(frame.geometry.iloc[0])
    with pytest.raises(CrsError):
        geo.to_wgs84(frame.to_crs(32650), "gcj02")
    with pytest.raises(CrsError):
        geo.to_wgs84(frame, "mars")  # type: ignore[arg-type]


def test_metric_crs_is_utm_and_rejects_feet() -> None:
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(118.05, 30.95)], crs=4326)
    assert geo.metric_crs(frame).to_epsg() == 32650
    with pytest.raises(GeometryError):
        geo.metric_crs(frame.iloc[:0])
    feet = frame.to_crs(2248)
    with pytest.raises(CrsError, match="metres"):
        require_metric(feet)


# A CRS, a place (longitude, latitude) and, where refused, the CRS that is suggested.
# fmt: off
ACCEPTED = [
    ("EPSG:32650", 117.0, 40.0), ("EPSG:32651", 120.1, 31.0), ("EPSG:4547", 114.2, 30.6),
    ("EPSG:4527", 117.0, 39.9), ("EPSG:3035", 10.0, 50.0), ("EPSG:3067", 25.0, 60.2),
    ("EPSG:27700", -1.5, 52.0), ("EPSG:27572", 2.4, 46.8), ("EPSG:26985", -76.6, 39.3),
    ("EPSG:2056", 7.5, 47.0), ("EPSG:32761", 0.0, -81.1),
    ("+proj=laea +lat_0=31 +lon_0=118 +ellps=GRS80 +units=m", 118.3, 31.2),
]
REFUSED = [
    ("EPSG:3857", 117.0, 40.0, "EPSG:32650"), ("EPSG:3857", 0.1, 0.1, "EPSG:32631"),
    ("EPSG:32650", 130.0, 40.0, "EPSG:32652"), ("EPSG:32633", -70.0, 40.0, "EPSG:32619"),
    ("EPSG:3035", -9.1, 38.7, "EPSG:32629"), ("EPSG:6933", 117.0, 50.0, "EPSG:32650"),
    ("EPSG:4087", 10.0, 59.0, "EPSG:32632"),
]
# fmt: on


def _square(crs: str, lon: float, lat: float) -> gpd.GeoSeries:
    place = gpd.GeoSeries([shapely.Point(lon, lat)], crs="EPSG:4326").to_crs(crs)
    return gpd.GeoSeries(place.buffer(500.0), crs=crs)


@pytest.mark.parametrize(("crs", "lon", "lat"), ACCEPTED)
def test_require_metric_accepts_a_crs_true_to_scale(crs: str, lon: float, lat: float) -> None:
    assert require_metric(_square(crs, lon, lat)) == pyproj.CRS(crs)


@pytest.mark.parametrize(("crs", "lon", "lat", "better"), REFUSED)
def test_require_metric_refuses_a_crs_out_of_scale(
    crs: str, lon: float, lat: float, better: str
) -> None:
    with pytest.raises(CrsError, match=better):
        require_metric(_square(crs, lon, lat))


@given(st.sampled_from([32601, 32650, 3035, 3857, 27700, 2154, 4547, 6933]), st.data())
def test_scale_error_equals_proj_tissot_factors(epsg: int, data: st.DataObject) -> None:
    """Compare with Tissot's indicatrix of PROJ on the ellipsoid."""
    crs = pyproj.CRS(epsg)
    assert crs.area_of_use is not None
    west, south, east, north = crs.area_of_use.bounds
    lon = data.draw(st.floats(west, east) if west < east else st.floats(west, 180))
    lat = data.draw(st.floats(max(south, -80), min(north, 80)))
    proj = pyproj.Proj(crs)
    x, y = proj(lon, lat)
    factors = proj.get_factors(lon, lat)
    error = float(scale_error(crs, x, y)[0])
    if epsg == 3857:
        # On the sphere a degree of latitude differs by up to 0.7 % from the ellipsoid's.
        assert error == pytest.approx(
            max(factors.tissot_semimajor, factors.tissot_semiminor) - 1, abs=0.04
        )
    else:
        expected = max(abs(factors.tissot_semimajor - 1), abs(factors.tissot_semiminor - 1))
        assert error == pytest.approx(expected, abs=2e-6)


def test_require_metric_names_rows_outside_the_crs() -> None:
    place = _square("EPSG:32650", 117.0, 40.0).iloc[0]
    layer = gpd.GeoDataFrame(geometry=[place] * 3, index=["a", "b", "c"], crs="EPSG:32650")
    layer.loc["b", "geometry"] = shapely.affinity.translate(place, 5e6)
    with pytest.raises(CrsError, match="b lie where EPSG:32650 does not hold"):
        require_metric(layer)
    assert is_off_scale(layer).tolist() == [False, True, False]
    # Points that are only located may lie outside, unless most of them do.
    assert require_metric(located=layer.centroid).to_epsg() == 32650
    with pytest.raises(CrsError, match="EPSG:32650 does not hold"):
        require_metric(located=layer.centroid.iloc[[1, 1, 2]])
    with pytest.raises(CrsError, match="lengths in EPSG:32650 are off by"):
        require_metric(layer.iloc[[1]])
    # An empty layer passes.
    empty = gpd.GeoSeries([None, shapely.Point()], crs="EPSG:32650")
    assert require_metric(empty, layer.iloc[:0]).to_epsg() == 32650
