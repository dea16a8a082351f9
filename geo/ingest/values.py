"""Conversion of cells as people type them: numbers, times, categories, ratings, pixels."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from zoneinfo import ZoneInfo

from geo.ingest._written_times import parse_time, time_of_number

_SPACED = re.compile(r"[-+]?\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_EMPTY = {"", "null", "none", "nan", "n/a", "na", "-", "--", "/", "无", "空", "未知"}
EARLIEST = dt.datetime(1949, 10, 1, tzinfo=dt.UTC)
"""Earliest time that is accepted."""
_LOOK_ALIKES = {
    **dict.fromkeys("º˚ᵒ∘⁰゜", "°"),
    **dict.fromkeys("´`ʹʼ’‘′＇ˊ", "'"),
    **dict.fromkeys("”“″〃˝＂", '"'),
    **dict.fromkeys("\u00a0\u2007\u202f\u3000\t", " "),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u00ad", ""),
    **dict.fromkeys("−﹣－", "-"),
}
"""Plain sign by characters that look alike; characters without width are removed."""
_SIGNS = str.maketrans(_LOOK_ALIKES)
_PADDING = " \t\r\n\v\f" + "".join(c for c, plain in _LOOK_ALIKES.items() if plain in ("", " "))


def normalise_signs(text: str) -> str:
    """Return text with plain signs for degrees, minutes, seconds, space and minus.

    Call it before Unicode compatibility normalisation, which would convert º to o and split ´ and ˚
    into a space and an accent. Characters without width are removed.

    Parameters
    ----------
    text : str
        Text as it was typed.

    Returns
    -------
    str
        Text with plain signs.

    Examples
    --------
    >>> normalise_signs("31º20′")
    "31°20'"
    """
    return text.translate(_SIGNS)


def is_blank(value: object) -> bool:
    """Return whether a cell is empty or has a word for nothing, such as ``null`` or ``无``.

    Parameters
    ----------
    value : object
        A cell.

    Returns
    -------
    bool
        True also for NaN and other values that are not equal to themselves.

    Examples
    --------
    >>> is_blank(" -- "), is_blank(float("nan")), is_blank(0)
    (True, True, False)
    """
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, str):
        return unicodedata.normalize("NFKC", value).strip(_PADDING).casefold() in _EMPTY
    try:
        return bool(value != value)
    except TypeError:
        return True


def text_of(value: object) -> str:
    """Return a cell as text, without surrounding space.

    Parameters
    ----------
    value : object
        A cell.

    Returns
    -------
    str
        Text; empty for a blank cell, without ``.0`` for a float that is an integer.

    Examples
    --------
    >>> text_of(3.0), text_of(" gate "), text_of(None)
    ('3', 'gate', '')
    """
    if is_blank(value):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip(_PADDING)


def without_marker(text: str, *, code: bool = False) -> str:
    """Return text without the marks by which spreadsheets protect it: ``="00123"``, ``'00123``.

    Parameters
    ----------
    text : str
        Text of a cell.
    code : bool, optional
        Whether it is a code, of which a leading apostrophe is always removed. Of other texts it is
        removed only before a character that would begin a formula, as exports write it.

    Returns
    -------
    str
        Text without marks.

    Examples
    --------
    >>> without_marker('="00123"'), without_marker("'=1+1"), without_marker("'s-Gravenhage")
    ('00123', '=1+1', "'s-Gravenhage")
    """
    if match := re.fullmatch(r'="(.*)"', text, re.DOTALL):
        return match[1].replace('""', '"')
    if re.match(r"''?[=+\-@\t\r]", text) or (code and len(text) > 1 and text[0] == "'"):
        return text[1:]
    return text


def storable(text: str) -> str:
    """Return text without characters that the database cannot store: NUL and lone surrogates.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Text that is valid UTF-8.
    """
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def number_of(value: object, decimal: str | None = None) -> float:
    """Return the number of a cell, also with a degree sign, a unit or marks between thousands.

    Parameters
    ----------
    value : object
        A cell.
    decimal : {".", ","} or None, optional
        Decimal mark of its column (`geo.ingest.numbers.decimal_mark`). If None, a single comma is
        the decimal mark and several separate thousands.

    Returns
    -------
    float
        The number; NaN if the cell is none.

    Examples
    --------
    >>> number_of("3,5 m"), number_of("1,234,567"), number_of("1.200", ",")
    (3.5, 1234567.0, 1200.0)
    >>> number_of("gate")
    nan
    """
    if isinstance(value, bool):
        return math.nan
    if isinstance(value, int | float):
        return float(value)
    text = unicodedata.normalize("NFKC", normalise_signs(str(value))).strip()
    text = re.sub(r"\s*(?:°|度|米|m|M|px|人)$", "", text)
    text = re.sub(r"(?<=\d)[ '](?=\d{3}(?:\D|$))", "", text) if _SPACED.fullmatch(text) else text
    other = {".": ",", ",": "."}.get(decimal or "", "")
    if decimal and re.fullmatch(
        rf"[-+]?\d{{1,3}}(?:{re.escape(other)}\d{{3}})+(?:{re.escape(decimal)}\d+)?", text
    ):
        text = text.replace(other, "").replace(",", ".")
    elif re.fullmatch(r"[-+]?\d+,\d+", text):
        text = text.replace(",", ".")
    elif re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    elif re.fullmatch(r"[-+]?\d{1,3}(?:\.\d{3})+,\d+|[-+]?\d{1,3}(?:\.\d{3}){2,}", text):
        text = text.replace(".", "").replace(",", ".")
    if not _NUMBER.fullmatch(text):
        return math.nan
    try:
        return float(text)
    except (ValueError, OverflowError):
        return math.nan


def time_of(value: object, zone: ZoneInfo) -> dt.datetime | None:
    """Return the time of a cell.

    Text with numeric day and month before the year is not read here: the order is that of the
    column (`geo.ingest.dates`).

    Parameters
    ----------
    value : object
        A cell: date, time, text, serial day number of a spreadsheet, or Unix time in seconds or
        milliseconds.
    zone : zoneinfo.ZoneInfo
        Time zone of a cell that names none.

    Returns
    -------
    datetime.datetime or None
        Time with its zone; None if the cell is none.

    Examples
    --------
    >>> time_of("2025年3月5日 14时30分", ZoneInfo("Asia/Shanghai")).isoformat()
    '2025-03-05T14:30:00+08:00'
    """
    moment: dt.datetime | None = None
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, dt.date):
        moment = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment = time_of_number(float(value))
    else:
        moment = parse_time(unicodedata.normalize("NFKC", normalise_signs(str(value))).strip())
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment


def category_of(text: str) -> str:
    """Return a category as a path with a slash between its levels.

    Parameters
    ----------
    text : str
        Category with any usual mark between levels.

    Returns
    -------
    str
        Path of the category.

    Examples
    --------
    >>> category_of("市容环境 > 占道经营"), category_of("noise|music")
    ('市容环境/占道经营', 'noise/music')
    """
    levels = re.split(r"\s*(?:/|／|>|＞|»|→|\\|｜|\|)+\s*", text.strip())
    return "/".join(level for level in levels if level)


_RATINGS = {
    "非常满意": 100.0,
    "很满意": 100.0,
    "满意": 75.0,
    "基本满意": 50.0,
    "一般": 50.0,
    "不满意": 25.0,
    "非常不满意": 0.0,
    "很不满意": 0.0,
    "very satisfied": 100.0,
    "satisfied": 75.0,
    "neutral": 50.0,
    "dissatisfied": 25.0,
    "very dissatisfied": 0.0,
}
"""Five answers at equal steps from 0 to 100 (R. Likert, 1932)."""


def rating_of(value: object) -> float:
    """Return a satisfaction from 0 to 100.

    Parameters
    ----------
    value : object
        A number, with or without a percent sign, or one of five answers in words.

    Returns
    -------
    float
        Satisfaction; NaN if the cell is none. The range of a number is not checked.

    References
    ----------
    R. Likert (1932). A technique for the measurement of attitudes. Archives of Psychology 140.

    Examples
    --------
    >>> rating_of("满意"), rating_of("80%")
    (75.0, 80.0)
    """
    text = unicodedata.normalize("NFKC", str(value)).strip().casefold()
    if text in _RATINGS:
        return _RATINGS[text]
    return number_of(text.removesuffix("%").removesuffix("分").strip())


def pixels_of(value: object) -> float:
    """Return the pixels across the image of a resolution.

    Parameters
    ----------
    value : object
        A cell such as ``1920x1080``, ``1080P``, ``4MP`` or ``200万``, or several of these. The
        aspect ratio is taken as 16 to 9 if only the height or the number of pixels is given.

    Returns
    -------
    float
        Pixels across, the largest of several; NaN if the cell is none.

    Examples
    --------
    >>> pixels_of("1080P"), pixels_of("2560x1440/4MP"), pixels_of("4K")
    (1920, 2667, 3840.0)
    """
    widest = math.nan
    for part in re.split(r"[/、;]", unicodedata.normalize("NFKC", str(value)).strip()):
        width = _width_of(part.strip().casefold())
        if not math.isnan(width) and (math.isnan(widest) or width > widest):
            widest = width
    return widest


def _width_of(text: str) -> float:
    """Return the pixels across of one resolution; NaN if it is none."""
    if match := re.fullmatch(r"(\d{3,5})\s*[x*×]\s*(\d{3,5})", text):
        return float(match[1])
    if match := re.fullmatch(r"(\d{3,4})[pi]", text):
        return round(float(match[1]) * 16 / 9)
    if text in ("4k", "8k"):
        return 3840.0 if text == "4k" else 7680.0
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mp|万|万像素|m)", text):
        megapixels = float(match[1]) / (1.0 if match[2] in ("mp", "m") else 100.0)
        return round(math.sqrt(megapixels * 1e6 * 16 / 9))
    return number_of(text)
