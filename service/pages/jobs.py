"""Page of the jobs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from geo.ingest.encodings import ENCODINGS
from geo.maps.builder import navigation, script_json
from geo.maps.language import texts
from service.api.imports import IMPORTED, columns_of
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn
from service.dependencies import Deployment, Language
from service.pages.rendering import templates
from service.policy import SecuredRoute, allow

pages = APIRouter(include_in_schema=False, route_class=SecuredRoute)


@pages.get("/jobs", dependencies=[allow("jobs", scopes=())])
def jobs_page(
    request: Request, settings: Deployment, language: Language,
    user: SignedIn,
) -> HTMLResponse:  # fmt: skip
    """Jobs and how far they are."""
    words = texts(language)
    config = {
        "language": language, "t": words, "api": "/api/v1", "zone": settings.timezone,
        "columns": {layer: columns_of(layer) for layer in IMPORTED},
    }  # fmt: skip
    return templates.TemplateResponse(
        request, "jobs.html",
        {"t": words, "language": language, "user": user, "page": "jobs",
         "links": navigation(language, rights_of(user)), "config": script_json(config),
         "layers": IMPORTED, "encodings": ENCODINGS,
         "other_code": "en" if language == "zh" else "zh"},
        headers={"Vary": "Accept-Language", "Cache-Control": "no-store"},
    )  # fmt: skip
