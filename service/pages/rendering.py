"""Rendering of templates in the language of the visitor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from geo.maps.builder import navigation, script_json
from geo.maps.language import texts
from geo.store.queries.users import User
from service.auth.permissions import rights_of

templates = Jinja2Templates(directory=Path(__file__).parents[1] / "templates")
PAGE_HEADERS = {"Vary": "Accept-Language", "Cache-Control": "no-store"}
"""Headers of every page: it depends on the language and the account."""


def other_language(language: str) -> str:
    """Return the language that a page links to.

    Parameters
    ----------
    language : {"zh", "en"}
        Language of the page.

    Returns
    -------
    str
        The other one.
    """
    return "en" if language == "zh" else "zh"


def render_page(
    request: Request,
    template: str,
    language: str,
    user: User | None,
    status: int = 200,
    **context: object,
) -> HTMLResponse:
    """Return a page with the frame, texts and navigation of a visitor.

    Parameters
    ----------
    request : fastapi.Request
        Request of the page.
    template : str
        File in `service/templates`.
    language : {"zh", "en"}
        Language of the texts.
    user : User or None
        Account whose pages are in the navigation; None if nobody is signed in.
    status : int, optional
        HTTP status.
    **context
        Other variables of the template.

    Returns
    -------
    fastapi.responses.HTMLResponse
        Not stored by browsers.
    """
    rights = rights_of(user) if user else frozenset()
    return templates.TemplateResponse(
        request,
        template,
        {
            "t": texts(language),
            "language": language,
            "user": user,
            "links": navigation(language, rights),
            "other_code": other_language(language),
            **context,
        },
        status_code=status,
        headers=PAGE_HEADERS,
    )


def page_config(language: str, **values: Any) -> str:
    """Return the configuration of a page's script as JSON for a script element.

    Parameters
    ----------
    language : {"zh", "en"}
        Language of the texts.
    **values
        Other values of the configuration.

    Returns
    -------
    str
        Safe inside a script element.
    """
    config = {"language": language, "t": texts(language), "api": "/api/v1", **values}
    return script_json(config)
