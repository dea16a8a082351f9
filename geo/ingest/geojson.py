"""GeoJSON is checked as JSON of bounded depth before GDAL reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import ReadError
from geo.ingest.text_tables import decode

MAX_DEPTH = 100
"""Levels of brackets; coordinates and properties need about ten."""
_CHUNK = 1 << 22
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


def require_geojson(path: Path) -> None:
    """Refuse what is no JSON, is nested deeply, or is another format written in JSON.

    Raises
    ------
    ReadError : it is not GeoJSON; the text says what it is instead.
    """
    text, _ = decode(path.read_bytes(), path.name)
    text = text.lstrip("\ufeff")
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
