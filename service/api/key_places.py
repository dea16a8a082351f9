"""Key places and the coverage they must have."""

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
_board = [allow("board", walls=True)]


class KeyPlace(BaseModel):
    """A key place against the coverage it must have."""

    code: str
    name: str | None
    name_en: str | None
    kind: str
    required_share: float
    covered_share: float | None
    gap: float | None = Field(description="still to be covered, 0 where it is met")
    met: bool | None


class KeyPlaceKind(BaseModel):
    """Key places of one kind."""

    kind: str
    places: int
    met: int
    met_share: float | None
    covered_share: float | None = Field(description="mean of the places whose share is known")


class KeyPlaces(BaseModel):
    """Key places, and the same by kind."""

    places: list[KeyPlace]
    kinds: list[KeyPlaceKind]


@router.get("/key-places", dependencies=_board, response_model=KeyPlaces)
def key_places(conn: Connection) -> dict[str, Any]:
    """Key places against the coverage each must have, and the same by kind."""
    places = read_layer(conn, "key-places")
    quality = read_area_quality(conn, "key-places")
    table = key_place_targets(places, seen_share(quality, places.index))
    rows = table.assign(name=places["name"], name_en=places["name_en"]).reset_index(names="code")
    kinds = key_place_kinds(table).reset_index()
    return {"places": _records(rows), "kinds": _records(kinds)}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]
