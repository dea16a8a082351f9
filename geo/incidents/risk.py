"""Incidents to be expected on ground that no camera sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.crs import require_metric
from geo.errors import ColumnError
from geo.geometry.lattice import lattice_points
from geo.geometry.shapes import areas_of, polygon_parts
from geo.incidents.locations import point_coordinates
from geo.kernel_cache import kernel

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray
    from pandas import Series

BANDWIDTH_M = 50.0
"""Default bandwidth: distance up to which an incident raises the expectation, metres."""
_STEP_M = 5.0
_MOST_POINTS = 2_000_000


def expected_incidents(
    shapes: GeoSeries, incidents: GeoDataFrame, *, bandwidth_m: float = BANDWIDTH_M
) -> Series:
    """Return the incidents to be expected on shapes, from those that happened there and nearby.

    Parameters
    ----------
    shapes : geopandas.GeoSeries
        Polygons, metric CRS; blind spots, for instance. A polygon whose border crosses itself
        counts as its valid equivalent.
    incidents : geopandas.GeoDataFrame
        Points, same CRS; of one year, so that the result is per year. Those without a point do not
        count.
    bandwidth_m : float, default 50
        Radius of the quartic (biweight) kernel, metres.

    Returns
    -------
    pandas.Series
        `risk`, expected incidents, on the index of `shapes`. Shapes that do not overlap share an
        incident and never count it twice.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a shape is not a polygon, or an incident is not a point.
    ColumnError
        If the bandwidth is not above 0.

    Notes
    -----
    Every incident is spread by the kernel 3 / (π h²) · (1 - (d / h)²)² [1]_, as usual in crime
    mapping [2]_. The risk of a shape is its area times the mean density at points 5 m apart
    (farther where there would be more than two million); a shape that contains none of them is
    evaluated at one point inside.

    References
    ----------
    .. [1] B. W. Silverman, Density Estimation for Statistics and Data Analysis (1986), eq. 4.5.
    .. [2] S. Chainey and J. Ratcliffe, GIS and Crime Mapping (2005).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> places = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)] * 8, crs=32650)
    >>> boxes = [shapely.box(0, -60, 60, 60), shapely.box(200, 0, 300, 100)]
    >>> risk = geo.expected_incidents(gpd.GeoSeries(boxes, crs=32650), places)
    >>> risk.round(1).tolist()
    [4.0, 0.0]
    """
    require_metric(shapes, located=incidents)
    if not bandwidth_m > 0:
        raise ColumnError("bandwidth_m must be above 0")
    polygons = areas_of(shapes, "shapes")
    bad = np.flatnonzero(~shapely.is_valid(polygons))
    if len(bad):  # projecting a sliver can make its border cross itself
        polygons = polygons.copy()
        polygons[bad] = [
            shapely.multipolygons(polygon_parts(shape))
            for shape in shapely.make_valid(polygons[bad], method="structure", keep_collapsed=False)
        ]
    areas = shapely.area(polygons)
    points, owner = _points_in_each(
        polygons, max(_STEP_M, float(np.sqrt(areas.sum() / _MOST_POINTS)))
    )
    x, y = point_coordinates(incidents)
    located = np.isfinite(x) & np.isfinite(y)
    xy = np.column_stack([x[located], y[located]])
    density = _density(points, xy, float(bandwidth_m))
    number = np.bincount(owner, minlength=len(polygons))
    mean = np.bincount(owner, density, len(polygons)) / np.maximum(number, 1)
    return pd.Series(mean * areas, index=shapes.index, name="risk")


def _points_in_each(
    polygons: NDArray[np.object_], step_m: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return points of one lattice in each polygon, at least one, and the polygon of each."""
    points, owners = [np.zeros((0, 2))], [np.zeros(0, np.int64)]
    for k, polygon in enumerate(polygons):
        if polygon is None or polygon.is_empty:
            continue
        inside = lattice_points(polygon, step_m)
        if not len(inside):
            inside = shapely.get_coordinates(polygon.representative_point())
        points.append(inside)
        owners.append(np.full(len(inside), k, np.int64))
    return np.concatenate(points), np.concatenate(owners)


def _density(
    points: NDArray[np.float64], incidents: NDArray[np.float64], width: float
) -> NDArray[np.float64]:
    """Return the kernel density of incidents at points, incidents per m²."""
    if not len(points) or not len(incidents):
        return np.zeros(len(points))
    # With square cells as wide as the kernel, all that matters is in the nine around a point.
    low = incidents.min(axis=0)
    cell = np.floor((incidents - low) / width).astype(np.int64)
    columns = int(cell[:, 0].max()) + 1
    number = cell[:, 1] * columns + cell[:, 0]
    order = np.argsort(number, kind="stable")
    occupied, start = np.unique(number[order], return_index=True)
    ends = np.append(start, len(order))
    return np.asarray(_sum(points, incidents[order], occupied, ends, low, width, columns))


@kernel
def _sum(points, incidents, occupied, ends, low, width, columns):
    """Return the kernel density at points, of incidents sorted by cells of one bandwidth."""
    out = np.zeros(len(points))
    square = width * width
    scale = 3.0 / (np.pi * square)
    for p in range(len(points)):
        x, y = points[p, 0], points[p, 1]
        col = int(np.floor((x - low[0]) / width))
        row = int(np.floor((y - low[1]) / width))
        total = 0.0
        for r in range(max(row - 1, 0), row + 2):
            first, last = max(col - 1, 0), min(col + 1, columns - 1)
            if last < first:
                continue
            at = np.searchsorted(occupied, r * columns + first)
            while at < len(occupied) and occupied[at] <= r * columns + last:
                for k in range(ends[at], ends[at + 1]):
                    dx, dy = incidents[k, 0] - x, incidents[k, 1] - y
                    left = 1.0 - (dx * dx + dy * dy) / square
                    if left > 0.0:
                        total += left * left
                at += 1
        out[p] = total * scale
    return out
