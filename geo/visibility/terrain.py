"""Elevation of the ground: read from a raster, sampled, and what hills hide."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyproj
import shapely

from geo.errors import CrsError, ReadError
from geo.geometry.shapes import polygon_parts
from geo.kernel_cache import kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from geo.settings import Settings

_DRIVERS = ("GTiff", "MEM", "VRT")
"""Of GDAL: to read the file, which is opened by the first alone, and what rasterio itself works with."""


@dataclass(frozen=True)
class Terrain:
    """A raster of ground elevation in the metric CRS of the layers it is used with."""

    elevation: NDArray[np.float64]
    """Metres, rows from north to south; finite everywhere."""
    west: float
    north: float
    """Outer corner of the first cell."""
    cell_m: float
    crs: pyproj.CRS

    def at(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Elevation at points, bilinear between cell centres; beyond the raster that of its edge.

        Parameters
        ----------
        x, y : coordinates in the terrain's CRS, metres.

        Returns
        -------
        Metres, one a point.
        """
        x, y = np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float))
        return np.asarray(_sample(self.elevation, self.west, self.north, self.cell_m, x, y))


def read_terrain(
    file: str | Path, crs: Any, *, cell_m: float | None = None, settings: Settings | None = None
) -> Terrain:
    """Read a GeoTIFF of ground elevation, in metres.

    It is read in a process of its own that can open nothing but the file.

    Parameters
    ----------
    file : a GeoTIFF with a CRS; its first band is the elevation.
    crs : the metric CRS to bring it to (bilinear).
    cell_m : cell size there, metres; about that of the file unless given.
    settings : memory and time that reading may take; the deployment's unless given.

    Returns
    -------
    The terrain; cells without a value take the nearest known ones.

    Raises
    ------
    ReadError : the file cannot be read as a GeoTIFF, has no CRS, or holds no elevation at all.
    CrsError : `crs` is not in metres.
    """
    # The analysis itself reads no settings and no file: what this needs is loaded by it alone.
    from geo.confinement.reading_process import run_confined
    from geo.confinement.signatures import require_signature
    from geo.settings import get_settings

    target = pyproj.CRS(crs)
    if not target.is_projected or abs(target.axis_info[0].unit_conversion_factor - 1.0) > 1e-9:
        raise CrsError(f"{target.to_string()} is not in metres; give a metric CRS")
    path = Path(file)
    if not path.is_file():
        raise ReadError(f"{path} does not exist; give the path of a raster, a GeoTIFF")
    try:
        require_signature(path, ".tif")
    except ReadError as error:
        raise ReadError(f"{error}: a raster of elevation is a GeoTIFF") from error
    reading = run_confined(
        "geo.visibility.elevation_file:read_to", path, {"crs": target.to_wkt(), "cell_m": cell_m},
        settings=settings or get_settings(), drivers=_DRIVERS,
    )  # fmt: skip
    elevation, west, north, cell = _cells(reading.content)
    return Terrain(elevation, west, north, cell, target)


def _cells(content: pa.Buffer) -> tuple[NDArray[np.float64], float, float, float]:
    """Return the cells, west, north and the size of a cell, as `geo.visibility.elevation_file` wrote them."""
    try:
        with pa.ipc.open_stream(content) as stream:
            table = stream.read_all()
        where: dict[str, Any] = json.loads(table.schema.metadata[b"where"])
        cells = table.column("elevation").to_numpy().astype(np.float64)
        west, north, size = (float(where[name]) for name in ("west", "north", "cell_m"))
        return cells.reshape(int(where["rows"]), -1), west, north, size
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise ReadError("the process that read the raster answered what cannot be read") from error


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
    """Runs of cells (row, first column, end) within reach whose middle the ground hides."""
    rows, cols = elevation.shape
    c0 = max(int(np.floor((x - reach - west) / cell)), 0)
    c1 = min(int(np.floor((x + reach - west) / cell)), cols - 1)
    r0 = max(int(np.floor((north - y - reach) / cell)), 0)
    r1 = min(int(np.floor((north - y + reach) / cell)), rows - 1)
    n = 0
    for r in range(r0, r1 + 1):
        begun = -1
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
            if hidden and begun < 0:
                begun = c
            elif not hidden and begun >= 0:
                if n == out.shape[0]:
                    bigger = np.empty((2 * n, 3), np.int64)
                    for q in range(n):  # an assignment of slices takes seconds to compile
                        bigger[q, 0], bigger[q, 1], bigger[q, 2] = out[q, 0], out[q, 1], out[q, 2]
                    out = bigger
                out[n, 0], out[n, 1], out[n, 2] = r, begun, c
                n += 1
                begun = -1
    return out[:n]


def without_hidden_ground(
    views: NDArray[Any], eyes: NDArray[np.float64], terrain: Terrain
) -> NDArray[Any]:
    """Views less the raster cells whose middle a rise of the ground hides from the eye.

    Parameters
    ----------
    views : polygons, one an eye.
    eyes : rows x, y, height, near, range, elevation of the ground.
    terrain : the ground.
    """
    t = terrain
    out = views.copy()
    for k, (x, y, height, _, reach, ground) in enumerate(eyes.tolist()):
        runs = _hidden_cells(
            t.elevation,
            t.west,
            t.north,
            t.cell_m,
            x,
            y,
            height + ground,
            reach,
            np.empty((64, 3), np.int64),
        )
        if len(runs) == 0 or shapely.is_empty(views[k]):
            continue
        north = t.north - runs[:, 0] * t.cell_m
        shade = shapely.union_all(
            shapely.box(
                t.west + runs[:, 1] * t.cell_m,
                north - t.cell_m,
                t.west + runs[:, 2] * t.cell_m,
                north,
            )
        )
        left = polygon_parts(shapely.difference(views[k], shade))
        out[k] = left[0] if len(left) == 1 else shapely.multipolygons(left)
    return out
