"""Key places and the coverage that each must have."""

from __future__ import annotations

from typing import Any

import pandas as pd
from fastapi import APIRouter
from pydantic import BaseModel, Field

from geo.governance.targets import key_place_kinds, key_place_targets
from geo.pipeline.data_quality import seen_share
from geo.store.queries.image_quality import read_area_quality
from geo.store.queries.registers import read_layer
from service.dependencies import Connection
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["key places"], route_class=SecuredRoute)


class KeyPlace(BaseModel):
    """Key place with its coverage and the coverage that it must have."""

    code: str
    name: str | None
    name_en: str | None
    kind: str
    required_share: float
    covered_share: float | None
    gap: float | None = Field(description="Share that is missing to the target; 0 if it is met.")
    met: bool | None


class KeyPlaceKind(BaseModel):
    """Key places of one kind."""

    kind: str
    places: int
    met: int
    met_share: float | None
    covered_share: float | None = Field(description="Mean of the places with a known share.")


class KeyPlaces(BaseModel):
    """Key places and their totals by kind."""

    places: list[KeyPlace]
    kinds: list[KeyPlaceKind]


@router.get(
    "/key-places", dependencies=[allow("dashboard", video_wall=True)], response_model=KeyPlaces
)
def list_key_places(conn: Connection) -> dict[str, Any]:
    """List the key places with the coverage that each has and must have, and totals by kind."""
    places = read_layer(conn, "key-places")
    quality = read_area_quality(conn, "key-places")
    targets = key_place_targets(places, seen_share(quality, places.index))
    named = targets.assign(name=places["name"], name_en=places["name_en"])
    return {
        "places": _records(named.reset_index(names="code")),
        "kinds": _records(key_place_kinds(targets).reset_index()),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    objects = frame.astype(object)
    rows = objects.where(objects.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
