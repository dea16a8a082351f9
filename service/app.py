"""The application, assembled: state, error answers, headers, routers and static files."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import psycopg_pool
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

import geo
from geo.errors import GridcoverError
from geo.maps.assets import assets_dir
from geo.maps.builder import with_nonce
from geo.settings import Settings
from geo.store.database import make_pool
from service import accounts, api, board, exports, feeds, health, pages, tiles, watching
from service.access import Tries, add_access, needs
from service.answers import problem
from service.watching import add_watching
from service.webhooks import Sender

_STATIC = Path(__file__).parent / "static"


def create_app(conninfo: str, settings: Settings) -> FastAPI:
    """Build the service for one database.

    Parameters
    ----------
    conninfo : of a migrated database.
    settings : of the deployment.

    Raises
    ------
    AssetError : the browser assets are not installed.
    """
    vendor = assets_dir()
    pool = make_pool(conninfo)
    writers = make_pool(conninfo, size=4, writing=True)
    # Who asks is found out before any other connection is taken, and by connections of its own:
    # requests that hold one and wait for another would end up waiting for each other.
    doors = make_pool(conninfo, size=4, writing=True)
    sender = Sender(writers, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Opened without waiting: the service may come up before its database does.
        pool.open(wait=False)
        writers.open(wait=False)
        doors.open(wait=False)
        app.state.pool, app.state.writers, app.state.doors = pool, writers, doors
        if settings.webhook_targets:
            sender.start()
        try:
            yield
        finally:
            if settings.webhook_targets:
                sender.stop()
            doors.close()
            writers.close()
            pool.close()

    app = FastAPI(
        title="gridcover",
        version=geo.__version__,
        summary="Camera coverage and incidents by grid",
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.state.clock = time.monotonic
    app.state.tries = Tries(time.monotonic)
    add_access(app)
    # Last, and so around all else: whatever answers carries the headers, and is counted.
    _add_headers(app, settings)
    add_watching(app)
    _add_errors(app)
    for router in (
        accounts.router,
        pages.router,
        api.router,
        board.router,
        feeds.router,
        exports.router,
        tiles.router,
        health.router,
        watching.router,
    ):
        app.include_router(router)

    @app.get("/openapi.json", include_in_schema=False, dependencies=[Depends(needs())])
    def document() -> dict[str, object]:
        return app.openapi()

    @app.get("/docs", include_in_schema=False, dependencies=[Depends(needs())])
    def docs(request: Request) -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="gridcover API",
            swagger_js_url="/static/vendor/swagger/swagger-ui-bundle.js",
            swagger_css_url="/static/vendor/swagger/swagger-ui.css",
            swagger_favicon_url="/static/favicon.svg",
        )
        return HTMLResponse(with_nonce(bytes(page.body).decode(), request.state.nonce))

    app.mount("/static/vendor", StaticFiles(directory=vendor), name="vendor")
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    return app


_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def _add_headers(app: FastAPI, settings: Settings) -> None:
    images = "'self' data:"
    if settings.basemap_url:
        parts = urlsplit(settings.basemap_url.replace("{s}", "*"))
        if parts.netloc:
            images += f" {parts.scheme}://{parts.netloc}"
    # Leaflet and Folium set styles in the page; scripts of the page itself carry the answer's nonce.
    policy = (
        "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        f"img-src {images}; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )

    @app.middleware("http")
    async def headers(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        request.state.nonce = secrets.token_urlsafe(16)
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = policy.format(nonce=request.state.nonce)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        if request.url.scheme == "https":
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.url.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-cache")
        return response


def _add_errors(app: FastAPI) -> None:
    """Answer failures as RFC 9457 problem details."""

    def database(request: Request, error: Exception) -> Response:  # noqa: ARG001
        if request.url.path.startswith(("/maps", "/board", "/audit", "/account", "/sign-in")):
            return pages.unavailable(request)
        return problem(
            503, "database unavailable", "The database does not answer; try again in a moment."
        )

    def refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem(400, "request refused", str(error))

    def told(request: Request, error: Exception) -> Response:  # noqa: ARG001
        assert isinstance(error, HTTPException)  # noqa: S101
        title = HTTPStatus(error.status_code).phrase.lower()
        answer = problem(error.status_code, title, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    def invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001
        assert isinstance(error, RequestValidationError)  # noqa: S101
        told = "; ".join(
            f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()
        )
        return problem(422, "invalid request", told)

    for kind in (
        psycopg.OperationalError,
        psycopg.InterfaceError,
        psycopg_pool.PoolTimeout,
        psycopg_pool.PoolClosed,
    ):
        app.add_exception_handler(kind, database)
    app.add_exception_handler(HTTPException, told)
    app.add_exception_handler(GridcoverError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
