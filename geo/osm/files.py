"""Whether a file is an OpenStreetMap extract, before any parser sees it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from geo.errors import ReadError

MAX_BYTES = 4 << 30
"""Largest extract that is read."""
_PROLOG_BYTES = 1 << 16
_LARGEST_BLOB_HEADER = 64 << 10
_SPACE_OR_REMARK = re.compile(rb"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_ROOT = re.compile(rb"<osm[\s>]")

Format = Literal["pbf", "osm"]


def extract_format(path: Path) -> Format:
    """Return whether an extract is PBF or XML, by what it holds and not by its name.

    Raises
    ------
    ReadError : the file is absent, empty, too large, neither of both, or XML with a document type.
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
    """Whether the file begins with the length and name of a PBF header."""
    if len(start) < 16 or int.from_bytes(start[:4], "big") > _LARGEST_BLOB_HEADER:
        return False
    return start[4:6] == b"\x0a\x09" and start[6:15] == b"OSMHeader"


def _is_xml(start: bytes, name: str) -> bool:
    """Whether the first element is `<osm>`; a document type before it is refused."""
    at = 3 if start.startswith(b"\xef\xbb\xbf") else 0
    while remark := _SPACE_OR_REMARK.match(start, at):
        at = remark.end()
    if start[at : at + 2] == b"<!":
        raise ReadError(
            f"{name} has a document type or a remark that does not end (<!…), which no extract has; "
            "export it anew as plain OpenStreetMap XML"
        )
    if start[at:].startswith(b"<osmChange"):
        raise ReadError(f"{name} is a file of changes; give a whole extract (.osm.pbf or .osm)")
    return _ROOT.match(start, at) is not None
