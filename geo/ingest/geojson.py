"""Check of GeoJSON, as JSON of bounded depth, before GDAL reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import ReadError
from geo.import_reasons import ReasonCode
from geo.ingest.encodings import REPLACEMENT, decode_text
from geo.ingest.raw_table import Note
from geo.ingest.text_tables import encoding_notes

MAX_DEPTH = 100
"""Levels of nested brackets; coordinates and properties need about ten."""
_CHUNK = 1 << 22
_SEPARATOR = "\x1e"
"""Before each feature of a GeoJSON text sequence (RFC 8142)."""
_BETWEEN = re.compile(r"[\s\x1e]*")
_TYPES = {
    "FeatureCollection",
    "Feature",
    "Point",
    "MultiPoint",
    "LineString",
    "MultiLineString",
    "Polygon",
    "MultiPolygon",
    "GeometryCollection",
}


def nesting(text: str) -> int:
    """Return how deeply the brackets of a JSON text are nested.

    Parameters
    ----------
    text : str
        The text; brackets in its strings do not count.

    Returns
    -------
    int
        Levels of arrays and objects.

    Examples
    --------
    >>> nesting('{"a": [[1, "[["]]}')
    3
    """
    data = np.frombuffer(
        text.replace("\\\\", "").replace('\\"', "").encode("utf-8", "surrogatepass"), np.uint8
    )
    level, deepest, in_string_before = 0, 0, 0
    for first in range(0, len(data), _CHUNK):
        chunk = data[first : first + _CHUNK]
        in_string = (np.cumsum(chunk == ord('"')) + in_string_before) % 2 == 1
        in_string_before = int(in_string[-1])
        steps: NDArray[np.int64] = np.isin(chunk, (ord("["), ord("{"))).astype(np.int64)
        steps -= np.isin(chunk, (ord("]"), ord("}")))
        steps[in_string] = 0
        levels = level + np.cumsum(steps)
        deepest = max(deepest, int(levels.max()))
        level = int(levels[-1])
    return deepest


def plain_geojson(path: Path, folder: Path, notes: list[Note], encoding: str | None = None) -> Path:
    """Check that a file is GeoJSON, and return it as one that GDAL reads.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    folder : pathlib.Path
        Folder in which a file of another form is written as a collection in UTF-8.
    notes : list of Note
        Gets a note of an unusual or damaged encoding.
    encoding : str, optional
        Encoding of the file, where the user named it.

    Returns
    -------
    pathlib.Path
        The file itself, or a new one where it is not in UTF-8, is damaged, has one feature a line
        (NDJSON), or is a text sequence (RFC 8142).

    Raises
    ------
    ReadError
        If it is no JSON, is nested too deeply, or is another format written in JSON.
    """
    decoded = decode_text(path.read_bytes(), path.name, encoding)
    notes += encoding_notes(decoded)
    if decoded.broken:
        detail = f"{decoded.broken} characters are no UTF-8, and read as {REPLACEMENT}"
        notes.append(Note(ReasonCode.DAMAGED_CHARACTERS, detail, repaired=True))
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

    Raises `ReadError` if one of them is no feature.
    """
    decoder = json.JSONDecoder(object_hook=_type_of)
    separated = text.lstrip().startswith(_SEPARATOR)
    start = 0
    features: list[str] = []
    while True:
        start = _next_value(text, start)
        if start == len(text):
            break
        try:
            kind, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            if not features and not separated:
                return None  # the check of one JSON value reports what is wrong
            line = text.count("\n", 0, start) + 1
            raise ReadError(
                f"{name}, line {line}: no valid JSON of a feature begins here; export it again"
            ) from error
        if not features and not separated and _next_value(text, end) == len(text):
            return None
        if nesting(text[start:end]) > MAX_DEPTH:
            return None
        if kind != "Feature":
            line = text.count("\n", 0, start) + 1
            raise ReadError(
                f"{name}, line {line}: it holds several JSON values, and this one is no feature; "
                "write one collection, or one feature a line"
            )
        features.append(text[start:end])
        start = end
    return features or None


def _next_value(text: str, start: int) -> int:
    """Return the position of the next value, behind space and record separators."""
    match = _BETWEEN.match(text, start)
    return start if match is None else match.end()


def _require_geojson(text: str, path: Path) -> None:
    """Refuse a text that is not one JSON value of GeoJSON."""
    if nesting(text) > MAX_DEPTH:
        raise ReadError(
            f"{path.name} cannot be read: its brackets stand in each other more than {MAX_DEPTH} "
            "levels deep, which no map needs; export it again"
        )
    try:
        kind = json.loads(text, object_hook=_type_of)
    except json.JSONDecodeError as error:
        raise ReadError(
            f"{path.name} cannot be read: it is no valid JSON ({error.msg}, line {error.lineno}, "
            f"column {error.colno}); export it again"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ReadError(
            f"{path.name} cannot be read: a number in it has thousands of digits; export it again"
        ) from error
    if not isinstance(kind, str) or kind not in _TYPES:
        formats = {
            "Topology": "TopoJSON",
            "gdal_streamed_alg": "a GDAL command",
            "esri": "Esri JSON",
        }
        name = formats.get(kind, "other JSON") if isinstance(kind, str) else "other JSON"
        raise ReadError(
            f"{path.name} cannot be read: it is {name} and no GeoJSON; export it as GeoJSON"
        )


def _type_of(members: dict[str, Any]) -> str:
    """Return the type of an object in its place, so that a large file is not held as objects."""
    kind = members.get("type")
    if isinstance(kind, str):
        return kind if kind in _TYPES or len(kind) < 40 else ""
    return "esri" if {"geometryType", "rings", "paths", "spatialReference"} & set(members) else ""
