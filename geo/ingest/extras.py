"""Columns that are not ours, stored with each row as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from geo.ingest import values
from geo.ingest.columns import distinct, json_objects, objects
from geo.ingest.raw_table import RawTable


def extra_objects(raw: RawTable, headers: list[str], texts: dict[str, pd.Series]) -> Any:
    """Columns that are not ours and texts not understood, as a JSON object a row of what is not empty."""
    parts: dict[str, pd.Series] = {}
    for header, cells in {**{h: raw.cells[h] for h in headers}, **texts}.items():
        codes, found = distinct(cells)
        inner = _own_extra(found) if header == "extra" else None
        columns = {header: [_json_text(cell) for cell in found]} if inner is None else inner
        for name, told in columns.items():
            key = f"{json.dumps(values.storable(values.text_of(name)), ensure_ascii=False)}: "
            parts[key] = pd.Series(objects(told)[codes])
    return json_objects(parts) if parts else np.full(len(raw.cells), "{}", object)


def _json_text(cell: Any) -> str | None:
    if values.blank(cell):
        return None
    return json.dumps(
        values.storable(values.without_marker(values.text_of(cell))), ensure_ascii=False
    )


def _own_extra(cells: Sequence[Any]) -> dict[str, list[str | None]] | None:
    """Columns of the JSON objects that our own exports have in `extra`; None for other texts."""
    rows: list[dict[str, Any]] = []
    for cell in cells:
        if isinstance(cell, dict):
            rows.append(cell)
            continue
        try:
            told = {} if values.blank(cell) else json.loads(str(cell))
        except ValueError:
            return None
        if not isinstance(told, dict):
            return None
        rows.append(told)
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: [json.dumps(row[name], ensure_ascii=False) if name in row else None for row in rows]
        for name in names
    }
