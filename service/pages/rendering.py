"""Templates and the frame of the pages."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from geo.maps.builder import navigation
from geo.maps.language import texts
from geo.store.queries.users import User
from service.auth.permissions import rights_of

templates = Jinja2Templates(directory=Path(__file__).parents[1] / "templates")


def render_page(
    request: Request, name: str, language: str, user: User | None, status: int = 200, **more: object
) -> HTMLResponse:
    """A page of ours in the visitor's language."""
    words = texts(language)
    return templates.TemplateResponse(
        request, name,
        {"t": words, "language": language, "user": user,
         "links": navigation(language, rights_of(user) if user else frozenset()),
         "other_code": "en" if language == "zh" else "zh", **more},
        status_code=status, headers={"Vary": "Accept-Language", "Cache-Control": "no-store"},
    )  # fmt: skip
