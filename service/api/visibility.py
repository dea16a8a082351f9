"""Visibility of a place: the cameras that see it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from geo import pipeline
from service.api.location_precision import require_exact_locations
from service.dependencies import Connection
from service.policy import SecuredRoute, allow

router = APIRouter(
    prefix="/api/v1/visibility",
    tags=["visibility"],
    dependencies=[allow("coverage"), Depends(require_exact_locations)],
    route_class=SecuredRoute,
)


class Sighting(BaseModel):
    """Camera that sees a place."""

    camera: str = Field(description="Code of the camera.")
    name: str | None
    kind: str
    status: str
    distance_m: float
    bearing_deg: float = Field(
        description="From the camera to the place, clockwise from true north."
    )
    px_per_m: float | None = Field(
        description="Pixel density at the place; null if the register has no lens or resolution."
    )


@router.get("/cameras")
def list_cameras_that_see(
    conn: Connection,
    lon: Annotated[
        float, Query(ge=-180, le=180, description="Longitude of the place, degrees (WGS 84).")
    ],
    lat: Annotated[
        float, Query(ge=-90, le=90, description="Latitude of the place, degrees (WGS 84).")
    ],
) -> list[Sighting]:
    """List the cameras that see a place according to the newest run, the nearest first."""
    cameras = pipeline.cameras_seeing_place(conn, lon, lat)
    rows = cameras.astype(object).where(cameras.notna(), None).to_dict("records")
    return [Sighting.model_validate({str(name): v for name, v in row.items()}) for row in rows]
