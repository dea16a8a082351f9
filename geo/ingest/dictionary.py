"""Words for columns and values: those built in, and those that a deployment adds in a TOML file."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from geo.errors import ReadError
from geo.ingest.header_vocabulary import LAT, LON, WHERE, words_of_layer
from geo.ingest.value_vocabulary import VALUE_WORDS
from geo.ingest.values import normalise_signs
from geo.schema import LAYERS


@lru_cache(maxsize=8192)
def normalise_word(text: str) -> str:
    """Return a header or word without what carries no meaning, to compare it with others.

    Parameters
    ----------
    text : str
        Header of a file, or word of a dictionary.

    Returns
    -------
    str
        The text in one width and case, without blanks, marks, and brackets with their content.

    Examples
    --------
    >>> normalise_word("Camera_ID *"), normalise_word("安装高度(米)")
    ('cameraid', '安装高度')
    """
    text = unicodedata.normalize("NFKC", normalise_signs(text)).casefold()
    text = re.sub(r"[\(\[【{<].*?[\)\]】}>]", "", text)
    return re.sub(r"[\s_\-*:./·#]+", "", text)


@dataclass(frozen=True)
class Dictionary:
    """Words that a deployment adds to those built in, and which precede them."""

    headers: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """Words of headers, by layer and column."""
    values: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Words of each stored value, by layer and column."""


BUILT_IN = Dictionary()
"""The dictionary that adds no word."""


def read_dictionary(path: Path | None) -> Dictionary:
    """Read the words of a deployment for headers and values from a TOML file.

    Parameters
    ----------
    path : pathlib.Path or None
        File with tables ``[headers.LAYER]`` (column = list of headers) and
        ``[values.LAYER.COLUMN]`` (stored value = list of words); None for no words.

    Returns
    -------
    Dictionary
        The words; `BUILT_IN` where `path` is None.

    Raises
    ------
    ReadError
        If the file cannot be read, or names an unknown layer, column or value.
    """
    if path is None:
        return BUILT_IN
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ReadError(f"the dictionary {path} cannot be read: {error}") from error
    if unknown := set(tables) - {"headers", "values"}:
        raise ReadError(
            f"the dictionary {path} has {', '.join(sorted(unknown))}; it may have headers and "
            "values"
        )
    headers = {}
    for layer, columns in tables.get("headers", {}).items():
        for column, words in columns.items():
            _choices_of(path, layer, column)
            headers[layer, column] = _words(path, words)
    values = {}
    for layer, columns in tables.get("values", {}).items():
        for column, words_by_value in columns.items():
            values[layer, column] = _value_words(path, layer, column, words_by_value)
    return Dictionary(headers, values)


def _value_words(
    path: Path, layer: str, column: str, words_by_value: Mapping[str, object]
) -> dict[str, tuple[str, ...]]:
    """Return the words of each value of a column, after a check that it has these values."""
    allowed = _choices_of(path, layer, column)
    if unknown := set(words_by_value) - set(allowed):
        raise ReadError(
            f"the dictionary {path}: {layer}.{column} is never {', '.join(sorted(unknown))}, "
            f"but {', '.join(allowed)}"
        )
    return {value: _words(path, words) for value, words in words_by_value.items()}


def _choices_of(path: Path, layer: str, column: str) -> tuple[str, ...]:
    """Return the choices of a column, after a check that the layer has it."""
    if layer not in LAYERS:
        raise ReadError(
            f"the dictionary {path}: there is no layer {layer}; use one of {', '.join(LAYERS)}"
        )
    if column in (LON, LAT, WHERE):
        return ()
    if column not in LAYERS[layer].names:
        raise ReadError(
            f"the dictionary {path}: {layer} has no column {column}; "
            f"it has {', '.join(LAYERS[layer].names)}"
        )
    return LAYERS[layer].column(column).choices


def _words(path: Path, words: object) -> tuple[str, ...]:
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        raise ReadError(f"the dictionary {path}: {words!r} must be a list of words")
    return tuple(words)


def header_words(layer: str, dictionary: Dictionary = BUILT_IN) -> dict[str, list[str]]:
    """Return the words for each column of a layer.

    Parameters
    ----------
    layer : str
        Name of the layer.
    dictionary : Dictionary, optional
        Words of the deployment.

    Returns
    -------
    dict of str to list of str
        Column to its words, best first: its own name, those of the deployment, those built in.
    """
    return {
        column: [column, *dictionary.headers.get((layer, column), ()), *words]
        for column, words in words_of_layer(layer).items()
    }


def value_of(layer: str, column: str, text: str, dictionary: Dictionary = BUILT_IN) -> str | None:
    """Return the stored value that a word in a cell means.

    Parameters
    ----------
    layer : str
        Name of the layer.
    column : str
        Name of the column.
    text : str
        The word, or a code such as ``3`` or ``3.0``.
    dictionary : Dictionary, optional
        Words of the deployment, which precede those built in.

    Returns
    -------
    str or None
        None where no dictionary has the word.

    Examples
    --------
    >>> value_of("cameras", "kind", "球机"), value_of("cameras", "kind", "drone")
    ('ptz', None)
    """
    word = normalise_word(text)
    if re.fullmatch(r"\d+\.0", text.strip()):
        word = text.strip()[:-2]
    for value, own_words in dictionary.values.get((layer, column), {}).items():
        if word in {normalise_word(own_word) for own_word in own_words}:
            return value
    for value, listed in VALUE_WORDS.get((layer, column), {}).items():
        if word in {normalise_word(known) for known in listed.split()}:
            return value
    return None
