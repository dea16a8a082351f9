"""Lengths and numbers of storeys as OpenStreetMap writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping

STOREY_M = 3.0
"""Height of a storey for buildings of which only the number of storeys is mapped."""
TALLEST_M = 1000.0
"""Greatest height that is accepted."""
_MOST_STOREYS = 300

_FOOT_M, _INCH_M = 0.3048, 0.0254
_UNITS_M = {
    **dict.fromkeys(("", "m", "metre", "metres", "meter", "meters", "米"), 1.0),
    "cm": 0.01,
    "km": 1000.0,
    **dict.fromkeys(("ft", "foot", "feet", "'"), _FOOT_M),
    **dict.fromkeys(("in", '"'), _INCH_M),
}
"""Length of units in metres."""
_LENGTH = re.compile(r"(\d+(?:[.,]\d{1,3})?)\s*(\D*)")
_FEET_INCHES = re.compile(r"(\d+)\s*(?:'|ft|feet)\s*(\d+(?:\.\d+)?)\s*(?:\"|in|'')?")


def length_m(text: str) -> float | None:
    r"""Return a length in metres.

    Parameters
    ----------
    text : str
        One number with or without a unit, or feet and inches.

    Returns
    -------
    float or None
        Length in metres; None if the text has another form.

    Examples
    --------
    >>> length_m("12.5"), length_m("12,5 m"), length_m("40 ft"), round(length_m("6'4\""), 4)
    (12.5, 12.5, 12.192, 1.9304)
    >>> length_m("10-12") is None
    True
    """
    plain = text.strip().casefold().replace("’", "'").replace("′", "'").replace("″", '"')
    if match := _FEET_INCHES.fullmatch(plain):
        return float(match[1]) * _FOOT_M + float(match[2]) * _INCH_M
    match = _LENGTH.fullmatch(plain)
    if match is None or match[2].strip() not in _UNITS_M:
        return None
    return float(match[1].replace(",", ".")) * _UNITS_M[match[2].strip()]


def storeys(text: str) -> float | None:
    """Return a number of storeys.

    Parameters
    ----------
    text : str
        One number from 0 to 300, also with a fraction.

    Returns
    -------
    float or None
        Number of storeys; None if the text has another form.

    Examples
    --------
    >>> storeys("5"), storeys("2,5"), storeys("3-4")
    (5.0, 2.5, None)
    """
    plain = text.strip().replace(",", ".")
    if not re.fullmatch(r"\d+(?:\.\d+)?", plain):
        return None
    number = float(plain)
    return number if number <= _MOST_STOREYS else None


def height_of(tags: Mapping[str, str], storey_m: float) -> tuple[float | None, list[str]]:
    """Return the height of a building's top above the ground.

    The first readable of ``height``, ``building:height`` and ``est_height`` is used; else the
    storeys (``building:levels``) times `storey_m` plus the roof (``roof:height``, else
    ``roof:levels`` times `storey_m`).

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the building.
    storey_m : float
        Height of a storey in metres.

    Returns
    -------
    height_m : float or None
        Height in metres; None if no tag is readable or the height is out of range.
    unreadable : list of str
        Keys of the tags that could not be read.

    References
    ----------
    https://wiki.openstreetmap.org/wiki/Simple_3D_Buildings

    Examples
    --------
    >>> height_of({"height": "tall", "building:levels": "4", "roof:levels": "1"}, 3.0)
    (15.0, ['height'])
    """
    unreadable: list[str] = []
    for key in ("height", "building:height", "est_height"):
        if key in tags:
            height_m = length_m(tags[key])
            if height_m is not None and 0.0 < height_m <= TALLEST_M:
                return height_m, unreadable
            unreadable.append(key)
    if "building:levels" not in tags:
        return None, unreadable
    levels = storeys(tags["building:levels"])
    if levels is None:
        return None, [*unreadable, "building:levels"]
    roof_m = length_m(tags.get("roof:height", ""))
    if roof_m is None:
        roof_m = (storeys(tags.get("roof:levels", "")) or 0.0) * storey_m
    height_m = levels * storey_m + roof_m
    return (height_m if 0.0 < height_m <= TALLEST_M else None), unreadable


def base_of(tags: Mapping[str, str], storey_m: float) -> float:
    """Return the height above the ground at which a building or building part begins.

    Parameters
    ----------
    tags : mapping of str to str
        Tags of the building.
    storey_m : float
        Height of a storey in metres.

    Returns
    -------
    float
        Height in metres; 0 if no tag states it.
    """
    base_m = length_m(tags.get("min_height", ""))
    if base_m is None:
        base_m = (storeys(tags.get("building:min_level", "")) or 0.0) * storey_m
    return base_m
