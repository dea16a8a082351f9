"""Buildings mapped in parts: parts replace the outline where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely

_SMALLEST_M2 = 1.0
"""Area from which a remainder of an outline without its parts is stored."""
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class Split:
    """Outlines without their parts, and the parts that lie in them."""

    outlines: pd.DataFrame
    """Outlines of which ground remains outside the parts, with that as ``shape``."""
    within: np.ndarray[Any, np.dtype[np.bool_]]
    """For each part, whether it lies in one of the outlines."""
    heights: np.ndarray[Any, np.dtype[np.float64]]
    """For each part, the height of its outline in metres; NaN if it has none."""
    replaced: list[str]
    """Keys of outlines that their parts cover."""


def split(outlines: pd.DataFrame, parts: pd.DataFrame) -> Split:
    """Cut building parts out of their outlines.

    A part belongs to the outline that contains a point on its surface. The remainder of an outline
    has the height of the outline.

    Parameters
    ----------
    outlines : pandas.DataFrame
        Columns ``key``, ``height_m`` and ``shape`` (polygons in EPSG:4326).
    parts : pandas.DataFrame
        The same columns.

    Returns
    -------
    Split
        Remaining outlines, and outline and height of each part.
    """
    within = np.zeros(len(parts), bool)
    heights = np.full(len(parts), np.nan)
    if outlines.empty or parts.empty:
        return Split(outlines, within, heights, [])
    shapes = outlines["shape"].to_numpy().copy()
    part_shapes = parts["shape"].to_numpy()
    points = shapely.point_on_surface(part_shapes)
    part, outline = shapely.STRtree(shapes).query(points, predicate="intersects")
    within[part] = True
    heights[part] = outlines["height_m"].to_numpy(float)[outline]
    remains = np.ones(len(outlines), bool)
    for index in np.unique(outline):
        shapes[index] = _difference(shapes[index], part_shapes[part[outline == index]])
        remains[index] = _area_m2(shapes[index]) >= _SMALLEST_M2
    replaced = outlines["key"][~remains].tolist()
    return Split(outlines.assign(shape=shapes)[remains], within, heights, replaced)


def _difference(outline: Any, part_shapes: Any) -> Any:
    """Return the outline without parts and slivers; unchanged if the difference fails."""
    try:
        remainder = shapely.difference(outline, shapely.union_all(shapely.make_valid(part_shapes)))
    except shapely.errors.GEOSException:
        return outline
    polygons = [
        polygon
        for polygon in shapely.get_parts(remainder)
        if polygon.geom_type == "Polygon" and _area_m2(polygon) >= _SMALLEST_M2
    ]
    return shapely.MultiPolygon(polygons)


def _area_m2(shape: Any) -> float:
    """Return the area of a small shape in EPSG:4326, in square metres, to about one percent."""
    if shapely.is_empty(shape):
        return 0.0
    latitude = np.radians(shapely.centroid(shape).y)
    return float(shapely.area(shape)) * _METRES_PER_DEGREE**2 * float(np.cos(latitude))
