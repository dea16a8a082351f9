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
_FEW = 4
"""Characters below which a text is too short to be taken for Korean."""
_SHORT = 6
_ALL_EVERYDAY = 0.75
"""The same of a text that is Korean as well as Chinese by its bytes."""
_USUAL = 0.25
"""Share of everyday characters above which a text is Chinese beyond doubt; ordinary text has 0.6, other
languages that are read as Chinese have 0.05."""
_EVERYDAY = frozenset(
    "的一是不了人我在有他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么"
    "心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现"
    "分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位"
    "因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市路街巷区县镇乡村"
    "社居委网格编号码称经纬度坐标设备类型状态时间安装高朝向摄像监控视频枪球半固定公园校医院银广场商店楼栋单元"
    "城南京河湖桥站台花苑小期幢层室内外左右侧旁交叉路口停车道红绿灯派所警察案件盗窃报接处理完办结满意上级来源"
    "系统数据备注序联系电话姓职务长员专兼法律消防六七八九零百千年月日安里新建设华兴福和民主光明胜利友谊人大学"
)
"""Characters that are frequent in Chinese registers."""
ENCODINGS = {
    "utf-8": "utf-8-sig", "utf-16": "utf-16", "gb18030": "gb18030", "gbk": "gb18030", "big5": "big5hkscs",
    "euc-kr": "cp949", "shift-jis": "cp932", "euc-jp": "euc_jp", "koi8-r": "koi8_r",
    "iso-8859-1": "iso8859_1", "iso-8859-2": "iso8859_2", "iso-8859-15": "iso8859_15", "windows-874": "cp874",
    **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)},
}  # fmt: skip
"""Encodings that a user can name, and Python's names of them."""
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


def require_encoding(encoding: str) -> str:
    """Return the name of an encoding as `ENCODINGS` has it.

    Raises
    ------
    ReadError : it is none of them.
    """
    named = encoding.strip().casefold().replace("_", "-")
    if named not in ENCODINGS:
        raise ReadError(f"{encoding!r} is no encoding; use one of {', '.join(ENCODINGS)}")
    return named


def decode_as(data: bytes, name: str, encoding: str) -> Decoded:
    """Decode a file in the encoding that the user named, one of `ENCODINGS`.

    Raises
    ------
    ReadError : the bytes are not in that encoding.
    """
    codec = ENCODINGS[encoding]
    text = _strict(data, codec)
    if text is not None:
        return Decoded(text, encoding)
    text = data.decode(codec, "replace")
    broken = text.count(REPLACEMENT)
    others = sum(not c.isascii() for c in text[:_SAMPLE])
    if broken > max(1, _MOST_BROKEN * others):
        raise ReadError(f"{name} is no {encoding} text; give another --encoding, or leave it out")
    return Decoded(text, encoding, broken)


def decode_text(data: bytes, name: str, encoding: str | None = None) -> Decoded:
    """Decode a file that is UTF-8, GB18030, Big5 or UTF-16, with or without byte order mark.

    Parameters
    ----------
    data : the whole file.
    name : of the file, for messages.
    encoding : one of `ENCODINGS`, where the user named it.

    Raises
    ------
    ReadError : it is none of these.
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
    found = judge(data)
    if found is None:
        raise ReadError(
            f"{name} is neither UTF-8, GB18030, Big5 nor UTF-16 text; save it as UTF-8, or name its "
            "encoding with --encoding"
        )
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
    if chinese is None or likeness < _PLAUSIBLE:
        return None
    # Short texts of other languages can be Chinese characters by chance.
    everyday = _everyday_share(chinese)
    count = sum(not c.isascii() for c in chinese[:_SAMPLE])
    korean = _strict(data, "cp949")
    hangul = 0.0 if korean is None else _alphabet_share(korean, "\uac00", "\ud7a3")
    needed = _ALL_EVERYDAY if hangul >= _CERTAIN else 0.5 if count < _SHORT else _USUAL
    if likeness >= _CERTAIN and everyday >= needed:
        return Decoded(chinese, "gb18030")
    russian = _strict(data, "cp1251")
    if russian is not None and _alphabet_share(russian, "\u0400", "\u045f") >= _CERTAIN:
        return None
    if korean is not None and hangul >= _CERTAIN and everyday < 0.5 and count >= _FEW:
        return Decoded(korean, "euc-kr", unusual=True)
    return Decoded(chinese, "gb18030", unusual=True)


def _everyday_share(text: str) -> float:
    """Return the share of everyday Chinese characters among those that are not ASCII."""
    others = re.findall(r"[^\x00-\x7f]", text[:_SAMPLE])
    return sum(c in _EVERYDAY for c in others) / len(others) if others else 1.0


def _alphabet_share(text: str, first: str, last: str) -> float:
    """Return the share of one alphabet among the characters of a text that are not ASCII."""
    others = re.findall(r"[^\x00-\x7f]", text[:_SAMPLE])
    return sum(first <= c <= last for c in others) / len(others) if others else 0.0


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
