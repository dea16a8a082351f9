"""Cameras: the layer of the map, records and views."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import geopandas as gpd
import numpy as np
import shapely
from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response
from pydantic import BaseModel, Field, create_model

from geo import pipeline
from geo.schema import LAYERS
from geo.store.connection import Conn
from geo.store.queries.cameras import read_camera_record, read_camera_results
from geo.store.queries.tiles import COARSE_DEG
from service.api.location_precision import require_exact_locations, sees_exact_locations
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import Connection, Deployment
from service.policy import SecuredRoute, allow
from service.responses import (
    GEOJSON,
    GEOJSON_MEDIA,
    GeoJSONGeometry,
    geojson_geometry,
    geojson_response,
)

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"], route_class=SecuredRoute)
CameraCode = Annotated[str, Path(description="Code of the camera.")]


class CameraStatus(BaseModel):
    """Status of a camera and the time from which it holds."""

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
    column.name: (
        str if column.needed else _TYPES.get(column.kind, str | None),
        Field(description=column.unit or None),
    )
    for column in LAYERS["cameras"].columns
}


class _Camera(BaseModel):
    """Register columns, status, view and place of one camera."""

    extra: dict[str, Any] = Field(description="Columns of its row that the register does not have.")
    lon: float
    lat: float
    status_reported_at: dt.datetime | None
    view_m2: float | None = Field(description="Area of the ground that it sees, m2.")
    assumed: bool | None = Field(
        description="Whether the bearing, field of view or range is assumed."
    )
    grid: str | None = Field(description="Code of the grid that it is in.")
    grid_name: str | None
    history: list[CameraStatus] = Field(description="Statuses, the newest first.")


CameraRecord = create_model("CameraRecord", __base__=_Camera, __doc__=_Camera.__doc__, **_COLUMNS)
"""Columns of the register together with what is known of the camera from elsewhere."""


class CameraView(BaseModel):
    """Ground that one camera sees, and ground in its sector and range that is hidden from it."""

    seen_m2: float
    hidden_m2: float
    seen: GeoJSONGeometry
    hidden: GeoJSONGeometry
    parameters: dict[str, float] = Field(
        description="Bearing, field of view, range, near edge (m) and height (m) of the camera."
    )
    recorded: dict[str, bool] = Field(
        description="Whether the register has the parameter; it is assumed otherwise."
    )


@router.get(
    "",
    dependencies=[allow("coverage", video_wall=True)],
    response_class=Response,
    responses=GEOJSON,
)
async def list_cameras(request: Request, user: SignedIn, settings: Deployment) -> Response:
    """List the cameras with the area that they see.

    Roles without exact locations get places to about 200 m, and no parameters.
    """

    def make(conn: Conn) -> bytes:
        cameras = read_camera_results(conn)
        if sees_exact_locations(user, settings):
            return bytes(geojson_response(cameras, digits=6).body)
        return bytes(geojson_response(_coarse(cameras), digits=3).body)

    return await cached_response(
        request, user, ("cameras",), ("cameras", *RESULTS), make, GEOJSON_MEDIA
    )


def _coarse(cameras: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    rest = cameras.drop(columns=["bearing_deg", "fov_deg", "range_m", "area_m2", "assumed"])
    coordinates = shapely.get_coordinates(np.asarray(rest.geometry.values))
    rounded = shapely.points(np.round(coordinates / COARSE_DEG) * COARSE_DEG)
    return rest.set_geometry(gpd.GeoSeries(rounded, rest.index, crs=rest.crs))


@router.get(
    "/{code}",
    dependencies=[allow("coverage"), Depends(require_exact_locations)],
    response_model=CameraRecord,
)
def get_camera(conn: Connection, code: CameraCode) -> dict[str, Any]:
    """Get the record of one camera: register columns, status history, view and grid."""
    record = read_camera_record(conn, code)
    if record is None:
        raise HTTPException(404, f"There is no camera {code}.")
    return record


@router.get(
    "/{code}/view",
    dependencies=[allow("coverage"), Depends(require_exact_locations)],
    response_model=CameraView,
)
def get_camera_view(conn: Connection, settings: Deployment, code: CameraCode) -> CameraView:
    """Get the ground that a camera sees in the newest run, and the ground hidden from it."""
    view = pipeline.view_of_camera(conn, code, settings)
    if view is None:
        raise HTTPException(404, f"There is no camera {code}.")
    seen, hidden = view.shapes
    return CameraView(
        seen_m2=view.seen_m2,
        hidden_m2=view.hidden_m2,
        seen=geojson_geometry(seen),
        hidden=geojson_geometry(hidden),
        parameters=view.parameters,
        recorded=view.on_record,
    )
