"""Texts that give a direction among other things."""

from __future__ import annotations

import re

from geo.directions import Direction, apart, point_of, sector
from geo.ingest.bearing_forms import (
    CONSISTENT_DEG,
    DEGREE_SIGN,
    NARROWEST_DEG,
    NUMBER,
    RANGE_SIGN,
    point_in,
)

_MARKED_RANGE = re.compile(
    rf"({NUMBER})\s*{DEGREE_SIGN}\s*{RANGE_SIGN}\s*(\d{{1,3}}(?:\.\d+)?)\s*{DEGREE_SIGN}"
    rf"|({NUMBER})\s*{RANGE_SIGN}\s*(\d{{1,3}}(?:\.\d+)?)\s*{DEGREE_SIGN}"
)
_NOT_A_BEARING_BEFORE = re.compile(
    r"(?:视场角?|视角|广角|夹角|偏[东南西北]约?|俯[仰视拍]?角?|向下|向上|左侧?|右侧?|"
    r"left|right|down\w*|upwards?|below|下倾角?|倾角|仰角|旋转|转动|水平角|垂直角|"
    r"fov|field of view|angle of view|viewing angle|lens|tilt|pitch|elevation|zoom|rotat\w*|pan|"
    r"range)[^\d]{0,6}$"
)
_NOT_A_BEARING_AFTER = re.compile(
    r"\s*(?:[cf](?![a-z])|(?:wide|lens|fov|field|angle|view|tilt|pitch|zoom|rotat\w*|turn|pan|"
    r"down|left|right|左|右|视角|视场|广角|俯|倾|旋转|转动)|-?[ ]?wide)"
)
_WORD_BEFORE = re.compile(
    r"(?:方位角|方位|光轴|azimuth?|az|bearing|heading|курс|азимут|goc phuong vi)\s*"
    r"[:=.为是约]?\s*约?\s*(\d{1,3}(?:\.\d+)?)(?!\d|\.\d)(?!\s*(?:国道|省道|县道|高速|公路|路|号|街|"
    r"km|m\b|米|st\b|nd\b|rd\b|th\b|road|street|-\s*\d))"
)
_MARKED = re.compile(rf"({NUMBER})\s*{DEGREE_SIGN}")
_LOOKING = re.compile(
    r"\b(?:facing|looking|looks?|faces|pointing|points|pointed|aimed|directed|oriented|towards?|"
    r"richtung|blickrichtung|nach|vers|hacia|verso|naar|mot|kohti|huong|на)\s+"
    r"(?:(?:due|to|the|towards?|le|la|el|il|het)\s+|l')*([^\W\d_]+(?:[ -][^\W\d_]+){0,2})"
)
_CJK_LOOKING = re.compile(
    r"(?:朝向|面向|面朝|对准|朝|向)\s*正?([东南西北]{1,3})(?:方向|方位|方)?(?P<end>$|[\s,.;:()!、])?"
)
_CJK_START = re.compile(r"(?:由|从|自)\s*正?[东南西北]{1,3}\s*$")


def direction_in_sentence(text: str) -> Direction | None:
    """Return the one direction in a text that says other things too.

    Parameters
    ----------
    text : str
        Text in one case and width (`geo.directions.fold`).

    Returns
    -------
    Direction or None
        None where the text gives no direction, or several.

    Examples
    --------
    >>> direction_in_sentence("facing 130° to the gate")
    Direction(bearing_deg=130.0, fov_deg=None)
    >>> direction_in_sentence("road 130, gate 3") is None
    True
    """
    sectors = {
        sector(
            float(match[1] or match[3]),
            float(match[2] or match[4]),
            narrowest_deg=NARROWEST_DEG,
        )
        for match in _MARKED_RANGE.finditer(text)
    }
    if sectors:
        return sectors.pop() if len(sectors) == 1 else None
    numbers: dict[float, tuple[int, int]] = {}
    for match in (*_MARKED.finditer(text), *_WORD_BEFORE.finditer(text)):
        begin, end = match.start(1), match.end()
        number = float(match[1])
        other_angle = _NOT_A_BEARING_BEFORE.search(text[:begin]) or _NOT_A_BEARING_AFTER.match(
            text[end:]
        )
        if 0 <= number <= 360 and not other_angle:
            numbers.setdefault(number, (begin, end))
    if len(numbers) > 1:
        return None
    if numbers:
        number, (begin, end) = next(iter(numbers.items()))
        points = _points_beside(text[:begin], text[end:])
        agree = all(apart(number, point) <= CONSISTENT_DEG for point in points)
        return Direction(number) if agree else None
    return _point_looked_at(text)


def _points_beside(before: str, behind: str) -> list[float]:
    """Return the points of the compass right before and right behind a number."""
    points = []
    if match := re.search(r"([^\W\d_]+)(?:[ -]([^\W\d_]+))?[\s(:,约]*$", before):
        words = [word for word in match.groups() if word]
        points.append(_first_point([" ".join(words), words[-1]]))
    if match := re.match(r"[\s(]*([^\W\d_]+)(?:[ -]([^\W\d_]+))?", behind):
        words = [word for word in match.groups() if word]
        points.append(_first_point([" ".join(words), words[0]]))
    return [point for point in points if point is not None]


def _first_point(texts: list[str]) -> float | None:
    points = (point_in(text) for text in texts)
    return next((point for point in points if point is not None), None)


def _point_looked_at(text: str) -> Direction | None:
    """Return the one point of the compass after a word for looking.

    None where a noun follows that the point belongs to: "facing north gate" names a gate.
    """
    points: set[float] = set()
    is_name = False
    for match in _LOOKING.finditer(text):
        words = re.split(r"[ -]", match[1])
        for length in range(len(words), 0, -1):
            point = point_of(" ".join(words[:length]))
            if point is None:
                continue
            rest = text[match.start(1) + len(" ".join(words[:length])) :]
            is_name |= not re.match(r"$|[,.;:()!]|\s*(?:from|direction|at)\b", rest)
            points.add(point)
            break
    for match in _CJK_LOOKING.finditer(text):
        point = point_of(match[1])
        is_name |= (
            point is None or match["end"] is None or bool(_CJK_START.search(text[: match.start()]))
        )
        if point is not None:
            points.add(point)
    return Direction(points.pop()) if len(points) == 1 and not is_name else None
