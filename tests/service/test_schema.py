"""Whatever the OpenAPI documents allow, and some of what they do not, is answered without a failure of ours."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

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
"""What no schema speaks of: put in place of each text of a request in turn."""


def _poisoned(value: Any, text: Any, *, nest: bool) -> Any:
    """Return a value of JSON, or the parameters of a query, with its texts exchanged."""
    if isinstance(value, str):
        return text if isinstance(text, str) or nest else json.dumps(text)
    if isinstance(value, dict):
        return {k: _poisoned(v, text, nest=nest) for k, v in value.items()}
    if isinstance(value, list):
        return [_poisoned(v, text, nest=nest) for v in value]
    return value


def fuzz(
    client: TestClient,
    document: dict[str, Any],
    prefix: str,
    examples: int,
    *,
    hostile: bool = False,
) -> int:
    document["paths"].pop("/api/v1/events", None)  # a stream has no end
    schema = schemathesis.openapi.from_dict(document)
    tried = 0
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
            def answered(case: Any, text: Any) -> None:
                nonlocal tried
                told = case.as_transport_kwargs(base_url="http://testserver")
                told.pop("cookies", None)
                if hostile:
                    told["params"] = _poisoned(told.get("params") or {"q": "x"}, text, nest=False)
                    if "json" in told:
                        body = json.dumps(_poisoned(told.pop("json"), text, nest=True))
                        told["content"] = body.encode()
                        told["headers"] = {
                            **(told.get("headers") or {}),
                            "Content-Type": "application/json",
                        }
                if isinstance(told.get("data"), str | bytes):
                    told["content"] = told.pop("data")
                headers = {
                    k: v
                    for k, v in (told.pop("headers", None) or {}).items()
                    if k.lower() not in ("authorization", "host")
                }
                try:
                    request = client.build_request(
                        told.pop("method"),
                        prefix + told.pop("url").removeprefix("http://testserver"),
                        headers=headers,
                        **{
                            k: v
                            for k, v in told.items()
                            if k in ("params", "json", "data", "content")
                        },
                    )
                except (ValueError, TypeError, UnicodeError):
                    return  # no such request can be sent
                answer = client.send(request)
                tried += 1
                assert answer.status_code in EXPECTED_STATUSES, (
                    str(request.url),
                    answer.status_code,
                    answer.text[:300],
                )
                assert answer.status_code != 503, (str(request.url), answer.text)
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] == "application/problem+json", str(
                        request.url
                    )
                    assert answer.json()["detail"]

            try:
                answered()
            except (schemathesis.errors.SchemathesisError, Unsatisfiable):
                continue  # nothing that goes against the schema can be made of this operation
    return tried


def test_api_answers_generated_requests(client: TestClient) -> None:
    app: Any = client.app
    tried = fuzz(client, copy.deepcopy(app.openapi()), "", 8)
    assert tried > 500, tried


def test_ogc_api_answers_generated_requests(client: TestClient) -> None:
    app: Any = client.app
    ogc = next(r.app for r in app.routes if getattr(r, "path", "") == PREFIX)
    tried = fuzz(client, ogc.openapi(), PREFIX, 12)
    assert tried > 200, tried


@pytest.mark.deep
def test_apis_answer_hostile_texts(client: TestClient) -> None:
    app: Any = client.app
    ogc = next(r.app for r in app.routes if getattr(r, "path", "") == PREFIX)
    tried = fuzz(client, copy.deepcopy(app.openapi()), "", 4, hostile=True)
    tried += fuzz(client, ogc.openapi(), PREFIX, 6, hostile=True)
    assert tried > 300, tried
