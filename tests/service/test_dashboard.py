"""Tests of the dashboard: figures, areas, inequality, data-quality issues and tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

import geo
from geo.settings import Settings
from geo.store.connection import connect
from service.app import create_app
from tests.support.service import sign_in


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as test_client:
        yield test_client


def test_dashboard_figures_add_up_over_child_areas(client: TestClient) -> None:
    dashboard = client.get("/api/v1/dashboard?level=subdistrict").json()
    assert len([a for a in dashboard["areas"] if a["code"]]) == 6
    networked = [a["figures"]["networked"] for a in dashboard["areas"]]
    total = dashboard["area"]["figures"]["networked"]
    assert sum(f["numerator"] for f in networked) == total["numerator"]
    assert sum(f["denominator"] for f in networked) == total["denominator"] == 1500
    assert total["met"] is False
    assert total["share"] == total["numerator"] / total["denominator"]
    shares = [a["figures"]["open_covered"]["share"] for a in dashboard["areas"] if a["code"]]
    assert dashboard["gini"]["open_covered"] == pytest.approx(geo.gini(shares))
    first = dashboard["areas"][1]["code"]
    children = client.get(f"/api/v1/dashboard?level=community&area={first}").json()
    assert {a["parent"] for a in children["areas"]} == {first}
    assert children["path"][0]["level"] == "district"
    assert children["path"][-1]["code"] == first
    for name in ("cameras", "population", "service_requests"):
        assert (
            sum(a["figures"][name]["numerator"] for a in children["areas"])
            == children["area"]["figures"][name]["numerator"]
        )
    grids = client.get(f"/api/v1/dashboard?level=grid&area={first}").json()["areas"]
    assert len(grids) == children["area"]["figures"]["grids"]["numerator"]
    single = client.get(f"/api/v1/dashboard?level=grid&area={grids[0]['code']}").json()
    assert single["areas"] == []
    assert single["area"]["figures"] == grids[0]["figures"]
    assert client.get("/api/v1/dashboard?area=none").status_code == 404
    assert client.get("/api/v1/dashboard?level=galaxy").status_code == 422


def test_dashboard_trends_agree_with_sums(client: TestClient) -> None:
    trends = client.get("/api/v1/dashboard/trends?area=990101").json()
    assert trends == client.get("/api/v1/dashboard/trends").json()
    assert [row["year"] for row in trends["cameras_by_year"]] == list(range(2017, 2027))
    assert trends["cameras_by_year"][-1]["in_service"] == sum(
        row["installed"] for row in trends["cameras_by_year"]
    )
    assert len(trends["service_requests_by_month"]) == 36
    assert client.get("/api/v1/dashboard/trends?area=none").status_code == 404


def test_data_quality_counts_agree_with_issues_and_table(client: TestClient) -> None:
    counts = client.get("/api/v1/data-quality/counts").json()
    total = sum(row["rows"] for row in counts)
    response = client.get("/api/v1/data-quality/issues?limit=7")
    assert int(response.headers["x-total-count"]) == total
    assert len(response.json()["features"]) == 7
    row = next(
        row for row in counts if row["layer"] == "cameras" and row["issue"] == "not_networked"
    )
    query = {key: row[key] for key in ("layer", "aspect", "issue", "owner")}
    filtered = client.get("/api/v1/data-quality/issues", params=query)
    assert int(filtered.headers["x-total-count"]) == row["rows"] == len(filtered.json()["features"])
    table = client.get("/api/v1/data-quality/table", params=query)
    assert table.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert len(rows) == row["rows"]
    assert {r["owner"] for r in rows} == {row["owner"]}
    area_counts = client.get("/api/v1/data-quality/counts?area=990101001").json()
    assert 0 < sum(row["rows"] for row in area_counts) < total
    figures = list(
        csv.DictReader(
            io.StringIO(
                client.get("/api/v1/dashboard/table?level=district").content.decode("utf-8-sig")
            )
        )
    )
    assert {r["code"] for r in figures} == {"", "990101"}


def test_key_places_agree_with_dashboard_figures(client: TestClient) -> None:
    key_places = client.get("/api/v1/key-places").json()
    assert len(key_places["places"]) == 46
    assert all(0 <= p["covered_share"] <= 1 for p in key_places["places"])
    for place in key_places["places"]:
        assert place["gap"] == pytest.approx(
            max(place["required_share"] - place["covered_share"], 0)
        )
    assert sum(kind["places"] for kind in key_places["kinds"]) == 46
    figures = client.get("/api/v1/dashboard?level=district").json()["area"]["figures"]
    for kind in key_places["kinds"]:
        assert figures[f"key_places/{kind['kind']}"]["numerator"] == kind["met"]


def test_camera_record_has_all_fields(client: TestClient) -> None:
    code = client.get("/api/v1/cameras").json()["features"][0]["properties"]["code"]
    record = client.get(f"/api/v1/cameras/{code}").json()
    assert record["code"] == code
    assert {"place_kinds", "supplement_light", "extra", "grid", "status_reported_at", "lon"} <= set(
        record
    )
    assert record["history"][0]["status"] == record["status"]
    assert client.get("/api/v1/cameras/none").status_code == 404


def test_data_quality_table_escapes_formulas(store: str) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO runs (kind, parameters, inputs_digest, software_version, metric_crs, "
            "started_at, finished_at, summary) VALUES ('t', '{}', '', '', '', now(), now(), '{}')"
        )
        conn.execute(
            "INSERT INTO register_findings (layer, code, aspect, finding, detail, owner, grid, "
            "community, subdistrict, district, run) SELECT 'cameras', '=1+1', 'complete', 'x', "
            "'', '@SUM(A1)', '', '', '', '', max(id) FROM runs"
        )
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as client:
        table = client.get("/api/v1/data-quality/table").content.decode("utf-8-sig")
        assert "'=1+1" in table
        assert "'@SUM(A1)" in table
        feature = client.get("/api/v1/data-quality/issues").json()["features"][0]
        assert feature["geometry"] is None
        assert client.get("/api/v1/dashboard").status_code == 404
        assert client.get("/dashboard").status_code == 200
