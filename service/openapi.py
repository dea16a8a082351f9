"""The OpenAPI document of an application and a page to read it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse

from geo.maps.builder import with_nonce
from geo.store.queries.api_tokens import READ
from service.policy import AuditRule, SecuredRoute, allow


def make_openapi_router(document_path: str, page_path: str, document_url: str) -> APIRouter:
    """Return the routes of an application's OpenAPI document and of its page.

    Parameters
    ----------
    document_path : str
        Path of the document in the application.
    page_path : str
        Path of the page in the application.
    document_url : str
        Path at which a browser requests the document.

    Returns
    -------
    fastapi.APIRouter
        Two routes for accounts that are signed in; an API token may read the document.
    """
    router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
    page_scopes = () if page_path == "/docs" else (READ,)

    @router.get(document_path, name="openapi", dependencies=[allow(audit=AuditRule.NONE)])
    def _openapi(request: Request) -> JSONResponse:
        """Get the OpenAPI document."""
        return JSONResponse(
            request.app.openapi(), media_type="application/vnd.oai.openapi+json;version=3.0"
        )

    @router.get(
        page_path,
        name="swagger_ui_html",
        dependencies=[allow(scopes=page_scopes, audit=AuditRule.NONE)],
    )
    def _docs(request: Request) -> HTMLResponse:
        """Get the page that documents the API."""
        html = get_swagger_ui_html(
            openapi_url=document_url,
            title="gridcover API",
            swagger_js_url="/static/vendor/swagger/swagger-ui-bundle.js",
            swagger_css_url="/static/vendor/swagger/swagger-ui.css",
            swagger_favicon_url="/static/favicon.svg",
        )
        return HTMLResponse(with_nonce(bytes(html.body).decode(), request.state.nonce))

    return router
