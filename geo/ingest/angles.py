"""Latitudes and longitudes as people write them, alone and in pairs."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Literal

from geo.ingest.values import normalise_signs, number_of

Axis = Literal["lat", "lon"]

_LETTER = r"(?:[NSEWnsew]|[东西][经經]?|[南北][纬緯]?|東[经經]?)"
_LEADING = re.compile(rf"^({_LETTER})[\s:.]*")
_TRAILING = re.compile(rf"[\s.]*({_LETTER})\.?$")
_DMS = re.compile(
    r"^(?P<sign>[-+]?)(?P<d>\d{1,3}(?:\.\d+)?)\s*[°度d:\s]\s*"
    r"(?:(?P<m>\d{1,2}(?:\.\d+)?)\s*['分m:\s]\s*)?"
    r"(?:(?P<s>\d{1,2}(?:\.\d+)?)\s*(?:[\"秒s]|'')?)?$"
)
_DASHED = re.compile(r"^(\d{1,3})-(\d{1,2})-(\d{1,2}(?:\.\d+)?)$")
_PACKED = re.compile(r"^(\d{4,7})(\.\d+)?$")
_WKT_POINT = re.compile(
    r"(?:SRID=\d+;)?\s*POINT\s*Z?\s*\(\s*(\S+)\s+(\S+)(?:\s+\S+)?\s*\)", re.IGNORECASE
)
_HEMISPHERES: dict[str, tuple[Axis, bool]] = {
    **dict.fromkeys("NnN北", ("lat", False)),
    **dict.fromkeys("Ss南", ("lat", True)),
    **dict.fromkeys("Ee东東", ("lon", False)),
    **dict.fromkeys("Ww西", ("lon", True)),
}
"""First letter of a hemisphere to its axis, and whether its degrees are negative."""


def degrees_of(value: object) -> float:
    """Return the degrees of an angle.

    Parameters
    ----------
    value : object
        A number or text, as for `angle_of`.

    Returns
    -------
    float
        Negative in the south and west; NaN if it is no angle.
    """
    return angle_of(value)[0]


def angle_of(value: object) -> tuple[float, Axis | None]:
    """Return the degrees of an angle, and its axis.

    Parameters
    ----------
    value : object
        A number, or text: a decimal, degrees with minutes and seconds in any usual signs
        (``31°20'10.3"N``, ``N 31° 20.172'``, ``31-20-10.3``, ``北纬31度20分10.3秒``), or packed
        digits with a hemisphere (``312010.3N``, ``3120.172N``).

    Returns
    -------
    degrees : float
        Negative in the south and west; NaN if it is no angle.
    axis : {'lat', 'lon'} or None
        The axis, where a hemisphere is named.

    Examples
    --------
    >>> angle_of("31°30'S"), angle_of(118.5)
    ((-31.5, 'lat'), (118.5, None))
    """
    number = number_of(value)
    if not math.isnan(number):
        return number, None
    text = unicodedata.normalize("NFKC", normalise_signs(str(value))).strip()
    match = _LEADING.match(text) or _TRAILING.search(text)
    if not match:
        return _degrees_with_minutes(text), None
    axis, negative = _HEMISPHERES[match[1][0]]
    unsigned = (text[: match.start()] + text[match.end() :]).strip()
    if unsigned.startswith(("-", "+")):
        return math.nan, axis  # a sign beside a hemisphere is ambiguous
    degrees = _degrees_with_minutes(unsigned)
    limit = 90.0 if axis == "lat" else 180.0
    if math.isnan(degrees):
        degrees = number_of(unsigned)
    if degrees > limit:
        degrees = _unpacked_degrees(unsigned, 2 if axis == "lat" else 3)
    return -degrees if negative else degrees, axis


def _degrees_with_minutes(text: str) -> float:
    """Return the degrees of a text with degrees, minutes and seconds; NaN if it is none."""
    match = _DMS.match(text)
    if match:
        parts = [match["d"], match["m"], match["s"]]
        sign = -1.0 if match["sign"] == "-" else 1.0
    elif match := _DASHED.match(text):
        parts, sign = list(match.groups()), 1.0
    else:
        return math.nan
    degrees, minutes, seconds = (float(part or 0) for part in parts)
    if minutes >= 60 or seconds >= 60:
        return math.nan
    return sign * (degrees + minutes / 60 + seconds / 3600)


def _unpacked_degrees(text: str, degree_digits: int) -> float:
    """Return the degrees of DDMMSS or DDMM, the last part with decimals; NaN if it is neither."""
    match = _PACKED.match(text)
    if not match or len(match[1]) - degree_digits not in (2, 4):
        return math.nan
    digits, decimals = match[1], match[2] or ""
    parts = [digits[:degree_digits], digits[degree_digits : degree_digits + 2]]
    parts.append(digits[degree_digits + 2 :])
    last = 2 if parts[2] else 1
    degrees, minutes, seconds = (
        float((part or "0") + (decimals if i == last else "")) for i, part in enumerate(parts)
    )
    if minutes >= 60 or seconds >= 60:
        return math.nan
    return degrees + minutes / 60 + seconds / 3600


def pair_of(value: object) -> tuple[float, float] | None:
    """Return two numbers from a pair of coordinates.

    Parameters
    ----------
    value : object
        A WKT point, or text such as ``118.5, 31.5``, ``(31.5 118.5)`` or ``N31.5 E118.5``.

    Returns
    -------
    tuple of (float, float) or None
        In their written order; longitude first where hemispheres are named (`names_axes`). None if
        it is no pair.

    Examples
    --------
    >>> pair_of("31.5, 118.5"), pair_of("31.5N, 118.5E")
    ((31.5, 118.5), (118.5, 31.5))
    """
    parsed = _pair(value)
    return None if parsed is None else parsed[0]


def names_axes(value: object) -> bool:
    """Return whether a pair shows which of its numbers is the longitude.

    Parameters
    ----------
    value : object
        A pair of coordinates, as for `pair_of`.

    Returns
    -------
    bool
        True for WKT, and where hemispheres are named.
    """
    parsed = _pair(value)
    return parsed is not None and parsed[1]


def _pair(value: object) -> tuple[tuple[float, float], bool] | None:
    """Return two numbers, and whether the first is known to be the longitude."""
    text = unicodedata.normalize("NFKC", normalise_signs(str(value))).strip()
    if wkt := _WKT_POINT.fullmatch(text):
        a, b = number_of(wkt[1]), number_of(wkt[2])
        return None if math.isnan(a) or math.isnan(b) else ((a, b), True)
    for parts in _halves(text.strip("()[] ")):
        (a, first), (b, second) = (angle_of(part) for part in parts)
        if math.isnan(a) or math.isnan(b) or (first is not None and first == second):
            continue
        if first == "lat" or second == "lon":
            return (b, a), True
        return (a, b), first == "lon" or second == "lat"
    return None


def _halves(text: str) -> list[list[str]]:
    """Return the ways to split a text in two, the most certain first."""
    splits = [re.split(mark, text) for mark in (r"\s*[;、|/]\s*", r"\s*,\s+", r"\s*,\s*", r"\s+")]
    # N 31° 20.1' E 118° 30.3', and the same with the letters behind.
    lettered = (
        re.fullmatch(rf"({_LETTER}[^NSEWnsew东西南北]+)\s*({_LETTER}.+)", text),
        re.fullmatch(rf"(.+?{_LETTER})[\s,]+(.+{_LETTER})", text),
    )
    splits += [[part.strip(" ,") for part in match.groups()] for match in lettered if match]
    return [parts for parts in splits if len(parts) == 2 and all(parts)]
