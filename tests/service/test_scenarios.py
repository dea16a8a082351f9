"""Tests of scenarios, their comparison and plans, the video wall and the users page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest
from fastapi.testclient import TestClient

from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.audit import read_audit_entries
from geo.store.queries.sessions import open_session
from geo.store.queries.users import add_user
from service.app import create_app
from service.auth.sessions import COOKIE
from tests.support.blind_spots import largest_blind_spot

OWN_AREA, OTHER_AREA = "990101002", "990101001"
ORIGIN = "http://testserver"


@pytest.fixture(scope="module")
def app(demo_store: str) -> Iterator[Any]:
    application = create_app(demo_store, Settings())
    with TestClient(application):
        yield application


def client_of(app: Any, store: str, name: str, role: str, *areas: str) -> TestClient:
    with connect(store) as conn:
        number = add_user(conn, name, "none", role, list(areas) or ["*"])
        secret = open_session(conn, number, hours=1)
    return TestClient(app, cookies={COOKIE: secret})


def cameras(store: str, prefix: str, count: int = 2) -> list[dict[str, Any]]:
    lon, lat = largest_blind_spot(store, prefix)
    return [{"lon": lon + k * 1e-4, "lat": lat, "kind": "ptz"} for k in range(count)]


def test_scenario_is_saved_changed_and_deleted(app: Any, demo_store: str) -> None:
    client = client_of(app, demo_store, "方案甲", "planner")
    planned = cameras(demo_store, OWN_AREA)
    with connect(demo_store) as conn:
        before = conn.execute("SELECT count(*) FROM change_sets").fetchone()
    saved = client.post("/api/v1/scenarios", json={"name": "学校周边", "cameras": planned})
    assert saved.status_code == 201, saved.text
    scenario = saved.json()
    assert scenario["version"] == 1
    assert scenario["mine"]
    assert [c["lon"] for c in scenario["cameras"]] == [c["lon"] for c in planned]
    duplicate = client.post("/api/v1/scenarios", json={"name": "学校周边", "cameras": planned})
    assert duplicate.status_code == 409
    assert "another name" in duplicate.json()["detail"]
    number = scenario["id"]
    body = {"name": "学校周边二", "cameras": planned[:1], "version": 1}
    assert client.put(f"/api/v1/scenarios/{number}", json=body).json()["version"] == 2
    stale = client.put(f"/api/v1/scenarios/{number}", json=body)
    assert stale.status_code == 409
    assert "meanwhile" in stale.json()["detail"]
    assert [row["name"] for row in client.get("/api/v1/scenarios").json()] == ["学校周边二"]
    assert client.delete(f"/api/v1/scenarios/{number}").status_code == 204
    assert client.delete(f"/api/v1/scenarios/{number}").status_code == 404
    assert client.get(f"/api/v1/scenarios/{number}").status_code == 404
    with connect(demo_store) as conn:
        # Registers are unchanged, and the actions are audited.
        assert conn.execute("SELECT count(*) FROM change_sets").fetchone() == before
        actions = [
            e["action"]
            for e in read_audit_entries(conn, 200, actor="方案甲")
            if e["action"].startswith("scenario")
        ]
    assert actions == ["scenario removed", "scenario saved", "scenario saved"]


def test_shared_scenario_is_visible_within_own_areas(app: Any, demo_store: str) -> None:
    everywhere = client_of(app, demo_store, "方案乙", "planner")
    neighbour = client_of(app, demo_store, "方案丙", "planner", OWN_AREA)
    other_scenario = everywhere.post(
        "/api/v1/scenarios",
        json={"name": "邻街", "shared": True, "cameras": cameras(demo_store, OTHER_AREA)},
    ).json()
    own_scenario = everywhere.post(
        "/api/v1/scenarios",
        json={"name": "本街", "shared": True, "cameras": cameras(demo_store, OWN_AREA)},
    ).json()
    draft = everywhere.post(
        "/api/v1/scenarios", json={"name": "草稿", "cameras": cameras(demo_store, OWN_AREA)}
    ).json()
    mixed = everywhere.post(
        "/api/v1/scenarios",
        json={
            "name": "跨街",
            "shared": True,
            "cameras": cameras(demo_store, OWN_AREA) + cameras(demo_store, OTHER_AREA),
        },
    ).json()
    assert [row["name"] for row in neighbour.get("/api/v1/scenarios").json()] == ["本街"]
    for hidden in (other_scenario, draft, mixed):
        assert neighbour.get(f"/api/v1/scenarios/{hidden['id']}").status_code == 404
        comparison = neighbour.get("/api/v1/scenarios/comparison", params={"id": hidden["id"]})
        assert comparison.status_code == 404
        assert neighbour.get(f"/api/v1/scenarios/{hidden['id']}/plan.csv").status_code == 404
    opened = neighbour.get(f"/api/v1/scenarios/{own_scenario['id']}").json()
    assert not opened["mine"]
    # Others can open a shared scenario; only its owner can change it.
    body = {"name": "本街", "cameras": opened["cameras"], "version": 1}
    assert neighbour.put(f"/api/v1/scenarios/{own_scenario['id']}", json=body).status_code == 404
    outside = neighbour.post(
        "/api/v1/scenarios", json={"name": "越界", "cameras": cameras(demo_store, OTHER_AREA)}
    )
    assert outside.status_code == 422
    assert "Camera 1, 2 stands outside your areas" in outside.json()["detail"]
    clerk = client_of(app, demo_store, "方案丁", "clerk")
    assert clerk.get("/api/v1/scenarios").status_code == 403


def test_scenario_comparison_and_plan_agree_with_what_if(app: Any, demo_store: str) -> None:
    client = client_of(app, demo_store, "方案戊", "planner")
    planned = cameras(demo_store, OWN_AREA, 3)
    few = client.post("/api/v1/scenarios", json={"name": "一台", "cameras": planned[:1]}).json()
    many = client.post("/api/v1/scenarios", json={"name": "三台", "cameras": planned}).json()
    rows = client.get("/api/v1/scenarios/comparison", params={"id": [few["id"], many["id"]]}).json()
    assert [row["cameras"] for row in rows] == [1, 3]
    for row, saved in zip(rows, (few, many), strict=True):
        what_if = client.post("/api/v1/planning/what-if", json={"cameras": saved["cameras"]}).json()
        assert (row["gained_m2"], row["risk"], row["incidents"]) == (
            what_if["gained_m2"],
            what_if["risk"],
            what_if["incidents"],
        )
    assert rows[1]["gained_m2"] > rows[0]["gained_m2"] > 0
    assert rows[1]["risk"] >= rows[0]["risk"]
    plan = client.get(f"/api/v1/scenarios/{many['id']}/plan.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(plan.content)).active
    assert sheet is not None
    lines = list(sheet.iter_rows(values_only=True))
    header = [str(name) for name in lines[0]]
    assert len(lines) == 4
    gains = [line[header.index("gain_m2")] for line in lines[1:]]
    assert sum(float(str(g)) for g in gains) == pytest.approx(
        rows[1]["gained_m2"], rel=0.001, abs=1
    )
    assert all(float(str(g)) >= 0 for g in gains)
    for format_name in ("csv", "geojson", "gpkg"):
        response = client.get(f"/api/v1/scenarios/{many['id']}/plan.{format_name}")
        assert response.status_code == 200, format_name
        assert response.content


def test_video_wall_session_shows_only_maps(app: Any, demo_store: str) -> None:
    client = client_of(app, demo_store, "大屏", "administrator")
    before = client.cookies[COOKIE]
    page = client.get("/video-wall?lang=zh").text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    opened = client.post(
        "/video-wall", data={"csrf": csrf}, headers={"Origin": ORIGIN}, follow_redirects=False
    )
    assert opened.status_code == 303
    secret = opened.cookies[COOKIE]
    wall = TestClient(app, cookies={COOKIE: secret})
    for path in (
        "/video-wall",
        "/maps/incidents",
        "/dashboard",
        "/api/v1/grids/values",
        "/api/v1/incidents/time-range",
        "/api/v1/incidents/categories",
    ):
        assert wall.get(path).status_code == 200, path
    for path in (
        "/users",
        "/audit",
        "/jobs",
        "/account",
        "/api/v1/exports/cameras.csv",
        "/api/v1/scenarios",
        "/ogc/collections",
        "/docs",
    ):
        assert wall.get(path, follow_redirects=False).status_code == 403, path
    assert wall.post("/api/v1/jobs/refresh").status_code == 403
    body = {"cameras": cameras(demo_store, OWN_AREA)}
    assert wall.post("/api/v1/planning/what-if", json=body).status_code == 403
    # The previous session has ended.
    stale = TestClient(app, cookies={COOKIE: before})
    assert stale.get("/api/v1/grids/values").status_code == 401
    with connect(demo_store) as conn:
        long_lived = conn.execute(
            "SELECT max(expires_at) - now() > interval '29 days' FROM sessions WHERE wall"
        ).fetchone()
    assert long_lived == (True,)


def test_users_page_adds_and_removes_accounts(app: Any, demo_store: str) -> None:
    client = client_of(app, demo_store, "管理", "administrator")
    page = client.get("/users?lang=zh")
    assert page.status_code == 200
    assert "990101" in page.text
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]

    def post_users(**form: str) -> Any:
        return client.post(
            "/users?lang=zh", data={"csrf": csrf, **form}, headers={"Origin": ORIGIN}
        )

    added = post_users(task="add", name="新人", role="planner", areas=OWN_AREA)
    password = added.text.split('class="secret">')[1].split("<")[0]
    new_client = TestClient(app, follow_redirects=False)
    signed_in = new_client.post(
        "/sign-in", data={"name": "新人", "password": password}, headers={"Origin": ORIGIN}
    )
    assert signed_in.status_code == 303
    assert new_client.get("/users").status_code == 403
    assert password not in client.get("/users?lang=zh").text
    invalid = post_users(task="add", name="又一人", role="planner", areas="nowhere")
    assert invalid.status_code == 422
    assert "nowhere" in invalid.text
    assert post_users(task="remove", name="管理").status_code == 422
    assert post_users(task="remove", name="没有").status_code == 422
    assert "已停用" in post_users(task="remove", name="新人").text
    assert new_client.get("/api/v1/grids/values").status_code == 401
    other = client_of(app, demo_store, "半管", "administrator", OWN_AREA)
    assert other.get("/users").status_code == 403
    without_csrf = client.post(
        "/users", data={"task": "add", "name": "x"}, headers={"Origin": ORIGIN}
    )
    assert without_csrf.status_code == 403
