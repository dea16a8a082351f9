"""Tests of the policy of every route: rights, token scopes and audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from geo.settings import Settings
from geo.store.connection import Conn, connect
from geo.store.queries.api_tokens import SCOPES, make_token
from geo.store.queries.sessions import open_session
from geo.store.queries.users import add_user
from service.api.ogc import PREFIX
from service.app import create_app
from service.auth.permissions import MAPS, RIGHTS
from service.auth.sessions import COOKIE
from service.policy import AuditRule, SecuredRoute, allow, api_routes, policy_of, require_policies
from tests.support.rows import insert_grids
from tests.support.service import sign_in

# Method, path, who may use it, rights (one of them), scopes (one of them), what is recorded.
# New routes are added here by hand, so that their policy is a decision.
TABLE = """
GET / people+video-wall - - none
GET /account people - - none
POST /account people - - route
GET /api/v1/alerts people+video-wall maps data:read view
GET /api/v1/areas people+video-wall maps data:read view
GET /api/v1/areas/results people+video-wall maps data:read view
GET /api/v1/blind-spots people+video-wall coverage data:read view
GET /api/v1/blind-spots/ranking people+video-wall coverage data:read view
GET /api/v1/dashboard people+video-wall dashboard data:read view
GET /api/v1/dashboard/table people+video-wall dashboard data:read view
GET /api/v1/dashboard/trends people+video-wall dashboard data:read view
GET /api/v1/cameras people+video-wall coverage data:read view
GET /api/v1/visibility/cameras people coverage data:read view
POST /api/v1/ingest/camera-statuses tokens - status:write route
GET /api/v1/cameras/{code} people coverage data:read view
GET /api/v1/cameras/{code}/view people coverage data:read view
GET /api/v1/coverage/cameras people+video-wall coverage data:read view
GET /api/v1/exports/{layer}.{format} people coverage,incidents,data_quality data:read view
GET /api/v1/grids people+video-wall maps data:read view
GET /api/v1/grids/values people+video-wall maps data:read view
GET /api/v1/grids/{code}/card people+video-wall maps data:read view
GET /api/v1/grids/{code}/staff people maps,phones data:read,staff:read view
POST /api/v1/audit/exports people maps data:read route
GET /api/v1/history/{register}/{key:path} people+everywhere audit data:read view
POST /api/v1/ingest/incidents tokens - incidents:write route
GET /api/v1/incidents/categories people+video-wall incidents data:read view
GET /api/v1/incidents/comparison people+video-wall incidents data:read view
GET /api/v1/spatial-statistics/hot-spots people+video-wall incidents data:read view
GET /api/v1/spatial-statistics/contours people+video-wall incidents data:read view
GET /api/v1/incidents/density people+video-wall incidents data:read view
GET /api/v1/spatial-statistics/forecast people+video-wall incidents data:read view
GET /api/v1/incidents/hour-of-week people+video-wall incidents data:read view
GET /api/v1/incidents/monthly-counts people+video-wall incidents data:read view
GET /api/v1/spatial-statistics people+video-wall incidents data:read view
GET /api/v1/incidents/time-range people+video-wall incidents data:read view
GET /api/v1/incidents/points people+video-wall incidents data:read view
GET /api/v1/incidents/time-series people+video-wall incidents data:read view
GET /api/v1/spatial-statistics/weekly-counts people+video-wall incidents data:read view
GET /api/v1/jobs people+everywhere jobs jobs:write view
POST /api/v1/jobs/import people+everywhere jobs jobs:write route
POST /api/v1/jobs/refresh people+everywhere jobs jobs:write route
GET /api/v1/jobs/{job} people+everywhere jobs jobs:write view
POST /api/v1/jobs/{job}/cancel people+everywhere jobs jobs:write route
GET /api/v1/jobs/{job}/report people+everywhere jobs jobs:write view
GET /api/v1/key-places people+video-wall dashboard data:read view
GET /api/v1/events people+video-wall coverage,incidents data:read view
GET /api/v1/imports/mappings people+everywhere jobs jobs:write view
DELETE /api/v1/imports/mappings people+everywhere jobs jobs:write route
GET /api/v1/areas/names people+video-wall maps data:read view
GET /api/v1/data-quality/counts people dashboard,data_quality data:read view
GET /api/v1/data-quality/issues people dashboard,data_quality data:read view
GET /api/v1/data-quality/table people dashboard,data_quality data:read view
GET /api/v1/runs people+video-wall maps data:read view
GET /api/v1/runs/latest people+video-wall maps data:read view
GET /api/v1/scenarios people coverage data:read view
POST /api/v1/scenarios people coverage scenarios:write route
GET /api/v1/scenarios/comparison people coverage data:read view
DELETE /api/v1/scenarios/{number} people coverage scenarios:write route
GET /api/v1/scenarios/{number} people coverage data:read view
PUT /api/v1/scenarios/{number} people coverage scenarios:write route
GET /api/v1/scenarios/{number}/plan.{format} people coverage data:read view
GET /api/v1/search people maps data:read view
GET /api/v1/service-requests/quality people+video-wall maps data:read view
POST /api/v1/planning/sites people coverage data:read view
POST /api/v1/planning/what-if people coverage data:read view
POST /api/v1/planning/views people coverage data:read sampled
GET /api/v1/setup/status people dashboard,coverage,incidents,jobs,data_quality data:read view
GET /setup people jobs - view
GET /audit people+everywhere audit - view
GET /audit/changes/{number} people+everywhere audit - view
GET /dashboard people+video-wall dashboard - view
GET /docs people - - none
GET /healthz public - - none
GET /jobs people jobs - view
GET /maps/coverage people+video-wall coverage - view
GET /maps/incidents people+video-wall incidents - view
GET /maps/data-quality people data_quality - view
GET /metrics tokens - metrics:read none
GET /ogc/ people coverage,incidents data:read sampled
GET /ogc/api people - data:read none
GET /ogc/api.html people - data:read none
GET /ogc/collections people coverage,incidents data:read sampled
GET /ogc/collections/{collectionId} people coverage,incidents data:read sampled
GET /ogc/collections/{collectionId}/items people coverage,incidents data:read sampled
GET /ogc/collections/{collectionId}/items/{itemId:path} people coverage,incidents data:read sampled
GET /ogc/collections/{collectionId}/queryables people coverage,incidents data:read sampled
GET /ogc/collections/{collectionId}/tiles people coverage,incidents data:read sampled
GET /ogc/collections/{collectionId}/tiles/{tileMatrixSetId} \
people coverage,incidents data:read sampled
GET /ogc/collections/{collectionId}/tiles/{tileMatrixSetId}/style.json \
people coverage,incidents data:read sampled
GET /ogc/collections/{collectionId}/tiles/{tileMatrixSetId}/tilejson.json \
people coverage,incidents data:read sampled
GET /ogc/collections/{collectionId}/tiles/{tileMatrixSetId}/{z}/{x}/{y} \
people coverage,incidents data:read sampled
GET /ogc/conformance people coverage,incidents data:read sampled
GET /ogc/tileMatrixSets people coverage,incidents data:read sampled
GET /ogc/tileMatrixSets/{tileMatrixSetId} people coverage,incidents data:read sampled
GET /openapi.json people - data:read none
GET /readyz public - - none
GET /runs/{number} people maps - view
GET /sign-in public - - none
POST /sign-in public - - route
GET /sign-in/provider public - - route
GET /sign-in/provider/done public - - route
POST /sign-out people+video-wall - - route
GET /static/dashboard.js public - - none
GET /static/jobs.js public - - none
GET /static/maps.css public - - none
GET /static/maps.js public - - none
GET /static/setup.js public - - none
GET /static/video_wall.js public - - none
GET /tiles/{name}.json people+video-wall maps data:read sampled
GET /tiles/{name}/{z}/{x}/{y}.pbf people+video-wall maps data:read sampled
GET /users people+everywhere users - view
POST /users people+everywhere users - route
GET /video-wall people+video-wall dashboard,coverage,incidents - view
POST /video-wall people dashboard,coverage,incidents - route
"""


@dataclass(frozen=True)
class Expected:
    """A row of the table."""

    method: str
    path: str
    who: str
    rights: frozenset[str]
    scopes: frozenset[str]
    audit: str


def _expected() -> list[Expected]:
    rows = []
    for line in TABLE.strip().splitlines():
        method, path, who, rights, scopes, audit = line.split()
        names = {name for name in rights.split(",") if name not in ("-", "maps")}
        names |= MAPS if "maps" in rights.split(",") else set()
        rows.append(
            Expected(
                method,
                path,
                who,
                frozenset(names),
                frozenset(s for s in scopes.split(",") if s != "-"),
                audit,
            )
        )
    return rows


EXPECTED = _expected()


@pytest.fixture
def client(store: str) -> Iterator[TestClient]:
    with connect(store) as conn:
        insert_grids(conn, "g1", name="g")
        conn.execute(
            "INSERT INTO grid_staff (grid, role, name, phone) VALUES ('g1', 'head', 'Wang', "
            "'13900001111')"
        )
    app = create_app(store, Settings(requests_a_second=10_000))
    with TestClient(app, follow_redirects=False) as test_client:
        yield test_client


def _declared(app: FastAPI) -> dict[tuple[str, str], Any]:
    ogc: Any = next(r.app for r in app.routes if getattr(r, "path", "") == PREFIX)  # type: ignore[attr-defined]
    return {
        (method, prefix + route.path): policy_of(route.dependencies)
        for prefix, application in (("", app), (PREFIX, ogc))
        for route in api_routes(application)
        for method in route.methods
    }


def test_route_policies_match_the_table(client: TestClient) -> None:
    app: Any = client.app
    declared = _declared(app)
    assert set(declared) == {(row.method, row.path) for row in EXPECTED}
    for row in EXPECTED:
        policy = declared[row.method, row.path]
        who = (
            "public"
            if policy.public
            else "tokens"
            if not policy.sessions
            else "people" + "+video-wall" * policy.video_wall + "+everywhere" * policy.everywhere
        )
        assert (who, policy.rights, frozenset(policy.scopes), policy.audit.value) == (
            row.who,
            row.rights,
            row.scopes,
            row.audit,
        ), row.path
        assert policy.max_body <= 32 << 20


def test_allow_refuses_a_right_that_no_role_has() -> None:
    with pytest.raises(ValueError, match="no role has the right coverrage"):
        allow("coverrage")


def test_require_policies_refuses_undeclared_routes() -> None:
    for route_class, dependencies in (
        (APIRoute, [allow("coverage")]),
        (SecuredRoute, []),
    ):
        router = APIRouter(route_class=route_class)
        router.add_api_route("/forgotten", lambda: None, dependencies=dependencies)
        app = FastAPI()
        app.include_router(router)
        with pytest.raises(RuntimeError, match="/forgotten declares no policy"):
            require_policies(app)


def test_allow_fails_on_routes_of_another_class() -> None:
    router = APIRouter()
    router.add_api_route("/plain", lambda: None, dependencies=[allow("coverage")])
    app = FastAPI()
    app.include_router(router)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/plain").status_code == 500


def _fill_path(path: str) -> str:
    for name, value in {
        "{name}": "coverage" if "pbf" in path or "json" in path else "x",
        "{z}": "14",
        "{x}": "13565",
        "{y}": "6703",
        "{code}": "g1",
        "{layer}": "findings",
        "{format}": "csv",
        "{job}": "1",
        "{number}": "1",
        "{register}": "grids",
        "{key:path}": "g1",
        "{collectionId}": "grids",
        "{itemId:path}": "g1",
        "{tileMatrixSetId}": "WebMercatorQuad",
    }.items():
        path = path.replace(name, value)
    return path


def _latest_entry_id(conn: Conn) -> int:
    row = conn.execute("SELECT coalesce(max(id), 0) FROM audit").fetchone()
    conn.rollback()
    assert row is not None
    return int(row[0])


def _check_every_route(
    client: TestClient,
    conn: Conn,
    allowed: Any,
    *,
    actor: str,
    cookies: dict[str, str],
    token: str = "",
) -> int:
    """Request every route; compare the responses and audit entries with the table."""
    sampled: set[str] = set()
    count = 0
    for row in EXPECTED:
        # The event stream never ends; signing out would end the session under test.
        if row.path == "/api/v1/events" or (row.path == "/sign-out" and cookies):
            continue
        client.cookies.clear()
        client.cookies.update(cookies)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        before = _latest_entry_id(conn)
        response = client.request(row.method, _fill_path(row.path), headers=headers)
        context = (actor, row.method, row.path, response.status_code, response.text[:200])
        refused = response.status_code in (401, 403) or (
            response.status_code == 303
            and response.headers["location"].startswith("/sign-in?next=")
        )
        if response.status_code == 403 and "out of date" in response.text:
            refused = False  # the CSRF token is missing, so the policy has passed
        if row.path == "/sign-in" and row.method == "POST":
            refused = False
        assert refused == (not allowed(row)), context
        assert response.status_code < 500 or row.path == "/readyz", context
        entries = conn.execute(
            "SELECT actor, object FROM audit WHERE id > %s AND action IN ('viewed', 'requested') "
            "ORDER BY id",
            (before,),
        ).fetchall()
        conn.rollback()
        identified = response.status_code != 401 and "/sign-in" not in response.headers.get(
            "location", ""
        )
        if row.who == "public" or not identified:
            expected = 0
        elif response.status_code == 403 or refused or row.audit == "view":
            expected = 1
        elif row.audit == "sampled":
            key = _fill_path(row.path) if "/{z}/" in row.path else row.path
            expected = 0 if "/{z}/" in row.path and key in sampled else 1
            sampled.add(key)
        else:
            expected = 0
        assert [entry[0] for entry in entries] == [actor] * expected, (context, entries)
        count += 1
    return count


@pytest.mark.parametrize("role", sorted(RIGHTS))
@pytest.mark.parametrize("areas", ["*", pytest.param("g1", marks=pytest.mark.deep)])
def test_routes_follow_policy_for_sessions_of_each_role(
    client: TestClient, store: str, role: str, areas: str
) -> None:
    cookies = sign_in(store, role, areas)
    with connect(store) as conn:
        name = conn.execute("SELECT name FROM users").fetchone()
        assert name is not None

        def allowed(row: Expected) -> bool:
            if row.who == "public":
                return True
            if row.who == "tokens" or ("everywhere" in row.who and areas != "*"):
                return False
            return not row.rights or bool(row.rights & RIGHTS[role])

        assert _check_every_route(client, conn, allowed, actor=name[0], cookies=cookies) > 90


def test_routes_follow_policy_for_video_wall_sessions(client: TestClient, store: str) -> None:
    with connect(store) as conn:
        user = add_user(conn, "wall", "no password", "commander", ["*"])
        cookies = {COOKIE: open_session(conn, user, hours=1, wall=True)}
        conn.commit()

        def allowed(row: Expected) -> bool:
            return row.who == "public" or (
                "video-wall" in row.who
                and (not row.rights or bool(row.rights & RIGHTS["commander"]))
            )

        assert _check_every_route(client, conn, allowed, actor="wall", cookies=cookies) > 90
        card = client.get("/api/v1/grids/g1/card")
        assert card.status_code == 200
        assert card.json()["staff"] == []


@pytest.mark.parametrize("scope", SCOPES)
def test_routes_follow_policy_for_tokens_of_each_scope(
    client: TestClient, store: str, scope: str
) -> None:
    """A scope limits a token even if its role has every right."""
    with connect(store) as conn:
        has_role = scope in ("data:read", "scenarios:write", "jobs:write")
        secret = make_token(
            conn,
            "t",
            [scope],
            days=1,
            role="administrator" if has_role else None,
            areas=["*"] if has_role else None,
        )
        conn.commit()

        def allowed(row: Expected) -> bool:
            return row.who == "public" or scope in row.scopes

        assert (
            _check_every_route(client, conn, allowed, actor="token t", cookies={}, token=secret)
            > 90
        )


@pytest.mark.deep
@pytest.mark.parametrize("role", sorted(RIGHTS))
def test_routes_follow_policy_for_tokens_of_each_role(
    client: TestClient, store: str, role: str
) -> None:
    with connect(store) as conn:
        secret = make_token(conn, "t", list(SCOPES), days=1, role=role, areas=["*"])
        conn.commit()

        def allowed(row: Expected) -> bool:
            if row.who == "public":
                return True
            rights = RIGHTS[role]
            return bool(row.scopes) and (not row.rights or bool(row.rights & rights))

        assert (
            _check_every_route(client, conn, allowed, actor="token t", cookies={}, token=secret)
            > 90
        )


def _paths_showing_phone(client: TestClient, headers: dict[str, str]) -> set[str]:
    """Return the last parts of the paths that show the phone of a grid head."""
    shown = set()
    for path in (
        "/api/v1/grids/g1/staff",
        "/api/v1/grids/g1/card",
        "/api/v1/history/staff/g1/head/Wang",
    ):
        if "13900001111" in client.get(path, headers=headers).text:
            shown.add(path.rsplit("/", 1)[-1])
    return shown


@pytest.mark.parametrize(
    ("scopes", "role", "expected"),
    [
        (["data:read"], "administrator", set()),
        (["data:read"], "commander", set()),
        (["data:read", "staff:read"], "administrator", {"staff", "card", "Wang"}),
        (["data:read", "staff:read"], "planner", set()),
        (["staff:read"], None, {"staff"}),
        (["jobs:write"], "administrator", set()),
    ],
)
def test_phones_require_scope_and_right_of_token(
    client: TestClient, store: str, scopes: list[str], role: str | None, expected: set[str]
) -> None:
    with connect(store) as conn:
        secret = make_token(conn, "t", scopes, days=1, role=role, areas=["*"] if role else None)
    assert _paths_showing_phone(client, {"Authorization": f"Bearer {secret}"}) == expected


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("planner", set()),
        ("commander", {"staff", "card"}),
        ("auditor", set()),
        ("administrator", {"staff", "card", "Wang"}),
        ("clerk", set()),
    ],
)
def test_phones_require_right_of_session(
    client: TestClient, store: str, role: str, expected: set[str]
) -> None:
    client.cookies.update(sign_in(store, role))
    assert _paths_showing_phone(client, {}) == expected


def test_audit_records_each_token_read_of_phones(client: TestClient, store: str) -> None:
    with connect(store) as conn:
        secret = make_token(conn, "centre", ["staff:read"], days=1)
        conn.commit()
        for _ in range(3):
            headers = {"Authorization": f"Bearer {secret}"}
            assert client.get("/api/v1/grids/g1/staff", headers=headers).status_code == 200
        entries = conn.execute(
            "SELECT count(*) FROM audit WHERE actor = 'token centre' "
            "AND object = '/api/v1/grids/g1/staff' AND (detail ->> 'status')::int = 200"
        ).fetchone()
    assert entries == (3,)


def test_origin_check_applies_whenever_a_cookie_is_sent(client: TestClient, store: str) -> None:
    client.cookies.update(sign_in(store))
    foreign_origin = {"Origin": "https://evil.example"}
    for other_headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
        response = client.post("/api/v1/jobs/refresh", headers=foreign_origin | other_headers)
        assert (response.status_code, "another site" in response.text) == (403, True), other_headers
    assert client.post(
        "/api/v1/jobs/refresh", headers={"Origin": "http://testserver"}
    ).status_code in (200, 202)
    client.cookies.clear()
    with connect(store) as conn:
        secret = make_token(conn, "t", ["jobs:write"], days=1, role="administrator", areas=["*"])
    authorization = {"Authorization": f"Bearer {secret}"}
    assert client.post(
        "/api/v1/jobs/refresh", headers=foreign_origin | authorization
    ).status_code in (200, 202)


def test_audit_sampling_records_tiles_after_a_refused_tile(client: TestClient, store: str) -> None:
    client.cookies.update(sign_in(store))
    assert client.get("/tiles/cameras/3/99/99.pbf").status_code == 404
    assert client.get("/tiles/cameras/14/13565/6703.pbf").status_code == 200
    assert client.get("/tiles/cameras/14/13565/6704.pbf").status_code == 200
    with connect(store) as conn:
        entries = conn.execute(
            "SELECT (detail ->> 'status')::int FROM audit WHERE object = '/tiles/cameras' ORDER "
            "BY id"
        ).fetchall()
    assert entries == [(404,), (200,)]


def test_audit_rule_has_documented_values() -> None:
    assert {rule.value for rule in AuditRule} == {"none", "view", "sampled", "route"}
