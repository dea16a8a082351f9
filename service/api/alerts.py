"""Alerts: rises of incidents in a grid."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from geo.store.queries.alerts import read_open_alerts
from service.auth.permissions import MAPS
from service.dependencies import Connection
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["alerts"], route_class=SecuredRoute)


class Alert(BaseModel):
    """Open alert of a grid."""

    id: int
    category: str
    grid: str
    grid_name: str | None
    grid_name_en: str | None
    community: str | None
    run: int
    since: dt.date
    observed: float = Field(description="Incidents since then.")
    expected: float = Field(description="Incidents expected since then.")
    score: float = Field(description="CUSUM score.")
    raised_at: dt.datetime
    lon: float | None
    lat: float | None


@router.get("/alerts", dependencies=[allow(*MAPS, video_wall=True)], response_model=list[Alert])
def list_open_alerts(conn: Connection) -> list[dict[str, Any]]:
    """List the open alerts, the highest score first."""
    return read_open_alerts(conn)
