"""The OpenAPI document of an application and a page to read it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse

from geo.maps.builder import with_nonce
from geo.store.queries.api_tokens import READ
from service.policy import AuditRule, SecuredRoute, allow


def make_openapi_router(document: str, page: str, address: str) -> APIRouter:
    """The routes of an application's description, for who is signed in.

    Parameters
    ----------
    document, page : their paths in the application.
    address : of the document, as a browser asks for it.
    """
    router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
    read = [allow(audit=AuditRule.NONE)]
    look = [allow(scopes=() if page == "/docs" else (READ,), audit=AuditRule.NONE)]

    @router.get(document, name="openapi", dependencies=read)
    def openapi(request: Request) -> JSONResponse:
        return JSONResponse(
            request.app.openapi(), media_type="application/vnd.oai.openapi+json;version=3.0"
        )

    @router.get(page, name="swagger_ui_html", dependencies=look)
    def docs(request: Request) -> HTMLResponse:
        html = get_swagger_ui_html(
            openapi_url=address,
            title="gridcover API",
            swagger_js_url="/static/vendor/swagger/swagger-ui-bundle.js",
            swagger_css_url="/static/vendor/swagger/swagger-ui.css",
            swagger_favicon_url="/static/favicon.svg",
        )
        return HTMLResponse(with_nonce(bytes(html.body).decode(), request.state.nonce))

    return router
