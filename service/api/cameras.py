"""Cameras: the map's layer, records, views and which of them see a place."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, Field, create_model

from geo import pipeline
from geo.schema import LAYERS
from geo.store.connection import Conn
from geo.store.queries.cameras import count_cameras_used, read_camera_record, read_camera_results
from geo.store.queries.tiles import COARSE_DEG
from service.api.planning import Shape, exact, shape_of
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import Connection, Deployment
from service.policy import SecuredRoute, allow
from service.responses import GEOJSON, GEOJSON_MEDIA, JSON_MEDIA, geojson_response

router = APIRouter(prefix="/api/v1", tags=["cameras"], route_class=SecuredRoute)
_coverage = [allow("coverage", walls=True)]


class CamerasUsed(BaseModel):
    """What the newest coverage rests on."""

    cameras: int
    assumed_share: float = Field(
        description="of the cameras: bearing, field of view or range was assumed"
    )


class CameraStatus(BaseModel):
    """A status and since when it holds."""

    since: dt.datetime
    status: str


_TYPES: dict[str, Any] = {
    "integer": int | None,
    "number": float | None,
    "boolean": bool | None,
    "date": dt.date | None,
    "time": dt.datetime | None,
}
_COLUMNS: dict[str, Any] = {
    c.name: (str if c.needed else _TYPES.get(c.kind, str | None), Field(description=c.unit or None))
    for c in LAYERS["cameras"].columns
}


class _Camera(BaseModel):
    """All that is known of one camera."""

    extra: dict[str, Any] = Field(description="what else its row had")
    lon: float
    lat: float
    status_told_at: dt.datetime | None
    view_m2: float | None = Field(description="area of what it sees, m2")
    assumed: bool | None = Field(description="whether lens or bearing were assumed")
    in_grid: str | None
    in_grid_name: str | None
    history: list[CameraStatus] = Field(description="newest first")


CameraRecord = create_model("CameraRecord", __base__=_Camera, __doc__=_Camera.__doc__, **_COLUMNS)
"""The columns of the register, and what belongs to them."""


@router.get("/cameras", dependencies=_coverage, response_class=Response, responses=GEOJSON)
async def cameras(request: Request, user: SignedIn, settings: Deployment) -> Response:
    """Cameras with the area of their view; for some roles their places to about 200 m alone."""

    def make(conn: Conn) -> bytes:
        found = read_camera_results(conn)
        if user.role not in settings.coarse_roles:
            return bytes(geojson_response(found, digits=6).body)
        found = found.drop(columns=["bearing_deg", "fov_deg", "range_m", "area_m2", "assumed"])
        points = shapely.get_coordinates(np.asarray(found.geometry.values))
        coarse = shapely.points(np.round(points / COARSE_DEG) * COARSE_DEG)
        shown = found.set_geometry(gpd.GeoSeries(coarse, found.index, crs=found.crs))
        return bytes(geojson_response(shown, digits=3).body)

    return await cached_response(
        request, user, ("cameras",), ("cameras", *RESULTS), make, GEOJSON_MEDIA
    )


@router.get("/cameras/{code}", dependencies=[allow("coverage")], response_model=CameraRecord)
def camera(conn: Connection, user: SignedIn, settings: Deployment, code: str) -> dict[str, Any]:
    """One camera's record: every column, what else its row had, its statuses and where it stands."""
    if user.role in settings.coarse_roles:
        raise HTTPException(403, f"The role {user.role} sees where cameras are only roughly.")
    found = read_camera_record(conn, code)
    if found is None:
        raise HTTPException(404, f"There is no camera {code}.")
    return found


@router.get("/coverage/cameras", dependencies=_coverage, response_model=CamerasUsed)
async def used(request: Request, user: SignedIn) -> Response:
    """How many cameras the newest coverage rests on, and of how many of them something was assumed."""

    def make(conn: Conn) -> bytes:
        cameras, assumed = count_cameras_used(conn)
        return json.dumps({"cameras": cameras, "assumed_share": assumed}).encode()

    return await cached_response(request, user, ("used",), (*RESULTS, "cameras"), make, JSON_MEDIA)


class CameraView(BaseModel):
    """What one camera sees, and what hides the rest of its reach."""

    seen_m2: float
    hidden_m2: float
    seen: Shape
    hidden: Shape
    parameters: dict[str, float] = Field(
        description="bearing, field of view, range, near edge, height"
    )
    on_record: dict[str, bool] = Field(description="which of them the register has")  # fmt: skip


@router.get(
    "/cameras/{code}/view",
    dependencies=[allow("coverage"), Depends(exact)],
    response_model=CameraView,
)
def view(conn: Connection, settings: Deployment, code: str) -> CameraView:
    """What a camera sees by the newest run, what is hidden from it, and what was assumed of it."""
    found = pipeline.view_of(conn, code, settings)
    if found is None:
        raise HTTPException(404, f"There is no camera {code}.")
    seen, hidden = found.shapes
    return CameraView(
        seen_m2=found.seen_m2, hidden_m2=found.hidden_m2, seen=shape_of(seen), hidden=shape_of(hidden),
        parameters=found.parameters, on_record=found.on_record,
    )  # fmt: skip
