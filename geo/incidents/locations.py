"""Where incidents happened: coordinates, and the grid that counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import require_metric
from geo.frames import codes_of, texts_of
from geo.geometry.point_location import UNSURE, locate
from geo.geometry.polygons import require_polygons
from geo.geometry.shapes import points_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray


def point_coordinates(
    points: GeoDataFrame | GeoSeries, what: str = "incidents"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coordinates of points, NaN where one is missing or empty.

    Parameters
    ----------
    points : geopandas.GeoDataFrame or geopandas.GeoSeries
        Points, some of which may be missing.
    what : str, default "incidents"
        What they are, for the error message.

    Returns
    -------
    x, y : numpy.ndarray of float
        One value per row.

    Raises
    ------
    GeometryError
        If a geometry is of another type; the rows are named.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from geo.incidents.locations import point_coordinates
    >>> x, y = point_coordinates(gpd.GeoSeries([shapely.Point(1, 2), None], crs=32650))
    >>> x.tolist(), y.tolist()
    ([1.0, nan], [2.0, nan])
    """
    shapes = points_of(points, what, missing=True)
    return shapely.get_x(shapes), shapely.get_y(shapes)


def grid_positions(grids: GeoDataFrame, incidents: GeoDataFrame) -> NDArray[np.int64]:
    """Return the position of the grid that each incident lies in.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons, metric CRS; the index (or the `code` column) is what the `grid` column of
        incidents names.
    incidents : geopandas.GeoDataFrame
        Points in the same CRS, some of which may be missing.

    Returns
    -------
    numpy.ndarray of int64
        Position in `grids`, one per incident; -1 outside every grid. A point on a border belongs to
        the grid that comes first, so that it counts once. An incident without a point counts in the
        grid that its `grid` column names.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid is not a valid polygon, or an incident is not a point.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cells = [shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)]
    >>> grids = gpd.GeoDataFrame(geometry=cells, crs=32650)
    >>> points = [shapely.Point(12, 5), shapely.Point(10, 5), shapely.Point(-1, 5)]
    >>> geo.grid_positions(grids, gpd.GeoDataFrame(geometry=points, crs=32650)).tolist()
    [1, 0, -1]
    """
    require_metric(grids, located=incidents)
    cells, rings = require_polygons(grids, "grids")
    points = points_of(incidents, "incidents", missing=True)
    x, y = shapely.get_x(points), shapely.get_y(points)
    located = np.isfinite(x) & np.isfinite(y)
    out = np.full(len(incidents), len(grids), np.int64)
    rows = np.flatnonzero(located)
    if len(grids) and len(rows):
        first_grid = locate(x[rows], y[rows], rings)
        out[rows] = np.where(first_grid >= 0, first_grid, len(grids))
        on_edge = rows[first_grid == UNSURE]
        grid, which = shapely.STRtree(points[on_edge]).query(cells, predicate="intersects")
        np.minimum.at(out, on_edge[which], grid)
    named = texts_of(incidents, "grid").to_numpy()[~located]
    if any(code is not None for code in named):
        codes_column = texts_of(grids, "code")
        no_codes = codes_column.isna().any()
        codes = codes_of(grids if no_codes else grids.set_index(codes_column), "grids")
        position = {code: k for k, code in enumerate(codes)}
        out[~located] = [position.get(str(code), len(grids)) for code in named]
    out[out == len(grids)] = -1
    return out
