"""Runs of the analysis and their provenance."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from geo.store.queries.runs import Run, read_newest_runs
from geo.store.queries.users import User
from service.auth.permissions import MAPS
from service.auth.sessions import SignedIn
from service.dependencies import Connection, newest_run
from service.policy import SecuredRoute, allow

router = APIRouter(
    prefix="/api/v1/runs",
    tags=["runs"],
    route_class=SecuredRoute,
    dependencies=[allow(*MAPS, video_wall=True)],
)


class RunRecord(BaseModel):
    """One computation with its parameters and inputs."""

    id: int
    kind: str
    parameters: dict[str, Any]
    inputs_digest: str
    software_version: str
    metric_crs: str
    started_at: dt.datetime
    finished_at: dt.datetime
    summary: dict[str, Any] = Field(
        description="Totals; empty for accounts that do not see the whole deployment."
    )


def _record_of(run: Run, user: User) -> dict[str, Any]:
    return {**run.__dict__} | ({} if user.everywhere else {"summary": {}})


@router.get("/latest", response_model=RunRecord)
def get_latest_run(conn: Connection, user: SignedIn) -> dict[str, Any]:
    """Get the newest run with its parameters and inputs."""
    return _record_of(newest_run(conn), user)


@router.get("", response_model=list[RunRecord])
def list_runs(
    conn: Connection,
    user: SignedIn,
    limit: Annotated[int, Query(ge=1, le=100, description="Maximum number of runs.")] = 20,
) -> list[dict[str, Any]]:
    """List the runs with stored results, the newest first."""
    return [_record_of(run, user) for run in read_newest_runs(conn, limit)]
