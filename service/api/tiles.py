"""Vector tiles and their description."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request, Response

from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.tiles import TILE_SET_DEPENDENCIES, TILE_SETS, build_tile
from geo.store.queries.users import User
from service.auth.permissions import MAPS, rights_of
from service.auth.sessions import SignedIn
from service.caching import cached_response
from service.dependencies import Deployment
from service.policy import AuditRule, SecuredRoute, allow
from service.state import app_state

router = APIRouter(
    prefix="/tiles", tags=["tiles"], route_class=SecuredRoute,
    dependencies=[allow(*MAPS, walls=True, cached=True, audit=AuditRule.SAMPLED)],
)  # fmt: skip
Set = Annotated[str, Path(pattern=f"^({'|'.join(TILE_SETS)})$")]
_MEDIA = "application/vnd.mapbox-vector-tile"


def _require(name: str, user: User, coarse: bool) -> None:
    if name == "base":
        return
    if "coverage" not in rights_of(user) or (name == "views" and coarse):
        raise HTTPException(403, f"The role {user.role} may not see the tiles of {name}.")


@router.get(
    "/{name}/{z}/{x}/{y}.pbf",
    response_class=Response,
    responses={200: {"description": "a Mapbox vector tile", "content": {_MEDIA: {}}}},
)
async def tile(
    request: Request,
    user: SignedIn,
    name: Set,
    z: Annotated[int, Path(ge=0, le=22)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
) -> Response:
    """One Mapbox vector tile; empty where nothing lies, 404 outside the pyramid.

    Shapes are simplified to the zoom and cameras counted below zoom 15. `ETag` changes with what is seen.
    """
    settings: Settings = app_state(request).settings
    coarse = user.role in settings.coarse_roles
    _require(name, user, coarse)
    if x >= 2**z or y >= 2**z:
        raise HTTPException(
            404, f"There is no tile {z}/{x}/{y}; at zoom {z} they go up to {2**z - 1}."
        )

    def make(conn: Conn) -> bytes:
        return build_tile(conn, name, z, x, y, coarse=coarse)

    return await cached_response(
        request, user, ("tile", name, z, x, y), TILE_SET_DEPENDENCIES[name], make, _MEDIA
    )


@router.get("/{name}.json")
async def tilejson(
    request: Request, settings: Deployment, user: SignedIn, name: Set
) -> dict[str, Any]:
    """TileJSON 3.0 of a set of tiles."""
    _require(name, user, user.role in settings.coarse_roles)
    layers: list[dict[str, Any]] = [
        {
            "id": layer, "minzoom": choices[0].low, "maxzoom": choices[-1].high,
            "fields": {column.strip(): "" for c in choices for column in c.columns.split(",")}
            | ({"count": "Number", "working": "Number", "unknown": "Number"} if any(c.cluster_px for c in choices) else {}),
        }
        for layer, choices in TILE_SETS[name].items()
    ]  # fmt: skip
    return {
        "tilejson": "3.0.0", "name": name, "scheme": "xyz",
        "tiles": [f"{request.base_url}tiles/{name}/{{z}}/{{x}}/{{y}}.pbf"],
        "minzoom": min(layer["minzoom"] for layer in layers), "maxzoom": 18, "vector_layers": layers,
    }  # fmt: skip
