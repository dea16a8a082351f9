"""Runs of the analysis."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from geo.store.queries.runs import read_newest_runs
from service.auth.permissions import MAPS
from service.auth.sessions import SignedIn
from service.dependencies import Connection, newest_run
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["runs"], route_class=SecuredRoute)
_maps = [allow(*MAPS, walls=True)]


class RunRecord(BaseModel):
    """One computation and what it rests on."""

    id: int
    kind: str
    parameters: dict[str, Any]
    inputs_digest: str
    software_version: str
    metric_crs: str
    started_at: dt.datetime
    finished_at: dt.datetime
    summary: dict[str, Any] = Field(description="its sums, for those who see all of it")


@router.get("/runs/latest", dependencies=_maps, response_model=RunRecord)
def latest_run(conn: Connection, user: SignedIn) -> dict[str, Any]:
    """The newest run: what its figures rest on; its sums for those who see all of it."""
    run = newest_run(conn)
    return {**run.__dict__} | ({} if user.everywhere else {"summary": {}})


@router.get("/runs", dependencies=_maps, response_model=list[RunRecord])
def runs(
    conn: Connection, user: SignedIn, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[dict[str, Any]]:
    """The runs whose results are kept, newest first, each with what it rests on."""
    hidden: dict[str, Any] = {} if user.everywhere else {"summary": {}}
    return [{**run.__dict__} | hidden for run in read_newest_runs(conn, limit)]
