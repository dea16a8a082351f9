"""Elevation of the ground, read from a raster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyproj

from geo.confinement.reading_process import run_confined
from geo.confinement.signatures import require_signature
from geo.errors import CrsError, ReadError
from geo.settings import get_settings
from geo.visibility.terrain import Terrain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.settings import Settings

_DRIVERS = ("GTiff", "MEM", "VRT")
"""GDAL drivers: GTiff opens the file; rasterio itself needs the other two."""


def read_terrain(
    file: str | Path, crs: Any, *, cell_m: float | None = None, settings: Settings | None = None
) -> Terrain:
    """Read a GeoTIFF of ground elevation in metres.

    The file is read in a process of its own that can open nothing else.

    Parameters
    ----------
    file : str or pathlib.Path
        GeoTIFF with a CRS, whose first band is the elevation in metres.
    crs : pyproj.CRS or value that it accepts
        Metric CRS to project the raster to, with bilinear interpolation.
    cell_m : float, optional
        Size of a cell in that CRS, metres; about the size in the file if not given.
    settings : Settings, optional
        Limits of memory and time for reading; those of the deployment if not given.

    Returns
    -------
    Terrain
        The elevation; cells without a value are interpolated from those around them.

    Raises
    ------
    ReadError
        If the file cannot be read as a GeoTIFF, has no CRS, or holds no elevation.
    CrsError
        If `crs` is not in metres.

    Examples
    --------
    >>> import tempfile, numpy as np, rasterio, geo
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = f"{folder}/dem.tif"
    ...     transform = rasterio.transform.from_origin(500000, 4000000, 10, 10)
    ...     with rasterio.open(file, "w", driver="GTiff", width=4, height=3, count=1,
    ...                        dtype="float64", crs="EPSG:32650", transform=transform) as target:
    ...         target.write(np.full((1, 3, 4), 12.0))
    ...     terrain = geo.read_terrain(file, "EPSG:32650")
    >>> terrain.elevation.shape, terrain.cell_m, float(terrain.at(500020, 3999985)[0])
    ((3, 4), 10.0, 12.0)
    """
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
        "geo.ingest.elevation_file:read_to",
        path,
        {"crs": target.to_wkt(), "cell_m": cell_m},
        settings=settings or get_settings(),
        drivers=_DRIVERS,
    )
    elevation, west, north, cell = _cells(reading.content)
    return Terrain(elevation, west, north, cell, target)


def _cells(content: pa.Buffer) -> tuple[NDArray[np.float64], float, float, float]:
    """Return the cells, west, north and the size of a cell, as `elevation_file` wrote them."""
    try:
        with pa.ipc.open_stream(content) as stream:
            table = stream.read_all()
        position: dict[str, Any] = json.loads(table.schema.metadata[b"where"])
        cells = table.column("elevation").to_numpy().astype(np.float64)
        west, north, size = (float(position[name]) for name in ("west", "north", "cell_m"))
        return cells.reshape(int(position["rows"]), -1), west, north, size
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise ReadError(
            "the process that read the raster returned data that cannot be read"
        ) from error
