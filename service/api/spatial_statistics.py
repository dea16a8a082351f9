"""Hot spots, trends, forecasts and contours of incidents."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from geo import pipeline
from geo.store.connection import Conn
from geo.store.queries.spatial_statistics import (
    read_contours,
    read_grid_classes,
    read_grid_weeks,
    read_statistics,
)
from service.api.incidents import cached_incidents_response
from service.auth.sessions import SignedIn
from service.dependencies import Connection, newest_run
from service.policy import SecuredRoute, allow
from service.responses import GEOJSON, geojson_response

_incidents = [allow("incidents", walls=True)]
router = APIRouter(
    prefix="/api/v1/incidents",
    tags=["incidents"],
    dependencies=_incidents,
    route_class=SecuredRoute,
)


class GridClass(BaseModel):
    """How a grid's incidents cluster."""

    model_config = ConfigDict(populate_by_name=True)

    class_: str = Field(alias="class")
    gi: float | None = Field(default=None, description="Getis-Ord Gi*")
    q: float | None = None
    since: dt.date | None = None


class GridClasses(BaseModel):
    """Grids that are hot or cold spots, or were."""

    kind: str
    grids: dict[str, GridClass]


class GridPattern(BaseModel):
    """How the incidents of a grid compare, cluster and change."""

    category: str
    grid: str
    run: int
    per_open_km2: float | None
    per_street_km: float | None
    eb_per_1000: float | None
    rank: int | None
    rank_p05: int | None
    rank_p95: int | None
    month: dt.date | None
    count: int | None
    previous: int | None
    previous_ratio: float | None
    previous_q_value: float | None
    year_before: int | None
    year_before_ratio: float | None
    year_before_q_value: float | None
    gi_star: float | None
    gi_q_value: float | None
    hot_spot: str | None
    moran: str | None
    trend: str | None
    slope: float | None
    emerging: str | None
    emerging_since: dt.date | None
    alert: bool | None
    alert_score: float | None
    alert_since: dt.date | None
    alert_observed: float | None
    alert_expected: float | None
    weeks_from: dt.date | None


class NearRepeat(BaseModel):
    """Pairs of incidents within a distance and a time, against chance."""

    category: str
    run: int
    incidents: int
    from_m: float
    to_m: float
    from_days: float
    to_days: float
    pairs: int
    expected: float
    ratio: float | None
    p_value: float


class Hour(BaseModel):
    """Weight of incidents in one hour of the week."""

    category: str
    weekday: int
    hour: int
    run: int
    weight: float


class Patterns(BaseModel):
    """What was found in the incidents of the newest run."""

    grids: list[GridPattern]
    near_repeats: list[NearRepeat]
    hours: list[Hour]


class Weeks(BaseModel):
    """Incidents of one grid by week."""

    run: int
    weeks_from: dt.date
    weeks: list[float]


class ForecastTest(BaseModel):
    """How well one model foretold months that were held back."""

    category: str
    model: str
    area_share: float
    run: int
    month: dt.date
    hits: float
    incidents: int
    hit_rate: float | None
    pai: float | None
    pei: float | None
    months: int
    months_won: int
    offered: bool
    best: bool


class Expected(BaseModel):
    """Incidents expected in a grid."""

    category: str
    model: str
    grid: str
    run: int
    expected: float


class Forecast(BaseModel):
    """The next month, with the back-test of every model."""

    tests: list[ForecastTest]
    grids: list[Expected]


Root = Annotated[str, Query(description="a root of the category tree; empty for all incidents")]


@router.get("/classes", response_model=GridClasses)
async def classes(
    request: Request, user: SignedIn, kind: Literal["hot_spot", "emerging"], category: Root = ""
) -> Response:
    """Hot and cold spots (Getis-Ord Gi*), or emerging ones, of the newest run's last 52 weeks, by grid."""

    def make(conn: Conn) -> dict[str, Any]:
        newest_run(conn)
        rows = read_grid_classes(conn, kind, category)
        told = {
            code: {"class": name, **({"gi": round(gi, 2), "q": float(f"{q:.3g}")} if gi is not None and q is not None else {}),
                   **({"since": since.isoformat()} if since is not None else {})}
            for code, name, gi, q, since in rows
        }  # fmt: skip
        return {"kind": kind, "grids": told}

    return await cached_incidents_response(request, user, ("classes", kind, category), make)


@router.get("/patterns", response_model=Patterns)
def patterns(conn: Connection, user: SignedIn, category: Root = "") -> dict[str, Any]:
    """Of the newest run: rates, comparison, hot spots, change and alert of each grid; near repeats.

    Ranks are among the grids that you may see.
    """
    newest_run(conn)
    return {
        "grids": pipeline.grid_statistics(conn, category, everywhere=user.everywhere),
        "near_repeats": read_statistics(conn, "near_repeats", category),
        "hours": read_statistics(conn, "incident_hours", category),
    }


@router.get("/weeks", response_model=Weeks)
def weeks(conn: Connection, grid: str, category: Root = "") -> dict[str, Any]:
    """Incidents of one grid by week, the newest run's space-time cube."""
    newest_run(conn)
    row = read_grid_weeks(conn, category, grid)
    if row is None:
        raise HTTPException(404, f"There are no weeks of {grid}; use the code of a grid.")
    return row


@router.get("/forecast", response_model=Forecast)
def forecast(conn: Connection, category: Root = "") -> dict[str, Any]:
    """Expected incidents of the next month by grid, with the back-test of every model."""
    newest_run(conn)
    return {
        "tests": read_statistics(conn, "forecast_tests", category),
        "grids": read_statistics(conn, "forecasts", category),
    }


@router.get("/contours", response_class=Response, responses=GEOJSON)
def contours(
    conn: Connection,
    kind: Annotated[str, Query(pattern="^(density|risk)$")] = "density",
    category: Root = "",
) -> Response:
    """Bands of the density surface of the last year, or of its ratio to people where above chance."""
    newest_run(conn)
    bands = read_contours(conn, category, kind)
    # JSON knows no infinity: the topmost band has no upper end.
    bands["high"] = bands["high"].where(np.isfinite(bands["high"]), np.nan)
    return geojson_response(bands, digits=6)
