"""Tests of the ingestion API, tokens, alerts and webhooks."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import standardwebhooks
from fastapi.testclient import TestClient

from geo.errors import GridcoverError
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.alerts import raise_alerts, read_open_alerts
from geo.store.queries.api_tokens import make_token
from geo.store.queries.job_workers import write_heartbeat
from geo.store.queries.webhooks import (
    add_webhook,
    enqueue_stored_deliveries,
    list_webhooks,
    queue_deliveries,
)
from service.app import create_app
from service.worker.webhooks import require_allowed
from service.worker.worker_process import send_due_deliveries
from tests.support.commands import CommandResult
from tests.support.jobs import running_worker
from tests.support.service import sign_in

CODE = "34020300001320000001"
GRID = "340203001001001"


@pytest.fixture
def filled_store(store: str) -> str:
    """A store with one grid and one camera."""
    with connect(store) as conn:
        box = "ST_Multi(ST_MakeEnvelope(118, 30.9, 118.2, 31, 4326))"
        conn.execute(f"INSERT INTO grids (code, name, geometry) VALUES ('{GRID}', 'g', {box})")
        conn.execute(
            "INSERT INTO cameras (code, status, installed_on, geometry) VALUES (%s, 'working', "
            "'2020-01-01', ST_SetSRID(ST_MakePoint(118.05, 30.95), 4326))",
            (CODE,),
        )
    return store


def bearer_headers(store: str, *scopes: str) -> dict[str, str]:
    with connect(store) as conn:
        name = "-".join(scopes) + str(dt.datetime.now().timestamp())  # noqa: DTZ005
        return {"Authorization": f"Bearer {make_token(conn, name, list(scopes), days=1)}"}


@pytest.fixture
def client(filled_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(filled_store, Settings())) as test_client:
        test_client.headers.update(bearer_headers(filled_store, "incidents:write", "status:write"))
        yield test_client


def incident(number: str, **columns: Any) -> dict[str, Any]:
    row = {
        "source": "12345",
        "source_id": number,
        "category": "城管/占道",
        "reported_at": "2026-10-01 08:00",
        "lon": 118.05,
        "lat": 30.95,
    }
    return row | columns


def query_rows(store: str, query: str) -> list[tuple[Any, ...]]:
    with connect(store) as conn:
        return conn.execute(query.encode()).fetchall()


def test_ingest_incidents_answers_every_row(client: TestClient, filled_store: str) -> None:
    batch = [
        incident("a"),
        incident("b", lon=None, lat=None, grid=GRID),
        incident("c", lon=0, lat=0),
        incident("", category="x"),
        incident("d", reported_at="yesterday"),
        incident("a", category="again"),
        "no object",
        incident("e", satisfaction="很好", lon="118°03′E"),
        incident("f", lon=121.0, lat=31.2),
    ]
    response = client.post("/api/v1/ingest/incidents", json=batch)
    assert response.status_code == 207
    body = response.json()
    assert body["counts"] == {"inserted": 3, "rejected": 6}
    by_row = {row["row"]: row for row in body["rows"]}
    assert [by_row[k]["result"] for k in range(9)] == [
        "inserted",
        "inserted",
        "rejected",
        "rejected",
        "rejected",
        "rejected",
        "rejected",
        "inserted",
        "rejected",
    ]
    reasons = {k: [f["reason"] for f in by_row[k]["findings"]] for k in range(9)}
    assert reasons[2] == ["zero_coordinates"]
    assert reasons[3] == ["empty_value"]
    assert reasons[4] == ["impossible_date", "no_usable_time"]
    assert reasons[5] == ["repeated_key"]
    assert "empty_value" in reasons[6]
    assert reasons[7] == ["not_a_number"]
    assert reasons[8] == ["outside_district"]
    stored = query_rows(filled_store, "SELECT source_id, precision, grid FROM incidents ORDER BY 1")
    assert stored == [("a", "exact", None), ("b", "grid", GRID), ("e", "exact", None)]
    # Sent again: the same row is unchanged, a changed row is updated.
    repeated = client.post(
        "/api/v1/ingest/incidents", json={"rows": [batch[0], incident("b", grid=GRID)]}
    )
    assert [row["result"] for row in repeated.json()["rows"]] == ["unchanged", "updated"]
    imports = query_rows(filled_store, "SELECT layer, rows, rejected FROM imports ORDER BY id")
    assert imports == [("incidents", 9, 6), ("incidents", 2, 0)]


def test_ingest_incidents_reads_geojson_and_chinese_names(
    client: TestClient, filled_store: str
) -> None:
    point = {"type": "Point", "coordinates": [118.05, 30.95]}
    line = {"type": "LineString", "coordinates": [[118, 30], [119, 31]]}
    features = [
        {
            "type": "Feature",
            "id": 7,
            "geometry": point,
            "properties": {"来源系统": "网格", "诉求类型": "噪音", "诉求时间": "2026年10月1日"},
        },
        {"type": "Feature", "id": "8", "geometry": line, "properties": {"诉求时间": "2026-10-01"}},
        {
            "type": "Feature",
            "id": "9",
            "geometry": None,
            "properties": {"诉求时间": "2026-10-01", "所属网格": GRID, "备注": {"a": 1}},
        },
    ]
    body = {"type": "FeatureCollection", "features": features}
    results = client.post("/api/v1/ingest/incidents?source=hotline", json=body).json()["rows"]
    assert [row["result"] for row in results] == ["inserted", "rejected", "inserted"]
    assert [row["key"] for row in results] == ["网格/7", None, "hotline/9"]
    assert results[1]["findings"][0]["reason"] == "unreadable_coordinates"
    assert query_rows(filled_store, "SELECT extra FROM incidents WHERE source_id = '9'") == [
        ({"备注": '{"a": 1}'},)
    ]


def test_ingest_idempotency_key_stores_batch_once(client: TestClient, filled_store: str) -> None:
    key = {"Idempotency-Key": "batch-1"}
    first = client.post(
        "/api/v1/ingest/incidents", json=[incident("a"), incident("b", lon=0, lat=0)], headers=key
    )
    second = client.post(
        "/api/v1/ingest/incidents", json=[incident("a"), incident("b", lon=0, lat=0)], headers=key
    )
    assert first.status_code == second.status_code == 207
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    changed_batch = client.post("/api/v1/ingest/incidents", json=[incident("c")], headers=key)
    assert changed_batch.status_code == 422
    assert "new key" in changed_batch.json()["detail"]
    assert len(query_rows(filled_store, "SELECT 1 FROM imports")) == 1


def test_ingest_concurrent_batches_store_rows_once(client: TestClient, filled_store: str) -> None:
    batch = [incident(str(k)) for k in range(400)]

    def send(turn: int) -> list[str]:
        rows = batch if turn % 2 else batch[::-1]
        headers = {"Idempotency-Key": f"k{turn // 2}"} if turn < 4 else {}
        response = client.post("/api/v1/ingest/incidents", json=rows, headers=headers)
        if response.status_code == 422:  # the same key with the rows in another order
            return []
        return [row["result"] for row in response.json()["rows"]]

    with ThreadPoolExecutor(8) as executor:
        results = list(executor.map(send, range(8)))
    assert sum(result.count("inserted") for result in results[4:]) <= 400
    assert {result_name for result in results for result_name in result} <= {
        "inserted",
        "unchanged",
    }
    assert query_rows(filled_store, "SELECT count(*) FROM incidents") == [(400,)]


def test_ingest_camera_statuses_keeps_history(client: TestClient, filled_store: str) -> None:
    def send(*reports: tuple[str, str | None]) -> list[str]:
        batch = [{"设备编码": CODE, "设备状态": status, "at": at} for status, at in reports]
        response = client.post("/api/v1/ingest/camera-statuses", json=batch)
        return [row["result"] for row in response.json()["rows"]]

    assert send(("离线", "2026-10-01T08:00:00+08:00")) == ["recorded"]
    assert query_rows(filled_store, "SELECT status FROM cameras") == [("offline",)]
    # A repetition, an older report, and one that equals the history.
    assert send(
        ("OFF", "2026-10-01T08:00:00+08:00"), ("2", "2026-09-01"), ("ON", "2025-01-01")
    ) == [
        "unchanged",
        "superseded",
        "unchanged",
    ]
    assert query_rows(filled_store, "SELECT status FROM cameras") == [("offline",)]
    assert send(("在用", None)) == ["recorded"]
    assert send(("在用", None)) == ["unchanged"]
    history = query_rows(filled_store, "SELECT status FROM camera_status ORDER BY since")
    assert history == [("working",), ("faulty",), ("offline",), ("working",)]
    last_heard = query_rows(
        filled_store, "SELECT now() - at < interval '1 minute' FROM camera_heard"
    )
    assert last_heard == [(True,)]
    invalid_rows = [
        {"code": "x", "status": "ON"},
        {"code": CODE, "status": "asleep"},
        {"code": CODE, "status": "ON", "at": "2999-01-01"},
        {"status": "ON"},
        {"code": CODE, "status": "ON", "at": "noon"},
    ]
    response = client.post("/api/v1/ingest/camera-statuses", json=invalid_rows)
    assert response.status_code == 422
    assert [row["findings"][0]["reason"] for row in response.json()["rows"]] == [
        "unknown_camera",
        "unknown_value/status",
        "date_in_future",
        "empty_value",
        "impossible_date",
    ]
    assert query_rows(filled_store, "SELECT count(*) FROM camera_status") == [(4,)]
    # A register import with the same status adds nothing to the history.
    with connect(filled_store) as conn:
        conn.execute("UPDATE cameras SET name = 'x', status = 'working'")
    assert query_rows(filled_store, "SELECT count(*) FROM camera_status") == [(4,)]


def test_ingest_refuses_bad_tokens_and_bodies(filled_store: str, client: TestClient) -> None:
    with TestClient(create_app(filled_store, Settings())) as anonymous:
        for path in ("/api/v1/ingest/incidents", "/api/v1/ingest/camera-statuses"):
            refused = anonymous.post(path, json=[incident("a")])
            assert refused.status_code == 401
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["www-authenticate"] == "Bearer"
            for authorization in ("Bearer nonsense", "Basic eDp5", "Bearer "):
                response = anonymous.post(path, json=[], headers={"Authorization": authorization})
                assert response.status_code == 401
        status_only = bearer_headers(filled_store, "status:write")
        response = anonymous.post(
            "/api/v1/ingest/incidents", json=[incident("a")], headers=status_only
        )
        assert response.status_code == 403
        with connect(filled_store) as conn:
            conn.execute("UPDATE api_tokens SET expires_at = now() - interval '1 second'")
        response = anonymous.post("/api/v1/ingest/camera-statuses", json=[{}], headers=status_only)
        assert response.status_code == 401
    with connect(filled_store) as conn:
        conn.execute("UPDATE api_tokens SET expires_at = now() + interval '1 day'")
    assert client.post("/api/v1/ingest/incidents", content=b"{").status_code == 400
    assert client.post("/api/v1/ingest/incidents", content=b'[{"lon": NaN}]').status_code == 400
    assert client.post("/api/v1/ingest/incidents", content=b"[" * 200_000).status_code == 400
    assert client.post("/api/v1/ingest/incidents", json={"a": 1}).status_code == 400
    assert client.post("/api/v1/ingest/incidents", json=[]).status_code == 400
    assert client.post("/api/v1/ingest/incidents", json=[{}] * 10_001).status_code == 400
    assert client.post("/api/v1/ingest/incidents", content=b" " * (33 << 20)).status_code == 413
    assert client.post("/api/v1/ingest/incidents", json=[{}]).status_code == 422
    content = json.dumps([incident("a\x00b", category="\ud800x")])
    response = client.post("/api/v1/ingest/incidents", content=content)
    assert response.status_code == 400
    assert query_rows(filled_store, "SELECT source_id, category FROM incidents") == []


def test_grid_staff_shows_phones_with_scope_or_right(filled_store: str, client: TestClient) -> None:
    with connect(filled_store) as conn:
        conn.execute(
            "INSERT INTO grid_staff VALUES (%s, 'full_time', '乙', '2'), (%s, 'head', '甲', '1')",
            (GRID, GRID),
        )
    path = f"/api/v1/grids/{GRID}/staff"
    assert client.get(path).status_code == 403  # its token has the scope of incidents only
    client.cookies.update(sign_in(filled_store, "planner"))
    without_phones = [
        {"role": "head", "name": "甲", "phone": None},
        {"role": "full_time", "name": "乙", "phone": None},
    ]
    assert client.get(path).json() == without_phones
    # The session cookie takes precedence over an Authorization header.
    staff_token = bearer_headers(filled_store, "staff:read")
    assert client.get(path, headers=staff_token).json() == without_phones
    client.cookies.clear()
    with_phones = client.get(path, headers=bearer_headers(filled_store, "staff:read")).json()
    assert [row["phone"] for row in with_phones] == ["1", "2"]
    assert client.get(path, headers=bearer_headers(filled_store, "status:write")).status_code == 403
    client.cookies.update(sign_in(filled_store, "commander"))
    assert client.get(path).json() == with_phones
    assert client.get("/api/v1/grids/none/staff").status_code == 404


class Receiver:
    """A webhook receiver with prescribed status codes that records its requests."""

    def __init__(self) -> None:
        self.status_codes: list[int] = []
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.arrived = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
                outer.arrived.set()
                code = outer.status_codes.pop(0) if outer.status_codes else 204
                self.send_response(code)
                if code == 302:
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    test_receiver = Receiver()
    yield test_receiver
    test_receiver.server.shutdown()
    test_receiver.thread.join()
    test_receiver.server.server_close()


def store_alerts(store: str, run: int, alert: dict[str, bool]) -> tuple[int, int]:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO runs (kind, parameters, inputs_digest, software_version, metric_crs, "
            "started_at, finished_at, summary) VALUES ('t', '{}', '', '', 'EPSG:32650', now(), "
            "now(), '{}')"
        )
        conn.execute("DELETE FROM grid_patterns")
        for category, raised in alert.items():
            conn.execute(
                "INSERT INTO grid_patterns (category, grid, run, alert, alert_since, "
                "alert_observed, alert_expected, alert_score) SELECT %s, %s, max(id), %s, "
                "'2026-10-05', 9, 3, 5.5 FROM runs",
                (category, GRID, raised),
            )
        return raise_alerts(conn, run)


def send_due(store: str, settings: Settings) -> int:
    """Send due deliveries and return the number of attempts."""
    attempts = "SELECT coalesce(sum(attempts), 0)::integer FROM webhook_deliveries"
    before = query_rows(store, attempts)[0][0]
    send_due_deliveries(store, settings)
    return int(query_rows(store, attempts)[0][0] - before)


MAKE_DUE = (
    "UPDATE webhook_deliveries SET next_at = now() WHERE next_at IS NOT NULL",
    "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'",
)


def test_raise_alerts_opens_ends_and_notifies_webhooks(
    filled_store: str, receiver: Receiver
) -> None:
    settings = Settings(webhook_targets=[receiver.origin])
    with connect(filled_store) as conn:
        secret = add_webhook(conn, receiver.origin + "/hook")
    assert store_alerts(filled_store, 1, {"theft": True, "noise": False}) == (1, 0)
    assert store_alerts(filled_store, 2, {"theft": True, "noise": True}) == (1, 0)
    with connect(filled_store) as conn:
        assert [a["category"] for a in read_open_alerts(conn)] == ["theft", "noise"]
    assert send_due(filled_store, settings) == 2
    assert send_due(filled_store, settings) == 0
    headers, body = receiver.received[0]
    # The reference library of Standard Webhooks verifies the signature.
    data = standardwebhooks.Webhook(secret).verify(body, headers)
    assert data["type"] == "alerts.raised"
    (alert,) = data["data"]["alerts"]
    assert (alert["category"], alert["grid"], alert["since"], alert["observed"]) == (
        "theft",
        GRID,
        "2026-10-05",
        9.0,
    )
    assert 118 < alert["lon"] < 118.2
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(body + b" ", headers)
    assert store_alerts(filled_store, 3, {"theft": False, "noise": True}) == (0, 1)
    assert store_alerts(filled_store, 4, {"theft": True, "noise": True}) == (1, 0)
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 2


def test_webhook_delivery_is_retried_then_given_up(filled_store: str, receiver: Receiver) -> None:
    settings = Settings(webhook_targets=[receiver.origin])
    with connect(filled_store) as conn:
        add_webhook(conn, receiver.origin + "/hook")
        conn.commit()
        store_alerts(filled_store, 1, {"theft": True})
        receiver.status_codes = [500, 302]
        for attempt, expected_answer in enumerate(("HTTP 500", "HTTP 302"), start=1):
            assert send_due(filled_store, settings) == 1
            row = conn.execute(
                "SELECT attempts, answer, next_at > now(), delivered_at FROM webhook_deliveries"
            ).fetchone()
            assert row == (attempt, expected_answer, True, None)
            assert send_due(filled_store, settings) == 0
            for statement in MAKE_DUE:
                conn.execute(statement)
            conn.commit()
        assert send_due(filled_store, settings) == 1
        assert [a[0]["webhook-id"] for a in receiver.received] == [
            receiver.received[0][0]["webhook-id"]
        ] * 3
        delivery = conn.execute(
            "SELECT attempts, next_at, delivered_at IS NOT NULL FROM webhook_deliveries"
        ).fetchone()
        assert delivery == (3, None, True)
        # Unreachable: retried seven times, then given up, with the last error stored.
        conn.execute("DELETE FROM webhook_deliveries")
        conn.execute("UPDATE webhooks SET url = 'http://127.0.0.1:9/hook'")
        queue_deliveries(conn, "test", {})
        conn.commit()
        unreachable = Settings(webhook_targets=["http://127.0.0.1:9"])
        for _ in range(8):
            assert send_due(filled_store, unreachable) == 1
            for statement in MAKE_DUE:
                conn.execute(statement)
            conn.commit()
        assert send_due(filled_store, unreachable) == 0
        (state,) = list_webhooks(conn)
        assert (state["given_up"], state["waiting"], state["delivered"]) == (1, 0, 0)
        assert "ConnectError" in state["last_answer"]


def test_require_allowed_refuses_other_targets(filled_store: str, receiver: Receiver) -> None:
    settings = Settings(webhook_targets=["https://Centre.example:8443"])
    require_allowed("https://centre.example:8443/a?b=c", settings)
    for url in (
        "https://centre.example/a",
        "http://centre.example:8443/",
        "https://centre.example:8443@evil.example/",
        "https://evil.example/?https://centre.example:8443",
        "file:///etc/passwd",
        "//centre.example:8443/",
        "https://centre.example:8443.evil.example/",
    ):
        with pytest.raises(GridcoverError):
            require_allowed(url, settings)
    with pytest.raises(ValueError, match="no origin"):
        Settings(webhook_targets=["https://centre.example/path"])
    # A webhook whose address is no longer allowed receives nothing.
    with connect(filled_store) as conn:
        add_webhook(conn, receiver.origin + "/hook")
        queue_deliveries(conn, "test", {})
        conn.commit()
        assert send_due(filled_store, settings) == 1
        assert receiver.received == []
        (state,) = list_webhooks(conn)
        assert "not among the allowed" in state["last_answer"]


def test_worker_sends_webhook_deliveries(
    filled_store: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(filled_store) as conn:
        add_webhook(conn, receiver.origin + "/hook")
        queue_deliveries(conn, "test", {})
    monkeypatch.setenv("GRIDCOVER_WEBHOOK_TARGETS", json.dumps([receiver.origin]))
    with running_worker(filled_store):
        assert receiver.arrived.wait(120)
    assert len(receiver.received) == 1


def test_enqueue_stored_deliveries_queues_once(filled_store: str, receiver: Receiver) -> None:
    settings = Settings(webhook_targets=[receiver.origin])
    with connect(filled_store) as conn:
        secret = add_webhook(conn, receiver.origin + "/hook")
        queue_deliveries(conn, "test", {"a": 1})
        # The state left by a version without the job queue.
        conn.execute("DELETE FROM procrastinate_jobs")
        conn.commit()
        assert send_due(filled_store, settings) == 0
        assert enqueue_stored_deliveries(conn) == 1
        assert enqueue_stored_deliveries(conn) == 0
        # A rollback leaves no job behind.
        conn.rollback()
        assert send_due(filled_store, settings) == 0
        assert enqueue_stored_deliveries(conn) == 1
        conn.commit()
        assert send_due(filled_store, settings) == 1
        assert enqueue_stored_deliveries(conn) == 0
    ((headers, body),) = receiver.received
    data = standardwebhooks.Webhook(secret).verify(body, headers)
    assert data == {"type": "test", "data": {"a": 1}}


def test_write_heartbeat_corrects_only_long_delays(filled_store: str) -> None:
    with connect(filled_store) as conn:
        add_webhook(conn, "https://centre.example/hook")
        queue_deliveries(conn, "test", {})
        later = "UPDATE procrastinate_jobs SET scheduled_at = now() + %s::interval"
        due = "SELECT scheduled_at <= now() FROM procrastinate_jobs"
        for delay, expected in (("22 hours", False), ("2 days", True)):
            conn.execute(later, (delay,))
            write_heartbeat(conn, 0)
            assert conn.execute(due).fetchone() == (expected,)


def test_token_and_webhook_commands_are_audited(
    run: Callable[..., CommandResult], receiver: Receiver
) -> None:
    added = run("token", "add", "hotline", "--scope", "incidents:write", "--days", "30")
    assert added.stdout.startswith("gridcover_")
    assert run("token", "add", "hotline", "--scope", "incidents:write").returncode == 1
    assert "no scope" in run("token", "add", "x", "--scope", "all").stderr
    (row,) = json.loads(run("token", "list", "--json").stdout)
    assert (row["name"], row["scopes"]) == ("hotline", ["incidents:write"])
    assert added.stdout.strip() not in json.dumps(row)
    assert run("token", "revoke", "hotline").returncode == 0
    assert run("token", "revoke", "hotline").returncode == 1
    hook = receiver.origin + "/hook"
    assert "not among the allowed" in run("webhook", "add", hook).stderr
    allowed = {"GRIDCOVER_WEBHOOK_TARGETS": json.dumps([receiver.origin])}
    assert run("webhook", "add", hook, **allowed).stdout.startswith("whsec_")
    assert run("webhook", "test", **allowed).returncode == 0
    (state,) = json.loads(run("webhook", "list", "--json").stdout)
    assert state["delivered"] == 1
    assert run("webhook", "remove", hook).returncode == 0
    assert len(receiver.received) == 1
    entries = json.loads(run("audit", "list", "--json").stdout)
    assert [row["action"] for row in entries] == [
        "webhook removed",
        "webhook added",
        "token revoked",
        "token added",
    ]
