"""Incidents known only from and to: spread evenly over the time in which they can have happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.errors import ColumnError, name_rows
from geo.frames import local_times, texts_of, times_of
from geo.incidents.times import incident_times
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray


def incident_spans(
    incidents: GeoDataFrame, timezone: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Earliest and latest moment of each incident, in days of the local clock since 1970.

    Both are the same where the moment is known (`occurred_at`), or only one end is; NaN without
    any time.

    Raises
    ------
    ColumnError : an incident ends before it begins.
    """
    begin = _local_days(incident_times(incidents), timezone)
    end = begin.copy()
    names = ("occurred_from", "occurred_to")
    warn_of_unused(incidents, "incidents", names)
    moments = [times_of(incidents, name) for name in names]
    known = moments[0].notna() & moments[1].notna() & texts_of(incidents, "occurred_at").isna()
    if known.any():
        spanned = known.to_numpy()
        end[spanned] = _local_days(moments[1][spanned], timezone)
        # Clocks put back in the autumn may set a later moment before an earlier one.
        behind = (moments[1] < moments[0]).to_numpy() & spanned
        if behind.any():
            raise ColumnError(
                f"{int(behind.sum())} incidents end before they begin; exchange occurred_from and "
                f"occurred_to of {name_rows(incidents.index[behind])}"
            )
        end = np.fmax(end, begin)
    return begin, end


def spread(
    begin: NDArray[np.float64],
    end: NDArray[np.float64],
    row: NDArray[np.int64],
    rows: int,
    edges: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Weight of incidents by row and span of time.

    Parameters
    ----------
    begin, end : of each incident, on the scale of `edges`; equal where the moment is known.
    row : of each incident, from 0.
    rows : how many rows the table has.
    edges : of the spans, rising; what lies outside them is lost.

    Returns
    -------
    Table of rows by spans. A moment counts 1 in its span (lower edge included); an incident from
    begin to end counts in each span by the share of that time which lies in it.

    Notes
    -----
    J. H. Ratcliffe and M. J. McCullagh, "Aoristic crime analysis", International Journal of
    Geographical Information Science 12 (1998).
    """
    spans = len(edges) - 1
    out = np.zeros((rows, spans))
    length = end - begin
    known = np.flatnonzero(length == 0)
    span = np.searchsorted(edges, begin[known], side="right") - 1
    inside = (span >= 0) & (span < spans)
    np.add.at(out, (row[known][inside], span[inside]), 1.0)
    wide = np.flatnonzero(length > 0)
    for k in range(spans):
        share = np.minimum(end[wide], edges[k + 1]) - np.maximum(begin[wide], edges[k])
        share = np.maximum(share, 0.0) / length[wide]
        out[:, k] += np.bincount(row[wide], weights=share, minlength=rows)
    return out


def hours_covered(begin: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[Any]:
    """Weight of incidents on each hour of the week (168, from Monday 0:00), local days since 1970."""
    # 1970-01-01 was a Thursday.
    first, last = ((days + 3.0) * 24.0 for days in (begin, end))
    out = np.zeros(168)
    known = np.flatnonzero(first == last)
    hour = np.floor(first[known] + 1e-9).astype(np.int64) % 168
    out += np.bincount(hour, minlength=168)
    wide = np.flatnonzero(last > first)
    length = last[wide] - first[wide]

    def until(moment: NDArray[np.float64], hour: int) -> NDArray[np.float64]:
        """How much of one hour of the week has passed since the beginning of time."""
        return np.floor(moment / 168.0) + np.clip(moment % 168.0 - hour, 0.0, 1.0)

    for hour_of_week in range(168):
        share = until(last[wide], hour_of_week) - until(first[wide], hour_of_week)
        out[hour_of_week] += (share / length).sum()
    return out


def _local_days(times: pd.Series, timezone: str) -> NDArray[np.float64]:
    local = local_times(times, timezone)
    return np.asarray(((local - pd.Timestamp(0)) / pd.Timedelta(days=1)).to_numpy(float))
