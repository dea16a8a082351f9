"""Video wall: shows the other pages in turn for days, in a session that can do nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from geo.store.audit_actions import AuditAction
from geo.store.queries.sessions import close_session, open_session
from service.auth.forms import parse_form, require_csrf
from service.auth.permissions import rights_of
from service.auth.sessions import COOKIE, SignedIn, record_audit_entry, set_session_cookie
from service.dependencies import Body, Deployment, Language
from service.pages.rendering import page_config, render_page
from service.policy import AuditRule, SecuredRoute, allow
from service.request_bodies import LARGEST_FORM
from service.state import app_state

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
_RIGHTS = ("coverage", "incidents", "dashboard")
_INCIDENTS = "/maps/incidents?video_wall=1&lang={lang}#step=month"
_PAGES = {
    "heat": ("incidents", f"{_INCIDENTS}&span=1&show=density"),
    "hot": ("incidents", f"{_INCIDENTS}&span=12&show=hot_spot"),
    "change": ("incidents", f"{_INCIDENTS}&span=1&show=change"),
    "coverage": ("coverage", "/maps/coverage?video_wall=1&lang={lang}"),
    "dashboard": ("dashboard", "/dashboard?video_wall=1&lang={lang}"),
}
"""Right and address of each page that can be shown."""


@router.get("/video-wall", dependencies=[allow(*_RIGHTS, scopes=(), video_wall=True)])
def video_wall_page(
    request: Request,
    user: SignedIn,
    settings: Deployment,
    language: Language,
    seconds: Annotated[int, Query(ge=5, le=3600, description="Time of each page.")] = 30,
    show: Annotated[
        str, Query(max_length=200, description="Names of the pages, separated by commas.")
    ] = "",
) -> HTMLResponse:
    """Show pages in turn, in full screen."""
    names = [name for name in show.split(",") if name in _PAGES] or list(_PAGES)
    pages = [
        address.format(lang=language)
        for right, address in (_PAGES[name] for name in names)
        if right in rights_of(user)
    ]
    config = page_config(language, pages=pages, seconds=seconds, zone=settings.timezone)
    return render_page(request, "video_wall.html", language, user, config=config)


@router.post(
    "/video-wall",
    dependencies=[allow(*_RIGHTS, scopes=(), audit=AuditRule.ROUTE, max_body=LARGEST_FORM)],
)
def open_video_wall(
    request: Request, user: SignedIn, settings: Deployment, language: Language, body: Body
) -> Response:
    """Replace the session of this browser by one that lasts for days and shows pages only."""
    require_csrf(request, user, parse_form(body))
    hours = settings.video_wall_days * 24
    with app_state(request).auth_pool.connection() as conn:
        close_session(conn, request.cookies[COOKIE])
        secret = open_session(conn, user.id, hours=hours, wall=True)
    record_audit_entry(
        request, user, AuditAction.VIDEO_WALL_OPENED, "/video-wall", days=settings.video_wall_days
    )
    response = RedirectResponse(f"/video-wall?lang={language}", status_code=303)
    return set_session_cookie(response, secret, request, settings, hours=hours)
