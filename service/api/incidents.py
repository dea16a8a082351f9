"""Incidents by period, category and area."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from geo.incidents.rates import compare_periods
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
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import Connection, Deployment, newest_run
from service.filters import Box, SelectedIncidents
from service.policy import SecuredRoute, allow
from service.responses import JSON_MEDIA

_incidents = [allow("incidents", walls=True)]
router = APIRouter(
    prefix="/api/v1/incidents",
    tags=["incidents"],
    dependencies=_incidents,
    route_class=SecuredRoute,
)


class MonthCount(BaseModel):
    """Incidents of one category in a month."""

    category: str
    count: int
    outside: int = Field(description="of these outside every grid")


class MonthIncidents(BaseModel):
    """Incidents of a month."""

    month: str
    counts: list[MonthCount]


class Months(BaseModel):
    """Every month from the first to the last, and the categories, most first."""

    months: list[MonthIncidents]
    categories: list[str]


class Density(BaseModel):
    """Incidents by grid in some months."""

    grids: dict[str, int]
    outside: int
    total: int


class Points(BaseModel):
    """Places of incidents."""

    points: list[tuple[float, float, int]] = Field(description="latitude, longitude, how many")


class CategoryCount(BaseModel):
    """A category of the tree and the incidents of it and beneath it."""

    path: str
    count: int


class Categories(BaseModel):
    """The tree of categories."""

    categories: list[CategoryCount]


class Period(BaseModel):
    """When the first and the last incident on record were (local)."""

    first: dt.datetime | None
    last: dt.datetime | None


class StepCount(BaseModel):
    """Incidents of one step and root of the category."""

    start: str = Field(description="local hour in which the step begins")
    category: str
    count: int


class Series(BaseModel):
    """Incidents over time, where there are any."""

    step: str
    counts: list[StepCount]


class Hours(BaseModel):
    """Incidents by weekday, Monday first, and hour of the local day."""

    hours: list[list[int]]
    untimed: int = Field(description="whose hour is not known")


class GridChange(BaseModel):
    """A grid in a span and in the one it is compared with."""

    model_config = ConfigDict(populate_by_name=True)

    now: int
    before: int
    q: float = Field(description="Benjamini-Hochberg over all grids")
    class_: Literal["rising", "falling", "none"] = Field(alias="class")


class Change(BaseModel):
    """What changed between two spans, by grid; those with no incident in either are left out."""

    before_from: dt.datetime
    before_until: dt.datetime
    now: int
    before: int
    grids: dict[str, GridChange]


_POINT_LIMIT = 60_000
_STEP_LIMIT = 40_000


def _key(chosen: IncidentFilter) -> tuple[Any, ...]:
    return (chosen.start, chosen.end, tuple(chosen.categories or ()), chosen.area)


async def cached_incidents_response(
    request: Request, user: User, name: tuple[Any, ...], make: Callable[[Conn], dict[str, Any]]
) -> Response:
    """Return a cached response of incidents, as JSON, made for the areas of the user."""

    def encode(conn: Conn) -> bytes:
        return json.dumps(
            make(conn), ensure_ascii=False, separators=(",", ":"), default=str
        ).encode()

    return await cached_response(request, user, name, RESULTS, encode, JSON_MEDIA)


@router.get("/months", response_model=Months)
def months(conn: Connection) -> dict[str, Any]:
    """Incidents by month and root of the category; every month from the first to the last."""
    newest_run(conn)
    rows = read_incident_months(conn)
    counts: dict[str, list[dict[str, Any]]] = {}
    categories: dict[str, int] = {}
    for row in rows:
        name = row["month"].strftime("%Y-%m")
        counts.setdefault(name, []).append({k: row[k] for k in ("category", "count", "outside")})
        categories[row["category"]] = categories.get(row["category"], 0) + row["count"]
    if not counts:
        return {"months": [], "categories": []}
    span = pd.period_range(min(counts), max(counts), freq="M")
    return {
        "months": [{"month": str(p), "counts": counts.get(str(p), [])} for p in span],
        "categories": sorted(categories, key=lambda c: -categories[c]),
    }


@router.get("/period", response_model=Period)
async def period(request: Request, user: SignedIn, settings: Deployment) -> Response:
    """When the first and the last incident on record were, local."""

    def make(conn: Conn) -> dict[str, Any]:
        return local_period(conn, settings) or {"first": None, "last": None}

    return await cached_incidents_response(request, user, ("period",), make)


def local_period(conn: Conn, settings: Settings) -> dict[str, str] | None:
    """When the first and the last incident were, on the clocks of the deployment; None of none."""
    found = read_period(conn)
    return found and {
        name: moment.astimezone(settings.zone).replace(tzinfo=None).isoformat()
        for name, moment in zip(("first", "last"), found, strict=True)
    }


@router.get("/categories", response_model=Categories)
async def categories(request: Request, user: SignedIn) -> Response:
    """The tree of categories, and how many incidents on record are of each and beneath it."""

    def make(conn: Conn) -> dict[str, Any]:
        tree: dict[str, int] = {}
        for row in read_categories(conn):
            parts = row["category"].split("/")
            for depth in range(1, len(parts) + 1):
                path = "/".join(parts[:depth])
                tree[path] = tree.get(path, 0) + row["count"]
        return {"categories": [{"path": path, "count": tree[path]} for path in sorted(tree)]}

    return await cached_incidents_response(request, user, ("categories",), make)


@router.get("/density", response_model=Density)
async def density(request: Request, user: SignedIn, chosen: SelectedIncidents) -> Response:
    """Incidents by grid from `from` up to but without `until`."""

    def make(conn: Conn) -> dict[str, Any]:
        newest_run(conn)
        counts = count_by_grid(conn, chosen)
        outside = counts.pop("", 0)
        return {"grids": counts, "outside": outside, "total": sum(counts.values()) + outside}

    return await cached_incidents_response(request, user, ("density", *_key(chosen)), make)


@router.get("/points", response_model=Points)
async def points(
    request: Request,
    user: SignedIn,
    chosen: SelectedIncidents,
    box: Box,
    cell: Annotated[
        float, Query(ge=1e-4, le=1, description="degrees: places in one square are one")
    ] = 1e-4,
) -> Response:
    """Places of incidents (rounded to about 10 m) and how many happened there."""

    def make(conn: Conn) -> dict[str, Any]:
        found = count_by_place(conn, chosen, cell_deg=cell, box=box, limit=_POINT_LIMIT)
        return {"points": found}

    return await cached_incidents_response(
        request, user, ("points", *_key(chosen), cell, box), make
    )


@router.get("/series", response_model=Series)
async def series(
    request: Request,
    user: SignedIn,
    settings: Deployment,
    chosen: SelectedIncidents,
    step: Step = "month",
) -> Response:
    """Incidents by hour, day, week (from Monday) or month and root of the category, where there are any."""
    seconds = {"hour": 3600, "day": 86400, "week": 7 * 86400, "month": 28 * 86400}[step]
    if (chosen.end - chosen.start).total_seconds() / seconds > _STEP_LIMIT:
        raise HTTPException(
            422, f"That is more than {_STEP_LIMIT:,} steps; ask for longer ones or a shorter span."
        )

    def make(conn: Conn) -> dict[str, Any]:
        rows = count_by_step(conn, chosen, step, settings.timezone)
        steps = [
            {"start": r["start"].isoformat(timespec="hours"), "category": r["category"], "count": r["count"]}
            for r in rows
        ]  # fmt: skip
        return {"step": step, "counts": steps}

    return await cached_incidents_response(request, user, ("series", step, *_key(chosen)), make)


@router.get("/hours", response_model=Hours)
async def hours(
    request: Request, user: SignedIn, settings: Deployment, chosen: SelectedIncidents
) -> Response:
    """Incidents by weekday, Monday first, and hour of the day; those whose hour is not known apart."""

    def make(conn: Conn) -> dict[str, Any]:
        table, untimed = count_by_hour(conn, chosen, settings.timezone)
        return {"hours": table, "untimed": untimed}

    return await cached_incidents_response(request, user, ("hours", *_key(chosen)), make)


@router.get("/change", response_model=Change)
async def change(
    request: Request,
    user: SignedIn,
    chosen: SelectedIncidents,
    against: Annotated[
        Literal["before", "year"], Query(description="as long a span just before, or a year ago")
    ] = "before",
) -> Response:
    """Whether each grid has more or fewer incidents than in a span before, with the false-discovery rate held.

    By the exact comparison of two Poisson counts; `class` is `rising` or `falling` where q is at most 0.05.
    """
    length = chosen.end - chosen.start
    back = length if against == "before" else dt.timedelta(days=364)
    past = IncidentFilter(chosen.start - back, chosen.end - back, chosen.categories, chosen.area)

    def make(conn: Conn) -> dict[str, Any]:
        newest_run(conn)
        codes = read_grids_of_area(conn, chosen.area)
        now = pd.Series(count_by_grid(conn, chosen)).reindex(codes).fillna(0)
        before = pd.Series(count_by_grid(conn, past)).reindex(codes).fillna(0)
        days = length.total_seconds() / 86400
        found = compare_periods(now, before, days_now=days, days_before=days)
        told = found["q_value"] <= 0.05
        classes = np.where(
            told & (found["now"] > found["before"]), "rising",
            np.where(told & (found["now"] < found["before"]), "falling", "none"),
        )  # fmt: skip
        grids = {
            code: {"now": int(n), "before": int(b), "q": float(f"{q:.3g}"), "class": c}
            for code, n, b, q, c in zip(codes, now, before, found["q_value"], classes, strict=True)
            if n or b
        }
        return {
                "before_from": past.start, "before_until": past.end, "grids": grids,
                "now": int(now.sum()), "before": int(before.sum()),
            }  # fmt: skip

    return await cached_incidents_response(request, user, ("change", against, *_key(chosen)), make)
