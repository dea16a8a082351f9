"""Scenarios: kept, shared within what one sees, changed in turn, compared and handed in."""

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

MINE, THEIRS = "990101002", "990101001"
Where = "http://testserver"


@pytest.fixture(scope="module")
def app(demo_store: str) -> Iterator[Any]:
    made = create_app(demo_store, Settings())
    with TestClient(made):
        yield made


def client_of(app: Any, store: str, name: str, role: str, *areas: str) -> TestClient:
    with connect(store) as conn:
        number = add_user(conn, name, "none", role, list(areas) or ["*"])
        secret = open_session(conn, number, hours=1)
    return TestClient(app, cookies={COOKIE: secret})


def cameras(store: str, prefix: str, count: int = 2) -> list[dict[str, Any]]:
    lon, lat = largest_blind_spot(store, prefix)
    return [{"lon": lon + k * 1e-4, "lat": lat, "kind": "ptz"} for k in range(count)]


def test_kept_opened_changed_and_forgotten(app: Any, demo_store: str) -> None:
    one = client_of(app, demo_store, "方案甲", "planner")
    given = cameras(demo_store, MINE)
    with connect(demo_store) as conn:
        before = conn.execute("SELECT count(*) FROM change_sets").fetchone()
    kept = one.post("/api/v1/scenarios", json={"name": "学校周边", "cameras": given})
    assert kept.status_code == 201, kept.text
    made = kept.json()
    assert made["version"] == 1
    assert made["mine"]
    assert [c["lon"] for c in made["cameras"]] == [c["lon"] for c in given]
    twice = one.post("/api/v1/scenarios", json={"name": "学校周边", "cameras": given})
    assert twice.status_code == 409
    assert "another name" in twice.json()["detail"]
    number = made["id"]
    body = {"name": "学校周边二", "cameras": given[:1], "version": 1}
    assert one.put(f"/api/v1/scenarios/{number}", json=body).json()["version"] == 2
    late = one.put(f"/api/v1/scenarios/{number}", json=body)
    assert late.status_code == 409
    assert "meanwhile" in late.json()["detail"]
    assert [row["name"] for row in one.get("/api/v1/scenarios").json()] == ["学校周边二"]
    assert one.delete(f"/api/v1/scenarios/{number}").status_code == 204
    assert one.delete(f"/api/v1/scenarios/{number}").status_code == 404
    assert one.get(f"/api/v1/scenarios/{number}").status_code == 404
    with connect(demo_store) as conn:
        # No register was touched, and what was done is on record.
        assert conn.execute("SELECT count(*) FROM change_sets").fetchone() == before
        told = [
            e["action"]
            for e in read_audit_entries(conn, 200, actor="方案甲")
            if e["action"].startswith("scenario")
        ]
    assert told == ["scenario removed", "scenario saved", "scenario saved"]


def test_shared_within_what_one_sees(app: Any, demo_store: str) -> None:
    everywhere = client_of(app, demo_store, "方案乙", "planner")
    neighbour = client_of(app, demo_store, "方案丙", "planner", MINE)
    there = everywhere.post(
        "/api/v1/scenarios",
        json={"name": "邻街", "shared": True, "cameras": cameras(demo_store, THEIRS)},
    ).json()
    here = everywhere.post(
        "/api/v1/scenarios",
        json={"name": "本街", "shared": True, "cameras": cameras(demo_store, MINE)},
    ).json()
    own = everywhere.post(
        "/api/v1/scenarios", json={"name": "草稿", "cameras": cameras(demo_store, MINE)}
    ).json()
    both = everywhere.post(
        "/api/v1/scenarios",
        json={
            "name": "跨街",
            "shared": True,
            "cameras": cameras(demo_store, MINE) + cameras(demo_store, THEIRS),
        },
    ).json()
    assert [row["name"] for row in neighbour.get("/api/v1/scenarios").json()] == ["本街"]
    for hidden in (there, own, both):
        assert neighbour.get(f"/api/v1/scenarios/{hidden['id']}").status_code == 404
        assert (
            neighbour.get("/api/v1/scenarios/comparison", params={"id": hidden["id"]}).status_code
            == 404
        )
        assert neighbour.get(f"/api/v1/scenarios/{hidden['id']}/plan.csv").status_code == 404
    opened = neighbour.get(f"/api/v1/scenarios/{here['id']}").json()
    assert not opened["mine"]
    # A shared one is opened by others, changed by its owner alone.
    body = {"name": "本街", "cameras": opened["cameras"], "version": 1}
    assert neighbour.put(f"/api/v1/scenarios/{here['id']}", json=body).status_code == 404
    away = neighbour.post(
        "/api/v1/scenarios", json={"name": "越界", "cameras": cameras(demo_store, THEIRS)}
    )
    assert away.status_code == 422
    assert "Camera 1, 2 stands outside your areas" in away.json()["detail"]
    clerk = client_of(app, demo_store, "方案丁", "clerk")
    assert clerk.get("/api/v1/scenarios").status_code == 403


def test_compared_and_handed_in(app: Any, demo_store: str) -> None:
    one = client_of(app, demo_store, "方案戊", "planner")
    given = cameras(demo_store, MINE, 3)
    few = one.post("/api/v1/scenarios", json={"name": "一台", "cameras": given[:1]}).json()
    many = one.post("/api/v1/scenarios", json={"name": "三台", "cameras": given}).json()
    rows = one.get("/api/v1/scenarios/comparison", params={"id": [few["id"], many["id"]]}).json()
    assert [row["cameras"] for row in rows] == [1, 3]
    for row, saved in zip(rows, (few, many), strict=True):
        asked = one.post("/api/v1/planning/what-if", json={"cameras": saved["cameras"]}).json()
        assert (row["gained_m2"], row["risk"], row["incidents"]) == (
            asked["gained_m2"],
            asked["risk"],
            asked["incidents"],
        )
    assert rows[1]["gained_m2"] > rows[0]["gained_m2"] > 0
    assert rows[1]["risk"] >= rows[0]["risk"]
    plan = one.get(f"/api/v1/scenarios/{many['id']}/plan.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(plan.content)).active
    assert sheet is not None
    lines = list(sheet.iter_rows(values_only=True))
    head = [str(name) for name in lines[0]]
    assert len(lines) == 4
    gains = [line[head.index("gain_m2")] for line in lines[1:]]
    assert sum(float(str(g)) for g in gains) == pytest.approx(
        rows[1]["gained_m2"], rel=0.001, abs=1
    )
    assert all(float(str(g)) >= 0 for g in gains)
    for form in ("csv", "geojson", "gpkg"):
        answer = one.get(f"/api/v1/scenarios/{many['id']}/plan.{form}")
        assert answer.status_code == 200, form
        assert answer.content


def test_the_walls_session_shows_maps_and_nothing_else(app: Any, demo_store: str) -> None:
    client = client_of(app, demo_store, "大屏", "administrator")
    before = client.cookies[COOKIE]
    page = client.get("/video-wall?lang=zh").text
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    opened = client.post(
        "/video-wall", data={"csrf": csrf}, headers={"Origin": Where}, follow_redirects=False
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
    assert (
        wall.post(
            "/api/v1/planning/what-if", json={"cameras": cameras(demo_store, MINE)}
        ).status_code
        == 403
    )
    # The session it came from is over.
    stale = TestClient(app, cookies={COOKIE: before})
    assert stale.get("/api/v1/grids/values").status_code == 401
    with connect(demo_store) as conn:
        lasts = conn.execute(
            "SELECT max(expires_at) - now() > interval '29 days' FROM sessions WHERE wall"
        ).fetchone()
    assert lasts == (True,)


def test_users_are_opened_ended_and_shown_their_password_once(app: Any, demo_store: str) -> None:
    client = client_of(app, demo_store, "管理", "administrator")
    page = client.get("/users?lang=zh")
    assert page.status_code == 200
    assert "990101" in page.text
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]

    def posted(**form: str) -> Any:
        return client.post("/users?lang=zh", data={"csrf": csrf, **form}, headers={"Origin": Where})

    added = posted(task="add", name="新人", role="planner", areas=MINE)
    password = added.text.split('class="secret">')[1].split("<")[0]
    fresh = TestClient(app, follow_redirects=False)
    signed = fresh.post(
        "/sign-in", data={"name": "新人", "password": password}, headers={"Origin": Where}
    )
    assert signed.status_code == 303
    assert fresh.get("/users").status_code == 403
    assert password not in client.get("/users?lang=zh").text
    wrong = posted(task="add", name="又一人", role="planner", areas="nowhere")
    assert wrong.status_code == 422
    assert "nowhere" in wrong.text
    assert posted(task="remove", name="管理").status_code == 422
    assert posted(task="remove", name="没有").status_code == 422
    assert "已停用" in posted(task="remove", name="新人").text
    assert fresh.get("/api/v1/grids/values").status_code == 401
    other = client_of(app, demo_store, "半管", "administrator", MINE)
    assert other.get("/users").status_code == 403
    assert (
        client.post(
            "/users", data={"task": "add", "name": "x"}, headers={"Origin": Where}
        ).status_code
        == 403
    )
