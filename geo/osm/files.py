"""Check that a file is an OpenStreetMap extract, before any parser reads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from geo.errors import ReadError

MAX_BYTES = 4 << 30
"""Largest size of an extract."""
_PROLOG_BYTES = 1 << 16
_LARGEST_BLOB_HEADER = 64 << 10
_SPACE_OR_COMMENT = re.compile(rb"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_ROOT = re.compile(rb"<osm[\s>]")

Format = Literal["pbf", "osm"]


def extract_format(path: Path) -> Format:
    """Return the format of an extract by its content.

    Parameters
    ----------
    path : pathlib.Path
        File of any name.

    Returns
    -------
    {"pbf", "osm"}
        Protocol buffer format or XML.

    Raises
    ------
    ReadError
        If the file is absent, empty, too large, of another format, or XML with a document type.
    """
    if not path.is_file():
        raise ReadError(f"{path} does not exist; give the path of an .osm.pbf or .osm file")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ReadError(
            f"{path.name} has {size / 1e9:.1f} GB, and the largest extract read has "
            f"{MAX_BYTES / 1e9:.1f} GB; cut the region out first, for instance with osmium extract"
        )
    with path.open("rb") as handle:
        start = handle.read(_PROLOG_BYTES)
    if _is_pbf(start):
        return "pbf"
    if _is_xml(start, path.name):
        return "osm"
    raise ReadError(
        f"{path.name} is neither OpenStreetMap PBF nor OpenStreetMap XML (UTF-8); "
        "give an .osm.pbf or .osm file, unpacked"
    )


def _is_pbf(start: bytes) -> bool:
    """Return whether a file begins with the length and name of a PBF header."""
    if len(start) < 16 or int.from_bytes(start[:4], "big") > _LARGEST_BLOB_HEADER:
        return False
    return start[4:6] == b"\x0a\x09" and start[6:15] == b"OSMHeader"


def _is_xml(start: bytes, name: str) -> bool:
    """Return whether the first element is `<osm>`; refuse a document type before it."""
    position = 3 if start.startswith(b"\xef\xbb\xbf") else 0
    while match := _SPACE_OR_COMMENT.match(start, position):
        position = match.end()
    if start[position : position + 2] == b"<!":
        raise ReadError(
            f"{name} has a document type or an unclosed comment (<!…), which no extract has; "
            "export it again as plain OpenStreetMap XML"
        )
    if start[position:].startswith(b"<osmChange"):
        raise ReadError(f"{name} is a file of changes; give a full extract (.osm.pbf or .osm)")
    return _ROOT.match(start, position) is not None
