"""Share of each grid that cameras see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from geo.coverage._simulations import simulated_coverage
from geo.coverage.ground import measure_coverage, prepare_ground
from geo.crs import require_metric
from geo.errors import ColumnError
from geo.geometry.polygons import require_polygons, rings_of
from geo.visibility.camera_defaults import CameraDefaults
from geo.visibility.prepared_buildings import prepare_buildings

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import ArrayLike
    from pandas import DataFrame


def coverage_by_grid(
    grids: GeoDataFrame,
    views: GeoSeries,
    *,
    buildings: GeoDataFrame | None = None,
    cameras: GeoDataFrame | None = None,
    position_error_m: ArrayLike = 0.0,
    bearing_error_deg: ArrayLike = 0.0,
    draws: int = 0,
    seed: int = 1,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> DataFrame:
    """Return the share of each grid that at least one camera sees.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons, metric CRS.
    views : geopandas.GeoSeries
        What each camera sees, from `visible_area`; same CRS. Empty views cover nothing.
    buildings : geopandas.GeoDataFrame, optional
        Footprints that do not count as open ground; same CRS. Without them all ground is open.
    cameras : geopandas.GeoDataFrame, optional
        The cameras of the views, as for `visible_area`; same CRS. Needed with `draws`.
    position_error_m : float or array_like of float, default 0
        Standard deviation of the position in each axis, metres; one for all or one per camera.
    bearing_error_deg : float or array_like of float, default 0
        Standard deviation of a recorded bearing, degrees; one for all or one per camera.
    draws : int, default 0
        Number of Monte Carlo simulations, at least 2; 0 for no interval.
    seed : int, default 1
        Seed of the random numbers; the same seed gives the same figures.
    defaults : mapping of str to CameraDefaults, optional
        Assumed parameters by kind of camera, as for `visible_area`.

    Returns
    -------
    pandas.DataFrame
        One row per grid, on the index of `grids`:

        - `area_m2`; `covered_m2`, `covered_share` (0 to 1)
        - `open_m2`, `open_covered_share` (NaN where no ground is open)
        - `cameras`: number of views that meet the grid
        - `twice_covered_share`; `seen_by_0_share` to `seen_by_3_share` (the last is three or more)
        - with `draws` also `covered_share_mean`, `covered_share_p05`, `covered_share_p95` (mean, 5
          % and 95 % quantile over the simulations), and the same of `open_covered_share`

        ``.attrs["assumed"]`` is that of the views (see `visible_area`).

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid, view or building is not a valid polygon.
    ColumnError
        If `draws` is 1 or given without cameras, or an error is negative.

    Notes
    -----
    Exact up to rounding: a sweep by slabs that are split at every crossing, after Bentley and
    Ottmann [1]_; see docs/coverage.md. In each simulation cameras err independently of one another,
    by normal errors; all directions of a camera err together. Cameras without a recorded bearing
    look all round and are moved only.

    References
    ----------
    .. [1] J. L. Bentley and T. A. Ottmann, "Algorithms for reporting and counting geometric
       intersections", IEEE Transactions on Computers C-28 (1979).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(index=["a"], geometry=[shapely.box(0, 0, 10, 10)], crs=32650)
    >>> views = gpd.GeoSeries([shapely.box(5, 0, 20, 10), shapely.box(5, 0, 8, 5)], crs=32650)
    >>> row = geo.coverage_by_grid(grids, views).loc["a"]
    >>> float(row.covered_share), float(row.twice_covered_share), int(row.cameras)
    (0.5, 0.15, 2)
    """
    require_metric(grids, views, buildings, cameras)
    ground = prepare_ground(grids, buildings)
    view_shapes, view_rings = require_polygons(views, "views", empty=True)
    out = pd.DataFrame(measure_coverage(ground, view_shapes, view_rings), index=grids.index)
    if draws:
        if cameras is None:
            raise ColumnError("draws move the cameras: give cameras=, those of the views")
        simulated = simulated_coverage(
            cameras,
            prepare_buildings(buildings if buildings is not None else grids.iloc[:0]),
            lambda simulated_views: measure_coverage(
                ground, simulated_views, rings_of(simulated_views)
            ),
            position_error_m=position_error_m,
            bearing_error_deg=bearing_error_deg,
            draws=draws,
            seed=seed,
            defaults=defaults,
        )
        out = out.assign(**simulated)
    if "assumed" in views.attrs:
        out.attrs["assumed"] = views.attrs["assumed"]
    return out
