"""The pages and answers of the record: what changed from what to what, for those who may know."""

from __future__ import annotations

from fastapi.testclient import TestClient

from geo.maps.language import texts
from geo.settings import Settings
from geo.store.audit_actions import AuditAction
from geo.store.connection import connect
from geo.store.queries.api_tokens import make_token
from service.app import create_app
from tests.support.service import sign_in


def test_a_status_that_a_feed_changed(store: str) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO cameras (code, name, kind, geometry) VALUES ('a/1', '<b>x</b>', 'dome', "
            "ST_SetSRID(ST_Point(118, 31), 4326))"
        )
        token = make_token(conn, "vendor", ["status:write"], days=1)
        conn.commit()
    with TestClient(create_app(store, Settings()), cookies=sign_in(store, "auditor")) as client:
        sent = client.post(
            "/api/v1/ingest/camera-statuses",
            json=[{"code": "a/1", "status": "faulty"}],
            headers={"Authorization": f"Bearer {token}"},
        )
        assert sent.status_code == 200
        told = client.get("/api/v1/history/cameras/a/1").json()
        assert [(row["actor"], row["before"]) for row in told] == [
            ("token vendor", {"status": "unknown"}),
            (told[1]["actor"], None),
        ]
        assert told[0]["after"] == {"status": "faulty"}
        number = told[0]["change_set"]
        assert f'href="/audit/changes/{number}?lang=en"' in client.get("/audit?lang=en").text
        page = client.get(f"/audit/changes/{number}?lang=en").text
        assert "<td>status</td><td>unknown</td><td>faulty</td>" in page
        came = client.get(f"/audit/changes/{told[1]['change_set']}?lang=zh").text
        assert "&lt;b&gt;x&lt;/b&gt;" in came
        assert "<b>x" not in came
        assert client.get("/audit/changes/999").status_code == 404
        assert client.get("/api/v1/history/nothing/1").status_code == 404


def test_only_who_may_audit_everywhere(demo_store: str) -> None:
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


def test_every_action_has_a_text() -> None:
    former = ("looked", "asked", "import asked", "refresh asked", "record pruned", "wall opened")
    for language in ("zh", "en"):
        for action in (*AuditAction, *former):
            assert texts(language)[f"audit_action_{action}"]
