"""Request numbers, log lines and metrics for Prometheus."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import secrets
import sys
import time

import prometheus_client as prometheus
import psycopg
import psycopg_pool
from fastapi import APIRouter, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from geo.store.queries.api_tokens import METRICS
from geo.store.queries.runs import read_latest_run
from geo.store.queries.users import User
from geo.store.queries.webhooks import count_waiting_deliveries
from geo.store.scope import EVERYWHERE, set_scope
from service.policy import AuditRule, SecuredRoute, allow
from service.state import app_state

router = APIRouter(tags=["health"], route_class=SecuredRoute)
_log = logging.getLogger("gridcover.requests")
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        self.requests = prometheus.Counter(
            "gridcover_requests", "Requests answered", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = prometheus.Histogram(
            "gridcover_request_seconds", "Time to the answer", ["route"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.waiting = prometheus.Gauge(
            "gridcover_pool_waiting", "Requests that wait for a connection", ["pool"],
            registry=self.registry,
        )  # fmt: skip
        self.age = prometheus.Gauge(
            "gridcover_results_age_seconds",
            "Since the newest run was finished",
            registry=self.registry,
        )
        self.deliveries = prometheus.Gauge(
            "gridcover_webhook_deliveries_waiting", "Messages to other systems that wait",
            registry=self.registry,
        )  # fmt: skip


class JsonLogFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with what the request added to it."""
        at = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname.lower(), "logger": record.name,
                "message": record.getMessage()}  # fmt: skip
        line |= getattr(record, "request", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_json_logging() -> None:
    """Log to the standard error as JSON lines, requests among it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLogFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("httpx2", "httpcore2", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class RequestMetricsMiddleware:
    """Middleware: every request is numbered, timed, counted and logged."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("x-request-id", "")
        number = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
        request.state.number = number
        begun, status = time.perf_counter(), 500

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = number
            await send(message)

        try:
            await self.app(scope, receive, numbered)
        finally:
            self._note(request, status, time.perf_counter() - begun)

    def _note(self, request: Request, status: int, seconds: float) -> None:
        path = request.scope["path"]
        route = getattr(request.scope.get("route"), "path", None) or "unknown"
        for mounted in ("/static", "/ogc"):
            if path.startswith(f"{mounted}/"):
                route = mounted
        self.metrics.requests.labels(request.method, route, str(status)).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        user: User | None = getattr(request.state, "user", None)
        told = {
            "request": request.state.number, "method": request.method, "path": path,
            "status": status, "ms": round(seconds * 1000, 1), "user": user.name if user else None,
        }  # fmt: skip
        _log.info("%s %s %s", request.method, path, status, extra={"request": told})


@router.get(
    "/metrics", include_in_schema=False,
    dependencies=[allow(scopes=(METRICS,), sessions=False, audit=AuditRule.NONE)],
)  # fmt: skip
def metrics(request: Request) -> Response:
    """For Prometheus, by a token of the scope `metrics:read`; no row of any register."""
    state = app_state(request)
    found = state.metrics
    for name in ("read_pool", "write_pool", "auth_pool", "download_pool"):
        found.waiting.labels(name).set(getattr(state, name).get_stats().get("requests_waiting", 0))
    try:
        with state.read_pool.connection(timeout=2) as conn:
            set_scope(conn, (EVERYWHERE,))
            run = read_latest_run(conn)
        if run is not None:
            found.age.set((dt.datetime.now(dt.UTC) - run.finished_at).total_seconds())
        with state.auth_pool.connection(timeout=2) as conn:
            found.deliveries.set(count_waiting_deliveries(conn))
    except (psycopg.Error, psycopg_pool.PoolTimeout):
        # A database that is away is told by its own gauges' silence and by /readyz.
        found.age.set(float("nan"))
    body = prometheus.generate_latest(found.registry)
    return Response(body, media_type=prometheus.CONTENT_TYPE_LATEST)
