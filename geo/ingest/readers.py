"""Files of any of the accepted formats to one raw table with line numbers and original text."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyproj

from geo.confinement.reading_process import run_confined
from geo.confinement.signatures import require_signature
from geo.errors import CrsError, ReadError
from geo.ingest import raw_table, transport
from geo.ingest.encodings import require_encoding
from geo.ingest.headers import normalised
from geo.ingest.raw_table import RawTable
from geo.ingest.remarks import remarks
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
    """Read a file, finding format, encoding and delimiter by itself.

    The file is parsed in a process of its own that can open nothing else, reach no network, and has
    bounded memory and time; docs/files.md says what the bounds are.

    Parameters
    ----------
    path : .geojson, .gpkg, .shp, .zip (of a Shapefile), .parquet, .csv, .tsv, .txt or .xlsx;
        text tables may be gzipped (.csv.gz).
    layer : name of the register, by whose words the header of a table is found; or `OUTLINE` for
        the polygons of a region.
    crs : the CRS of the coordinates where the file does not name it, or to overrule it.
    headers : further headers that the user or the deployment names.
    part : name of the sheet or layer to read, where the file has several.
    encoding : of the texts, one of `geo.ingest.encodings.ENCODINGS`; judged by all of them unless given.
    settings : memory and time that reading may take; the deployment's unless given.

    Raises
    ------
    ReadError : the file is absent, damaged, empty, too large, or of no known format.
    CrsError : the CRS given is not known.
    """
    path = Path(path)
    if not _is_file(path):
        raise ReadError(f"{path} does not exist; give the path of a file")
    given = _parse_crs(crs)
    suffix = _suffix(path)
    drivers: tuple[str, ...] = ()
    if suffix not in _PACKABLE:
        drivers = require_signature(path, ".gz" if suffix.endswith(".gz") else suffix).drivers
    arguments = {
        "suffix": suffix, "layer": layer, "crs": None if given is None else given.to_wkt(),
        "unpacked_bytes": raw_table.MAX_UNPACKED_BYTES,
        "known": sorted({normalised(header) for header in headers}), "part": part,
        "encoding": None if encoding is None else require_encoding(encoding),
    }  # fmt: skip
    reading = run_confined(
        "geo.ingest.parsing:read_to", path, arguments,
        settings=settings or get_settings(), drivers=drivers,
        beside=_parts(path, suffix),
    )  # fmt: skip
    raw = transport.read(reading.content)
    if given is not None:
        raw.crs = given
    told = [note.reason for note in raw.notes]
    raw.notes += [
        note
        for note in remarks(reading.warnings)
        if not any(reason.startswith(note.reason) for reason in told)
    ]
    return raw


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _suffix(path: Path) -> str:
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


def _parts(path: Path, suffix: str) -> tuple[Path, ...]:
    """Return the files that belong to the file, of those that are there."""
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
