"""Kernel density of incidents on a raster, and the choice of its bandwidth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely
from scipy import signal

from geo.crs import require_metric
from geo.errors import ColumnError, name_rows
from geo.frames import array_of
from geo.geometry.point_location import OUTSIDE, UNSURE, locate
from geo.geometry.polygons import require_polygons
from geo.incidents._district_raster import DistrictRaster, Kernel, kernel_stamp
from geo.incidents.locations import point_coordinates
from geo.incidents.surface import Surface

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import ArrayLike, NDArray

Rule = Literal["silverman", "scott", "likelihood"]
_QUARTIC_TO_GAUSSIAN = math.sqrt(8.0)
"""A quartic kernel of radius h spreads like a Gaussian of h / √8."""


def density_surface(
    incidents: GeoDataFrame,
    within: GeoDataFrame | GeoSeries,
    cell_m: float,
    bandwidth_m: float | Rule | None = None,
    *,
    kernel: Kernel = "quartic",
    weights: ArrayLike | None = None,
    edge_correction: bool = True,
) -> Surface:
    """Return the kernel density of incidents per km² on a regular raster over a district.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        Points, metric CRS. Those without a point, and those outside, do not count.
    within : geopandas.GeoDataFrame or geopandas.GeoSeries
        Polygons of the district, same CRS.
    cell_m : float
        Side of a cell, metres.
    bandwidth_m : float or {"silverman", "scott", "likelihood"}, optional
        Radius of the quartic kernel or standard deviation of the Gaussian, metres; or the name of a
        rule (see `select_bandwidth`). Silverman's unless given.
    kernel : {"quartic", "gaussian"}, default "quartic"
        ``quartic`` ends at the bandwidth, ``gaussian`` is cut at 6 bandwidths.
    weights : array_like of float, optional
        Weights of the points, 0 or more; 1 each unless given.
    edge_correction : bool, default True
        Whether each point keeps its full weight inside the district; otherwise what the kernel
        spreads beyond the edge is lost.

    Returns
    -------
    Surface
        Density per km²; its `total` is the sum of the weights, with the correction, up to rounding.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If the district has no ground, or holds no cell's centre.
    ColumnError
        If `cell_m` or `bandwidth_m` is not above 0, a weight is negative, or a rule has fewer than
        two points.

    Notes
    -----
    Points are binned linearly [1]_, then convolved with the kernel by FFT: linear in the number of
    points. The edge correction is Diggle's [2]_. See docs/density_surface.md.

    References
    ----------
    .. [1] M. P. Wand, "Fast computation of multivariate kernel estimators", Journal of
       Computational and Graphical Statistics 3 (1994).
    .. [2] P. J. Diggle, "A kernel method for smoothing point process data", Applied Statistics 34
       (1985).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> square = gpd.GeoSeries([shapely.box(0, 0, 1000, 1000)], crs=32650)
    >>> spots = gpd.GeoDataFrame(geometry=[shapely.Point(5, 5), shapely.Point(700, 500)], crs=32650)
    >>> surface = geo.density_surface(spots, square, 10.0, 200.0)
    >>> surface.values.shape, round(surface.total, 6)
    ((100, 100), 2.0)
    """
    raster = DistrictRaster.over(within, cell_m)
    require_metric(within, located=incidents)
    xy, share, outside = points_inside(incidents, within, weights)
    width = bandwidth_in_m(xy, share, bandwidth_m, kernel, raster)
    stamp = kernel_stamp(kernel, width, cell_m)
    counts = raster.bin_points(xy, share)
    values = raster.smooth(counts, stamp, edge_correction=edge_correction)
    return as_surface(raster, values / (cell_m**2 / 1e6), width, outside)


def select_bandwidth(
    incidents: GeoDataFrame,
    within: GeoDataFrame | GeoSeries,
    rule: Rule = "silverman",
    *,
    kernel: Kernel = "quartic",
    cell_m: float | None = None,
) -> float:
    """Return a kernel bandwidth by a rule.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        As for `density_surface`.
    within : geopandas.GeoDataFrame or geopandas.GeoSeries
        As for `density_surface`.
    rule : {"silverman", "scott", "likelihood"}, default "silverman"
        ``silverman`` and ``scott`` are equal in two dimensions: n^(-1/6) times the standard
        deviation (mean of both axes), suited to one cluster and too wide for several.
        ``likelihood`` takes, of 24 widths from a twentieth of that to twice it, the one with the
        greatest leave-one-out likelihood.
    kernel : {"quartic", "gaussian"}, default "quartic"
        As for `density_surface`.
    cell_m : float, optional
        Side of a raster cell for ``likelihood``, metres; a 200th of the longer side of the district
        unless given.

    Returns
    -------
    float
        Radius of the quartic kernel or standard deviation of the Gaussian, metres.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If the district has no ground, or holds no cell's centre.
    ColumnError
        If there are fewer than two different points, or no such rule or kernel.

    Notes
    -----
    Rule of thumb [1]_, [2]_; a quartic kernel of radius h spreads like a Gaussian of h / √8.
    Likelihood cross-validation: [1]_, section 3.4.4.

    References
    ----------
    .. [1] B. W. Silverman, Density Estimation for Statistics and Data Analysis (1986).
    .. [2] D. W. Scott, Multivariate Density Estimation (1992).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> square = gpd.GeoSeries([shapely.box(0, 0, 1000, 1000)], crs=32650)
    >>> points = [shapely.Point(x, x) for x in (400, 500, 600)]
    >>> spots = gpd.GeoDataFrame(geometry=points, crs=32650)
    >>> round(geo.select_bandwidth(spots, square, kernel="gaussian"), 1)
    83.3
    """
    require_metric(within, located=incidents)
    west, south, east, north = within.total_bounds
    raster = DistrictRaster.over(within, cell_m or max(east - west, north - south) / 200.0)
    xy, share, _ = points_inside(incidents, within, None)
    return bandwidth_in_m(xy, share, rule, kernel, raster)


def as_surface(
    raster: DistrictRaster, values: NDArray[np.float64], width: float, outside: int
) -> Surface:
    """Return values of the cells of a raster as a surface, NaN outside the district.

    Parameters
    ----------
    raster : DistrictRaster
        The raster.
    values : numpy.ndarray of float
        One per cell, rows from north to south.
    width : float
        Bandwidth, metres.
    outside : int
        Number of points outside the district.

    Returns
    -------
    Surface
        The surface.
    """
    inside = np.where(raster.mask, values, np.nan)
    return Surface(inside, raster.west, raster.north, raster.cell_m, raster.crs, width, outside)


def points_inside(
    points: GeoDataFrame, within: GeoDataFrame | GeoSeries, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return coordinates and weights of the points in a district, and how many lie outside.

    Parameters
    ----------
    points : geopandas.GeoDataFrame
        Points, some of which may be missing; metric CRS.
    within : geopandas.GeoDataFrame or geopandas.GeoSeries
        Polygons of the district, same CRS.
    weights : array_like of float or None
        One per point, 0 or more; None for 1 each.

    Returns
    -------
    xy : numpy.ndarray of float, shape (n, 2)
        Coordinates of the points inside, metres; those on the edge are inside.
    share : numpy.ndarray of float, shape (n,)
        Their weights.
    outside : int
        Number of points outside.

    Raises
    ------
    GeometryError
        If a point is not a point, or the district has an invalid polygon.
    ColumnError
        If a weight is negative, missing or infinite.
    """
    x, y = point_coordinates(points, "points")
    share = (
        np.ones(len(x)) if weights is None else array_of(weights, "weights", points.index, "point")
    )
    bad = ~(share >= 0) | np.isinf(share)
    if bad.any():
        raise ColumnError(f"weights must be 0 or more; correct {name_rows(points.index[bad])}")
    rows = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    districts, rings = require_polygons(within, "the district's polygons")
    polygon = locate(x[rows], y[rows], rings)
    for k in np.flatnonzero(polygon == UNSURE):
        touches = shapely.intersects_xy(districts, x[rows[k]], y[rows[k]])
        polygon[k] = 0 if touches.any() else OUTSIDE
    inside = rows[polygon >= 0]
    return np.column_stack([x, y])[inside], share[inside], len(rows) - len(inside)


def bandwidth_in_m(
    xy: NDArray[np.float64],
    share: NDArray[np.float64],
    bandwidth_m: float | Rule | None,
    kernel: Kernel,
    raster: DistrictRaster,
) -> float:
    """Return a bandwidth in metres, by its rule where it is the name of one.

    Parameters
    ----------
    xy : numpy.ndarray of float, shape (n, 2)
        Coordinates of the points, metres.
    share : numpy.ndarray of float, shape (n,)
        Their weights.
    bandwidth_m : float, str or None
        Metres or the name of a rule; None for Silverman's.
    kernel : {"quartic", "gaussian"}
        The kernel.
    raster : DistrictRaster
        Raster for ``likelihood``.

    Returns
    -------
    float
        Metres.

    Raises
    ------
    ColumnError
        If the bandwidth is not above 0, there is no such rule or kernel, or a rule has fewer than
        two different points.
    """
    if kernel not in ("quartic", "gaussian"):
        raise ColumnError(f"kernel must be quartic or gaussian, not {kernel!r}")
    if isinstance(bandwidth_m, (int, float)) and not isinstance(bandwidth_m, bool):
        if not (bandwidth_m > 0 and math.isfinite(bandwidth_m)):
            raise ColumnError("bandwidth_m must be above 0 m")
        return float(bandwidth_m)
    rule = bandwidth_m or "silverman"
    if rule not in ("silverman", "scott", "likelihood"):
        raise ColumnError(
            f"bandwidth_m must be metres, silverman, scott or likelihood, not {rule!r}"
        )
    spread = float(np.sqrt(xy.var(axis=0, ddof=1).mean())) if len(xy) > 1 else 0.0
    if spread == 0.0:
        raise ColumnError("a rule for the bandwidth needs two different points; give it in metres")
    gaussian = spread * len(xy) ** (-1.0 / 6.0)
    scale = _QUARTIC_TO_GAUSSIAN if kernel == "quartic" else 1.0
    if rule != "likelihood":
        return scale * gaussian
    counts = raster.bin_points(xy, share)
    candidates = scale * gaussian * np.geomspace(0.05, 2.0, 24)
    likelihoods = [_log_likelihood(counts, kernel, width, raster) for width in candidates]
    return float(candidates[int(np.argmax(likelihoods))])


def _log_likelihood(
    counts: NDArray[np.float64], kernel: Kernel, width: float, raster: DistrictRaster
) -> float:
    """Return the leave-one-out log-likelihood of binned points."""
    stamp = kernel_stamp(kernel, width, raster.cell_m)
    centre = stamp[stamp.shape[0] // 2, stamp.shape[1] // 2]
    total = counts.sum()
    others = signal.fftconvolve(counts, stamp, mode="same") - np.minimum(counts, 1.0) * centre
    occupied = counts > 0
    density = np.maximum(others[occupied], 1e-12) / (total - 1.0)
    return float((counts[occupied] * np.log(density)).sum())
