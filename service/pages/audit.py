"""Pages of the audit log."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse

from geo.settings import Settings
from geo.store.queries.audit import read_audit_entries, read_change_set
from geo.store.queries.users import User
from service.api.history import hide_phones
from service.auth.sessions import SignedIn
from service.dependencies import Deployment, Language
from service.pages.rendering import render_page
from service.policy import SecuredRoute, allow
from service.state import app_state

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
_MAX_ENTRIES = 100
_MAX_ROWS = 500
# The log has entries of all areas.
_POLICY = [allow("audit", scopes=(), everywhere=True)]


@router.get("/audit", response_class=HTMLResponse, dependencies=_POLICY)
def audit_page(
    request: Request,
    language: Language,
    settings: Deployment,
    user: SignedIn,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="Entries before this number.")
    ] = None,
    actor: Annotated[
        str | None, Query(max_length=200, description="Entries of this account or token.")
    ] = None,
) -> HTMLResponse:
    """Show the entries of the audit log, the newest first."""
    with app_state(request).auth_pool.connection() as conn:
        rows = read_audit_entries(conn, _MAX_ENTRIES, before=before, actor=actor or None)
    for row in rows:
        row["at"] = _local_time(row["at"], settings)
        if "query" in row["detail"]:
            row["detail"]["query"] = unquote_plus(row["detail"]["query"])
    older = rows[-1]["id"] if len(rows) == _MAX_ENTRIES else None
    return render_page(
        request, "audit.html", language, user, rows=rows, older=older, actor=actor or ""
    )


@router.get("/audit/changes/{number}", response_class=HTMLResponse, dependencies=_POLICY)
def changes_page(
    request: Request,
    language: Language,
    settings: Deployment,
    user: SignedIn,
    number: Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the set of changes.")],
) -> HTMLResponse:
    """Show the values that one statement changed in a register, by row and column."""
    with app_state(request).auth_pool.connection() as conn:
        change_set = read_change_set(conn, number, _MAX_ROWS)
    if change_set is None:
        raise HTTPException(404, f"There is no set of changes {number}; it may have been deleted.")
    change_set["at"] = _local_time(change_set["at"], settings)
    return render_page(
        request,
        "changes.html",
        language,
        user,
        set=change_set,
        lines=[line for row in change_set["rows"] for line in _changed_values(row, user)],
        most=_MAX_ROWS,
    )


def _local_time(moment: dt.datetime, settings: Settings) -> str:
    return moment.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M:%S")


def _changed_values(row: dict[str, Any], user: User) -> list[tuple[str, str, str, str]]:
    """Return key, column, value before and value after of each column that changed."""
    before, after = row["was"], row["now"]
    shown_before, shown_after = hide_phones(before, user), hide_phones(after, user)
    return [
        (row["key"], column, _text(shown_before, column), _text(shown_after, column))
        for column in sorted({*(before or {}), *(after or {})})
        if _text(before, column) != _text(after, column)
    ]


def _text(row: dict[str, Any] | None, column: str) -> str:
    value = (row or {}).get(column)
    return "" if value is None else str(value)
