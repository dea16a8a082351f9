"""Page of the dashboard."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from geo.store.queries.areas import read_area_levels
from geo.store.queries.dashboard import read_dashboard_state
from geo.store.queries.runs import read_latest_run
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn
from service.dependencies import Connection, Deployment, Language
from service.pages.rendering import other_language, page_config, render_page
from service.pages.runs import provenance_text
from service.policy import SecuredRoute, allow

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
_STATE = ("area", "level", "by")
"""Parameters that the link to the other language keeps."""


@router.get("/dashboard", dependencies=[allow("dashboard", scopes=(), video_wall=True)])
def dashboard_page(
    request: Request,
    conn: Connection,
    settings: Deployment,
    language: Language,
    user: SignedIn,
) -> HTMLResponse:
    """Show targets, ranking, service requests and inequality of the areas of each level."""
    run = read_latest_run(conn)
    query = {name: value for name, value in request.query_params.items() if name in _STATE}
    query["lang"] = other_language(language)
    config = page_config(
        language,
        run=run.id if run else None,
        levels=[*read_area_levels(conn), "grid"],
        manages="jobs" in rights_of(user),
        pending=run is not None and read_dashboard_state(conn) is None,
    )
    return render_page(
        request,
        "dashboard.html",
        language,
        user,
        config=config,
        provenance=provenance_text(run, language, settings),
        other=f"/dashboard?{urlencode(query)}",
    )
