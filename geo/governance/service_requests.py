"""Service requests (12345 hotline): accepted, closed, closed in time, duration, satisfaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from geo.errors import ColumnError, name_rows
from geo.frames import numbers_of, times_of
from geo.governance.hierarchy import LEVELS, admin_units_at
from geo.incidents.times import incident_moments
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame, Series

FIGURES = (
    "received",
    "accepted",
    "closed",
    "due",
    "closed_in_time",
    "in_time_share",
    "median_hours",
    "rated",
    "satisfaction",
)
"""Columns of `service_quality`."""


def service_quality(
    grids: GeoDataFrame,
    areas: GeoDataFrame,
    incidents: GeoDataFrame,
    *,
    as_of: pd.Timestamp | None = None,
    due_hours: float | None = None,
    monthly: bool = True,
    timezone: str = "Asia/Shanghai",
) -> DataFrame:
    """Return how service requests were handled, by area of every level and month of receipt.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids in a metric CRS, indexed by code, with `community`.
    areas : geopandas.GeoDataFrame
        Administrative areas, as for `assign_admin_units`.
    incidents : geopandas.GeoDataFrame
        Service requests as points in the same CRS, with `reported_at` (else see
        `incident_moments`), and as far as known `accepted_at`, `due_at`, `closed_at` and
        `satisfaction` (0 to 100). Those without any time are left out.
    as_of : pandas.Timestamp, optional
        Time at which the figures are taken, timezone-aware; by default the latest time in
        `incidents`. Later events are ignored.
    due_hours : float, optional
        Hours from receipt within which a request without `due_at` is to be closed. By default
        such a request has no due time.
    monthly : bool, optional
        Whether to group by month of receipt; otherwise all months together (`month` is NaT).
    timezone : str, optional
        Timezone in which a month begins.

    Returns
    -------
    pandas.DataFrame
        One row per area and month with any request, indexed by `level` (``grid``, ``community``,
        ``subdistrict``, ``district``), `code` ("" where the area is unknown: outside every grid,
        or a grid without a community) and `month` (first day). Columns: `received`, `accepted`,
        `closed`; `due` (a due time that has passed, or closed before it), `closed_in_time` and
        `in_time_share` of those due (NaN without any); `median_hours` from receipt to closing;
        `rated` and `satisfaction` (mean of the rated).

    Raises
    ------
    CrsError
        If the CRS differ or are not metric.
    GeometryError
        If a request is not a point.
    ColumnError
        If a request is closed or accepted before it was received, or `as_of` has no timezone.

    Notes
    -----
    Each level is computed from the requests themselves, since a median of medians would be wrong.
    Open requests whose due time has passed count as not in time; those whose due time has not
    passed are not due yet.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame({"community": ["c"]}, geometry=[shapely.box(0, 0, 9, 9)],
    ...     index=["g"], crs=32650)
    >>> areas = gpd.GeoDataFrame({"level": ["community"], "parent": [None]}, index=["c"],
    ...     geometry=[None])
    >>> requests = gpd.GeoDataFrame(
    ...     {"reported_at": ["2026-03-02T08:00+08:00"] * 2,
    ...      "closed_at": ["2026-03-02T20:00+08:00", None]},
    ...     geometry=[shapely.Point(1, 1)] * 2, crs=32650)
    >>> table = geo.service_quality(grids, areas, requests, due_hours=6)
    >>> columns = ["received", "closed", "in_time_share", "median_hours"]
    >>> table.loc[("community", "c"), columns].iloc[0].tolist()
    [2.0, 1.0, 0.0, 12.0]
    """
    received = received_at(incidents)
    warn_of_unused(incidents, "incidents", ("accepted_at", "due_at", "closed_at", "satisfaction"))
    moments = {name: times_of(incidents, name) for name in ("accepted_at", "due_at", "closed_at")}
    _require_order(incidents, received, moments)
    now = _as_of(as_of, received, moments)
    known = (received <= now).to_numpy()
    due = moments["due_at"]
    if due_hours is not None:
        due = due.fillna(received + pd.Timedelta(hours=due_hours))
    closed_at = moments["closed_at"].where(moments["closed_at"] <= now)
    closed = closed_at.notna()
    is_due = due.notna() & ((due < now) | closed)
    local = received.dt.tz_convert(timezone).dt.tz_localize(None)
    month = local.dt.to_period("M").dt.to_timestamp() if monthly else pd.NaT
    frame = pd.DataFrame(
        {
            "month": month,
            "accepted": (moments["accepted_at"] <= now) | closed,
            "closed": closed,
            "due": is_due,
            "closed_in_time": closed & (closed_at <= due) & is_due,
            "hours": (closed_at - received).dt.total_seconds() / 3600.0,
            "rating": numbers_of(incidents, "satisfaction"),
        },
        index=incidents.index,
    )
    units = admin_units_at(grids, areas, incidents)
    frame = frame.assign(**{level: units[level].to_numpy() for level in LEVELS})[known]
    tables = [_aggregate(frame, level) for level in LEVELS]
    return pd.concat(tables).set_index(["level", "code", "month"]).sort_index()


def _require_order(incidents: GeoDataFrame, received: Series, moments: dict[str, Series]) -> None:
    for name in ("accepted_at", "closed_at"):
        early = (moments[name] < received).to_numpy()
        if early.any():
            raise ColumnError(
                f"{int(early.sum())} service requests have {name} before their receipt; correct "
                f"the times of {name_rows(incidents.index[early])}"
            )


def _aggregate(frame: DataFrame, level: str) -> DataFrame:
    groups = frame.groupby([level, "month"], dropna=False)
    out = groups.agg(
        received=("closed", "size"),
        accepted=("accepted", "sum"),
        closed=("closed", "sum"),
        due=("due", "sum"),
        closed_in_time=("closed_in_time", "sum"),
        median_hours=("hours", "median"),
        rated=("rating", "count"),
        satisfaction=("rating", "mean"),
    ).reset_index()
    share = out["closed_in_time"] / out["due"].where(out["due"] > 0)
    out = out.rename(columns={level: "code"}).assign(level=level, in_time_share=share)
    return out[["level", "code", "month", *FIGURES]]


def received_at(incidents: GeoDataFrame) -> Series:
    """Return when each service request was received.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        Service requests, with `reported_at` as far as known.

    Returns
    -------
    pandas.Series
        `reported_at`, else the time of the incident (`incident_moments`), UTC; NaT where unknown.
    """
    received = incident_moments(incidents)
    if "reported_at" in incidents:
        reported = times_of(incidents, "reported_at")
        received = reported.where(reported.notna(), received)
    return received


def _as_of(
    as_of: pd.Timestamp | None, received: Series, moments: dict[str, Series]
) -> pd.Timestamp:
    if as_of is not None:
        if as_of.tzinfo is None:
            raise ColumnError("as_of needs a time zone, for instance 2026-11-01T00:00+08:00")
        return as_of
    latest = [received.max(), moments["accepted_at"].max(), moments["closed_at"].max()]
    known = [moment for moment in latest if pd.notna(moment)]
    return max(known) if known else pd.Timestamp.now(tz="UTC")
