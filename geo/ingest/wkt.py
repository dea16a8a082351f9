"""Well-known text (WKT) of any geometry type; open rings of polygons are closed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import shapely

_TAG = re.compile(
    r"\s*(?:SRID=(?P<srid>\d+);)?"
    r"\s*(?P<kind>(?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION)"
    r"\s*(?:ZM?|M)?\s*(?:\(|EMPTY)",
    re.IGNORECASE,
)
_RING = re.compile(r"\(([^()]+)\)")


@dataclass(frozen=True)
class Shape:
    """A geometry read from text."""

    geometry: Any
    closed_rings: int = 0
    """Number of rings that were not closed in the text."""
    srid: int | None = None
    """EPSG code that precedes the text (EWKT); None if there is none."""


def is_wkt(value: object) -> bool:
    """Return whether a cell begins as well-known text does.

    Parameters
    ----------
    value : object
        A cell.

    Returns
    -------
    bool
        True if it begins with a geometry type and a bracket or EMPTY.

    Examples
    --------
    >>> is_wkt("POINT (118.5 31.7)"), is_wkt("118.5, 31.7")
    (True, False)
    """
    return bool(_TAG.match(str(value)))


def read_wkt(value: object) -> Shape | str:
    """Return the geometry of well-known text, or what is wrong with the text.

    Parameters
    ----------
    value : object
        A cell.

    Returns
    -------
    Shape or str
        The geometry; the message of the parser if it cannot be read.

    Examples
    --------
    >>> read_wkt("POLYGON ((0 0, 1 0, 1 1))").closed_rings
    1
    >>> read_wkt("31.7 north")
    'no WKT'
    """
    text = str(value).strip()
    tag = _TAG.match(text)
    if not tag:
        return "no WKT"
    srid = int(tag["srid"]) if tag["srid"] else None
    body = text[tag.start("kind") :]
    closed_rings = 0
    if "POLYGON" in tag["kind"].upper():
        body, closed_rings = _close_rings(body)
    try:
        geometry = shapely.from_wkt(body)
    except shapely.errors.GEOSException as error:
        return str(error).split("\n")[0].removeprefix("ParseException: ")
    return Shape(geometry, closed_rings, srid)


def _close_rings(body: str) -> tuple[str, int]:
    """Return text with every ring closed, and how many were not."""
    closed_rings = 0

    def close(ring: re.Match[str]) -> str:
        nonlocal closed_rings
        points = [" ".join(point.split()) for point in ring[1].split(",")]
        if points[0] != points[-1]:
            closed_rings += 1
            points.append(points[0])
        return f"({', '.join(points)})"

    return _RING.sub(close, body), closed_rings
