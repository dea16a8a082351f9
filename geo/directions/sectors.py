"""One direction, sectors between two bearings, lists of directions, and their text form."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MOST_DIRECTIONS = 16
"""Longest list of directions of one camera; a longer one is not a list of lenses."""
_REGISTER = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?")


@dataclass(frozen=True)
class Direction:
    """One direction that a camera looks in: a bearing, a sector, or all round."""

    bearing_deg: float | None
    """Degrees clockwise from true north; None for all round."""
    fov_deg: float | None = None
    """Width of the sector in degrees; None where it is not stated."""


ALL_ROUND = Direction(None, 360.0)
"""The full circle."""


def sector(
    start_deg: float, end_deg: float, *, narrowest_deg: float = 0.0, full_circle_deg: float = 360.0
) -> Direction | None:
    """Return the sector clockwise from one bearing to another.

    Parameters
    ----------
    start_deg, end_deg : float
        Bearings in degrees from 0 to 360.
    narrowest_deg : float, default 0
        Least width of a sector, in degrees.
    full_circle_deg : float, default 360
        Width, in degrees, from which a sector is the full circle.

    Returns
    -------
    Direction or None
        `ALL_ROUND` for the full circle; None where a bearing lies outside 0 to 360, or the sector
        is narrower than `narrowest_deg`.

    Examples
    --------
    >>> sector(315.0, 45.0)
    Direction(bearing_deg=0.0, fov_deg=90.0)
    """
    if not (0.0 <= start_deg <= 360.0 and 0.0 <= end_deg <= 360.0):
        return None
    # Both 0-360 and 360-0 are the full circle; 359-0 is one degree wide.
    width = 360.0 if abs(end_deg - start_deg) == 360.0 else (end_deg - start_deg) % 360.0
    if width >= full_circle_deg:
        return ALL_ROUND
    if width < narrowest_deg:
        return None
    return Direction((start_deg + width / 2.0) % 360.0, width)


def combine_directions(directions: Iterable[Direction | None]) -> tuple[Direction, ...]:
    """Return the directions of a list, each once and in its order.

    Parameters
    ----------
    directions : iterable of Direction or None
        The parts of the list; None for a part that is no direction.

    Returns
    -------
    tuple of Direction
        `ALL_ROUND` alone where it is among them; empty where a part is no direction, or where
        there are more than `MOST_DIRECTIONS` parts.
    """
    parts = list(directions)
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len(known) > MOST_DIRECTIONS:
        return ()
    return (ALL_ROUND,) if ALL_ROUND in known else tuple(dict.fromkeys(known))


def directions_to_text(directions: Iterable[Direction]) -> str:
    """Return directions as text, in the form of the column ``other_directions``.

    Parameters
    ----------
    directions : iterable of Direction
        The directions.

    Returns
    -------
    str
        Bearings, and sectors clockwise from one bearing to another, joined by a slash.

    Examples
    --------
    >>> directions_to_text([Direction(180.0), Direction(0.0, 20.0)])
    '180/350-10'
    """
    return "/".join(map(_text_of, directions))


def _text_of(direction: Direction) -> str:
    bearing = (direction.bearing_deg or 0.0) % 360.0
    if direction.fov_deg is None:
        return f"{bearing:.10g}"
    if direction.fov_deg >= 360.0:
        return "0-360"
    half = direction.fov_deg / 2.0
    return f"{(bearing - half) % 360.0:.10g}-{(bearing + half) % 360.0:.10g}"


def directions_from_text(text: str) -> tuple[Direction, ...]:
    """Return the directions of a text in the form of the column ``other_directions``.

    Parameters
    ----------
    text : str
        Bearings, and sectors clockwise from one bearing to another, joined by a slash.

    Returns
    -------
    tuple of Direction
        The directions in their order.

    Raises
    ------
    ValueError
        If it is anything else.

    Examples
    --------
    >>> directions_from_text("180/350-10")
    (Direction(bearing_deg=180.0, fov_deg=None), Direction(bearing_deg=0.0, fov_deg=20.0))
    """
    return tuple(_from_part(part.strip()) for part in text.split("/"))


def _from_part(text: str) -> Direction:
    match = _REGISTER.fullmatch(text)
    bearings = [float(group) for group in match.groups() if group is not None] if match else []
    if not bearings or max(bearings) > 360.0:
        raise ValueError(f"{text!r} is neither a bearing nor a sector such as 200-220")
    if len(bearings) == 1:
        return Direction(bearings[0] % 360.0)
    start, end = bearings
    width = (end - start) % 360.0
    # Equal edges are those of the full circle: a sector without width is never written.
    return Direction((start + width / 2.0) % 360.0, width) if width else ALL_ROUND
