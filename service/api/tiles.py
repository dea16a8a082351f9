"""Vector tiles and their descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request, Response

from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.tiles import TILE_SET_DEPENDENCIES, TILE_SETS, TileLayer, build_tile
from geo.store.queries.users import User
from service.api.location_precision import sees_exact_locations
from service.auth.permissions import MAPS, rights_of
from service.auth.sessions import SignedIn
from service.caching import cached_response
from service.dependencies import Deployment
from service.policy import AuditRule, SecuredRoute, allow
from service.state import app_state

router = APIRouter(
    prefix="/tiles",
    tags=["tiles"],
    route_class=SecuredRoute,
    dependencies=[allow(*MAPS, video_wall=True, cached=True, audit=AuditRule.SAMPLED)],
)
TileSet = Annotated[
    str, Path(pattern=f"^({'|'.join(TILE_SETS)})$", description="Set of tiles, such as grids.")
]
_MEDIA = "application/vnd.mapbox-vector-tile"
_CLUSTER_FIELDS = {"count": "Number", "working": "Number", "unknown": "Number"}
"""Fields of a layer whose points are clustered at low zooms."""


def _require_right(name: str, user: User, settings: Settings) -> None:
    if name == "base":
        return
    is_exact = name == "views"
    if "coverage" not in rights_of(user) or (is_exact and not sees_exact_locations(user, settings)):
        raise HTTPException(403, f"The role {user.role} may not see the tiles of {name}.")


@router.get(
    "/{name}/{z}/{x}/{y}.pbf",
    response_class=Response,
    responses={200: {"description": "Mapbox vector tile.", "content": {_MEDIA: {}}}},
)
async def get_tile(
    request: Request,
    user: SignedIn,
    name: TileSet,
    z: Annotated[int, Path(ge=0, le=22, description="Zoom.")],
    x: Annotated[int, Path(ge=0, description="Column, from the west.")],
    y: Annotated[int, Path(ge=0, description="Row, from the north.")],
) -> Response:
    """Get a Mapbox vector tile; it is empty where there is nothing, and 404 outside the grid.

    Shapes are simplified for the zoom, and cameras are clustered below zoom 15. `ETag` changes
    with the content.
    """
    settings: Settings = app_state(request).settings
    _require_right(name, user, settings)
    if x >= 2**z or y >= 2**z:
        raise HTTPException(
            404, f"There is no tile {z}/{x}/{y}; at zoom {z} they go up to {2**z - 1}."
        )
    coarse = not sees_exact_locations(user, settings)

    def make(conn: Conn) -> bytes:
        return build_tile(conn, name, z, x, y, coarse=coarse)

    return await cached_response(
        request, user, ("tile", name, z, x, y), TILE_SET_DEPENDENCIES[name], make, _MEDIA
    )


@router.get("/{name}.json")
async def get_tile_set(
    request: Request, settings: Deployment, user: SignedIn, name: TileSet
) -> dict[str, Any]:
    """Get the TileJSON 3.0 description of a set of tiles."""
    _require_right(name, user, settings)
    layers = [_describe_layer(layer, choices) for layer, choices in TILE_SETS[name].items()]
    return {
        "tilejson": "3.0.0",
        "name": name,
        "scheme": "xyz",
        "tiles": [f"{request.base_url}tiles/{name}/{{z}}/{{x}}/{{y}}.pbf"],
        "minzoom": min(layer["minzoom"] for layer in layers),
        "maxzoom": 18,
        "vector_layers": layers,
    }


def _describe_layer(layer: str, choices: Sequence[TileLayer]) -> dict[str, Any]:
    fields = {column.strip(): "" for choice in choices for column in choice.columns.split(",")}
    if any(choice.cluster_px for choice in choices):
        fields |= _CLUSTER_FIELDS
    return {
        "id": layer,
        "minzoom": choices[0].low,
        "maxzoom": choices[-1].high,
        "fields": fields,
    }
