"""Doors: who may enter, whose rows they see, and what is on record."""

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

MINE, THEIRS = "990101002", "990101001"
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
    with TestClient(create_app(demo_store, Settings()), follow_redirects=False) as found:
        yield found


def routes(client: TestClient) -> list[tuple[str, str]]:
    """Method and path of every route, those that the OpenAPI document leaves out among them."""
    app: Any = client.app
    walked: set[tuple[str, str]] = set()
    for prefix, one in (
        ("", app),
        (PREFIX, next(r.app for r in app.routes if getattr(r, "path", "") == PREFIX)),
    ):
        found = []
        routers = list(one.routes)
        while routers:
            route = routers.pop()
            if hasattr(route, "original_router"):
                routers += route.original_router.routes
            elif isinstance(route, APIRoute):
                found.append(route)
        walked |= {
            (method, prefix + route.path.replace(":path}", "}"))
            for route in found
            for method in route.methods
        }
    listed = {(m.upper(), path) for path, ways in app.openapi()["paths"].items() for m in ways}
    assert listed <= walked
    return sorted(walked)


def filled(path: str, area: str, grid: str, camera: str) -> list[str]:
    """Addresses of a path: every set of tiles, every collection, with the neighbour's codes."""
    path = path.replace("{z}", "14").replace("{x}", "13565").replace("{y}", "6703")
    path = path.replace("{code}", camera if "/cameras/" in path else grid).replace("{form}", "csv")
    path = (
        path.replace("{job}", "1")
        .replace("{number}", "1")
        .replace("{tileMatrixSetId}", "WebMercatorQuad")
        .replace("{itemId}", grid)
    )
    out = [path]
    for part, values in (
        ("{name}", TILE_SETS),
        ("{layer}", EXPORT_NAMES),
        ("{collectionId}", OGC_VIEWS),
    ):
        out = [
            one.replace(part, value) for one in out for value in (values if part in one else [""])
        ]
    return out


# fmt: off
QUERIES = (
    "", "?area={area}&level=grid", "?area={area}&level=community", "?level=district", "?level=grid",
    "?from=2026-01&until=2026-12", "?from=2026-01&until=2026-12&level=grid", "?grid={grid}", "?limit=10000",
    "?layer=cameras&area={area}", "?from=2026-01&until=2026-12&area={area}", "?q={area}", "?id=1",
    "?by=risk&area={area}&limit=1000", "?kind=hot_spot", "?kind=emerging", "?measure=risk",
)
# fmt: on


def test_nobody_sees_anything(app_client: TestClient) -> None:
    app_client.cookies.clear()
    walked = 0
    for method, path in routes(app_client):
        place = filled(path, THEIRS, f"{THEIRS}001001", "x")[0]
        answer = app_client.request(method, place)
        if path in OPEN:
            assert answer.status_code in (200, 400, 401, 404), path
            continue
        walked += 1
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/sign-in?next="), path
        else:
            assert answer.status_code == 401, (path, answer.status_code)
            assert answer.headers["content-type"] == "application/problem+json"
    assert walked > 30
    app_client.cookies.set(COOKIE, "made up")
    assert app_client.get("/api/v1/grids").status_code == 401
    app_client.cookies.clear()


@pytest.fixture(scope="module")
def secrets_of_theirs(demo_store: str) -> dict[str, Any]:
    """What must not be told to a neighbour."""
    with connect(demo_store) as conn:
        mine = conn.execute(
            "SELECT ST_AsBinary(geometry) FROM areas WHERE code = %s", (MINE,)
        ).fetchone()
        cameras = conn.execute(
            "SELECT code FROM cameras c WHERE NOT ST_Intersects(c.geometry, "
            "(SELECT geometry FROM areas WHERE code = %s))",
            (MINE,),
        ).fetchall()
        grids = conn.execute(
            "SELECT code FROM grids WHERE NOT starts_with(code, %s)", (MINE,)
        ).fetchall()
        heads = conn.execute(
            "SELECT s.name FROM grid_staff s WHERE NOT starts_with(grid, %s) EXCEPT "
            "SELECT s.name FROM grid_staff s WHERE starts_with(grid, %s)",
            (MINE, MINE),
        ).fetchall()
    assert mine is not None
    return {
        "shape": shapely.from_wkb(bytes(mine[0])).buffer(1e-4),
        "cameras": {row[0] for row in cameras},
        "grids": {row[0] for row in grids},
        "heads": {row[0] for row in heads},
    }


@pytest.mark.parametrize("role", sorted(RIGHTS))
def test_a_neighbour_sees_no_row_that_is_not_theirs(
    app_client: TestClient, demo_store: str, secrets_of_theirs: dict[str, Any], role: str
) -> None:
    app_client.cookies.clear()
    app_client.cookies.update(sign_in(demo_store, role, MINE))
    grid, camera = min(secrets_of_theirs["grids"]), min(secrets_of_theirs["cameras"])
    answered = 0
    app: Any = app_client.app
    document = app.openapi()["paths"]
    ogc = next(r.app for r in app.routes if getattr(r, "path", "") == PREFIX)
    document |= {PREFIX + one: ways for one, ways in ogc.openapi()["paths"].items()}
    for method, path in routes(app_client):
        # A stream has no end: `test_live.py` looks at whose events it tells.
        if method != "GET" or path == "/api/v1/events":
            continue
        told = document.get(path, {}).get("get", {}).get("parameters", [])
        known = {parameter["name"] for parameter in told}
        queries = [q for q in QUERIES if set(re.findall(r"(\w+)=", q)) <= known]
        for place in (
            one + query.format(area=THEIRS, grid=grid)
            for one in filled(path, THEIRS, grid, camera)
            for query in queries
        ):
            answer = app_client.get(place)
            assert answer.status_code < 500, place
            if answer.status_code != 200 or path.startswith(
                ("/static", "/openapi", "/docs", "/audit", "/ogc/api")
            ):
                continue
            answered += 1
            body = answer.content.decode("utf-8", "replace")
            # What was asked for is repeated by pages; rows are what the answer brings of itself.
            body = body.replace(f"area={THEIRS}", "").replace(place, "")
            words = set(re.findall(r"\d{9,20}", body))
            assert not words & secrets_of_theirs["cameras"], place
            assert not {
                w
                for w in words
                if w.startswith("99010100") and len(w) in (9, 12, 15) and not w.startswith(MINE)
            }, place
            assert not set(re.findall(r'"([^"]+)"', body)) & secrets_of_theirs["heads"], place
            if "json" in answer.headers.get("content-type", "") and '"features"' in body:
                for feature in answer.json()["features"]:
                    if (feature["geometry"] or {}).get(
                        "coordinates"
                    ) and path != "/api/v1/spatial-statistics/contours":
                        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
                        assert shape.intersects(secrets_of_theirs["shape"]), place
            if path == "/api/v1/incidents/points":
                for lat, lon, _ in answer.json()["points"]:
                    assert secrets_of_theirs["shape"].intersects(shapely.Point(lon, lat)), place
    assert answered >= (2 if role == "auditor" else 10)


def test_their_own_rows_are_all_there(app_client: TestClient, demo_store: str) -> None:
    app_client.cookies.clear()
    app_client.cookies.update(sign_in(demo_store, "planner", MINE))
    with connect(demo_store) as conn:
        counted = conn.execute(
            "SELECT (SELECT count(*) FROM grids WHERE starts_with(code, %(mine)s)), "
            "(SELECT count(*) FROM cameras c, areas a WHERE a.code = %(mine)s AND "
            "ST_Intersects(a.geometry, c.geometry)), "
            "(SELECT sum(count) FROM grid_incidents WHERE starts_with(grid, %(mine)s))",
            {"mine": MINE},
        ).fetchone()
    assert counted is not None
    grids = app_client.get("/api/v1/grids").json()["features"]
    assert len(grids) == counted[0]
    assert len(app_client.get("/api/v1/cameras").json()["features"]) == counted[1]
    density = app_client.get("/api/v1/incidents/density?from=2020-01&until=2027-01").json()
    assert density["total"] == counted[2]
    dashboard = app_client.get("/api/v1/dashboard?level=community").json()
    assert dashboard["area"]["figures"]["grids"]["numerator"] == counted[0]
    # Sums are of what is theirs, not of what the run had of all.
    with connect(demo_store) as conn:
        used = conn.execute(
            "SELECT count(*), avg(v.assumed::integer)::float8 FROM camera_views v JOIN cameras c "
            "ON c.code = v.camera "
            "JOIN areas a ON a.code = %s AND ST_Intersects(a.geometry, c.geometry)",
            (MINE,),
        ).fetchone()
    assert used is not None
    told = app_client.get("/api/v1/coverage/cameras").json()
    assert told == {"cameras": used[0], "assumed_share": pytest.approx(used[1])}
    assert 0 < told["cameras"] < 1000


def test_a_reader_without_a_scope_sees_nothing(demo_store: str) -> None:
    """A forgotten condition cannot leak: the database itself holds back what is not theirs."""
    pool = make_pool(demo_store, size=1)
    pool.open(wait=True)
    seen: dict[str, int] = {}
    with connect(demo_store) as conn:
        tables = [
            row[0]
            for row in conn.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'gridcover'::regnamespace "
                "AND relkind IN ('r', 'v', 'm')"
            ).fetchall()
        ]
    closed = set()
    for table in tables:
        with pool.connection() as conn:
            try:
                row = conn.execute(f'SELECT count(*) FROM "{table}"').fetchone()
                assert row is not None
                seen[table] = row[0]
            except psycopg.errors.InsufficientPrivilege:
                closed.add(table)
                conn.rollback()
    # fmt: off
    assert closed == {
        "users", "sessions", "audit", "audit_anchor", "api_tokens", "feed_batches", "webhooks",
        "webhook_deliveries", "store_identity", "changes", "change_sets", "changed_rows", "jobs", "uploads", "provider_sign_ins", "procrastinate_jobs",
        "procrastinate_events", "procrastinate_periodic_defers", "procrastinate_workers",
    }
    # fmt: on
    assert {table for table, count in seen.items() if count} == {
        "buildings",
        "streets",
        "landcover",
        "runs",
        "latest_run",
        "board_state",
        "migrations",
        "queue_migrations",
    }
    assert len(seen) > 30
    # A scope holds for its transaction alone.
    with pool.connection() as conn:
        set_scope(conn, ("*",))
        whole = conn.execute("SELECT count(*) FROM cameras").fetchone()
        conn.rollback()
        assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (0,)
        assert whole == (1500,)
        set_scope(conn, (f"{MINE}001001",))
        assert conn.execute("SELECT array_agg(code) FROM grids").fetchone() == ([f"{MINE}001001"],)
        with pytest.raises(psycopg.errors.Error):
            conn.execute("UPDATE cameras SET name = 'x'")
    pool.close()


@pytest.fixture
def door(store: str) -> Iterator[TestClient]:
    with connect(store) as conn:
        add_user(conn, "Li Wei", hash_password(PASSWORD), "planner", ["*"])
    with TestClient(create_app(store, Settings()), follow_redirects=False) as found:
        yield found


def enter(client: TestClient, name: str, password: str, **more: str) -> Any:
    return client.post("/sign-in", data={"name": name, "password": password, **more})


def test_signing_in_and_out(door: TestClient, store: str) -> None:
    asked = door.get("/maps/coverage?lang=en")
    assert asked.headers["location"] == "/sign-in?next=%2Fmaps%2Fcoverage%3Flang%3Den"
    page = door.get(asked.headers["location"])
    assert 'value="/maps/coverage?lang=en"' in page.text
    entered = enter(door, "li wei", PASSWORD, next="/maps/coverage?lang=en")
    assert entered.status_code == 303
    assert entered.headers["location"] == "/maps/coverage?lang=en"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    html = door.get("/maps/coverage?lang=en")
    assert "Li Wei" in html.text
    assert html.headers["cache-control"] == "no-store"
    secret = door.cookies[COOKIE]
    with connect(store) as conn:
        assert conn.execute(
            "SELECT count(*) FROM sessions WHERE digest = %s", (secret.encode(),)
        ).fetchone() == (0,)
    # A form of another site, or one that was not made for this session, ends nothing.
    assert door.post("/sign-out", data={"csrf": "guess"}).status_code == 403
    csrf = re.search(r'name="csrf" value="([^"]+)"', html.text).group(1)  # type: ignore[union-attr]
    foreign = {"Origin": "https://evil.example"}
    assert door.post("/sign-out", data={"csrf": csrf}, headers=foreign).status_code == 403
    assert door.get("/account").status_code == 200
    assert door.post("/sign-out", data={"csrf": csrf}).status_code == 303
    door.cookies.set(COOKIE, secret)
    assert door.get("/account").status_code == 303


def test_guessing_is_locked_out_and_tells_nothing(door: TestClient, store: str) -> None:
    wrong = enter(door, "Li Wei", "wrong password")
    unknown = enter(door, "Nobody Such", "wrong password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text == unknown.text
    for _ in range(FREE_FAILURES - 1):
        enter(door, "Li Wei", "wrong password")
    locked = enter(door, "Li Wei", PASSWORD)
    assert locked.status_code == 401
    assert locked.text == wrong.text
    with connect(store) as conn:
        conn.execute("UPDATE users SET locked_until = now()")
    assert enter(door, "Li Wei", PASSWORD).status_code == 303
    with connect(store) as conn:
        told = [row["detail"]["result"] for row in read_audit_entries(conn, 20)]
    assert told == [
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
def test_a_sign_in_leads_to_our_own_pages_only(path: str) -> None:
    assert safe_redirect_path(path) == "/"


def test_sessions_end(door: TestClient, store: str) -> None:
    for ends in (
        "UPDATE sessions SET expires_at = now()",
        "UPDATE sessions SET seen_at = now() - interval '3 hours'",
        "UPDATE users SET disabled_at = now()",
    ):
        enter(door, "Li Wei", PASSWORD)
        assert door.get("/account").status_code == 200
        with connect(store) as conn:
            conn.execute(ends.encode())
        assert door.get("/account").status_code == 303, ends
    assert enter(door, "Li Wei", PASSWORD).status_code == 401


def test_changing_the_password(door: TestClient, store: str) -> None:
    enter(door, "Li Wei", PASSWORD)
    other = sign_in(store, "planner")
    page = door.get("/account").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page).group(1)  # type: ignore[union-attr]
    old = door.cookies[COOKIE]

    def change(present: str, new: str, again: str | None = None, token: str = csrf) -> int:
        fields = {"present": present, "new": new, "again": again or new, "csrf": token}
        return int(door.post("/account", data=fields).status_code)

    assert change(PASSWORD, "another long one", token="guess") == 403
    assert change(PASSWORD, "short") == 422
    assert change(PASSWORD, "another long one", "and another") == 422
    assert change("not this one", "another long one") == 422
    assert change(PASSWORD, "another long one") == 200
    assert door.get("/account").status_code == 200
    door.cookies.clear()
    door.cookies.set(COOKIE, old)
    assert door.get("/account").status_code == 303
    door.cookies.clear()
    door.cookies.update(other)
    assert door.get("/account").status_code == 200
    assert enter(door, "Li Wei", "another long one").status_code == 303


def test_roles_see_what_they_are_for(app_client: TestClient, demo_store: str) -> None:
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
            answer = app_client.get(path)
            assert answer.status_code == (200 if right in rights else 403), (role, path)
            if right in rights:
                told = set(re.findall(r'href="(/maps/[\w-]+|/dashboard|/audit)\?lang', answer.text))
                assert told == {pages[r] for r in rights if r in pages}, role
        home = app_client.get("/").headers["location"]
        assert app_client.get(home).status_code == 200
    app_client.cookies.clear()
    app_client.cookies.update(sign_in(demo_store, "auditor", MINE))
    assert app_client.get("/audit").status_code == 403


def test_some_roles_see_cameras_only_roughly(demo_store: str) -> None:
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


def test_who_looked_is_on_record(store: str) -> None:
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


def test_what_cannot_be_recorded_is_not_shown(store: str) -> None:
    with TestClient(create_app(store, Settings()), cookies=sign_in(store, "planner")) as client:
        assert client.get("/api/v1/areas").status_code == 200
        with connect(store) as conn:
            conn.execute("ALTER TABLE audit ADD CONSTRAINT never CHECK (false) NOT VALID")
        answer = client.get("/api/v1/areas")
    assert answer.status_code == 503
    assert answer.json()["title"] == "not recorded"


def test_the_record_is_only_added_to_and_tells_of_tampering(store: str) -> None:
    with connect(store) as conn:
        for k in range(6):
            append_audit_entry(
                conn, actor="a", role="", address="", action="x", object_=str(k), detail={"k": k}
            )
        conn.commit()
        assert check_audit(conn) == AuditCheck(6, None, 0, None)
        for forbidden in (
            "UPDATE audit SET actor = 'b'",
            "DELETE FROM audit WHERE id = 3",
            "TRUNCATE audit",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
                conn.execute(forbidden.encode())
            conn.rollback()
        # Someone who owns the database can put the triggers aside, and the chain tells.
        for tampered, broken in (
            ("UPDATE audit SET actor = 'b' WHERE id = 3", 3),
            ("DELETE FROM audit WHERE id = 3", 4),
            ("UPDATE audit SET detail = '{}', digest = sha256('x') WHERE id = 6", 6),
        ):
            conn.execute("ALTER TABLE audit DISABLE TRIGGER USER")
            conn.execute(tampered.encode())
            assert check_audit(conn).broken == broken, tampered
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


def test_user_commands(run: Callable[..., CommandResult], store: str) -> None:
    made = run("user", "add", "Zhao", "--role", "commander", "--everywhere")
    assert made.returncode == 0
    password = made.stdout.strip()
    assert len(password) == 24
    assert "already" in run("user", "add", "zhao", "--role", "planner", "--everywhere").stderr
    assert "no role" in run("user", "add", "x", "--role", "king", "--everywhere").stderr
    assert "needs an area" in run("user", "add", "x", "--role", "planner").stderr
    assert "no area 1" in run("user", "add", "x", "--role", "planner", "--area", "1").stderr
    (row,) = json.loads(run("user", "list", "--json").stdout)
    assert (row["name"], row["role"], row["areas"]) == ("Zhao", "commander", ["*"])
    with TestClient(create_app(store, Settings()), follow_redirects=False) as client:
        assert enter(client, "Zhao", password).status_code == 303
        fresh = run("user", "password", "Zhao").stdout.strip()
        assert client.get("/account").status_code == 303
        assert enter(client, "Zhao", password).status_code == 401
        assert enter(client, "Zhao", fresh).status_code == 303
        assert run("user", "remove", "Zhao").returncode == 0
        assert client.get("/account").status_code == 303
    assert run("user", "remove", "Zhao").returncode == 1
    whole = run("audit", "verify")
    assert "the chain is intact" in whole.stdout
    listed = json.loads(run("audit", "list", "--json").stdout)
    assert [r["action"] for r in listed][-1] == "user added"
    assert all(password not in json.dumps(r) and fresh not in json.dumps(r) for r in listed)
    with connect(store) as conn:
        conn.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        conn.execute("UPDATE audit SET actor = 'someone else' WHERE id = 2")
    broken = run("audit", "verify")
    assert broken.returncode == 1
    assert "entry 2" in broken.stderr
