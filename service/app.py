"""The application: state, middleware, routers and static files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import procrastinate
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
from service.caching import IdentityCache, LayerVersions, ResponseCache
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
from service.state import AppState
from service.worker.queue import make_queue

_STATIC = Path(__file__).parent / "static"


def create_app(
    conninfo: str, settings: Settings, *, clock: Callable[[], float] = time.monotonic
) -> FastAPI:
    """Return the application of the service for one database.

    Parameters
    ----------
    conninfo : str
        Connection string of a migrated database.
    settings : Settings
        Settings of the deployment.
    clock : callable, default time.monotonic
        Returns seconds of a monotonic clock, by which caches and limits of sign-ins expire.

    Returns
    -------
    FastAPI
        Application; it opens its connections when it is started.

    Raises
    ------
    AssetError
        If the browser assets are not installed.
    RuntimeError
        If a route declares no policy.
    """
    vendor = assets_dir()
    state = _make_state(conninfo, settings, vendor, clock)
    ogc = make_ogc(conninfo, settings)
    ogc.state.gridcover = state
    app = FastAPI(
        title="gridcover",
        version=geo.__version__,
        summary="Camera coverage and incidents by grid",
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
        lifespan=lambda app: _run(app, state, ogc),
    )
    app.state.gridcover = state
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    add_sign_in_redirect(app)
    app.add_middleware(AuditMiddleware, language=settings.language)
    # Added last, these are outermost: every response has the headers and is counted.
    app.add_middleware(RequestTextMiddleware)
    app.add_middleware(RateLimitMiddleware, a_second=settings.requests_a_second)
    app.add_middleware(SecurityHeadersMiddleware, basemap_url=settings.basemap_url)
    app.add_middleware(PublicAddressMiddleware, public_url=settings.public_url, host=settings.host)
    app.add_middleware(metrics.RequestMetricsMiddleware, metrics=state.metrics)
    add_problem_handlers(app, unavailable=_unavailable)
    for router in (
        *API_ROUTERS,
        *PAGE_ROUTERS,
        oidc.router,
        metrics.router,
        static_files.router,
    ):
        app.include_router(router)

    # Names of OGC routes are resolved from this application, so they are mounted first.
    app.mount(PREFIX, ogc)
    app.include_router(make_openapi_router("/openapi.json", "/docs", "/openapi.json"))
    for path, folder in (("/static/vendor", vendor), ("/static", _STATIC)):
        app.mount(path, static_files.PrecompressedStaticFiles(folder))
    require_policies(app)
    require_policies(ogc)
    return app


def _make_state(
    conninfo: str, settings: Settings, vendor: Path, clock: Callable[[], float]
) -> AppState:
    read_pool = make_pool(conninfo)
    write_pool = make_pool(conninfo, size=4, writing=True)
    auth_pool = make_pool(conninfo, size=4, writing=True)
    return AppState(
        settings=settings,
        clock=clock,
        read_pool=read_pool,
        write_pool=write_pool,
        auth_pool=auth_pool,
        download_pool=make_pool(conninfo, size=4, idle_s=60),
        read_slots=asyncio.Semaphore(read_pool.max_size),
        write_slots=asyncio.Semaphore(write_pool.max_size),
        cache=ResponseCache(),
        identities=IdentityCache(clock),
        layer_versions=LayerVersions(clock),
        audit_writer=AuditWriter(auth_pool, AuditSeal(settings.seal_dir)),
        notifications=NotificationListener(conninfo),
        login_throttle=LoginThrottle(clock),
        oidc=oidc.Provider(settings),
        assets=static_files.PageAssets(_STATIC, vendor),
        metrics=metrics.Metrics(),
        job_queue=make_queue(procrastinate.SyncPsycopgConnector()),
    )


@asynccontextmanager
async def _run(app: FastAPI, state: AppState, ogc: FastAPI) -> AsyncIterator[None]:
    """Open connections and listeners while the application runs."""
    pools = (state.read_pool, state.write_pool, state.auth_pool, state.download_pool)
    for pool in pools:
        # Without waiting: the service may start before its database.
        pool.open(wait=False)
    state.job_queue.open(state.write_pool)
    state.notifications.start()
    # FastAPI builds the routes of a router when a path is first matched: done before the first
    # request.
    for route in app.routes:
        route.matches({"type": "http", "method": "GET", "path": "/", "root_path": ""})
    try:
        yield
    finally:
        await state.notifications.stop()
        await close_ogc(ogc)
        for pool in reversed(pools):
            pool.close()


def _unavailable(request: Request) -> Response | None:
    if request.url.path.startswith(
        (
            "/maps",
            "/dashboard",
            "/audit",
            "/account",
            "/sign-in",
            "/jobs",
            "/setup",
            "/users",
            "/video-wall",
        )
    ):
        return unavailable(request)
    return None
