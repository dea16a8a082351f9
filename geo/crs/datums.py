"""Chinese map datums GCJ-02 and BD-09.

Both are offsets of WGS 84 inside China. Their definitions are not published; the formulas here are
the ones in common use, as in the libraries eviltransform and coordtransform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pandas as pd
import pyproj
import shapely

from geo.errors import CrsError
from geo.geometry.shapes import geometry_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray

    Degrees = NDArray[np.float64]

Datum = Literal["gcj02", "bd09", "cgcs2000", "wgs84"]
DATUMS: tuple[Datum, ...] = ("gcj02", "bd09", "cgcs2000", "wgs84")
Located = TypeVar("Located", bound="GeoDataFrame | GeoSeries | Any")

# Krasovsky 1940, as in the formula of GCJ-02: semi-major axis (metres), squared eccentricity.
_SEMI_MAJOR = 6378245.0
_ECCENTRICITY2 = 0.00669342162296594323
_BD09_FREQUENCY = np.pi * 3000.0 / 180.0
_MAX_ITERATIONS = 12


def to_wgs84(geometry: Located, datum: Datum) -> Located:
    """Move coordinates from a Chinese map datum to WGS 84.

    Parameters
    ----------
    geometry : geopandas.GeoDataFrame, geopandas.GeoSeries, shapely.Geometry or array-like of them
        Shapes in degrees, x is the longitude.
    datum : {'gcj02', 'bd09', 'cgcs2000', 'wgs84'}
        ``gcj02`` (AMap, Tencent, Google China), ``bd09`` (Baidu), ``cgcs2000`` (surveyed
        coordinates; within centimetres of WGS 84 and therefore unchanged), or ``wgs84``.

    Returns
    -------
    geopandas.GeoDataFrame, geopandas.GeoSeries, shapely.Geometry or numpy.ndarray
        Same type as `geometry`, in EPSG:4326. Points outside China are unchanged.

    Raises
    ------
    CrsError
        If the datum is not known, or the layer is in a projected CRS.
    GeometryError
        If `geometry` is a table without geometry.

    Examples
    --------
    >>> import shapely, geo
    >>> point = geo.to_wgs84(shapely.Point(116.41024, 39.91640), "gcj02")
    >>> round(point.x, 4), round(point.y, 4)
    (116.404, 39.915)
    """
    if datum not in DATUMS:
        raise CrsError(f"unknown datum {datum!r}; use one of {', '.join(DATUMS)}")
    if isinstance(geometry, (pd.DataFrame, pd.Series)):
        geometry_of(geometry, "the layer")
    crs = getattr(geometry, "crs", None)
    if crs is not None and pyproj.CRS(crs).is_projected:
        raise CrsError("a datum shift works on degrees; give longitude and latitude")
    if hasattr(geometry, "set_geometry"):
        out: Any = geometry.copy()
        out[geometry.geometry.name] = to_wgs84(geometry.geometry, datum)
        return out.set_crs("EPSG:4326", allow_override=True)
    if hasattr(geometry, "values") and hasattr(geometry, "index"):
        values = _transform(np.asarray(geometry.values), datum)
        return type(geometry)(values, index=geometry.index, name=geometry.name, crs="EPSG:4326")
    return _transform(geometry, datum)


def _transform(shapes: Any, datum: Datum) -> Any:
    """Return shapes in WGS 84; the third coordinate, if any, is unchanged."""

    def shift(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = coordinates[:, 0], coordinates[:, 1]
        if datum == "bd09":
            lon, lat = gcj02_from_bd09(lon, lat)
        if datum in ("bd09", "gcj02"):
            lon, lat = wgs84_from_gcj02(lon, lat)
        return np.column_stack([lon, lat, coordinates[:, 2:]])

    return shapely.transform(shapes, shift, include_z=None)


def gcj02_from_wgs84(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Convert WGS 84 to GCJ-02.

    Parameters
    ----------
    lon, lat : numpy.ndarray of float
        Longitude and latitude in WGS 84, degrees.

    Returns
    -------
    tuple of numpy.ndarray
        Longitude and latitude in GCJ-02, degrees; points outside China are unchanged.

    Examples
    --------
    >>> lon, lat = gcj02_from_wgs84(116.404, 39.915)
    >>> round(float(lon), 5), round(float(lat), 5)
    (116.41024, 39.9164)
    """
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    dlon, dlat = _gcj02_offset(lon, lat)
    return lon + dlon, lat + dlat


def wgs84_from_gcj02(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Convert GCJ-02 to WGS 84.

    Parameters
    ----------
    lon, lat : numpy.ndarray of float
        Longitude and latitude in GCJ-02, degrees.

    Returns
    -------
    tuple of numpy.ndarray
        Longitude and latitude in WGS 84, degrees; points outside China are unchanged.

    Notes
    -----
    Inverse of `gcj02_from_wgs84` by fixed-point iteration, to well under a millimetre.

    Examples
    --------
    >>> lon, lat = wgs84_from_gcj02(*gcj02_from_wgs84(116.404, 39.915))
    >>> round(float(lon), 9), round(float(lat), 9)
    (116.404, 39.915)
    """
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)

    def _next_place(at_lon: Degrees, at_lat: Degrees) -> tuple[Degrees, Degrees]:
        dlon, dlat = _gcj02_offset(at_lon, at_lat)
        return lon - dlon, lat - dlat

    return _fixed_point(_next_place, lon, lat)


def bd09_from_gcj02(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Convert GCJ-02 to BD-09.

    Parameters
    ----------
    lon, lat : numpy.ndarray of float
        Longitude and latitude in GCJ-02, degrees.

    Returns
    -------
    tuple of numpy.ndarray
        Longitude and latitude in BD-09, degrees; points outside China are unchanged.

    Examples
    --------
    >>> lon, lat = bd09_from_gcj02(116.404, 39.915)
    >>> round(float(lon), 5), round(float(lat), 5)
    (116.41037, 39.92134)
    """
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    z = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD09_FREQUENCY)
    theta = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD09_FREQUENCY)
    outside = _is_outside_china(lon, lat)
    return (
        np.where(outside, lon, z * np.cos(theta) + 0.0065),
        np.where(outside, lat, z * np.sin(theta) + 0.006),
    )


def gcj02_from_bd09(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Convert BD-09 to GCJ-02.

    Parameters
    ----------
    lon, lat : numpy.ndarray of float
        Longitude and latitude in BD-09, degrees.

    Returns
    -------
    tuple of numpy.ndarray
        Longitude and latitude in GCJ-02, degrees; points outside China are unchanged.

    Notes
    -----
    Inverse of `bd09_from_gcj02` by fixed-point iteration.

    Examples
    --------
    >>> lon, lat = gcj02_from_bd09(*bd09_from_gcj02(116.404, 39.915))
    >>> round(float(lon), 9), round(float(lat), 9)
    (116.404, 39.915)
    """
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)

    def _next_place(at_lon: Degrees, at_lat: Degrees) -> tuple[Degrees, Degrees]:
        bd_lon, bd_lat = bd09_from_gcj02(at_lon, at_lat)
        return at_lon + (lon - bd_lon), at_lat + (lat - bd_lat)

    gcj_lon, gcj_lat = _fixed_point(_next_place, lon - 0.0065, lat - 0.006)
    outside = _is_outside_china(lon, lat)
    return np.where(outside, lon, gcj_lon), np.where(outside, lat, gcj_lat)


def _is_outside_china(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
    return ~((lon > 72.004) & (lon < 137.8347) & (lat > 0.8293) & (lat < 55.8271))


def _gcj02_offset(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return GCJ-02 minus WGS 84 at a place in WGS 84, degrees; 0 outside China."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    wave = 20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    dlat += (
        wave
        + 20.0 * np.sin(y * np.pi)
        + 40.0 * np.sin(y / 3.0 * np.pi)
        + 160.0 * np.sin(y / 12.0 * np.pi)
        + 320.0 * np.sin(y * np.pi / 30.0)
    ) * (2.0 / 3.0)
    dlon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    dlon += (
        wave
        + 20.0 * np.sin(x * np.pi)
        + 40.0 * np.sin(x / 3.0 * np.pi)
        + 150.0 * np.sin(x / 12.0 * np.pi)
        + 300.0 * np.sin(x / 30.0 * np.pi)
    ) * (2.0 / 3.0)
    lat_rad = np.radians(lat)
    curvature = 1.0 - _ECCENTRICITY2 * np.sin(lat_rad) ** 2
    root_curvature = np.sqrt(curvature)
    meridian_radius = (_SEMI_MAJOR * (1.0 - _ECCENTRICITY2)) / (curvature * root_curvature)
    dlat = dlat * 180.0 / (meridian_radius * np.pi)
    dlon = dlon * 180.0 / (_SEMI_MAJOR / root_curvature * np.cos(lat_rad) * np.pi)
    outside = _is_outside_china(lon, lat)
    return np.where(outside, 0.0, dlon), np.where(outside, 0.0, dlat)


def _fixed_point(
    next_place: Callable[[Degrees, Degrees], tuple[Degrees, Degrees]], lon: Degrees, lat: Degrees
) -> tuple[Degrees, Degrees]:
    """Return the places that an iteration reaches, by steps of at most 0.2 micrometres."""
    for _ in range(_MAX_ITERATIONS):
        previous = lon, lat
        lon, lat = next_place(lon, lat)
        if not any(
            np.any(np.abs(new - old) > 1e-14 * 180)
            for old, new in zip(previous, (lon, lat), strict=True)
        ):
            break
    return lon, lat
