"""Polygons from the rings that the visibility kernel returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.geometry.shapes import polygon_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray


def polygons_of_views(
    xy: NDArray[np.float64],
    ring_offsets: NDArray[np.int64],
    polygon_offsets: NDArray[np.int64],
    parts: NDArray[np.int64],
    sure: NDArray[np.bool_],
) -> NDArray[Any]:
    """Return one valid polygon or multipolygon per view.

    Parameters
    ----------
    xy : numpy.ndarray of float, shape (n, 2)
        Coordinates of all rings, metres.
    ring_offsets : numpy.ndarray of int
        First coordinate of each ring, and the end of the last one.
    polygon_offsets : numpy.ndarray of int
        First ring of each polygon, and the end of the last one.
    parts : numpy.ndarray of int
        Number of polygons of each view.
    sure : numpy.ndarray of bool
        Whether each view is certainly valid; only the others are checked.

    Returns
    -------
    numpy.ndarray of shapely.Geometry
        A Polygon, empty if the view has no part, or a MultiPolygon for each view.
    """
    polygons = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, xy, (ring_offsets, polygon_offsets)
    )
    if len(polygons) == len(parts) and (parts == 1).all():
        views = polygons
    else:
        views = _group_parts(polygons, parts)
    unsure = np.flatnonzero(~sure)
    invalid = unsure[~shapely.is_valid(views[unsure])]
    if len(invalid):
        views[invalid] = [_repair(view) for view in views[invalid]]
    return np.asarray(views)


def _group_parts(polygons: NDArray[Any], parts: NDArray[np.int64]) -> NDArray[Any]:
    views = np.full(len(parts), shapely.Polygon(), dtype=object)
    first = np.cumsum(parts) - parts
    views[parts == 1] = polygons[first[parts == 1]]
    several = np.flatnonzero(parts > 1)
    if len(several):
        members = np.flatnonzero(np.repeat(parts > 1, parts))
        owner = np.repeat(np.arange(len(several)), parts[several])
        views[several] = shapely.multipolygons(polygons[members], indices=owner)
    return views


def _repair(view: Any) -> Any:
    """Return the polygons of the valid equivalent of a view whose rings touch by rounding."""
    polygons = polygon_parts(shapely.make_valid(view))
    return shapely.union_all(polygons) if len(polygons) else shapely.Polygon()
