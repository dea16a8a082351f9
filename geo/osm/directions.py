"""Directions as OpenStreetMap writes them: degrees, compass points, ranges and lists."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_DIRECTIONS = 16
"""Directions of one camera that are read; a longer list is not a list of lenses."""

_POINTS = (
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW",
)  # fmt: skip
_DEGREES = {name: 22.5 * k for k, name in enumerate(_POINTS)}
_DEGREES |= {"NORTH": 0.0, "EAST": 90.0, "SOUTH": 180.0, "WEST": 270.0}
_NUMBER = re.compile(r"\d{1,3}(?:\.\d+)?")


@dataclass(frozen=True)
class Direction:
    """Where one lens looks: its middle, and how far the stated range spans (None: not stated)."""

    bearing_deg: float | None
    """None where the range is the full circle."""
    width_deg: float | None = None


def parse_directions(text: str) -> list[Direction]:
    """Return the directions of a `camera:direction` or `direction` tag, empty where it has none.

    Parameters
    ----------
    text : degrees clockwise from north (``45``, ``45°``), one of the 16 compass points, a range
        read clockwise (``90-180``, ``NW-NE``), or several of these separated by ``;``.

    Examples
    --------
    >>> parse_directions("350-10")
    [Direction(bearing_deg=0.0, width_deg=20.0)]
    >>> [d.bearing_deg for d in parse_directions("NE;225")]
    [45.0, 225.0]
    >>> parse_directions("towards the gate")
    []
    """
    parts = [part.strip() for part in re.split(r"[;,]", text) if part.strip()]
    directions = [_direction(part) for part in parts]
    complete = [direction for direction in directions if direction is not None]
    if len(complete) < len(directions) or len(complete) > MOST_DIRECTIONS:
        return []
    return list(dict.fromkeys(complete))


def _direction(text: str) -> Direction | None:
    first, dash, last = (part.strip() for part in re.split(r"([-–—])", text, maxsplit=1)) if (
        re.search(r"[-–—]", text)
    ) else (text, "", "")  # fmt: skip
    start = _angle(first)
    if start is None:
        return None
    if not dash:
        return Direction(start % 360.0)
    end = _angle(last)
    if end is None:
        return None
    if abs(end - start) >= 359.0:
        return Direction(None, 360.0)
    width = (end - start) % 360.0
    if width == 0.0:
        return Direction(start % 360.0)
    return Direction((start + width / 2.0) % 360.0, width)


def _angle(text: str) -> float | None:
    plain = text.removesuffix("°").strip()
    if _NUMBER.fullmatch(plain):
        degrees = float(plain)
        return degrees if degrees <= 360.0 else None
    return _DEGREES.get(plain.upper())
