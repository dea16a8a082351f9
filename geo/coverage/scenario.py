"""What cameras that do not stand yet would add."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.crs import require_metric

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
    """
    require_metric(views, added)
    new = shapely.union_all(np.asarray(added.values))
    if new.is_empty:
        return shapely.MultiPolygon()
    near = np.asarray(views.values)
    near = near[shapely.intersects(near, new)]
    left = shapely.difference(new, shapely.union_all(near)) if len(near) else new
    return areal(left)


def areal(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a shape as one, without the points and lines where edges only touched."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    parts = parts[(shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 0.0)]
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
    """
    require_metric(grids, incidents)
    pieces = shapely.intersection(np.asarray(grids.geometry.values), added)
    gained = shapely.area(pieces)
    here = gained > 0
    open_m2 = pd.to_numeric(grids["open_m2"]).to_numpy(float)[here]
    before = pd.to_numeric(grids["open_covered_share"]).to_numpy(float)[here]
    with np.errstate(divide="ignore", invalid="ignore"):
        after = np.minimum(before + gained[here] / open_m2, 1.0)
    out = pd.DataFrame(
        {"gained_m2": gained[here], "share_before": before, "share_after": np.where(open_m2 > 0, after, np.nan)},
        index=grids.index[here],
    )  # fmt: skip
    if incidents is None:
        return out.assign(incidents=np.nan)
    tree = shapely.STRtree(np.asarray(incidents.geometry.values))
    grid, _ = tree.query(pieces[here], predicate="intersects")
    return out.assign(incidents=np.bincount(grid, minlength=int(here.sum())))
