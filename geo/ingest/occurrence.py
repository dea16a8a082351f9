"""Time spans and keys for files without their own."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.errors import ColumnError
from geo.import_reasons import ReasonCode, RowAction
from geo.ingest import values
from geo.ingest.findings import Finding
from geo.ingest.raw_table import RawTable

KeyRule = Literal["number", "digest"]
_DIGEST_DIGITS = 20
_TIMES = ("occurred_at", "occurred_from", "occurred_to", "reported_at")


def parse_span(text: str, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """Return the time span of a year, month or day, or from one to another.

    Parameters
    ----------
    text : str
        ``2025``, ``2025-03``, ``2025-03-05``, or two of these separated by a slash.
    zone : zoneinfo.ZoneInfo
        Time zone of the calendar.

    Returns
    -------
    begin, end : datetime.datetime
        Begin, and end (excluded), in `zone`.

    Raises
    ------
    ColumnError
        If the text has another form, ends before it begins or is before 1949-10-01.

    Examples
    --------
    >>> begin, end = parse_span("2025-12", ZoneInfo("UTC"))
    >>> begin.isoformat(), end.isoformat()
    ('2025-12-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00')
    """
    parts = text.strip().split("/")
    spans = [_calendar_span(part.strip()) for part in parts]
    if len(parts) > 2 or any(span is None for span in spans):
        raise ColumnError(
            f"--occurred {text}: write a year (2025), a month (2025-03), a day (2025-03-05), or "
            "two of them, first and last (2025-01-01/2025-06-30)"
        )
    known = [span for span in spans if span is not None]
    begin, end = known[0][0], known[-1][1]
    if begin >= end:
        raise ColumnError(f"--occurred {text} ends before it begins; exchange the two")
    begin, end = begin.replace(tzinfo=zone), end.replace(tzinfo=zone)
    if not begin >= values.EARLIEST:
        raise ColumnError(f"--occurred {text} is before {values.EARLIEST:%Y}; give a later time")
    return begin, end


def _calendar_span(text: str) -> tuple[dt.datetime, dt.datetime] | None:
    """Return begin and end of a year, month or day; None if the text is none of them."""
    match = re.fullmatch(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", text)
    if not match:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        begin = dt.datetime(year or 1, month or 1, day or 1)  # noqa: DTZ001
        if day is not None:
            return begin, begin + dt.timedelta(days=1)
        if month is not None:
            return begin, dt.datetime(begin.year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001
        return begin, dt.datetime(begin.year + 1, 1, 1)  # noqa: DTZ001
    except ValueError:
        return None


def fill_span(
    columns: dict[str, Any],
    span: tuple[dt.datetime, dt.datetime],
    keep: NDArray[np.bool_],
    now: dt.datetime,
) -> list[Finding]:
    """Give incidents without any time a span as the time in which they happened.

    Parameters
    ----------
    columns : dict of str to pandas.Series
        Columns of the incidents; those of the times are replaced.
    span : tuple of datetime.datetime
        Begin, and end (excluded).
    keep : numpy.ndarray of bool, shape (rows,)
        Rows that have not been rejected.
    now : datetime.datetime
        Upper limit of the end.

    Returns
    -------
    list of Finding
        One finding that says which rows were filled.

    Raises
    ------
    ColumnError
        If the span begins in the future.
    """
    begin, end = span
    if begin >= now:
        raise ColumnError(f"--occurred begins at {begin:%Y-%m-%d}, which is in the future")
    is_timeless = np.all([columns[name].isna() for name in _TIMES], axis=0) & keep
    if not is_timeless.any():
        detail = "every row has a time of its own"
        return [
            Finding(
                0, RowAction.NOTED, ReasonCode.TIME_SPAN_NOT_NEEDED, "occurred_from", detail, ""
            )
        ]
    last = min(end, now)
    for column, moment in (("occurred_from", begin), ("occurred_to", last)):
        times = columns[column]
        filled = pd.Series(pd.Timestamp(moment).tz_convert("UTC"), times.index)
        columns[column] = times.mask(is_timeless, filled.astype(times.dtype))
    detail = (
        f"{int(is_timeless.sum()):,} rows, from {begin:%Y-%m-%d} until {last:%Y-%m-%d %H:%M}; if "
        "that is more than a week they count in periods that contain it, and in no hour or trend"
    )
    return [Finding(0, RowAction.NOTED, ReasonCode.TIME_SPAN_ASSIGNED, "occurred_from", detail, "")]


def make_keys(raw: RawTable, rule: KeyRule, *, prefix: str = "") -> NDArray[np.object_]:
    """Return a key for each row of a file without a key column.

    Parameters
    ----------
    raw : RawTable
        Rows as they were read.
    rule : {"number", "digest"}
        ``number`` is the row's number from 1, stable while rows are only appended to the file.
        ``digest`` is a digest of the cells and geometry, stable also when rows are sorted or
        removed; equal rows get a number after it.
    prefix : str, optional
        Precedes the number, so that two files do not share keys.

    Returns
    -------
    numpy.ndarray of str, shape (rows,)
        Unique keys.
    """
    count = len(raw.cells)
    if rule == "number":
        return np.array([f"{prefix}{number}" for number in range(1, count + 1)], object)
    shapes = [b""] * count
    if raw.geometry is not None:
        shapes = [wkb or b"" for wkb in shapely.to_wkb(np.asarray(raw.geometry.values))]
    columns = [raw.cells[name].tolist() for name in raw.cells.columns]
    occurrences: dict[str, int] = {}
    keys = np.full(count, None, object)
    rows = zip(*columns, strict=True) if columns else iter([()] * count)
    for row, (cells, shape) in enumerate(zip(rows, shapes, strict=True)):
        text = "\x1f".join(values.text_of(cell) for cell in cells)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass") + b"\x1e" + shape).hexdigest()
        key = digest[:_DIGEST_DIGITS]
        occurrences[key] = occurrences.get(key, 0) + 1
        keys[row] = key if occurrences[key] == 1 else f"{key}-{occurrences[key]}"
    return keys
