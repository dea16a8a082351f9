"""Service requests (12345 hotline): how they were served, by area and month."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from geo.store.queries.service_requests import read_service_quality
from service.auth.permissions import MAPS
from service.dependencies import Connection, newest_run
from service.filters import Level
from service.policy import SecuredRoute, allow

router = APIRouter(
    prefix="/api/v1/service-requests",
    tags=["service requests"],
    route_class=SecuredRoute,
    dependencies=[allow(*MAPS, video_wall=True)],
)
_MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"


class ServiceQuality(BaseModel):
    """Service requests that an area received in a month."""

    level: str
    code: str
    name: str | None
    name_en: str | None
    month: dt.date
    run: int
    received: int
    accepted: int
    closed: int
    due: int
    closed_in_time: int
    in_time_share: float | None = Field(description="Of those due, 0 to 1.")
    median_hours: float | None = Field(description="From receipt to closing.")
    rated: int
    satisfaction: float | None = Field(description="Mean of those rated, 0 to 100.")


@router.get("/quality", response_model=list[ServiceQuality])
def list_service_quality(
    conn: Connection,
    from_: Annotated[
        str,
        Query(alias="from", pattern=_MONTH, description="First month of receipt, such as 2026-10."),
    ],
    until: Annotated[
        str, Query(pattern=_MONTH, description="Month after the last one, such as 2026-11.")
    ],
    level: Level = "subdistrict",
) -> list[dict[str, Any]]:
    """List how service requests were served, by area of a level and month of receipt."""
    newest_run(conn)
    return read_service_quality(conn, level, _first_day(from_), _first_day(until))


def _first_day(month: str) -> dt.datetime:
    try:
        return dt.datetime.strptime(month, "%Y-%m")  # noqa: DTZ007  (months are local)
    except ValueError as error:
        raise HTTPException(422, f"{month} is no month; write it as 2026-10.") from error
