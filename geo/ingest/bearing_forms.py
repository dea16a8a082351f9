"""Texts that give one direction and nothing else, in any of the forms that registers use."""

from __future__ import annotations

import re

from geo.directions import ALL_ROUND, POINTS, Direction, apart, point_of, sector

NARROWEST_DEG = 5.0
"""A range narrower than this is a pair of house numbers or a date, not a sector."""
CONSISTENT_DEG = 45.0
"""Largest angle between a number and the point of the compass written beside it."""

NUMBER = r"(?<![a-zа-я0-9.-])(?<!\d,)[-+]?\d{1,4}(?:\.\d+)?"
DEGREE_SIGN = (
    r"(?:°|(?:度|deg(?:ree)?s?|grad(?:i|o|os|us|er|en)?|graus?|stopni|градус\w*|도)(?![a-z])"
    r"|do(?![a-z]))"
)
RANGE_SIGN = r"(?:-|‐|‑|–|—|~|∼|至|到|\.\.+|…|to|bis|through)"
_NUMBER = re.compile(rf"({NUMBER}(?:e-\d+)?)\s*{DEGREE_SIGN}?\s*(?:t|true)?")
_MINUTES = re.compile(r"(\d{1,3})°\s*(\d{1,2}(?:\.\d+)?)'\s*(?:(\d{1,2}(?:\.\d+)?)\s*(?:\"|''))?")
_RANGE = re.compile(
    rf"({NUMBER})\s*{DEGREE_SIGN}?\s*{RANGE_SIGN}\s*(\d{{1,3}}(?:\.\d+)?)\s*{DEGREE_SIGN}?"
)
_AFTER_NUMBER = re.compile(rf"({NUMBER})\s*{DEGREE_SIGN}?\s*\(?([^\W\d_][^\d)]*)\)?")
_BEFORE_NUMBER = re.compile(rf"([^\W\d_][^\d°]*?)\s*(\d{{1,3}}(?:\.\d+)?)\s*{DEGREE_SIGN}")
_QUADRANT = re.compile(rf"([^\W\d_]+)\s*(\d{{1,2}}(?:\.\d+)?)\s*{DEGREE_SIGN}?\s*([^\W\d_]+)")
_CJK_BEFORE = (
    r"(?:镜头|相机|摄像机|摄像头|监控|拍摄)*(?:朝向|面向|面朝|正对|对着|对准|指向|方向|方位|监视|朝|向|往|面)?"
    r"[:为是]?\s*正?"
)
_OFFSET = re.compile(
    rf"{_CJK_BEFORE}([东南西北])偏([东南西北])约?\s*(\d{{1,2}}(?:\.\d+)?)\s*{DEGREE_SIGN}?(?:方向|方)?"
)
_OFFSET_OF = re.compile(rf"({NUMBER})\s*{DEGREE_SIGN}?\s+([a-z]+)\s+of\s+([a-z]+)")
_FROM_TO = re.compile(
    r"(?:由|从|自)?\s*正?([东南西北]{1,3})\s*(?:向|往|朝|至|到|→|->)\s*正?([东南西北]{1,3})"
    r"(?:方向|方)?(?:拍摄|监控|看)?"
    r"|(?:from\s+)?(?:the\s+)?([a-z-]*[a-z])(?:\s+to\s+|\s*(?:→|->)\s*)(?:the\s+)?([a-z-]+)"
)
_ALL_ROUND = re.compile(
    r"(?:360\s*°?\s*)?(?:全向|全景|全方位|环视|环向|四周|omni(?:-?directional)?|panoram\w*|"
    r"all[- ]?round|all[- ]directions?|rundum|alle richtungen)"
    r"(?:监控|摄像机|球机|视角|\s*360\s*°?)?"
    r"|360\s*°?\s*(?:view|rotation|rotating|旋转|全角|环绕)|0\s*°?\s*(?:-|–|~|至|到|to)\s*360\s*°?度?"
)
_WORDS_BEFORE_POINT = (
    "the camera is facing looking looks look faces face pointing points pointed aimed directed "
    "oriented heading direction bearing azimuth view viewing toward towards to due at richtung "
    "blickrichtung blick nach gen vers le la l cote hacia el al direccion orientacion verso il "
    "direzione para o ao direcao sentido naar het kohti mot riktning на к в huong ve phia arah "
    "ke menghadap yonu"
)
_WORDS_BEHIND_POINT = "direction facing 방향 방면 향 direzione direccion orientacion yonu yonunde"
_BEFORE_POINT = frozenset(_WORDS_BEFORE_POINT.split())
_BEHIND_POINT = frozenset(_WORDS_BEHIND_POINT.split())
_CJK_POINT = re.compile(rf"{_CJK_BEFORE}([东南西北]{{1,3}})\s*(?:方向|方位|方|向き?|側|쪽)?")
_HANGUL_POINT = re.compile(r"([동서남북]{1,3})(?:쪽)?\s*(?:방향|방면|향)?")

_OPPOSITE_DEG = 180.0


def single_direction(text: str) -> Direction | None:
    """Return the direction that is all a text says.

    Parameters
    ----------
    text : str
        Text in one case and width (`geo.directions.fold`).

    Returns
    -------
    Direction or None
        A bearing, a sector or all round; None where the text says anything else. A number is
        returned as it is, also beyond the full circle.

    Examples
    --------
    >>> single_direction("n 30° e"), single_direction("45-135")
    (Direction(bearing_deg=30.0, fov_deg=None), Direction(bearing_deg=90.0, fov_deg=90.0))
    """
    if match := _NUMBER.fullmatch(text.replace(",", ".") if _is_decimal(text) else text):
        return Direction(float(match[1]))
    if match := _MINUTES.fullmatch(text):
        minutes, seconds = float(match[2]), float(match[3] or 0)
        if minutes < 60 and seconds < 60:
            return Direction(float(match[1]) + minutes / 60 + seconds / 3600)
    if _ALL_ROUND.fullmatch(text):
        return ALL_ROUND
    bearing = point_in(text)
    for form in (_quadrant, _offset, _from_to, _number_and_point):
        bearing = form(text) if bearing is None else bearing
    if bearing is not None:
        return Direction(bearing)
    if match := _RANGE.fullmatch(text):
        return sector(float(match[1]), float(match[2]), narrowest_deg=NARROWEST_DEG)
    if words := re.fullmatch(rf"([a-z]+)\s*{RANGE_SIGN}\s*([a-z]+)", text):
        start, end = POINTS.get(words[1]), POINTS.get(words[2])
        # N-S is an axis: the side that is meant is not said.
        if start is not None and end is not None and apart(start, end) < 180.0:
            return sector(start, end, narrowest_deg=NARROWEST_DEG)
    return None


def _is_decimal(text: str) -> bool:
    """Return whether a comma is a decimal comma; before two digits it may separate a list."""
    return bool(re.fullmatch(rf"[-+]?\d{{1,3}},\d\s*{DEGREE_SIGN}?", text))


def point_in(text: str) -> float | None:
    """Return the bearing of a point of the compass, with or without words such as "facing".

    Parameters
    ----------
    text : str
        Text in one case and width (`geo.directions.fold`).

    Returns
    -------
    float or None
        Degrees clockwise from true north; None where the text says anything else.

    Examples
    --------
    >>> point_in("facing north-east"), point_in("朝东南方向"), point_in("gate 3")
    (45.0, 135.0, None)
    """
    for form in (_CJK_POINT, _HANGUL_POINT):
        if match := form.fullmatch(text):
            return point_of(match[1])
    words = re.split(r"[\s:=']+", text)
    while len(words) > 1 and words[0] in _BEFORE_POINT:
        words = words[1:]
    while len(words) > 1 and words[-1] in _BEHIND_POINT:
        words = words[:-1]
    last = re.sub(r"-(?:facing|direction)$", "", words[-1])
    return point_of(" ".join([*words[:-1], last]))


def _number_and_point(text: str) -> float | None:
    """Return the number of a phone's compass (``259° W``), where the point beside it agrees."""
    if match := _AFTER_NUMBER.fullmatch(text):
        number, point = float(match[1]), point_in(match[2].strip())
    elif match := _BEFORE_NUMBER.fullmatch(text):
        number, point = float(match[2]), point_in(match[1].strip(" :(,"))
    else:
        return None
    agree = point is not None and 0 <= number <= 360 and apart(number, point) <= CONSISTENT_DEG
    return number if agree else None


def _quadrant(text: str) -> float | None:
    """Return the bearing of a surveyor's quadrant, such as ``N 30° E``."""
    match = _QUADRANT.fullmatch(text)
    if not match:
        return None
    base, towards, angle = point_of(match[1]), point_of(match[3]), float(match[2])
    if base not in (0.0, 180.0) or towards not in (90.0, 270.0) or angle > 90.0:
        return None
    return _turned(base, towards, angle)


def _offset(text: str) -> float | None:
    """Return the bearing of an offset: ``西偏北30度``, ``30° north of west``."""
    if match := _OFFSET.fullmatch(text):
        base, towards, angle = match[1], match[2], match[3]
    elif match := _OFFSET_OF.fullmatch(text):
        base, towards, angle = match[3], match[2], match[1]
    else:
        return None
    a, b = point_of(base), point_of(towards)
    if a is None or b is None or apart(a, b) != 90.0 or not 0 <= float(angle) <= 90.0:
        return None
    return _turned(a, b, float(angle))


def _turned(base: float, towards: float, angle: float) -> float:
    """Return a bearing turned by an angle towards another one, 90 degrees from it."""
    clockwise = (towards - base) % 360.0 == 90.0
    return (base + angle if clockwise else base - angle) % 360.0


def _from_to(text: str) -> float | None:
    """Return the bearing that a view from one side to the opposite one looks to."""
    match = _FROM_TO.fullmatch(text)
    if not match:
        return None
    start, end = (point_of(word) for word in match.groups() if word is not None)
    if start is None or end is None:
        return None
    return end if apart(start, end) >= _OPPOSITE_DEG - CONSISTENT_DEG else None
