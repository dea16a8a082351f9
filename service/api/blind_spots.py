"""Blind spots: the map's layer and the ranked list."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from geo.store.connection import Conn
from geo.store.queries.blind_spots import read_largest_blind_spots, read_ranked_blind_spots
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import newest_run
from service.filters import AreaCode
from service.policy import SecuredRoute, allow
from service.responses import GEOJSON, GEOJSON_MEDIA, JSON_MEDIA, geojson_response

router = APIRouter(prefix="/api/v1", tags=["blind spots"], route_class=SecuredRoute)
_coverage = [allow("coverage", walls=True)]


class BlindSpot(BaseModel):
    """Ground that no camera sees."""

    rank: int
    grid: str
    number: int
    grid_name: str | None
    grid_name_en: str | None
    area_m2: float
    widest_m: float
    risk: float | None = Field(description="incidents expected a year")
    box: list[float]


class BlindSpots(BaseModel):
    """Some blind spots, worst first, and the sums of all."""

    spots: int
    area_m2: float
    risk: float | None
    rows: list[BlindSpot]


@router.get("/blind-spots", dependencies=_coverage, response_class=Response, responses=GEOJSON)
async def blind_spots(
    request: Request, user: SignedIn, limit: Annotated[int, Query(ge=1, le=10_000)] = 200
) -> Response:
    """Blind spots of the newest run, largest first."""

    def make(conn: Conn) -> bytes:
        return bytes(geojson_response(read_largest_blind_spots(conn, limit), digits=6).body)

    return await cached_response(
        request, user, ("blind-spots", limit), RESULTS, make, GEOJSON_MEDIA
    )


@router.get("/blind-spots/ranked", dependencies=_coverage, response_model=BlindSpots)
async def ranked(
    request: Request,
    user: SignedIn,
    by: Annotated[Literal["area", "risk"], Query(description="what makes one worse")] = "area",
    area: AreaCode = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """Blind spots of an area, worst first: by their size, or by the incidents to be expected there."""

    def make(conn: Conn) -> bytes:
        newest_run(conn)
        rows, sums = read_ranked_blind_spots(conn, by, area or None, limit, offset)
        return BlindSpots(**sums, rows=rows).model_dump_json().encode()

    return await cached_response(
        request, user, ("ranked", by, area, limit, offset), RESULTS, make, JSON_MEDIA
    )
