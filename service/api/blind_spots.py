"""Blind spots: the layer of the map and the ranking."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from geo.store.connection import Conn
from geo.store.queries.blind_spots import read_largest_blind_spots, read_ranked_blind_spots
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import newest_run
from service.filters import AreaOrGridCode
from service.policy import SecuredRoute, allow
from service.responses import GEOJSON, GEOJSON_MEDIA, JSON_MEDIA, geojson_response

router = APIRouter(
    prefix="/api/v1/blind-spots",
    tags=["blind spots"],
    route_class=SecuredRoute,
    dependencies=[allow("coverage", video_wall=True)],
)


class BlindSpot(BaseModel):
    """Blind spot: ground of a grid that no camera sees."""

    rank: int
    grid: str
    number: int = Field(description="Number within the grid.")
    grid_name: str | None
    grid_name_en: str | None
    area_m2: float
    widest_m: float = Field(description="Diameter of the largest inscribed circle.")
    risk: float | None = Field(description="Incidents expected per year.")
    bbox: list[float] = Field(
        validation_alias="box", description="West, south, east, north, degrees."
    )


class BlindSpotRanking(BaseModel):
    """One page of a ranking of blind spots, with the totals of the ranking."""

    total: int = Field(description="Blind spots in the ranking.")
    area_m2: float = Field(description="Area of all blind spots in the ranking.")
    risk: float | None = Field(description="Incidents expected per year in all of them.")
    blind_spots: list[BlindSpot]


@router.get("", response_class=Response, responses=GEOJSON)
async def list_blind_spots(
    request: Request,
    user: SignedIn,
    limit: Annotated[
        int, Query(ge=1, le=10_000, description="Maximum number of blind spots.")
    ] = 200,
) -> Response:
    """List the blind spots of the newest run, the largest first."""

    def make(conn: Conn) -> bytes:
        return bytes(geojson_response(read_largest_blind_spots(conn, limit), digits=6).body)

    return await cached_response(
        request, user, ("blind-spots", limit), RESULTS, make, GEOJSON_MEDIA
    )


@router.get("/ranking", response_model=BlindSpotRanking)
async def rank_blind_spots(
    request: Request,
    user: SignedIn,
    by: Annotated[
        Literal["area", "risk"],
        Query(description="Rank by area, or by the incidents expected per year."),
    ] = "area",
    area: AreaOrGridCode = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Blind spots of a page.")] = 100,
    offset: Annotated[
        int, Query(ge=0, le=1_000_000, description="Blind spots before the page.")
    ] = 0,
) -> Response:
    """Rank the blind spots of an area by their size or by the incidents expected in them."""

    def make(conn: Conn) -> bytes:
        newest_run(conn)
        rows, sums = read_ranked_blind_spots(conn, by, area or None, limit, offset)
        ranking = BlindSpotRanking(
            total=sums["spots"], area_m2=sums["area_m2"], risk=sums["risk"], blind_spots=rows
        )
        return ranking.model_dump_json().encode()

    return await cached_response(
        request, user, ("ranked", by, area, limit, offset), RESULTS, make, JSON_MEDIA
    )
