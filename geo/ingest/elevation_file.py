"""Reading of a GeoTIFF of ground elevation, in the confined process that may open it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import rasterio
from numpy.typing import NDArray
from rasterio.fill import fillnodata
from rasterio.warp import Resampling, calculate_default_transform, reproject

from geo.errors import ReadError

MAX_CELLS = 100_000_000
"""Largest number of cells of the raster, in the file and in the metric CRS."""

with rasterio.Env():
    pass  # registers the drivers, so that those not needed can be removed


def read_to(path: Path, sink: pa.NativeFile, *, crs: str, cell_m: float | None) -> None:
    """Read the first band of a GeoTIFF and write its cells as an Arrow stream.

    Run in a process of its own, see `geo.confinement.reading_process`.

    Parameters
    ----------
    path : pathlib.Path
        The GeoTIFF.
    sink : pyarrow.NativeFile
        Receives one column of elevations in metres, row by row from the north; the metadata of
        its schema say where the cells are.
    crs : str
        WKT of the metric CRS to project the raster to.
    cell_m : float or None
        Size of a cell in that CRS, metres; None for about the size in the file.

    Raises
    ------
    ReadError
        If the file is damaged, has no CRS, holds no elevation, or has more than `MAX_CELLS` cells.
    """
    try:
        cells, west, north, size = _read(path, crs, cell_m)
    except (rasterio.errors.RasterioError, rasterio.errors.CRSError, ValueError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(
            f"{path.name} cannot be read as a raster: it is damaged; export it as a GeoTIFF"
        ) from error
    position = {"rows": cells.shape[0], "west": west, "north": north, "cell_m": size}
    table = pa.table([pa.array(cells.ravel())], names=["elevation"]).replace_schema_metadata(
        {"where": json.dumps(position)}
    )
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)


def _read(
    path: Path, crs: str, cell_m: float | None
) -> tuple[NDArray[np.float64], float, float, float]:
    """Return the elevation of the cells, west, north and the size of a cell, metres."""
    # Overviews, masks and side files are not read: they could refer to other files.
    no_side_files = rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR")
    with no_side_files, rasterio.open(path, driver="GTiff") as source:
        if source.crs is None:
            raise ReadError(
                f"{path.name} has no CRS; set it, for instance with gdal_edit.py -a_srs"
            )
        _require_small(path, source.width, source.height)
        shape = (source.crs, crs, source.width, source.height, *source.bounds)
        transform, width, height = calculate_default_transform(*shape, resolution=cell_m)
        cell = float((transform.a - transform.e) / 2)
        transform, width, height = calculate_default_transform(*shape, resolution=cell)
        _require_small(path, width, height)
        out = np.full((height, width), np.nan)
        reproject(
            rasterio.band(source, 1),
            out,
            dst_transform=transform,
            dst_crs=crs,
            dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )
    known = np.isfinite(out)
    if not known.any():
        raise ReadError(f"{path.name} holds no elevation in its first band")
    if not known.all():
        reach = float(max(out.shape))
        filled = fillnodata(np.where(known, out, 0.0), mask=known, max_search_distance=reach)
        out = np.where(known, out, filled)
    return np.ascontiguousarray(out), float(transform.c), float(transform.f), cell


def _require_small(path: Path, width: int, height: int) -> None:
    if width * height > MAX_CELLS:
        raise ReadError(
            f"{path.name} has {width:,} by {height:,} cells, and {MAX_CELLS:,} are the most; "
            "cut it to the district, or make its cells larger"
        )
