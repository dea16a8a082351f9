"""Dashboard: figures by area and their trends."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field

from geo.governance.roll_up import gini
from geo.store.connection import Conn
from geo.store.queries.areas import read_area_path
from geo.store.queries.dashboard import (
    read_camera_years,
    read_dashboard_state,
    read_figures_of_area,
    read_figures_of_level,
)
from geo.store.queries.service_requests import read_service_request_months
from geo.store.queries.users import User
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import Connection
from service.filters import AreaCode, Level
from service.policy import SecuredRoute, allow
from service.responses import CSV, JSON_MEDIA, csv_response

router = APIRouter(
    prefix="/api/v1/dashboard",
    tags=["dashboard"],
    route_class=SecuredRoute,
    dependencies=[allow("dashboard", video_wall=True)],
)
_ROUNDING = 1e-6
"""Difference of a share to its target that is rounding."""


class Figure(BaseModel):
    """Share with its numerator and denominator, or a plain sum."""

    numerator: float = Field(description="Of a share; a plain sum otherwise.")
    denominator: float | None = Field(description="Null for a plain sum.")
    share: float | None = Field(description="Numerator divided by denominator, 0 to 1.")
    target: float | None
    met: bool | None = Field(description="Whether the share reaches the target.")


class DashboardArea(BaseModel):
    """Figures of one area."""

    code: str = Field(description="Empty for the rows that belong to no area of the level.")
    name: str | None = None
    name_en: str | None = None
    parent: str | None = None
    level: str | None = None
    figures: dict[str, Figure]


class PathStep(BaseModel):
    """Area of the path from the top to the requested area."""

    code: str
    name: str | None
    name_en: str | None
    level: str


class Dashboard(BaseModel):
    """Figures of the areas of a level, and of the area that contains them."""

    run: int
    as_of: dt.date = Field(description="Day to which ages and deadlines are counted.")
    computed_at: dt.datetime
    level: str
    area: DashboardArea
    path: list[PathStep] = Field(description="From the top to the requested area.")
    areas: list[DashboardArea]
    gini: dict[str, float | None] = Field(
        description="Gini coefficient of each figure over the areas; 0 is equal."
    )


class CameraYear(BaseModel):
    """Cameras of an area in a year."""

    year: int
    installed: int
    upgraded: int
    retired: int
    in_service: int = Field(description="At the end of the year.")
    platforms: int


class ServiceRequestMonth(BaseModel):
    """Service requests that an area received in a month."""

    month: dt.date
    received: int
    closed: int
    due: int
    closed_in_time: int
    in_time_share: float | None
    median_hours: float | None
    satisfaction: float | None = Field(description="0 to 100.")


class Trends(BaseModel):
    """Cameras of an area by year and its service requests by month."""

    cameras_by_year: list[CameraYear]
    service_requests_by_month: list[ServiceRequestMonth]


@router.get("", response_model=Dashboard)
async def get_dashboard(
    request: Request, user: SignedIn, level: Level = "subdistrict", area: AreaCode = None
) -> Response:
    """Get the figures of the areas of a level within an area, and of that area.

    A figure is a share (`numerator` divided by `denominator`) with its `target`, or a plain sum
    without denominator. Rows that belong to no area of the level have an empty code.
    """

    def make(conn: Conn) -> bytes:
        return Dashboard(**_dashboard_of(conn, user, level, area)).model_dump_json().encode()

    return await cached_response(
        request, user, ("dashboard", level, area), RESULTS, make, JSON_MEDIA
    )


def _dashboard_of(conn: Conn, user: User, level: Level, area: str | None) -> dict[str, Any]:
    state = read_dashboard_state(conn)
    if state is None:
        raise HTTPException(404, "There is no dashboard yet; run `gridcover refresh`.")
    path = _path_of(conn, area)
    areas = _group_by_area(read_figures_of_level(conn, level, area))
    parent: dict[str, Any] = {"code": area or "", "level": path[-1]["level"] if path else None}
    if area is None:
        parent["figures"] = _sum_figures(_visible_areas(conn, user))
    else:
        rows = _group_by_area(read_figures_of_area(conn, path[-1]["level"], area))
        parent |= rows[0] if rows else {"figures": {}}
    return {
        "run": state["run"],
        "as_of": state["day"],
        "computed_at": state["computed_at"],
        "level": level,
        "area": parent,
        "path": path,
        "areas": areas,
        "gini": _gini_of_figures([row["figures"] for row in areas if row["code"]]),
    }


def _gini_of_figures(peers: list[dict[str, dict[str, Any]]]) -> dict[str, float | None]:
    coefficients: dict[str, float | None] = {}
    for name in sorted({name for figures in peers for name in figures}):
        shares = [figures.get(name, {}).get("share") for figures in peers]
        known = [share for share in shares if share is not None]
        if len(known) > 1:
            coefficients[name] = gini(known)
    rates = [
        figures["incidents"]["numerator"] / figures["area_m2"]["numerator"]
        for figures in peers
        if "incidents" in figures and figures["area_m2"]["numerator"]
    ]
    if len(rates) > 1:
        coefficients["incidents_per_km2"] = gini(rates)
    return coefficients


@router.get("/table", response_class=Response, responses=CSV)
def export_dashboard(
    conn: Connection, level: Level = "subdistrict", area: AreaCode = None
) -> Response:
    """Export the figures of the areas of a level as CSV, one row per area and figure."""
    _path_of(conn, area)
    table = [["level", "code", "name", "figure", "numerator", "denominator", "share", "target"]]
    for row in read_figures_of_level(conn, level, area):
        figure = _figure_of(row)
        cells = (
            level,
            row["code"],
            row["name"],
            row["figure"],
            figure["numerator"],
            figure["denominator"],
            figure["share"],
            figure["target"],
        )
        table.append(["" if cell is None else str(cell) for cell in cells])
    return csv_response(table, f"dashboard-{level}.csv")


@router.get("/trends", response_model=Trends)
def get_trends(conn: Connection, user: SignedIn, area: AreaCode = None) -> dict[str, Any]:
    """Get the cameras and platforms of an area by year and its service requests by month."""
    path = _path_of(conn, area if area is not None or user.everywhere else user.areas[0])
    level, code = (path[-1]["level"], path[-1]["code"]) if path else ("district", None)
    if code is None:
        rows = read_figures_of_level(conn, "district", None)
        districts = {row["code"] for row in rows if row["code"]}
        code = districts.pop() if len(districts) == 1 else ""
    return {
        "cameras_by_year": read_camera_years(conn, level, code),
        "service_requests_by_month": read_service_request_months(conn, level, code),
    }


def _visible_areas(conn: Conn, user: User) -> list[dict[str, Any]]:
    """Return the figures of every district, or of each area of an account that has areas."""
    if user.everywhere:
        return _group_by_area(read_figures_of_level(conn, "district", None))
    paths = [read_area_path(conn, code) for code in user.areas]
    return _group_by_area(
        [
            row
            for path in paths
            if path
            for row in read_figures_of_area(conn, path[-1]["level"], path[-1]["code"])
        ]
    )


def _path_of(conn: Conn, area: str | None) -> list[dict[str, Any]]:
    """Return the areas from the top to an area; none for None."""
    if area is None:
        return []
    path = read_area_path(conn, area)
    if not path:
        raise HTTPException(404, f"There is no area {area}.")
    return path


def _group_by_area(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    areas: dict[str, dict[str, Any]] = {}
    for row in rows:
        names = {name: row[name] for name in ("code", "name", "name_en", "parent")}
        area = areas.setdefault(row["code"], names | {"figures": {}})
        area["figures"][row["figure"]] = _figure_of(row)
    return list(areas.values())


def _figure_of(row: dict[str, Any]) -> dict[str, Any]:
    return _figure(row["part"], row["whole"], row["goal"])


def _figure(numerator: float, denominator: float | None, target: float | None) -> dict[str, Any]:
    share = numerator / denominator if denominator else None
    met = None if target is None or share is None else share >= target - _ROUNDING
    return {
        "numerator": numerator,
        "denominator": denominator,
        "share": share,
        "target": target,
        "met": met,
    }


def _sum_figures(areas: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of several areas as those of one."""
    sums: dict[str, Any] = {}
    for area in areas:
        for name, figure in area["figures"].items():
            before = sums.get(name, {"numerator": 0.0, "denominator": 0.0})
            denominator = figure["denominator"]
            if denominator is not None:
                denominator += before["denominator"] or 0.0
            sums[name] = _figure(
                before["numerator"] + figure["numerator"], denominator, figure["target"]
            )
    return sums
