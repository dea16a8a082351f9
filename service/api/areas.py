"""Areas of the administrative hierarchy and their figures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from geo.governance.roll_up import rank_peers
from geo.pipeline import results_by_area
from geo.store.connection import Conn
from geo.store.queries.areas import read_areas
from service.auth.permissions import MAPS
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import Connection, newest_run
from service.policy import SecuredRoute, allow
from service.responses import JSON_MEDIA

router = APIRouter(prefix="/api/v1", tags=["areas"], route_class=SecuredRoute)
_maps = [allow(*MAPS, walls=True)]


class Area(BaseModel):
    """A district, sub-district or community, and where to write its name."""

    code: str
    name: str
    name_en: str | None
    level: str
    parent: str | None
    lat: float
    lon: float
    box: list[float] = Field(description="west, south, east, north")


class AreaResult(BaseModel):
    """The figures of one area, community or grid."""

    code: str = Field(description="empty for what no area of the level claims")
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
    """Areas of one level by a figure, best first."""

    run: int
    level: str
    by: str
    gini: float | None = Field(description="0: all alike, towards 1: uneven")
    areas: list[AreaResult]


@router.get("/areas", dependencies=_maps, response_model=list[Area])
def areas(conn: Connection) -> list[dict[str, Any]]:
    """Names of areas and where to write them."""
    return read_areas(conn)


Ranked = Literal["open_covered_share", "covered_share", "per_km2", "per_1000_people"]


@router.get("/areas/results", dependencies=_maps, response_model=AreaResults)
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
        return AreaResults(**_area_results(conn, level, by)).model_dump_json().encode()

    return await cached_response(request, user, ("areas", level, by), RESULTS, make, JSON_MEDIA)


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
