"""Directions as people write them: degrees, points of the compass, sentences, ranges and lists.

What is read, and as what:

==================================  =========================================================
``130``, ``130°``, ``12°30'``       degrees clockwise from true north
``WSW``, ``south-west``, ``西南``     16 points, words of many languages (`geo.ingest.compass`)
``259° W``, ``W 259°``              a telephone's compass: the number, if the point is within 45°
                                    of it; otherwise nothing
``N 30° E``                         a surveyor's quadrant: 30
``西偏北30度``, ``30° north of west``  from the first point towards the second: 300
``由西向东``, ``from west to east``   what is looked towards: 90
``45-135``                          a sector, clockwise from the first to the second: bearing 90,
                                    field of view 90; ``315-45`` is 0 and 90
``90;180``, ``N/S``                 several directions of one device
``全向``, ``panoramic``              all round
``facing 130° to the gate``         the one number of the sentence with a degree sign or after a
                                    word for bearing
``looking north-east, gate 3``      the one point of the compass after a word for looking
==================================  =========================================================

A number that is a road, a junction, a house or a distance has neither sign nor word, and gives
nothing; so do a number of a field of view or tilt, and a point that is part of a name (``North
gate``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from geo.ingest.compass import POINTS, apart, fold, point_of
from geo.ingest.values import plain_signs


@dataclass(frozen=True)
class Direction:
    """One way a camera looks."""

    bearing_deg: float | None
    """Clockwise from true north; None for all round."""
    fov_deg: float | None = None
    """Width of the sector, where the text gives one."""


ALL_ROUND = Direction(None, 360.0)
NARROWEST_DEG = 5.0
"""A range narrower than this is a pair of house numbers or a date, not a sector."""
CONSISTENT_DEG = 45.0
"""How far a number may lie from the point of the compass written beside it."""

_NUM = r"(?<![a-zа-я0-9.,-])[-+]?\d{1,4}(?:\.\d+)?"
_SIGN = (
    r"(?:°|(?:度|deg(?:ree)?s?|grad(?:i|o|os|us|er|en)?|graus?|stopni|градус\w*|도)(?![a-z])"
    r"|do(?![a-z]))"
)
_TO = r"(?:-|‐|‑|–|—|~|∼|至|到|\.\.+|…|to|bis|through)"
_NUMBER = re.compile(rf"({_NUM}(?:e-\d+)?)\s*{_SIGN}?\s*(?:t|true)?")
_MINUTES = re.compile(r"(\d{1,3})°\s*(\d{1,2}(?:\.\d+)?)'\s*(?:(\d{1,2}(?:\.\d+)?)\s*(?:\"|''))?")
_RANGE = re.compile(rf"({_NUM})\s*{_SIGN}?\s*{_TO}\s*(\d{{1,3}}(?:\.\d+)?)\s*{_SIGN}?")
_MARKED_RANGE = re.compile(
    rf"({_NUM})\s*{_SIGN}\s*{_TO}\s*(\d{{1,3}}(?:\.\d+)?)\s*{_SIGN}"
    rf"|({_NUM})\s*{_TO}\s*(\d{{1,3}}(?:\.\d+)?)\s*{_SIGN}"
)
_AFTER_NUMBER = re.compile(rf"({_NUM})\s*{_SIGN}?\s*\(?([^\W\d_][^\d)]*)\)?")
_BEFORE_NUMBER = re.compile(rf"([^\W\d_][^\d°]*?)\s*(\d{{1,3}}(?:\.\d+)?)\s*{_SIGN}")
_QUADRANT = re.compile(rf"([^\W\d_]+)\s*(\d{{1,2}}(?:\.\d+)?)\s*{_SIGN}?\s*([^\W\d_]+)")
_CJK_BEFORE = (
    r"(?:镜头|相机|摄像机|摄像头|监控|拍摄)*(?:朝向|面向|面朝|正对|对着|对准|指向|方向|方位|监视|朝|向|往|面)?"
    r"[:为是]?\s*正?"
)
_OFFSET = re.compile(
    rf"{_CJK_BEFORE}([东南西北])偏([东南西北])约?\s*(\d{{1,2}}(?:\.\d+)?)\s*{_SIGN}?(?:方向|方)?"
)
_OFFSET_OF = re.compile(rf"({_NUM})\s*{_SIGN}?\s+([a-z]+)\s+of\s+([a-z]+)")
_FROM_TO = re.compile(
    r"(?:由|从|自)?\s*正?([东南西北]{1,3})\s*(?:向|往|朝|至|到)\s*正?([东南西北]{1,3})(?:方向|方)?"
    r"|(?:from\s+)?(?:the\s+)?([a-z-]+)\s+to\s+(?:the\s+)?([a-z-]+)"
)
_LIST = re.compile(r"\s*(?:[;、/|&+\n]|\band\b|\bund\b|\bet\b|和|及|与)\s*")
_ALL_ROUND = re.compile(
    r"(?:360\s*°?\s*)?(?:全向|全景|全方位|环视|环向|四周|omni(?:-?directional)?|panoram\w*|"
    r"all[- ]?round|all[- ]directions?|rundum|alle richtungen)(?:监控|摄像机|球机|视角|\s*360\s*°?)?"
    r"|360\s*°?\s*(?:view|rotation|rotating|旋转|全角|环绕)|0\s*°?\s*(?:-|–|~|至|到|to)\s*360\s*°?度?"
)
_BEFORE = frozenset(
    [
        "the",
        "camera",
        "is",
        "facing",
        "looking",
        "looks",
        "look",
        "faces",
        "face",
        "pointing",
        "points",
        "pointed",
        "aimed",
        "directed",
        "oriented",
        "heading",
        "direction",
        "bearing",
        "azimuth",
        "view",
        "viewing",
        "toward",
        "towards",
        "to",
        "due",
        "at",
        "richtung",
        "blickrichtung",
        "blick",
        "nach",
        "gen",
        "vers",
        "le",
        "la",
        "l",
        "cote",
        "hacia",
        "el",
        "al",
        "direccion",
        "orientacion",
        "verso",
        "il",
        "direzione",
        "para",
        "o",
        "ao",
        "direcao",
        "sentido",
        "naar",
        "het",
        "kohti",
        "mot",
        "at",
        "riktning",
        "на",
        "к",
        "в",
        "huong",
        "ve",
        "phia",
        "arah",
        "ke",
        "menghadap",
        "yonu",
    ]
)
_BEHIND = frozenset(
    [
        "direction",
        "facing",
        "방향",
        "방면",
        "향",
        "direzione",
        "direccion",
        "orientacion",
        "yonu",
        "yonunde",
    ]
)
_CJK_POINT = re.compile(rf"{_CJK_BEFORE}([东南西北]{{1,3}})\s*(?:方向|方位|方|向き?|側|쪽)?")
_HANGUL_POINT = re.compile(r"([동서남북]{1,3})(?:쪽)?\s*(?:방향|방면|향)?")

_NOT_A_BEARING_BEFORE = re.compile(
    r"(?:视场角?|视角|广角|夹角|偏[东南西北]约?|俯仰?角?|下倾角?|倾角|仰角|旋转|转动|水平角|垂直角|fov|field of view|"
    r"angle of view|viewing angle|lens|tilt|pitch|elevation|zoom|rotat\w*|pan|range)[^\d]{0,6}$"
)
_NOT_A_BEARING_AFTER = re.compile(
    r"\s*(?:[cf](?![a-z])|(?:wide|lens|fov|field|angle|view|tilt|pitch|zoom|rotat\w*|turn|pan|down|"
    r"视角|视场|广角|俯|倾|旋转|转动)|-?[ ]?wide)"
)
_WORD_BEFORE = re.compile(
    r"(?:方位角|方位|光轴|azimuth?|az|bearing|heading|курс|азимут|goc phuong vi)\s*[:=.为是约]?\s*约?\s*"
    r"(\d{1,3}(?:\.\d+)?)(?!\d|\.\d)(?!\s*(?:国道|省道|县道|高速|公路|路|号|街|km|m\b|米|st\b|nd\b|rd\b|th\b|"
    r"road|street|-\s*\d))"
)
_MARKED = re.compile(rf"({_NUM})\s*{_SIGN}")
_LOOKING = re.compile(
    r"\b(?:facing|looking|looks?|faces|pointing|points|pointed|aimed|directed|oriented|towards?|"
    r"richtung|blickrichtung|nach|vers|hacia|verso|naar|mot|kohti|huong|на)\s+"
    r"(?:(?:due|to|the|towards?|le|la|el|il|het)\s+|l')*([^\W\d_]+(?:[ -][^\W\d_]+){0,2})"
)
_CJK_LOOKING = re.compile(
    r"(?:朝向|面向|面朝|对准|朝|向)\s*正?([东南西北]{1,3})(?:方向|方位|方)?(?P<end>$|[\s,.;:()!、])?"
)
_CJK_START = re.compile(r"(?:由|从|自)\s*正?[东南西北]{1,3}\s*$")
_OPPOSITE_DEG = 180.0


def directions_of(value: object, *, decimal_comma: bool = False) -> tuple[Direction, ...]:
    """Return the directions that a cell gives, in the order written; empty where it gives none.

    A number is returned as it is, also beyond a full turn; see the module for all other forms.

    Parameters
    ----------
    value : a number or text.
    decimal_comma : whether the column has decimal commas: ``45,90`` is 45.9 then, and nothing
        otherwise, since it may be a list.
    """
    if isinstance(value, bool):
        return ()
    if isinstance(value, int | float):
        return (Direction(float(value)),)
    text = re.sub(r"\s+", " ", fold(plain_signs(str(value)))).replace("−", "-")
    text = re.sub(
        r"^(?:约|大约|approx\.?|about|circa|ca\.|~)\s*|\s*(?:左右|approx\.?)$",
        "",
        text.strip(" .,:"),
    )
    if decimal_comma:
        text = re.sub(r"(?<![\d,])(\d{1,3}),(\d+)(?![\d,])", r"\1.\2", text)
    whole = _single(text)
    if whole is not None:
        return (whole,)
    for parts in _splits(text):
        found = [_single(part) for part in parts]
        known = [part for part in found if part is not None and 0 <= (part.bearing_deg or 0) <= 360]
        if len(known) == len(found):
            return (ALL_ROUND,) if ALL_ROUND in known else tuple(dict.fromkeys(known))
    inside = _in_sentence(text)
    return () if inside is None else (inside,)


def _splits(text: str) -> Iterator[list[str]]:
    """The text cut at the marks that part a list; at commas only where none is a decimal's."""
    parts = [part.strip() for part in _LIST.split(text) if part.strip()]
    if len(parts) > 1:
        yield parts
    if re.search(r",\s|,\d{3}(?!\d)|,\D", text):
        parts = [part.strip() for part in re.split(r"[,;]", text) if part.strip()]
        if len(parts) > 1:
            yield parts


def _single(text: str) -> Direction | None:
    """The one direction that is all a text says."""
    if found := _NUMBER.fullmatch(text.replace(",", ".") if _is_decimal(text) else text):
        return Direction(float(found[1]))
    if found := _MINUTES.fullmatch(text):
        minutes, seconds = float(found[2]), float(found[3] or 0)
        if minutes < 60 and seconds < 60:
            return Direction(float(found[1]) + minutes / 60 + seconds / 3600)
    if _ALL_ROUND.fullmatch(text):
        return ALL_ROUND
    bearing = _point(text)
    for form in (_quadrant, _offset, _from_to, _number_and_point):
        bearing = form(text) if bearing is None else bearing
    if bearing is not None:
        return Direction(bearing)
    if found := _RANGE.fullmatch(text):
        return _sector(float(found[1]), float(found[2]))
    if words := re.fullmatch(rf"([a-z]+)\s*{_TO}\s*([a-z]+)", text):
        start, end = POINTS.get(words[1]), POINTS.get(words[2])
        # N-S is an axis: which side of it is meant is not said.
        if start is not None and end is not None and apart(start, end) < 180.0:
            return _sector(start, end)
    return None


def _is_decimal(text: str) -> bool:
    """Whether a comma stands for the decimal point: with two digits behind it, it may part a list."""
    return bool(re.fullmatch(rf"[-+]?\d{{1,3}},\d\s*{_SIGN}?", text))


def _point(text: str) -> float | None:
    """A point of the compass, with words for looking around it."""
    for form in (_CJK_POINT, _HANGUL_POINT):
        if found := form.fullmatch(text):
            return point_of(found[1])
    words = re.split(r"[\s:=']+", text)
    while len(words) > 1 and words[0] in _BEFORE:
        words = words[1:]
    while len(words) > 1 and words[-1] in _BEHIND:
        words = words[:-1]
    last = re.sub(r"-(?:facing|direction)$", "", words[-1])
    return point_of(" ".join([*words[:-1], last]))


def _number_and_point(text: str) -> float | None:
    """A telephone's compass: the number, where the point beside it agrees."""
    if found := _AFTER_NUMBER.fullmatch(text):
        number, point = float(found[1]), _point(found[2].strip())
    elif found := _BEFORE_NUMBER.fullmatch(text):
        number, point = float(found[2]), _point(found[1].strip(" :(,"))
    else:
        return None
    agree = point is not None and 0 <= number <= 360 and apart(number, point) <= CONSISTENT_DEG
    return number if agree else None


def _quadrant(text: str) -> float | None:
    found = _QUADRANT.fullmatch(text)
    if not found:
        return None
    base, towards, angle = point_of(found[1]), point_of(found[3]), float(found[2])
    if base not in (0.0, 180.0) or towards not in (90.0, 270.0) or angle > 90.0:
        return None
    return _turned(base, towards, angle)


def _offset(text: str) -> float | None:
    if found := _OFFSET.fullmatch(text):
        base, towards, angle = found[1], found[2], found[3]
    elif found := _OFFSET_OF.fullmatch(text):
        base, towards, angle = found[3], found[2], found[1]
    else:
        return None
    a, b = point_of(base), point_of(towards)
    if a is None or b is None or apart(a, b) != 90.0 or not 0 <= float(angle) <= 90.0:
        return None
    return _turned(a, b, float(angle))


def _turned(base: float, towards: float, angle: float) -> float:
    clockwise = (towards - base) % 360.0 == 90.0
    return (base + angle if clockwise else base - angle) % 360.0


def _from_to(text: str) -> float | None:
    found = _FROM_TO.fullmatch(text)
    if not found:
        return None
    start, end = (point_of(word) for word in found.groups() if word is not None)
    if start is None or end is None:
        return None
    return end if apart(start, end) >= _OPPOSITE_DEG - CONSISTENT_DEG else None


def _sector(start: float, end: float) -> Direction | None:
    """The sector clockwise from one bearing to another."""
    if not (0 <= start <= 360 and 0 <= end <= 360):
        return None
    width = (end - start) % 360.0
    if width < NARROWEST_DEG:
        return None
    return Direction((start + width / 2.0) % 360.0, width)


def _in_sentence(text: str) -> Direction | None:
    """The one direction in a text that says other things too."""
    sectors = {
        _sector(float(m[1] or m[3]), float(m[2] or m[4])) for m in _MARKED_RANGE.finditer(text)
    }
    if sectors:
        return sectors.pop() if len(sectors) == 1 else None
    numbers: dict[float, tuple[int, int]] = {}
    for found in (*_MARKED.finditer(text), *_WORD_BEFORE.finditer(text)):
        begin, end = found.start(1), found.end()
        number = float(found[1])
        other = _NOT_A_BEARING_BEFORE.search(text[:begin]) or _NOT_A_BEARING_AFTER.match(text[end:])
        if 0 <= number <= 360 and not other:
            numbers.setdefault(number, (begin, end))
    if len(numbers) > 1:
        return None
    if numbers:
        number, (begin, end) = next(iter(numbers.items()))
        beside = _beside(text[:begin], text[end:])
        agree = all(apart(number, point) <= CONSISTENT_DEG for point in beside)
        return Direction(number) if agree else None
    return _point_looked_at(text)


def _beside(before: str, behind: str) -> list[float]:
    """Points of the compass right before and right behind a number."""
    out = []
    if found := re.search(r"([^\W\d_]+)(?:[ -]([^\W\d_]+))?[\s(:,约]*$", before):
        words = [word for word in found.groups() if word]
        out.append(_first_point([" ".join(words), words[-1]]))
    if found := re.match(r"[\s(]*([^\W\d_]+)(?:[ -]([^\W\d_]+))?", behind):
        words = [word for word in found.groups() if word]
        out.append(_first_point([" ".join(words), words[0]]))
    return [point for point in out if point is not None]


def _first_point(texts: list[str]) -> float | None:
    points = (_point(text) for text in texts)
    return next((point for point in points if point is not None), None)


def _point_looked_at(text: str) -> Direction | None:
    """The one point of the compass after a word for looking, if no noun follows that it belongs to."""
    points: set[float] = set()
    named = False
    for found in _LOOKING.finditer(text):
        words = re.split(r"[ -]", found[1])
        for length in range(len(words), 0, -1):
            point = point_of(" ".join(words[:length]))
            if point is None:
                continue
            rest = text[found.start(1) + len(" ".join(words[:length])) :]
            named |= not re.match(r"$|[,.;:()!]|\s*(?:from|direction|at)\b", rest)
            points.add(point)
            break
    for found in _CJK_LOOKING.finditer(text):
        point = point_of(found[1])
        named |= (
            point is None or found["end"] is None or bool(_CJK_START.search(text[: found.start()]))
        )
        points |= set() if point is None else {point}
    return Direction(points.pop()) if len(points) == 1 and not named else None
