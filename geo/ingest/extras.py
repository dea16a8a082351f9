"""Columns that a layer does not have, stored with each row as a JSON object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.ingest import values
from geo.ingest.columns import distinct, json_objects, objects
from geo.ingest.raw_table import RawTable


def extra_objects(
    raw: RawTable, headers: list[str], texts: dict[str, pd.Series]
) -> NDArray[np.object_]:
    """Return the values of ``extra``: a JSON object a row, with what is not empty.

    Parameters
    ----------
    raw : RawTable
        The table.
    headers : list of str
        Headers of the columns to store. Of one called ``extra`` that holds JSON objects, as in our
        own exports, the members are stored.
    texts : dict of str to pandas.Series
        Further texts by header, one a row, in place of the column of this header.

    Returns
    -------
    numpy.ndarray of str
        JSON texts, one a row.
    """
    parts: dict[str, pd.Series] = {}
    for header, cells in {**{h: raw.cells[h] for h in headers}, **texts}.items():
        codes, distinct_cells = distinct(cells)
        members = _members_of_objects(distinct_cells) if header == "extra" else None
        if members is None:
            members = {header: [_json_text(cell) for cell in distinct_cells]}
        for name, json_texts in members.items():
            key = f"{json.dumps(values.storable(values.text_of(name)), ensure_ascii=False)}: "
            parts[key] = pd.Series(objects(json_texts)[codes])
    return json_objects(parts) if parts else np.full(len(raw.cells), "{}", object)


def _json_text(cell: Any) -> str | None:
    if values.is_blank(cell):
        return None
    text = values.storable(values.without_marker(values.text_of(cell)))
    return json.dumps(text, ensure_ascii=False)


def _members_of_objects(cells: Sequence[Any]) -> dict[str, list[str | None]] | None:
    """Return the members of cells that are JSON objects, by name; None where a cell is none."""
    rows: list[dict[str, Any]] = []
    for cell in cells:
        if isinstance(cell, dict):
            rows.append(cell)
            continue
        try:
            value = {} if values.is_blank(cell) else json.loads(str(cell))
        except ValueError:
            return None
        if not isinstance(value, dict):
            return None
        rows.append(value)
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: [json.dumps(row[name], ensure_ascii=False) if name in row else None for row in rows]
        for name in names
    }
