"""Geometries of OpenStreetMap objects that are no areas: lines of streets, discs of places."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely

POINT_PLACE_M = 25.0
"""Radius of the disc that represents a key place mapped as a point."""
_METRES_PER_DEGREE = 111_320.0
_DISC_VERTICES = 32


def connected_lines(locations: list[tuple[float, float]], valid: list[bool]) -> list[Any]:
    """Return the lines through consecutive nodes with a location.

    Parameters
    ----------
    locations : list of tuple of float
        Longitude and latitude of the nodes that have a location.
    valid : list of bool
        For each node of the way, whether it has a location; a missing one ends a line.

    Returns
    -------
    list of shapely.LineString
        Lines with at least two different points.

    Examples
    --------
    >>> [line.wkt for line in connected_lines([(0, 0), (1, 0), (5, 5)], [True, True, False, True])]
    ['LINESTRING (0 0, 1 0)']
    """
    remaining, lines, run = iter(locations), [], []
    for is_valid in [*valid, False]:
        if is_valid:
            run.append(next(remaining))
            continue
        if len(set(run)) > 1:
            lines.append(shapely.linestrings(run))
        run = []
    return lines


def disc(point: Any) -> Any:
    """Return a disc of `POINT_PLACE_M` about a point.

    Parameters
    ----------
    point : shapely.Point
        Centre in EPSG:4326.

    Returns
    -------
    shapely.Polygon
        Polygon with 32 vertices in EPSG:4326.
    """
    angles = np.linspace(0.0, 2.0 * np.pi, _DISC_VERTICES + 1)[:-1]
    radius_y_deg = POINT_PLACE_M / _METRES_PER_DEGREE
    radius_x_deg = radius_y_deg / max(math.cos(math.radians(point.y)), 0.01)
    x = point.x + radius_x_deg * np.sin(angles)
    y = point.y + radius_y_deg * np.cos(angles)
    return shapely.polygons(np.column_stack([x, y]))
