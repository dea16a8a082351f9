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
from service.state import AppState, app_state

router = APIRouter(tags=["health"], route_class=SecuredRoute)
_log = logging.getLogger("gridcover.requests")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_POOLS = ("read_pool", "write_pool", "auth_pool", "download_pool")


class Metrics:
    """Metrics of one application, in a registry of their own.

    Attributes
    ----------
    registry : prometheus_client.CollectorRegistry
        Registry of the metrics below.
    requests : prometheus_client.Counter
        Requests by method, route and status.
    seconds : prometheus_client.Histogram
        Seconds until the response is complete, by route.
    waiting : prometheus_client.Gauge
        Requests that wait for a connection, by pool.
    age : prometheus_client.Gauge
        Seconds since the newest run finished.
    deliveries : prometheus_client.Gauge
        Webhook deliveries that wait.
    """

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        self.requests = prometheus.Counter(
            "gridcover_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = prometheus.Histogram(
            "gridcover_request_seconds",
            "Time to the answer",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.waiting = self._gauge(
            "gridcover_pool_waiting", "Requests that wait for a connection", ["pool"]
        )
        self.age = self._gauge("gridcover_results_age_seconds", "Since the newest run was finished")
        self.deliveries = self._gauge(
            "gridcover_webhook_deliveries_waiting", "Messages to other systems that wait"
        )

    def _gauge(
        self, name: str, documentation: str, labels: list[str] | None = None
    ) -> prometheus.Gauge:
        return prometheus.Gauge(name, documentation, labels or (), registry=self.registry)


class JsonLogFormatter(logging.Formatter):
    """Formatter that writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON.

        Parameters
        ----------
        record : logging.LogRecord
            Record; its attribute `request`, if any, is a dict whose items are added.

        Returns
        -------
        str
            Object with `at`, `level`, `logger`, `message`, the items of the request, and `error`
            with the traceback of an exception.
        """
        at = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        line = {
            "at": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "request", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_json_logging() -> None:
    """Write log records, among them one for each request, as JSON lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLogFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("httpx2", "httpcore2", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


class RequestMetricsMiddleware:
    """Middleware that numbers, times, counts and logs every request.

    Parameters
    ----------
    app : ASGIApp
        Application; it finds the number in `request.state.number`.
    metrics : Metrics
        Metrics that are updated.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        sent_number = request.headers.get("x-request-id", "")
        number = sent_number if _REQUEST_ID.fullmatch(sent_number) else secrets.token_hex(8)
        request.state.number = number
        started, status = time.perf_counter(), 500

        async def _send_with_number(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = number
            await send(message)

        try:
            await self.app(scope, receive, _send_with_number)
        finally:
            self._record(request, status, time.perf_counter() - started)

    def _record(self, request: Request, status: int, seconds: float) -> None:
        path = request.scope["path"]
        route = getattr(request.scope.get("route"), "path", None) or "unknown"
        for mounted in ("/static", "/ogc"):
            if path.startswith(f"{mounted}/"):
                route = mounted
        self.metrics.requests.labels(request.method, route, str(status)).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        user: User | None = getattr(request.state, "user", None)
        fields = {
            "request": request.state.number,
            "method": request.method,
            "path": path,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "user": user.name if user else None,
        }
        _log.info("%s %s %s", request.method, path, status, extra={"request": fields})


@router.get(
    "/metrics",
    include_in_schema=False,
    dependencies=[allow(scopes=(METRICS,), sessions=False, audit=AuditRule.NONE)],
)
def metrics(request: Request) -> Response:
    """Return metrics for Prometheus, for a token of the scope `metrics:read`.

    Parameters
    ----------
    request : Request
        The request.

    Returns
    -------
    Response
        Metrics in the text format of Prometheus; they contain no row of any register.
    """
    state = app_state(request)
    _update_gauges(state)
    body = prometheus.generate_latest(state.metrics.registry)
    return Response(body, media_type=prometheus.CONTENT_TYPE_LATEST)


def _update_gauges(state: AppState) -> None:
    gauges = state.metrics
    for name in _POOLS:
        stats = getattr(state, name).get_stats()
        gauges.waiting.labels(name).set(stats.get("requests_waiting", 0))
    try:
        with state.read_pool.connection(timeout=2) as conn:
            set_scope(conn, (EVERYWHERE,))
            run = read_latest_run(conn)
        if run is not None:
            gauges.age.set((dt.datetime.now(dt.UTC) - run.finished_at).total_seconds())
        with state.auth_pool.connection(timeout=2) as conn:
            gauges.deliveries.set(count_waiting_deliveries(conn))
    except (psycopg.Error, psycopg_pool.PoolTimeout):
        # That the database is away is reported by /readyz.
        gauges.age.set(float("nan"))
