"""Areas of the administrative hierarchy: names, places and figures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from geo.governance.roll_up import rank_peers
from geo.pipeline import results_by_area
from geo.store.connection import Conn
from geo.store.queries.areas import read_areas
from geo.store.queries.grids import read_names
from service.auth.permissions import MAPS
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import Connection, newest_run
from service.filters import Level
from service.policy import SecuredRoute, allow
from service.responses import JSON_MEDIA

router = APIRouter(
    prefix="/api/v1/areas",
    tags=["areas"],
    route_class=SecuredRoute,
    dependencies=[allow(*MAPS, video_wall=True)],
)


class Area(BaseModel):
    """District, sub-district or community with the place of its label."""

    code: str
    name: str
    name_en: str | None
    level: str
    parent: str | None = Field(description="Code of the area that it is part of.")
    lat: float = Field(description="Latitude of the label, degrees.")
    lon: float = Field(description="Longitude of the label, degrees.")
    bbox: list[float] = Field(
        validation_alias="box", description="West, south, east, north, degrees."
    )


class AreaResult(BaseModel):
    """Figures of one area or grid."""

    code: str = Field(description="Empty for the rows that belong to no area of the level.")
    name: str | None
    name_en: str | None
    grids: float
    population: float | None
    area_m2: float
    covered_m2: float
    open_m2: float
    open_covered_m2: float
    twice_covered_m2: float
    incidents: float | None
    covered_share: float | None
    open_covered_share: float | None
    twice_covered_share: float | None
    per_km2: float | None
    per_1000_people: float | None
    rank: int | None


class AreaResults(BaseModel):
    """Areas of one level ranked by a figure, the best first."""

    run: int
    level: str
    by: str = Field(description="Figure of the ranking.")
    gini: float | None = Field(description="Gini coefficient of the figure; 0 is equal.")
    areas: list[AreaResult]


RankingFigure = Literal["open_covered_share", "covered_share", "per_km2", "per_1000_people"]


@router.get("", response_model=list[Area])
def list_areas(conn: Connection) -> list[dict[str, Any]]:
    """List the areas with their names, extents and label positions."""
    return read_areas(conn)


@router.get("/names", response_model=dict[str, list[str | None]])
def get_area_names(
    conn: Connection,
    code: Annotated[
        list[Annotated[str, Query(max_length=64)]],
        Query(min_length=1, max_length=200, description="Codes of areas or grids."),
    ],
) -> dict[str, list[str | None]]:
    """Get the Chinese and the English name of areas and grids by their code."""
    return read_names(conn, code)


@router.get("/results", response_model=AreaResults)
async def rank_areas(
    request: Request,
    user: SignedIn,
    level: Level = "subdistrict",
    by: Annotated[
        RankingFigure,
        Query(description="Figure of the ranking: shares from the highest, rates from the lowest."),
    ] = "open_covered_share",
) -> Response:
    """Rank the areas of one level by a figure, with its inequality (Gini coefficient).

    Rows that belong to no area of the level come last, with an empty code and no rank.
    """

    def make(conn: Conn) -> bytes:
        newest_run(conn)
        return AreaResults(**_rank_areas(conn, level, by)).model_dump_json().encode()

    return await cached_response(request, user, ("areas", level, by), RESULTS, make, JSON_MEDIA)


def _rank_areas(conn: Conn, level: Level, by: RankingFigure) -> dict[str, Any]:
    table = results_by_area(conn)
    best = "highest" if by.endswith("_share") else "lowest"
    ranked = rank_peers(table, by, level=level, best=best)
    peers = table.loc[[level]].droplevel("level")
    order = [*ranked.index, *(code for code in peers.index if code not in ranked.index)]
    results = peers.loc[order].assign(rank=ranked["rank"].astype("Int64"))
    rows = results.reset_index().astype(object)
    rows = rows.where(rows.notna(), None)
    return {
        "run": table.attrs["run"],
        "level": level,
        "by": by,
        "gini": ranked.attrs["gini"],
        "areas": rows.to_dict("records"),
    }
