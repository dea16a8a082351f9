"""Files of any of the accepted formats to one raw table with line numbers and original text."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyproj

from geo.errors import CrsError, ReadError
from geo.ingest import raw_table
from geo.ingest.raw_table import RawTable, require_small
from geo.ingest.text_tables import read_text
from geo.ingest.vector_files import read_vector
from geo.ingest.workbooks import read_workbook

VECTOR = {".geojson", ".json", ".gpkg", ".shp", ".zip", ".parquet", ".geoparquet"}
TABLES = {".csv", ".tsv", ".txt", ".xlsx"}


def read_file(path: Path, layer: str, *, crs: str | None = None) -> RawTable:
    """Read a file, finding format, encoding and delimiter by itself.

    Parameters
    ----------
    path : .geojson, .gpkg, .shp, .zip (of a Shapefile), .parquet, .csv, .tsv, .txt or .xlsx;
        text tables may be gzipped (.csv.gz).
    layer : name of the layer, by whose headers the table of a workbook is found.
    crs : the CRS of the coordinates where the file does not name it, or to overrule it.

    Raises
    ------
    ReadError : the file is absent, damaged, empty, or of no known format.
    CrsError : the CRS given is not known.
    """
    path = Path(path)
    if not path.is_file():
        raise ReadError(f"{path} does not exist; give the path of a file")
    given = _parse_crs(crs)
    suffixes = [s.lower() for s in path.suffixes]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".gz" and len(suffixes) > 1:
        try:
            with gzip.open(path) as stream:
                data = stream.read(raw_table.MAX_UNPACKED_BYTES + 1)
        except (OSError, EOFError) as error:
            raise ReadError(f"{path.name} is no whole gzip file ({error}); pack it anew") from error
        require_small(path, len(data))
        return read_text(data, path.name, suffixes[-2], given)
    if suffix == ".xlsx":
        return read_workbook(path, layer, given)
    if suffix in TABLES:
        return read_text(path.read_bytes(), path.name, suffix, given)
    if suffix in VECTOR:
        return read_vector(path, suffix, given)
    raise ReadError(
        f"{path.name}: unknown format {suffix or '(no ending)'}; "
        f"use one of {', '.join(sorted(VECTOR | TABLES))}"
    )


def _parse_crs(crs: str | None) -> pyproj.CRS | None:
    if crs is None:
        return None
    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise CrsError(f"{crs!r} is no known CRS; give one such as EPSG:4326") from error
