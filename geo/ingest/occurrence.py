"""Time spans and keys for files that have none of their own."""

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
from geo.ingest import values
from geo.ingest.findings import NOTED, Finding
from geo.ingest.raw_table import RawTable

KeyRule = Literal["number", "digest"]
_DIGEST_DIGITS = 20


def parse_span(text: str, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """Return begin and end (excluded) of a year, month or day, or from one up to another.

    Parameters
    ----------
    text : ``2025``, ``2025-03``, ``2025-03-05``, or two of these with a slash between.
    zone : of the calendar.

    Raises
    ------
    ColumnError : it is none of these, or ends before it begins.
    """
    parts = text.strip().split("/")
    spans = [_calendar_span(part.strip()) for part in parts]
    if len(parts) > 2 or any(span is None for span in spans):
        raise ColumnError(
            f"--occurred {text}: write a year (2025), a month (2025-03), a day (2025-03-05), or from "
            "one up to another (2025-01-01/2025-06-30)"
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
    found = re.fullmatch(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", text)
    if not found:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
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
    out: dict[str, Any],
    span: tuple[dt.datetime, dt.datetime],
    keep: NDArray[np.bool_],
    now: dt.datetime,
) -> list[Finding]:
    """Give incidents without any time the span in which they happened; what was done is reported.

    Parameters
    ----------
    out : columns of the incidents, filled in place.
    span : begin and end (excluded).
    keep : rows that are still in.
    now : no incident happened later.

    Raises
    ------
    ColumnError : the span lies in the future.
    """
    begin, end = span
    if begin >= now:
        raise ColumnError(f"--occurred begins at {begin:%Y-%m-%d}, which is in the future")
    columns = ("occurred_at", "occurred_from", "occurred_to", "reported_at")
    timeless = np.all([out[c].isna() for c in columns], axis=0) & keep
    if not timeless.any():
        detail = "every row has a time of its own"
        return [Finding(0, NOTED, "--occurred was not needed", "occurred_from", detail, "")]
    last = min(end, now)
    for column, moment in (("occurred_from", begin), ("occurred_to", last)):
        filled = pd.Series(pd.Timestamp(moment).tz_convert("UTC"), out[column].index)
        out[column] = out[column].mask(timeless, filled.astype(out[column].dtype))
    detail = (
        f"{int(timeless.sum()):,} rows, from {begin:%Y-%m-%d} until {last:%Y-%m-%d %H:%M}; where that is "
        "more than a week they count in periods that hold all of it, and in no hour or trend"
    )
    return [Finding(0, NOTED, "time span given to incidents without a time", "occurred_from", detail, "")]  # fmt: skip


def make_keys(raw: RawTable, rule: KeyRule, *, prefix: str = "") -> NDArray[np.object_]:
    """Return a key for each row of a file without one.

    Parameters
    ----------
    raw : the rows as they were read.
    rule : ``number``: the row's number from 1, good as long as the file only grows at its end;
        ``digest``: of all that the row says, good also where rows are sorted or taken out. Rows
        that are equal get a number after it.
    prefix : goes before the number, so that two files do not share keys.
    """
    count = len(raw.cells)
    if rule == "number":
        return np.array([f"{prefix}{k + 1}" for k in range(count)], object)
    shapes = [b""] * count
    if raw.geometry is not None:
        shapes = [wkb or b"" for wkb in shapely.to_wkb(np.asarray(raw.geometry.values))]
    columns = [raw.cells[name].tolist() for name in raw.cells.columns]
    seen: dict[str, int] = {}
    out = np.full(count, None, object)
    rows = zip(*columns, strict=True) if columns else iter([()] * count)
    for row, (cells, shape) in enumerate(zip(rows, shapes, strict=True)):
        text = "\x1f".join(values.text_of(cell) for cell in cells)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass") + b"\x1e" + shape).hexdigest()
        name = digest[:_DIGEST_DIGITS]
        seen[name] = seen.get(name, 0) + 1
        out[row] = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return out
