"""Which encoding a text is in, judged over all of it."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from geo.errors import ReadError

REPLACEMENT = "\ufffd"
"""Stands where bytes are no character of the encoding."""
_MOST_BROKEN = 0.2
"""Broken characters of a text of another alphabet, for one that is readable; more is another encoding."""
_PLAUSIBLE = 0.5
"""Share of common characters above which a Chinese encoding is taken; ordinary text has 0.9."""
_CERTAIN = 0.8
_LEAST_LEAD = 0.15
"""By how much Big5 must fit better than GB18030."""
_SAMPLE = 200_000
"""Characters of another alphabet that are looked at."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


@dataclass(frozen=True)
class Decoded:
    """A text, its encoding, and what is reported of it."""

    text: str
    encoding: str
    broken: int = 0
    """Characters that could not be decoded; each is U+FFFD in the text."""
    unusual: bool = False
    """Whether the encoding is one that is inferred with less certainty."""


def decode_text(data: bytes, name: str) -> Decoded:
    """Decode a file that is UTF-8, GB18030, Big5 or UTF-16, with or without byte order mark.

    Parameters
    ----------
    data : the whole file.
    name : of the file, for messages.

    Raises
    ------
    ReadError : it is none of these.
    """
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
    found = judge(data)
    if found is None:
        raise ReadError(f"{name} is neither UTF-8, GB18030, Big5 nor UTF-16 text; save it as UTF-8")
    return found


def _marked_utf8(data: bytes, name: str) -> Decoded:
    text = data.decode("utf-8-sig", "replace")
    broken = text.count(REPLACEMENT) - data.count(REPLACEMENT.encode())
    others = sum(not c.isascii() for c in text[:_SAMPLE])
    if broken > max(1, _MOST_BROKEN * others):
        raise ReadError(f"{name} is damaged utf-8-sig text; save it again")
    return Decoded(text, "utf-8-sig", broken)


def judge(data: bytes) -> Decoded | None:
    """Return bytes as UTF-8, GB18030 or Big5, whichever all of them fit; None where none does."""
    modern = _strict(data, "utf-8")
    if modern is not None and not _mixes_scripts(modern):
        return Decoded(modern, "utf-8")
    chinese = _strict(data, "gb18030")
    likeness = 0.0 if chinese is None else common_share(chinese, "gb18030")
    if modern is not None:
        if chinese is not None and likeness >= _CERTAIN:
            return Decoded(chinese, "gb18030", unusual=True)
        return Decoded(modern, "utf-8")
    if likeness < _CERTAIN:
        text = data.decode("utf-8", "replace")
        broken = text.count(REPLACEMENT) - data.count(REPLACEMENT.encode())
        whole = sum(not c.isascii() for c in text) - broken
        if broken <= _MOST_BROKEN * whole:
            return Decoded(text, "utf-8", broken)
        traditional = _strict(data, "big5hkscs")
        if traditional is not None:
            share = common_share(traditional, "big5hkscs")
            if share >= _CERTAIN and share > likeness + _LEAST_LEAD:
                return Decoded(traditional, "big5", unusual=True)
    if chinese is not None and likeness >= _PLAUSIBLE:
        return Decoded(chinese, "gb18030")
    return None


def _mixes_scripts(text: str) -> bool:
    """Whether all letters are of two bytes and of alphabets that no text mixes.

    A few Chinese characters in GB 18030 can be valid UTF-8 by chance, as such letters.
    """
    codes = {ord(c) for c in re.findall(r"[^\x00-\x7f]", text[:_SAMPLE])}
    if not codes or max(codes) >= 0x800:
        return False
    alphabets = {next(k for k, end in enumerate(_ALPHABETS) if code < end) for code in codes}
    return len(alphabets) > 1 or 1 in alphabets


_ALPHABETS = (0x180, 0x370, 0x400, 0x530, 0x800)
"""Ends of Latin, rare Latin and accents, Greek, Cyrillic, and others."""


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def common_share(text: str, encoding: str) -> float:
    """Return the share of common characters among those that are not ASCII.

    Both encodings order their characters by how common they are: GB 2312 has the common ones in rows
    16 to 55, Big5 below C67F. Bytes of another encoding rarely decode to these alone.

    Parameters
    ----------
    text : decoded text.
    encoding : gb18030 or big5hkscs.
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
