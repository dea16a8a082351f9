"""Lengths and storeys as OpenStreetMap writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping

STOREY_M = 3.0
"""Height of a storey where only the number of storeys is mapped."""
TALLEST_M = 1000.0

_FOOT_M, _INCH_M = 0.3048, 0.0254
_UNITS_M = {
    "": 1.0, "m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0, "米": 1.0, "cm": 0.01, "km": 1000.0,
    "ft": _FOOT_M, "foot": _FOOT_M, "feet": _FOOT_M, "'": _FOOT_M, "in": _INCH_M, '"': _INCH_M,
}  # fmt: skip
_LENGTH = re.compile(r"(\d+(?:[.,]\d{1,3})?)\s*(\D*)")
_FEET_INCHES = re.compile(r"(\d+)\s*(?:'|ft|feet)\s*(\d+(?:\.\d+)?)\s*(?:\"|in|'')?")


def length_m(text: str) -> float | None:
    r"""Return a length in metres; None where the text is not one number with a known unit.

    Examples
    --------
    >>> length_m("12.5"), length_m("12,5 m"), length_m("40 ft"), round(length_m("6'4\""), 4)
    (12.5, 12.5, 12.192, 1.9304)
    >>> length_m("10-12") is None
    True
    """
    plain = text.strip().casefold().replace("’", "'").replace("′", "'").replace("″", '"')
    if both := _FEET_INCHES.fullmatch(plain):
        return float(both[1]) * _FOOT_M + float(both[2]) * _INCH_M
    found = _LENGTH.fullmatch(plain)
    if found is None or found[2].strip() not in _UNITS_M:
        return None
    return float(found[1].replace(",", ".")) * _UNITS_M[found[2].strip()]


def storeys(text: str) -> float | None:
    """Return a number of storeys; None where the text is not one number from 0 to 300."""
    plain = text.strip().replace(",", ".")
    if not re.fullmatch(r"\d+(?:\.\d+)?", plain):
        return None
    number = float(plain)
    return number if number <= 300 else None


def height_of(tags: Mapping[str, str], storey_m: float) -> tuple[float | None, list[str]]:
    """Return the height of a building's top above the ground, and the tags that could not be read.

    The first that can be read of: ``height``, ``building:height``, ``est_height``; then the storeys
    (``building:levels``) times `storey_m`, with the roof added (``roof:height``, else
    ``roof:levels`` times `storey_m`). None where none of them can.
    """
    unreadable: list[str] = []
    for key in ("height", "building:height", "est_height"):
        if key in tags:
            height = length_m(tags[key])
            if height is not None and 0.0 < height <= TALLEST_M:
                return height, unreadable
            unreadable.append(key)
    if "building:levels" not in tags:
        return None, unreadable
    levels = storeys(tags["building:levels"])
    if levels is None:
        return None, [*unreadable, "building:levels"]
    roof = length_m(tags.get("roof:height", ""))
    if roof is None:
        roof = (storeys(tags.get("roof:levels", "")) or 0.0) * storey_m
    height = levels * storey_m + roof
    return (height if 0.0 < height <= TALLEST_M else None), unreadable


def base_of(tags: Mapping[str, str], storey_m: float) -> float:
    """Return how far above the ground a building or part of one begins; 0 where nothing says so."""
    base = length_m(tags.get("min_height", ""))
    if base is None:
        base = (storeys(tags.get("building:min_level", "")) or 0.0) * storey_m
    return base
