"""An OpenStreetMap extract over the interface: looked at, imported, refused."""

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
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as found:
        yield found


def test_an_extract_from_the_browser(client: TestClient, store: str, tmp_path: Path) -> None:
    city = OsmExtract()
    city.ring(box(0, 0, 20, 20), building="yes", height="12")
    city.ring([(50, 0), (60, 0), 900_000], building="yes")
    city.node(30, 30, man_made="surveillance")
    content = city.write(tmp_path / "city.osm").read_bytes()

    def send(body: bytes, **query: Any) -> dict[str, Any]:
        asked = {"layer": "osm", "name": "city.osm"} | query
        answer = client.post("/api/v1/jobs/import", params=asked, content=body)
        assert answer.status_code == 202, answer.text
        return wait_for_job(client, answer.json()["id"], "done", "failed")

    def counts() -> tuple[int, int]:
        with connect(store) as conn:
            row = conn.execute(
                "SELECT (SELECT count(*) FROM buildings), (SELECT count(*) FROM cameras)"
            ).fetchone()
        assert row is not None
        return row[0], row[1]

    with running_worker(store):
        tried = send(content, dry_run=True)
        assert tried["state"] == "done", tried
        layers = {one["layer"]: one for one in tried["outcome"]["layers"]}
        assert (layers["buildings"]["stored"], layers["cameras"]["stored"]) == (1, 1)
        assert layers["buildings"]["skipped"] == {"cut at the extract's edge": 1}
        assert len(tried["outcome"]["sample"]) == 2
        assert counts() == (0, 0)
        done = send(content)
        assert (done["state"], done["outcome"]["inserted"]) == ("done", 2)
        assert counts() == (1, 1)
        assert "cut at the extract's edge" in client.get(f"/api/v1/jobs/{done['id']}/report").text
        bad = send(b"<?xml version='1.0'?><!DOCTYPE osm><osm/>")
        assert bad["state"] == "failed"
        assert "document type" in bad["outcome"]["reason"]
    assert counts() == (1, 1)


@pytest.mark.skipif(not HELSINKI.exists(), reason="the shared data are not here")
def test_a_city_from_the_browser(client: TestClient, store: str) -> None:
    with running_worker(store):
        query = {"layer": "osm", "name": "Helsinki.osm.pbf"}
        answer = client.post("/api/v1/jobs/import", params=query, content=HELSINKI.read_bytes())
        done = wait_for_job(client, answer.json()["id"], "done", "failed")
    assert done["state"] == "done", done
    layers = {one["layer"]: one["stored"] for one in done["outcome"]["layers"]}
    assert (layers["cameras"], layers["buildings"] > 446, layers["streets"] > 1_500) == (
        221,
        True,
        True,
    )
    with connect(store) as conn:
        assert conn.execute("SELECT count(*) FROM cameras").fetchone() == (221,)
