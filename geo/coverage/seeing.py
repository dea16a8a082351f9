"""Which cameras see a place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from geo.crs import north_angle, require_metric
from geo.errors import ColumnError
from geo.frames import numbers_of
from geo.geometry.polygons import require_polygons
from geo.geometry.shapes import points_of
from geo.synonyms import warn_of_unused
from geo.visibility.camera_defaults import CameraDefaults
from geo.visibility.directions import split_directions
from geo.visibility.visibility import placed_cameras

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray
    from pandas import DataFrame

_EDGE_DEG = 0.01
"""A point this little outside a sector is taken to be in it: views are cut at rounded edges."""


def cameras_seeing(
    points: GeoDataFrame | GeoSeries,
    cameras: GeoDataFrame,
    views: GeoSeries,
    *,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> DataFrame:
    """The cameras that see each point, nearest first.

    Parameters
    ----------
    points : places on the ground, metric CRS.
    cameras : as for `visible_area`, and pixels_wide where known; same CRS.
    views : what each camera sees, from `visible_area`, on labels of `cameras`; same CRS. A view
        not there is not looked at.
    defaults : as for `visible_area`.

    Returns
    -------
    One row a point and camera that sees it, in the order of the points and by distance:
    `point` and `camera` (labels), `distance_m` and `bearing_deg` (clockwise from true north)
    from the camera to the point, `px_per_m` (pixels per metre across the line of sight there; NaN
    where pixels_wide is not on record, infinite at the camera itself). A point on the edge of a
    view is seen. Of a camera that looks several ways, the density is that of the direction whose
    sector holds the point, the densest of several. ``.attrs["assumed"]`` says what was assumed of the cameras (see `complete_cameras`).

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    GeometryError : a point is no point.
    ColumnError : a view has a label that no camera has, or two cameras have one label.

    Notes
    -----
    Pixel density by IEC 62676-4, see `class_range`; along the ground, not the slant.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cameras = gpd.GeoDataFrame(
    ...     {"fov_deg": [90.0], "bearing_deg": [0.0], "range_m": [60.0], "pixels_wide": [2000]},
    ...     geometry=[shapely.Point(500000, 4000000)], crs="EPSG:32650", index=["gate"])
    >>> place = gpd.GeoSeries([shapely.Point(500000, 4000040)], crs="EPSG:32650")
    >>> row = geo.cameras_seeing(place, cameras, geo.visible_area(cameras)).iloc[0]
    >>> row.camera, round(float(row.distance_m), 3), round(float(row.px_per_m), 3)
    ('gate', 40.0, 25.0)
    """
    require_metric(points, cameras, views)
    places = points_of(points, "points")
    seen, _ = require_polygons(views, "views", empty=True)
    row = cameras.index.get_indexer(views.index) if cameras.index.is_unique else None
    if row is None or (row < 0).any():
        raise ColumnError("each view needs the label of one camera: index both by camera code")
    tree = shapely.STRtree(seen)
    point, view = tree.query(places, predicate="intersects")
    warn_of_unused(cameras, "cameras", ("pixels_wide",))
    cameras = placed_cameras(cameras, defaults=defaults)
    camera = row[view]
    full = cameras.iloc[camera]
    x, y = shapely.get_x(full.geometry.values), shapely.get_y(full.geometry.values)
    east = shapely.get_x(places[point]) - x
    north = shapely.get_y(places[point]) - y
    distance = np.hypot(east, north)
    bearing = (np.degrees(np.arctan2(east, north)) - north_angle(full.geometry)) % 360.0
    with np.errstate(divide="ignore"):
        density = numbers_of(full, "pixels_wide") / (_across(cameras, camera, bearing) * distance)
    order = np.lexsort((view, distance, point))
    out = pd.DataFrame(
        {
            "point": points.index.to_numpy()[point],
            "camera": full.index.to_numpy(),
            "distance_m": distance,
            "bearing_deg": bearing,
            "px_per_m": density,
        }
    ).iloc[order].reset_index(drop=True)  # fmt: skip
    out.attrs["assumed"] = cameras.attrs["assumed"]
    return out


def _across(
    cameras: GeoDataFrame, camera: NDArray[np.int64], bearing_deg: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the width of the image at 1 m, in metres, of the lens that looks towards a bearing.

    Parameters
    ----------
    cameras : completed.
    camera : positions in `cameras`, one a line of sight.
    bearing_deg : where each line of sight leads.
    """
    directed, owner = split_directions(cameras)
    first, end = (np.searchsorted(owner, camera, side) for side in ("left", "right"))
    counts = end - first
    line = np.repeat(np.arange(len(camera)), counts)
    place = np.arange(len(line)) + np.repeat(first - np.cumsum(counts) + counts, counts)
    lens = directed["lens_deg"].to_numpy(float)[place]
    half = np.radians(np.minimum(lens, 179.0)) / 2.0
    across = np.where(lens < 180.0, 2.0 * np.tan(half), np.radians(lens))
    towards = directed["bearing_deg"].to_numpy(float)[place]
    off = np.abs((bearing_deg[line] - towards + 180.0) % 360.0 - 180.0)
    beyond = np.maximum(off - directed["fov_deg"].to_numpy(float)[place] / 2.0 - _EDGE_DEG, 0.0)
    order = np.lexsort((across, beyond, line))
    out: NDArray[np.float64] = across[order][np.cumsum(counts) - counts]
    return out
