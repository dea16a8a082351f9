"""Tests of import options: proposed columns, renames, saved mappings, kept uploads."""

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
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as test_client:
        yield test_client


def run_import(client: TestClient, content: bytes = b"", **query: Any) -> dict[str, Any]:
    """Run an import and return its finished job."""
    response = client.post("/api/v1/jobs/import", params=query, content=content)
    assert response.status_code == 202, response.text
    return wait_for_job(client, response.json()["id"], "done", "failed")


def test_import_proposes_columns_and_reuses_upload(client: TestClient, store: str) -> None:
    with running_worker(store):
        refused = run_import(
            client,
            workbook(VIETNAMESE_CAMERAS),
            layer="cameras",
            name="máy quay.xlsx",
            dry_run=True,
        )
        assert refused["state"] == "failed"
        preview = refused["outcome"]["preview"]
        assert set(preview["missing"]) >= {"lon", "lat", "code"}
        uses = {entry["header"]: entry for entry in preview["headers"]}
        assert list(uses) == VIETNAMESE_CAMERAS[0]
        assert uses["STT"]["proposed"] == "code"
        assert "all different" in uses["STT"]["evidence"]
        assert uses["Hướng"]["column"] == "bearing_deg"
        assert preview["rows"][0][:2] == ["1", "Ngã tư Lê Lợi"]
        assert "bi-mat" not in json.dumps(refused)
        upload = refused["arguments"]["upload"]
        dry_run_job = run_import(
            client,
            layer="cameras",
            name="x",
            upload=upload,
            rename=json.dumps(RENAME),
            dry_run=True,
        )
        assert dry_run_job["state"] == "done", dry_run_job
        assert dry_run_job["outcome"]["file"] == "máy quay.xlsx"
        assert {u["how"] for u in dry_run_job["outcome"]["preview"]["headers"]} == {
            "given",
            "open",
            "secret",
        }
        assert stored_cameras(store) == {}
        import_job = run_import(
            client,
            layer="cameras",
            name="x",
            upload=upload,
            save_mapping="hợp đồng",
            rename=[f"{header}={column}" for header, column in RENAME.items()],
        )
        assert (import_job["state"], import_job["outcome"]["inserted"]) == ("done", 3)
        assert stored_cameras(store) == EXPECTED_CAMERAS
        # An upload is deleted once it is imported.
        expired = client.post(
            "/api/v1/jobs/import", params={"layer": "cameras", "name": "x", "upload": upload}
        )
        assert expired.status_code == 410
        # The next file of the same kind only needs the name of the mapping.
        mappings = client.get("/api/v1/imports/mappings", params={"layer": "cameras"}).json()
        assert [(entry["name"], entry["columns"]) for entry in mappings] == [("hợp đồng", RENAME)]
        rows = [VIETNAMESE_CAMERAS[0], [4, "Sân bay", "31.304, 118.504", "90", "", "x"]]
        next_job = run_import(
            client, workbook(rows), layer="cameras", name="b.xlsx", mapping="hợp đồng"
        )
        assert (next_job["state"], next_job["outcome"]["inserted"]) == ("done", 1)
    assert stored_cameras(store) == EXPECTED_CAMERAS | {"4": ("Sân bay", 90.0, 118.504, 31.304)}
    query = {"layer": "cameras", "name": "hợp đồng"}
    assert client.delete("/api/v1/imports/mappings", params=query).status_code == 204
    assert client.delete("/api/v1/imports/mappings", params=query).status_code == 404
    assert client.get("/api/v1/imports/mappings", params={"layer": "cameras"}).json() == []
    with connect(store) as conn:
        row = conn.execute("SELECT detail FROM audit WHERE action = 'mapping deleted'").fetchone()
    assert row == ({"mapping": "hợp đồng"},)


def test_import_reads_workbook_in_another_language(
    client: TestClient, store: str, odd_files: Path
) -> None:
    content = (odd_files / "other_language.xlsx").read_bytes()
    with running_worker(store):
        refused = run_import(client, content, layer="cameras", name="a.xlsx", dry_run=True)
        assert "code" in refused["outcome"]["preview"]["missing"]
        upload = refused["arguments"]["upload"]
        import_job = run_import(
            client, layer="cameras", name="a", upload=upload, rename=json.dumps(RENAME)
        )
        assert (import_job["state"], import_job["outcome"]["inserted"]) == ("done", 3), import_job
    assert {code: row[1:] for code, row in stored_cameras(store).items()} == {
        "1": (259.0, 118.501, 31.301),
        "2": (None, 118.502, 31.302),
        "3": (307.0, 118.503, 31.303),
    }


def test_import_numbers_points_and_applies_given_time(client: TestClient, store: str) -> None:
    content = b"latitude,longitude\n31.301,118.501\n31.302,118.502\n31.302,118.502\n"
    query: dict[str, Any] = {"layer": "incidents", "name": "points_alone.csv"}
    with running_worker(store):
        refused = run_import(client, content, **query, dry_run=True)
        assert refused["outcome"]["preview"]["missing"] == ["source_id", "occurred_at"]
        next_query = query | {"upload": refused["arguments"]["upload"]}
        numbered = run_import(client, **next_query, dry_run=True, key="number")
        assert numbered["outcome"]["preview"]["missing"] == ["occurred_at"]
        import_job = run_import(client, **next_query, key="number", occurred="2025")
        assert (import_job["state"], import_job["outcome"]["inserted"]) == ("done", 3), import_job
    with connect(store) as conn:
        rows = conn.execute(
            "SELECT DISTINCT occurred_from AT TIME ZONE 'Asia/Shanghai', "
            "occurred_to AT TIME ZONE 'Asia/Shanghai' FROM incidents"
        ).fetchall()
    assert [[str(moment) for moment in row] for row in rows] == [
        ["2025-01-01 00:00:00", "2026-01-01 00:00:00"]
    ]


def test_import_rename_keeps_known_header_as_extra(client: TestClient, store: str) -> None:
    content = "编码,名称,经度,纬度,方位角\na,东门,118.5,31.3,90\n".encode()
    with running_worker(store):
        import_job = run_import(
            client, content, layer="cameras", name="a.csv", rename="方位角=extra", save_mapping="m"
        )
    assert import_job["state"] == "done", import_job
    with connect(store) as conn:
        assert conn.execute("SELECT bearing_deg, extra FROM cameras").fetchone() == (
            None,
            {"方位角": "90"},
        )
        assert read_mapping(conn, "cameras", "m").columns["方位角"] == EXTRA


def test_import_preview_hides_passwords(client: TestClient, store: str) -> None:
    content = "地点,密码,经度,纬度\n东门,geheim1,118.5,31.3\n西门,geheim2,118.6,31.3\n".encode()
    with running_worker(store):
        refused = run_import(client, content, layer="cameras", name="a.csv", dry_run=True)
    assert refused["outcome"]["preview"]["missing"] == ["code"]
    assert "geheim" not in json.dumps(refused)
    (secret,) = [u for u in refused["outcome"]["preview"]["headers"] if u["header"] == "密码"]
    assert (secret["how"], secret["column"], secret["proposed"]) == ("secret", None, None)


def test_upload_is_kept_for_its_sender_until_expiry(client: TestClient, store: str) -> None:
    with running_worker(store):
        refused = run_import(client, b"a,b\n1,2\n", layer="cameras", name="a.csv", dry_run=True)
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
        # The hour of retention starts at the end of the last job.
        assert read_upload(conn, upload) is not None
        conn.execute("UPDATE jobs SET finished_at = now() - interval '61 minutes'")
        conn.execute("UPDATE jobs SET ended = NULL")
        delete_expired_uploads(conn)
        # A waiting job keeps the upload.
        assert read_upload(conn, upload) is not None
        conn.execute("UPDATE jobs SET ended = 'failed'")
        delete_expired_uploads(conn)
        assert read_upload(conn, upload) is None
        conn.commit()
        keys = [add_upload(conn, f"{k}.csv", b"x", "somebody") for k in range(8)]
        remaining = [key for key in keys if read_upload(conn, key) is not None]
        conn.commit()
    assert len(remaining) == MAX_UPLOADS_PER_USER
    assert keys[-1] in remaining
    assert client.post("/api/v1/jobs/import", params=query).status_code == 410


@pytest.mark.parametrize(
    ("query", "message"),
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
def test_import_refuses_invalid_options(
    client: TestClient, query: dict[str, Any], message: str
) -> None:
    response = client.post(
        "/api/v1/jobs/import", params=query | {"name": "a.csv"}, content=b"a\n1\n"
    )
    assert response.status_code == 422
    assert message in response.text
    assert client.get("/api/v1/jobs").json() == []


def test_parse_renames_allows_equals_sign_in_header() -> None:
    assert parse_renames(["a=b=code"], "cameras") == {"a=b": "code"}
    assert parse_renames(['{"{x}": "code"}', "y=extra", "z=extra"], "cameras") == {
        "{x}": "code",
        "y": EXTRA,
        "z": EXTRA,
    }
    with pytest.raises(HTTPException):
        parse_renames(['["a"]'], "cameras")
