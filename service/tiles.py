"""Vector tiles of the base map and of the camera views."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Response

from geo.store import tiles
from service.access import RIGHTS
from service.dependencies import Connection, Deployment, SignedIn

router = APIRouter(prefix="/tiles", tags=["tiles"])
_SETS = {"base": ["landcover", "streets", "buildings", "areas"], "views": ["views"]}


@router.get("/{name}/{z}/{x}/{y}.pbf", response_class=Response)
def tile(
    conn: Connection,
    user: SignedIn,
    settings: Deployment,
    name: Annotated[str, Path(pattern="^(base|views)$")],
    z: Annotated[int, Path(ge=0, le=22)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
) -> Response:
    """One Mapbox vector tile; empty where nothing lies, 404 outside the pyramid."""
    if name == "views" and (
        "coverage" not in RIGHTS[user.role] or user.role in settings.coarse_roles
    ):
        raise HTTPException(403, f"The role {user.role} may not see what single cameras see.")
    if x >= 2**z or y >= 2**z:
        return Response(status_code=404)
    data = tiles.tile(conn, _SETS[name], z, x, y)
    return Response(
        data,
        media_type="application/vnd.mapbox-vector-tile",
        headers={"Cache-Control": "private, max-age=60"},
    )
