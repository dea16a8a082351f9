"""Downloads hold what the store has, of one's own areas, in files that other programs read."""

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

MINE = "990101002"


@pytest.fixture(scope="module")
def client(demo_store: str) -> Iterator[TestClient]:
    with TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store)) as found:
        yield found


@pytest.mark.parametrize("form", ["gpkg", "geojson", "csv", "xlsx"])
def test_grids_with_their_results(client: TestClient, form: str, tmp_path: Path) -> None:
    answer = client.get(f"/api/v1/exports/grids.{form}")
    assert answer.status_code == 200
    assert f'filename="grids.{form}"' in answer.headers["content-disposition"]
    path = tmp_path / f"grids.{form}"
    path.write_bytes(answer.content)
    want = client.get("/api/v1/grids").json()["features"]
    share = {f["properties"]["code"]: f["properties"]["covered_share"] for f in want}
    if form in ("gpkg", "geojson"):
        got = gpd.read_file(path)
        assert got.crs == "EPSG:4326"
        assert got.geometry.is_valid.all()
        told = dict(zip(got["code"], got["covered_share"], strict=True))
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
        told = {row["code"]: float(row["covered_share"]) for row in rows}
        assert rows[0]["wkt"].startswith("MULTIPOLYGON")
    else:
        rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))
        at = rows[0].index("covered_share")
        told = {row[0]: row[at] for row in rows[1:]}
        assert all(isinstance(row[0], str) for row in rows[1:])
    assert told == pytest.approx(share)


@pytest.mark.parametrize("layer", EXPORT_NAMES)
def test_every_layer_whole(client: TestClient, demo_store: str, layer: str) -> None:
    got = client.get(f"/api/v1/exports/{layer}.csv").content.decode("utf-8-sig")
    with connect(demo_store) as conn:
        number = sum(len(piece) for piece in read_pieces(conn, layer))
    assert len(list(csv.reader(io.StringIO(got)))) == number + 1


def test_a_register_taken_out_and_in_again_is_the_same(
    client: TestClient, store: str, tmp_path: Path
) -> None:
    for layer, key in (("cameras", "code"), ("incidents", "source_id")):
        path = tmp_path / f"{layer}.csv"
        path.write_bytes(client.get(f"/api/v1/exports/{layer}.csv").content)
        with connect(store) as conn:
            outcome = import_file(conn, layer, path, ImportOptions(report=tmp_path / "r.csv"))
            assert outcome.rejected == 0
            got = read_layer(conn, layer).reset_index(drop=True).sort_values(key)
            assert set(outcome.extra_headers) <= {"extra"}
        again = client.get(f"/api/v1/exports/{layer}.geojson").json()["features"]
        assert len(got) == len(again)
        first = min(again, key=lambda f: f["properties"][key])["properties"]
        if layer == "cameras":
            assert got.iloc[0][key] == first[key]
            assert got.iloc[0]["bearing_deg"] == pytest.approx(first["bearing_deg"])


def test_rows_of_ones_own_areas_and_rights(demo_store: str) -> None:
    settings = Settings(coarse_roles=["analyst"])
    app = create_app(demo_store, settings)
    with TestClient(app, cookies=sign_in(demo_store, "planner", MINE)) as client:
        for form in ("csv", "geojson", "gpkg", "xlsx"):
            content = client.get(f"/api/v1/exports/cameras.{form}").content
            assert len(content) > 1000
        rows = list(
            csv.DictReader(
                io.StringIO(client.get("/api/v1/exports/grids.csv").content.decode("utf-8-sig"))
            )
        )
        assert rows
        assert all(row["code"].startswith(MINE) for row in rows)
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


def test_no_layer_tells_a_neighbours_rows(demo_store: str) -> None:
    with connect(demo_store) as conn:
        theirs = {
            row[0]
            for row in conn.execute(
                "SELECT code FROM cameras c WHERE NOT ST_Intersects(c.geometry, "
                "(SELECT geometry FROM areas WHERE code = %s))",
                (MINE,),
            ).fetchall()
        }
    with TestClient(
        create_app(demo_store, Settings()), cookies=sign_in(demo_store, "planner", MINE)
    ) as client:
        for layer in EXPORT_NAMES:
            words = set(re.findall(r"\d{9,20}", client.get(f"/api/v1/exports/{layer}.csv").text))
            assert not words & theirs, layer
            assert not {
                w for w in words if re.match(r"99010100[13456]", w) and len(w) in (9, 12, 15)
            }, layer


def _codes(client: TestClient, path: str, key: str = "code") -> list[str]:
    answer = client.get(f"/api/v1/exports/{path}")
    assert answer.status_code == 200, answer.text
    return [row[key] for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))]


def test_only_an_area_or_a_box(client: TestClient, demo_store: str) -> None:
    with connect(demo_store) as conn:
        layers = {
            name: read_layer(conn, name)
            for name in ("areas", "grids", "cameras", "key-places", "buildings")
        }
    grids = layers["grids"]
    parents = layers["areas"].set_index("code")["parent"]
    inside = grids["community"].map(parents) == MINE
    ground = grids[inside].union_all()
    assert 0 < inside.sum() < len(grids)
    assert sorted(_codes(client, f"grids.csv?area={MINE}")) == sorted(grids["code"][inside])
    one = grids["code"].iloc[0]
    assert _codes(client, f"grids.csv?area={one}") == [one]
    assert set(_codes(client, f"blind-spots.csv?area={MINE}", "grid")) <= set(grids["code"][inside])
    assert _codes(client, "grids.csv?area=none") == []
    assert sorted(_codes(client, f"areas.csv?area={MINE}")) == sorted(
        [MINE, *parents.index[parents == MINE]]
    )
    standing = layers["cameras"]["code"][layers["cameras"].intersects(ground)]
    assert 0 < len(standing) < len(layers["cameras"])
    assert sorted(_codes(client, f"cameras.csv?area={MINE}")) == sorted(standing)
    assert set(_codes(client, f"views.csv?area={MINE}", "camera")) <= set(standing)
    places = layers["key-places"]["code"][layers["key-places"].intersects(ground)]
    assert sorted(_codes(client, f"key-places.csv?area={MINE}")) == sorted(places)
    # A box, alone and with an area.
    west, south, east, north = ground.bounds
    half = shapely.box(west, south, (west + east) / 2, north)
    words = ",".join(f"{v:.8f}" for v in half.bounds)
    half = shapely.box(*(float(v) for v in words.split(",")))
    for name, key in (("cameras", "code"), ("grids", "code"), ("buildings", "id")):
        want = layers[name][key][layers[name].intersects(half)]
        assert 0 < len(want) < len(layers[name])
        assert sorted(_codes(client, f"{name}.csv?bbox={words}", key)) == sorted(want)
    both = grids["code"][inside & grids.intersects(half)]
    assert sorted(_codes(client, f"grids.csv?bbox={words}&area={MINE}")) == sorted(both)
    for wrong in ("1,2,3", "119,31,118,32", "a,b,c,d"):
        assert client.get(f"/api/v1/exports/grids.csv?bbox={wrong}").status_code == 422


def test_only_some_incidents(client: TestClient, demo_store: str) -> None:
    with connect(demo_store) as conn:
        every = read_layer(conn, "incidents")
    when = incident_times(every).dt.tz_convert(Settings().zone)
    months = (when >= "2026-05-01") & (when < "2026-07-01")
    theft = every["category"].str.split("/").str[0] == "theft"
    for query, chosen in (
        ("from=2026-05&until=2026-07", months),
        ("from=2026-05-01T00&until=2026-07-01&category=theft", months & theft),
        ("category=theft", theft),
        ("category=", months & False),
    ):
        got = _codes(client, f"incidents.csv?{query}", "source_id")
        assert sorted(got) == sorted(every["source_id"][chosen])
    assert 0 < (months & theft).sum() < theft.sum()
    for wrong in ("from=2026-07&until=2026-05", "from=2026-13", "until=yesterday"):
        assert client.get(f"/api/v1/exports/incidents.csv?{wrong}").status_code == 422
    for wrong in ("from=2026-05", "until=2026-05", "category=theft"):
        assert client.get(f"/api/v1/exports/cameras.csv?{wrong}").status_code == 422


def test_a_file_runs_nothing(store: str, tmp_path: Path) -> None:
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


def test_the_command(run: Callable[..., CommandResult], store: str, tmp_path: Path) -> None:
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
def test_grid_staff_is_for_those_who_may_see_phones(store: str, role: str, status: int) -> None:
    with TestClient(create_app(store, Settings()), cookies=sign_in(store, role)) as client:
        assert client.get("/api/v1/exports/grid-staff.csv").status_code == status
