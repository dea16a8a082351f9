"""An import told what the columns are: proposals, drop-downs' choices, saved mappings, files kept for another try."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from geo.ingest.header_vocabulary import EXTRA
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.imports import read_mapping
from geo.store.queries.uploads import (
    MAX_UPLOADS_PER_USER,
    add_upload,
    delete_expired_uploads,
    read_upload,
)
from service.api.imports import parse_renames
from service.app import create_app
from tests.support.jobs import running_worker, wait_for_job
from tests.support.service import sign_in
from tests.support.workbooks import EXPECTED_CAMERAS, VIETNAMESE_CAMERAS, stored_cameras, workbook

RENAME = {"STT": "code", "Toạ độ": "where", "Điểm lắp đặt": "name", "Hướng": "bearing_deg"}


@pytest.fixture
def client(store: str) -> Iterator[TestClient]:
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as found:
        yield found


def send(client: TestClient, content: bytes = b"", **query: Any) -> dict[str, Any]:
    """The ended job of an import."""
    answer = client.post("/api/v1/jobs/import", params=query, content=content)
    assert answer.status_code == 202, answer.text
    return wait_for_job(client, answer.json()["id"], "done", "failed")


def test_missing_columns_lead_to_proposals_and_the_file_is_not_sent_again(
    client: TestClient, store: str
) -> None:
    with running_worker(store):
        refused = send(
            client,
            workbook(VIETNAMESE_CAMERAS),
            layer="cameras",
            name="máy quay.xlsx",
            dry_run=True,
        )
        assert refused["state"] == "failed"
        preview = refused["outcome"]["preview"]
        assert set(preview["missing"]) >= {"lon", "lat", "code"}
        uses = {one["header"]: one for one in preview["headers"]}
        assert list(uses) == VIETNAMESE_CAMERAS[0]
        assert uses["STT"]["proposed"] == "code"
        assert "all different" in uses["STT"]["evidence"]
        assert uses["Hướng"]["column"] == "bearing_deg"
        assert preview["rows"][0][:2] == ["1", "Ngã tư Lê Lợi"]
        assert "bi-mat" not in json.dumps(refused)
        upload = refused["arguments"]["upload"]
        tried = send(
            client,
            layer="cameras",
            name="x",
            upload=upload,
            rename=json.dumps(RENAME),
            dry_run=True,
        )
        assert tried["state"] == "done", tried
        assert tried["outcome"]["file"] == "máy quay.xlsx"
        assert {u["how"] for u in tried["outcome"]["preview"]["headers"]} == {
            "given",
            "open",
            "secret",
        }
        assert stored_cameras(store) == {}
        done = send(
            client,
            layer="cameras",
            name="x",
            upload=upload,
            save_mapping="hợp đồng",
            rename=[f"{header}={column}" for header, column in RENAME.items()],
        )
        assert (done["state"], done["outcome"]["inserted"]) == ("done", 3)
        assert stored_cameras(store) == EXPECTED_CAMERAS
        # What was stored is not kept.
        gone = client.post(
            "/api/v1/jobs/import", params={"layer": "cameras", "name": "x", "upload": upload}
        )
        assert gone.status_code == 410
        # The next file of the same kind needs the name alone.
        listed = client.get("/api/v1/imports/mappings", params={"layer": "cameras"}).json()
        assert [(one["name"], one["columns"]) for one in listed] == [("hợp đồng", RENAME)]
        rows = [VIETNAMESE_CAMERAS[0], [4, "Sân bay", "31.304, 118.504", "90", "", "x"]]
        more = send(client, workbook(rows), layer="cameras", name="b.xlsx", mapping="hợp đồng")
        assert (more["state"], more["outcome"]["inserted"]) == ("done", 1)
    assert stored_cameras(store) == EXPECTED_CAMERAS | {"4": ("Sân bay", 90.0, 118.504, 31.304)}
    query = {"layer": "cameras", "name": "hợp đồng"}
    assert client.delete("/api/v1/imports/mappings", params=query).status_code == 204
    assert client.delete("/api/v1/imports/mappings", params=query).status_code == 404
    assert client.get("/api/v1/imports/mappings", params={"layer": "cameras"}).json() == []
    with connect(store) as conn:
        row = conn.execute("SELECT detail FROM audit WHERE action = 'mapping deleted'").fetchone()
    assert row == ({"mapping": "hợp đồng"},)


def test_the_workbook_in_another_language(client: TestClient, store: str, odd_files: Path) -> None:
    content = (odd_files / "other_language.xlsx").read_bytes()
    with running_worker(store):
        refused = send(client, content, layer="cameras", name="a.xlsx", dry_run=True)
        assert "code" in refused["outcome"]["preview"]["missing"]
        upload = refused["arguments"]["upload"]
        done = send(client, layer="cameras", name="a", upload=upload, rename=json.dumps(RENAME))
        assert (done["state"], done["outcome"]["inserted"]) == ("done", 3), done
    assert {code: row[1:] for code, row in stored_cameras(store).items()} == {
        "1": (259.0, 118.501, 31.301),
        "2": (None, 118.502, 31.302),
        "3": (307.0, 118.503, 31.303),
    }


def test_points_without_key_and_time(client: TestClient, store: str) -> None:
    content = b"latitude,longitude\n31.301,118.501\n31.302,118.502\n31.302,118.502\n"
    asked: dict[str, Any] = {"layer": "incidents", "name": "points_alone.csv"}
    with running_worker(store):
        refused = send(client, content, **asked, dry_run=True)
        assert refused["outcome"]["preview"]["missing"] == ["source_id", "occurred_at"]
        again = asked | {"upload": refused["arguments"]["upload"]}
        keyed = send(client, **again, dry_run=True, key="number")
        assert keyed["outcome"]["preview"]["missing"] == ["occurred_at"]
        done = send(client, **again, key="number", occurred="2025")
        assert (done["state"], done["outcome"]["inserted"]) == ("done", 3), done
    with connect(store) as conn:
        rows = conn.execute(
            "SELECT DISTINCT occurred_from AT TIME ZONE 'Asia/Shanghai', "
            "occurred_to AT TIME ZONE 'Asia/Shanghai' FROM incidents"
        ).fetchall()
    assert [[str(moment) for moment in row] for row in rows] == [
        ["2025-01-01 00:00:00", "2026-01-01 00:00:00"]
    ]


def test_a_known_header_can_be_kept_as_it_is(client: TestClient, store: str) -> None:
    content = "编码,名称,经度,纬度,方位角\na,东门,118.5,31.3,90\n".encode()
    with running_worker(store):
        done = send(
            client, content, layer="cameras", name="a.csv", rename="方位角=extra", save_mapping="m"
        )
    assert done["state"] == "done", done
    with connect(store) as conn:
        assert conn.execute("SELECT bearing_deg, extra FROM cameras").fetchone() == (
            None,
            {"方位角": "90"},
        )
        assert read_mapping(conn, "cameras", "m").columns["方位角"] == EXTRA


def test_passwords_are_never_shown(client: TestClient, store: str) -> None:
    content = "地点,密码,经度,纬度\n东门,geheim1,118.5,31.3\n西门,geheim2,118.6,31.3\n".encode()
    with running_worker(store):
        refused = send(client, content, layer="cameras", name="a.csv", dry_run=True)
    assert refused["outcome"]["preview"]["missing"] == ["code"]
    assert "geheim" not in json.dumps(refused)
    (secret,) = [u for u in refused["outcome"]["preview"]["headers"] if u["header"] == "密码"]
    assert (secret["how"], secret["column"], secret["proposed"]) == ("secret", None, None)


def test_a_file_is_kept_for_its_sender_and_not_for_long(client: TestClient, store: str) -> None:
    with running_worker(store):
        refused = send(client, b"a,b\n1,2\n", layer="cameras", name="a.csv", dry_run=True)
    upload = refused["arguments"]["upload"]
    query = {"layer": "cameras", "name": "a.csv", "upload": upload, "dry_run": True}
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as other:
        assert other.post("/api/v1/jobs/import", params=query).status_code == 410
    with connect(store) as conn:
        assert read_upload(conn, upload) is not None
        delete_expired_uploads(conn)
        assert read_upload(conn, upload) is not None
        conn.execute("UPDATE uploads SET uploaded_at = now() - interval '2 hours'")
        delete_expired_uploads(conn)
        # The hour counts from the end of the last job.
        assert read_upload(conn, upload) is not None
        conn.execute("UPDATE jobs SET finished_at = now() - interval '61 minutes'")
        conn.execute("UPDATE jobs SET ended = NULL")
        delete_expired_uploads(conn)
        # A job that waits keeps it.
        assert read_upload(conn, upload) is not None
        conn.execute("UPDATE jobs SET ended = 'failed'")
        delete_expired_uploads(conn)
        assert read_upload(conn, upload) is None
        conn.commit()
        keys = [add_upload(conn, f"{k}.csv", b"x", "somebody") for k in range(8)]
        left = [key for key in keys if read_upload(conn, key) is not None]
        conn.commit()
    assert len(left) == MAX_UPLOADS_PER_USER
    assert keys[-1] in left
    assert client.post("/api/v1/jobs/import", params=query).status_code == 410


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"layer": "cameras", "rename": "code"}, "HEADER=column"),
        ({"layer": "cameras", "rename": "=code"}, "HEADER=column"),
        ({"layer": "cameras", "rename": "a=nothing"}, "no column"),
        ({"layer": "cameras", "rename": ["a=code", "b=code"]}, "cannot both be"),
        ({"layer": "cameras", "rename": '{"a": 1}'}, "both texts"),
        ({"layer": "cameras", "rename": '{"a": '}, "no JSON"),
        ({"layer": "cameras", "key": "random"}, "number"),
        ({"layer": "cameras", "occurred": "2025"}, "for incidents"),
        ({"layer": "incidents", "occurred": "last year"}, "2025-03"),
        ({"layer": "incidents", "occurred": "2025-05/2025-01"}, "ends before"),
        ({"layer": "cameras", "date_order": "year"}, "day"),
        ({"layer": "cameras", "mapping": "none"}, "no mapping"),
        ({"layer": "cameras", "save_mapping": " "}, "name"),
        ({"layer": "grid-staff", "key": "number"}, "does not take key"),
        ({"layer": "grid-staff", "mapping": "none"}, "no mapping"),
        ({"layer": "cameras", "encoding": "klingon"}, "euc-kr"),
        ({"layer": "osm", "encoding": "utf-8"}, "does not take encoding"),
        ({"layer": "osm", "rename": "a=code"}, "no column"),
        ({"layer": "osm", "mapping": "m"}, "does not take mapping"),
        ({"layer": "cameras", "upload": "x"}, "one of the two"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(
    client: TestClient, query: dict[str, Any], words: str
) -> None:
    answer = client.post("/api/v1/jobs/import", params=query | {"name": "a.csv"}, content=b"a\n1\n")
    assert answer.status_code == 422
    assert words in answer.text
    assert client.get("/api/v1/jobs").json() == []


def test_a_header_may_hold_an_equals_sign() -> None:
    assert parse_renames(["a=b=code"], "cameras") == {"a=b": "code"}
    assert parse_renames(['{"{x}": "code"}', "y=extra", "z=extra"], "cameras") == {
        "{x}": "code",
        "y": EXTRA,
        "z": EXTRA,
    }
    with pytest.raises(HTTPException):
        parse_renames(['["a"]'], "cameras")
