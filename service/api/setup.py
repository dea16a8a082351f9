"""The set-up checklist: from an empty store to the first map."""

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

api = APIRouter(prefix="/api/v1", tags=["setup"], route_class=SecuredRoute)


_any = [allow(*MAPS, "jobs")]
_DEPENDS_ON = (
    "results", "grids", "areas", "cameras", "buildings", "streets", "landcover", "incidents", "key_places",
)  # fmt: skip


class SetupStep(BaseModel):
    """One input of the maps, and how far it is there."""

    key: str
    state: Literal["present", "partial", "missing"]
    essential: bool = Field(description="whether there is no map without it")
    count: int | None = Field(description="rows, or rows that have the attribute")
    share: float | None = Field(description="of rows that have the attribute")
    command: str | None = Field(description="what to run next")


class SetupStatus(BaseModel):
    """What is there and what is missing, in the order in which it is best done."""

    ready: bool = Field(description="whether there is a map")
    next: str | None = Field(description="the first missing step that no map does without")
    steps: list[SetupStep]


@api.get("/setup-status", dependencies=_any, response_model=SetupStatus)
async def status(request: Request, user: SignedIn) -> Response:
    """What the store holds, what is missing, and what to do next."""

    def make(conn: Conn) -> bytes:
        steps = setup_steps(count_holdings(conn))
        missing = next_step(steps)
        found = SetupStatus(
            ready=missing is None, next=missing.key if missing else None,
            steps=[SetupStep(**asdict(step)) for step in steps],
        )  # fmt: skip
        return found.model_dump_json().encode()

    return await cached_response(request, user, ("setup",), _DEPENDS_ON, make, "application/json")
