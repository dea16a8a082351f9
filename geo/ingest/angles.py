"""Latitudes and longitudes as people write them, alone and in pairs."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Literal

from geo.ingest.values import number_of, plain_signs

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
    **dict.fromkeys("NnN北", ("lat", False)), **dict.fromkeys("Ss南", ("lat", True)),
    **dict.fromkeys("Ee东東", ("lon", False)), **dict.fromkeys("Ww西", ("lon", True)),
}  # fmt: skip


def degrees_of(value: object) -> float:
    """Return the degrees of `angle_of` alone."""
    return angle_of(value)[0]


def angle_of(value: object) -> tuple[float, Axis | None]:
    """Return degrees, and the axis where a hemisphere is named; NaN if it is no angle.

    Parameters
    ----------
    value : a number, or text: a decimal, degrees with minutes and seconds in any usual signs
        (``31°20'10.3"N``, ``N 31° 20.172'``, ``31-20-10.3``, ``北纬31度20分10.3秒``), or packed digits
        with a hemisphere (``312010.3N``, ``3120.172N``).
    """
    plain = number_of(value)
    if not math.isnan(plain):
        return plain, None
    text = unicodedata.normalize("NFKC", plain_signs(str(value))).strip()
    found = _LEADING.match(text) or _TRAILING.search(text)
    if not found:
        return _unsigned(text), None
    axis, negative = _HEMISPHERES[found[1][0]]
    rest = (text[: found.start()] + text[found.end() :]).strip()
    if rest.startswith(("-", "+")):
        return math.nan, axis  # a sign and a hemisphere say it twice
    degrees = _unsigned(rest)
    limit = 90.0 if axis == "lat" else 180.0
    if math.isnan(degrees):
        degrees = number_of(rest)
    if degrees > limit:
        degrees = _unpacked(rest, 2 if axis == "lat" else 3)
    return -degrees if negative else degrees, axis


def _unsigned(text: str) -> float:
    found = _DMS.match(text)
    if found:
        parts = [found["d"], found["m"], found["s"]]
        sign = -1.0 if found["sign"] == "-" else 1.0
    elif found := _DASHED.match(text):
        parts, sign = list(found.groups()), 1.0
    else:
        return math.nan
    degrees, minutes, seconds = (float(part or 0) for part in parts)
    if minutes >= 60 or seconds >= 60:
        return math.nan
    return sign * (degrees + minutes / 60 + seconds / 3600)


def _unpacked(text: str, digits: int) -> float:
    """Degrees of DDMMSS or DDMM, with `digits` for the degrees."""
    found = _PACKED.match(text)
    if not found or len(found[1]) - digits not in (2, 4):
        return math.nan
    whole, rest = found[1], found[2] or ""
    parts = [whole[:digits], whole[digits : digits + 2], whole[digits + 2 :]]
    last = 2 if parts[2] else 1
    degrees, minutes, seconds = (
        float((part or "0") + (rest if k == last else "")) for k, part in enumerate(parts)
    )
    if minutes >= 60 or seconds >= 60:
        return math.nan
    return degrees + minutes / 60 + seconds / 3600


def pair_of(value: object) -> tuple[float, float] | None:
    """Return two numbers in their written order from WKT POINT or `(a, b)` text.

    Where hemispheres are named, longitude comes first whatever their order; `names_axes` tells.
    """
    parsed = _pair(value)
    return None if parsed is None else parsed[0]


def names_axes(value: object) -> bool:
    """Return whether a pair says which of its numbers is the longitude: WKT, or hemispheres."""
    parsed = _pair(value)
    return parsed is not None and parsed[1]


def _pair(value: object) -> tuple[tuple[float, float], bool] | None:
    text = unicodedata.normalize("NFKC", plain_signs(str(value))).strip()
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
    """Ways to cut a text into two, the surest first."""
    ways = [re.split(mark, text) for mark in (r"\s*[;、|/]\s*", r"\s*,\s+", r"\s*,\s*", r"\s+")]
    # N 31° 20.1' E 118° 30.3', and the same with the letters behind.
    lettered = (
        re.fullmatch(rf"({_LETTER}[^NSEWnsew东西南北]+)\s*({_LETTER}.+)", text),
        re.fullmatch(rf"(.+?{_LETTER})[\s,]+(.+{_LETTER})", text),
    )
    ways += [[part.strip(" ,") for part in found.groups()] for found in lettered if found]
    return [parts for parts in ways if len(parts) == 2 and all(parts)]
