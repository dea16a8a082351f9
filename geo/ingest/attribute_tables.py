"""Attribute table (.dbf) of a Shapefile: field names and the encoding of its texts."""

from __future__ import annotations

import codecs
from pathlib import Path

import geopandas as gpd
import pandas as pd

from geo.errors import ReadError
from geo.import_reasons import ReasonCode
from geo.ingest.encodings import ENCODINGS, REPLACEMENT, common_share, decode_as, detect_encoding
from geo.ingest.raw_table import Note

_CPG_BYTES = 100
_DBF_END_OF_FIELDS = 0x0D
_COMMON_CHINESE = 0.9
"""Share of common characters from which a text is Chinese, whatever a .cpg file says."""
_PLAUSIBLE_CHINESE = 0.5
"""Share of common characters from which a text may be in the Chinese encoding of a .cpg file."""
_CODE_PAGES = {
    "936": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "950": "big5hkscs",
    "big5": "big5hkscs",
    "65001": "utf-8",
    "88591": "latin-1",
    "system": "",
}
"""Python's name of an encoding by its label in a .cpg file."""


def field_names(data: bytes) -> list[bytes]:
    """Return the names of the fields of a .dbf file.

    Parameters
    ----------
    data : bytes
        Beginning of the file.

    Returns
    -------
    list of bytes
        Names in the encoding of the file, at most 11 bytes each.
    """
    end = int.from_bytes(data[8:10], "little")
    names = []
    for offset in range(32, min(end, len(data)) - 31, 32):
        if data[offset] == _DBF_END_OF_FIELDS:
            break
        names.append(data[offset : offset + 11].split(b"\0")[0])
    return names


def judged_encoding(
    path: Path, name: str, notes: list[Note], given: str | None = None
) -> tuple[bytes, str]:
    """Return the bytes of the .dbf file and the encoding of its texts.

    Parameters
    ----------
    path : pathlib.Path
        The .shp file.
    name : str
        Name of the file that the user knows, for messages.
    notes : list of Note
        Extended by notes on a missing .dbf file, a wrong .cpg file or an unusual encoding.
    given : str or None, optional
        Encoding that the user names, one of `geo.ingest.encodings.ENCODINGS`; it replaces what
        the .cpg file names.

    Returns
    -------
    data : bytes
        Content of the .dbf file; empty if there is none.
    encoding : str
        Python's name of the encoding.

    Raises
    ------
    ReadError
        If the texts are in no accepted encoding.
    """
    table = companion(path, ".dbf")
    if table is None:
        notes.append(Note(ReasonCode.DBF_MISSING, "the shapes have no columns"))
        return b"", "utf-8"
    data = table.read_bytes()
    header_size = int.from_bytes(data[8:10], "little")
    # Names of fields may be truncated within a character.
    text = data[header_size:].replace(b"\0", b" ") + b"\n"
    text += b"\n".join(_without_partial_character(field) for field in field_names(data))
    if given is not None:
        decode_as(text, name, given)
        return data, ENCODINGS[given].removesuffix("-sig")
    label = _cpg_label(path)
    named = _codec(label) if label else None
    if text.isascii():
        return data, named or "utf-8"
    judged = detect_encoding(text)
    if named is not None and _fits(text, named, None if judged is None else judged.encoding):
        return data, named
    if judged is None:
        raise ReadError(
            f"{name}: the texts of its .dbf are neither UTF-8, GB18030 nor Big5; name their "
            "encoding with --encoding, or by a .cpg file beside it"
        )
    if label is not None:
        content = f"says {label}" if label else "is empty"
        detail = f"it {content}, and they are read as {judged.encoding}"
        notes.append(Note(ReasonCode.ENCODING_DIFFERS_FROM_CPG, detail))
    elif judged.unusual:
        detail = (
            f"read as {judged.encoding}; no .cpg names the encoding: check a few names, and name "
            "another with --encoding"
        )
        notes.append(Note(ReasonCode.UNUSUAL_ENCODING, detail))
    return data, judged.encoding


def _cpg_label(path: Path) -> str | None:
    """Return the name of an encoding in the .cpg file; None without a .cpg file."""
    cpg = companion(path, ".cpg")
    if cpg is None:
        return None
    text = cpg.read_bytes()[:_CPG_BYTES].decode("ascii", "replace")
    return text.strip("\0 \r\n\t\ufeff\ufffd")


def _without_partial_character(field: bytes) -> bytes:
    """Return the name of a field without a character truncated at its end."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return codecs.getincrementaldecoder(encoding)().decode(field).encode(encoding)
        except UnicodeDecodeError:
            continue
    return field


def companion(path: Path, suffix: str) -> Path | None:
    """Return the file of the same name with another suffix, if it exists.

    Parameters
    ----------
    path : pathlib.Path
        A file of a Shapefile.
    suffix : str
        Suffix in lower case; that in upper case is accepted too.

    Returns
    -------
    pathlib.Path or None
        Path of the file.
    """
    names = (path.with_suffix(suffix), path.with_suffix(suffix.upper()))
    return next((name for name in names if name.is_file()), None)


def _codec(label: str) -> str | None:
    """Return Python's name of the encoding that a .cpg file names; None for an unknown one."""
    text = label.casefold().replace("oem ", "").replace("ansi ", "").strip()
    text = _CODE_PAGES.get(text, text)
    for name in (text, f"cp{text}"):
        try:
            return codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
    return None


def _fits(text: bytes, named: str, judged: str | None) -> bool:
    """Return whether texts may be in the encoding that a .cpg file names."""
    if judged == named:
        return True
    try:
        decoded = text.decode(named)
    except UnicodeDecodeError:
        return False
    if judged == "utf-8":
        return False  # text of another encoding is never valid UTF-8 by chance
    if named in ("gb18030", "big5hkscs"):
        return common_share(decoded, named) >= _PLAUSIBLE_CHINESE
    if judged is None:
        return True
    codec = "big5hkscs" if judged == "big5" else judged
    return common_share(text.decode(codec), codec) < _COMMON_CHINESE


def decode_columns(frame: gpd.GeoDataFrame, encoding: str) -> None:
    """Decode column names and texts that were read as Latin-1, in place.

    Parameters
    ----------
    frame : geopandas.GeoDataFrame
        Features read with every byte as one character.
    encoding : str
        Python's name of the encoding of the texts.
    """
    geometry = frame.geometry.name
    names = {
        str(column): _decode(str(column), encoding).rstrip(REPLACEMENT)
        for column in frame.columns
        if column != geometry
    }
    for column in names:
        cells = frame[column]
        if pd.api.types.is_object_dtype(cells) or pd.api.types.is_string_dtype(cells):
            texts = [_decode(cell, encoding) if isinstance(cell, str) else cell for cell in cells]
            frame[column] = pd.Series(texts, index=frame.index, dtype=object)
    frame.columns = pd.Index([names.get(str(column), column) for column in frame.columns])


def _decode(text: str, encoding: str) -> str:
    """Return text that was read as Latin-1 in its own encoding."""
    return text.encode("latin-1").decode(encoding, "replace")
