"""Our layers in other programs: GDAL, OWSLib, QGIS where it is, and plain requests."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import shapely
from owslib.ogcapi.features import Features

from geo.settings import Settings
from geo.store.connection import connect
from geo.store.ogc_views import OGC_VIEWS
from geo.store.queries.api_tokens import make_token
from service.app import create_app
from tests.support.rows import insert_grids
from tests.support.service import serving

MINE = "990101002"


@dataclass(frozen=True)
class Door:
    """A service that runs, and tokens to read it with."""

    address: str
    whole: str
    part: str

    def get(self, path: str, token: str | None = None, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token or self.whole}"}
        return httpx2.get(f"{self.address}/ogc{path}", headers=headers, timeout=60, **more)


@pytest.fixture(scope="module")
def door(demo_store: str) -> Iterator[Door]:
    with connect(demo_store) as conn:
        whole = make_token(conn, "ogc-whole", ["data:read"], days=1, role="planner", areas=["*"])
        part = make_token(conn, "ogc-part", ["data:read"], days=1, role="planner", areas=[MINE])
    with serving(demo_store) as address:
        yield Door(address, whole, part)
    with connect(demo_store) as conn:
        conn.execute("DELETE FROM api_tokens WHERE name LIKE 'ogc-%'")


def counts(conninfo: str) -> dict[str, int]:
    with connect(conninfo) as conn:
        return {
            name: conn.execute(f"SELECT count(*) FROM {layer.view}").fetchone()[0]  # type: ignore[index]
            for name, layer in OGC_VIEWS.items()
        }


def gdal(door: Door, *arguments: str, token: str = "", basic: bool = False) -> str:
    secret = token or door.whole
    auth = (
        {"GDAL_HTTP_USERPWD": f"gridcover:{secret}"}
        if basic
        else {"GDAL_HTTP_HEADERS": f"Authorization: Bearer {secret}"}
    )
    done = subprocess.run(
        list(arguments),
        env={**os.environ, **auth},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr
    return done.stdout


def test_gdal_opens_every_layer(door: Door, demo_store: str) -> None:
    told = gdal(door, "ogrinfo", "-ro", "-so", "-al", f"OAPIF:{door.address}/ogc")
    names = [line.split(": ")[1] for line in told.splitlines() if line.startswith("Layer name")]
    numbers = [
        int(line.split(": ")[1]) for line in told.splitlines() if line.startswith("Feature Count")
    ]
    assert dict(zip(names, numbers, strict=True)) == counts(demo_store)
    # A reader of one sub-district opens the same layers and finds their own rows.
    told = gdal(
        door,
        "ogrinfo",
        "-ro",
        "-so",
        f"OAPIF:{door.address}/ogc",
        "cameras",
        token=door.part,
        basic=True,
    )
    with connect(demo_store) as conn:
        mine = conn.execute(
            "SELECT count(*) FROM cameras c, areas a WHERE a.code = %s AND "
            "ST_Intersects(a.geometry, c.geometry)",
            (MINE,),
        ).fetchone()
    assert mine is not None
    assert f"Feature Count: {mine[0]}\n" in told


def test_gdal_pages_through_ten_thousand_and_finds_what_is_stored(
    door: Door, demo_store: str, tmp_path: Any
) -> None:
    out = tmp_path / "incidents.geojsonl"
    until = "2026-02-01T00:00:00Z"
    gdal(
        door,
        "ogr2ogr",
        "-f",
        "GeoJSONSeq",
        str(out),
        f"OAPIF:{door.address}/ogc",
        "incidents",
        "-oo",
        "PAGE_SIZE=1000",
        "-limit",
        "10000",
        "-lco",
        "COORDINATE_PRECISION=9",
    )
    found = [json.loads(line.strip("\x1e")) for line in out.read_text().splitlines()]
    assert len(found) == 10_000
    places = {
        f"{f['properties']['source']}:{f['properties']['source_id']}": f["geometry"] for f in found
    }
    assert len(places) == 10_000
    with connect(demo_store) as conn:
        stored = conn.execute(
            "SELECT id, ST_X(geometry), ST_Y(geometry) FROM layer_incidents WHERE id = ANY(%s)",
            (list(places),),
        ).fetchall()
        early = conn.execute(
            "SELECT count(*) FROM layer_incidents WHERE happened_at <= %s", (until,)
        ).fetchone()
    assert len(stored) == 10_000
    for key, x, y in stored:
        geometry = places[key]
        assert (geometry is None) == (x is None)
        if geometry is not None:
            assert geometry["coordinates"] == pytest.approx([x, y], abs=1e-9)
    assert early is not None
    told = gdal(
        door,
        "ogrinfo",
        "-ro",
        "-so",
        f"OAPIF:{door.address}/ogc",
        "incidents",
        "-oo",
        "PAGE_SIZE=5000",
        "-where",
        "happened_at <= '2026/02/01 00:00:00Z'",
    )
    assert f"Feature Count: {early[0]}\n" in told


def test_owslib_reads_collections_filters_and_features(door: Door, demo_store: str) -> None:
    service = Features(f"{door.address}/ogc/", headers={"Authorization": f"Bearer {door.whole}"})
    assert set(service.feature_collections()) == set(OGC_VIEWS)
    assert any("features-filter" in one for one in service.conformance()["conformsTo"])
    wide = service.collection_queryables("grids")
    assert {"covered_share", "computed_at", "geometry"} <= set(wide["properties"])
    page = service.collection_items(
        "grids", limit=1000, filter="open_covered_share < 0.2 AND kind = 'basic'"
    )
    with connect(demo_store) as conn:
        wanted = conn.execute(
            "SELECT code, ST_AsBinary(geometry) FROM layer_grids WHERE open_covered_share < 0.2 "
            "AND kind = 'basic'"
        ).fetchall()
    assert 0 < len(wanted) < 297
    assert page["numberMatched"] == len(wanted)
    shapes = {f["id"]: shapely.from_geojson(json.dumps(f["geometry"])) for f in page["features"]}
    for code, wkb in wanted:
        assert shapely.hausdorff_distance(shapes[code], shapely.from_wkb(bytes(wkb))) < 1e-8
    box = shapely.total_bounds(list(shapes.values())[:1]).tolist()
    near = service.collection_items("grids", bbox=box, limit=1000)
    with connect(demo_store) as conn:
        meets = conn.execute(
            "SELECT count(*) FROM grids WHERE ST_Intersects(geometry, ST_MakeEnvelope(%s, %s, %s, "
            "%s, 4326))",
            box,
        ).fetchone()
    assert (near["numberMatched"],) == meets


def test_qgis_opens_the_layers(door: Door, tmp_path: Any) -> None:
    python = "/usr/bin/python3"
    if subprocess.run(
        [python, "-c", "import qgis.core"], capture_output=True, check=False
    ).returncode:
        pytest.skip("QGIS is not installed")
    script = tmp_path / "open.py"
    script.write_text(
        "import sys\nfrom qgis.core import QgsApplication, QgsVectorLayer, QgsAuthMethodConfig\n"
        "QgsApplication.setPrefixPath('/usr', True)\napp = QgsApplication([], "
        "False)\napp.initQgis()\n"
        "auth = QgsApplication.authManager()\nauth.setMasterPassword('test', True)\n"
        "config = QgsAuthMethodConfig('Basic')\nconfig.setName('gridcover')\n"
        "config.setConfig('username', 'gridcover')\nconfig.setConfig('password', sys.argv[2])\n"
        "assert auth.storeAuthenticationConfig(config)\n"
        "for name in ('grids', 'cameras'):\n"
        "    uri = f\"url='{sys.argv[1]}/ogc' typename='{name}' authcfg='{config.id()}' "
        "pageSize='500'\"\n"
        "    layer = QgsVectorLayer(uri, name, 'OAPIF')\n"
        "    assert layer.isValid(), layer.error().message()\n"
        "    print(name, sum(1 for _ in layer.getFeatures()))\n"
        "app.exitQgis()\n"
    )
    done = subprocess.run(
        [python, str(script), door.address, door.whole],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "QGIS_AUTH_DB_DIR_PATH": str(tmp_path),
            "HOME": str(tmp_path),
        },
    )
    assert "grids 297\ncameras 1500\n" in done.stdout, done.stderr[-2000:]


@pytest.mark.parametrize(
    "text",
    [
        "set_config('gridcover.areas', '*', false) = '*'",
        "pg_sleep(5) = 1",
        "pg_read_file('/etc/passwd') = 'x'",
        "current_setting('gridcover.areas') = '*'",
        "code = 'x' OR query_to_xml('select 1', true, true, '') = 'x'",
        '"code" = \'x\' OR ("tipg_id"); SELECT 1',
        "name = 'a' AND password = 'b'",
        "code IN (upper('a'))",
        "NOT (NOT (version() = 'x'))",
    ],
)
def test_a_filter_calls_nothing_of_the_database(door: Door, text: str) -> None:
    for path in (
        "/collections/cameras/items",
        "/collections/grids/tiles/WebMercatorQuad/13/6782/3351",
    ):
        answer = door.get(path, door.part, params={"filter": text})
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_scope_ends_with_its_request(door: Door, demo_store: str) -> None:
    whole, results = counts(demo_store)["cameras"], []

    def ask(token: str) -> None:
        for _ in range(12):
            answer = door.get("/collections/cameras/items?limit=1", token)
            results.append((token, answer.json()["numberMatched"]))

    threads = [threading.Thread(target=ask, args=(t,)) for t in (door.whole, door.part) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 96
    seen = {token: {n for t, n in results if t == token} for token in (door.whole, door.part)}
    assert seen[door.whole] == {whole}
    assert len(seen[door.part]) == 1
    assert seen[door.part] < set(range(1, whole))


def test_nobody_and_the_wrong_roles_are_kept_out(door: Door, demo_store: str) -> None:
    assert httpx2.get(f"{door.address}/ogc/collections").status_code == 401
    assert door.get("/collections", "made up").status_code == 401
    with connect(demo_store) as conn:
        clerk = make_token(conn, "ogc-clerk", ["data:read"], days=1, role="clerk", areas=["*"])
        feeds = make_token(conn, "ogc-feeds", ["incidents:write"], days=1)
    assert door.get("/collections", clerk).status_code == 403
    assert door.get("/collections", feeds).status_code == 403  # known, but for something else
    # A token is for programs: no page, no account, no session of it.
    page = httpx2.get(f"{door.address}/account", headers={"Authorization": f"Bearer {door.whole}"})
    assert page.status_code == 303
    with connect(demo_store) as conn:
        looked = conn.execute(
            "SELECT count(*) FROM audit WHERE actor = 'token ogc-part' AND object = "
            "'/ogc/collections/cameras/items'"
        ).fetchone()
    assert looked is not None
    assert looked[0] > 0


def test_coarse_roles_find_no_camera(demo_store: str) -> None:
    from fastapi.testclient import TestClient

    from tests.support.service import sign_in

    settings = Settings(coarse_roles=["analyst"])
    cookies = sign_in(demo_store, "analyst")
    with TestClient(create_app(demo_store, settings), cookies=cookies) as client:
        listed = [c["id"] for c in client.get("/ogc/collections").json()["collections"]]
        assert listed == ["grids", "areas", "blind-spots", "incidents", "key-places"]
        assert client.get("/ogc/collections/cameras/items").status_code == 404
        assert client.get("/ogc/collections/views/tiles/WebMercatorQuad/1/1/0").status_code == 404


def test_pages_and_errors(door: Door) -> None:
    page = door.get("/collections?f=html")
    assert page.headers["content-type"].startswith("text/html")
    assert "://cdn" not in page.text
    for path, status in (
        ("/collections/nothing", 404),
        ("/collections/grids/items?bbox=1,2", 422),
        ("/collections/grids/items?sortby=password", 404),
        ("/collections/grids/items?limit=20000", 422),
        ("/collections/key-places/items?datetime=2026-01-01T00:00:00Z", 422),
        ("/collections/grids/items?datetime=yesterday", 422),
        ("/collections/grids/items?population=many", 422),
        ("/collections/grids/items?filter=population=", 422),
        ("/collections/grids/items/none", 404),
    ):
        answer = door.get(path)
        assert answer.status_code == status, (path, answer.text)
        assert answer.json()["detail"]
    tile = door.get("/collections/grids/tiles/WebMercatorQuad/tilejson.json").json()
    assert tile["bounds"][0] == pytest.approx(118.017, abs=0.01)
    document = door.get("/api").json()
    assert "/collections/{collectionId}/items" in document["paths"]


def test_csv_is_safe_for_spreadsheets(store: str) -> None:
    from fastapi.testclient import TestClient

    from tests.support.service import sign_in

    with connect(store) as conn:
        insert_grids(conn, "g1", name="=HYPERLINK(1)")
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as client:
        told = client.get("/ogc/collections/grids/items?f=csv").text
        (row,) = csv.DictReader(io.StringIO(told))
        assert row["name"] == "'=HYPERLINK(1)"
        plain = client.get("/ogc/collections/grids/items").json()["features"][0]["properties"]
        assert plain["name"] == "=HYPERLINK(1)"


@pytest.mark.parametrize("code", ["=1+1", "+1", "-1+2", "@sum", "\t=1"])
def test_identifiers_in_csv_are_safe_for_spreadsheets(store: str, code: str) -> None:
    from fastapi.testclient import TestClient

    from tests.support.service import sign_in

    with connect(store) as conn:
        insert_grids(conn, code, name="x")
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as client:
        for address in ("/ogc/collections/grids/items?f=csv", "/api/v1/exports/grids.csv"):
            (row,) = csv.reader(
                io.StringIO(client.get(address).text.lstrip("\ufeff")).readlines()[1:]
            )
            assert not any(cell.lstrip()[:1] in ("=", "+", "@") for cell in row), (address, row)
            assert f"'{code}" in row, (address, row)


def test_gdal_is_here() -> None:
    assert shutil.which("ogrinfo"), "scripts/setup.sh installs gdal-bin for the tests"
