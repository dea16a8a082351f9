"""Page of the jobs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from geo.ingest.encodings import ENCODINGS
from service.api.imports import IMPORTED, columns_of
from service.auth.sessions import SignedIn
from service.dependencies import Deployment, Language
from service.pages.rendering import page_config, render_page
from service.policy import SecuredRoute, allow

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)


@router.get("/jobs", dependencies=[allow("jobs", scopes=())])
def jobs_page(
    request: Request, settings: Deployment, language: Language, user: SignedIn
) -> HTMLResponse:
    """Show the upload form and the jobs with their progress."""
    columns = {layer: columns_of(layer) for layer in IMPORTED}
    return render_page(
        request,
        "jobs.html",
        language,
        user,
        page="jobs",
        config=page_config(language, zone=settings.timezone, columns=columns),
        layers=IMPORTED,
        encodings=ENCODINGS,
    )
