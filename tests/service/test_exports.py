"""Tests of exports: content per format, filters, areas and rights, the command."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import openpyxl
import pytest
import shapely
from fastapi.testclient import TestClient

from geo.export import MAX_SHEET_ROWS, write_file
from geo.incidents.times import incident_times
from geo.ingest import ImportOptions, import_file
from geo.settings import Settings
from geo.store.connection import connect
from geo.store.queries.exports import EXPORT_NAMES, read_pieces
from geo.store.queries.registers import read_layer
from service.app import create_app
from tests.support.commands import CommandResult
from tests.support.service import sign_in

OWN_AREA = "990101002"


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as test_client:
        yield test_client


@pytest.mark.parametrize("form", ["gpkg", "geojson", "csv", "xlsx"])
def test_export_grids_holds_results_in_every_format(
    client: TestClient, form: str, tmp_path: Path
) -> None:
    response = client.get(f"/api/v1/exports/grids.{form}")
    assert response.status_code == 200
    assert f'filename="grids.{form}"' in response.headers["content-disposition"]
    path = tmp_path / f"grids.{form}"
    path.write_bytes(response.content)
    features = client.get("/api/v1/grids").json()["features"]
    expected = {f["properties"]["code"]: f["properties"]["covered_share"] for f in features}
    if form in ("gpkg", "geojson"):
        table = gpd.read_file(path)
        assert table.crs == "EPSG:4326"
        assert table.geometry.is_valid.all()
        shares = dict(zip(table["code"], table["covered_share"], strict=True))
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
        shares = {row["code"]: float(row["covered_share"]) for row in rows}
        assert rows[0]["wkt"].startswith("MULTIPOLYGON")
    else:
        rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))
        column = rows[0].index("covered_share")
        shares = {row[0]: row[column] for row in rows[1:]}
        assert all(isinstance(row[0], str) for row in rows[1:])
    assert shares == pytest.approx(expected)


@pytest.mark.parametrize("layer", EXPORT_NAMES)
def test_export_csv_holds_every_row_of_each_layer(
    client: TestClient, demo_store: str, layer: str
) -> None:
    text = client.get(f"/api/v1/exports/{layer}.csv").content.decode("utf-8-sig")
    with connect(demo_store) as conn:
        row_count = sum(len(piece) for piece in read_pieces(conn, layer))
    assert len(list(csv.reader(io.StringIO(text)))) == row_count + 1


def test_export_round_trips_through_import(client: TestClient, store: str, tmp_path: Path) -> None:
    for layer, key in (("cameras", "code"), ("incidents", "source_id")):
        path = tmp_path / f"{layer}.csv"
        path.write_bytes(client.get(f"/api/v1/exports/{layer}.csv").content)
        with connect(store) as conn:
            outcome = import_file(conn, layer, path, ImportOptions(report=tmp_path / "r.csv"))
            assert outcome.rejected == 0
            stored = read_layer(conn, layer).reset_index(drop=True).sort_values(key)
            assert set(outcome.extra_headers) <= {"extra"}
        features = client.get(f"/api/v1/exports/{layer}.geojson").json()["features"]
        assert len(stored) == len(features)
        first = min(features, key=lambda f: f["properties"][key])["properties"]
        if layer == "cameras":
            assert stored.iloc[0][key] == first[key]
            assert stored.iloc[0]["bearing_deg"] == pytest.approx(first["bearing_deg"])


def test_export_follows_areas_and_rights(demo_store: str) -> None:
    settings = Settings(coarse_roles=["analyst"])
    app = create_app(demo_store, settings)
    with TestClient(app, cookies=sign_in(demo_store, "planner", OWN_AREA)) as client:
        for form in ("csv", "geojson", "gpkg", "xlsx"):
            content = client.get(f"/api/v1/exports/cameras.{form}").content
            assert len(content) > 1000
        rows = list(
            csv.DictReader(
                io.StringIO(client.get("/api/v1/exports/grids.csv").content.decode("utf-8-sig"))
            )
        )
        assert rows
        assert all(row["code"].startswith(OWN_AREA) for row in rows)
        assert client.get("/api/v1/exports/none.csv").status_code == 404
        assert client.get("/api/v1/exports/grids.exe").status_code == 422
        client.cookies.clear()
        assert client.get("/api/v1/exports/grids.csv").status_code == 401
        client.cookies.update(sign_in(demo_store, "clerk"))
        assert client.get("/api/v1/exports/cameras.csv").status_code == 403
        assert client.get("/api/v1/exports/findings.csv").status_code == 200
        client.cookies.clear()
        client.cookies.update(sign_in(demo_store, "analyst"))
        for layer in ("cameras", "views", "findings"):
            assert client.get(f"/api/v1/exports/{layer}.csv").status_code == 403
        assert client.get("/api/v1/exports/grids.csv").status_code == 200


def test_export_contains_no_rows_of_other_areas(demo_store: str) -> None:
    with connect(demo_store) as conn:
        foreign_cameras = {
            row[0]
            for row in conn.execute(
                "SELECT code FROM cameras c WHERE NOT ST_Intersects(c.geometry, "
                "(SELECT geometry FROM areas WHERE code = %s))",
                (OWN_AREA,),
            ).fetchall()
        }
    with TestClient(
        create_app(demo_store, Settings()), cookies=sign_in(demo_store, "planner", OWN_AREA)
    ) as client:
        for layer in EXPORT_NAMES:
            codes = set(re.findall(r"\d{9,20}", client.get(f"/api/v1/exports/{layer}.csv").text))
            assert not codes & foreign_cameras, layer
            assert not {
                code
                for code in codes
                if re.match(r"99010100[13456]", code) and len(code) in (9, 12, 15)
            }, layer


def _codes(client: TestClient, path: str, key: str = "code") -> list[str]:
    response = client.get(f"/api/v1/exports/{path}")
    assert response.status_code == 200, response.text
    return [row[key] for row in csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))]


def test_export_filters_by_area_and_bbox(client: TestClient, demo_store: str) -> None:
    with connect(demo_store) as conn:
        layers = {
            name: read_layer(conn, name)
            for name in ("areas", "grids", "cameras", "key-places", "buildings")
        }
    grids = layers["grids"]
    parents = layers["areas"].set_index("code")["parent"]
    inside = grids["community"].map(parents) == OWN_AREA
    ground = grids[inside].union_all()
    assert 0 < inside.sum() < len(grids)
    assert sorted(_codes(client, f"grids.csv?area={OWN_AREA}")) == sorted(grids["code"][inside])
    code = grids["code"].iloc[0]
    assert _codes(client, f"grids.csv?area={code}") == [code]
    assert set(_codes(client, f"blind-spots.csv?area={OWN_AREA}", "grid")) <= set(
        grids["code"][inside]
    )
    assert _codes(client, "grids.csv?area=none") == []
    assert sorted(_codes(client, f"areas.csv?area={OWN_AREA}")) == sorted(
        [OWN_AREA, *parents.index[parents == OWN_AREA]]
    )
    own_cameras = layers["cameras"]["code"][layers["cameras"].intersects(ground)]
    assert 0 < len(own_cameras) < len(layers["cameras"])
    assert sorted(_codes(client, f"cameras.csv?area={OWN_AREA}")) == sorted(own_cameras)
    assert set(_codes(client, f"views.csv?area={OWN_AREA}", "camera")) <= set(own_cameras)
    own_places = layers["key-places"]["code"][layers["key-places"].intersects(ground)]
    assert sorted(_codes(client, f"key-places.csv?area={OWN_AREA}")) == sorted(own_places)
    # A bounding box, alone and combined with an area.
    west, south, east, north = ground.bounds
    half_box = shapely.box(west, south, (west + east) / 2, north)
    bbox = ",".join(f"{v:.8f}" for v in half_box.bounds)
    half_box = shapely.box(*(float(v) for v in bbox.split(",")))
    for name, key in (("cameras", "code"), ("grids", "code"), ("buildings", "id")):
        expected = layers[name][key][layers[name].intersects(half_box)]
        assert 0 < len(expected) < len(layers[name])
        assert sorted(_codes(client, f"{name}.csv?bbox={bbox}", key)) == sorted(expected)
    in_both = grids["code"][inside & grids.intersects(half_box)]
    assert sorted(_codes(client, f"grids.csv?bbox={bbox}&area={OWN_AREA}")) == sorted(in_both)
    for invalid in ("1,2,3", "119,31,118,32", "a,b,c,d"):
        assert client.get(f"/api/v1/exports/grids.csv?bbox={invalid}").status_code == 422


def test_export_filters_incidents_by_time_and_category(client: TestClient, demo_store: str) -> None:
    with connect(demo_store) as conn:
        incidents = read_layer(conn, "incidents")
    times = incident_times(incidents).dt.tz_convert(Settings().zone)
    months = (times >= "2026-05-01") & (times < "2026-07-01")
    theft = incidents["category"].str.split("/").str[0] == "theft"
    for query, selected in (
        ("from=2026-05&until=2026-07", months),
        ("from=2026-05-01T00&until=2026-07-01&category=theft", months & theft),
        ("category=theft", theft),
        ("category=", months & False),
    ):
        keys = _codes(client, f"incidents.csv?{query}", "source_id")
        assert sorted(keys) == sorted(incidents["source_id"][selected])
    assert 0 < (months & theft).sum() < theft.sum()
    for invalid in ("from=2026-07&until=2026-05", "from=2026-13", "until=yesterday"):
        assert client.get(f"/api/v1/exports/incidents.csv?{invalid}").status_code == 422
    for invalid in ("from=2026-05", "until=2026-05", "category=theft"):
        assert client.get(f"/api/v1/exports/cameras.csv?{invalid}").status_code == 422


def test_write_file_escapes_formulas(store: str, tmp_path: Path) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO cameras (code, name, geometry) VALUES ('=1+1', '@SUM(A1)', "
            "ST_SetSRID(ST_MakePoint(118, 31), 4326))"
        )
        zone = Settings().zone
        write_file(read_pieces(conn, "cameras"), tmp_path / "c.xlsx", "cameras", "xlsx", zone)
        write_file(read_pieces(conn, "cameras"), tmp_path / "c.csv", "cameras", "csv", zone)
    cell = openpyxl.load_workbook(tmp_path / "c.xlsx").active["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    assert "'=1+1" in (tmp_path / "c.csv").read_text("utf-8-sig")
    assert MAX_SHEET_ROWS == 1_048_575


def test_export_command_writes_file_and_names_errors(
    run: Callable[..., CommandResult], store: str, tmp_path: Path
) -> None:
    path = tmp_path / "areas.gpkg"
    assert "nothing to export" in run("export", "areas", "-o", str(path)).stderr
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO areas (code, name, level, geometry) VALUES ('990101', 'x', 'district', "
            "ST_Multi(ST_MakeEnvelope(118, 31, 118.01, 31.01, 4326)))"
        )
    assert run("export", "areas", "-o", str(path)).returncode == 0
    assert len(gpd.read_file(path)) == 1
    assert "there already" in run("export", "areas", "-o", str(path)).stderr
    assert "no format" in run("export", "areas", "-o", str(tmp_path / "a.exe")).stderr
    assert "no layer" in run("export", "none", "-o", str(tmp_path / "a.csv")).stderr


@pytest.mark.parametrize(
    ("role", "status"), [("administrator", 200), ("commander", 200), ("planner", 403)]
)
def test_export_grid_staff_requires_phones_right(store: str, role: str, status: int) -> None:
    with TestClient(create_app(store, Settings()), cookies=sign_in(store, role)) as client:
        assert client.get("/api/v1/exports/grid-staff.csv").status_code == status
