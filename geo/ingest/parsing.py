"""The parser of each format: file in, raw table out, in whatever process it is called."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyproj

from geo.confinement.signatures import FORMATS
from geo.errors import ReadError
from geo.ingest import raw_table, transport
from geo.ingest.layer_choice import OUTLINE
from geo.ingest.raw_table import RawTable, require_small
from geo.ingest.text_tables import damaged_cells, read_text
from geo.ingest.vector_files import read_vector
from geo.ingest.workbooks import read_workbook

_OF_ONE_ENCODING = {".xlsx", ".gpkg", ".parquet", ".geoparquet"}


def read_to(
    path: Path,
    sink: pa.NativeFile,
    *,
    suffix: str,
    layer: str,
    crs: str | None,
    unpacked_bytes: int,
    known: Collection[str] = (),
    part: str | None = None,
    encoding: str | None = None,
) -> None:
    """Parse a file and write its table; for a process that does this alone.

    Parameters
    ----------
    path, suffix, layer, known, part, encoding : as for `parse`.
    sink : where the table goes.
    crs : WKT of the CRS that overrules the file's.
    unpacked_bytes : how large a compressed file may become.
    """
    raw_table.MAX_UNPACKED_BYTES = unpacked_bytes
    given = None if crs is None else pyproj.CRS.from_wkt(crs)
    raw = parse(path, suffix, layer, given, known=known, part=part, encoding=encoding)
    transport.write(raw, sink)


def parse(
    path: Path,
    suffix: str,
    layer: str,
    crs: pyproj.CRS | None,
    *,
    known: Collection[str] = (),
    part: str | None = None,
    encoding: str | None = None,
) -> RawTable:
    """Parse a file of the format that its ending names.

    Parameters
    ----------
    path : the file.
    suffix : its ending in lower case; of a gzipped table the ending before .gz, and .gz.
    layer : name of the register, by whose words the header of a table is found; or `OUTLINE`.
    crs : overrules what the file says of itself.
    known : further headers, normalised, that the user or the deployment names.
    part : name of the sheet or layer to read, where the file has several.
    encoding : of the texts, where the user named it; one of `geo.ingest.encodings.ENCODINGS`.
    """
    if encoding is not None and suffix in _OF_ONE_ENCODING:
        raise ReadError(f"{path.name} is in UTF-8 by its format; leave out --encoding")
    if suffix == ".xlsx":
        table = "areas" if layer == OUTLINE else layer
        raw = read_workbook(path, table, crs, known=known, part=part)
        raw.notes += damaged_cells(raw.cells)
        return raw
    if suffix in FORMATS:
        raw = read_vector(path, suffix, crs, layer=layer, part=part, encoding=encoding)
        raw.notes += damaged_cells(raw.cells)
        return raw
    layer = "areas" if layer == OUTLINE else layer
    inner, _, packed = suffix.rpartition(".gz")
    if packed == "" and inner:
        _require_no_part(path, part)
        return read_text(
            _unpacked(path), path.name, inner, crs, layer=layer, known=known, encoding=encoding
        )
    _require_no_part(path, part)
    size = path.stat().st_size
    require_small(path, size)
    return read_text(
        path.read_bytes(), path.name, suffix, crs, layer=layer, known=known, encoding=encoding
    )


def _require_no_part(path: Path, part: str | None) -> None:
    if part is not None:
        raise ReadError(f"{path.name} has no layers to choose from; leave out --layer")


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
