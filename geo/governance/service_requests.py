"""How well appeals are served: accepted, closed, in time, how soon, and to whose satisfaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from geo.errors import ColumnError, name_rows
from geo.frames import numbers_of, times_of
from geo.governance.hierarchy import LEVELS, admin_units_at
from geo.incidents.density import incident_moments
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame, Series

FIGURES = (
    "received", "accepted", "closed", "due", "closed_in_time", "in_time_share", "median_hours",
    "rated", "satisfaction",
)  # fmt: skip
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
    """How appeals were served, by area of every level and by month of receipt.

    Parameters
    ----------
    grids, areas : as for `assign_admin_units`; grids metric CRS.
    incidents : appeals and cases, same CRS as the grids: `reported_at` (else see
        `incident_moments`), and as far as known `accepted_at`, `due_at`, `closed_at`,
        `satisfaction` (0 to 100). Those without any time are left out.
    as_of : the moment the figures are told for, timezone-aware; the latest time in `incidents`
        unless given. What happened after it is not known yet.
    due_hours : hours from receipt within which an appeal without `due_at` is to be closed; such
        an appeal has no due time unless given.
    monthly : by month of receipt; otherwise all months together (`month` is NaT).
    timezone : in which a month begins.

    Returns
    -------
    One row for each area and month that received any, indexed by `level` (``grid``,
    ``community``, ``subdistrict``, ``district``), `code` ("" where the level is not known: outside
    every grid, or a grid without a community) and `month` (first day): `received`, `accepted`,
    `closed`; `due` (with a due time that has passed, or closed before it), `closed_in_time`
    and `in_time_share` of those due (NaN without any); `median_hours` from receipt to closing of the
    closed; `rated` and `satisfaction` (mean of the rated).

    Raises
    ------
    CrsError, GeometryError : as `grid_of`.
    ColumnError : an appeal is closed or accepted before it was received, or as_of has no zone.

    Notes
    -----
    Each level is worked out of the appeals themselves: a median of medians would be none. Appeals
    still open whose time is up count as not in time; those whose time is not up are not due yet.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame({"community": ["c"]}, geometry=[shapely.box(0, 0, 9, 9)],
    ...     index=["g"], crs=32650)
    >>> areas = gpd.GeoDataFrame({"level": ["community"], "parent": [None]}, index=["c"], geometry=[None])
    >>> appeals = gpd.GeoDataFrame(
    ...     {"reported_at": ["2026-03-02T08:00+08:00"] * 2,
    ...      "closed_at": ["2026-03-02T20:00+08:00", None]}, geometry=[shapely.Point(1, 1)] * 2, crs=32650)
    >>> table = geo.service_quality(grids, areas, appeals, due_hours=6)
    >>> table.loc[("community", "c"), ["received", "closed", "in_time_share", "median_hours"]].iloc[0].tolist()
    [2.0, 1.0, 0.0, 12.0]
    """
    received = received_at(incidents)
    warn_of_unused(incidents, "incidents", ("accepted_at", "due_at", "closed_at", "satisfaction"))
    moments = {name: times_of(incidents, name) for name in ("accepted_at", "due_at", "closed_at")}
    for name in ("accepted_at", "closed_at"):
        early = (moments[name] < received).to_numpy()
        if early.any():
            raise ColumnError(
                f"{int(early.sum())} appeals have {name} before their receipt; mend the times of "
                f"{name_rows(incidents.index[early])}"
            )
    now = _now(as_of, received, moments)
    known = (received <= now).to_numpy()
    due = moments["due_at"]
    if due_hours is not None:
        due = due.fillna(received + pd.Timedelta(hours=due_hours))
    closed_at = moments["closed_at"].where(moments["closed_at"] <= now)
    closed = closed_at.notna()
    overdue = due < now
    in_time = closed & (closed_at <= due)
    counts = due.notna() & (overdue | closed)
    rating = numbers_of(incidents, "satisfaction")
    local = received.dt.tz_convert(timezone).dt.tz_localize(None)
    month = local.dt.to_period("M").dt.to_timestamp() if monthly else pd.NaT
    frame = pd.DataFrame(
        {
            "month": month,
            "accepted": (moments["accepted_at"] <= now) | closed,
            "closed": closed,
            "due": counts,
            "closed_in_time": in_time & counts,
            "hours": (closed_at - received).dt.total_seconds() / 3600.0,
            "rating": rating,
        },
        index=incidents.index,
    )
    place = admin_units_at(grids, areas, incidents)
    frame = frame.assign(**{level: place[level].to_numpy() for level in LEVELS})[known]
    tables = [_summed(frame, level) for level in LEVELS]
    return pd.concat(tables).set_index(["level", "code", "month"]).sort_index()


def _summed(frame: DataFrame, level: str) -> DataFrame:
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
    """When each appeal was received: `reported_at`, else when it happened (UTC)."""
    first = incident_moments(incidents)
    if "reported_at" in incidents:
        reported = times_of(incidents, "reported_at")
        first = reported.where(reported.notna(), first)
    return first


def _now(as_of: pd.Timestamp | None, received: Series, moments: dict[str, Series]) -> pd.Timestamp:
    if as_of is not None:
        if as_of.tzinfo is None:
            raise ColumnError("as_of needs a time zone, for instance 2026-11-01T00:00+08:00")
        return as_of
    latest = [received.max(), moments["accepted_at"].max(), moments["closed_at"].max()]
    known = [t for t in latest if pd.notna(t)]
    return max(known) if known else pd.Timestamp.now(tz="UTC")
