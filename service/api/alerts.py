"""Alerts that have not ended."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from geo.store.queries.alerts import read_open_alerts
from service.auth.permissions import MAPS
from service.dependencies import Connection
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["alerts"], route_class=SecuredRoute)
_maps = [allow(*MAPS, walls=True)]


class Alert(BaseModel):
    """A rise of incidents in a grid that has not ended."""

    id: int
    category: str
    grid: str
    grid_name: str | None
    grid_name_en: str | None
    community: str | None
    run: int
    since: dt.date
    observed: float
    expected: float
    score: float
    raised_at: dt.datetime
    lon: float | None
    lat: float | None


@router.get("/alerts", dependencies=_maps, response_model=list[Alert])
def open_alerts(conn: Connection) -> list[dict[str, Any]]:
    """Alerts that have not ended, strongest first."""
    return read_open_alerts(conn)
