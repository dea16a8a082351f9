"""Bounds of a layer, and the UTM zone they lie in."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyproj
import shapely
from geopandas import GeoSeries

from geo.errors import CrsError


def bounds_of(geometry: GeoSeries) -> tuple[float, float, float, float]:
    """Return west, south, east and north; NaN if no row has coordinates."""
    if len(geometry) == 0:
        return np.nan, np.nan, np.nan, np.nan
    boxes = shapely.bounds(np.asarray(geometry.values)).reshape(-1, 4)
    if np.isnan(boxes[:, 0].sum()):  # missing or empty shapes, or infinite ones
        boxes = boxes[~np.isnan(boxes[:, 0])]
        if len(boxes) == 0:
            return np.nan, np.nan, np.nan, np.nan
    west, south, _, _ = boxes.min(axis=0).tolist()
    _, _, east, north = boxes.max(axis=0).tolist()
    return west, south, east, north


@lru_cache(maxsize=256)
def utm_zone(crs: pyproj.CRS, west: float, south: float, east: float, north: float) -> pyproj.CRS:
    """Return the WGS 84 / UTM zone of the middle of a box in `crs`.

    Cached, because PROJ needs about 10 ms to look one up and a deployment asks for few of them.
    """
    bounds = GeoSeries([shapely.box(west, south, east, north)], crs=crs)
    try:
        return pyproj.CRS(bounds.estimate_utm_crs())
    except (RuntimeError, ValueError) as error:
        raise CrsError(
            f"no UTM zone holds the layer, whose coordinates run from {west:g}, {south:g} to "
            f"{east:g}, {north:g} in {crs.to_string()}; correct its coordinates or its CRS"
        ) from error
