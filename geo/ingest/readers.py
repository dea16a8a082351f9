"""Reading of a file of any accepted format into a raw table, in a confined process."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyproj

from geo.confinement.reading_process import run_confined
from geo.confinement.signatures import require_signature
from geo.errors import CrsError, ReadError
from geo.import_reasons import ReasonCode
from geo.ingest import raw_table, transport
from geo.ingest.dictionary import normalise_word
from geo.ingest.encodings import require_encoding
from geo.ingest.raw_table import RawTable
from geo.ingest.remarks import notes_of_warnings
from geo.settings import Settings, get_settings

VECTOR = {".geojson", ".json", ".gpkg", ".shp", ".zip", ".parquet", ".geoparquet"}
TABLES = {".csv", ".tsv", ".txt", ".xlsx"}
_PACKABLE = TABLES - {".xlsx"}
_SHAPEFILE_PARTS = (".shx", ".dbf", ".prj", ".cpg")


def read_file(
    path: Path,
    layer: str,
    *,
    crs: str | None = None,
    headers: Collection[str] = (),
    part: str | None = None,
    encoding: str | None = None,
    settings: Settings | None = None,
) -> RawTable:
    """Read a file; format, encoding and delimiter are detected.

    The file is parsed in a confined process that can open no other file, has no network and has
    bounded memory and time (docs/files.md).

    Parameters
    ----------
    path : pathlib.Path
        A .geojson, .gpkg, .shp, .zip (of a Shapefile), .parquet, .csv, .tsv, .txt or .xlsx file;
        text tables may be gzipped (.csv.gz).
    layer : str
        Name of the register, whose dictionary finds the header of a table; or `OUTLINE` for the
        polygons of a region.
    crs : str or None, optional
        CRS of the coordinates, for a file that names none or a wrong one.
    headers : collection of str, optional
        Further headers that the user or the deployment names.
    part : str or None, optional
        Name of the sheet or layer to read, if the file has several.
    encoding : str or None, optional
        Encoding of the texts, one of `geo.ingest.encodings.ENCODINGS`; None to detect it.
    settings : Settings or None, optional
        Settings with the limits of memory and time; None for those of the deployment.

    Returns
    -------
    RawTable
        Cells, lines and geometry, with notes on what the reader repaired or left out.

    Raises
    ------
    ReadError
        If the file is absent, damaged, empty, too large or of an unknown format.
    CrsError
        If the given CRS is not known, or a vector file has none and none is given.
    """
    path = Path(path)
    if not _is_file(path):
        raise ReadError(f"{path} does not exist; give the path of a file")
    given_crs = _parse_crs(crs)
    suffix = _suffix(path)
    drivers: tuple[str, ...] = ()
    if suffix not in _PACKABLE:
        drivers = require_signature(path, ".gz" if suffix.endswith(".gz") else suffix).drivers
    arguments = {
        "suffix": suffix,
        "layer": layer,
        "crs": None if given_crs is None else given_crs.to_wkt(),
        "unpacked_bytes": raw_table.MAX_UNPACKED_BYTES,
        "known": sorted({normalise_word(header) for header in headers}),
        "part": part,
        "encoding": None if encoding is None else require_encoding(encoding),
    }
    reading = run_confined(
        "geo.ingest.parsing:read_to",
        path,
        arguments,
        settings=settings or get_settings(),
        drivers=drivers,
        beside=_companion_files(path, suffix),
    )
    raw = transport.read(reading.content)
    if given_crs is not None:
        raw.crs = given_crs
    reported = {note.reason for note in raw.notes}
    if ReasonCode.RING_CLOSED in reported:
        reported.add(ReasonCode.RING_NOT_CLOSED)
    raw.notes += [
        note for note in notes_of_warnings(reading.warnings) if note.reason not in reported
    ]
    return raw


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no file can have this name
        return False


def _suffix(path: Path) -> str:
    """Return the suffix of an accepted format, with .gz if the table is gzipped."""
    suffixes = [s.lower() for s in path.suffixes]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".gz" and len(suffixes) > 1 and suffixes[-2] in _PACKABLE:
        return suffixes[-2] + suffix
    if suffix not in VECTOR | TABLES:
        raise ReadError(
            f"{path.name}: unknown format {suffix or '(no ending)'}; "
            f"use one of {', '.join(sorted(VECTOR | TABLES))}"
        )
    return suffix


def _companion_files(path: Path, suffix: str) -> tuple[Path, ...]:
    """Return the existing files that belong to a file, such as the other parts of a Shapefile."""
    if suffix == ".shp":
        names = [path.with_suffix(s) for part in _SHAPEFILE_PARTS for s in (part, part.upper())]
    elif suffix == ".gpkg":
        names = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    else:
        return ()
    return tuple(name for name in names if name.is_file())


def _parse_crs(crs: str | None) -> pyproj.CRS | None:
    if crs is None:
        return None
    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise CrsError(f"{crs!r} is no known CRS; give one such as EPSG:4326") from error
