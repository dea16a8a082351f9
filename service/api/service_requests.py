"""Service requests by area and month."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from geo.store.queries.service_requests import read_service_quality
from service.auth.permissions import MAPS
from service.dependencies import Connection, newest_run
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["service requests"], route_class=SecuredRoute)
_maps = [allow(*MAPS, walls=True)]


class ServiceQuality(BaseModel):
    """How the appeals of an area in a month were served."""

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
    in_time_share: float | None
    median_hours: float | None
    rated: int
    satisfaction: float | None


Month = Annotated[str, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="year-month")]


@router.get("/service-quality", dependencies=_maps, response_model=list[ServiceQuality])
def service_quality(
    conn: Connection,
    from_: Annotated[Month, Query(alias="from")],
    until: Month,
    level: Annotated[str, Query(pattern="^(grid|community|subdistrict|district)$")] = "subdistrict",
) -> list[dict[str, Any]]:
    """How appeals received in the months from `from` up to but without `until` were served."""
    newest_run(conn)
    return read_service_quality(conn, level, _first(from_), _first(until))


def _first(month: str) -> dt.datetime:
    try:
        return dt.datetime.strptime(month, "%Y-%m")  # noqa: DTZ007  (the zone is the caller's)
    except ValueError as error:
        raise HTTPException(422, f"{month} is no month; write it as 2026-10") from error
