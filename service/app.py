"""The application: state, middleware, routers and static files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware

import geo
from geo.maps.assets import assets_dir
from geo.settings import Settings
from geo.store.audit_seal import AuditSeal
from geo.store.connection import make_pool
from service import static_files
from service.api.events import NotificationListener
from service.api.ogc import PREFIX, close_ogc, make_ogc
from service.api.routers import ROUTERS as API_ROUTERS
from service.auth import oidc
from service.auth.login_throttle import LoginThrottle
from service.auth.sessions import add_sign_in_redirect
from service.caching import ResponseCache
from service.middleware import metrics
from service.middleware.addresses import PublicAddressMiddleware, RequestTextMiddleware
from service.middleware.audit import AuditMiddleware, AuditWriter
from service.middleware.rate_limit import RateLimitMiddleware
from service.middleware.security_headers import SecurityHeadersMiddleware
from service.openapi import make_openapi_router
from service.pages.maps import unavailable
from service.pages.routers import ROUTERS as PAGE_ROUTERS
from service.policy import require_policies
from service.responses import add_problem_handlers
from service.worker.queue import asking_queue
from service.worker.webhooks import WebhookSender

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
    sender = WebhookSender(writers, settings)
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
        app.state.recorder = AuditWriter(doors, AuditSeal(settings.seal_dir))
        app.state.turns = asyncio.Semaphore(pool.max_size)
        app.state.writing_turns = asyncio.Semaphore(writers.max_size)
        app.state.carriers = carriers
        ogc.state.doors, ogc.state.kept = doors, app.state.kept
        app.state.bell = NotificationListener(conninfo)
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
    app.state.joined = static_files.AssetBundles(_STATIC, vendor)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.state.clock = time.monotonic
    app.state.provider = oidc.Provider(settings)
    app.state.tries = LoginThrottle(time.monotonic)
    app.state.kept = ResponseCache(time.monotonic)
    add_sign_in_redirect(app)
    app.add_middleware(AuditMiddleware, language=settings.language)
    # Last, and so around all else: whatever answers carries the headers, and is counted.
    app.add_middleware(RequestTextMiddleware)
    app.add_middleware(RateLimitMiddleware, a_second=settings.requests_a_second)
    app.add_middleware(SecurityHeadersMiddleware, basemap_url=settings.basemap_url)
    app.add_middleware(PublicAddressMiddleware, public_url=settings.public_url, host=settings.host)
    metrics.add_request_metrics(app)
    add_problem_handlers(app, unavailable=_unavailable)
    for router in (
        *API_ROUTERS,
        *PAGE_ROUTERS,
        oidc.router,
        metrics.router,
        static_files.router,
    ):
        app.include_router(router)

    # The OGC routes are looked for by name from here, so theirs come first.
    app.mount(PREFIX, ogc)
    app.include_router(make_openapi_router("/openapi.json", "/docs", "/openapi.json"))
    for path, folder in (("/static/vendor", vendor), ("/static", _STATIC)):
        app.mount(path, static_files.PrecompressedStaticFiles(folder))
    require_policies(app)
    require_policies(ogc)
    return app


def _unavailable(request: Request) -> Response | None:
    if request.url.path.startswith(
        ("/maps", "/board", "/audit", "/account", "/sign-in", "/jobs", "/setup", "/users", "/wall")
    ):
        return unavailable(request)
    return None
