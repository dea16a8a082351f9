"""A GeoTIFF of ground elevation, brought to a metric CRS in the process that may read it."""

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
"""Of the raster, in the file and in the metric CRS."""

with rasterio.Env():
    pass  # registers the drivers, so that those that are not needed can be taken away


def read_to(path: Path, sink: pa.NativeFile, *, crs: str, cell_m: float | None) -> None:
    """Read the first band and write its cells; for a process that does this alone.

    Parameters
    ----------
    path : a GeoTIFF.
    sink : where the cells go.
    crs : WKT of the metric CRS to bring it to.
    cell_m : size of a cell there; about that of the file unless given.
    """
    try:
        cells, west, north, size = _read(path, crs, cell_m)
    except (rasterio.errors.RasterioError, rasterio.errors.CRSError, ValueError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(
            f"{path.name} cannot be read as a raster: it is damaged; export it anew as a GeoTIFF"
        ) from error
    where = {"rows": cells.shape[0], "west": west, "north": north, "cell_m": size}
    table = pa.table([pa.array(cells.ravel())], names=["elevation"]).replace_schema_metadata(
        {"where": json.dumps(where)}
    )
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)


def _read(
    path: Path, crs: str, cell_m: float | None
) -> tuple[NDArray[np.float64], float, float, float]:
    # No overview, mask or side file is looked for: it could refer to other files.
    alone = rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR")
    with alone, rasterio.open(path, driver="GTiff") as source:
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
            rasterio.band(source, 1), out, dst_transform=transform, dst_crs=crs, dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )  # fmt: skip
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
            f"{path.name} has {width:,} by {height:,} cells, and {MAX_CELLS:,} are the most; cut it to the "
            "district, or make its cells larger"
        )
