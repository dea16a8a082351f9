"""Search for areas, grids, key places and cameras."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from geo.store.queries.search import search_places
from service.api.location_precision import sees_exact_locations
from service.auth.permissions import MAPS, rights_of
from service.auth.sessions import SignedIn
from service.dependencies import Connection, Deployment
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["search"], route_class=SecuredRoute)


class SearchResult(BaseModel):
    """Area, grid, key place or camera that matches a search."""

    kind: str
    code: str
    name: str | None
    name_en: str | None
    within: str | None = Field(description="Name of the area that it lies in.")
    bbox: list[float] = Field(
        validation_alias="box", description="West, south, east, north, degrees."
    )


@router.get("/search", dependencies=[allow(*MAPS)], response_model=list[SearchResult])
def search(
    conn: Connection,
    user: SignedIn,
    settings: Deployment,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00]*\S[^\x00]*$",
            description="Part of a name, a code or a device number.",
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=50, description="Maximum number of results.")] = 12,
) -> list[dict[str, Any]]:
    """Search areas, grids, key places and cameras by name, code or device number."""
    cameras = "coverage" in rights_of(user) and sees_exact_locations(user, settings)
    return search_places(conn, q, limit, cameras=cameras)
