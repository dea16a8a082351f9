"""Tests of rate limits per client."""

from __future__ import annotations

from fastapi.testclient import TestClient

from geo.settings import Settings
from service.app import create_app
from service.middleware.rate_limit import BURST_S, RateLimitMiddleware
from tests.support.service import sign_in


def test_rate_limit_bucket_empties_and_refills() -> None:
    now = [100.0]
    limiter = RateLimitMiddleware(app=None, a_second=2.0, clock=lambda: now[0])  # type: ignore[arg-type]
    waits = [limiter._take("a") for _ in range(25)]
    assert waits[: int(2 * BURST_S)] == [0.0] * 20
    assert all(wait > 0 for wait in waits[20:])
    assert limiter._take("b") == 0.0
    now[0] += 0.5
    assert limiter._take("a") == 0.0
    assert limiter._take("a") > 0
    now[0] -= 3600  # the clock moves back
    assert limiter._take("a") > 0
    now[0] += 1.0
    assert limiter._take("a") == 0.0
    now[0] += 1e9  # and far forward: the bucket is full, not more
    assert sum(limiter._take("a") == 0.0 for _ in range(100)) == 20


def test_rate_limit_refuses_one_client_only(demo_store: str) -> None:
    app = create_app(demo_store, Settings(requests_a_second=1.0))
    with TestClient(app, cookies=sign_in(demo_store)) as client:
        # The bucket refills while requests run, so the number until refusal is not fixed.
        responses = [client.get("/api/v1/runs/latest") for _ in range(10)]
        assert [response.status_code for response in responses] == [200] * 10
        responses = (client.get("/api/v1/runs/latest") for _ in range(1000))
        refused = next(response for response in responses if response.status_code != 200)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["content-type"] == "application/problem+json"
        assert "content-security-policy" in refused.headers
        assert client.get("/static/gridcover.css").status_code == 200
        assert client.get("/healthz").status_code == 200
        client.cookies.clear()
        client.cookies.update(sign_in(demo_store))
        assert client.get("/api/v1/runs/latest").status_code == 200
        # Requests with unknown tokens are counted by client address.
        client.cookies.clear()
        codes = (
            client.get("/api/v1/runs", headers={"Authorization": f"Bearer {k}"}).status_code
            for k in range(10_000)
        )
        assert next(codes) == 401
        assert next(code for code in codes if code != 401) == 429
