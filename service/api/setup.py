"""Set-up checklist: what an empty store needs before it shows a map."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from geo.governance.setup import next_step, setup_steps
from geo.store.connection import Conn
from geo.store.queries.holdings import count_holdings
from service.auth.permissions import MAPS
from service.auth.sessions import SignedIn
from service.caching import cached_response
from service.policy import SecuredRoute, allow
from service.responses import JSON_MEDIA

router = APIRouter(prefix="/api/v1/setup", tags=["setup"], route_class=SecuredRoute)
_DEPENDS_ON = (
    "results",
    "grids",
    "areas",
    "cameras",
    "buildings",
    "streets",
    "landcover",
    "incidents",
    "key_places",
)


class SetupStep(BaseModel):
    """Input of the maps and how complete it is."""

    key: str
    state: Literal["present", "partial", "missing"]
    essential: bool = Field(description="Whether there is no map without it.")
    count: int | None = Field(description="Rows, or rows that have the attribute.")
    share: float | None = Field(description="Share of the rows that have the attribute.")
    command: str | None = Field(description="Command to run next.")


class SetupStatus(BaseModel):
    """Inputs that are present and missing, in the recommended order."""

    ready: bool = Field(description="Whether there is a map.")
    next: str | None = Field(description="First missing step that is essential.")
    steps: list[SetupStep]


@router.get("/status", dependencies=[allow(*MAPS, "jobs")], response_model=SetupStatus)
async def get_setup_status(request: Request, user: SignedIn) -> Response:
    """Get what the store holds, what is missing, and the next step."""

    def make(conn: Conn) -> bytes:
        steps = setup_steps(count_holdings(conn))
        missing = next_step(steps)
        status = SetupStatus(
            ready=missing is None,
            next=missing.key if missing else None,
            steps=[SetupStep(**asdict(step)) for step in steps],
        )
        return status.model_dump_json().encode()

    return await cached_response(request, user, ("setup",), _DEPENDS_ON, make, JSON_MEDIA)
