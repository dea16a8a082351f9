"""Categories of incidents as paths, from one column or from a column for each level."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.ingest import values
from geo.ingest.columns import distinct, objects
from geo.ingest.dictionary import normalise_word
from geo.ingest.header_vocabulary import CATEGORY_LEVELS
from geo.ingest.raw_table import RawTable


def category_paths(
    raw: RawTable,
    headers: list[str],
    columns: dict[str, str],
    categories: NDArray[np.object_],
) -> NDArray[np.object_]:
    """Return the category of each row as a path such as ``theft/bicycle``.

    Parameters
    ----------
    raw : RawTable
        The table of incidents.
    headers : list of str
        Headers among which columns of levels are looked for.
    columns : dict of str to str
        Column of the layer to the header that is recognised as it.
    categories : numpy.ndarray of str
        Parsed values of the column ``category``, one a row.

    Returns
    -------
    numpy.ndarray of str
        Paths from the columns of levels where the file has them (more than the first one, or no
        column of categories), else those of `categories`.
    """
    levels: list[NDArray[np.object_]] = []
    for words in CATEGORY_LEVELS:
        level_headers = {normalise_word(word) for word in words.split()}
        header = next((h for h in headers if normalise_word(h) in level_headers), None)
        if header is None:
            break
        codes, cells = distinct(raw.cells[header])
        levels.append(objects([values.text_of(cell) for cell in cells])[codes])
    categories = _as_paths(categories)
    if not levels or (len(levels) == 1 and "category" in columns):
        return categories
    joined = levels[0]
    for level in levels[1:]:
        joined = joined + "/" + level
    paths = _as_paths(joined)
    return np.where(paths != "", paths, categories)


def _as_paths(texts: NDArray[np.object_]) -> NDArray[np.object_]:
    codes, distinct_texts = distinct(pd.Series(texts, dtype="str"))
    return objects([values.category_of(text) for text in distinct_texts])[codes]
