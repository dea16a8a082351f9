"""Shapes as text: WKT of any kind, rings closed where a file left them open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import shapely

_TAG = re.compile(
    r"\s*(?:SRID=(?P<srid>\d+);)?\s*(?P<kind>(?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION)"
    r"\s*(?:ZM?|M)?\s*(?:\(|EMPTY)",
    re.IGNORECASE,
)
_RING = re.compile(r"\(([^()]+)\)")


@dataclass(frozen=True)
class Shape:
    """A shape that was read from text."""

    geometry: Any
    closed: int = 0
    """Rings that were not closed in the text."""
    srid: int | None = None


def is_wkt(value: object) -> bool:
    """Return whether a cell is WKT, as far as its beginning says."""
    return bool(_TAG.match(str(value)))


def read_wkt(value: object) -> Shape | str:
    """Return the shape that a cell describes, or what is wrong with it."""
    text = str(value).strip()
    tag = _TAG.match(text)
    if not tag:
        return "no WKT"
    srid = int(tag["srid"]) if tag["srid"] else None
    body = text[tag.start("kind") :]
    closed = 0
    if "POLYGON" in tag["kind"].upper():

        def close(ring: re.Match[str]) -> str:
            nonlocal closed
            points = [" ".join(point.split()) for point in ring[1].split(",")]
            if points[0] != points[-1]:
                closed += 1
                points.append(points[0])
            return f"({', '.join(points)})"

        body = _RING.sub(close, body)
    try:
        geometry = shapely.from_wkt(body)
    except shapely.errors.GEOSException as error:
        return str(error).split("\n")[0].removeprefix("ParseException: ")
    return Shape(geometry, closed, srid)
