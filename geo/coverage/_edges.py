"""Polygons as arrays of directed edges, interior on the left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.errors import GeometryError, name_rows

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray


def directed_edges(polygons: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Edges (x0, y0, x1, y1) of (multi)polygons, and the offset of each polygon's edges."""
    oriented = shapely.orient_polygons(shapely.force_2d(polygons))
    parts, owner = shapely.get_parts(oriented, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    joined = ring[1:] == ring[:-1]
    segments = np.hstack([xy[:-1][joined], xy[1:][joined]])
    owners = owner[part[ring[:-1][joined]]]
    offsets = np.searchsorted(owners, np.arange(len(polygons) + 1)).astype(np.int64)
    return segments, offsets


def require_polygons(layer: GeoDataFrame | GeoSeries, what: str, *, empty: bool = False) -> None:
    """Refuse anything but valid polygons, naming the rows.

    Raises
    ------
    GeometryError : a geometry is missing, of another type, invalid, or (unless allowed) empty.
    """
    values = np.asarray(layer.geometry.values)
    good = np.isin(shapely.get_type_id(values), (3, 6)) & shapely.is_valid(values)
    if empty:
        good |= shapely.is_empty(values)
    else:
        good &= ~shapely.is_empty(values)
    if not good.all():
        raise GeometryError(
            f"{what} must be valid polygons; mend (for instance with .make_valid()) "
            f"{name_rows(layer.index[~good])}"
        )
