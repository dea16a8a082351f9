"""What cameras that do not stand yet would add."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.crs import require_metric
from geo.errors import GeometryError
from geo.frames import numbers_of, required_column
from geo.geometry.polygons import require_polygons
from geo.geometry.shapes import points_of, polygon_parts

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from pandas import DataFrame


def added_ground(views: GeoSeries, added: GeoSeries) -> shapely.Geometry:
    """The ground that some new views see and no view has seen yet.

    Parameters
    ----------
    views : what the cameras there are see, from `visible_area`; metric CRS.
    added : what the new ones would; same CRS.

    Returns
    -------
    A (multi)polygon, empty where they add nothing.

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    GeometryError : a view is no valid polygon.
    """
    require_metric(views, added)
    near = require_polygons(views, "views", empty=True)[0]
    new = shapely.union_all(require_polygons(added, "added views", empty=True)[0])
    if new.is_empty:
        return shapely.MultiPolygon()
    near = near[shapely.intersects(near, new)]
    left = shapely.difference(new, shapely.union_all(near)) if len(near) else new
    return areal(left)


def areal(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a shape as one, without the points and lines where edges only touched."""
    parts = polygon_parts(shape)
    parts = parts[shapely.area(parts) > 0.0]
    return shapely.multipolygons(parts) if len(parts) else shapely.MultiPolygon()


def added_by_grid(
    grids: GeoDataFrame, added: shapely.Geometry, *, incidents: GeoDataFrame | None = None
) -> DataFrame:
    """What newly seen ground is worth to each grid that it lies in.

    Parameters
    ----------
    grids : polygons, metric CRS, with `open_m2` and `open_covered_share` of today (missing where not
        known).
    added : of `added_ground`.
    incidents : points, same CRS; those on newly seen ground are counted.

    Returns
    -------
    One row a grid that gains, on the index of `grids`: `gained_m2`, `share_before`, `share_after` (of the
    open ground, 0 to 1, missing where it is not known or none), `incidents` (missing where none are given).

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    GeometryError : a grid is no valid polygon, or an incident is no point.
    ColumnError : a column of the grids is not there, or no number.
    """
    require_metric(grids, located=incidents)
    cells, _ = require_polygons(grids, "grids")
    for name in ("open_m2", "open_covered_share"):
        required_column(grids, name, "the grids")
    if not isinstance(added, (shapely.Polygon, shapely.MultiPolygon)) or not added.is_valid:
        raise GeometryError("added must be a valid (multi)polygon, from added_ground")
    pieces = shapely.intersection(cells, added)
    gained = shapely.area(pieces)
    here = gained > 0
    open_m2, before = (numbers_of(grids, name)[here] for name in ("open_m2", "open_covered_share"))
    with np.errstate(divide="ignore", invalid="ignore"):
        after = np.minimum(before + gained[here] / open_m2, 1.0)
    out = pd.DataFrame(
        {"gained_m2": gained[here], "share_before": before, "share_after": np.where(open_m2 > 0, after, np.nan)},
        index=grids.index[here],
    )  # fmt: skip
    if incidents is None:
        return out.assign(incidents=np.nan)
    tree = shapely.STRtree(points_of(incidents, "incidents", missing=True))
    grid, _ = tree.query(pieces[here], predicate="intersects")
    return out.assign(incidents=np.bincount(grid, minlength=int(here.sum())))
