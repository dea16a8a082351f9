"""The application, assembled: state, error answers, headers, routers and static files."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import geo
from geo.maps.assets import assets_dir
from geo.settings import Settings
from geo.store.audit_seal import AuditSeal
from geo.store.database import make_pool
from service import (
    accounts,
    api,
    auditing,
    board,
    coverage,
    exports,
    feeds,
    health,
    import_options,
    incidents,
    jobs,
    live,
    pages,
    planning,
    provider,
    scenarios,
    setup,
    statics,
    tiles,
    users,
    wall,
    watching,
)
from service.access import Tries, add_sign_in
from service.answers import add_problems
from service.description import description
from service.edge import PublicAddressMiddleware, RequestTextMiddleware
from service.keeping import Kept
from service.limits import Limited
from service.ogc import PREFIX, close_ogc, make_ogc
from service.policy import require_policies
from service.recording import AuditMiddleware, Recorder
from service.statics import Joined, Packed
from service.watching import add_watching
from service.webhooks import Sender
from service.worker import asking_queue

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
    # Downloads hold a connection as long as their clients take: slow ones must not take all.
    carriers = make_pool(conninfo, size=4, idle_s=60)
    sender = Sender(writers, settings)
    ogc = make_ogc(conninfo, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Opened without waiting: the service may come up before its database does.
        pool.open(wait=False)
        writers.open(wait=False)
        doors.open(wait=False)
        carriers.open(wait=False)
        app.state.pool, app.state.writers, app.state.doors = pool, writers, doors
        app.state.queue = asking_queue(writers)
        app.state.recorder = Recorder(doors, AuditSeal(settings.seal_dir))
        app.state.turns = asyncio.Semaphore(pool.max_size)
        app.state.writing_turns = asyncio.Semaphore(writers.max_size)
        app.state.carriers = carriers
        ogc.state.doors, ogc.state.kept = doors, app.state.kept
        app.state.bell = live.Bell(conninfo)
        app.state.bell.start()
        if settings.webhook_targets:
            sender.start()
        # FastAPI makes a router's routes when a path is first held against them: not by the first visitor.
        for route in app.routes:
            route.matches({"type": "http", "method": "GET", "path": "/", "root_path": ""})
        try:
            yield
        finally:
            if settings.webhook_targets:
                sender.stop()
            await app.state.bell.stop()
            await close_ogc(ogc)
            carriers.close()
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
    app.state.joined = Joined(_STATIC, vendor)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.state.clock = time.monotonic
    app.state.provider = provider.Provider(settings)
    app.state.tries = Tries(time.monotonic)
    app.state.kept = Kept(time.monotonic)
    add_sign_in(app)
    app.add_middleware(AuditMiddleware, language=settings.language)
    # Last, and so around all else: whatever answers carries the headers, and is counted.
    app.add_middleware(RequestTextMiddleware)
    app.add_middleware(Limited, a_second=settings.requests_a_second)
    app.add_middleware(Guarded, basemap_url=settings.basemap_url)
    app.add_middleware(PublicAddressMiddleware, public_url=settings.public_url, host=settings.host)
    add_watching(app)
    add_problems(app, unavailable=_unavailable)
    # Tiles are asked for most, and routes are tried one after the other.
    for router in (
        tiles.router,
        accounts.router,
        provider.router,
        auditing.router,
        pages.router,
        users.router,
        wall.router,
        api.router,
        coverage.router,
        incidents.router,
        scenarios.router,
        planning.router,
        jobs.api,
        import_options.api,
        setup.api,
        live.router,
        jobs.pages,
        setup.pages,
        board.router,
        feeds.router,
        exports.router,
        health.router,
        watching.router,
        statics.router,
    ):
        app.include_router(router)

    # The OGC routes are looked for by name from here, so theirs come first.
    app.mount(PREFIX, ogc)
    app.include_router(description("/openapi.json", "/docs", "/openapi.json"))
    for path, folder in (("/static/vendor", vendor), ("/static", _STATIC)):
        app.mount(path, Packed(folder))
    require_policies(app)
    require_policies(ogc)
    return app


_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class Guarded:
    """Middleware: a policy for the browser with a nonce of this answer, and other headers."""

    def __init__(self, app: ASGIApp, basemap_url: str | None) -> None:
        self.app = app
        images = "'self' data:"
        if basemap_url:
            parts = urlsplit(basemap_url.replace("{s}", "*"))
            if parts.netloc:
                images += f" {parts.scheme}://{parts.netloc}"
        # Leaflet and Folium set styles in the page; scripts of the page itself carry the answer's nonce.
        self.policy = (
            "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
            f"img-src {images}; object-src 'none'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'self'"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self.policy.format(nonce=nonce)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self.app(scope, receive, guarded)


def _unavailable(request: Request) -> Response | None:
    if request.url.path.startswith(
        ("/maps", "/board", "/audit", "/account", "/sign-in", "/jobs", "/setup", "/users", "/wall")
    ):
        return pages.unavailable(request)
    return None
