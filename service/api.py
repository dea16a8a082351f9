"""The data the maps fetch, as GeoJSON and JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import geopandas as gpd
import numpy as np
import shapely
from fastapi import APIRouter, HTTPException, Query, Request, Response

from geo.governance.roll_up import rank_peers
from geo.pipeline import results_by_area
from geo.store import alerts, read
from geo.store import incidents as stored
from geo.store.database import Conn
from geo.store.tiles import COARSE_DEG
from geo.store.tokens import READ, STAFF
from service import models
from service.access import MAPS, SignedIn, rights_of
from service.answers import geojson
from service.dependencies import Connection, Deployment, newest_run
from service.keeping import keep
from service.models import GEOJSON
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["data"], route_class=SecuredRoute)
_maps = [allow(*MAPS, walls=True)]
_coverage = [allow("coverage", walls=True)]
Month = Annotated[str, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="year-month")]


_GEO = "application/geo+json"
_GRIDS = ("results", "grids", "areas")


@router.get("/grids", dependencies=_maps, response_class=Response, responses=GEOJSON)
async def grids(request: Request, user: SignedIn) -> Response:
    """Grids with coverage and density of the newest run."""

    def make(conn: Conn) -> bytes:
        return bytes(geojson(read.grid_results(conn, newest_run(conn).id), digits=6).body)

    return await keep(request, user, ("grids",), (*_GRIDS, "grid_staff"), make, _GEO)


@router.get("/blind-spots", dependencies=_coverage, response_class=Response, responses=GEOJSON)
async def blind_spots(
    request: Request, user: SignedIn, limit: Annotated[int, Query(ge=1, le=10_000)] = 200
) -> Response:
    """Blind spots of the newest run, largest first."""

    def make(conn: Conn) -> bytes:
        return bytes(geojson(read.blind_spot_results(conn, limit), digits=6).body)

    return await keep(request, user, ("blind-spots", limit), _GRIDS, make, _GEO)


@router.get("/cameras", dependencies=_coverage, response_class=Response, responses=GEOJSON)
async def cameras(request: Request, user: SignedIn, settings: Deployment) -> Response:
    """Cameras with the area of their view; for some roles their places to about 200 m alone."""

    def make(conn: Conn) -> bytes:
        found = read.camera_results(conn)
        if user.role not in settings.coarse_roles:
            return bytes(geojson(found, digits=6).body)
        found = found.drop(columns=["bearing_deg", "fov_deg", "range_m", "area_m2", "assumed"])
        points = shapely.get_coordinates(np.asarray(found.geometry.values))
        coarse = shapely.points(np.round(points / COARSE_DEG) * COARSE_DEG)
        shown = found.set_geometry(gpd.GeoSeries(coarse, found.index, crs=found.crs))
        return bytes(geojson(shown, digits=3).body)

    return await keep(request, user, ("cameras",), ("cameras", *_GRIDS), make, _GEO)


@router.get("/cameras/{code}", dependencies=[allow("coverage")], response_model=models.CameraRecord)
def camera(conn: Connection, user: SignedIn, settings: Deployment, code: str) -> dict[str, Any]:
    """One camera's record: every column, what else its row had, its statuses and where it stands."""
    if user.role in settings.coarse_roles:
        raise HTTPException(403, f"The role {user.role} sees where cameras are only roughly.")
    found = read.camera_record(conn, code)
    if found is None:
        raise HTTPException(404, f"There is no camera {code}.")
    return found


@router.get("/areas", dependencies=_maps, response_model=list[models.Area])
def areas(conn: Connection) -> list[dict[str, Any]]:
    """Names of areas and where to write them."""
    return read.names_of_areas(conn)


Ranked = Literal["open_covered_share", "covered_share", "per_km2", "per_1000_people"]


@router.get("/areas/results", dependencies=_maps, response_model=models.AreaResults)
async def area_results(
    request: Request,
    user: SignedIn,
    level: Annotated[str, Query(pattern="^(grid|community|subdistrict|district)$")] = "subdistrict",
    by: Ranked = "open_covered_share",
) -> Response:
    """Areas of one level by a figure, best first, with their rank and how uneven the figure is.

    What no area of the level claims comes last, with an empty code and no rank.
    """

    def make(conn: Conn) -> bytes:
        newest_run(conn)
        return models.AreaResults(**_area_results(conn, level, by)).model_dump_json().encode()

    return await keep(request, user, ("areas", level, by), _GRIDS, make, "application/json")


def _area_results(conn: Conn, level: str, by: Ranked) -> dict[str, Any]:
    table = results_by_area(conn)
    best = "highest" if by.endswith("_share") else "lowest"
    ranked = rank_peers(table, by, level=level, best=best)
    peers = table.loc[[level]].droplevel("level")
    order = [*ranked.index, *(code for code in peers.index if code not in ranked.index)]
    out = peers.loc[order].assign(rank=ranked["rank"].astype("Int64"))
    rows = out.reset_index().astype(object)
    rows = rows.where(rows.notna(), None)
    return {
        "run": table.attrs["run"], "level": level, "by": by, "gini": ranked.attrs["gini"],
        "areas": rows.to_dict("records"),
    }  # fmt: skip


@router.get("/runs/latest", dependencies=_maps, response_model=models.Run)
def latest_run(conn: Connection, user: SignedIn) -> dict[str, Any]:
    """The newest run: what its figures rest on; its sums for those who see all of it."""
    run = newest_run(conn)
    return {**run.__dict__} | ({} if user.everywhere else {"summary": {}})


@router.get("/runs", dependencies=_maps, response_model=list[models.Run])
def runs(
    conn: Connection, user: SignedIn, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[dict[str, Any]]:
    """The runs whose results are kept, newest first, each with what it rests on."""
    hidden: dict[str, Any] = {} if user.everywhere else {"summary": {}}
    return [{**run.__dict__} | hidden for run in read.newest_runs(conn, limit)]


@router.get("/alerts", dependencies=_maps, response_model=list[models.Alert])
def open_alerts(conn: Connection) -> list[dict[str, Any]]:
    """Alerts that have not ended, strongest first."""
    return alerts.open_alerts(conn)


@router.get(
    "/grids/{code}/staff", response_model=list[models.StaffMember],
    dependencies=[allow(*MAPS, "phones", scopes=(READ, STAFF))],
)  # fmt: skip
def staff(conn: Connection, user: SignedIn, code: str) -> list[dict[str, Any]]:
    """Head and staff of a grid; phones for roles that may call them, of tokens those of `staff:read`."""
    found = read.staff_of(conn, code, phones="phones" in rights_of(user))
    if found is None:
        raise HTTPException(404, f"There is no grid {code}.")
    return found


@router.get("/service-quality", dependencies=_maps, response_model=list[models.Service])
def service_quality(
    conn: Connection,
    from_: Annotated[Month, Query(alias="from")],
    until: Month,
    level: Annotated[str, Query(pattern="^(grid|community|subdistrict|district)$")] = "subdistrict",
) -> list[dict[str, Any]]:
    """How appeals received in the months from `from` up to but without `until` were served."""
    newest_run(conn)
    return stored.service_quality(conn, level, _first(from_), _first(until))


def _first(month: str) -> dt.datetime:
    try:
        return dt.datetime.strptime(month, "%Y-%m")  # noqa: DTZ007  (the zone is the caller's)
    except ValueError as error:
        raise HTTPException(422, f"{month} is no month; write it as 2026-10") from error
