"""Recognition of headers: which header of a file is which column of a layer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from geo.ingest.dictionary import (
    BUILT_IN,
    Dictionary,
    header_words,
    normalise_word,
)
from geo.ingest.header_vocabulary import EXTRA, SECRETS

_NUMBERING = re.compile(r"^\s*[(（]?\d{1,2}[)）.、:：]\s*")
_UNITS = re.compile(r"(?:°|degrees?|deg|metres?|meters?|m|px|度|米)$")
_SHAPEFILE_NAME_BYTES = 10
"""Longest name of a field in a Shapefile."""


@dataclass
class HeaderMatches:
    """The columns that the headers of a file are recognised as."""

    columns: dict[str, str] = field(default_factory=dict)
    """Column of the layer to the header of the file."""
    unknown: list[str] = field(default_factory=list)
    """Headers of columns that are stored with the row as they are."""
    guessed: dict[str, str] = field(default_factory=dict)
    """Header that no word matches exactly to the reason why it is recognised nevertheless."""
    unclear: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Header that was cut, to the columns that it may be."""
    alternatives: dict[str, list[str]] = field(default_factory=dict)
    """Column of the layer to further headers of the same meaning, best first; they are in
    `unknown` as well."""
    set_aside: set[str] = field(default_factory=set)
    """Headers that the user wants stored as they are; they are in `unknown` as well."""


def match_headers(
    layer: str,
    headers: Iterable[str],
    rename: Mapping[str, str] | None = None,
    dictionary: Dictionary = BUILT_IN,
) -> HeaderMatches:
    """Match the headers of a file with the columns of a layer.

    Parameters
    ----------
    layer : str
        Name of the layer.
    headers : iterable of str
        Headers of the file, in their order.
    rename : mapping of str to str, optional
        Header to column, or to `EXTRA`; precedes the dictionary.
    dictionary : Dictionary, optional
        Words of the deployment.

    Returns
    -------
    HeaderMatches
        Which header is which column, and what is not known of the others.

    Notes
    -----
    A word of the layer's own precedes a common one (``gridcode`` before ``id``), and of two headers
    for one column the one whose word stands earlier in the dictionary is taken. A header that
    matches no word is tried without its numbering and its unit, by its parts where it is written
    in two languages, and as one that a Shapefile cut to ten bytes (`HeaderMatches.guessed`).

    Examples
    --------
    >>> match_headers("cameras", ["设备编码", "经度", "纬度", "Remark"]).columns
    {'code': '设备编码', 'lat': '纬度', 'lon': '经度'}
    """
    headers = list(headers)
    recognised = HeaderMatches()
    assigned = _assign_renamed(recognised, headers, rename or {})
    words = header_words(layer, dictionary)
    ranked = sorted(
        (rank, position, column, header)
        for position, header in enumerate(headers)
        for column, listed in words.items()
        for rank, word in enumerate(listed)
        if normalise_word(word) == normalise_word(header)
    )
    for _, _, column, header in ranked:
        if column not in recognised.columns and header not in assigned:
            recognised.columns[column] = header
            assigned.add(header)
    for _, _, column, header in ranked:
        if header not in assigned and header not in recognised.alternatives.get(column, []):
            recognised.alternatives.setdefault(column, []).append(header)
    _guess(recognised, [header for header in headers if header not in assigned], words)
    recognised.unknown = [h for h in headers if h not in recognised.columns.values()]
    return recognised


def _assign_renamed(
    recognised: HeaderMatches, headers: list[str], rename: Mapping[str, str]
) -> set[str]:
    """Assign the headers that the user renames, and return them."""
    assigned: set[str] = set()
    stripped = {header.strip(): column.strip() for header, column in rename.items()}
    for name, column in stripped.items():
        header = find_header(name, headers)
        if header is None:
            continue
        if column == EXTRA:
            recognised.set_aside.add(header)
        else:
            recognised.columns[column] = header
        assigned.add(header)
    return assigned


def find_header(header: str, headers: Iterable[str]) -> str | None:
    """Return the header of a file that a name for it means.

    Parameters
    ----------
    header : str
        The name, as a user or a saved mapping gives it.
    headers : iterable of str
        Headers of the file.

    Returns
    -------
    str or None
        The same header, else the first that is the same after `normalise_word`, else None.
    """
    listed = list(headers)
    same = next((other for other in listed if other.strip() == header.strip()), None)
    return same or next(
        (other for other in listed if normalise_word(other) == normalise_word(header)), None
    )


def _guess(recognised: HeaderMatches, headers: list[str], words: dict[str, list[str]]) -> None:
    """Assign headers that match no word to the one column that they can mean."""
    # Reversed, so that of two columns with one word the first is taken.
    column_of = {
        normalise_word(word): column
        for column, listed in reversed(words.items())
        for word in reversed(listed)
    }
    for header in headers:
        unnumbered = normalise_word(_NUMBERING.sub("", header))
        parts = [normalise_word(p) for p in re.split(r"[/|\n\r()（）\[\]【】:：]+", header)]
        candidates = {
            "without its number": [unnumbered],
            "without its unit": [_UNITS.sub("", unnumbered)],
            "by its parts": parts,
        }
        for reason, texts in candidates.items():
            columns = {column_of[text] for text in texts if text in column_of}
            if len(columns) == 1 and (column := columns.pop()) not in recognised.columns:
                recognised.columns[column] = header
                recognised.guessed[header] = reason
                break
        else:
            _guess_truncated(recognised, header, words)


def _guess_truncated(recognised: HeaderMatches, header: str, words: dict[str, list[str]]) -> None:
    """Assign a header that was cut to ten bytes to the one column whose words begin like it."""
    text = header.rstrip("\ufffd?\x00 ")
    if not _may_be_truncated(text):
        return
    beginning = normalise_word(text)
    columns = [
        column
        for column, listed in words.items()
        if any(w.startswith(beginning) and w != beginning for w in map(normalise_word, listed))
    ]
    if len(columns) == 1 and columns[0] not in recognised.columns:
        recognised.columns[columns[0]] = header
        recognised.guessed[header] = "cut to ten bytes, as Shapefiles do"
    elif len(columns) > 1:
        recognised.unclear[header] = tuple(columns)


def _may_be_truncated(text: str) -> bool:
    """Return whether a header has the length of one that was cut to ten bytes."""
    if text.isascii():
        return len(text) == _SHAPEFILE_NAME_BYTES
    # A cut through a character loses all of it: up to two bytes in UTF-8, one in GB 18030.
    return any(
        _SHAPEFILE_NAME_BYTES - len("字".encode(encoding))
        < len(text.encode(encoding, "replace"))
        <= _SHAPEFILE_NAME_BYTES
        for encoding in ("utf-8", "gb18030")
    )


def is_secret(header: str) -> bool:
    """Return whether the cells under a header are passwords, which are neither stored nor shown.

    Parameters
    ----------
    header : str
        Header of the file.

    Returns
    -------
    bool
        True for words such as ``password`` and ``设备口令``.
    """
    return normalise_word(header) in {normalise_word(word) for word in SECRETS.split()}
