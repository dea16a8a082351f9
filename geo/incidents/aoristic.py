"""Aoristic analysis: incidents known only within a span, spread evenly over it."""

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
    """Return the earliest and latest time of each incident.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        Incidents; columns occurred_at, occurred_from, occurred_to, reported_at may be missing.
    timezone : str
        IANA name of the local zone.

    Returns
    -------
    begin, end : numpy.ndarray of float
        Days of the local clock since 1970, one per incident. Both are equal where the time is known
        (occurred_at), or only one end is; NaN without any time.

    Raises
    ------
    ColumnError
        If an incident ends before it begins; the rows are named.
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
        reversed_ = (moments[1] < moments[0]).to_numpy() & spanned
        if reversed_.any():
            raise ColumnError(
                f"{int(reversed_.sum())} incidents end before they begin; exchange occurred_from "
                f"and occurred_to of {name_rows(incidents.index[reversed_])}"
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
    """Return the weight of incidents by row and span of time.

    Parameters
    ----------
    begin, end : numpy.ndarray of float, shape (n,)
        Earliest and latest time of each incident, on the scale of `edges`; equal where it is known.
    row : numpy.ndarray of int64, shape (n,)
        Row of each incident, from 0.
    rows : int
        Number of rows of the table.
    edges : numpy.ndarray of float
        Edges of the spans, rising; what lies outside them is lost.

    Returns
    -------
    numpy.ndarray of float, shape (rows, len(edges) - 1)
        A known time counts 1 in its span (lower edge included); an incident from begin to end
        counts in each span by the share of its time that lies in it.

    Notes
    -----
    Aoristic analysis [1]_.

    References
    ----------
    .. [1] J. H. Ratcliffe and M. J. McCullagh, "Aoristic crime analysis", International Journal of
       Geographical Information Science 12 (1998).

    Examples
    --------
    >>> import numpy as np
    >>> from geo.incidents.aoristic import spread
    >>> begin, end = np.array([0.5, 0.5]), np.array([0.5, 2.5])
    >>> spread(begin, end, np.array([0, 1]), 2, np.arange(4.0)).tolist()
    [[1.0, 0.0, 0.0], [0.25, 0.5, 0.25]]
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
    """Return the weight of incidents on each hour of the week.

    Parameters
    ----------
    begin, end : numpy.ndarray of float
        Earliest and latest time of each incident, days of the local clock since 1970.

    Returns
    -------
    numpy.ndarray, shape (168,)
        Weights from Monday 0:00; they sum to the number of incidents.

    Examples
    --------
    >>> import numpy as np
    >>> from geo.incidents.aoristic import hours_covered
    >>> monday = np.array([4.0])  # 1970-01-05
    >>> hours_covered(monday, monday + 2 / 24)[:3].round(6).tolist()
    [0.5, 0.5, 0.0]
    """
    # 1970-01-01 was a Thursday.
    first, last = ((days + 3.0) * 24.0 for days in (begin, end))
    out = np.zeros(168)
    known = np.flatnonzero(first == last)
    hour = np.floor(first[known] + 1e-9).astype(np.int64) % 168
    out += np.bincount(hour, minlength=168)
    wide = np.flatnonzero(last > first)
    length = last[wide] - first[wide]

    def _passed(moment: NDArray[np.float64], hour: int) -> NDArray[np.float64]:
        """Return how often one hour of the week has passed since the Monday before 1970."""
        return np.floor(moment / 168.0) + np.clip(moment % 168.0 - hour, 0.0, 1.0)

    for hour_of_week in range(168):
        share = _passed(last[wide], hour_of_week) - _passed(first[wide], hour_of_week)
        out[hour_of_week] += (share / length).sum()
    return out


def _local_days(times: pd.Series, timezone: str) -> NDArray[np.float64]:
    """Return times as days of the local clock since 1970."""
    local = local_times(times, timezone)
    return np.asarray(((local - pd.Timestamp(0)) / pd.Timedelta(days=1)).to_numpy(float))
