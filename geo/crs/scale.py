"""Scale of a projection: by how much lengths on the map differ from those on the ground."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely

from geo.crs._extent import bounds_of, utm_zone
from geo.errors import CrsError, name_rows
from geo.geometry.shapes import geometry_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import ArrayLike, NDArray

SCALE_LIMIT = 0.005
"""Largest relative error of lengths that a metric CRS may have where a layer lies."""


def is_off_scale(layer: GeoDataFrame | GeoSeries) -> NDArray[np.bool_]:
    """Return which rows lie where lengths in the layer's CRS are off by more than `SCALE_LIMIT`.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame or geopandas.GeoSeries
        Layer in a projected CRS in metres.

    Returns
    -------
    numpy.ndarray of bool
        One value per row; True also where a coordinate is infinite, which is how a projection
        marks what it cannot show. Rows without a geometry are False.
    """
    geometry = geometry_of(layer, "the layer")
    bounds = bounds_of(geometry)
    is_off = np.zeros(len(geometry), bool)
    if np.isnan(bounds).all():
        return is_off
    if np.isfinite(bounds).all():
        west, south, east, north = (value / 1000.0 for value in bounds)
        box = (math.floor(west), math.floor(south), math.ceil(east), math.ceil(north))
        if _is_box_on_scale(geometry.crs, *box):
            return is_off
    boxes = shapely.bounds(np.asarray(geometry.values)).reshape(-1, 4)
    rows = np.flatnonzero(~np.isnan(boxes).any(axis=1))
    x, y = boxes[rows][:, [0, 0, 2, 2]], boxes[rows][:, [1, 3, 1, 3]]
    error = scale_error(geometry.crs, x.ravel(), y.ravel()).reshape(-1, 4)
    is_off[rows] = (error > SCALE_LIMIT).any(axis=1)
    return is_off


def scale_error(crs: pyproj.CRS, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Return the relative error of lengths on a map.

    Parameters
    ----------
    crs : pyproj.CRS
        Projected CRS in metres.
    x, y : array-like of float
        Map coordinates, metres.

    Returns
    -------
    numpy.ndarray of float
        Largest relative error over all directions at each place (0.01 is one per cent); infinite
        where the projection is not defined.

    Raises
    ------
    CrsError
        If the CRS is not tied to the earth.

    Notes
    -----
    The scale in a direction is the inverse of a singular value of the derivative of ground by map
    coordinates; the singular values are the inverse semi-axes of Tissot's indicatrix [1]_.

    References
    ----------
    .. [1] J. P. Snyder, "Map Projections: A Working Manual", USGS Professional Paper 1395, 1987,
       pp. 20-26.

    Examples
    --------
    The scale on the central meridian of a UTM zone is 0.9996:

    >>> scale_error(pyproj.CRS(32650), 500000.0, 4400000.0).round(6).tolist()
    [0.0004]
    """
    x, y = np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float))
    to_angles, unit, semi_major, eccentricity2 = _inverse_projection(crs)
    step = 1.0
    angles = to_angles.transform(
        np.concatenate([x - step, x + step, x, x]), np.concatenate([y, y, y - step, y + step])
    )
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        lon, lat = (np.asarray(angle, float).reshape(4, -1) * unit for angle in angles)
        middle = lat.mean(axis=0)
        root = 1.0 - eccentricity2 * np.sin(middle) ** 2
        metres_lat = semi_major * (1.0 - eccentricity2) / root**1.5
        metres_lon = semi_major * np.cos(middle) / np.sqrt(root)
        differences = np.array([lon[1] - lon[0], lon[3] - lon[2]])
        differences = (differences + np.pi) % (2.0 * np.pi) - np.pi
        east = differences * metres_lon / (2.0 * step)
        north = np.array([lat[1] - lat[0], lat[3] - lat[2]]) * metres_lat / (2.0 * step)
        # Singular values of [[east_x, east_y], [north_x, north_y]] in closed form.
        squares = (east**2).sum(axis=0) + (north**2).sum(axis=0)
        determinant2 = 2.0 * np.abs(east[0] * north[1] - east[1] * north[0])
        root_sum = np.sqrt(squares + determinant2)
        root_difference = np.sqrt(np.maximum(squares - determinant2, 0.0))
        large, small = (root_sum + root_difference) / 2.0, (root_sum - root_difference) / 2.0
        error = np.fmax(np.abs(1.0 / large - 1.0), np.abs(1.0 / small - 1.0))
    return np.where(np.isfinite(error) & np.isfinite(lon).all(axis=0), error, np.inf)


@lru_cache(maxsize=32)
def _inverse_projection(crs: pyproj.CRS) -> tuple[pyproj.Transformer, float, float, float]:
    """Return the inverse projection without change of datum, and what its angles need.

    These are the unit of the angles in radians, the semi-major axis in metres, and the squared
    eccentricity.
    """
    base = crs.geodetic_crs
    ellipsoid = crs.ellipsoid
    if base is None or ellipsoid is None:
        raise CrsError(
            f"{crs.to_string()} is not tied to the earth; project to geo.metric_crs(layer)"
        )
    eccentricity2 = 1.0 - (ellipsoid.semi_minor_metre / ellipsoid.semi_major_metre) ** 2
    unit = float(base.axis_info[0].unit_conversion_factor)
    transformer = pyproj.Transformer.from_crs(crs, base, always_xy=True)
    return transformer, unit, float(ellipsoid.semi_major_metre), eccentricity2


@lru_cache(maxsize=1024)
def _is_box_on_scale(crs: pyproj.CRS, west: int, south: int, east: int, north: int) -> bool:
    """Return whether the scale error is within the limit at corners and middle of a box (km)."""
    x = np.array([west, west, east, east, (west + east) / 2]) * 1000.0
    y = np.array([south, north, south, north, (south + north) / 2]) * 1000.0
    return bool((scale_error(crs, x, y) <= SCALE_LIMIT).all())


def refuse_scale(geometry: GeoSeries, is_off: NDArray[np.bool_]) -> None:
    """Raise an error for rows that lie where the scale of their CRS is off.

    Parameters
    ----------
    geometry : geopandas.GeoSeries
        Layer in a projected CRS in metres.
    is_off : numpy.ndarray of bool
        Result of `is_off_scale` for it, True for at least one row.

    Raises
    ------
    CrsError
        Always. It names the rows if only some are off, otherwise a CRS that suits the layer.
    """
    crs = geometry.crs
    has_place = ~np.isnan(shapely.bounds(np.asarray(geometry.values)).reshape(-1, 4)[:, 0])
    if not is_off[has_place].all():
        raise CrsError(
            f"{name_rows(geometry.index[is_off])} lie where {crs.to_string()} does not hold: "
            f"lengths there are off by more than {SCALE_LIMIT:.1%}; correct their coordinates, or "
            "project all with .to_crs() to a CRS that suits them"
        )
    bounds = bounds_of(geometry)
    error = scale_error(crs, (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)[0]
    try:
        better = f".to_crs({utm_zone(crs, *bounds).to_string()!r})"
    except CrsError:
        better = ".to_crs(geo.metric_crs(layer)), once its coordinates or its CRS are corrected"
    amount = f"{error:.1%}" if np.isfinite(error) else "beyond measure"
    raise CrsError(
        f"lengths in {crs.to_string()} are off by {amount} where the layer lies (at most "
        f"{SCALE_LIMIT:.1%} is allowed); project with {better}"
    )
