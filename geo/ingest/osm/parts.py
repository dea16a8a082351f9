"""Buildings that are mapped in parts: the parts take the place of the outline where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely

_LEAST_M2 = 1.0
"""What is left of an outline under its parts counts from this area on."""
_M_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class Split:
    """Outlines less their parts, and the parts that lie in them."""

    outlines: pd.DataFrame
    within: np.ndarray[Any, np.dtype[np.bool_]]
    """Of each part: whether it lies in one of these outlines."""
    heights: np.ndarray[Any, np.dtype[np.float64]]
    """Of each part: the height of its outline, NaN where it has none."""
    replaced: list[str]
    """Keys of outlines of which nothing is left."""


def split(outlines: pd.DataFrame, parts: pd.DataFrame) -> Split:
    """Cut the parts of buildings out of their outlines.

    A part belongs to the outline that holds its middle. What is left of an outline keeps its height.

    Parameters
    ----------
    outlines, parts : columns ``key``, ``height_m`` and ``shape`` (polygons in degrees).
    """
    within = np.zeros(len(parts), bool)
    heights = np.full(len(parts), np.nan)
    if outlines.empty or parts.empty:
        return Split(outlines, within, heights, [])
    shapes = outlines["shape"].to_numpy().copy()
    pieces = parts["shape"].to_numpy()
    middles = shapely.point_on_surface(pieces)
    part, outline = shapely.STRtree(shapes).query(middles, predicate="intersects")
    within[part] = True
    heights[part] = outlines["height_m"].to_numpy(float)[outline]
    left = np.ones(len(outlines), bool)
    for at in np.unique(outline):
        shapes[at] = _difference(shapes[at], pieces[part[outline == at]])
        left[at] = _area_m2(shapes[at]) >= _LEAST_M2
    replaced = outlines["key"][~left].tolist()
    return Split(outlines.assign(shape=shapes)[left], within, heights, replaced)


def _difference(outline: Any, pieces: Any) -> Any:
    """The outline without the pieces, slivers left out; as it is where the two cannot be combined."""
    try:
        rest = shapely.difference(outline, shapely.union_all(shapely.make_valid(pieces)))
    except shapely.errors.GEOSException:
        return outline
    polygons = [p for p in shapely.get_parts(rest) if p.geom_type == "Polygon"]
    return shapely.MultiPolygon([p for p in polygons if _area_m2(p) >= _LEAST_M2])


def _area_m2(shape: Any) -> float:
    """The area of a small shape in degrees, in square metres, to about a percent."""
    if shapely.is_empty(shape):
        return 0.0
    middle = shapely.centroid(shape)
    return float(shapely.area(shape)) * _M_PER_DEGREE**2 * float(np.cos(np.radians(middle.y)))
