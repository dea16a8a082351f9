"""Incidents by period, category and area."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from fastapi import APIRouter, HTTPException, Query, Request, Response

from geo.incidents.comparisons import compare_periods
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.areas import read_grids_of_area
from geo.store.queries.incidents import (
    IncidentFilter,
    Step,
    count_by_grid,
    count_by_hour,
    count_by_place,
    count_by_step,
    read_categories,
    read_incident_months,
    read_period,
)
from geo.store.queries.users import User
from service.api.incident_models import (
    Categories,
    Comparison,
    Density,
    HourOfWeekCounts,
    MonthlyCounts,
    Points,
    TimeRange,
    TimeSeries,
)
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import Connection, Deployment, newest_run
from service.filters import BoundingBox, SelectedIncidents
from service.policy import SecuredRoute, allow
from service.responses import JSON_MEDIA

router = APIRouter(
    prefix="/api/v1/incidents",
    tags=["incidents"],
    dependencies=[allow("incidents", video_wall=True)],
    route_class=SecuredRoute,
)
_MAX_POINTS = 60_000
_MAX_STEPS = 40_000
_SIGNIFICANCE = 0.05
_STEP_S = {"hour": 3600, "day": 86400, "week": 7 * 86400, "month": 28 * 86400}
"""Shortest length of a step, seconds."""


def _key(selected: IncidentFilter) -> tuple[Any, ...]:
    return (selected.start, selected.end, tuple(selected.categories or ()), selected.area)


async def cached_incidents_response(
    request: Request, user: User, name: tuple[Any, ...], make: Callable[[Conn], dict[str, Any]]
) -> Response:
    """Return JSON about incidents from the cache, made for the areas of the account.

    Parameters
    ----------
    request : fastapi.Request
        Its headers decide whether the response is 304.
    user : User
        Account of the request.
    name : tuple
        Key in the cache: the route and its parameters.
    make : callable
        Returns the content if the cache does not have it.

    Returns
    -------
    fastapi.Response
        Of media type `application/json`.
    """

    def encode(conn: Conn) -> bytes:
        content = make(conn)
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)
        return text.encode()

    return await cached_response(request, user, name, RESULTS, encode, JSON_MEDIA)


@router.get("/monthly-counts", response_model=MonthlyCounts)
def count_incidents_by_month(conn: Connection) -> dict[str, Any]:
    """Count incidents by month and root category, for every month from the first to the last."""
    newest_run(conn)
    counts: dict[str, list[dict[str, Any]]] = {}
    totals: dict[str, int] = {}
    for row in read_incident_months(conn):
        month, category = row["month"].strftime("%Y-%m"), row["category"]
        counts.setdefault(month, []).append(
            {"category": category, "count": row["count"], "outside": row["outside"]}
        )
        totals[category] = totals.get(category, 0) + row["count"]
    if not counts:
        return {"months": [], "categories": []}
    months = [str(month) for month in pd.period_range(min(counts), max(counts), freq="M")]
    return {
        "months": [{"month": month, "counts": counts.get(month, [])} for month in months],
        "categories": sorted(totals, key=lambda category: -totals[category]),
    }


@router.get("/time-range", response_model=TimeRange)
async def get_time_range(request: Request, user: SignedIn, settings: Deployment) -> Response:
    """Get the local times of the first and the last recorded incident."""

    def make(conn: Conn) -> dict[str, Any]:
        return local_time_range(conn, settings) or {"first": None, "last": None}

    return await cached_incidents_response(request, user, ("period",), make)


def local_time_range(conn: Conn, settings: Settings) -> dict[str, str] | None:
    """Return the local times of the first and the last recorded incident.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection of the reading role.
    settings : Settings
        Its time zone is that of the result.

    Returns
    -------
    dict or None
        ISO 8601 texts `first` and `last` without offset; None if there is no incident.
    """
    period = read_period(conn)
    return period and {
        name: moment.astimezone(settings.zone).replace(tzinfo=None).isoformat()
        for name, moment in zip(("first", "last"), period, strict=True)
    }


@router.get("/categories", response_model=Categories)
async def list_categories(request: Request, user: SignedIn) -> Response:
    """List the categories with the incidents in each and in the categories below it."""

    def make(conn: Conn) -> dict[str, Any]:
        counts: dict[str, int] = {}
        for row in read_categories(conn):
            parts = row["category"].split("/")
            for depth in range(1, len(parts) + 1):
                path = "/".join(parts[:depth])
                counts[path] = counts.get(path, 0) + row["count"]
        return {"categories": [{"path": path, "count": counts[path]} for path in sorted(counts)]}

    return await cached_incidents_response(request, user, ("categories",), make)


@router.get("/density", response_model=Density)
async def count_incidents_by_grid(
    request: Request, user: SignedIn, selected: SelectedIncidents
) -> Response:
    """Count the incidents of a period by grid."""

    def make(conn: Conn) -> dict[str, Any]:
        newest_run(conn)
        counts = count_by_grid(conn, selected)
        outside = counts.pop("", 0)
        return {"grids": counts, "outside": outside, "total": sum(counts.values()) + outside}

    return await cached_incidents_response(request, user, ("density", *_key(selected)), make)


@router.get("/points", response_model=Points)
async def count_incidents_by_place(
    request: Request,
    user: SignedIn,
    selected: SelectedIncidents,
    bbox: BoundingBox,
    cell: Annotated[
        float, Query(ge=1e-4, le=1, description="Size of the squares that are counted, degrees.")
    ] = 1e-4,
) -> Response:
    """Count the incidents of a period by place, rounded to about 10 m or to larger squares."""

    def make(conn: Conn) -> dict[str, Any]:
        points = count_by_place(conn, selected, cell_deg=cell, box=bbox, limit=_MAX_POINTS)
        return {"points": points}

    key = ("points", *_key(selected), cell, bbox)
    return await cached_incidents_response(request, user, key, make)


@router.get("/time-series", response_model=TimeSeries)
async def count_incidents_by_step(
    request: Request,
    user: SignedIn,
    settings: Deployment,
    selected: SelectedIncidents,
    step: Annotated[
        Step, Query(description="Step of the series; weeks start on Monday.")
    ] = "month",
) -> Response:
    """Count the incidents of a period by hour, day, week or month and by root category."""
    if (selected.end - selected.start).total_seconds() / _STEP_S[step] > _MAX_STEPS:
        raise HTTPException(
            422,
            f"The period has more than {_MAX_STEPS:,} steps; use longer steps or a shorter one.",
        )

    def make(conn: Conn) -> dict[str, Any]:
        rows = count_by_step(conn, selected, step, settings.timezone)
        counts = [
            {
                "start": row["start"].isoformat(timespec="hours"),
                "category": row["category"],
                "count": row["count"],
            }
            for row in rows
        ]
        return {"step": step, "counts": counts}

    key = ("series", step, *_key(selected))
    return await cached_incidents_response(request, user, key, make)


@router.get("/hour-of-week", response_model=HourOfWeekCounts)
async def count_incidents_by_hour_of_week(
    request: Request, user: SignedIn, settings: Deployment, selected: SelectedIncidents
) -> Response:
    """Count the incidents of a period by weekday and hour; those of unknown hour separately."""

    def make(conn: Conn) -> dict[str, Any]:
        hours, untimed = count_by_hour(conn, selected, settings.timezone)
        return {"hours": hours, "untimed": untimed}

    return await cached_incidents_response(request, user, ("hours", *_key(selected)), make)


@router.get("/comparison", response_model=Comparison)
async def compare_incidents(
    request: Request,
    user: SignedIn,
    selected: SelectedIncidents,
    baseline: Annotated[
        Literal["previous_period", "year_before"],
        Query(description="The period of equal length just before, or 364 days earlier."),
    ] = "previous_period",
) -> Response:
    """Compare the incidents of a period with an earlier one, by grid.

    Uses the exact comparison of two Poisson counts and controls the false-discovery rate over
    all grids: `class` is `rising` or `falling` where the q-value is at most 0.05.
    """
    length = selected.end - selected.start
    shift = length if baseline == "previous_period" else dt.timedelta(days=364)
    earlier = IncidentFilter(
        selected.start - shift, selected.end - shift, selected.categories, selected.area
    )

    def make(conn: Conn) -> dict[str, Any]:
        newest_run(conn)
        return _compare(conn, selected, earlier)

    key = ("change", baseline, *_key(selected))
    return await cached_incidents_response(request, user, key, make)


def _compare(conn: Conn, selected: IncidentFilter, earlier: IncidentFilter) -> dict[str, Any]:
    codes = read_grids_of_area(conn, selected.area)
    current = pd.Series(count_by_grid(conn, selected)).reindex(codes).fillna(0)
    previous = pd.Series(count_by_grid(conn, earlier)).reindex(codes).fillna(0)
    days = (selected.end - selected.start).total_seconds() / 86400
    table = compare_periods(current, previous, days_now=days, days_before=days)
    significant = table["q_value"] <= _SIGNIFICANCE
    changes = [significant & (current > previous), significant & (current < previous)]
    classes = np.select([change.to_numpy() for change in changes], ["rising", "falling"], "none")
    rows = zip(codes, current, previous, table["q_value"], classes, strict=True)
    return {
        "previous_from": earlier.start,
        "previous_until": earlier.end,
        "current": int(current.sum()),
        "previous": int(previous.sum()),
        "grids": {
            code: {
                "current": int(now),
                "previous": int(before),
                "q_value": float(f"{q_value:.3g}"),
                "class": name,
            }
            for code, now, before, q_value, name in rows
            if now or before
        },
    }
