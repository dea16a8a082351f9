"""When incidents happened, as far as it is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from geo.frames import local_times, moment_of, times_of
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import Series

Period = tuple[pd.Timestamp | str, pd.Timestamp | str]
TIME_COLUMNS = ("occurred_at", "occurred_from", "reported_at")
LONG_SPAN = pd.Timedelta(days=7)
"""An incident known only within a longer span counts in that span, but in no hour, day or week."""


def incident_times(incidents: GeoDataFrame) -> Series:
    """Return when each incident happened.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        Incidents; columns occurred_at, occurred_from and reported_at may be missing or empty.

    Returns
    -------
    pandas.Series
        UTC times on the index of `incidents`: occurred_at, else occurred_from, else reported_at;
        NaT without any.

    Raises
    ------
    ColumnError
        If a value is not a time.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from geo.incidents.times import incident_times
    >>> incidents = gpd.GeoDataFrame(
    ...     {"occurred_at": ["2026-03-02T08:00+08:00", None], "reported_at": [None, "2026-03-03"]},
    ...     geometry=[None, None], crs=32650)
    >>> incident_times(incidents).dt.strftime("%m-%d %H:%M").tolist()
    ['03-02 00:00', '03-03 00:00']
    """
    warn_of_unused(incidents, "incidents", TIME_COLUMNS)
    times = times_of(incidents, TIME_COLUMNS[0])
    for column in TIME_COLUMNS[1:]:
        if times.isna().any():
            others = times_of(incidents, column)
            times = times.where(times.notna(), others)
    return times.rename(None)


def span_ends(incidents: GeoDataFrame) -> Series:
    """Return the end of the span of each incident that is known only within more than `LONG_SPAN`.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        Incidents with occurred_from and occurred_to.

    Returns
    -------
    pandas.Series
        UTC times on the index of `incidents`; NaT for an incident whose time is known better.

    Raises
    ------
    ColumnError
        If a value is not a time.
    """
    ends = pd.Series(pd.NaT, index=incidents.index, dtype="datetime64[ns, UTC]")
    if not {"occurred_from", "occurred_to"} <= set(incidents.columns):
        return ends
    start, end = (times_of(incidents, name) for name in ("occurred_from", "occurred_to"))
    wide = (end - start) > LONG_SPAN
    for column in ("occurred_at", "reported_at"):
        if column in incidents:
            wide &= times_of(incidents, column).isna()
    return ends.mask(wide, end)


def incident_moments(incidents: GeoDataFrame) -> Series:
    """Return when each incident happened, as far as it is known to a week.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        As for `incident_times`.

    Returns
    -------
    pandas.Series
        As `incident_times`, but NaT where only a span longer than `LONG_SPAN` is known.

    Raises
    ------
    ColumnError
        If a value is not a time.
    """
    return incident_times(incidents).mask(span_ends(incidents).notna())


def local_day(moment: pd.Timestamp | str, timezone: str) -> pd.Timestamp:
    """Return midnight of a day of the local calendar.

    Parameters
    ----------
    moment : pandas.Timestamp or str
        A time; one without a zone is local already.
    timezone : str
        IANA name of the local zone.

    Returns
    -------
    pandas.Timestamp
        Midnight, without a zone.

    Raises
    ------
    ColumnError
        If it is not a time.

    Examples
    --------
    >>> from geo.incidents.times import local_day
    >>> local_day("2026-03-01T20:00Z", "Asia/Shanghai")
    Timestamp('2026-03-02 00:00:00')
    """
    stamp = moment_of(moment, "the period")
    if stamp.tzinfo is not None:
        stamp = local_times(pd.Series([stamp]), timezone).iloc[0]
    return stamp.normalize()
