"""GeoJSON is checked as JSON of bounded depth before GDAL reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import ReadError
from geo.ingest.encodings import REPLACEMENT, decode_text
from geo.ingest.raw_table import Note
from geo.ingest.text_tables import encoding_notes

MAX_DEPTH = 100
"""Levels of brackets; coordinates and properties need about ten."""
_CHUNK = 1 << 22
_SEPARATOR = "\x1e"
"""Before each feature of a GeoJSON text sequence (RFC 8142)."""
_BETWEEN = re.compile(r"[\s\x1e]*")
_TYPES = {
    "FeatureCollection", "Feature", "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon",
    "MultiPolygon", "GeometryCollection",
}  # fmt: skip


def nesting(text: str) -> int:
    """Return how deeply brackets stand in each other in a JSON text, beside those in strings."""
    data = np.frombuffer(
        text.replace("\\\\", "").replace('\\"', "").encode("utf-8", "surrogatepass"), np.uint8
    )
    level, deepest, inside = 0, 0, 0
    for first in range(0, len(data), _CHUNK):
        part = data[first : first + _CHUNK]
        quotes = (np.cumsum(part == ord('"')) + inside) % 2 == 1
        inside = int(quotes[-1])
        steps: NDArray[np.int64] = np.isin(part, (ord("["), ord("{"))).astype(np.int64)
        steps -= np.isin(part, (ord("]"), ord("}")))
        steps[quotes] = 0
        levels = level + np.cumsum(steps)
        deepest = max(deepest, int(levels.max()))
        level = int(levels[-1])
    return deepest


def plain_geojson(path: Path, folder: Path, notes: list[Note], encoding: str | None = None) -> Path:
    """Return the file, or one collection in UTF-8 of what it holds, after a check that it is GeoJSON.

    A file of one feature a line (NDJSON), and a sequence with record separators, become one collection.

    Parameters
    ----------
    path : the file.
    folder : where the collection is written.
    notes : where an unusual or damaged encoding is reported.
    encoding : of the file, where the user named it.

    Raises
    ------
    ReadError : it is no JSON, is nested deeply, or is another format written in JSON.
    """
    decoded = decode_text(path.read_bytes(), path.name, encoding)
    notes += encoding_notes(decoded)
    if decoded.broken:
        detail = f"{decoded.broken} characters are no UTF-8, and read as {REPLACEMENT}"
        notes.append(Note("damaged characters", detail, repaired=True))
    text = decoded.text.lstrip("\ufeff")
    sequence = _features_of_sequence(text, path.name)
    if sequence is None:
        _require_geojson(text, path)
        if decoded.encoding in ("utf-8", "utf-8-sig") and not decoded.broken:
            return path
    else:
        text = '{"type": "FeatureCollection", "features": [' + ",\n".join(sequence) + "]}"
    out = folder / "collection.geojson"
    out.write_text(text, encoding="utf-8", errors="replace")
    return out


def _features_of_sequence(text: str, name: str) -> list[str] | None:
    """Return the texts of features that follow each other; None where the text is one JSON value.

    Raises
    ------
    ReadError : one of them is no feature.
    """
    decoder = json.JSONDecoder(object_hook=_outline)
    separated = text.lstrip().startswith(_SEPARATOR)
    at = 0
    features: list[str] = []
    while True:
        at = _next(text, at)
        if at == len(text):
            break
        try:
            kind, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            if not features and not separated:
                return None  # the check of the whole says what is wrong
            line = text.count("\n", 0, at) + 1
            raise ReadError(
                f"{name}, line {line}: no valid JSON of a feature begins here; export it again"
            ) from error
        if not features and not separated and _next(text, end) == len(text):
            return None
        if nesting(text[at:end]) > MAX_DEPTH:
            return None
        if kind != "Feature":
            line = text.count("\n", 0, at) + 1
            raise ReadError(
                f"{name}, line {line}: it holds several JSON values, and this one is no feature; write one "
                "collection, or one feature a line"
            )
        features.append(text[at:end])
        at = end
    return features or None


def _next(text: str, at: int) -> int:
    """Return where the next value begins, after space and record separators."""
    found = _BETWEEN.match(text, at)
    return at if found is None else found.end()


def _require_geojson(text: str, path: Path) -> None:
    if nesting(text) > MAX_DEPTH:
        raise ReadError(
            f"{path.name} cannot be read: its brackets stand in each other more than {MAX_DEPTH} levels "
            "deep, which no map needs; export it anew"
        )
    try:
        kind = json.loads(text, object_hook=_outline)
    except json.JSONDecodeError as error:
        raise ReadError(
            f"{path.name} cannot be read: it is no valid JSON ({error.msg}, line {error.lineno}, column "
            f"{error.colno}); export it anew"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ReadError(
            f"{path.name} cannot be read: a number in it has thousands of digits; export it anew"
        ) from error
    if not isinstance(kind, str) or kind not in _TYPES:
        what = {"Topology": "TopoJSON", "gdal_streamed_alg": "a GDAL command", "esri": "Esri JSON"}
        seen = what.get(kind, "other JSON") if isinstance(kind, str) else "other JSON"
        raise ReadError(
            f"{path.name} cannot be read: it is {seen} and no GeoJSON; export it as GeoJSON"
        )


def _outline(members: dict[str, Any]) -> str:
    """Return the type of an object, so that a large file never stands in memory as objects."""
    kind = members.get("type")
    if isinstance(kind, str):
        return kind if kind in _TYPES or len(kind) < 40 else ""
    return "esri" if {"geometryType", "rings", "paths", "spatialReference"} & set(members) else ""
