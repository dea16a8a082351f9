"""Requests that no client of ours sends: NUL, half characters, numbers that are none, deep and large bodies."""

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
    ) as found:
        yield found


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
            for prefix, one in (("", app), (PREFIX, ogc))
            for route in api_routes(one)
            for method in route.methods
        ),
        key=lambda row: row[:2],
    )


UNREADABLE = ("%00", "a%00b", "%ED%A0%80", "%FF", "%C3%28")


@pytest.mark.parametrize(
    "text", [*UNREADABLE[:1], *(pytest.param(t, marks=pytest.mark.deep) for t in UNREADABLE[1:])]
)
def test_unreadable_text_in_every_path_and_query(client: TestClient, text: str) -> None:
    asked = 0
    for method, path, route in _routes(client):
        places = []
        if "{" in path:
            filled = path
            while "{" in filled:
                filled = filled[: filled.index("{")] + text + filled[filled.index("}") + 1 :]
            places.append(filled)
        plain = path
        for name in ("{z}", "{x}", "{y}", "{job}", "{number}"):
            plain = plain.replace(name, "1")
        while "{" in plain:
            plain = plain[: plain.index("{")] + "x" + plain[plain.index("}") + 1 :]
        names = {p.alias for p in route.dependant.query_params} | {"lang", "filter", "other"}
        places += [f"{plain}?{name}={text}" for name in sorted(names)] + [f"{plain}?{text}=1"]
        for place in places:
            answer = client.request(method, place)
            asked += 1
            assert answer.status_code == 400, (method, place, answer.status_code)
            assert answer.json()["title"] == "unreadable address"
    assert asked > 300


def test_unreadable_text_leaves_the_audit_log_of_others_alone(
    client: TestClient, demo_store: str
) -> None:
    other = sign_in(demo_store)
    for _ in range(5):
        assert client.get("/api/v1/cameras/%00").status_code == 400
        client.cookies.clear()
        client.cookies.update(other)
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
def test_a_box_without_numbers(client: TestClient, box: str) -> None:
    quoted = urllib.parse.quote(box)
    for layer in ("grids", "cameras"):
        for place in ("items", "tiles/WebMercatorQuad/14/13565/6703"):
            answer = client.get(f"/ogc/collections/{layer}/{place}?bbox={quoted}")
            assert answer.status_code == 422 or (not box and answer.status_code == 200), answer.text
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
def test_numbers_that_are_none_in_every_query(client: TestClient, number: str) -> None:
    """Each numeric parameter of each route that reads: refused or ignored, never an error of ours."""
    asked = 0
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
            answer = client.get(f"{path}?{parameter.alias}={number}")
            asked += 1
            assert answer.status_code < 500, (path, parameter.alias, answer.text[:200])
    assert asked > 60


@pytest.mark.parametrize(
    "address", ["99999999999/0/0", "3/99999999999999999999/0", "30/-1/0", "3/0/-5", "400/1/1"]
)
def test_tiles_outside_every_pyramid(client: TestClient, address: str) -> None:
    for place in (
        f"/ogc/collections/grids/tiles/WebMercatorQuad/{address}",
        f"/tiles/cameras/{address}.pbf",
    ):
        assert client.get(place).status_code in (404, 422), place


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
    "json": lambda n: '{"op":"not","args":[' * n + '{"op":"isNull","args":[{"property":"code"}]}' + "]}" * n,
    "collections": lambda n: "s_intersects(geometry, " + "GEOMETRYCOLLECTION(" * n + "POINT(1 1)" + ")" * (n + 1),
    "casei": lambda n: "casei(" * n + "code" + ")" * n + " = 'x'",
}
# fmt: on


@pytest.mark.parametrize("kind", sorted(DEEP))
@pytest.mark.parametrize("levels", [200, 1_000, 3_000, 100_000])
def test_deep_filters_are_refused_before_they_are_parsed(
    client: TestClient, kind: str, levels: int
) -> None:
    text = DEEP[kind](levels)
    quoted = urllib.parse.quote(text)
    if len(quoted) < 60_000:
        for more in ("", "&filter-lang=cql2-json"):
            answer = client.get("/ogc/collections/grids/items?filter=" + quoted + more)
            assert answer.status_code == 422, answer.text[:200]
            assert "levels deep" in answer.text or "longer than" in answer.text
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


def test_the_deepest_filter_that_passes_leaves_the_parser_alive() -> None:
    """The limits are below what the native parser bears: tried in a process of its own."""
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
    done = subprocess.run(
        [sys.executable, "-c", _PARSE],
        input="\n".join(texts),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.stdout.strip() == "lives", done.stderr[-500:]


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
def test_bodies_that_no_database_can_store(client: TestClient, demo_store: str, kind: str) -> None:
    json_type = {"Content-Type": "application/json"}
    for path in (
        "/api/v1/planning/what-if",
        "/api/v1/planning/views",
        "/api/v1/planning/sites",
        "/api/v1/scenarios",
    ):
        answer = client.post(path, content=BODIES[kind], headers=json_type)
        assert answer.status_code in (400, 422), (path, answer.text[:200])
        assert "detail" in answer.json()
    assert client.put(
        "/api/v1/scenarios/1", content=BODIES[kind], headers=json_type
    ).status_code in (400, 422)
    with connect(demo_store) as conn:
        name = f"edge {kind}"
        secret = make_token(conn, name, ["incidents:write", "status:write"], days=1)
        conn.commit()
    client.cookies.clear()
    for path in ("/api/v1/ingest/incidents", "/api/v1/ingest/camera-statuses"):
        answer = client.post(
            path, content=BODIES[kind], headers={"Authorization": f"Bearer {secret}"}
        )
        assert answer.status_code in (400, 422), (path, answer.text[:200])


def test_strings_that_stand_for_numbers_that_are_none(client: TestClient) -> None:
    for value in ("nan", "inf", "-Infinity", "1e999"):
        for name in ("lon", "range_m", "bearing_deg", "height_m"):
            body = {"cameras": [CAMERA | {name: value}]}
            assert client.post("/api/v1/planning/what-if", json=body).status_code == 422, (
                name,
                value,
            )


def test_forms_with_nul_and_half_characters(client: TestClient) -> None:
    client.cookies.clear()
    for body in (
        b"name=a%00b&password=x",
        b"name=a&password=%00",
        b"name=%ED%A0%80&password=x",
        b"name=\xff",
    ):
        answer = client.post("/sign-in", content=body)
        assert answer.status_code in (400, 401), body
        assert b"\x00" not in answer.content


class _Counted:
    """A body without an end, that counts what was read of it."""

    def __init__(self, part: bytes) -> None:
        self.part = part
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.size < 300 << 20:
            self.size += len(self.part)
            yield self.part


def test_every_route_bounds_its_body(client: TestClient, demo_store: str) -> None:
    """Announced by its length or sent in parts: refused by the time the limit is reached."""
    cookies = sign_in(demo_store)
    for method, path, route in _routes(client):
        if method in ("GET", "DELETE"):
            continue
        policy = policy_of(route.dependencies)
        assert policy is not None
        assert policy.max_body in (LARGEST_FORM, LARGEST_JSON, LARGEST_UPLOAD)
        place = path.replace("{number}", "1").replace("{job}", "1")
        client.cookies.clear()
        if policy.sessions:
            client.cookies.update(cookies)
            headers = {"Content-Type": "application/json"}
        else:
            with connect(demo_store) as conn:
                secret = make_token(conn, f"body {path}", list(policy.scopes), days=1)
            headers = {"Authorization": f"Bearer {secret}"}
        body = _Counted(b"[" * 65_536)
        answer = client.request(method, place, content=body, headers=headers)
        if answer.status_code in (200, 202, 404):
            assert path.endswith(("/cancel", "/refresh")), path  # routes that read no body
            continue
        assert answer.status_code == 413, (method, path, answer.status_code, answer.text[:200])
        announced = client.request(
            method,
            place,
            content=b"",
            headers=headers | {"Content-Length": str(policy.max_body + 1)},
        )
        assert announced.status_code == 413, (method, path, announced.status_code)
        assert "send less" in announced.json()["detail"]


def _status_and_reads(client: TestClient, method: str, path: str) -> tuple[int, int]:
    """Ask over a bare connection; return the status, and how often the body was asked for."""
    reads: list[int] = []
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        reads.append(1)
        return {"type": "http.request", "body": b"[" * 1000, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

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
    return sent[0]["status"], len(reads)


def test_nobody_is_answered_before_a_body_is_read(client: TestClient) -> None:
    client.cookies.clear()
    asked = 0
    for method, path, route in _routes(client):
        policy = policy_of(route.dependencies)
        assert policy is not None
        if method in ("GET", "DELETE") or policy.public:
            continue
        place = path.replace("{number}", "1").replace("{job}", "1")
        status, reads = _status_and_reads(client, method, place)
        assert status in (401, 303), place
        assert reads == 0, place
        asked += 1
    assert asked >= 12


def test_other_hosts_in_links(demo_store: str) -> None:
    cookies = sign_in(demo_store)
    evil = {"Host": "evil.example"}
    with TestClient(create_app(demo_store, Settings()), cookies=cookies) as client:
        for path in ("/tiles/cameras.json", "/ogc/", "/ogc/collections"):
            assert "evil.example" not in client.get(path, headers=evil).text
            assert (
                "http://192.168.1.5:8765/"
                in client.get(path, headers={"Host": "192.168.1.5:8765"}).text
            )
    public = Settings(public_url="https://gis.example.gov")
    with TestClient(create_app(demo_store, public), follow_redirects=False) as client:
        client.cookies.update(cookies)
        told = json.dumps(client.get("/tiles/cameras.json", headers=evil).json())
        assert "https://gis.example.gov/tiles/" in told
        assert "evil" not in told
        for origin, status in (
            ("https://gis.example.gov", 401),
            ("http://gis.example.gov", 403),
            ("https://evil.example", 403),
        ):
            form = {"name": "x", "password": "y"}
            answer = client.post("/sign-in", data=form, headers={"Origin": origin})
            assert answer.status_code == status, origin
        answer = client.post("/sign-in", data=form, headers={"Origin": "https://evil.example"})
        assert "GRIDCOVER_PUBLIC_URL" in answer.text
