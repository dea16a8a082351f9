"""Search and names of areas and grids."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from geo.store.queries.grids import read_names
from geo.store.queries.search import search_places
from service.auth.permissions import MAPS, rights_of
from service.auth.sessions import SignedIn
from service.dependencies import Connection, Deployment
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["search"], route_class=SecuredRoute)
_maps = [allow(*MAPS, walls=True)]


class SearchResult(BaseModel):
    """What a search found."""

    kind: str
    code: str
    name: str | None
    name_en: str | None
    within: str | None
    box: list[float]


@router.get("/names", dependencies=_maps, response_model=dict[str, list[str | None]])
def names(
    conn: Connection,
    code: Annotated[
        list[Annotated[str, Query(max_length=64)]], Query(min_length=1, max_length=200)
    ],
) -> dict[str, list[str | None]]:
    """Name and English name of some grids and areas, by their code."""
    return read_names(conn, code)


@router.get("/search", dependencies=[allow(*MAPS)], response_model=list[SearchResult])
def search(
    conn: Connection,
    user: SignedIn,
    settings: Deployment,
    q: Annotated[str, Query(min_length=1, max_length=100, pattern=r"^[^\x00]*\S[^\x00]*$")],
    limit: Annotated[int, Query(ge=1, le=50)] = 12,
) -> list[dict[str, Any]]:
    """Areas, grids, key places and cameras by name, code or device number."""
    exactly = "coverage" in rights_of(user) and user.role not in settings.coarse_roles
    return search_places(conn, q, limit, cameras=exactly)
