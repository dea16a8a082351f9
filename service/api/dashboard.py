"""The dashboard: figures by area and their trends."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

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
from service.filters import AnyAreaCode
from service.policy import SecuredRoute, allow
from service.responses import CSV, JSON_MEDIA, csv_response

router = APIRouter(prefix="/api/v1", tags=["dashboard"], route_class=SecuredRoute)
_board = [allow("board", walls=True)]


class Figure(BaseModel):
    """A share of the board, or a plain sum."""

    part: float
    whole: float | None = Field(description="null of a plain sum")
    share: float | None = Field(description="part of whole, 0 to 1")
    goal: float | None
    met: bool | None = Field(description="whether the share reaches the goal")


class DashboardArea(BaseModel):
    """One area of the board; what no area of the level claims has an empty code."""

    code: str
    name: str | None = None
    name_en: str | None = None
    parent: str | None = None
    level: str | None = None
    figures: dict[str, Figure]


class PathStep(BaseModel):
    """An area that the one asked for lies in."""

    code: str
    name: str | None
    name_en: str | None
    level: str


class Dashboard(BaseModel):
    """Figures of the areas of a level, and of the area they lie in."""

    run: int
    day: dt.date = Field(description="the day that ages and deadlines are counted to")
    computed_at: dt.datetime
    level: str
    area: DashboardArea
    path: list[PathStep] = Field(description="from the top down to the area asked for")
    areas: list[DashboardArea]
    gini: dict[str, float | None] = Field(
        description="how unevenly a figure is spread, 0: all alike"
    )


class CameraYear(BaseModel):
    """Cameras of an area in a year."""

    year: int
    installed: int
    upgraded: int
    retired: int
    in_service: int = Field(description="at the end of the year")
    platforms: int


class ServiceRequestMonth(BaseModel):
    """Appeals of an area in a month."""

    month: dt.date
    received: int
    closed: int
    due: int
    closed_in_time: int
    in_time_share: float | None
    median_hours: float | None
    satisfaction: float | None


class Trends(BaseModel):
    """What became of an area's cameras and appeals."""

    years: list[CameraYear]
    appeals: list[ServiceRequestMonth]


Level = Literal["grid", "community", "subdistrict", "district"]


@router.get("/board", dependencies=_board, response_model=Dashboard)
async def dashboard(
    request: Request, user: SignedIn, level: Level = "subdistrict", area: AnyAreaCode = None
) -> Response:
    """Every figure of the areas of a level that lie in an area, and of that area itself.

    A figure is `part` of `whole`, with its `share`, `goal` and whether it is `met`; a plain sum
    has no whole. `gini` says how unevenly a share is spread over the areas. What no area of the level
    claims has an empty code.
    """

    def make(conn: Conn) -> bytes:
        return Dashboard(**_dashboard_of(conn, user, level, area)).model_dump_json().encode()

    return await cached_response(
        request, user, ("board", level, area), RESULTS, make, JSON_MEDIA
    )  # fmt: skip


def _dashboard_of(conn: Conn, user: User, level: Level, area: str | None) -> dict[str, Any]:
    state = read_dashboard_state(conn)
    if state is None:
        raise HTTPException(404, "There is no board yet; run `gridcover refresh`.")
    path = _path(conn, area)
    rows = _by_area(read_figures_of_level(conn, level, area))
    mine: dict[str, Any] = {"code": area or "", "level": path[-1]["level"] if path else None}
    if area is None:
        mine["figures"] = _summed(_whole(conn, user))
    else:
        found = _by_area(read_figures_of_area(conn, path[-1]["level"], area))
        mine |= found[0] if found else {"figures": {}}
    peers = [row for row in rows if row["code"]]
    names = sorted({name for row in peers for name in row["figures"]})
    evenness = {}
    for name in names:
        shares = [row["figures"].get(name, {}).get("share") for row in peers]
        known = [share for share in shares if share is not None]
        if len(known) > 1:
            evenness[name] = gini(known)
    crowded = [
        row["figures"]["incidents"]["part"] / row["figures"]["area_m2"]["part"]
        for row in peers
        if "incidents" in row["figures"] and row["figures"]["area_m2"]["part"]
    ]
    if len(crowded) > 1:
        evenness["incidents_per_km2"] = gini(crowded)
    return {**state, "level": level, "area": mine, "path": path, "areas": rows, "gini": evenness}


@router.get("/board/table", dependencies=_board, response_class=Response, responses=CSV)
def board_table(
    conn: Connection, level: Level = "subdistrict", area: AnyAreaCode = None
) -> Response:
    """The board of a level as CSV: a row a figure and area."""
    _path(conn, area)
    out = [["level", "code", "name", "figure", "part", "whole", "share", "goal"]]
    for row in read_figures_of_level(conn, level, area):
        share = row["part"] / row["whole"] if row["whole"] else None
        cells = (
            level,
            row["code"],
            row["name"],
            row["figure"],
            row["part"],
            row["whole"],
            share,
            row["goal"],
        )
        out.append(["" if cell is None else str(cell) for cell in cells])
    return csv_response(out, f"board-{level}.csv")


@router.get("/board/trends", dependencies=_board, response_model=Trends)
def trends(conn: Connection, user: SignedIn, area: AnyAreaCode = None) -> dict[str, Any]:
    """Of an area: its cameras and platforms by year, its appeals by month."""
    path = _path(conn, area if area is not None or user.everywhere else user.areas[0])
    level, code = (path[-1]["level"], path[-1]["code"]) if path else ("district", None)
    if code is None:
        codes = {
            row["code"] for row in read_figures_of_level(conn, "district", None) if row["code"]
        }
        code = codes.pop() if len(codes) == 1 else ""
    return {
        "years": read_camera_years(conn, level, code),
        "appeals": read_service_request_months(conn, level, code),
    }


def _whole(conn: Conn, user: User) -> list[dict[str, Any]]:
    """Figures of all that a visitor sees: of every district, or of each area that is theirs."""
    if user.everywhere:
        return _by_area(read_figures_of_level(conn, "district", None))
    paths = [read_area_path(conn, code) for code in user.areas]
    rows = [
        read_figures_of_area(conn, path[-1]["level"], path[-1]["code"]) for path in paths if path
    ]
    return _by_area([row for some in rows for row in some])


def _path(conn: Conn, area: str | None) -> list[dict[str, Any]]:
    """The area and what it lies in, from the top."""
    if area is None:
        return []
    path = read_area_path(conn, area)
    if not path:
        raise HTTPException(404, f"There is no area {area}.")
    return path


def _by_area(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for row in rows:
        names = {k: row[k] for k in ("code", "name", "name_en", "parent")}
        at = out.setdefault(row["code"], names | {"figures": {}})
        at["figures"][row["figure"]] = _figure(row["part"], row["whole"], row["goal"])
    return list(out.values())


def _figure(part: float, whole: float | None, goal: float | None) -> dict[str, Any]:
    share = part / whole if whole else None
    # Shares are sums of areas: a millionth is rounding, not a gap.
    met = None if goal is None or share is None else share >= goal - 1e-6
    return {"part": part, "whole": whole, "share": share, "goal": goal, "met": met}


def _summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures of several areas as those of one."""
    out: dict[str, Any] = {}
    for row in rows:
        for name, one in row["figures"].items():
            had = out.get(name, {"part": 0.0, "whole": 0.0})
            whole = None if one["whole"] is None else (had["whole"] or 0.0) + one["whole"]
            out[name] = _figure(had["part"] + one["part"], whole, one["goal"])
    return out
