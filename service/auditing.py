"""The audit record: its pages, and what became of a row of a register."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from geo.schema import LAYERS
from geo.store import audit
from geo.store.access import User
from service.access import SignedIn, rights_of
from service.accounts import page
from service.dependencies import Deployment, Language
from service.policy import SecuredRoute, allow

router = APIRouter(route_class=SecuredRoute)
_PER_PAGE = 100
_ROWS = 500
_HIDDEN = "•••"
_REGISTERS = {name: layer.table for name, layer in LAYERS.items()} | {"staff": "grid_staff"}
"""Registers whose changes are kept, and their tables."""


# The log holds entries of all areas.
_PAGES = [allow("audit", scopes=(), everywhere=True)]


class Change(BaseModel):
    """What one statement made of a row."""

    change_set: int
    at: dt.datetime
    actor: str
    was: dict[str, Any] | None = Field(description="columns that changed; the whole row if it went")
    now: dict[str, Any] | None = Field(
        description="columns that changed; the whole row if it came, null where it came with many"
    )


@router.get("/audit", response_class=HTMLResponse, dependencies=_PAGES)
def audit_page(
    request: Request, language: Language, settings: Deployment, user: SignedIn,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    actor: Annotated[str | None, Query(max_length=200)] = None,
) -> HTMLResponse:  # fmt: skip
    """The record, newest first."""
    with request.app.state.doors.connection() as conn:
        rows = audit.entries(conn, _PER_PAGE, before=before, actor=actor or None)
    for row in rows:
        row["at"] = row["at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M:%S")
        if "query" in row["detail"]:
            row["detail"]["query"] = unquote_plus(row["detail"]["query"])
    older = rows[-1]["id"] if len(rows) == _PER_PAGE else None
    return page(request, "audit.html", language, user, rows=rows, older=older, actor=actor or "")


@router.get("/audit/changes/{number}", response_class=HTMLResponse, dependencies=_PAGES)
def changes_page(
    request: Request,
    language: Language,
    settings: Deployment,
    user: SignedIn,
    number: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> HTMLResponse:
    """What one statement changed in a register, column by column, from what to what."""
    with request.app.state.doors.connection() as conn:
        found = audit.changed_rows(conn, number, _ROWS)
    if found is None:
        raise HTTPException(404, f"There is no set of changes {number}; it may have been let go.")
    found["at"] = found["at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M:%S")
    lines = [
        (
            row["key"],
            column,
            _said(_without_phones(row["was"], user), column),
            _said(_without_phones(row["now"], user), column),
        )
        for row in found["rows"]
        for column in sorted({*(row["was"] or {}), *(row["now"] or {})})
        if _said(row["was"], column) != _said(row["now"], column)
    ]
    return page(request, "changes.html", language, user, set=found, lines=lines, most=_ROWS)


def _without_phones(row: dict[str, Any] | None, user: User) -> dict[str, Any] | None:
    """Return the columns of a change; phones as a mark where they are not this reader's to see."""
    if row is None or row.get("phone") is None or "phones" in rights_of(user):
        return row
    return {**row, "phone": _HIDDEN}


def _said(row: dict[str, Any] | None, column: str) -> str:
    value = (row or {}).get(column)
    return "" if value is None else str(value)


@router.get(
    "/api/v1/history/{register}/{key:path}",
    tags=["registers"],
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
    with request.app.state.doors.connection() as conn:
        changes = audit.history(conn, _REGISTERS[register], key, limit)
    for change in changes:
        change["was"] = _without_phones(change["was"], user)
        change["now"] = _without_phones(change["now"], user)
    return changes
