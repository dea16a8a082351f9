"""Batches of rows from other systems: each row is checked by itself, and the good ones stored."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from geo.crs import Datum
from geo.errors import ReadError
from geo.ingest.cleaning import clean_table
from geo.ingest.dictionary import normalise_word, read_dictionary
from geo.ingest.findings import Finding
from geo.ingest.header_vocabulary import LAT, LON, WHERE
from geo.ingest.headers import match_headers
from geo.ingest.raw_table import RawTable
from geo.schema import LAYERS
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.areas import read_district
from geo.store.queries.registers import upsert_each

MOST_ROWS = 10_000
"""Rows that a batch may have."""
TIME_HEADERS = frozenset(
    normalise_word(word)
    for word in [
        "at",
        "since",
        "time",
        "told_at",
        "reported_at",
        "时间",
        "状态时间",
        "上报时间",
        "更新时间",
    ]
)
CLOCK_SLACK = dt.timedelta(minutes=5)
"""How far the clock of another system may be ahead."""
EARLIEST_TIME = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class RowAnswer:
    """What became of one row of a batch."""

    row: int
    """From 0, as it was sent."""
    key: str | None
    result: str
    """``inserted``, ``updated``, ``unchanged``, ``rejected``; of a status ``recorded``,
    ``unchanged``, ``superseded`` (in the history, but a newer one is known), ``rejected``."""
    findings: list[dict[str, str]]
    """What was repaired or why it was rejected."""


def parse_batch(body: Any) -> list[dict[str, Any]]:
    """Return the rows of a batch.

    Parameters
    ----------
    body : object
        JSON: a GeoJSON feature collection or feature, a list of objects, or ``{"rows": [...]}``.

    Returns
    -------
    list of dict
        Cells by column; of a feature its properties, its id and its coordinates.

    Raises
    ------
    ReadError
        If it is none of these, has no row, or more than `MOST_ROWS`.

    Examples
    --------
    >>> parse_batch({"rows": [{"code": "A1", "status": "online"}]})
    [{'code': 'A1', 'status': 'online'}]
    """
    if isinstance(body, dict) and body.get("type") == "FeatureCollection":
        body = body.get("features")
    elif isinstance(body, dict) and body.get("type") == "Feature":
        body = [body]
    elif isinstance(body, dict) and "rows" in body:
        body = body["rows"]
    if not isinstance(body, list):
        raise ReadError('send a GeoJSON feature collection, a list of objects, or {"rows": [...]}')
    if not body:
        raise ReadError("the batch has no rows")
    if len(body) > MOST_ROWS:
        raise ReadError(
            f"{len(body):,} rows are too many for one batch; send {MOST_ROWS:,} at a time"
        )
    return [_flat(row) for row in body]


def _flat(row: Any) -> dict[str, Any]:
    """Return the cells of a row; of a feature its properties, id and coordinates."""
    if not isinstance(row, dict):
        return {}
    if row.get("type") != "Feature":
        return {str(name): _cell(value) for name, value in row.items()}
    properties = row.get("properties")
    if not isinstance(properties, dict):
        properties = {}
    cells = {str(name): _cell(value) for name, value in properties.items()}
    if "id" in row:
        cells.setdefault("id", _cell(row["id"]))
    geometry = row.get("geometry")
    if geometry is not None:
        cells[LON], cells[LAT] = _coordinates(geometry)
    return cells


def _coordinates(geometry: Any) -> tuple[Any, Any]:
    """Return longitude and latitude of a point.

    Of anything else its text and None: it is rejected later as coordinates that cannot be read.
    """
    if isinstance(geometry, dict) and geometry.get("type") == "Point":
        position = geometry.get("coordinates")
        if isinstance(position, list) and len(position) in (2, 3):
            return position[0], position[1]
    return json.dumps(geometry)[:200], None


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def ingest_incidents(
    conn: Conn,
    rows: Sequence[dict[str, Any]],
    *,
    settings: Settings,
    source: str,
    datum: Datum | None = None,
) -> list[RowAnswer]:
    """Store the good incidents of a batch by their source and number; the caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database.
    rows : sequence of dict
        Rows from `parse_batch`; columns by the words of the incidents' dictionary.
    settings : Settings
        Settings of the deployment.
    source : str
        Source system of rows that name none.
    datum : {'gcj02', 'bd09', 'cgcs2000', 'wgs84'}, optional
        Datum of the coordinates; WGS 84 unless given.

    Returns
    -------
    list of RowAnswer
        One answer a row, in their order. A row that is sent again without change is ``unchanged``.
    """
    layer = LAYERS["incidents"]
    dictionary = read_dictionary(settings.dictionary)
    cells = pd.DataFrame(list(rows), dtype=object)
    cells = cells.where(cells.notna(), None)
    columns = match_headers(layer.name, [str(c) for c in cells.columns], None, dictionary).columns
    # A column that no row has is reported row by row, not as a fault of the whole batch.
    for name in ("source_id", "occurred_at", LON, LAT):
        if name not in columns and not (name in (LON, LAT) and WHERE in columns):
            cells[name] = None
    raw = RawTable(cells, np.arange(1, len(cells) + 1, dtype=np.int64))
    cleaned = clean_table(
        raw,
        layer,
        zone=settings.zone,
        datum=datum,
        district=read_district(conn),
        source=source,
        dictionary=dictionary,
    )
    frame = cleaned.frame
    results = {} if frame.empty else upsert_each(conn, layer, frame)
    findings = _findings_by_row(cleaned.findings)
    keys = {
        int(line) - 1: (str(row_source), str(source_id))
        for line, row_source, source_id in zip(
            frame["line"], frame["source"], frame["source_id"], strict=True
        )
    }
    answers = []
    for row in range(len(rows)):
        key = keys.get(row)
        result = "rejected" if key is None else results.get(key, "unchanged")
        text = "/".join(key) if key else None
        answers.append(RowAnswer(row, text, result, findings.get(row, [])))
    return answers


def _findings_by_row(findings: Sequence[Finding]) -> dict[int, list[dict[str, str]]]:
    by_row: dict[int, list[dict[str, str]]] = {}
    for finding in findings:
        by_row.setdefault(finding.line - 1, []).append(finding_as_dict(finding))
    return by_row


def finding_as_dict(finding: Finding) -> dict[str, str]:
    """Return a finding as JSON values, its reason as a code.

    Parameters
    ----------
    finding : Finding
        Finding of a row.

    Returns
    -------
    dict of str to str
        With the keys `action`, `reason`, `column` and `detail`.
    """
    return {
        "action": finding.action.value,
        "reason": finding.code,
        "column": finding.column,
        "detail": finding.detail,
    }
