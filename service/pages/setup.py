"""Page of the set-up checklist."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from service.auth.sessions import SignedIn
from service.dependencies import Language
from service.pages.rendering import page_config, render_page
from service.policy import SecuredRoute, allow

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)


@router.get("/setup", dependencies=[allow("jobs", scopes=())])
def setup_page(request: Request, language: Language, user: SignedIn) -> HTMLResponse:
    """Show the set-up checklist."""
    config = page_config(language, manages=True)
    return render_page(request, "setup.html", language, user, page="setup", config=config)
