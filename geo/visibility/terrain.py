"""Elevation of the ground: sampled, and the ground that hills hide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely

from geo.geometry.shapes import polygon_parts
from geo.kernel_cache import kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Terrain:
    """Ground elevation as a raster, in the metric CRS of the layers it is used with.

    Attributes
    ----------
    elevation : numpy.ndarray of float, shape (rows, columns)
        Elevation of the cells, metres, rows from north to south; finite everywhere.
    west, north : float
        Outer corner of the first cell, metres.
    cell_m : float
        Side of a cell, metres.
    crs : pyproj.CRS
        Metric CRS.

    Examples
    --------
    >>> import numpy as np, pyproj, geo
    >>> terrain = geo.Terrain(np.array([[0.0, 10.0]]), 500000.0, 4000000.0, 5.0, pyproj.CRS(32650))
    >>> terrain.at([500002.5, 500005.0], [3999997.5, 3999997.5]).tolist()
    [0.0, 5.0]
    """

    elevation: NDArray[np.float64]
    west: float
    north: float
    cell_m: float
    crs: pyproj.CRS

    def at(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Return the elevation at points, bilinear between cell centres.

        Parameters
        ----------
        x, y : array-like of float
            Coordinates in the CRS of the terrain, metres.

        Returns
        -------
        numpy.ndarray of float
            Elevation of each point, metres; outside the raster that of its nearest edge.
        """
        x, y = np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float))
        return np.asarray(_sample(self.elevation, self.west, self.north, self.cell_m, x, y))


@kernel_part
def _elevation_at(elevation, west, north, cell, x, y):
    rows, cols = elevation.shape
    c = min(max((x - west) / cell - 0.5, 0.0), cols - 1.0)
    r = min(max((north - y) / cell - 0.5, 0.0), rows - 1.0)
    c0 = min(int(c), max(cols - 2, 0))
    r0 = min(int(r), max(rows - 2, 0))
    c1 = min(c0 + 1, cols - 1)
    r1 = min(r0 + 1, rows - 1)
    dc, dr = c - c0, r - r0
    top = elevation[r0, c0] * (1.0 - dc) + elevation[r0, c1] * dc
    low = elevation[r1, c0] * (1.0 - dc) + elevation[r1, c1] * dc
    return top * (1.0 - dr) + low * dr


@kernel
def _sample(elevation, west, north, cell, x, y):
    out = np.empty(x.size)
    for k in range(x.size):
        out[k] = _elevation_at(elevation, west, north, cell, x[k], y[k])
    return out


@kernel
def _hidden_cells(elevation, west, north, cell, x, y, top, reach, out):
    """Return runs of cells (row, first column, end) in range whose centre the ground hides."""
    rows, cols = elevation.shape
    c0 = max(int(np.floor((x - reach - west) / cell)), 0)
    c1 = min(int(np.floor((x + reach - west) / cell)), cols - 1)
    r0 = max(int(np.floor((north - y - reach) / cell)), 0)
    r1 = min(int(np.floor((north - y + reach) / cell)), rows - 1)
    n = 0
    for r in range(r0, r1 + 1):
        run_start = -1
        for c in range(c0, c1 + 2):
            hidden = False
            if c <= c1:
                dx = west + (c + 0.5) * cell - x
                dy = north - (r + 0.5) * cell - y
                away = np.sqrt(dx * dx + dy * dy)
                steps = int(away / (0.5 * cell))
                drop = elevation[r, c] - top
                # The last cell before the target is the target's own slope.
                for k in range(1, steps - 1):
                    t = k * 0.5 * cell / away
                    ground = _elevation_at(elevation, west, north, cell, x + t * dx, y + t * dy)
                    if ground > top + t * drop + 1e-6:
                        hidden = True
                        break
            if hidden and run_start < 0:
                run_start = c
            elif not hidden and run_start >= 0:
                if n == out.shape[0]:
                    bigger = np.empty((2 * n, 3), np.int64)
                    for q in range(n):  # an assignment of slices takes seconds to compile
                        bigger[q, 0], bigger[q, 1], bigger[q, 2] = out[q, 0], out[q, 1], out[q, 2]
                    out = bigger
                out[n, 0], out[n, 1], out[n, 2] = r, run_start, c
                n += 1
                run_start = -1
    return out[:n]


def without_hidden_ground(
    views: NDArray[Any], eyes: NDArray[np.float64], terrain: Terrain
) -> NDArray[Any]:
    """Return views without the raster cells whose centre is hidden by rising ground.

    Parameters
    ----------
    views : numpy.ndarray of shapely.Geometry
        One polygon or multipolygon per viewpoint.
    eyes : numpy.ndarray of float, shape (n, 6)
        Viewpoints: x, y, height, near edge, range, elevation of the ground; metres.
    terrain : Terrain
        Elevation of the ground.

    Returns
    -------
    numpy.ndarray of shapely.Geometry
        One polygon or multipolygon per viewpoint.

    Notes
    -----
    A cell is hidden if the ground, interpolated every half cell along the line of sight to the
    centre of the cell, rises above that line. The last cell before the target does not count.
    """
    out = views.copy()
    for eye, (x, y, height, _, reach, ground) in enumerate(eyes.tolist()):
        runs = _hidden_cells(
            terrain.elevation,
            terrain.west,
            terrain.north,
            terrain.cell_m,
            x,
            y,
            height + ground,
            reach,
            np.empty((64, 3), np.int64),
        )
        if len(runs) == 0 or shapely.is_empty(views[eye]):
            continue
        north = terrain.north - runs[:, 0] * terrain.cell_m
        hidden = shapely.union_all(
            shapely.box(
                terrain.west + runs[:, 1] * terrain.cell_m,
                north - terrain.cell_m,
                terrain.west + runs[:, 2] * terrain.cell_m,
                north,
            )
        )
        parts = polygon_parts(shapely.difference(views[eye], hidden))
        out[eye] = parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
    return out
