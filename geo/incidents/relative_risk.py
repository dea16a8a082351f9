"""Relative risk: density of incidents over density of people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import signal, stats

from geo.crs import require_metric
from geo.errors import ColumnError
from geo.incidents._district_raster import DistrictRaster, Kernel, kernel_stamp
from geo.incidents.kernel_density import as_surface, bandwidth_in_m, points_inside
from geo.incidents.surface import Surface

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class RelativeRisk:
    """Incidents relative to those expected of the people, with the significance of the ratio."""

    surface: Surface
    """Relative risk: 1 where there are as many incidents as expected of the people; NaN without
    people."""
    p_value: NDArray[np.float64]
    """Two-sided p-value of each cell, rows and columns as in the surface."""

    def significant(self, level: float = 0.05) -> NDArray[np.bool_]:
        """Return the cells that differ significantly from the expectation.

        Parameters
        ----------
        level : float, default 0.05
            False-discovery rate, by Benjamini and Hochberg over all cells with people.

        Returns
        -------
        numpy.ndarray of bool
            Rows and columns as in the surface.
        """
        significant = np.zeros(self.p_value.shape, bool)
        known = np.isfinite(self.p_value)
        if known.any():
            significant[known] = stats.false_discovery_control(self.p_value[known]) <= level
        return significant


def relative_risk_surface(
    incidents: GeoDataFrame,
    population: GeoDataFrame,
    within: GeoDataFrame | GeoSeries,
    cell_m: float,
    bandwidth_m: float,
    *,
    people: ArrayLike,
    kernel: Kernel = "quartic",
) -> RelativeRisk:
    """Return the density of incidents over the density of people, with its significance.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        As for `density_surface`.
    population : geopandas.GeoDataFrame
        Points where people live (buildings, grid centres), same CRS.
    within : geopandas.GeoDataFrame or geopandas.GeoSeries
        As for `density_surface`.
    cell_m : float
        Side of a cell, metres.
    bandwidth_m : float
        As for `density_surface`, metres.
    people : array_like of float
        Number of people at each point of `population`, 0 or more.
    kernel : {"quartic", "gaussian"}, default "quartic"
        As for `density_surface`.

    Returns
    -------
    RelativeRisk
        The relative risk and its p-value.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If the district has no ground, or holds no cell's centre.
    ColumnError
        If nobody lives within the district, a number of people is negative, or `cell_m` or
        `bandwidth_m` is not above 0.

    Notes
    -----
    Relative-risk surface [1]_. Under the hypothesis that incidents happen to people at one rate the
    surface is normal with the expected density as mean, and a variance that is the expected count
    convolved with the squared kernel: the asymptotic variance of [2]_ for a known population. Use
    it where at least about ten incidents are expected within a bandwidth.

    References
    ----------
    .. [1] J. E. Kelsall and P. J. Diggle, "Kernel estimation of relative risk", Bernoulli 1 (1995).
    .. [2] M. L. Hazelton and T. M. Davies, "Inference based on kernel estimates of the relative
       risk function in geographical epidemiology", Biometrical Journal 51 (2009).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> square = gpd.GeoSeries([shapely.box(0, 0, 400, 400)], crs=32650)
    >>> homes = gpd.GeoDataFrame(geometry=[shapely.Point(200, 200)], crs=32650)
    >>> risk = geo.relative_risk_surface(homes, homes, square, 20.0, 100.0, people=[50])
    >>> round(float(risk.surface.values[10, 10]), 6)
    1.0
    """
    raster = DistrictRaster.over(within, cell_m)
    require_metric(population, within, located=incidents)
    xy, share, outside = points_inside(incidents, within, None)
    homes, residents, _ = points_inside(population, within, people)
    if not residents.sum() > 0:
        raise ColumnError("nobody lives within; give people at points inside the district")
    width = bandwidth_in_m(xy, share, bandwidth_m, kernel, raster)
    stamp = kernel_stamp(kernel, width, cell_m)
    expected = raster.bin_points(homes, residents) * (share.sum() / residents.sum())
    mass = raster.kernel_mass(stamp)
    observed = raster.smooth(raster.bin_points(xy, share), stamp, edge_correction=True)
    mean = raster.smooth(expected, stamp, edge_correction=True)
    variance = signal.fftconvolve(expected / mass**2, stamp**2, mode="same")
    mean[mean <= mean.max() * 1e-9] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = observed / mean
        z = (observed - mean) / np.sqrt(np.maximum(variance, 0.0))
    p_value = np.where(raster.mask & np.isfinite(z), 2.0 * stats.norm.sf(np.abs(z)), np.nan)
    return RelativeRisk(as_surface(raster, ratio, width, outside), p_value)
