"""Parsing of a file of any accepted format into a raw table, in the current process."""

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

_ALWAYS_UTF8 = {".xlsx", ".gpkg", ".parquet", ".geoparquet"}


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
    """Parse a file and write its table; entry point of the confined process.

    Parameters
    ----------
    path : pathlib.Path
        File to read.
    sink : pyarrow.NativeFile
        Receives the table as `geo.ingest.transport.write` writes it.
    suffix : str
        Suffix of the file, as for `parse`.
    layer : str
        Register to import into, as for `parse`.
    crs : str or None
        WKT of the CRS that replaces that of the file.
    unpacked_bytes : int
        Largest unpacked size of a compressed file, in bytes.
    known : collection of str, optional
        Further headers, as for `parse`.
    part : str or None, optional
        Sheet or layer to read, as for `parse`.
    encoding : str or None, optional
        Encoding of the texts, as for `parse`.
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
    """Parse a file of the format that its suffix names.

    Parameters
    ----------
    path : pathlib.Path
        File to read.
    suffix : str
        Suffix in lower case; both suffixes for a gzipped table (``.csv.gz``).
    layer : str
        Name of the register, whose dictionary finds the header of a table; or `OUTLINE`.
    crs : pyproj.CRS or None
        CRS that replaces that of the file.
    known : collection of str, optional
        Further headers, normalised, that the user or the deployment names.
    part : str or None, optional
        Name of the sheet or layer to read, if the file has several.
    encoding : str or None, optional
        Encoding of the texts, one of `geo.ingest.encodings.ENCODINGS`; None to detect it.

    Returns
    -------
    RawTable
        Cells, lines and geometry, with notes on what the reader repaired or left out.

    Raises
    ------
    ReadError
        If the file is damaged, empty or too large, or an option does not apply to its format.
    CrsError
        If a vector file has no CRS and none is given.
    """
    if encoding is not None and suffix in _ALWAYS_UTF8:
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
    if part is not None:
        raise ReadError(f"{path.name} has no layers to choose from; leave out --layer")
    if suffix != ".gz" and suffix.endswith(".gz"):
        data, suffix = _unpacked(path), suffix.removesuffix(".gz")
    else:
        require_small(path, path.stat().st_size)
        data = path.read_bytes()
    return read_text(data, path.name, suffix, crs, layer=layer, known=known, encoding=encoding)


def _unpacked(path: Path) -> bytes:
    """Return the content of a gzip file that is not too large."""
    limit = min(
        raw_table.MAX_UNPACKED_BYTES,
        max(raw_table.RATIO_FROM_BYTES, raw_table.MAX_RATIO * path.stat().st_size),
    )
    try:
        with gzip.open(path) as stream:
            data = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(
            f"{path.name} is no complete gzip file: it is damaged; pack it again"
        ) from error
    require_small(path, len(data))
    return data
