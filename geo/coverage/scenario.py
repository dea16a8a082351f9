"""Ground that additional cameras would see."""

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
    """Return the ground that new views see and no present view sees.

    Parameters
    ----------
    views : geopandas.GeoSeries
        What the present cameras see, from `visible_area`; metric CRS.
    added : geopandas.GeoSeries
        What the new cameras would see; same CRS.

    Returns
    -------
    shapely.Polygon or shapely.MultiPolygon
        Empty where the new cameras add nothing.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a view is not a valid polygon.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> views = gpd.GeoSeries([shapely.box(0, 0, 10, 10)], crs=32650)
    >>> added = gpd.GeoSeries([shapely.box(5, 0, 20, 10)], crs=32650)
    >>> geo.added_ground(views, added).area
    100.0
    """
    require_metric(views, added)
    present = require_polygons(views, "views", empty=True)[0]
    new = shapely.union_all(require_polygons(added, "added views", empty=True)[0])
    if new.is_empty:
        return shapely.MultiPolygon()
    present = present[shapely.intersects(present, new)]
    gained = shapely.difference(new, shapely.union_all(present)) if len(present) else new
    return areal(gained)


def areal(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a shape as one, without points, lines and polygons of no area.

    Parameters
    ----------
    shape : shapely.Geometry
        Any shape, such as the result of an overlay.

    Returns
    -------
    shapely.MultiPolygon
        Empty where the shape has no area.

    Examples
    --------
    >>> import shapely
    >>> from geo.coverage.scenario import areal
    >>> mixed = shapely.GeometryCollection([shapely.Point(9, 9), shapely.box(0, 0, 1, 2)])
    >>> areal(mixed).area
    2.0
    """
    parts = polygon_parts(shape)
    parts = parts[shapely.area(parts) > 0.0]
    return shapely.multipolygons(parts) if len(parts) else shapely.MultiPolygon()


def added_by_grid(
    grids: GeoDataFrame, added: shapely.Geometry, *, incidents: GeoDataFrame | None = None
) -> DataFrame:
    """Return what newly covered ground adds to each grid that it lies in.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons, metric CRS, with `open_m2` and `open_covered_share` of today (empty where
        unknown).
    added : shapely.Polygon or shapely.MultiPolygon
        From `added_ground`, same CRS.
    incidents : geopandas.GeoDataFrame, optional
        Points, same CRS; those on newly covered ground are counted.

    Returns
    -------
    pandas.DataFrame
        One row per grid that gains, on the index of `grids`: `gained_m2`; `share_before` and
        `share_after` (of the open ground, 0 to 1; NaN where it is unknown or there is none);
        `incidents` (NaN where none are given).

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid or `added` is not a valid polygon, or an incident is not a point.
    ColumnError
        If a column of the grids is missing or not numeric.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(
    ...     {"open_m2": [100.0], "open_covered_share": [0.25]}, index=["a"],
    ...     geometry=[shapely.box(0, 0, 10, 10)], crs=32650)
    >>> geo.added_by_grid(grids, shapely.box(5, 0, 20, 5)).iloc[0, :3].tolist()
    [25.0, 0.25, 0.5]
    """
    require_metric(grids, located=incidents)
    cells, _ = require_polygons(grids, "grids")
    for name in ("open_m2", "open_covered_share"):
        required_column(grids, name, "the grids")
    if not isinstance(added, (shapely.Polygon, shapely.MultiPolygon)) or not added.is_valid:
        raise GeometryError("added must be a valid (multi)polygon, from added_ground")
    pieces = shapely.intersection(cells, added)
    gained_m2 = shapely.area(pieces)
    gains = gained_m2 > 0
    open_m2, before = (numbers_of(grids, name)[gains] for name in ("open_m2", "open_covered_share"))
    with np.errstate(divide="ignore", invalid="ignore"):
        after = np.minimum(before + gained_m2[gains] / open_m2, 1.0)
    out = pd.DataFrame(
        {
            "gained_m2": gained_m2[gains],
            "share_before": before,
            "share_after": np.where(open_m2 > 0, after, np.nan),
        },
        index=grids.index[gains],
    )
    if incidents is None:
        return out.assign(incidents=np.nan)
    tree = shapely.STRtree(points_of(incidents, "incidents", missing=True))
    grid, _ = tree.query(pieces[gains], predicate="intersects")
    return out.assign(incidents=np.bincount(grid, minlength=int(gains.sum())))
