"""Tests of request ids, log lines and metrics."""

from __future__ import annotations

import json
import logging
import re

import pytest
from fastapi.testclient import TestClient

from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.api_tokens import make_token
from service.app import create_app
from service.middleware.metrics import JsonLogFormatter
from tests.support.service import sign_in


def test_requests_have_an_id_and_a_log_line(store: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gridcover.requests")
    with TestClient(create_app(store, Settings()), cookies=sign_in(store, "planner")) as client:
        given = client.get("/api/v1/areas", headers={"X-Request-ID": "from-the-proxy-1"})
        forged = client.get("/healthz", headers={"X-Request-ID": "a b; c"})
        missing = client.get("/nowhere")
    assert given.headers["x-request-id"] == "from-the-proxy-1"
    assert re.fullmatch("[0-9a-f]{16}", forged.headers["x-request-id"])
    assert missing.status_code == 404
    lines = [
        json.loads(JsonLogFormatter().format(r))
        for r in caplog.records
        if r.name == "gridcover.requests"
    ]
    assert [(line["path"], line["status"]) for line in lines] == [
        ("/api/v1/areas", 200),
        ("/healthz", 200),
        ("/nowhere", 404),
    ]
    assert lines[0]["request"] == "from-the-proxy-1"
    assert lines[0]["user"].startswith("planner-")
    assert lines[1]["user"] is None
    assert lines[0]["ms"] > 0


def test_metrics_require_a_token_with_scope(store: str) -> None:
    with connect(store) as conn:
        token = make_token(conn, "prometheus", ["metrics:read"], days=1)
        other = make_token(conn, "feed", ["status:write"], days=1)
    with TestClient(create_app(store, Settings())) as client:
        assert client.get("/metrics").status_code == 401
        assert (
            client.get("/metrics", headers={"Authorization": f"Bearer {other}"}).status_code == 403
        )
        for _ in range(3):
            client.get("/healthz")
        client.get("/api/v1/grids")
        text = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text
    assert 'gridcover_requests_total{method="GET",route="/healthz",status="200"} 3.0' in text
    assert 'gridcover_requests_total{method="GET",route="/api/v1/grids",status="401"} 1.0' in text
    assert 'gridcover_request_seconds_count{route="/healthz"} 3.0' in text
    assert 'gridcover_pool_waiting{pool="auth_pool"} 0.0' in text
    assert "gridcover_webhook_deliveries_waiting 0.0" in text
