"""Directions as OpenStreetMap writes them: degrees, compass points, ranges and lists."""

from __future__ import annotations

import re

from geo.directions import Direction, combine_directions, point_of, sector

__all__ = ["Direction", "parse_directions"]

_NUMBER = re.compile(r"\d{1,3}(?:\.\d+)?")
_POINT = re.compile(
    r"[nesw]{1,3}|(?:north|south|east|west)|(?:north|south)[- ]?(?:east|west)", re.IGNORECASE
)
_FULL_CIRCLE_DEG = 359.0
"""Width from which a range is the full circle: 0-359 is written for 0-360."""
_DASH = re.compile(r"[-–—]")


def parse_directions(text: str) -> list[Direction]:
    """Return the directions of a `camera:direction` or `direction` tag.

    Parameters
    ----------
    text : str
        Degrees clockwise from north (``45``, ``45°``), one of the 16 compass points, a range read
        clockwise (``90-180``, ``NW-NE``), or several of these separated by ``;``.

    Returns
    -------
    list of Direction
        Directions; empty if the text has none.

    References
    ----------
    https://wiki.openstreetmap.org/wiki/Key:direction

    Examples
    --------
    >>> parse_directions("350-10")
    [Direction(bearing_deg=0.0, fov_deg=20.0)]
    >>> [d.bearing_deg for d in parse_directions("NE;225")]
    [45.0, 225.0]
    >>> parse_directions("towards the gate")
    []
    """
    parts = [part.strip() for part in re.split(r"[;,]", text) if part.strip()]
    return list(combine_directions(map(_direction, parts)))


def _direction(text: str) -> Direction | None:
    bearing = _bearing(text)
    if bearing is not None:
        return Direction(bearing % 360.0)
    edges = [_bearing(part.strip()) for part in _DASH.split(text, maxsplit=1)]
    if len(edges) < 2 or edges[0] is None or edges[1] is None:
        return None
    if edges[0] % 360.0 == edges[1] % 360.0 and abs(edges[1] - edges[0]) < 360.0:
        return Direction(edges[0] % 360.0)
    return sector(edges[0], edges[1], full_circle_deg=_FULL_CIRCLE_DEG)


def _bearing(text: str) -> float | None:
    plain = text.removesuffix("°").strip()
    if _NUMBER.fullmatch(plain):
        degrees = float(plain)
        return degrees if degrees <= 360.0 else None
    return point_of(plain) if _POINT.fullmatch(plain) else None
