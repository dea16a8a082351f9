"""Page of the set-up checklist."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from geo.maps.builder import navigation, script_json
from geo.maps.language import texts
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn
from service.dependencies import Language
from service.pages.rendering import templates
from service.policy import SecuredRoute, allow

pages = APIRouter(include_in_schema=False, route_class=SecuredRoute)


@pages.get("/setup", dependencies=[allow("jobs", scopes=())])
def setup_page(request: Request, language: Language, user: SignedIn) -> HTMLResponse:
    """The checklist as a page."""
    words = texts(language)
    config = {"language": language, "t": words, "api": "/api/v1", "manages": True}
    return templates.TemplateResponse(
        request, "setup.html",
        {"t": words, "language": language, "user": user, "page": "setup",
         "links": navigation(language, rights_of(user)), "config": script_json(config),
         "other_code": "en" if language == "zh" else "zh"},
        headers={"Vary": "Accept-Language", "Cache-Control": "no-store"},
    )  # fmt: skip
