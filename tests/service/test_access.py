"""Tests of access: authentication, row-level scopes, sessions and the audit log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import shapely
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from geo.settings import Settings
from geo.store.connection import connect, make_pool
from geo.store.ogc_views import OGC_VIEWS
from geo.store.queries.audit import (
    AuditCheck,
    append_audit_entry,
    check_audit,
    prune_audit,
    read_audit_entries,
)
from geo.store.queries.exports import EXPORT_NAMES
from geo.store.queries.tiles import TILE_SETS
from geo.store.queries.users import FREE_FAILURES, add_user
from geo.store.scope import set_scope
from service.api.ogc import PREFIX
from service.app import create_app
from service.auth.forms import safe_redirect_path
from service.auth.passwords import hash_password
from service.auth.permissions import RIGHTS
from service.auth.sessions import COOKIE
from tests.support.commands import CommandResult
from tests.support.service import sign_in
from tests.support.waiting import wait_until

OWN_AREA, OTHER_AREA = "990101002", "990101001"
OPEN = {
    "/static/dashboard.js",
    "/static/jobs.js",
    "/static/maps.css",
    "/static/maps.js",
    "/static/setup.js",
    "/static/video_wall.js",
    "/sign-in",
    "/sign-in/provider",
    "/sign-in/provider/done",
    "/healthz",
    "/readyz",
}
PASSWORD = "a good long password"


@pytest.fixture(scope="module")
def app_client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), follow_redirects=False) as test_client:
        yield test_client


def routes(client: TestClient) -> list[tuple[str, str]]:
    """Return method and path of every route, including those missing from OpenAPI."""
    app: Any = client.app
    declared: set[tuple[str, str]] = set()
    for prefix, application in (
        ("", app),
        (PREFIX, next(r.app for r in app.routes if getattr(r, "path", "") == PREFIX)),
    ):
        api_routes = []
        routers = list(application.routes)
        while routers:
            route = routers.pop()
            if hasattr(route, "original_router"):
                routers += route.original_router.routes
            elif isinstance(route, APIRoute):
                api_routes.append(route)
        declared |= {
            (method, prefix + route.path.replace(":path}", "}"))
            for route in api_routes
            for method in route.methods
        }
    documented = {
        (m.upper(), path) for path, operations in app.openapi()["paths"].items() for m in operations
    }
    assert documented <= declared
    return sorted(declared)


def expand_path(path: str, area: str, grid: str, camera: str) -> list[str]:
    """Return the addresses of a path for every tile set, export layer and collection."""
    path = path.replace("{z}", "14").replace("{x}", "13565").replace("{y}", "6703")
    path = path.replace("{code}", camera if "/cameras/" in path else grid).replace("{form}", "csv")
    path = (
        path.replace("{job}", "1")
        .replace("{number}", "1")
        .replace("{tileMatrixSetId}", "WebMercatorQuad")
        .replace("{itemId}", grid)
    )
    addresses = [path]
    for placeholder, values in (
        ("{name}", TILE_SETS),
        ("{layer}", EXPORT_NAMES),
        ("{collectionId}", OGC_VIEWS),
    ):
        addresses = [
            address.replace(placeholder, value)
            for address in addresses
            for value in (values if placeholder in address else [""])
        ]
    return addresses


# fmt: off
QUERIES = (
    "", "?area={area}&level=grid", "?area={area}&level=community", "?level=district", "?level=grid",
    "?from=2026-01&until=2026-12", "?from=2026-01&until=2026-12&level=grid", "?grid={grid}",
    "?limit=10000", "?layer=cameras&area={area}", "?from=2026-01&until=2026-12&area={area}",
    "?q={area}", "?id=1", "?by=risk&area={area}&limit=1000", "?kind=hot_spot", "?kind=emerging",
    "?measure=risk",
)
# fmt: on


def test_routes_refuse_requests_without_a_session(app_client: TestClient) -> None:
    app_client.cookies.clear()
    checked = 0
    for method, path in routes(app_client):
        address = expand_path(path, OTHER_AREA, f"{OTHER_AREA}001001", "x")[0]
        response = app_client.request(method, address)
        if path in OPEN:
            assert response.status_code in (200, 400, 401, 404), path
            continue
        checked += 1
        if response.status_code == 303:
            assert response.headers["location"].startswith("/sign-in?next="), path
        else:
            assert response.status_code == 401, (path, response.status_code)
            assert response.headers["content-type"] == "application/problem+json"
    assert checked > 30
    app_client.cookies.set(COOKIE, "made up")
    assert app_client.get("/api/v1/grids").status_code == 401
    app_client.cookies.clear()


@pytest.fixture(scope="module")
def protected(demo_store: str) -> dict[str, Any]:
    """Return codes and names outside the own area, which must never appear in a response."""
    with connect(demo_store) as conn:
        own_area = conn.execute(
            "SELECT ST_AsBinary(geometry) FROM areas WHERE code = %s", (OWN_AREA,)
        ).fetchone()
        cameras = conn.execute(
            "SELECT code FROM cameras c WHERE NOT ST_Intersects(c.geometry, "
            "(SELECT geometry FROM areas WHERE code = %s))",
            (OWN_AREA,),
        ).fetchall()
        grids = conn.execute(
            "SELECT code FROM grids WHERE NOT starts_with(code, %s)", (OWN_AREA,)
        ).fetchall()
        heads = conn.execute(
            "SELECT s.name FROM grid_staff s WHERE NOT starts_with(grid, %s) EXCEPT "
            "SELECT s.name FROM grid_staff s WHERE starts_with(grid, %s)",
            (OWN_AREA, OWN_AREA),
        ).fetchall()
    assert own_area is not None
    return {
        "shape": shapely.from_wkb(bytes(own_area[0])).buffer(1e-4),
        "cameras": {row[0] for row in cameras},
        "grids": {row[0] for row in grids},
        "heads": {row[0] for row in heads},
    }


@pytest.mark.parametrize("role", sorted(RIGHTS))
def test_routes_return_no_rows_of_other_areas(
    app_client: TestClient, demo_store: str, protected: dict[str, Any], role: str
) -> None:
    app_client.cookies.clear()
    app_client.cookies.update(sign_in(demo_store, role, OWN_AREA))
    grid, camera = min(protected["grids"]), min(protected["cameras"])
    checked = 0
    app: Any = app_client.app
    document = app.openapi()["paths"]
    ogc = next(r.app for r in app.routes if getattr(r, "path", "") == PREFIX)
    document |= {
        PREFIX + base_path: operations for base_path, operations in ogc.openapi()["paths"].items()
    }
    for method, path in routes(app_client):
        # The event stream never ends; `test_live.py` tests its scope.
        if method != "GET" or path == "/api/v1/events":
            continue
        parameters = document.get(path, {}).get("get", {}).get("parameters", [])
        parameter_names = {parameter["name"] for parameter in parameters}
        queries = [q for q in QUERIES if set(re.findall(r"(\w+)=", q)) <= parameter_names]
        for address in (
            base_path + query.format(area=OTHER_AREA, grid=grid)
            for base_path in expand_path(path, OTHER_AREA, grid, camera)
            for query in queries
        ):
            response = app_client.get(address)
            assert response.status_code < 500, address
            if response.status_code != 200 or path.startswith(
                ("/static", "/openapi", "/docs", "/audit", "/ogc/api")
            ):
                continue
            checked += 1
            body = response.content.decode("utf-8", "replace")
            # Pages repeat the query; only codes that were not part of the request count.
            body = body.replace(f"area={OTHER_AREA}", "").replace(address, "")
            codes = set(re.findall(r"\d{9,20}", body))
            assert not codes & protected["cameras"], address
            assert not {
                code
                for code in codes
                if code.startswith("99010100")
                and len(code) in (9, 12, 15)
                and not code.startswith(OWN_AREA)
            }, address
            assert not set(re.findall(r'"([^"]+)"', body)) & protected["heads"], address
            if "json" in response.headers.get("content-type", "") and '"features"' in body:
                for feature in response.json()["features"]:
                    coordinates = (feature["geometry"] or {}).get("coordinates")
                    if coordinates and path != "/api/v1/spatial-statistics/contours":
                        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
                        assert shape.intersects(protected["shape"]), address
            if path == "/api/v1/incidents/points":
                for lat, lon, _ in response.json()["points"]:
                    assert protected["shape"].intersects(shapely.Point(lon, lat)), address
    assert checked >= (2 if role == "auditor" else 10)


def test_routes_return_all_rows_of_own_areas(app_client: TestClient, demo_store: str) -> None:
    app_client.cookies.clear()
    app_client.cookies.update(sign_in(demo_store, "planner", OWN_AREA))
    with connect(demo_store) as conn:
        counts = conn.execute(
            "SELECT (SELECT count(*) FROM grids WHERE starts_with(code, %(mine)s)), (SELECT "
            "count(*) FROM cameras c, areas a WHERE a.code = %(mine)s AND "
            "ST_Intersects(a.geometry, c.geometry)), (SELECT sum(count) FROM grid_incidents WHERE "
            "starts_with(grid, %(mine)s))",
            {"mine": OWN_AREA},
        ).fetchone()
    assert counts is not None
    grids = app_client.get("/api/v1/grids").json()["features"]
    assert len(grids) == counts[0]
    assert len(app_client.get("/api/v1/cameras").json()["features"]) == counts[1]
    density = app_client.get("/api/v1/incidents/density?from=2020-01&until=2027-01").json()
    assert density["total"] == counts[2]
    dashboard = app_client.get("/api/v1/dashboard?level=community").json()
    assert dashboard["area"]["figures"]["grids"]["numerator"] == counts[0]
    # Sums cover the own areas only, not the whole run.
    with connect(demo_store) as conn:
        cameras_used = conn.execute(
            "SELECT count(*), avg(v.assumed::integer)::float8 FROM camera_views v "
            "JOIN cameras c ON c.code = v.camera JOIN areas a ON a.code = %s AND "
            "ST_Intersects(a.geometry, c.geometry)",
            (OWN_AREA,),
        ).fetchone()
    assert cameras_used is not None
    coverage = app_client.get("/api/v1/coverage/cameras").json()
    assert coverage == {"cameras": cameras_used[0], "assumed_share": pytest.approx(cameras_used[1])}
    assert 0 < coverage["cameras"] < 1000


def test_make_pool_reader_without_scope_sees_no_protected_rows(demo_store: str) -> None:
    """Row-level security protects rows even if a query omits its condition."""
    pool = make_pool(demo_store, size=1)
    pool.open(wait=True)
    counts: dict[str, int] = {}
    with connect(demo_store) as conn:
        tables = [
            row[0]
            for row in conn.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'gridcover'::regnamespace "
                "AND relkind IN ('r', 'v', 'm')"
            ).fetchall()
        ]
    forbidden = set()
    for table in tables:
        with pool.connection() as conn:
            try:
                row = conn.execute(f'SELECT count(*) FROM "{table}"').fetchone()
                assert row is not None
                counts[table] = row[0]
            except psycopg.errors.InsufficientPrivilege:
                forbidden.add(table)
                conn.rollback()
    # fmt: off
    assert forbidden == {
        "users", "sessions", "audit", "audit_anchor", "api_tokens", "feed_batches", "webhooks",
        "webhook_deliveries", "store_identity", "changes", "change_sets", "changed_rows", "jobs",
        "uploads", "provider_sign_ins", "procrastinate_jobs",
        "procrastinate_events", "procrastinate_periodic_defers", "procrastinate_workers",
    }
    # fmt: on
    assert {table for table, count in counts.items() if count} == {
        "buildings",
        "streets",
        "landcover",
        "runs",
        "latest_run",
        "board_state",
        "migrations",
        "queue_migrations",
    }
    assert len(counts) > 30
    # A scope is valid for its transaction only.
    with pool.connection() as conn:
        set_scope(conn, ("*",))
        camera_count = conn.execute("SELECT count(*) FROM cameras").fetchone()
        conn.rollback()
        assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (0,)
        assert camera_count == (1500,)
        set_scope(conn, (f"{OWN_AREA}001001",))
        assert conn.execute("SELECT array_agg(code) FROM grids").fetchone() == (
            [f"{OWN_AREA}001001"],
        )
        with pytest.raises(psycopg.errors.Error):
            conn.execute("UPDATE cameras SET name = 'x'")
    pool.close()


@pytest.fixture
def client(store: str) -> Iterator[TestClient]:
    with connect(store) as conn:
        add_user(conn, "Li Wei", hash_password(PASSWORD), "planner", ["*"])
    with TestClient(create_app(store, Settings()), follow_redirects=False) as test_client:
        yield test_client


def post_sign_in(client: TestClient, name: str, password: str, **fields: str) -> Any:
    return client.post("/sign-in", data={"name": name, "password": password, **fields})


def test_sign_in_opens_and_sign_out_ends_a_session(client: TestClient, store: str) -> None:
    redirect = client.get("/maps/coverage?lang=en")
    assert redirect.headers["location"] == "/sign-in?next=%2Fmaps%2Fcoverage%3Flang%3Den"
    page = client.get(redirect.headers["location"])
    assert 'value="/maps/coverage?lang=en"' in page.text
    signed_in = post_sign_in(client, "li wei", PASSWORD, next="/maps/coverage?lang=en")
    assert signed_in.status_code == 303
    assert signed_in.headers["location"] == "/maps/coverage?lang=en"
    cookie = signed_in.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    map_page = client.get("/maps/coverage?lang=en")
    assert "Li Wei" in map_page.text
    assert map_page.headers["cache-control"] == "no-store"
    secret = client.cookies[COOKIE]
    with connect(store) as conn:
        assert conn.execute(
            "SELECT count(*) FROM sessions WHERE digest = %s", (secret.encode(),)
        ).fetchone() == (0,)
    # Forms of other sites or with a foreign CSRF token do not end the session.
    assert client.post("/sign-out", data={"csrf": "guess"}).status_code == 403
    csrf = re.search(r'name="csrf" value="([^"]+)"', map_page.text).group(1)  # type: ignore[union-attr]
    foreign_origin = {"Origin": "https://evil.example"}
    assert client.post("/sign-out", data={"csrf": csrf}, headers=foreign_origin).status_code == 403
    assert client.get("/account").status_code == 200
    assert client.post("/sign-out", data={"csrf": csrf}).status_code == 303
    client.cookies.set(COOKIE, secret)
    assert client.get("/account").status_code == 303


def test_sign_in_locks_account_and_reveals_nothing(client: TestClient, store: str) -> None:
    wrong = post_sign_in(client, "Li Wei", "wrong password")
    unknown = post_sign_in(client, "Nobody Such", "wrong password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text == unknown.text
    for _ in range(FREE_FAILURES - 1):
        post_sign_in(client, "Li Wei", "wrong password")
    locked = post_sign_in(client, "Li Wei", PASSWORD)
    assert locked.status_code == 401
    assert locked.text == wrong.text
    with connect(store) as conn:
        conn.execute("UPDATE users SET locked_until = now()")
    assert post_sign_in(client, "Li Wei", PASSWORD).status_code == 303
    with connect(store) as conn:
        results = [row["detail"]["result"] for row in read_audit_entries(conn, 20)]
    assert results == [
        "signed in",
        "locked",
        *["wrong password"] * 4,
        "unknown name",
        "wrong password",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "",
    ],
)
def test_safe_redirect_path_rejects_foreign_addresses(path: str) -> None:
    assert safe_redirect_path(path) == "/"


def test_session_ends_when_expired_idle_or_disabled(client: TestClient, store: str) -> None:
    for statement in (
        "UPDATE sessions SET expires_at = now()",
        "UPDATE sessions SET seen_at = now() - interval '3 hours'",
        "UPDATE users SET disabled_at = now()",
    ):
        post_sign_in(client, "Li Wei", PASSWORD)
        assert client.get("/account").status_code == 200
        with connect(store) as conn:
            conn.execute(statement.encode())
        assert client.get("/account").status_code == 303, statement
    assert post_sign_in(client, "Li Wei", PASSWORD).status_code == 401


def test_account_changes_password_and_ends_old_session(client: TestClient, store: str) -> None:
    post_sign_in(client, "Li Wei", PASSWORD)
    other_cookies = sign_in(store, "planner")
    page = client.get("/account").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page).group(1)  # type: ignore[union-attr]
    old_session = client.cookies[COOKIE]

    def change_password(
        current: str, new: str, repeated: str | None = None, token: str = csrf
    ) -> int:
        fields = {"present": current, "new": new, "again": repeated or new, "csrf": token}
        return int(client.post("/account", data=fields).status_code)

    assert change_password(PASSWORD, "another long one", token="guess") == 403
    assert change_password(PASSWORD, "short") == 422
    assert change_password(PASSWORD, "another long one", "and another") == 422
    assert change_password("not this one", "another long one") == 422
    assert change_password(PASSWORD, "another long one") == 200
    assert client.get("/account").status_code == 200
    client.cookies.clear()
    client.cookies.set(COOKIE, old_session)
    assert client.get("/account").status_code == 303
    client.cookies.clear()
    client.cookies.update(other_cookies)
    assert client.get("/account").status_code == 200
    assert post_sign_in(client, "Li Wei", "another long one").status_code == 303


def test_pages_and_navigation_follow_the_rights_of_roles(
    app_client: TestClient, demo_store: str
) -> None:
    pages = {
        "coverage": "/maps/coverage",
        "incidents": "/maps/incidents",
        "data_quality": "/maps/data-quality",
        "dashboard": "/dashboard",
        "audit": "/audit",
    }
    for role, rights in RIGHTS.items():
        app_client.cookies.clear()
        app_client.cookies.update(sign_in(demo_store, role))
        for right, path in pages.items():
            response = app_client.get(path)
            assert response.status_code == (200 if right in rights else 403), (role, path)
            if right in rights:
                links = set(
                    re.findall(r'href="(/maps/[\w-]+|/dashboard|/audit)\?lang', response.text)
                )
                assert links == {pages[r] for r in rights if r in pages}, role
        home = app_client.get("/").headers["location"]
        assert app_client.get(home).status_code == 200
    app_client.cookies.clear()
    app_client.cookies.update(sign_in(demo_store, "auditor", OWN_AREA))
    assert app_client.get("/audit").status_code == 403


def test_cameras_of_coarse_roles_are_rounded(demo_store: str) -> None:
    settings = Settings(coarse_roles=["analyst"])
    with TestClient(
        create_app(demo_store, settings), cookies=sign_in(demo_store, "analyst")
    ) as client:
        features = client.get("/api/v1/cameras").json()["features"]
        assert len(features) == 1500
        for feature in features:
            for x in feature["geometry"]["coordinates"]:
                assert abs(x / 0.002 - round(x / 0.002)) < 1e-6
            assert "bearing_deg" not in feature["properties"]
        code = features[0]["properties"]["code"]
        assert client.get(f"/api/v1/cameras/{code}").status_code == 403
        assert client.get("/tiles/views/14/13565/6703.pbf").status_code == 403
        assert client.get("/tiles/base/14/13565/6703.pbf").status_code == 200
        assert '"views": false' in client.get("/maps/coverage").text


def test_audit_records_views_of_pages_data_and_tiles(store: str) -> None:
    settings = Settings()
    with TestClient(create_app(store, settings), cookies=sign_in(store, "planner")) as client:
        client.get("/api/v1/cameras?limit=3")
        client.get("/maps/coverage")
        for x in range(3):
            client.get(f"/tiles/views/3/{x}/3.pbf")
        client.get("/audit")
    with connect(store) as conn:
        rows = read_audit_entries(conn, 10)[::-1]
        assert [(r["action"], r["object"], r["detail"].get("status")) for r in rows] == [
            ("viewed", "/api/v1/cameras", 200),
            ("viewed", "/maps/coverage", 200),
            ("viewed", "/tiles/views", 200),
            ("viewed", "/audit", 403),
        ]
        assert rows[0]["detail"]["query"] == "limit=3"
        assert rows[0]["actor"].startswith("planner-")
        assert check_audit(conn) == AuditCheck(4, None, 0, None)


def test_audit_failure_refuses_the_request(store: str) -> None:
    with TestClient(create_app(store, Settings()), cookies=sign_in(store, "planner")) as client:
        assert client.get("/api/v1/areas").status_code == 200
        with connect(store) as conn:
            conn.execute("ALTER TABLE audit ADD CONSTRAINT never CHECK (false) NOT VALID")
        response = client.get("/api/v1/areas")
    assert response.status_code == 503
    assert response.json()["title"] == "not recorded"


def test_check_audit_detects_tampering_after_pruning_too(store: str) -> None:
    with connect(store) as conn:
        for k in range(6):
            append_audit_entry(
                conn, actor="a", role="", address="", action="x", object_=str(k), detail={"k": k}
            )
        conn.commit()
        assert check_audit(conn) == AuditCheck(6, None, 0, None)
        for statement in (
            "UPDATE audit SET actor = 'b'",
            "DELETE FROM audit WHERE id = 3",
            "TRUNCATE audit",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
                conn.execute(statement.encode())
            conn.rollback()
        # The owner of the database can disable the triggers; the hash chain shows it.
        for statement, first_broken in (
            ("UPDATE audit SET actor = 'b' WHERE id = 3", 3),
            ("DELETE FROM audit WHERE id = 3", 4),
            ("UPDATE audit SET detail = '{}', digest = sha256('x') WHERE id = 6", 6),
        ):
            conn.execute("ALTER TABLE audit DISABLE TRIGGER USER")
            conn.execute(statement.encode())
            assert check_audit(conn).broken == first_broken, statement
            conn.rollback()
        conn.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        conn.execute("UPDATE audit SET at = at - interval '2000 days' WHERE id <= 4")
        conn.rollback()
        assert prune_audit(conn, 1) == 0
        wait_until(
            lambda: (
                conn.execute("SELECT clock_timestamp() > max(at) FROM audit").fetchone() == (True,)
            )
        )
        assert prune_audit(conn, 0) == 6
        append_audit_entry(conn, actor="a", role="", address="", action="x", object_="later")
        conn.commit()
        assert check_audit(conn) == AuditCheck(1, None, 0, None)
        assert read_audit_entries(conn, 5)[0]["id"] == 7


def test_user_command_manages_accounts_and_is_audited(
    run: Callable[..., CommandResult], store: str
) -> None:
    added = run("user", "add", "Zhao", "--role", "commander", "--everywhere")
    assert added.returncode == 0
    password = added.stdout.strip()
    assert len(password) == 24
    assert "already" in run("user", "add", "zhao", "--role", "planner", "--everywhere").stderr
    assert "no role" in run("user", "add", "x", "--role", "king", "--everywhere").stderr
    assert "needs an area" in run("user", "add", "x", "--role", "planner").stderr
    assert "no area 1" in run("user", "add", "x", "--role", "planner", "--area", "1").stderr
    (row,) = json.loads(run("user", "list", "--json").stdout)
    assert (row["name"], row["role"], row["areas"]) == ("Zhao", "commander", ["*"])
    with TestClient(create_app(store, Settings()), follow_redirects=False) as client:
        assert post_sign_in(client, "Zhao", password).status_code == 303
        new_password = run("user", "password", "Zhao").stdout.strip()
        assert client.get("/account").status_code == 303
        assert post_sign_in(client, "Zhao", password).status_code == 401
        assert post_sign_in(client, "Zhao", new_password).status_code == 303
        assert run("user", "remove", "Zhao").returncode == 0
        assert client.get("/account").status_code == 303
    assert run("user", "remove", "Zhao").returncode == 1
    verification = run("audit", "verify")
    assert "the chain is intact" in verification.stdout
    entries = json.loads(run("audit", "list", "--json").stdout)
    assert [r["action"] for r in entries][-1] == "user added"
    assert all(password not in json.dumps(r) and new_password not in json.dumps(r) for r in entries)
    with connect(store) as conn:
        conn.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        conn.execute("UPDATE audit SET actor = 'someone else' WHERE id = 2")
    failed_verification = run("audit", "verify")
    assert failed_verification.returncode == 1
    assert "entry 2" in failed_verification.stderr
