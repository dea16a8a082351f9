"""Pages of the audit log."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import unquote_plus

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse

from geo.store.queries.audit import read_audit_entries, read_change_set
from service.api.history import without_phones
from service.auth.sessions import SignedIn
from service.dependencies import Deployment, Language
from service.pages.rendering import render_page
from service.policy import SecuredRoute, allow
from service.state import app_state

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)


_PER_PAGE = 100
_ROWS = 500
# The log holds entries of all areas.
_PAGES = [allow("audit", scopes=(), everywhere=True)]


@router.get("/audit", response_class=HTMLResponse, dependencies=_PAGES)
def audit_page(
    request: Request, language: Language, settings: Deployment, user: SignedIn,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    actor: Annotated[str | None, Query(max_length=200)] = None,
) -> HTMLResponse:  # fmt: skip
    """The record, newest first."""
    with app_state(request).auth_pool.connection() as conn:
        rows = read_audit_entries(conn, _PER_PAGE, before=before, actor=actor or None)
    for row in rows:
        row["at"] = row["at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M:%S")
        if "query" in row["detail"]:
            row["detail"]["query"] = unquote_plus(row["detail"]["query"])
    older = rows[-1]["id"] if len(rows) == _PER_PAGE else None
    return render_page(
        request, "audit.html", language, user, rows=rows, older=older, actor=actor or ""
    )


@router.get("/audit/changes/{number}", response_class=HTMLResponse, dependencies=_PAGES)
def changes_page(
    request: Request,
    language: Language,
    settings: Deployment,
    user: SignedIn,
    number: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> HTMLResponse:
    """What one statement changed in a register, column by column, from what to what."""
    with app_state(request).auth_pool.connection() as conn:
        found = read_change_set(conn, number, _ROWS)
    if found is None:
        raise HTTPException(404, f"There is no set of changes {number}; it may have been let go.")
    found["at"] = found["at"].astimezone(settings.zone).strftime("%Y-%m-%d %H:%M:%S")
    lines = [
        (
            row["key"],
            column,
            _said(without_phones(row["was"], user), column),
            _said(without_phones(row["now"], user), column),
        )
        for row in found["rows"]
        for column in sorted({*(row["was"] or {}), *(row["now"] or {})})
        if _said(row["was"], column) != _said(row["now"], column)
    ]
    return render_page(request, "changes.html", language, user, set=found, lines=lines, most=_ROWS)


def _said(row: dict[str, Any] | None, column: str) -> str:
    value = (row or {}).get(column)
    return "" if value is None else str(value)
