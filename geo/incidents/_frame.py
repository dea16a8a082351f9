"""The raster of a district: its cells, points shared among them, and kernels that spread over it."""

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
class Frame:
    """The raster of a district, and which of its cells have their centre inside."""

    west: float
    north: float
    cell_m: float
    mask: NDArray[np.bool_]
    crs: pyproj.CRS

    @classmethod
    def over(cls, within: GeoDataFrame | GeoSeries, cell_m: float) -> Frame:
        """The raster that holds some polygons of a metric CRS."""
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
        known = tuple(shapely.to_wkb(shapes).tolist())
        mask = _mask(known, rows, cols, float(west), float(north), cell_m)
        if not mask.any():
            raise GeometryError("no cell has its centre in the district; give a smaller cell_m")
        return cls(float(west), float(north), cell_m, mask, crs)

    def binned(self, xy: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points shared among the nearest cell centres, in linear proportion."""
        out = np.zeros(self.mask.shape)
        _bin(xy, share, self.west, self.north, self.cell_m, out)
        return out

    def mass(self, stamp: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much of a kernel at each cell lies inside the district."""
        inside = signal.fftconvolve(self.mask.astype(float), stamp, mode="same")
        return np.clip(inside, 1e-9, 1.0)

    def smoothed(
        self, counts: NDArray[np.float64], stamp: NDArray[np.float64], *, edge_correction: bool
    ) -> NDArray[np.float64]:
        """Counts spread by a kernel, what it would lose outside the district given back."""
        spread = counts / self.mass(stamp) if edge_correction else counts
        return np.clip(signal.fftconvolve(spread, stamp, mode="same"), 0.0, None)


@lru_cache(maxsize=4)  # the same district is asked for again and again, by category and month
def _mask(
    shapes: tuple[bytes, ...], rows: int, cols: int, west: float, north: float, cell_m: float
) -> NDArray[np.bool_]:
    """Cells of a raster whose centre lies in some shapes (WKB)."""
    from rasterio.features import geometry_mask
    from rasterio.transform import from_origin

    place = from_origin(west, north, cell_m, cell_m)
    mask: NDArray[np.bool_] = geometry_mask(
        shapely.from_wkb(np.array(shapes, dtype=object)), (rows, cols), place, invert=True
    )
    mask.flags.writeable = False
    return mask


@kernel
def _bin(xy, share, west, north, cell, out):
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
    """The kernel at cell centres about its own, summing to 1."""
    reach = width if kernel == "quartic" else 6.0 * width
    half = math.ceil(reach / cell_m)
    step = np.arange(-half, half + 1) * cell_m
    squared = (step[:, None] ** 2 + step[None, :] ** 2) / width**2
    if kernel == "quartic":
        stamp = np.where(squared < 1.0, (1.0 - np.minimum(squared, 1.0)) ** 2, 0.0)
    else:
        stamp = np.where(squared <= 36.0, np.exp(-0.5 * squared), 0.0)
    return np.asarray(stamp / stamp.sum())
