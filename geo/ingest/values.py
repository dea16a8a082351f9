"""Cells as people type them to numbers, angles, dates and coordinates."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from zoneinfo import ZoneInfo

_SPACED = re.compile(r"[-+]?\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_EMPTY = {"", "null", "none", "nan", "n/a", "na", "-", "--", "/", "无", "空", "未知"}
_STYLES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日", "%d-%b-%Y", "%d %b %Y", "%d %B %Y",
    "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
)  # fmt: skip
_TIMES = (
    "",
    " %H:%M:%S",
    " %H:%M",
    " %I:%M:%S %p",
    " %I:%M %p",
    " %H:%M:%S.%f",
    " %H时%M分%S秒",
    " %H时%M分",
)
_DATE_STYLES = [d + t for d in _STYLES for t in _TIMES] + ["%Y%m%d%H%M%S"]
EARLIEST = dt.datetime(1949, 10, 1, tzinfo=dt.UTC)
_LOOK_ALIKES = {
    **dict.fromkeys("º˚ᵒ∘⁰゜", "°"),
    **dict.fromkeys("´`ʹʼ’‘′＇ˊ", "'"),
    **dict.fromkeys("”“″〃˝＂", '"'),
    **dict.fromkeys("\u00a0\u2007\u202f\u3000\t", " "),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u00ad", ""),
    **dict.fromkeys("−﹣－", "-"),
}
_SIGNS = str.maketrans(_LOOK_ALIKES)
_AROUND = " \t\r\n\v\f" + "".join(c for c, plain in _LOOK_ALIKES.items() if plain in ("", " "))


def plain_signs(text: str) -> str:
    """Return text with the plain signs for degrees, minutes, seconds, space and minus.

    Compatibility normalisation would make º an o and split ´ and ˚ into a space and an accent, so
    this goes first. Characters without width are dropped.
    """
    return text.translate(_SIGNS)


def blank(value: object) -> bool:
    """Whether a cell holds nothing."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, str):
        return unicodedata.normalize("NFKC", value).strip(_AROUND).casefold() in _EMPTY
    try:
        return bool(value != value)
    except TypeError:
        return True


def text_of(value: object) -> str:
    """A cell as text, without space or characters of no width around it; whole floats lose their .0."""
    if blank(value):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip(_AROUND)


def without_marker(text: str, *, code: bool = False) -> str:
    """A text without what spreadsheets put around one to keep it: ``="00123"``, ``'00123``.

    An apostrophe goes where a character follows that would begin a formula, as our own exports
    write it; before a code always.
    """
    if found := re.fullmatch(r'="(.*)"', text, re.DOTALL):
        return found[1].replace('""', '"')
    if re.match(r"''?[=+\-@\t\r]", text) or (code and len(text) > 1 and text[0] == "'"):
        return text[1:]
    return text


def storable(text: str) -> str:
    """Text without what a database cannot hold: NUL, and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def number_of(value: object, decimal: str | None = None) -> float:
    """A number, also with a degree sign, unit or marks between thousands; NaN if it is none.

    Parameters
    ----------
    value : a cell.
    decimal : the decimal mark of its column (`geo.ingest.numbers.decimal_mark`). Where it is not
        known, one comma is the decimal's and several part thousands.
    """
    if isinstance(value, bool):
        return math.nan
    if isinstance(value, int | float):
        return float(value)
    text = unicodedata.normalize("NFKC", plain_signs(str(value))).strip()
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
    """A moment, in the deployment's zone where the text names none; None if it is none.

    A text with day and month before the year is none: their order is the column's
    (`geo.ingest.dates`).
    """
    moment: dt.datetime | None = None
    if isinstance(value, dt.datetime):
        moment = value
    elif isinstance(value, dt.date):
        moment = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment = _from_serial(float(value))
    else:
        text = unicodedata.normalize("NFKC", plain_signs(str(value))).strip()
        if re.fullmatch(r"\d{5}(?:\.\d+)?", text):
            moment = _from_serial(float(text))
        else:
            text = re.sub(r"^(\d{4}年\d{1,2}月\d{1,2}日)(?=\d)", r"\1 ", text)
            try:
                moment = dt.datetime.fromisoformat(text)
            except ValueError:
                for style in _DATE_STYLES:
                    try:
                        moment = dt.datetime.strptime(text, style)  # noqa: DTZ007
                        break
                    except ValueError:
                        continue
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment


def _from_serial(serial: float) -> dt.datetime | None:
    """An Excel serial day number, or a Unix time in seconds or milliseconds."""
    try:
        if 10_000 <= serial < 80_000:
            return dt.datetime(1899, 12, 30) + dt.timedelta(days=serial)  # noqa: DTZ001
        if 1e8 <= serial < 1e10:
            return dt.datetime.fromtimestamp(serial, dt.UTC)
        if 1e11 <= serial < 1e13:
            return dt.datetime.fromtimestamp(serial / 1000, dt.UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return None


def category_of(text: str) -> str:
    """A category as a path: the marks that registers set between its levels become a slash."""
    steps = re.split(r"\s*(?:/|／|>|＞|»|→|\\|｜|\|)+\s*", text.strip())
    return "/".join(step for step in steps if step)


_RATINGS = {
    "非常满意": 100.0, "很满意": 100.0, "满意": 75.0, "基本满意": 50.0, "一般": 50.0, "不满意": 25.0,
    "非常不满意": 0.0, "很不满意": 0.0,
    "very satisfied": 100.0, "satisfied": 75.0, "neutral": 50.0, "dissatisfied": 25.0,
    "very dissatisfied": 0.0,
}  # fmt: skip
"""Five answers at equal steps from 0 to 100 (R. Likert, 1932)."""


def rating_of(value: object) -> float:
    """Satisfaction from 0 to 100: a number, with or without a percent sign, or an answer in words."""
    text = unicodedata.normalize("NFKC", str(value)).strip().casefold()
    if text in _RATINGS:
        return _RATINGS[text]
    return number_of(text.removesuffix("%").removesuffix("分").strip())


def pixels_of(value: object) -> float:
    """Pixels across from "1920x1080", "1080P", "4MP" or "200万"; the best of several."""
    best = math.nan
    for part in re.split(r"[/、;]", unicodedata.normalize("NFKC", str(value)).strip()):
        text = part.strip().casefold()
        width = math.nan
        if found := re.fullmatch(r"(\d{3,5})\s*[x*×]\s*(\d{3,5})", text):
            width = float(found.group(1))
        elif found := re.fullmatch(r"(\d{3,4})[pi]", text):
            width = round(float(found.group(1)) * 16 / 9)
        elif text in ("4k", "8k"):
            width = 3840.0 if text == "4k" else 7680.0
        elif found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mp|万|万像素|m)", text):
            millions = float(found.group(1)) / (1.0 if found.group(2) in ("mp", "m") else 100.0)
            width = round(math.sqrt(millions * 1e6 * 16 / 9))
        else:
            width = number_of(text)
        if not math.isnan(width) and (math.isnan(best) or width > best):
            best = width
    return best
