"""The metric CRS of a deployment, and the Chinese map datums GCJ-02 and BD-09."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pandas as pd
import pyproj
import shapely
from geopandas import GeoSeries

from geo.errors import CrsError, GeometryError, name_rows
from geo.geometry.shapes import geometry_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike, NDArray

Datum = Literal["gcj02", "bd09", "cgcs2000", "wgs84"]
DATUMS: tuple[Datum, ...] = ("gcj02", "bd09", "cgcs2000", "wgs84")
SCALE_LIMIT = 0.005
"""Largest relative error of lengths that a metric CRS may have where a layer lies."""
Located = TypeVar("Located", bound="GeoDataFrame | GeoSeries | Any")

# Krasovsky 1940, as in the obfuscation's own formula.
_A = 6378245.0
_EE = 0.00669342162296594323
_X_PI = np.pi * 3000.0 / 180.0


def metric_crs(layer: GeoDataFrame | GeoSeries) -> pyproj.CRS:
    """Return the local UTM zone of a layer.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame or geopandas.GeoSeries
        Any layer with a CRS.

    Returns
    -------
    pyproj.CRS
        The WGS 84 / UTM zone of the middle of the layer's bounds.

    Raises
    ------
    CrsError
        If the layer has no CRS, or lies where there is no UTM zone.
    GeometryError
        If the layer is empty, so that it has no place.
    """
    place = geometry_of(layer, "the layer")
    if place.crs is None:
        raise CrsError("the layer has no CRS; set it with .set_crs() or --crs")
    bounds = _bounds(place)
    if not np.isfinite(bounds).all():
        raise GeometryError("an empty layer has no place; give the metric CRS explicitly")
    return _utm_zone(place.crs, *bounds)


@lru_cache(maxsize=256)
def _utm_zone(
    crs: pyproj.CRS, west: float, south: float, east: float, north: float
) -> pyproj.CRS:  # fmt: skip
    # Looked up in PROJ's database, which takes some 10 ms, and for one deployment over and over.
    bounds = GeoSeries([shapely.box(west, south, east, north)], crs=crs)
    try:
        return pyproj.CRS(bounds.estimate_utm_crs())
    except (RuntimeError, ValueError) as error:
        raise CrsError(
            f"no UTM zone holds the layer, whose coordinates run from {west:g}, {south:g} to "
            f"{east:g}, {north:g} in {crs.to_string()}; mend its coordinates or its CRS"
        ) from error


def _bounds(place: GeoSeries) -> tuple[float, float, float, float]:
    """West, south, east, north; NaN where nothing has a place."""
    if len(place) == 0:
        return np.nan, np.nan, np.nan, np.nan
    boxes = shapely.bounds(np.asarray(place.values)).reshape(-1, 4)
    if np.isnan(boxes[:, 0].sum()):  # missing or empty shapes, or infinite ones
        boxes = boxes[~np.isnan(boxes[:, 0])]
        if len(boxes) == 0:
            return np.nan, np.nan, np.nan, np.nan
    west, south, _, _ = boxes.min(axis=0).tolist()
    _, _, east, north = boxes.max(axis=0).tolist()
    return west, south, east, north


def require_metric(
    *layers: GeoDataFrame | GeoSeries | None, located: GeoDataFrame | GeoSeries | None = None
) -> pyproj.CRS:
    """Return the one metric CRS that all layers share.

    Parameters
    ----------
    *layers : geopandas.GeoDataFrame, geopandas.GeoSeries or None
        Layers that are measured; None is passed over.
    located : geopandas.GeoDataFrame or geopandas.GeoSeries, optional
        Points that are only looked up among the others. Single ones may lie where the CRS does
        not hold, as a register with mistyped coordinates has them: they lie outside everything.

    Returns
    -------
    pyproj.CRS
        Theirs.

    Raises
    ------
    CrsError
        If a layer has no CRS, the CRSs differ, they are not projected in metres, or lengths on
        the map differ from those on the ground by more than `SCALE_LIMIT` where a layer lies. The
        message names a CRS that suits; where only some rows lie too far off, it names those.
    GeometryError
        If a layer is a plain table.
    """
    found: pyproj.CRS | None = None
    measured = [geometry_of(layer, "layers") for layer in layers if layer is not None]
    places = [*measured] if located is None else [*measured, geometry_of(located, "points")]
    for place in places:
        if place.crs is None:
            raise CrsError("an input has no CRS; set it with .set_crs() and project with .to_crs()")
        crs = place.crs
        if found is not None and crs is not found and crs != found:
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
    for place in places:
        off = off_scale(place)
        if off.any() and (place is not places[-1] or located is None or off.mean() > 0.5):
            _refuse_scale(place, off)
    return found


def off_scale(layer: GeoDataFrame | GeoSeries) -> NDArray[np.bool_]:
    """Return which rows lie where lengths in the layer's CRS are off by more than `SCALE_LIMIT`.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame or geopandas.GeoSeries
        In a projected CRS in metres.

    Returns
    -------
    numpy.ndarray
        One bool a row; True also where a coordinate is infinite, as a projection leaves what it
        cannot show. Rows without a geometry are not off.
    """
    place = geometry_of(layer, "the layer")
    bounds = _bounds(place)
    nothing = np.zeros(len(place), bool)
    if np.isnan(bounds).all():
        return nothing
    if np.isfinite(bounds).all():
        west, south, east, north = (value / 1000.0 for value in bounds)
        box = (math.floor(west), math.floor(south), math.ceil(east), math.ceil(north))
        if _corners_true(place.crs, *box):
            return nothing
    boxes = shapely.bounds(np.asarray(place.values)).reshape(-1, 4)
    there = np.flatnonzero(~np.isnan(boxes).any(axis=1))
    x, y = boxes[there][:, [0, 0, 2, 2]], boxes[there][:, [1, 3, 1, 3]]
    error = scale_error(place.crs, x.ravel(), y.ravel()).reshape(-1, 4)
    nothing[there] = (error > SCALE_LIMIT).any(axis=1)
    return nothing


def _refuse_scale(place: GeoSeries, off: NDArray[np.bool_]) -> None:
    crs = place.crs
    there = ~np.isnan(shapely.bounds(np.asarray(place.values)).reshape(-1, 4)[:, 0])
    if not off[there].all():
        raise CrsError(
            f"{name_rows(place.index[off])} lie where {crs.to_string()} does not hold: lengths there "
            f"are off by more than {SCALE_LIMIT:.1%}; mend their coordinates, or project all with "
            ".to_crs() to a CRS that suits them"
        )
    bounds = _bounds(place)
    error = scale_error(crs, (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)[0]
    try:
        better = f".to_crs({_utm_zone(crs, *bounds).to_string()!r})"
    except CrsError:
        better = ".to_crs(geo.metric_crs(layer)), once its coordinates or its CRS are mended"
    wrong = f"{error:.1%}" if np.isfinite(error) else "beyond measure"
    raise CrsError(
        f"lengths in {crs.to_string()} are off by {wrong} where the layer lies (at most "
        f"{SCALE_LIMIT:.1%} is allowed); project with {better}"
    )


def scale_error(crs: pyproj.CRS, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Return by how much lengths on a map differ from those on the ground.

    Parameters
    ----------
    crs : pyproj.CRS
        A projected CRS in metres.
    x, y : array-like
        Places on the map.

    Returns
    -------
    numpy.ndarray
        The largest relative error over all directions at each place (0.01 is one per cent);
        infinite where the projection is not defined.

    Notes
    -----
    Singular values of the derivative of ground by map coordinates, which are the inverse semi-axes
    of Tissot's indicatrix (J. P. Snyder, Map Projections, USGS Professional Paper 1395, 1987).
    """
    x, y = np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float))
    to_angles, unit, a, e2 = _inverse(crs)
    step = 1.0
    angles = to_angles.transform(
        np.concatenate([x - step, x + step, x, x]), np.concatenate([y, y, y - step, y + step])
    )
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        lon, lat = (np.asarray(angle, float).reshape(4, -1) * unit for angle in angles)
        middle = lat.mean(axis=0)
        root = 1.0 - e2 * np.sin(middle) ** 2
        metres_lat, metres_lon = a * (1.0 - e2) / root**1.5, a * np.cos(middle) / np.sqrt(root)
        turn = (np.array([lon[1] - lon[0], lon[3] - lon[2]]) + np.pi) % (2.0 * np.pi) - np.pi
        east = turn * metres_lon / (2.0 * step)
        north = np.array([lat[1] - lat[0], lat[3] - lat[2]]) * metres_lat / (2.0 * step)
        # Singular values of [[east_x, east_y], [north_x, north_y]] in closed form.
        total = (east**2).sum(axis=0) + (north**2).sum(axis=0)
        twist = 2.0 * np.abs(east[0] * north[1] - east[1] * north[0])
        large = (np.sqrt(total + twist) + np.sqrt(np.maximum(total - twist, 0.0))) / 2.0
        small = (np.sqrt(total + twist) - np.sqrt(np.maximum(total - twist, 0.0))) / 2.0
        error = np.fmax(np.abs(1.0 / large - 1.0), np.abs(1.0 / small - 1.0))
    return np.where(np.isfinite(error) & np.isfinite(lon).all(axis=0), error, np.inf)


@lru_cache(maxsize=32)
def _inverse(crs: pyproj.CRS) -> tuple[pyproj.Transformer, float, float, float]:
    """From the map to its own angles, with no change of datum; their unit, the axis, eccentricity²."""
    base = crs.geodetic_crs
    shape = crs.ellipsoid
    if base is None or shape is None:
        raise CrsError(
            f"{crs.to_string()} is not tied to the earth; project to geo.metric_crs(layer)"
        )
    e2 = 1.0 - (shape.semi_minor_metre / shape.semi_major_metre) ** 2
    unit = float(base.axis_info[0].unit_conversion_factor)
    transformer = pyproj.Transformer.from_crs(crs, base, always_xy=True)
    return transformer, unit, float(shape.semi_major_metre), e2


@lru_cache(maxsize=1024)
def _corners_true(crs: pyproj.CRS, west: int, south: int, east: int, north: int) -> bool:
    """Whether the scale is true enough at the corners and the middle of a box, kilometres."""
    x = np.array([west, west, east, east, (west + east) / 2]) * 1000.0
    y = np.array([south, north, south, north, (south + north) / 2]) * 1000.0
    return bool((scale_error(crs, x, y) <= SCALE_LIMIT).all())


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
        return np.column_stack([lon, lat, xy[:, 2:]])

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
        values = shapely.transform(np.asarray(geometry.values), moved, include_z=None)
        return type(geometry)(values, index=geometry.index, name=geometry.name, crs="EPSG:4326")
    return shapely.transform(geometry, moved, include_z=None)
