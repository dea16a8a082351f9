"""Tests of malformed requests: NUL, invalid UTF-8, non-finite numbers, deep and large bodies."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.api_tokens import make_token
from service.api.ogc import PREFIX
from service.api.ogc_requests import require_shallow_filter
from service.app import create_app
from service.policy import api_routes, policy_of
from service.request_bodies import LARGEST_FORM, LARGEST_JSON, LARGEST_UPLOAD
from tests.support.service import sign_in

CAMERA = {"lon": 118.04, "lat": 31.01}


@pytest.fixture(scope="module")
def app_client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(
        create_app(demo_store, Settings(requests_a_second=10_000)),
        follow_redirects=False,
        raise_server_exceptions=False,
    ) as test_client:
        yield test_client


@pytest.fixture
def client(app_client: TestClient, demo_store: str) -> TestClient:
    app_client.cookies.clear()
    app_client.cookies.update(sign_in(demo_store))
    return app_client


def _routes(client: TestClient) -> list[tuple[str, str, Any]]:
    app: Any = client.app
    ogc = next(r.app for r in app.routes if getattr(r, "path", "") == PREFIX)
    return sorted(
        (
            (method, prefix + route.path.replace(":path}", "}"), route)
            for prefix, application in (("", app), (PREFIX, ogc))
            for route in api_routes(application)
            for method in route.methods
        ),
        key=lambda row: row[:2],
    )


UNDECODABLE = ("%00", "a%00b", "%ED%A0%80", "%FF", "%C3%28")


@pytest.mark.parametrize(
    "text", [*UNDECODABLE[:1], *(pytest.param(t, marks=pytest.mark.deep) for t in UNDECODABLE[1:])]
)
def test_routes_refuse_undecodable_text(client: TestClient, text: str) -> None:
    requests_sent = 0
    for method, path, route in _routes(client):
        addresses = []
        if "{" in path:
            hostile_path = path
            while "{" in hostile_path:
                hostile_path = (
                    hostile_path[: hostile_path.index("{")]
                    + text
                    + hostile_path[hostile_path.index("}") + 1 :]
                )
            addresses.append(hostile_path)
        plain_path = path
        for name in ("{z}", "{x}", "{y}", "{job}", "{number}"):
            plain_path = plain_path.replace(name, "1")
        while "{" in plain_path:
            plain_path = (
                plain_path[: plain_path.index("{")] + "x" + plain_path[plain_path.index("}") + 1 :]
            )
        names = {p.alias for p in route.dependant.query_params} | {"lang", "filter", "other"}
        addresses += [f"{plain_path}?{name}={text}" for name in sorted(names)] + [
            f"{plain_path}?{text}=1"
        ]
        for address in addresses:
            response = client.request(method, address)
            requests_sent += 1
            assert response.status_code == 400, (method, address, response.status_code)
            assert response.json()["title"] == "unreadable address"
    assert requests_sent > 300


def test_areas_are_served_after_undecodable_requests(client: TestClient, demo_store: str) -> None:
    other_cookies = sign_in(demo_store)
    for _ in range(5):
        assert client.get("/api/v1/cameras/%00").status_code == 400
        client.cookies.clear()
        client.cookies.update(other_cookies)
        assert client.get("/api/v1/areas").status_code == 200


@pytest.mark.parametrize(
    "box",
    [
        "nan,nan,nan,nan",
        "1,2,nan,4",
        "inf,0,1,1",
        "-inf,0,1,1",
        "1e999,0,1,1",
        "1,2,3",
        "a,b,c,d",
        "1,2,3,4,5,6,7",
        "",
    ],
)
def test_bbox_that_is_not_numeric_is_refused(client: TestClient, box: str) -> None:
    quoted = urllib.parse.quote(box)
    for layer in ("grids", "cameras"):
        for suffix in ("items", "tiles/WebMercatorQuad/14/13565/6703"):
            response = client.get(f"/ogc/collections/{layer}/{suffix}?bbox={quoted}")
            assert response.status_code == 422 or (not box and response.status_code == 200), (
                response.text
            )
    assert client.get(f"/api/v1/blind-spots/ranking?bbox={quoted}").status_code < 500
    assert client.get(f"/api/v1/exports/grids.csv?bbox={quoted}").status_code in (200, 422)


@pytest.mark.parametrize(
    "number",
    [
        "nan",
        *(
            pytest.param(n, marks=pytest.mark.deep)
            for n in ("inf", "-inf", "1e999", "9" * 400, "-1e400")
        ),
    ],
)
def test_routes_handle_non_finite_numbers(client: TestClient, number: str) -> None:
    """Send a non-finite number as each query parameter: refused or ignored, never a 5xx."""
    requests_sent = 0
    for method, path, route in _routes(client):
        if method != "GET" or path == "/api/v1/events":
            continue
        for name, value in {
            "{z}": "14",
            "{x}": "13565",
            "{y}": "6703",
            "{format}": "csv",
            "{job}": "1",
            "{number}": "1",
            "{tileMatrixSetId}": "WebMercatorQuad",
            "{collectionId}": "grids",
            "{layer}": "grids",
            "{name}": "coverage",
            "{register}": "grids",
        }.items():
            path = path.replace(name, value)
        while "{" in path:
            path = path[: path.index("{")] + "x" + path[path.index("}") + 1 :]
        for parameter in route.dependant.query_params:
            response = client.get(f"{path}?{parameter.alias}={number}")
            requests_sent += 1
            assert response.status_code < 500, (path, parameter.alias, response.text[:200])
    assert requests_sent > 60


@pytest.mark.parametrize(
    "address", ["99999999999/0/0", "3/99999999999999999999/0", "30/-1/0", "3/0/-5", "400/1/1"]
)
def test_tiles_outside_the_matrix_set_are_refused(client: TestClient, address: str) -> None:
    for path in (
        f"/ogc/collections/grids/tiles/WebMercatorQuad/{address}",
        f"/tiles/cameras/{address}.pbf",
    ):
        assert client.get(path).status_code in (404, 422), path


# fmt: off
DEEP = {
    "not": lambda n: "not (" * n + "code = 'x'" + ")" * n,
    "brackets": lambda n: "(" * n + "code = 'x'" + ")" * n,
    "unclosed": lambda n: "(" * n,
    "nots": lambda n: "not " * n + "code = 'x'",
    "and": lambda n: " and ".join(["code = 'x'"] * n),
    "or": lambda n: " or ".join(["code = 'x'"] * n),
    "plus": lambda n: "population > " + " + ".join(["1"] * n),
    "minus": lambda n: "population > " + "- " * n + "1",
    "power": lambda n: "population > " + " ^ ".join(["1"] * n),
    "json": lambda n: '{"op":"not","args":[' * n
    + '{"op":"isNull","args":[{"property":"code"}]}' + "]}" * n,
    "collections": lambda n: "s_intersects(geometry, " + "GEOMETRYCOLLECTION(" * n
    + "POINT(1 1)" + ")" * (n + 1),
    "casei": lambda n: "casei(" * n + "code" + ")" * n + " = 'x'",
}
# fmt: on


@pytest.mark.parametrize("kind", sorted(DEEP))
@pytest.mark.parametrize("levels", [200, 1_000, 3_000, 100_000])
def test_require_shallow_filter_refuses_deep_filters(
    client: TestClient, kind: str, levels: int
) -> None:
    text = DEEP[kind](levels)
    quoted = urllib.parse.quote(text)
    if len(quoted) < 60_000:
        for suffix in ("", "&filter-lang=cql2-json"):
            response = client.get("/ogc/collections/grids/items?filter=" + quoted + suffix)
            assert response.status_code == 422, response.text[:200]
            assert "levels deep" in response.text or "longer than" in response.text
    else:
        with pytest.raises(Exception, match="longer than"):
            require_shallow_filter(text)


_PARSE = """
import sys
from cql2 import Expr
for text in sys.stdin.read().splitlines():
    try:
        expression = Expr(text)
        expression.to_json()
        expression.to_sql()
    except Exception:
        pass
print("lives")
"""


def test_require_shallow_filter_limit_is_safe_for_parser() -> None:
    """Parse the deepest accepted filters in a separate process, which must not crash."""
    texts = []
    for make in DEEP.values():
        for levels in range(1, 110):
            text = make(levels)
            try:
                require_shallow_filter(text)
            except Exception:
                break
            texts.append(text)
    assert len(texts) > 400
    completed = subprocess.run(
        [sys.executable, "-c", _PARSE],
        input="\n".join(texts),
        text=True,
        capture_output=True,
        check=False,
    )
    assert completed.stdout.strip() == "lives", completed.stderr[-500:]


BODIES = {
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "NaN": b'{"cameras":[{"lon":NaN,"lat":31}]}',
    "infinity": b'{"cameras":[{"lon":Infinity,"lat":31}]}',
    "too large a number": b'{"cameras":[{"lon":1e999,"lat":31}]}',
    "too many digits": b'{"cameras":[{"lon":' + b"9" * 100_000 + b',"lat":31}]}',
    "a large integer": b'{"cameras":[{"lon":' + b"9" * 400 + b',"lat":31}]}',
    "NUL": b'{"name":"a\\u0000b","cameras":[{"lon":118,"lat":31}]}',
    "half a pair": b'{"name":"a\\ud800b","cameras":[{"lon":118,"lat":31}]}',
    "NUL in a key": b'{"na\\u0000me":"a","cameras":[{"lon":118,"lat":31}]}',
    "no UTF-8": b'{"name":"\xff","cameras":[{"lon":118,"lat":31}]}',
    "cut off": b'{"name":"a","cameras":[{"lon":118',
}


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_routes_refuse_bodies_that_cannot_be_stored(
    client: TestClient, demo_store: str, kind: str
) -> None:
    json_headers = {"Content-Type": "application/json"}
    for path in (
        "/api/v1/planning/what-if",
        "/api/v1/planning/views",
        "/api/v1/planning/sites",
        "/api/v1/scenarios",
    ):
        response = client.post(path, content=BODIES[kind], headers=json_headers)
        assert response.status_code in (400, 422), (path, response.text[:200])
        assert "detail" in response.json()
    assert client.put(
        "/api/v1/scenarios/1", content=BODIES[kind], headers=json_headers
    ).status_code in (400, 422)
    with connect(demo_store) as conn:
        name = f"edge {kind}"
        secret = make_token(conn, name, ["incidents:write", "status:write"], days=1)
        conn.commit()
    client.cookies.clear()
    for path in ("/api/v1/ingest/incidents", "/api/v1/ingest/camera-statuses"):
        response = client.post(
            path, content=BODIES[kind], headers={"Authorization": f"Bearer {secret}"}
        )
        assert response.status_code in (400, 422), (path, response.text[:200])


def test_what_if_refuses_non_finite_strings(client: TestClient) -> None:
    for value in ("nan", "inf", "-Infinity", "1e999"):
        for name in ("lon", "range_m", "bearing_deg", "height_m"):
            body = {"cameras": [CAMERA | {name: value}]}
            response = client.post("/api/v1/planning/what-if", json=body)
            assert response.status_code == 422, (name, value)


def test_sign_in_refuses_nul_and_broken_utf8(client: TestClient) -> None:
    client.cookies.clear()
    for body in (
        b"name=a%00b&password=x",
        b"name=a&password=%00",
        b"name=%ED%A0%80&password=x",
        b"name=\xff",
    ):
        response = client.post("/sign-in", content=body)
        assert response.status_code in (400, 401), body
        assert b"\x00" not in response.content


class _EndlessBody:
    """A practically endless body that counts the bytes read from it."""

    def __init__(self, part: bytes) -> None:
        self.part = part
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.size < 300 << 20:
            self.size += len(self.part)
            yield self.part


def test_routes_limit_the_size_of_bodies(client: TestClient, demo_store: str) -> None:
    """Bodies over the limit are refused, whether announced by length or sent in chunks."""
    cookies = sign_in(demo_store)
    for method, path, route in _routes(client):
        if method in ("GET", "DELETE"):
            continue
        policy = policy_of(route.dependencies)
        assert policy is not None
        assert policy.max_body in (LARGEST_FORM, LARGEST_JSON, LARGEST_UPLOAD)
        address = path.replace("{number}", "1").replace("{job}", "1")
        client.cookies.clear()
        if policy.sessions:
            client.cookies.update(cookies)
            headers = {"Content-Type": "application/json"}
        else:
            with connect(demo_store) as conn:
                secret = make_token(conn, f"body {path}", list(policy.scopes), days=1)
            headers = {"Authorization": f"Bearer {secret}"}
        body = _EndlessBody(b"[" * 65_536)
        response = client.request(method, address, content=body, headers=headers)
        if response.status_code in (200, 202, 404):
            assert path.endswith(("/cancel", "/refresh")), path  # routes that read no body
            continue
        assert response.status_code == 413, (
            method,
            path,
            response.status_code,
            response.text[:200],
        )
        announced_response = client.request(
            method,
            address,
            content=b"",
            headers=headers | {"Content-Length": str(policy.max_body + 1)},
        )
        assert announced_response.status_code == 413, (method, path, announced_response.status_code)
        assert "send less" in announced_response.json()["detail"]


def _status_and_reads(client: TestClient, method: str, path: str) -> tuple[int, int]:
    """Call the application directly; return the status and the number of body reads."""
    reads: list[int] = []
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        reads.append(1)
        return {"type": "http.request", "body": b"[" * 1000, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": b"",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"host", b"testserver"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        "state": {},
    }
    assert client.portal is not None
    client.portal.call(client.app, scope, receive, send)
    return messages[0]["status"], len(reads)


def test_routes_refuse_anonymous_requests_before_reading_body(client: TestClient) -> None:
    client.cookies.clear()
    requests_sent = 0
    for method, path, route in _routes(client):
        policy = policy_of(route.dependencies)
        assert policy is not None
        if method in ("GET", "DELETE") or policy.public:
            continue
        address = path.replace("{number}", "1").replace("{job}", "1")
        status, reads = _status_and_reads(client, method, address)
        assert status in (401, 303), address
        assert reads == 0, address
        requests_sent += 1
    assert requests_sent >= 12


def test_links_ignore_unknown_host_headers(demo_store: str) -> None:
    cookies = sign_in(demo_store)
    foreign_host = {"Host": "evil.example"}
    with TestClient(create_app(demo_store, Settings()), cookies=cookies) as client:
        for path in ("/tiles/cameras.json", "/ogc/", "/ogc/collections"):
            assert "evil.example" not in client.get(path, headers=foreign_host).text
            by_address = client.get(path, headers={"Host": "192.168.1.5:8765"})
            assert "http://192.168.1.5:8765/" in by_address.text
    settings = Settings(public_url="https://gis.example.gov")
    with TestClient(create_app(demo_store, settings), follow_redirects=False) as client:
        client.cookies.update(cookies)
        tilejson = json.dumps(client.get("/tiles/cameras.json", headers=foreign_host).json())
        assert "https://gis.example.gov/tiles/" in tilejson
        assert "evil" not in tilejson
        for origin, status in (
            ("https://gis.example.gov", 401),
            ("http://gis.example.gov", 403),
            ("https://evil.example", 403),
        ):
            form = {"name": "x", "password": "y"}
            response = client.post("/sign-in", data=form, headers={"Origin": origin})
            assert response.status_code == status, origin
        response = client.post("/sign-in", data=form, headers={"Origin": "https://evil.example"})
        assert "GRIDCOVER_PUBLIC_URL" in response.text
