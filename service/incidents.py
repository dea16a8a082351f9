"""Incidents as maps and charts ask for them: by span, category and area, and their patterns."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from fastapi import APIRouter, HTTPException, Query, Request, Response

from geo import pipeline
from geo.incidents.rates import compare_periods
from geo.settings import Settings
from geo.store import events, read
from geo.store import incidents as stored
from geo.store.access import User
from geo.store.database import Conn
from geo.store.events import Filter, Step
from service import models
from service.access import SignedIn
from service.answers import geojson
from service.choosing import Box, ChosenIncidents
from service.dependencies import Connection, Deployment, newest_run
from service.keeping import keep
from service.models import GEOJSON
from service.policy import SecuredRoute, allow

_incidents = [allow("incidents", walls=True)]
router = APIRouter(
    prefix="/api/v1/incidents",
    tags=["incidents"],
    dependencies=_incidents,
    route_class=SecuredRoute,
)
Root = Annotated[str, Query(description="a root of the category tree; empty for all incidents")]
_RESTS_ON = ("results", "grids", "areas")
_POINT_LIMIT = 60_000
_STEP_LIMIT = 40_000


def _key(chosen: Filter) -> tuple[Any, ...]:
    return (chosen.start, chosen.end, tuple(chosen.categories or ()), chosen.area)


async def _kept(
    request: Request, user: User, name: tuple[Any, ...], make: Callable[[Conn], dict[str, Any]]
) -> Response:
    def told(conn: Conn) -> bytes:
        return json.dumps(
            make(conn), ensure_ascii=False, separators=(",", ":"), default=str
        ).encode()

    return await keep(request, user, name, _RESTS_ON, told, "application/json")


@router.get("/months", response_model=models.Months)
def months(conn: Connection) -> dict[str, Any]:
    """Incidents by month and root of the category; every month from the first to the last."""
    newest_run(conn)
    rows = stored.incident_months(conn)
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


@router.get("/period", response_model=models.Period)
async def period(request: Request, user: SignedIn, settings: Deployment) -> Response:
    """When the first and the last incident on record were, local."""

    def make(conn: Conn) -> dict[str, Any]:
        return local_period(conn, settings) or {"first": None, "last": None}

    return await _kept(request, user, ("period",), make)


def local_period(conn: Conn, settings: Settings) -> dict[str, str] | None:
    """When the first and the last incident were, on the clocks of the deployment; None of none."""
    found = events.period(conn)
    return found and {
        name: moment.astimezone(settings.zone).replace(tzinfo=None).isoformat()
        for name, moment in zip(("first", "last"), found, strict=True)
    }


@router.get("/categories", response_model=models.Categories)
async def categories(request: Request, user: SignedIn) -> Response:
    """The tree of categories, and how many incidents on record are of each and beneath it."""

    def make(conn: Conn) -> dict[str, Any]:
        tree: dict[str, int] = {}
        for row in events.categories(conn):
            parts = row["category"].split("/")
            for depth in range(1, len(parts) + 1):
                path = "/".join(parts[:depth])
                tree[path] = tree.get(path, 0) + row["count"]
        return {"categories": [{"path": path, "count": tree[path]} for path in sorted(tree)]}

    return await _kept(request, user, ("categories",), make)


@router.get("/density", response_model=models.Density)
async def density(request: Request, user: SignedIn, chosen: ChosenIncidents) -> Response:
    """Incidents by grid from `from` up to but without `until`."""

    def make(conn: Conn) -> dict[str, Any]:
        newest_run(conn)
        counts = events.counts_by_grid(conn, chosen)
        outside = counts.pop("", 0)
        return {"grids": counts, "outside": outside, "total": sum(counts.values()) + outside}

    return await _kept(request, user, ("density", *_key(chosen)), make)


@router.get("/points", response_model=models.Points)
async def points(
    request: Request,
    user: SignedIn,
    chosen: ChosenIncidents,
    box: Box,
    cell: Annotated[
        float, Query(ge=1e-4, le=1, description="degrees: places in one square are one")
    ] = 1e-4,
) -> Response:
    """Places of incidents (rounded to about 10 m) and how many happened there."""

    def make(conn: Conn) -> dict[str, Any]:
        found = events.counts_by_place(conn, chosen, cell_deg=cell, box=box, limit=_POINT_LIMIT)
        return {"points": found}

    return await _kept(request, user, ("points", *_key(chosen), cell, box), make)


@router.get("/series", response_model=models.Series)
async def series(
    request: Request,
    user: SignedIn,
    settings: Deployment,
    chosen: ChosenIncidents,
    step: Step = "month",
) -> Response:
    """Incidents by hour, day, week (from Monday) or month and root of the category, where there are any."""
    seconds = {"hour": 3600, "day": 86400, "week": 7 * 86400, "month": 28 * 86400}[step]
    if (chosen.end - chosen.start).total_seconds() / seconds > _STEP_LIMIT:
        raise HTTPException(
            422, f"That is more than {_STEP_LIMIT:,} steps; ask for longer ones or a shorter span."
        )

    def make(conn: Conn) -> dict[str, Any]:
        rows = events.counts_by_step(conn, chosen, step, settings.timezone)
        steps = [
            {"start": r["start"].isoformat(timespec="hours"), "category": r["category"], "count": r["count"]}
            for r in rows
        ]  # fmt: skip
        return {"step": step, "counts": steps}

    return await _kept(request, user, ("series", step, *_key(chosen)), make)


@router.get("/hours", response_model=models.Hours)
async def hours(
    request: Request, user: SignedIn, settings: Deployment, chosen: ChosenIncidents
) -> Response:
    """Incidents by weekday, Monday first, and hour of the day; those whose hour is not known apart."""

    def make(conn: Conn) -> dict[str, Any]:
        table, untimed = events.counts_by_hour(conn, chosen, settings.timezone)
        return {"hours": table, "untimed": untimed}

    return await _kept(request, user, ("hours", *_key(chosen)), make)


@router.get("/change", response_model=models.Change)
async def change(
    request: Request,
    user: SignedIn,
    chosen: ChosenIncidents,
    against: Annotated[
        Literal["before", "year"], Query(description="as long a span just before, or a year ago")
    ] = "before",
) -> Response:
    """Whether each grid has more or fewer incidents than in a span before, with the false-discovery rate held.

    By the exact comparison of two Poisson counts; `class` is `rising` or `falling` where q is at most 0.05.
    """
    length = chosen.end - chosen.start
    back = length if against == "before" else dt.timedelta(days=364)
    past = Filter(chosen.start - back, chosen.end - back, chosen.categories, chosen.area)

    def make(conn: Conn) -> dict[str, Any]:
        newest_run(conn)
        codes = read.grids_beneath(conn, chosen.area)
        now = pd.Series(events.counts_by_grid(conn, chosen)).reindex(codes).fillna(0)
        before = pd.Series(events.counts_by_grid(conn, past)).reindex(codes).fillna(0)
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

    return await _kept(request, user, ("change", against, *_key(chosen)), make)


@router.get("/classes", response_model=models.GridClasses)
async def classes(
    request: Request, user: SignedIn, kind: Literal["hot_spot", "emerging"], category: Root = ""
) -> Response:
    """Hot and cold spots (Getis-Ord Gi*), or emerging ones, of the newest run's last 52 weeks, by grid."""

    def make(conn: Conn) -> dict[str, Any]:
        newest_run(conn)
        rows = stored.grid_classes(conn, kind, category)
        told = {
            code: {"class": name, **({"gi": round(gi, 2), "q": float(f"{q:.3g}")} if gi is not None and q is not None else {}),
                   **({"since": since.isoformat()} if since is not None else {})}
            for code, name, gi, q, since in rows
        }  # fmt: skip
        return {"kind": kind, "grids": told}

    return await _kept(request, user, ("classes", kind, category), make)


@router.get("/patterns", response_model=models.Patterns)
def patterns(conn: Connection, user: SignedIn, category: Root = "") -> dict[str, Any]:
    """Of the newest run: rates, comparison, hot spots, change and alert of each grid; near repeats.

    Ranks are among the grids that you may see.
    """
    newest_run(conn)
    return {
        "grids": pipeline.grid_patterns(conn, category, everywhere=user.everywhere),
        "near_repeats": stored.patterns(conn, "near_repeats", category),
        "hours": stored.patterns(conn, "incident_hours", category),
    }


@router.get("/weeks", response_model=models.Weeks)
def weeks(conn: Connection, grid: str, category: Root = "") -> dict[str, Any]:
    """Incidents of one grid by week, the newest run's space-time cube."""
    newest_run(conn)
    row = stored.grid_weeks(conn, category, grid)
    if row is None:
        raise HTTPException(404, f"There are no weeks of {grid}; use the code of a grid.")
    return row


@router.get("/forecast", response_model=models.Forecast)
def forecast(conn: Connection, category: Root = "") -> dict[str, Any]:
    """Expected incidents of the next month by grid, with the back-test of every model."""
    newest_run(conn)
    return {
        "tests": stored.patterns(conn, "forecast_tests", category),
        "grids": stored.patterns(conn, "forecasts", category),
    }


@router.get("/contours", response_class=Response, responses=GEOJSON)
def contours(
    conn: Connection,
    kind: Annotated[str, Query(pattern="^(density|risk)$")] = "density",
    category: Root = "",
) -> Response:
    """Bands of the density surface of the last year, or of its ratio to people where above chance."""
    newest_run(conn)
    bands = stored.incident_contours(conn, category, kind)
    # JSON knows no infinity: the topmost band has no upper end.
    bands["high"] = bands["high"].where(np.isfinite(bands["high"]), np.nan)
    return geojson(bands, digits=6)
