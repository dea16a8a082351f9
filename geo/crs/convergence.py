"""Meridian convergence: true north on a projected map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely

if TYPE_CHECKING:
    from geopandas import GeoSeries
    from numpy.typing import NDArray


def north_angle(points: GeoSeries) -> NDArray[np.float64]:
    """Return the bearing of true north on the map grid.

    Bearings in registers are from true north; grid north differs from it by the meridian
    convergence, about 3 degrees at most in a UTM zone.

    Parameters
    ----------
    points : geopandas.GeoSeries
        Points in a projected CRS.

    Returns
    -------
    numpy.ndarray of float
        Angle at each point, degrees clockwise from grid north; added to a true bearing it gives
        the bearing on the grid. 0 where the projection is not defined.

    Examples
    --------
    West of the central meridian of a UTM zone, true north is clockwise from grid north:

    >>> import geopandas as gpd
    >>> eastings, northings = [300000, 500000], [4400000, 4400000]
    >>> points = gpd.GeoSeries(gpd.points_from_xy(eastings, northings), crs="EPSG:32650")
    >>> abs(north_angle(points)).round(2).tolist()
    [1.49, 0.0]
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
