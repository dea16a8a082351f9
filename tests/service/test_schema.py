"""Tests of both APIs with requests generated from their OpenAPI documents."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.api_tokens import make_token
from service.api.ogc import PREFIX
from service.app import create_app

EXPECTED_STATUSES = {200, 201, 202, 204, 207, 304, 400, 401, 403, 404, 405, 409, 413, 415, 422, 503}


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with connect(demo_store) as conn:
        token = make_token(
            conn,
            "schema",
            ["data:read", "staff:read", "scenarios:write", "jobs:write"],
            days=1,
            role="administrator",
            areas=["*"],
        )
    headers = {"Authorization": f"Bearer {token}"}
    app = create_app(demo_store, Settings())
    with TestClient(app, headers=headers, raise_server_exceptions=False) as test_client:
        yield test_client
    with connect(demo_store) as conn:
        conn.execute("DELETE FROM api_tokens WHERE name = 'schema'")
        conn.execute("DELETE FROM scenarios")


def _nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


HOSTILE = (
    "\x00",
    "a\x00b",
    "\ud800",
    "a\udfffb",
    "(" * 300,
    "not " * 300,
    "nan",
    "1e999",
    "\u202e\ufeff",
    _nested(150),
)
"""Texts that replace each string of a generated request."""


def _with_texts_replaced(value: Any, text: Any, *, nest: bool) -> Any:
    """Return a JSON value or query parameters with their strings replaced."""
    if isinstance(value, str):
        return text if isinstance(text, str) or nest else json.dumps(text)
    if isinstance(value, dict):
        return {k: _with_texts_replaced(v, text, nest=nest) for k, v in value.items()}
    if isinstance(value, list):
        return [_with_texts_replaced(v, text, nest=nest) for v in value]
    return value


def _replace_texts(arguments: dict[str, Any], text: Any) -> None:
    """Replace the strings of the query and of the JSON body of a request."""
    arguments["params"] = _with_texts_replaced(
        arguments.get("params") or {"q": "x"}, text, nest=False
    )
    if "json" in arguments:
        body = json.dumps(_with_texts_replaced(arguments.pop("json"), text, nest=True))
        arguments["content"] = body.encode()
        arguments["headers"] = {
            **(arguments.get("headers") or {}),
            "Content-Type": "application/json",
        }


def _build_request(client: TestClient, prefix: str, arguments: dict[str, Any]) -> httpx2.Request:
    """Return the request of a generated case, with the client's own token and host."""
    arguments.pop("cookies", None)
    if isinstance(arguments.get("data"), str | bytes):
        arguments["content"] = arguments.pop("data")
    headers = {
        k: v
        for k, v in (arguments.pop("headers", None) or {}).items()
        if k.lower() not in ("authorization", "host")
    }
    return client.build_request(
        arguments.pop("method"),
        prefix + arguments.pop("url").removeprefix("http://testserver"),
        headers=headers,
        **{k: v for k, v in arguments.items() if k in ("params", "json", "data", "content")},
    )


def _check_response(request: httpx2.Request, response: httpx2.Response) -> None:
    """Check that a response has an expected status and that errors are problem details."""
    url = str(request.url)
    assert response.status_code in EXPECTED_STATUSES, (
        url,
        response.status_code,
        response.text[:300],
    )
    assert response.status_code != 503, (url, response.text)
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json", url
        assert response.json()["detail"]


def fuzz(
    client: TestClient,
    document: dict[str, Any],
    prefix: str,
    examples: int,
    *,
    hostile: bool = False,
) -> int:
    """Send generated requests to each operation, check the responses, return their number."""
    document["paths"].pop("/api/v1/events", None)  # the stream never ends
    schema = schemathesis.openapi.from_dict(document)
    sent = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                cases = operation.as_strategy(generation_mode=mode)
            except schemathesis.errors.SchemathesisError:
                continue

            @settings(
                max_examples=examples,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=cases, text=st.sampled_from(HOSTILE) if hostile else st.none())
            def send_case(case: Any, text: Any) -> None:
                nonlocal sent
                arguments = case.as_transport_kwargs(base_url="http://testserver")
                if hostile:
                    _replace_texts(arguments, text)
                try:
                    request = _build_request(client, prefix, arguments)
                except (ValueError, TypeError, UnicodeError):
                    return  # no such request can be sent
                response = client.send(request)
                sent += 1
                _check_response(request, response)

            try:
                send_case()
            except (schemathesis.errors.SchemathesisError, Unsatisfiable):
                continue  # no invalid request can be generated for this operation
    return sent


def test_api_answers_generated_requests(client: TestClient) -> None:
    app: Any = client.app
    sent = fuzz(client, copy.deepcopy(app.openapi()), "", 8)
    assert sent > 500, sent


def test_ogc_api_answers_generated_requests(client: TestClient) -> None:
    app: Any = client.app
    ogc = next(r.app for r in app.routes if getattr(r, "path", "") == PREFIX)
    sent = fuzz(client, ogc.openapi(), PREFIX, 12)
    assert sent > 200, sent


@pytest.mark.deep
def test_apis_answer_hostile_texts(client: TestClient) -> None:
    app: Any = client.app
    ogc = next(r.app for r in app.routes if getattr(r, "path", "") == PREFIX)
    sent = fuzz(client, copy.deepcopy(app.openapi()), "", 4, hostile=True)
    sent += fuzz(client, ogc.openapi(), PREFIX, 6, hostile=True)
    assert sent > 300, sent
