"""Detection of the encoding of a text, from all of its bytes."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from geo.errors import ReadError
from geo.ingest.everyday_characters import EVERYDAY_CHARACTERS

REPLACEMENT = "\ufffd"
"""Character in place of bytes that are no character of the encoding."""
_MAX_BROKEN_SHARE = 0.2
"""Most broken characters for each readable one beyond ASCII, before another encoding is likely."""
_PLAUSIBLE_SHARE = 0.5
"""Least share of common characters of a text in a Chinese encoding; ordinary text has 0.9."""
_CERTAIN_SHARE = 0.8
"""Share of common characters above which the encoding is certain."""
_BIG5_LEAD = 0.15
"""By how much the share of common characters must be higher in Big5 than in GB 18030."""
_SAMPLE = 200_000
"""Characters that are examined."""
_KOREAN_MIN_CHARACTERS = 4
"""Characters below which a text is too short to be recognised as Korean."""
_UNAMBIGUOUS_CHARACTERS = 2
"""Characters below which a text that is Korean as well as everyday Chinese may be either."""
_SHORT_CHARACTERS = 6
"""Characters below which a text is short, so that more of them must be everyday ones."""
_EVERYDAY_SHARE = 0.25
"""Share of everyday characters above which a text is certainly Chinese; ordinary text has 0.6,
other languages that are decoded as Chinese have 0.05."""
_EVERYDAY_SHARE_SHORT = 0.5
"""The same share of a short text."""
_EVERYDAY_SHARE_KOREAN = 0.75
"""The same share of a text whose bytes are Korean as well."""
ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf-16": "utf-16",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "shift-jis": "cp932",
    "euc-jp": "euc_jp",
    "koi8-r": "koi8_r",
    "iso-8859-1": "iso8859_1",
    "iso-8859-2": "iso8859_2",
    "iso-8859-15": "iso8859_15",
    "windows-874": "cp874",
    **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)},
}
"""Encodings that a user can name, and Python's names of them."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, and the encodings that they show."""


@dataclass(frozen=True)
class Decoded:
    """A decoded text and its encoding."""

    text: str
    """The text."""
    encoding: str
    """Name of the encoding."""
    broken: int = 0
    """Characters that could not be decoded; each is U+FFFD in the text."""
    unusual: bool = False
    """Whether the encoding is one that is inferred with less certainty."""


def require_encoding(encoding: str) -> str:
    """Return the name of an encoding as `ENCODINGS` has it.

    Parameters
    ----------
    encoding : str
        Name as a user writes it; case and underscores do not matter.

    Returns
    -------
    str
        A key of `ENCODINGS`.

    Raises
    ------
    ReadError
        If it is none of them.

    Examples
    --------
    >>> require_encoding("EUC_KR")
    'euc-kr'
    """
    named = encoding.strip().casefold().replace("_", "-")
    if named not in ENCODINGS:
        raise ReadError(f"{encoding!r} is no encoding; use one of {', '.join(ENCODINGS)}")
    return named


def decode_as(data: bytes, name: str, encoding: str) -> Decoded:
    """Decode a file in the encoding that the user named.

    Parameters
    ----------
    data : bytes
        Content of the whole file.
    name : str
        Name of the file, for messages.
    encoding : str
        One of `ENCODINGS`.

    Returns
    -------
    Decoded
        The text, with the number of broken characters.

    Raises
    ------
    ReadError
        If more bytes are broken than a damaged text has.
    """
    codec = ENCODINGS[encoding]
    text = _strict(data, codec)
    if text is not None:
        return Decoded(text, encoding)
    text = data.decode(codec, "replace")
    broken = text.count(REPLACEMENT)
    others = sum(not c.isascii() for c in text[:_SAMPLE])
    if broken > max(1, _MAX_BROKEN_SHARE * others):
        raise ReadError(f"{name} is no {encoding} text; give another --encoding, or leave it out")
    return Decoded(text, encoding, broken)


def decode_text(data: bytes, name: str, encoding: str | None = None) -> Decoded:
    """Decode a file that is UTF-8, GB18030, Big5 or UTF-16, with or without byte order mark.

    Parameters
    ----------
    data : bytes
        Content of the whole file.
    name : str
        Name of the file, for messages.
    encoding : str, optional
        One of `ENCODINGS`, where the user named it; detected unless given.

    Returns
    -------
    Decoded
        The text and its encoding.

    Raises
    ------
    ReadError
        If it is none of these encodings, or not the one given.
    """
    if encoding is not None:
        return decode_as(data, name, encoding)
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            if encoding == "utf-8-sig":
                return _marked_utf8(data, name)
            try:
                return Decoded(data.decode(encoding), encoding)
            except UnicodeDecodeError as error:
                raise ReadError(
                    f"{name} is damaged {encoding} text ({error}); save it again"
                ) from error
    head = data[:4000]
    # ASCII delimiters and digits make every second byte of UTF-16 zero.
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[first::2].count(0) > len(head) // 8:
            try:
                return Decoded(data.decode(encoding), encoding)
            except UnicodeDecodeError:
                break
    decoded = detect_encoding(data)
    if decoded is None:
        raise ReadError(
            f"{name} is neither UTF-8, GB18030, Big5 nor UTF-16 text; save it as UTF-8, or name "
            "its encoding with --encoding"
        )
    return decoded


def _marked_utf8(data: bytes, name: str) -> Decoded:
    text = data.decode("utf-8-sig", "replace")
    broken = text.count(REPLACEMENT) - data.count(REPLACEMENT.encode())
    others = sum(not c.isascii() for c in text[:_SAMPLE])
    if broken > max(1, _MAX_BROKEN_SHARE * others):
        raise ReadError(f"{name} is damaged utf-8-sig text; save it again")
    return Decoded(text, "utf-8-sig", broken)


def detect_encoding(data: bytes) -> Decoded | None:
    """Decode bytes as UTF-8, GB 18030, Big5 or EUC-KR, whichever all of them fit.

    Parameters
    ----------
    data : bytes
        Content of the whole file.

    Returns
    -------
    Decoded or None
        None where no encoding fits.

    Examples
    --------
    >>> detect_encoding("摄像机".encode("gbk"))
    Decoded(text='摄像机', encoding='gb18030', broken=0, unusual=False)
    """
    utf8 = _strict(data, "utf-8")
    if utf8 is not None and not _mixes_scripts(utf8):
        return Decoded(utf8, "utf-8")
    chinese = _strict(data, "gb18030")
    likeness = 0.0 if chinese is None else common_share(chinese, "gb18030")
    if utf8 is not None:
        if chinese is not None and likeness >= _CERTAIN_SHARE:
            return Decoded(chinese, "gb18030", unusual=True)
        return Decoded(utf8, "utf-8")
    if likeness < _CERTAIN_SHARE:
        decoded = _as_damaged_utf8(data) or _as_big5(data, likeness)
        if decoded is not None:
            return decoded
    if chinese is None or likeness < _PLAUSIBLE_SHARE:
        return None
    return _as_chinese_unless_other(data, chinese, likeness)


def _as_damaged_utf8(data: bytes) -> Decoded | None:
    """Return bytes as UTF-8 if few of its characters are broken."""
    text = data.decode("utf-8", "replace")
    broken = text.count(REPLACEMENT) - data.count(REPLACEMENT.encode())
    readable = sum(not c.isascii() for c in text) - broken
    return Decoded(text, "utf-8", broken) if broken <= _MAX_BROKEN_SHARE * readable else None


def _as_big5(data: bytes, likeness: float) -> Decoded | None:
    """Return bytes as Big5 if they fit it clearly better than GB 18030."""
    text = _strict(data, "big5hkscs")
    if text is None:
        return None
    share = common_share(text, "big5hkscs")
    if share >= _CERTAIN_SHARE and share > likeness + _BIG5_LEAD:
        return Decoded(text, "big5", unusual=True)
    return None


def _as_chinese_unless_other(data: bytes, chinese: str, likeness: float) -> Decoded | None:
    """Return a text as GB 18030, unless it is of a language that is Chinese by chance."""
    everyday = _everyday_share(chinese)
    count = sum(not c.isascii() for c in chinese[:_SAMPLE])
    korean = _strict(data, "cp949")
    hangul = 0.0 if korean is None else _alphabet_share(korean, "\uac00", "\ud7a3")
    if hangul >= _CERTAIN_SHARE:
        needed = _EVERYDAY_SHARE_KOREAN
    else:
        needed = _EVERYDAY_SHARE_SHORT if count < _SHORT_CHARACTERS else _EVERYDAY_SHARE
    if likeness >= _CERTAIN_SHARE and everyday >= needed:
        is_ambiguous = hangul >= _CERTAIN_SHARE and count < _UNAMBIGUOUS_CHARACTERS
        return Decoded(chinese, "gb18030", unusual=is_ambiguous)
    russian = _strict(data, "cp1251")
    if russian is not None and _alphabet_share(russian, "\u0400", "\u045f") >= _CERTAIN_SHARE:
        return None
    if (
        korean is not None
        and hangul >= _CERTAIN_SHARE
        and everyday < _EVERYDAY_SHARE_SHORT
        and count >= _KOREAN_MIN_CHARACTERS
    ):
        return Decoded(korean, "euc-kr", unusual=True)
    return Decoded(chinese, "gb18030", unusual=True)


def _everyday_share(text: str) -> float:
    """Return the share of everyday Chinese characters among those that are not ASCII."""
    others = re.findall(r"[^\x00-\x7f]", text[:_SAMPLE])
    return sum(c in EVERYDAY_CHARACTERS for c in others) / len(others) if others else 1.0


def _alphabet_share(text: str, first: str, last: str) -> float:
    """Return the share of one alphabet among the characters of a text that are not ASCII."""
    others = re.findall(r"[^\x00-\x7f]", text[:_SAMPLE])
    return sum(first <= c <= last for c in others) / len(others) if others else 0.0


def _mixes_scripts(text: str) -> bool:
    """Return whether all letters have two bytes and are of alphabets that no text mixes.

    A few Chinese characters in GB 18030 can by chance be valid UTF-8 of such letters.
    """
    codes = {ord(c) for c in re.findall(r"[^\x00-\x7f]", text[:_SAMPLE])}
    if not codes or max(codes) >= 0x800:
        return False
    alphabets = {
        next(number for number, end in enumerate(_ALPHABETS) if code < end) for code in codes
    }
    return len(alphabets) > 1 or 1 in alphabets


_ALPHABETS = (0x180, 0x370, 0x400, 0x530, 0x800)
"""First code point behind Latin, rare Latin and accents, Greek, Cyrillic, and others."""


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def common_share(text: str, encoding: str) -> float:
    """Return the share of common characters among those that are not ASCII.

    Parameters
    ----------
    text : str
        Decoded text.
    encoding : {'gb18030', 'big5hkscs'}
        Encoding from which it was decoded.

    Returns
    -------
    float
        From 0 to 1; 1 for a text in ASCII.

    Notes
    -----
    Both encodings order their characters by frequency: GB 2312 has the common ones in rows 16 to
    55, Big5 below C67F. Bytes of another encoding rarely decode to these alone.
    """
    others = "".join(re.findall(r"[^\x00-\x7f]+", text))[:_SAMPLE]
    if not others:
        return 1.0
    common = 0
    for character in others:
        code = character.encode(encoding, "replace")
        if len(code) == 2:
            if encoding == "gb18030":
                level = 0xB0 <= code[0] <= 0xD7 or code[0] in (0xA1, 0xA3)
                common += level and code[1] >= 0xA1
            else:
                common += 0xA1 <= code[0] <= 0xC6
    return common / len(others)
