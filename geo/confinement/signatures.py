"""Accepted formats by suffix, recognised by the first bytes of the file."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from geo.errors import ReadError

_HEAD_BYTES = 1 << 16


_TAIL_BYTES = 4


@dataclass(frozen=True)
class Format:
    """A file format."""

    name: str
    matches: Callable[[bytes, bytes], bool]
    """Whether the first bytes and the last four are those of the format."""
    drivers: tuple[str, ...] = ()
    """Drivers of GDAL that may open it; none if GDAL does not read it."""


def _begins(*signatures: bytes) -> Callable[[bytes, bytes], bool]:
    return lambda head, _: head.startswith(signatures)


def _is_json_object(head: bytes, _: bytes) -> bool:
    # Sequences of GeoJSON begin with a record separator.
    return _text_of(head).lstrip(b"\x1e \t\r\n").startswith(b"{")


def _is_osm_xml(head: bytes, _: bytes) -> bool:
    text = _text_of(head)
    return text.startswith((b"<?xml", b"<osm")) and b"<osm" in text and b"<!DOCTYPE" not in text


def _is_osm_pbf(head: bytes, _: bytes) -> bool:
    # The length of the header, then its first field, the type of the block.
    return head[:2] == b"\0\0" and head[4:15] == b"\x0a\x09OSMHeader"


def _text_of(head: bytes) -> bytes:
    """Return ASCII of UTF-8 or UTF-16 text, without byte order mark and leading space."""
    for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        head = head.removeprefix(mark)
    return head.replace(b"\0", b"").lstrip()


_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_JSON = Format("GeoJSON", _is_json_object, ("GeoJSON",))
_TIFF = Format("GeoTIFF", _begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), ("GTiff",))
_PARQUET = Format(
    "GeoParquet", lambda head, tail: head[:4] == b"PAR1" and len(head) >= 12 and tail == b"PAR1"
)

FORMATS: dict[str, Format] = {
    ".geojson": _JSON,
    ".json": _JSON,
    ".gpkg": Format("GeoPackage", _begins(b"SQLite format 3\0"), ("GPKG",)),
    ".shp": Format("Shapefile", _begins(b"\0\0\x27\x0a"), ("ESRI Shapefile",)),
    ".zip": Format("zip file", _begins(*_ZIP), ("ESRI Shapefile",)),
    ".parquet": _PARQUET,
    ".geoparquet": _PARQUET,
    ".xlsx": Format("workbook", _begins(*_ZIP)),
    ".gz": Format("gzip file", _begins(b"\x1f\x8b\x08")),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".osm": Format("OpenStreetMap XML", _is_osm_xml),
    ".osm.pbf": Format("OpenStreetMap PBF", _is_osm_pbf),
}
"""Accepted formats by suffix; text tables (.csv, .tsv, .txt) have no signature."""

_OTHER_CONTENT = (
    ("a zip file", _begins(*_ZIP)),
    ("a gzip file", _begins(b"\x1f\x8b")),
    ("an SQLite database", _begins(b"SQLite format 3\0")),
    ("an older Office file", _begins(b"\xd0\xcf\x11\xe0")),
    ("a PDF", _begins(b"%PDF")),
    ("XML", lambda head, _: _text_of(head).startswith(b"<")),
    ("JSON", lambda head, _: _text_of(head).startswith((b"{", b"["))),
    ("nothing: it is empty", lambda head, _: not head),
)
"""Names of other content for messages, and how it is recognised."""


def require_signature(path: Path, suffix: str) -> Format:
    """Return the format of a suffix if the file begins as that format does.

    Readers call this before they pass the file to a library, which would choose a parser by the
    content alone.

    Parameters
    ----------
    path : pathlib.Path
        A regular file.
    suffix : str
        Suffix in lower case, one of `FORMATS`; it need not be that of the name (``.tif`` for a
        raster of any name).

    Returns
    -------
    Format
        The format of the suffix.

    Raises
    ------
    ReadError
        If the file has other content or cannot be opened.
    KeyError
        If the suffix is none of `FORMATS`.
    """
    expected = FORMATS[suffix]
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
            stream.seek(max(stream.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
            tail = stream.read(_TAIL_BYTES)
    except OSError as error:
        raise ReadError(f"{path.name} cannot be opened: {error.strerror}") from error
    if expected.matches(head, tail):
        return expected
    content = next(
        (name for name, matches in _OTHER_CONTENT if matches(head, tail)), "something unknown"
    )
    if content.endswith(expected.name) or (expected is _JSON and content == "JSON"):
        content = "a damaged or different kind of it"
    raise ReadError(
        f"{path.name} cannot be read: it is no {expected.name} but {content}; "
        f"export it again as {suffix}"
    )
