"""Spatial statistics of incidents: rates, hot spots, trends, forecasts and contours."""

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

router = APIRouter(
    prefix="/api/v1/spatial-statistics",
    tags=["spatial statistics"],
    dependencies=[allow("incidents", video_wall=True)],
    route_class=SecuredRoute,
)


class GridClass(BaseModel):
    """Class of a grid."""

    model_config = ConfigDict(populate_by_name=True)

    class_: str = Field(alias="class")
    gi_star: float | None = Field(default=None, description="Getis-Ord Gi*, a z-score.")
    q_value: float | None = Field(default=None, description="Benjamini-Hochberg over all grids.")
    since: dt.date | None = None


class GridClasses(BaseModel):
    """Grids that are hot or cold spots, or were."""

    kind: str
    grids: dict[str, GridClass]


class GridStatistics(BaseModel):
    """Rates, hot spots, change and alert of one grid."""

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
    """Pairs of incidents within a range of distance and time, compared with chance (Knox test)."""

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


class HourOfWeek(BaseModel):
    """Incidents in one hour of the week, with those of uncertain time apportioned (aoristic)."""

    category: str
    weekday: int
    hour: int
    run: int
    weight: float


class SpatialStatistics(BaseModel):
    """Spatial statistics of the newest run."""

    grids: list[GridStatistics]
    near_repeats: list[NearRepeat]
    hours: list[HourOfWeek]


class WeeklyCounts(BaseModel):
    """Incidents of one grid by week."""

    run: int
    weeks_from: dt.date
    weeks: list[float]


class ForecastTest(BaseModel):
    """Back-test of one forecast model on held-out months."""

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


class ExpectedIncidents(BaseModel):
    """Incidents expected in a grid in the next month."""

    category: str
    model: str
    grid: str
    run: int
    expected: float


class Forecast(BaseModel):
    """Forecast of the next month with the back-test of every model."""

    tests: list[ForecastTest]
    grids: list[ExpectedIncidents]


RootCategory = Annotated[
    str, Query(description="Root of the category tree. Default: all incidents.")
]


@router.get("/hot-spots", response_model=GridClasses)
async def list_hot_spots(
    request: Request,
    user: SignedIn,
    kind: Annotated[
        Literal["hot_spot", "emerging"],
        Query(description="Hot and cold spots (Getis-Ord Gi*), or emerging hot spots."),
    ],
    category: RootCategory = "",
) -> Response:
    """List the hot and cold spots, or the emerging hot spots, of the last 52 weeks by grid."""

    def make(conn: Conn) -> dict[str, Any]:
        newest_run(conn)
        rows = read_grid_classes(conn, kind, category)
        return {"kind": kind, "grids": {code: _class_of(*row) for code, *row in rows}}

    return await cached_incidents_response(request, user, ("classes", kind, category), make)


def _class_of(
    name: str, gi_star: float | None, q_value: float | None, since: dt.date | None
) -> dict[str, Any]:
    grid_class: dict[str, Any] = {"class": name}
    if gi_star is not None and q_value is not None:
        grid_class |= {"gi_star": round(gi_star, 2), "q_value": float(f"{q_value:.3g}")}
    if since is not None:
        grid_class["since"] = since.isoformat()
    return grid_class


@router.get("", response_model=SpatialStatistics)
def get_spatial_statistics(
    conn: Connection, user: SignedIn, category: RootCategory = ""
) -> dict[str, Any]:
    """Get rates, hot spots, change and alert of each grid, near repeats and hours of the week.

    Ranks are computed among the grids that you may see.
    """
    newest_run(conn)
    return {
        "grids": pipeline.grid_statistics(conn, category, everywhere=user.everywhere),
        "near_repeats": read_statistics(conn, "near_repeats", category),
        "hours": read_statistics(conn, "incident_hours", category),
    }


@router.get("/weekly-counts", response_model=WeeklyCounts)
def count_incidents_by_week(
    conn: Connection,
    grid: Annotated[str, Query(description="Code of the grid.")],
    category: RootCategory = "",
) -> dict[str, Any]:
    """Count the incidents of one grid by week, from the space-time cube of the newest run."""
    newest_run(conn)
    row = read_grid_weeks(conn, category, grid)
    if row is None:
        raise HTTPException(404, f"There are no weeks of {grid}; use the code of a grid.")
    return row


@router.get("/forecast", response_model=Forecast)
def get_forecast(conn: Connection, category: RootCategory = "") -> dict[str, Any]:
    """Get the incidents expected in each grid next month, with the back-test of every model."""
    newest_run(conn)
    return {
        "tests": read_statistics(conn, "forecast_tests", category),
        "grids": read_statistics(conn, "forecasts", category),
    }


@router.get("/contours", response_class=Response, responses=GEOJSON)
def list_contours(
    conn: Connection,
    kind: Annotated[
        Literal["density", "risk"],
        Query(description="Density surface, or its ratio to the population (relative risk)."),
    ] = "density",
    category: RootCategory = "",
) -> Response:
    """List the contour bands of the density or relative-risk surface of the last year.

    Bands of relative risk cover only ground where the ratio is significantly above chance.
    """
    newest_run(conn)
    bands = read_contours(conn, category, kind)
    # JSON has no infinity: the topmost band has no upper end.
    bands["high"] = bands["high"].where(np.isfinite(bands["high"]), np.nan)
    return geojson_response(bands, digits=6)
