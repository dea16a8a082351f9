"""Changes of one row of a register."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request
from pydantic import BaseModel, Field

from geo.schema import LAYERS
from geo.store.queries.audit import read_row_history
from geo.store.queries.users import User
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn
from service.policy import SecuredRoute, allow
from service.state import app_state

router = APIRouter(prefix="/api/v1/history", tags=["history"], route_class=SecuredRoute)
_HIDDEN = "•••"
"""In place of a telephone number that the account may not see."""
_REGISTERS = {name: layer.table for name, layer in LAYERS.items()} | {"staff": "grid_staff"}
"""Tables of the registers with stored changes, by register."""


class Change(BaseModel):
    """Change of a row by one statement."""

    change_set: int
    at: dt.datetime
    actor: str
    before: dict[str, Any] | None = Field(
        validation_alias="was",
        description="Columns that changed; the full row if it was deleted, null if it was added.",
    )
    after: dict[str, Any] | None = Field(
        validation_alias="now",
        description="Columns that changed; the full row if it was added, null if it was deleted "
        "or added with many others.",
    )


def hide_phones(row: dict[str, Any] | None, user: User) -> dict[str, Any] | None:
    """Return a row with its telephone number replaced unless the account may see it.

    Parameters
    ----------
    row : dict, optional
        Columns of a change.
    user : User
        Account that reads them.

    Returns
    -------
    dict or None
        The same row if there is nothing to hide.
    """
    if row is None or row.get("phone") is None or "phones" in rights_of(user):
        return row
    return {**row, "phone": _HIDDEN}


@router.get(
    "/{register}/{key:path}",
    response_model=list[Change],
    dependencies=[allow("audit", everywhere=True)],
)
def list_changes(
    request: Request,
    user: SignedIn,
    register: Annotated[str, Path(description="Register, such as cameras.")],
    key: Annotated[str, Path(description="Key of the row; several columns joined by slashes.")],
    limit: Annotated[int, Query(ge=1, le=1000, description="Maximum number of changes.")] = 100,
) -> list[dict[str, Any]]:
    """List the changes of one row of a register, the newest first.

    New incidents are not listed: their batch or file is in the record of imports.
    """
    if register not in _REGISTERS:
        raise HTTPException(
            404, f"There is no register {register}; use one of {', '.join(_REGISTERS)}."
        )
    with app_state(request).auth_pool.connection() as conn:
        changes = read_row_history(conn, _REGISTERS[register], key, limit)
    for change in changes:
        change["was"] = hide_phones(change["was"], user)
        change["now"] = hide_phones(change["now"], user)
    return changes
