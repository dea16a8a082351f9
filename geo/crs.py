"""The metric CRS of a deployment, and the Chinese map datums GCJ-02 and BD-09."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pyproj
import shapely
from geopandas import GeoSeries

from geo.errors import CrsError, GeometryError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

Datum = Literal["gcj02", "bd09", "cgcs2000", "wgs84"]
DATUMS: tuple[Datum, ...] = ("gcj02", "bd09", "cgcs2000", "wgs84")
Located = TypeVar("Located", bound="GeoDataFrame | GeoSeries | Any")

# Krasovsky 1940, as in the obfuscation's own formula.
_A = 6378245.0
_EE = 0.00669342162296594323
_X_PI = np.pi * 3000.0 / 180.0


def metric_crs(layer: GeoDataFrame | GeoSeries) -> pyproj.CRS:
    """The local UTM zone of a layer.

    Parameters
    ----------
    layer : any layer with a CRS.

    Returns
    -------
    The WGS 84 / UTM zone of the middle of the layer's bounds.

    Raises
    ------
    CrsError : the layer has no CRS.
    GeometryError : the layer is empty, so it has no place.
    """
    if layer.crs is None:
        raise CrsError("the layer has no CRS; set it with .set_crs() or --crs")
    if len(layer) == 0 or not np.isfinite(layer.total_bounds).all():
        raise GeometryError("an empty layer has no place; give the metric CRS explicitly")
    west, south, east, north = layer.total_bounds.tolist()
    return _utm_zone(layer.crs, west, south, east, north)


@lru_cache(maxsize=256)
def _utm_zone(
    crs: pyproj.CRS, west: float, south: float, east: float, north: float
) -> pyproj.CRS:  # fmt: skip
    # Looked up in PROJ's database, which takes some 10 ms, and for one deployment over and over.
    bounds = GeoSeries([shapely.box(west, south, east, north)], crs=crs)
    return pyproj.CRS(bounds.estimate_utm_crs())


def require_metric(*layers: GeoDataFrame | GeoSeries | None) -> pyproj.CRS:
    """The one metric CRS that all layers share.

    Raises
    ------
    CrsError : a layer has no CRS, the CRSs differ, or they are not projected in metres.
    """
    found: pyproj.CRS | None = None
    for layer in layers:
        if layer is None:
            continue
        if layer.crs is None:
            raise CrsError("an input has no CRS; set it with .set_crs() and project with .to_crs()")
        crs = pyproj.CRS(layer.crs)
        if found is not None and crs != found:
            raise CrsError(
                f"the inputs differ in CRS ({found.to_string()} and {crs.to_string()}); "
                "project them to one metric CRS with .to_crs()"
            )
        found = crs
    if found is None:
        raise CrsError("no layer with a CRS was given")
    if not found.is_projected or any(
        abs(axis.unit_conversion_factor - 1.0) > 1e-9 for axis in found.axis_info[:2]
    ):
        raise CrsError(
            f"{found.to_string()} is not in metres; project with .to_crs(geo.metric_crs(layer))"
        )
    return found


def north_angle(points: GeoSeries) -> NDArray[np.float64]:
    """Bearing of true north on the map grid, degrees clockwise from grid north.

    Bearings are kept from true north; a projected grid is turned against it by the meridian
    convergence, up to some 3 degrees at the edge of a UTM zone.

    Parameters
    ----------
    points : points in a projected CRS.

    Returns
    -------
    One angle a point; add it to a true bearing to get the bearing on the grid.
    """
    if len(points) == 0:
        return np.zeros(0)
    to_degrees = pyproj.Transformer.from_crs(points.crs, "EPSG:4326", always_xy=True)
    x, y = shapely.get_x(points.values), shapely.get_y(points.values)
    lon, lat = to_degrees.transform(x, y)
    step = np.where(lat > 80, -1e-4, 1e-4)
    x2, y2 = to_degrees.transform(lon, lat + step, direction="INVERSE")
    angle = np.degrees(np.arctan2((x2 - x) * np.sign(step), (y2 - y) * np.sign(step)))
    return np.where(np.isfinite(angle), angle, 0.0)


def _outside_china(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
    return ~((lon > 72.004) & (lon < 137.8347) & (lat > 0.8293) & (lat < 55.8271))


def _gcj_offset(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
    rad = np.radians(lat)
    magic = 1.0 - _EE * np.sin(rad) ** 2
    root_magic = np.sqrt(magic)
    dlat = dlat * 180.0 / ((_A * (1.0 - _EE)) / (magic * root_magic) * np.pi)
    dlon = dlon * 180.0 / (_A / root_magic * np.cos(rad) * np.pi)
    outside = _outside_china(lon, lat)
    return np.where(outside, 0.0, dlon), np.where(outside, 0.0, dlat)


def _settled(was: tuple[Any, Any], now: tuple[Any, Any]) -> bool:
    """Whether an iteration moves nothing any more by more than a nanometre or so."""
    return all(
        not np.any(np.abs(new - old) > 1e-14 * 180) for old, new in zip(was, now, strict=True)
    )


def gcj02_from_wgs84(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees of WGS 84 to GCJ-02; points outside China stay."""
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    dlon, dlat = _gcj_offset(lon, lat)
    return lon + dlon, lat + dlat


def wgs84_from_gcj02(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees of GCJ-02 to WGS 84 by fixed-point iteration, to well under a millimetre."""
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    wlon, wlat = lon.copy(), lat.copy()
    for _ in range(12):
        dlon, dlat = _gcj_offset(wlon, wlat)
        was = wlon, wlat
        wlon, wlat = lon - dlon, lat - dlat
        if _settled(was, (wlon, wlat)):
            break
    return wlon, wlat


def bd09_from_gcj02(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees of GCJ-02 to BD-09; points outside China stay."""
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    z = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _X_PI)
    theta = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _X_PI)
    outside = _outside_china(lon, lat)
    return (
        np.where(outside, lon, z * np.cos(theta) + 0.0065),
        np.where(outside, lat, z * np.sin(theta) + 0.006),
    )


def gcj02_from_bd09(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees of BD-09 to GCJ-02, the exact inverse by fixed-point iteration."""
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    glon, glat = lon - 0.0065, lat - 0.006
    for _ in range(12):
        blon, blat = bd09_from_gcj02(glon, glat)
        was = glon, glat
        glon, glat = glon + (lon - blon), glat + (lat - blat)
        if _settled(was, (glon, glat)):
            break
    outside = _outside_china(lon, lat)
    return np.where(outside, lon, glon), np.where(outside, lat, glat)


def to_wgs84(geometry: Located, datum: Datum) -> Located:
    """Move coordinates from a Chinese map datum to WGS 84.

    Parameters
    ----------
    geometry : GeoDataFrame, GeoSeries, or (array of) shapely geometry, in degrees, x = longitude.
    datum : ``gcj02`` (AMap, Tencent, Google China), ``bd09`` (Baidu), ``cgcs2000`` (surveyed;
        within centimetres of WGS 84, so kept as it is), ``wgs84``.

    Returns
    -------
    The same type, in EPSG:4326. Points outside China are left alone.

    Raises
    ------
    CrsError : the datum is not known, or the layer is in metres.
    """
    if datum not in DATUMS:
        raise CrsError(f"unknown datum {datum!r}; use one of {', '.join(DATUMS)}")

    def moved(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = xy[:, 0], xy[:, 1]
        if datum == "bd09":
            lon, lat = gcj02_from_bd09(lon, lat)
        if datum in ("bd09", "gcj02"):
            lon, lat = wgs84_from_gcj02(lon, lat)
        return np.column_stack([lon, lat])

    crs = getattr(geometry, "crs", None)
    if crs is not None and pyproj.CRS(crs).is_projected:
        raise CrsError("a datum shift works on degrees; give longitude and latitude")
    if hasattr(geometry, "set_geometry"):
        out: Any = geometry.copy()
        out[geometry.geometry.name] = to_wgs84(geometry.geometry, datum)
        return out.set_crs("EPSG:4326", allow_override=True)
    if hasattr(geometry, "values") and hasattr(geometry, "index"):
        values = shapely.transform(np.asarray(geometry.values), moved)
        return type(geometry)(values, index=geometry.index, name=geometry.name, crs="EPSG:4326")
    return shapely.transform(geometry, moved)
