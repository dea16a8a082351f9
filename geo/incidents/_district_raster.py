"""Raster of a district: its cells, points binned to them, and kernels that smooth them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyproj
import shapely
from scipy import signal

from geo.crs import require_metric
from geo.errors import ColumnError, GeometryError
from geo.geometry.shapes import areas_of
from geo.kernel_cache import kernel

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray

Kernel = Literal["quartic", "gaussian"]


@dataclass(frozen=True)
class DistrictRaster:
    """Cells of a regular raster over a district, and which of them have their centre inside."""

    west: float
    north: float
    """Outer corner of the first cell, metres."""
    cell_m: float
    """Side of a cell, metres."""
    mask: NDArray[np.bool_]
    """Cells whose centre lies in the district, rows from north to south."""
    crs: pyproj.CRS

    @classmethod
    def over(cls, within: GeoDataFrame | GeoSeries, cell_m: float) -> DistrictRaster:
        """Return the raster over the bounding box of a district.

        Parameters
        ----------
        within : geopandas.GeoDataFrame or geopandas.GeoSeries
            Polygons of the district, metric CRS.
        cell_m : float
            Side of a cell, metres.

        Returns
        -------
        DistrictRaster
            From the north-western corner of the bounding box.

        Raises
        ------
        CrsError
            If the CRS is not metric.
        GeometryError
            If the district has no area, or holds no cell's centre.
        ColumnError
            If `cell_m` is not above 0, or there are more than 100 million cells.
        """
        crs = require_metric(within)
        if not (cell_m > 0 and math.isfinite(cell_m)):
            raise ColumnError("cell_m must be above 0 m")
        shapes = areas_of(within, "the district's polygons")
        shapes = shapes[~shapely.is_empty(shapes)]
        if not len(shapes) or shapely.area(shapes).sum() == 0:
            raise GeometryError("the district has no ground; give its polygons")
        west, south, east, north = shapely.total_bounds(shapes)
        cols = max(math.ceil((east - west) / cell_m - 1e-9), 1)
        rows = max(math.ceil((north - south) / cell_m - 1e-9), 1)
        if rows * cols > 100_000_000:
            raise ColumnError(f"{rows} × {cols} cells are too many; give a larger cell_m")
        wkb = tuple(shapely.to_wkb(shapes).tolist())
        mask = _mask(wkb, rows, cols, float(west), float(north), cell_m)
        if not mask.any():
            raise GeometryError("no cell has its centre in the district; give a smaller cell_m")
        return cls(float(west), float(north), cell_m, mask, crs)

    def bin_points(
        self, xy: NDArray[np.float64], share: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the weights of points shared among the four nearest cell centres.

        Parameters
        ----------
        xy : numpy.ndarray of float, shape (n, 2)
            Coordinates of the points, metres.
        share : numpy.ndarray of float, shape (n,)
            Weight of each point.

        Returns
        -------
        numpy.ndarray of float
            Weight of each cell, rows from north to south.

        Notes
        -----
        Linear binning [1]_.

        References
        ----------
        .. [1] M. P. Wand, "Fast computation of multivariate kernel estimators", Journal of
           Computational and Graphical Statistics 3 (1994).
        """
        out = np.zeros(self.mask.shape)
        _bin(xy, share, self.west, self.north, self.cell_m, out)
        return out

    def kernel_mass(self, stamp: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much of a kernel centred at each cell lies inside the district.

        Parameters
        ----------
        stamp : numpy.ndarray of float
            From `kernel_stamp`.

        Returns
        -------
        numpy.ndarray of float
            Above 0 to 1, one value per cell.
        """
        inside = signal.fftconvolve(self.mask.astype(float), stamp, mode="same")
        return np.clip(inside, 1e-9, 1.0)

    def smooth(
        self, counts: NDArray[np.float64], stamp: NDArray[np.float64], *, edge_correction: bool
    ) -> NDArray[np.float64]:
        """Return counts spread by a kernel.

        Parameters
        ----------
        counts : numpy.ndarray of float
            Weight of each cell, from `bin_points`.
        stamp : numpy.ndarray of float
            From `kernel_stamp`.
        edge_correction : bool
            Whether each count is divided by the mass of its kernel inside the district, so that
            none is lost beyond the edge.

        Returns
        -------
        numpy.ndarray of float
            Smoothed weight of each cell, 0 or more.
        """
        spread = counts / self.kernel_mass(stamp) if edge_correction else counts
        return np.clip(signal.fftconvolve(spread, stamp, mode="same"), 0.0, None)


@lru_cache(maxsize=4)  # the same district is used for every category and month
def _mask(
    wkb: tuple[bytes, ...], rows: int, cols: int, west: float, north: float, cell_m: float
) -> NDArray[np.bool_]:
    """Return which cells of a raster have their centre in any of several shapes (WKB)."""
    from rasterio.features import geometry_mask
    from rasterio.transform import from_origin

    transform = from_origin(west, north, cell_m, cell_m)
    mask: NDArray[np.bool_] = geometry_mask(
        shapely.from_wkb(np.array(wkb, dtype=object)), (rows, cols), transform, invert=True
    )
    mask.flags.writeable = False
    return mask


@kernel
def _bin(xy, share, west, north, cell, out):
    """Add the share of each point to the four nearest cell centres, in linear proportion."""
    rows, cols = out.shape
    for k in range(xy.shape[0]):
        c = min(max((xy[k, 0] - west) / cell - 0.5, 0.0), cols - 1.0)
        r = min(max((north - xy[k, 1]) / cell - 0.5, 0.0), rows - 1.0)
        c0 = min(int(c), max(cols - 2, 0))
        r0 = min(int(r), max(rows - 2, 0))
        dc, dr = c - c0, r - r0
        w = share[k]
        out[r0, c0] += w * (1.0 - dc) * (1.0 - dr)
        if dc > 0.0:
            out[r0, c0 + 1] += w * dc * (1.0 - dr)
        if dr > 0.0:
            out[r0 + 1, c0] += w * (1.0 - dc) * dr
        if dc > 0.0 and dr > 0.0:
            out[r0 + 1, c0 + 1] += w * dc * dr


def kernel_stamp(kernel: Kernel, width: float, cell_m: float) -> NDArray[np.float64]:
    """Return a kernel at cell centres around its own, with the sum 1.

    Parameters
    ----------
    kernel : {"quartic", "gaussian"}
        ``quartic`` ends at the bandwidth, ``gaussian`` is cut at 6 bandwidths.
    width : float
        Bandwidth, metres.
    cell_m : float
        Side of a cell, metres.

    Returns
    -------
    numpy.ndarray of float, shape (2 k + 1, 2 k + 1)
        The kernel; its middle cell is its own.

    Examples
    --------
    >>> from geo.incidents._district_raster import kernel_stamp
    >>> kernel_stamp("quartic", 2.0, 1.0).shape
    (5, 5)
    """
    reach = width if kernel == "quartic" else 6.0 * width
    half = math.ceil(reach / cell_m)
    step = np.arange(-half, half + 1) * cell_m
    squared = (step[:, None] ** 2 + step[None, :] ** 2) / width**2
    if kernel == "quartic":
        stamp = np.where(squared < 1.0, (1.0 - np.minimum(squared, 1.0)) ** 2, 0.0)
    else:
        stamp = np.where(squared <= 36.0, np.exp(-0.5 * squared), 0.0)
    return np.asarray(stamp / stamp.sum())
