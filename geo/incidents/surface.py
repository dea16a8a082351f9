"""Kernel density of incidents on a raster, corrected at the district's edge, and its ratio to people."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from scipy import signal, stats

from geo.crs import require_metric
from geo.errors import ColumnError, WriteError, name_rows
from geo.frames import array_of
from geo.geometry.point_location import locate
from geo.geometry.polygons import require_polygons
from geo.geometry.shapes import polygon_parts
from geo.incidents._frame import Frame, Kernel, kernel_stamp
from geo.incidents.density import point_coordinates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import ArrayLike, NDArray

Rule = Literal["silverman", "scott", "likelihood"]
_QUARTIC_TO_GAUSSIAN = math.sqrt(8.0)
"""A quartic kernel of radius h spreads like a Gaussian of h / √8."""


@dataclass(frozen=True)
class Surface:
    """A raster of figures over a district; NaN outside it."""

    values: NDArray[np.float64]
    """Rows from north to south; incidents (or weight) a km², or a ratio."""
    west: float
    north: float
    cell_m: float
    crs: pyproj.CRS
    bandwidth_m: float
    outside: int
    """Points that lay outside the district and do not count."""

    @property
    def transform(self) -> Any:
        """The affine transform of the raster (rasterio's)."""
        from rasterio.transform import from_origin

        return from_origin(self.west, self.north, self.cell_m, self.cell_m)

    @property
    def total(self) -> float:
        """Sum over the district: density times area."""
        return float(np.nansum(self.values) * self.cell_m**2 / 1e6)

    def to_geotiff(self, file: str | Path) -> None:
        """Write the values as a tiled, compressed GeoTIFF of 32-bit floats."""
        import rasterio

        rows, cols = self.values.shape
        try:
            with rasterio.open(
                file,
                "w",
                driver="GTiff",
                width=cols,
                height=rows,
                count=1,
                dtype="float32",
                crs=self.crs.to_wkt(),
                transform=self.transform,
                nodata=math.nan,
                tiled=True,
                blockxsize=256,
                blockysize=256,
                compress="deflate",
            ) as out:
                out.write(self.values.astype("float32"), 1)
                out.update_tags(bandwidth_m=self.bandwidth_m, unit="per km2")
        except (rasterio.errors.RasterioError, OSError) as error:
            raise WriteError(f"{file} cannot be written: {error}") from error

    def contours(self, levels: Sequence[float]) -> GeoDataFrame:
        """Polygons of the ground between neighbouring levels.

        Parameters
        ----------
        levels : at least two, rising; the last may be infinite.

        Returns
        -------
        One row a band with any ground: `low`, `high`, `geometry` (multipolygon). Between cell
        centres the surface is linear; the district's own edge is that of its cells' centres.

        Raises
        ------
        ColumnError : fewer than two levels, or they do not rise.
        """
        import contourpy

        edges = np.asarray(levels, float)
        if len(edges) < 2 or not (np.diff(edges) > 0).all():
            raise ColumnError("levels must be at least two and rise")
        rows, cols = self.values.shape
        x = self.west + (np.arange(cols) + 0.5) * self.cell_m
        y = self.north - (np.arange(rows) + 0.5) * self.cell_m
        made = contourpy.contour_generator(
            x, y, np.ma.masked_invalid(self.values), fill_type="OuterOffset"
        )
        bands = []
        for low, high in pairwise(edges.tolist()):
            points, offsets = made.filled(low, high)
            shapes = []
            for xy, ends in zip(points, offsets, strict=True):
                rings = [xy[a:b] for a, b in pairwise(ends.tolist())]
                shapes.append(shapely.Polygon(rings[0], rings[1:]))
            # Touching pieces of a band are one: the union is valid where a collection is not.
            whole = (
                shapely.union_all(shapely.make_valid(shapes)) if shapes else shapely.MultiPolygon()
            )
            areal = polygon_parts(whole)
            if len(areal):
                bands.append({"low": low, "high": high, "geometry": shapely.MultiPolygon(areal)})
        columns = ["low", "high", "geometry"]
        return gpd.GeoDataFrame(bands, columns=columns, geometry="geometry", crs=self.crs)


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
    """Kernel density per km² on a regular raster over a district.

    Parameters
    ----------
    incidents : points, metric CRS. Those without a point, and those outside, do not count.
    within : polygons of the district, same CRS.
    cell_m : side of a cell, metres.
    bandwidth_m : radius of the quartic kernel or standard deviation of the Gaussian, metres; or
        the name of a rule (see `bandwidth`). Silverman's unless given.
    kernel : ``quartic`` (ends at the bandwidth) or ``gaussian`` (cut at 6 bandwidths).
    weights : of the points, 0 or more; 1 each unless given.
    edge_correction : give each point its whole weight inside the district (Diggle 1985); without
        it what the kernel spreads beyond the edge is lost.

    Returns
    -------
    The surface; `total` is the sum of the weights, with the correction, up to rounding.

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    GeometryError : the district has no ground, or holds no cell's centre.
    ColumnError : cell_m or bandwidth_m is not above 0, a weight is negative, or a rule has fewer
        than two points to go by.

    Notes
    -----
    Points are shared among the four nearest cell centres in linear proportion (linear binning,
    M. P. Wand 1994), then convolved with the kernel by FFT: linear in the number of points. Edge
    correction of P. J. Diggle, "A kernel method for smoothing point process data", Applied
    Statistics 34 (1985). See docs/density_surface.md.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> square = gpd.GeoSeries([shapely.box(0, 0, 1000, 1000)], crs=32650)
    >>> spots = gpd.GeoDataFrame(geometry=[shapely.Point(5, 5), shapely.Point(700, 500)], crs=32650)
    >>> surface = geo.density_surface(spots, square, 10.0, 200.0)
    >>> surface.values.shape, round(surface.total, 6)
    ((100, 100), 2.0)
    """
    frame = Frame.over(within, cell_m)
    require_metric(within, located=incidents)
    xy, share, outside = _inside(incidents, within, weights)
    width = _width(xy, share, bandwidth_m, kernel, frame)
    stamp = kernel_stamp(kernel, width, cell_m)
    counts = frame.binned(xy, share)
    values = frame.smoothed(counts, stamp, edge_correction=edge_correction)
    return _surface(frame, values / (cell_m**2 / 1e6), width, outside)


def bandwidth(
    incidents: GeoDataFrame,
    within: GeoDataFrame | GeoSeries,
    rule: Rule = "silverman",
    *,
    kernel: Kernel = "quartic",
    cell_m: float | None = None,
) -> float:
    """Bandwidth by a rule, metres.

    Parameters
    ----------
    incidents, within, kernel : as for `density_surface`.
    rule : ``silverman`` and ``scott`` are one in two dimensions: n^(-1/6) times the standard
        deviation (mean of both axes), fit for one cluster and too wide for several. ``likelihood``
        takes, of 24 widths from a twentieth of that to twice it, the one with the greatest
        leave-one-out likelihood.
    cell_m : raster for ``likelihood``; a 200th of the longer side unless given.

    Raises
    ------
    As `density_surface`.
    """
    require_metric(within, located=incidents)
    west, south, east, north = within.total_bounds
    frame = Frame.over(within, cell_m or max(east - west, north - south) / 200.0)
    xy, share, _ = _inside(incidents, within, None)
    return _width(xy, share, rule, kernel, frame)


@dataclass(frozen=True)
class Ratio:
    """Incidents against what is expected of the people there."""

    surface: Surface
    """Relative risk: 1 where there are as many as the people lead to expect; NaN without people."""
    p_value: NDArray[np.float64]
    """Two-sided, of each cell."""

    def significant(self, level: float = 0.05) -> NDArray[np.bool_]:
        """Cells whose false-discovery rate is at most `level`."""
        out = np.zeros(self.p_value.shape, bool)
        known = np.isfinite(self.p_value)
        if known.any():
            out[known] = stats.false_discovery_control(self.p_value[known]) <= level
        return out


def density_ratio(
    incidents: GeoDataFrame,
    population: GeoDataFrame,
    within: GeoDataFrame | GeoSeries,
    cell_m: float,
    bandwidth_m: float,
    *,
    people: ArrayLike,
    kernel: Kernel = "quartic",
) -> Ratio:
    """Density of incidents over density of people, with where it differs by more than chance.

    Parameters
    ----------
    incidents, within, cell_m, bandwidth_m, kernel : as for `density_surface`.
    population : points where people live (buildings, grid centres), same CRS.
    people : how many at each point, 0 or more.

    Returns
    -------
    The relative risk and its p-value under the hypothesis that incidents fall on people at one
    rate: then the surface is normal with the expected density as mean, and a variance that is the
    expected count convolved with the squared kernel.

    Raises
    ------
    As `density_surface`; ColumnError also where nobody lives within.

    Notes
    -----
    J. E. Kelsall and P. J. Diggle, "Kernel estimation of relative risk", Bernoulli 1 (1995), with
    the asymptotic variance of M. L. Hazelton and T. M. Davies, Biometrical Journal 51 (2009), for a
    known population. Use it where some ten incidents are expected within a bandwidth.
    """
    frame = Frame.over(within, cell_m)
    require_metric(population, within, located=incidents)
    xy, share, outside = _inside(incidents, within, None)
    homes, there, _ = _inside(population, within, people)
    if not there.sum() > 0:
        raise ColumnError("nobody lives within; give people at points inside the district")
    width = _width(xy, share, bandwidth_m, kernel, frame)
    stamp = kernel_stamp(kernel, width, cell_m)
    expected = frame.binned(homes, there) * (share.sum() / there.sum())
    mass = frame.mass(stamp)
    seen = frame.smoothed(frame.binned(xy, share), stamp, edge_correction=True)
    mean = frame.smoothed(expected, stamp, edge_correction=True)
    spread = signal.fftconvolve(expected / mass**2, stamp**2, mode="same")
    mean[mean <= mean.max() * 1e-9] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = seen / mean
        z = (seen - mean) / np.sqrt(np.maximum(spread, 0.0))
    p_value = np.where(frame.mask & np.isfinite(z), 2.0 * stats.norm.sf(np.abs(z)), np.nan)
    return Ratio(_surface(frame, ratio, width, outside), p_value)


def _surface(frame: Frame, values: NDArray[np.float64], width: float, outside: int) -> Surface:
    inside = np.where(frame.mask, values, np.nan)
    return Surface(inside, frame.west, frame.north, frame.cell_m, frame.crs, width, outside)


def _inside(
    points: GeoDataFrame, within: GeoDataFrame | GeoSeries, weights: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Places and weights of the points in the district, and how many lie outside."""
    x, y = point_coordinates(points, "points")
    share = (
        np.ones(len(x)) if weights is None else array_of(weights, "weights", points.index, "point")
    )
    bad = ~(share >= 0) | np.isinf(share)
    if bad.any():
        raise ColumnError(f"weights must be 0 or more; mend {name_rows(points.index[bad])}")
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    districts, rings = require_polygons(within, "the district's polygons")
    found = locate(x[there], y[there], rings)
    for k in np.flatnonzero(found == -2):
        touched = shapely.intersects_xy(districts, x[there[k]], y[there[k]])
        found[k] = 0 if touched.any() else -1
    inside = there[found >= 0]
    return np.column_stack([x, y])[inside], share[inside], len(there) - len(inside)


def _width(
    xy: NDArray[np.float64],
    share: NDArray[np.float64],
    wanted: float | Rule | None,
    kernel: Kernel,
    frame: Frame,
) -> float:
    if kernel not in ("quartic", "gaussian"):
        raise ColumnError(f"kernel must be quartic or gaussian, not {kernel!r}")
    if isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
        if not (wanted > 0 and math.isfinite(wanted)):
            raise ColumnError("bandwidth_m must be above 0 m")
        return float(wanted)
    rule = wanted or "silverman"
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
    counts = frame.binned(xy, share)
    tried = scale * gaussian * np.geomspace(0.05, 2.0, 24)
    return float(tried[int(np.argmax([_likelihood(counts, kernel, h, frame) for h in tried]))])


def _likelihood(counts: NDArray[np.float64], kernel: Kernel, width: float, frame: Frame) -> float:
    """Leave-one-out log-likelihood of binned points."""
    stamp = kernel_stamp(kernel, width, frame.cell_m)
    middle = stamp[stamp.shape[0] // 2, stamp.shape[1] // 2]
    total = counts.sum()
    others = signal.fftconvolve(counts, stamp, mode="same") - np.minimum(counts, 1.0) * middle
    here = counts > 0
    density = np.maximum(others[here], 1e-12) / (total - 1.0)
    return float((counts[here] * np.log(density)).sum())
