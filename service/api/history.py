"""Changes of one row of a register."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, Field

from geo.schema import LAYERS
from geo.store.queries.audit import read_row_history
from geo.store.queries.users import User
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn
from service.policy import SecuredRoute, allow
from service.state import app_state

router = APIRouter(prefix="/api/v1", tags=["registers"], route_class=SecuredRoute)


_HIDDEN = "•••"
_REGISTERS = {name: layer.table for name, layer in LAYERS.items()} | {"staff": "grid_staff"}
"""Registers whose changes are kept, and their tables."""


class Change(BaseModel):
    """What one statement made of a row."""

    change_set: int
    at: dt.datetime
    actor: str
    was: dict[str, Any] | None = Field(description="columns that changed; the whole row if it went")
    now: dict[str, Any] | None = Field(
        description="columns that changed; the whole row if it came, null where it came with many"
    )


def without_phones(row: dict[str, Any] | None, user: User) -> dict[str, Any] | None:
    """Return the columns of a change; phones as a mark where they are not this reader's to see."""
    if row is None or row.get("phone") is None or "phones" in rights_of(user):
        return row
    return {**row, "phone": _HIDDEN}


@router.get(
    "/history/{register}/{key:path}",
    response_model=list[Change],
    dependencies=[allow("audit", everywhere=True)],
)
def history(
    request: Request, user: SignedIn, register: str, key: str,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:  # fmt: skip
    """What became of one row of a register, newest first: when, by whom, from what to what.

    Keys of several columns have a slash between them. New incidents are not told here: their batch
    and file are in the record of imports.
    """
    if register not in _REGISTERS:
        raise HTTPException(404, f"There is no register {register}; use one of {', '.join(_REGISTERS)}.")  # fmt: skip
    with app_state(request).auth_pool.connection() as conn:
        changes = read_row_history(conn, _REGISTERS[register], key, limit)
    for change in changes:
        change["was"] = without_phones(change["was"], user)
        change["now"] = without_phones(change["now"], user)
    return changes
