"""Tests of importing OpenStreetMap extracts over HTTP: dry run, import, refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from geo.settings import Settings
from geo.store.connection import connect
from service.app import create_app
from tests.support.jobs import running_worker, wait_for_job
from tests.support.osm_extracts import HELSINKI, OsmExtract, box
from tests.support.service import sign_in


@pytest.fixture
def client(store: str) -> Iterator[TestClient]:
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as test_client:
        yield test_client


def test_import_osm_job_reports_and_stores_extract(
    client: TestClient, store: str, tmp_path: Path
) -> None:
    extract = OsmExtract()
    extract.ring(box(0, 0, 20, 20), building="yes", height="12")
    extract.ring([(50, 0), (60, 0), 900_000], building="yes")
    extract.node(30, 30, man_made="surveillance")
    content = extract.write(tmp_path / "city.osm").read_bytes()

    def run_import(body: bytes, **query: Any) -> dict[str, Any]:
        parameters = {"layer": "osm", "name": "city.osm"} | query
        response = client.post("/api/v1/jobs/import", params=parameters, content=body)
        assert response.status_code == 202, response.text
        return wait_for_job(client, response.json()["id"], "done", "failed")

    def count_stored() -> tuple[int, int]:
        with connect(store) as conn:
            row = conn.execute(
                "SELECT (SELECT count(*) FROM buildings), (SELECT count(*) FROM cameras)"
            ).fetchone()
        assert row is not None
        return row[0], row[1]

    with running_worker(store):
        dry_run_job = run_import(content, dry_run=True)
        assert dry_run_job["state"] == "done", dry_run_job
        layers = {entry["layer"]: entry for entry in dry_run_job["outcome"]["layers"]}
        assert (layers["buildings"]["stored"], layers["cameras"]["stored"]) == (1, 1)
        assert layers["buildings"]["skipped"] == {"cut_at_edge": 1}
        assert len(dry_run_job["outcome"]["sample"]) == 2
        assert count_stored() == (0, 0)
        import_job = run_import(content)
        assert (import_job["state"], import_job["outcome"]["inserted"]) == ("done", 2)
        assert count_stored() == (1, 1)
        report = f"/api/v1/jobs/{import_job['id']}/report"
        assert "cut at the extract's edge" in client.get(report, params={"lang": "en"}).text
        assert "被数据范围边界截断" in client.get(report, params={"lang": "zh"}).text
        rejected_job = run_import(b"<?xml version='1.0'?><!DOCTYPE osm><osm/>")
        assert rejected_job["state"] == "failed"
        assert "document type" in rejected_job["outcome"]["reason"]
    assert count_stored() == (1, 1)


@pytest.mark.skipif(not HELSINKI.exists(), reason="the shared data are not available")
def test_import_osm_job_stores_helsinki(client: TestClient, store: str) -> None:
    with running_worker(store):
        query = {"layer": "osm", "name": "Helsinki.osm.pbf"}
        response = client.post("/api/v1/jobs/import", params=query, content=HELSINKI.read_bytes())
        import_job = wait_for_job(client, response.json()["id"], "done", "failed")
    assert import_job["state"] == "done", import_job
    layers = {entry["layer"]: entry["stored"] for entry in import_job["outcome"]["layers"]}
    assert (layers["cameras"], layers["buildings"] > 446, layers["streets"] > 1_500) == (
        221,
        True,
        True,
    )
    with connect(store) as conn:
        assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (221,)
