"""The parser of each format: file in, raw table out, in whatever process it is called."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pyarrow as pa
import pyproj

from geo.confinement.signatures import FORMATS
from geo.errors import ReadError
from geo.ingest import raw_table, transport
from geo.ingest.raw_table import RawTable, require_small
from geo.ingest.text_tables import read_text
from geo.ingest.vector_files import read_vector
from geo.ingest.workbooks import read_workbook


def read_to(
    path: Path,
    sink: pa.NativeFile,
    *,
    suffix: str,
    layer: str,
    crs: str | None,
    unpacked_bytes: int,
) -> None:
    """Parse a file and write its table; for a process that does this alone.

    Parameters
    ----------
    path, suffix, layer : as for `parse`.
    sink : where the table goes.
    crs : WKT of the CRS that overrules the file's.
    unpacked_bytes : how large a compressed file may become.
    """
    raw_table.MAX_UNPACKED_BYTES = unpacked_bytes
    given = None if crs is None else pyproj.CRS.from_wkt(crs)
    transport.write(parse(path, suffix, layer, given), sink)


def parse(path: Path, suffix: str, layer: str, crs: pyproj.CRS | None) -> RawTable:
    """Parse a file of the format that its ending names.

    Parameters
    ----------
    path : the file.
    suffix : its ending in lower case; of a gzipped table the ending before .gz, and .gz.
    layer : name of the layer, by whose headers the table of a workbook is found.
    crs : overrules what the file says of itself.
    """
    inner, _, packed = suffix.rpartition(".gz")
    if packed == "" and inner:
        return read_text(_unpacked(path), path.name, inner, crs)
    if suffix == ".xlsx":
        return read_workbook(path, layer, crs)
    if suffix in FORMATS:
        return read_vector(path, suffix, crs)
    size = path.stat().st_size
    require_small(path, size)
    return read_text(path.read_bytes(), path.name, suffix, crs)


def _unpacked(path: Path) -> bytes:
    most = min(
        raw_table.MAX_UNPACKED_BYTES,
        max(raw_table.RATIO_FROM_BYTES, raw_table.MAX_RATIO * path.stat().st_size),
    )
    try:
        with gzip.open(path) as stream:
            data = stream.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(
            f"{path.name} is no whole gzip file: it is damaged; pack it anew"
        ) from error
    require_small(path, len(data))
    return data
