"""Tests of the audit pages and the history API: values before and after, and rights."""

from __future__ import annotations

from fastapi.testclient import TestClient

from geo.maps.language import texts
from geo.settings import Settings
from geo.store.audit_actions import AuditAction
from geo.store.connection import connect
from geo.store.queries.api_tokens import make_token
from service.app import create_app
from tests.support.service import sign_in


def test_history_shows_status_changed_by_a_feed(store: str) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO cameras (code, name, kind, geometry) VALUES ('a/1', '<b>x</b>', 'dome', "
            "ST_SetSRID(ST_Point(118, 31), 4326))"
        )
        token = make_token(conn, "vendor", ["status:write"], days=1)
        conn.commit()
    with TestClient(create_app(store, Settings()), cookies=sign_in(store, "auditor")) as client:
        response = client.post(
            "/api/v1/ingest/camera-statuses",
            json=[{"code": "a/1", "status": "faulty"}],
            headers={"Authorization": f"Bearer {token}"},
        )
        assert response.status_code == 200
        history = client.get("/api/v1/history/cameras/a/1").json()
        assert [(row["actor"], row["before"]) for row in history] == [
            ("token vendor", {"status": "unknown"}),
            (history[1]["actor"], None),
        ]
        assert history[0]["after"] == {"status": "faulty"}
        number = history[0]["change_set"]
        assert f'href="/audit/changes/{number}?lang=en"' in client.get("/audit?lang=en").text
        page = client.get(f"/audit/changes/{number}?lang=en").text
        assert "<td>status</td><td>unknown</td><td>faulty</td>" in page
        created_page = client.get(f"/audit/changes/{history[1]['change_set']}?lang=zh").text
        assert "&lt;b&gt;x&lt;/b&gt;" in created_page
        assert "<b>x" not in created_page
        assert client.get("/audit/changes/999").status_code == 404
        assert client.get("/api/v1/history/nothing/1").status_code == 404


def test_audit_pages_require_right_for_all_areas(demo_store: str) -> None:
    with TestClient(
        create_app(demo_store, Settings()), cookies=sign_in(demo_store, "planner")
    ) as client:
        assert client.get("/audit/changes/1").status_code == 403
        assert client.get("/api/v1/history/cameras/c1").status_code == 403
    cookies = sign_in(demo_store, "administrator", "990101001")
    with TestClient(create_app(demo_store, Settings()), cookies=cookies) as client:
        assert client.get("/audit").status_code == 403
        assert client.get("/audit/changes/1").status_code == 403
        assert client.get("/api/v1/history/cameras/c1").status_code == 403


def test_audit_actions_have_texts() -> None:
    former_actions = (
        "looked",
        "asked",
        "import asked",
        "refresh asked",
        "record pruned",
        "wall opened",
    )
    for language in ("zh", "en"):
        for action in (*AuditAction, *former_actions):
            assert texts(language)[f"audit_action_{action}"]
