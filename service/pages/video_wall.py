"""The video wall: a page that shows the others in turn, for days, and can do nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from geo.maps.builder import script_json
from geo.maps.language import texts
from geo.store.queries.sessions import close_session, open_session
from service.auth.forms import parse_form, require_csrf
from service.auth.permissions import rights_of
from service.auth.sessions import COOKIE, SignedIn, record_audit_entry, set_session_cookie
from service.dependencies import Body, Deployment, Language
from service.pages.rendering import render_page
from service.policy import AuditRule, SecuredRoute, allow
from service.request_bodies import LARGEST_FORM
from service.state import app_state

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
_SHOWN = ("coverage", "incidents", "board")
_PAGES = {
    "heat": ("incidents", "/maps/incidents?wall=1&lang={lang}#step=month&span=1&show=density"),
    "hot": ("incidents", "/maps/incidents?wall=1&lang={lang}#step=month&span=12&show=hot_spot"),
    "change": ("incidents", "/maps/incidents?wall=1&lang={lang}#step=month&span=1&show=change"),
    "coverage": ("coverage", "/maps/coverage?wall=1&lang={lang}"),
    "board": ("board", "/board?wall=1&lang={lang}"),
}


@router.get("/wall", dependencies=[allow(*_SHOWN, scopes=(), walls=True)])
def wall(
    request: Request,
    user: SignedIn,
    settings: Deployment,
    language: Language,
    seconds: Annotated[int, Query(ge=5, le=3600, description="how long each page stands")] = 30,
    show: Annotated[str, Query(max_length=200, description="pages, with commas between")] = "",
) -> HTMLResponse:
    """Pages in turn, full-screen."""
    wanted = [name for name in show.split(",") if name in _PAGES] or list(_PAGES)
    pages = [
        address.format(lang=language)
        for right, address in (_PAGES[name] for name in wanted)
        if right in rights_of(user)
    ]
    config = {
        "pages": pages, "seconds": seconds, "language": language, "zone": settings.timezone, "t": texts(language),
    }  # fmt: skip
    return render_page(request, "wall.html", language, user, config=script_json(config))


@router.post(
    "/wall",
    dependencies=[allow(*_SHOWN, scopes=(), audit=AuditRule.ROUTE, max_body=LARGEST_FORM)],
)
def open_wall(
    request: Request, user: SignedIn, settings: Deployment, language: Language, body: Body
) -> Response:
    """Turn this browser into a wall: its session lasts for days and shows maps alone."""
    require_csrf(request, user, parse_form(body))
    hours = settings.wall_days * 24
    with app_state(request).auth_pool.connection() as conn:
        close_session(conn, request.cookies[COOKIE])
        secret = open_session(conn, user.id, hours=hours, wall=True)
    record_audit_entry(request, user, "wall opened", "/wall", days=settings.wall_days)
    answer = RedirectResponse(f"/wall?lang={language}", status_code=303)
    return set_session_cookie(answer, secret, request, settings, hours=hours)
