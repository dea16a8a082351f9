"""Coverage: the cameras that its newest results are based on."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from geo.store.connection import Conn
from geo.store.queries.cameras import count_cameras_used
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.policy import SecuredRoute, allow
from service.responses import JSON_MEDIA

router = APIRouter(prefix="/api/v1/coverage", tags=["coverage"], route_class=SecuredRoute)


class CoverageCameras(BaseModel):
    """Cameras that the newest coverage is based on."""

    cameras: int
    assumed_share: float = Field(
        description="Share of the cameras whose bearing, field of view or range is assumed."
    )


@router.get(
    "/cameras",
    dependencies=[allow("coverage", video_wall=True)],
    response_model=CoverageCameras,
)
async def count_coverage_cameras(request: Request, user: SignedIn) -> Response:
    """Count the cameras of the newest coverage, and those with assumed parameters."""

    def make(conn: Conn) -> bytes:
        cameras, assumed_share = count_cameras_used(conn)
        return json.dumps({"cameras": cameras, "assumed_share": assumed_share}).encode()

    return await cached_response(request, user, ("used",), (*RESULTS, "cameras"), make, JSON_MEDIA)
