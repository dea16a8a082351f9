"""Batches of rows from other systems: each row judged by itself, the good ones stored."""

from __future__ import annotations

import datetime as dt
import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from geo.crs import Datum
from geo.errors import ReadError
from geo.ingest import values
from geo.ingest.cleaning import clean
from geo.ingest.findings import REJECTED, Finding
from geo.ingest.headers import LAT, LON, WHERE, normalised, read_dictionary, recognise, value_of
from geo.ingest.raw_table import RawTable
from geo.schema import LAYERS
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.areas import read_district
from geo.store.queries.cameras import (
    delete_later_statuses,
    lock_cameras,
    read_status_history,
    write_statuses,
)
from geo.store.queries.registers import upsert_each

MOST_ROWS = 10_000
"""Rows a batch may have."""
_TIMES = "at since time told_at reported_at 时间 状态时间 上报时间 更新时间"
_CLOCK_SLACK = dt.timedelta(minutes=5)
_EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class RowAnswer:
    """What became of one row of a batch."""

    row: int
    """From 0, as it was sent."""
    key: str | None
    result: str
    """``inserted``, ``updated``, ``unchanged``, ``rejected``; of a status ``recorded``,
    ``unchanged``, ``superseded`` (kept in the history, but a newer one is known), ``rejected``."""
    findings: list[dict[str, str]]
    """What was mended or why it was rejected."""


def rows_of(body: Any) -> list[dict[str, Any]]:
    """The rows of a batch: a GeoJSON feature collection or feature, a list, or ``{"rows": [...]}``.

    Raises
    ------
    ReadError : it is none of these, has no row or too many.
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
    """Columns of a row; of a feature its properties, id and coordinates."""
    if not isinstance(row, dict):
        return {}
    if row.get("type") != "Feature":
        return {str(k): _cell(v) for k, v in row.items()}
    told = row.get("properties")
    out = {str(k): _cell(v) for k, v in told.items()} if isinstance(told, dict) else {}
    if "id" in row:
        out.setdefault("id", _cell(row["id"]))
    shape = row.get("geometry")
    if shape is not None:
        place = shape.get("coordinates") if isinstance(shape, dict) else None
        point = isinstance(shape, dict) and shape.get("type") == "Point"
        good = point and isinstance(place, list) and len(place) in (2, 3)
        # What is no point stays to be told as coordinates that cannot be read.
        out[LON], out[LAT] = place[:2] if good and place else (json.dumps(shape)[:200], None)
    return out


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def take_incidents(
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
    conn : an open connection to a migrated database.
    rows : from `rows_of`; columns by the words of the incidents' dictionary.
    settings : of the deployment.
    source : of rows that name none.
    datum : Chinese map datum of the coordinates; WGS 84 unless given.

    Returns
    -------
    One answer a row, in their order. A row sent again as it is comes back ``unchanged``.
    """
    layer = LAYERS["incidents"]
    dictionary = read_dictionary(settings.dictionary)
    cells = pd.DataFrame(list(rows), dtype=object)
    cells = cells.where(cells.notna(), None)
    found = recognise(layer.name, [str(c) for c in cells.columns], None, dictionary).columns
    # A column that no row has is told row by row, not as a fault of the whole batch.
    for name in ("source_id", "occurred_at", LON, LAT):
        if name not in found and not (name in (LON, LAT) and WHERE in found):
            cells[name] = None
    raw = RawTable(cells, np.arange(1, len(cells) + 1, dtype=np.int64))
    cleaned = clean(
        raw, layer, zone=settings.zone, datum=datum, district=read_district(conn),
        source=source, dictionary=dictionary,
    )  # fmt: skip
    frame = cleaned.frame
    done = {} if frame.empty else upsert_each(conn, layer, frame)
    told = _by_row(cleaned.findings)
    keys = {
        int(line) - 1: (str(a), str(b))
        for line, a, b in zip(frame["line"], frame["source"], frame["source_id"], strict=True)
    }
    out = []
    for row in range(len(rows)):
        key = keys.get(row)
        result = "rejected" if key is None else done.get(key, "unchanged")
        out.append(RowAnswer(row, "/".join(key) if key else None, result, told.get(row, [])))
    return out


def _by_row(findings: Sequence[Finding]) -> dict[int, list[dict[str, str]]]:
    out: dict[int, list[dict[str, str]]] = {}
    for f in findings:
        said = {"action": f.action, "reason": f.reason, "column": f.column, "detail": f.detail}
        out.setdefault(f.line - 1, []).append(said)
    return out


def take_statuses(
    conn: Conn, rows: Sequence[dict[str, Any]], *, settings: Settings, now: dt.datetime
) -> list[RowAnswer]:
    """Store the statuses of a batch, each from its own moment on; the caller commits.

    Parameters
    ----------
    conn : an open connection to a migrated database.
    rows : from `rows_of`: the camera's code and status by the words of the dictionary, and `at`, the
        moment from which on it holds (`now` unless given).
    settings : of the deployment.
    now : the moment it is.

    Returns
    -------
    One answer a row, in their order. A status that the history has at its moment is ``unchanged``,
    however often it is sent, in whatever order.
    """
    dictionary = read_dictionary(settings.dictionary)
    headers = list(dict.fromkeys(key for row in rows for key in row))
    found = recognise("cameras", headers, None, dictionary).columns
    words = {normalised(word) for word in _TIMES.split()}
    clock = next((h for h in headers if normalised(h) in words), None)
    answers: list[RowAnswer | None] = [None] * len(rows)

    def reject(at: int, code: str | None, reason: str, column: str, detail: str) -> None:
        said = {"action": REJECTED, "reason": reason, "column": column, "detail": detail}
        answers[at] = RowAnswer(at, code or None, "rejected", [said])

    good: list[tuple[dt.datetime, int, str, str]] = []
    codes = [values.storable(values.text_of(row.get(found.get("code", "code")))) for row in rows]
    known = lock_cameras(conn, [code for code in codes if code])
    for at, (row, code) in enumerate(zip(rows, codes, strict=True)):
        word = values.text_of(row.get(found.get("status", "status")))
        status = word if word in LAYERS["cameras"].column("status").choices else value_of(
            "cameras", "status", word, dictionary
        )  # fmt: skip
        moment = row.get(clock) if clock is not None else None
        since = now if values.blank(moment) else values.time_of(moment, settings.zone)
        if not code:
            reject(at, code, "empty value", "code", "this column is needed")
        elif code not in known:
            reject(at, code, "unknown camera", "code", f"{code} is not in the register")
        elif status is None:
            reject(at, code, "unknown status", "status", repr(word))
        elif since is None or since < _EARLIEST:
            reject(at, code, "impossible date", "at", repr(moment))
        elif since > now + _CLOCK_SLACK:
            reject(at, code, "date in the future", "at", since.isoformat())
        else:
            good.append((min(since, now).astimezone(dt.UTC), at, code, status))
    told = sorted({code for _, _, code, _ in good})
    # What a clock noted that was ahead would stand in the way of all that is told until then.
    delete_later_statuses(conn, told, now + _CLOCK_SLACK)
    history = read_status_history(conn, told)
    new: list[tuple[str, dt.datetime, str]] = []
    heard: dict[str, dt.datetime] = {}
    for since, at, code, status in sorted(good):
        past = history[code]
        after = bisect_right(past, since, key=lambda entry: entry[0])
        result = "recorded" if after == len(past) else "superseded"
        if after and past[after - 1][1] == status:
            result = "unchanged"
        elif after and past[after - 1][0] == since:
            past[after - 1] = (since, status)
            new.append((code, since, status))
        else:
            past.insert(after, (since, status))
            new.append((code, since, status))
        heard[code] = max(since, heard.get(code, since))
        answers[at] = RowAnswer(at, code, result, [])
    current = {code: history[code][-1][1] for code in heard if history[code]}
    latest = {(code, since): status for code, since, status in new}
    write_statuses(conn, [(c, s, w) for (c, s), w in latest.items()], current, heard)
    return [answer for answer in answers if answer is not None]
