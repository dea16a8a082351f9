"""Tests of the OGC API with GDAL, OWSLib, QGIS (where installed) and plain requests."""

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

OWN_AREA = "990101002"


@dataclass(frozen=True)
class OgcService:
    """A running service and two tokens for reading it."""

    address: str
    full_token: str
    part_token: str

    def get(self, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token or self.full_token}"}
        return httpx2.get(f"{self.address}/ogc{path}", headers=headers, timeout=60, **options)


@pytest.fixture(scope="module")
def service(demo_store: str) -> Iterator[OgcService]:
    with connect(demo_store) as conn:
        full_token = make_token(
            conn, "ogc-whole", ["data:read"], days=1, role="planner", areas=["*"]
        )
        part_token = make_token(
            conn, "ogc-part", ["data:read"], days=1, role="planner", areas=[OWN_AREA]
        )
    with serving(demo_store) as address:
        yield OgcService(address, full_token, part_token)
    with connect(demo_store) as conn:
        conn.execute("DELETE FROM api_tokens WHERE name LIKE 'ogc-%'")


def count_features(conninfo: str) -> dict[str, int]:
    with connect(conninfo) as conn:
        return {
            name: conn.execute(f"SELECT count(*) FROM {layer.view}").fetchone()[0]  # type: ignore[index]
            for name, layer in OGC_VIEWS.items()
        }


def run_gdal(service: OgcService, *arguments: str, token: str = "", basic: bool = False) -> str:
    secret = token or service.full_token
    auth = (
        {"GDAL_HTTP_USERPWD": f"gridcover:{secret}"}
        if basic
        else {"GDAL_HTTP_HEADERS": f"Authorization: Bearer {secret}"}
    )
    completed = subprocess.run(
        list(arguments),
        env={**os.environ, **auth},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    assert "ERROR" not in completed.stderr, completed.stderr
    return completed.stdout


def test_gdal_lists_every_layer_and_its_count(service: OgcService, demo_store: str) -> None:
    output = run_gdal(service, "ogrinfo", "-ro", "-so", "-al", f"OAPIF:{service.address}/ogc")
    names = [line.split(": ")[1] for line in output.splitlines() if line.startswith("Layer name")]
    numbers = [
        int(line.split(": ")[1]) for line in output.splitlines() if line.startswith("Feature Count")
    ]
    assert dict(zip(names, numbers, strict=True)) == count_features(demo_store)
    # A token of one sub-district reads the same layers with its own rows.
    output = run_gdal(
        service,
        "ogrinfo",
        "-ro",
        "-so",
        f"OAPIF:{service.address}/ogc",
        "cameras",
        token=service.part_token,
        basic=True,
    )
    with connect(demo_store) as conn:
        own_count = conn.execute(
            "SELECT count(*) FROM cameras c, areas a WHERE a.code = %s AND "
            "ST_Intersects(a.geometry, c.geometry)",
            (OWN_AREA,),
        ).fetchone()
    assert own_count is not None
    assert f"Feature Count: {own_count[0]}\n" in output


def test_gdal_pages_through_items_and_filters_by_time(
    service: OgcService, demo_store: str, tmp_path: Any
) -> None:
    path = tmp_path / "incidents.geojsonl"
    until = "2026-02-01T00:00:00Z"
    run_gdal(
        service,
        "ogr2ogr",
        "-f",
        "GeoJSONSeq",
        str(path),
        f"OAPIF:{service.address}/ogc",
        "incidents",
        "-oo",
        "PAGE_SIZE=1000",
        "-limit",
        "10000",
        "-lco",
        "COORDINATE_PRECISION=9",
    )
    features = [json.loads(line.strip("\x1e")) for line in path.read_text().splitlines()]
    assert len(features) == 10_000
    places = {
        f"{f['properties']['source']}:{f['properties']['source_id']}": f["geometry"]
        for f in features
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
    output = run_gdal(
        service,
        "ogrinfo",
        "-ro",
        "-so",
        f"OAPIF:{service.address}/ogc",
        "incidents",
        "-oo",
        "PAGE_SIZE=5000",
        "-where",
        "happened_at <= '2026/02/01 00:00:00Z'",
    )
    assert f"Feature Count: {early[0]}\n" in output


def test_owslib_reads_collections_filters_and_features(
    service: OgcService, demo_store: str
) -> None:
    client = Features(
        f"{service.address}/ogc/", headers={"Authorization": f"Bearer {service.full_token}"}
    )
    assert set(client.feature_collections()) == set(OGC_VIEWS)
    assert any("features-filter" in address for address in client.conformance()["conformsTo"])
    queryables = client.collection_queryables("grids")
    assert {"covered_share", "computed_at", "geometry"} <= set(queryables["properties"])
    page = client.collection_items(
        "grids", limit=1000, filter="open_covered_share < 0.2 AND kind = 'basic'"
    )
    with connect(demo_store) as conn:
        expected = conn.execute(
            "SELECT code, ST_AsBinary(geometry) FROM layer_grids WHERE open_covered_share < 0.2 "
            "AND kind = 'basic'"
        ).fetchall()
    assert 0 < len(expected) < 297
    assert page["numberMatched"] == len(expected)
    shapes = {f["id"]: shapely.from_geojson(json.dumps(f["geometry"])) for f in page["features"]}
    for code, wkb in expected:
        assert shapely.hausdorff_distance(shapes[code], shapely.from_wkb(bytes(wkb))) < 1e-8
    box = shapely.total_bounds(list(shapes.values())[:1]).tolist()
    nearby = client.collection_items("grids", bbox=box, limit=1000)
    with connect(demo_store) as conn:
        intersecting = conn.execute(
            "SELECT count(*) FROM grids WHERE ST_Intersects(geometry, ST_MakeEnvelope(%s, %s, %s, "
            "%s, 4326))",
            box,
        ).fetchone()
    assert (nearby["numberMatched"],) == intersecting


def test_qgis_opens_layers(service: OgcService, tmp_path: Any) -> None:
    python = "/usr/bin/python3"
    if subprocess.run(
        [python, "-c", "import qgis.core"], capture_output=True, check=False
    ).returncode:
        pytest.skip("QGIS is not installed")
    script = tmp_path / "open.py"
    script.write_text(
        "import sys\nfrom qgis.core import QgsApplication, QgsVectorLayer, QgsAuthMethodConfig\n"
        "QgsApplication.setPrefixPath('/usr', True)\napp = QgsApplication([], False)\n"
        "app.initQgis()\n"
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
    completed = subprocess.run(
        [python, str(script), service.address, service.full_token],
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
    assert "grids 297\ncameras 1500\n" in completed.stdout, completed.stderr[-2000:]


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
def test_items_filter_cannot_call_database_functions(service: OgcService, text: str) -> None:
    for path in (
        "/collections/cameras/items",
        "/collections/grids/tiles/WebMercatorQuad/13/6782/3351",
    ):
        response = service.get(path, service.part_token, params={"filter": text})
        assert response.status_code == 422, response.text
        assert response.headers["content-type"] == "application/problem+json"


def test_items_scope_ends_with_the_request(service: OgcService, demo_store: str) -> None:
    camera_count, results = count_features(demo_store)["cameras"], []

    def request_items(token: str) -> None:
        for _ in range(12):
            response = service.get("/collections/cameras/items?limit=1", token)
            results.append((token, response.json()["numberMatched"]))

    threads = [
        threading.Thread(target=request_items, args=(t,))
        for t in (service.full_token, service.part_token) * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 96
    counts_by_token = {
        token: {n for t, n in results if t == token}
        for token in (service.full_token, service.part_token)
    }
    assert counts_by_token[service.full_token] == {camera_count}
    assert len(counts_by_token[service.part_token]) == 1
    assert counts_by_token[service.part_token] < set(range(1, camera_count))


def test_collections_refuse_missing_and_wrong_tokens(service: OgcService, demo_store: str) -> None:
    assert httpx2.get(f"{service.address}/ogc/collections").status_code == 401
    assert service.get("/collections", "made up").status_code == 401
    with connect(demo_store) as conn:
        clerk_token = make_token(
            conn, "ogc-clerk", ["data:read"], days=1, role="clerk", areas=["*"]
        )
        feed_token = make_token(conn, "ogc-feeds", ["incidents:write"], days=1)
    assert service.get("/collections", clerk_token).status_code == 403
    # A known token without the scope.
    assert service.get("/collections", feed_token).status_code == 403
    # A token opens no pages and no session.
    page = httpx2.get(
        f"{service.address}/account", headers={"Authorization": f"Bearer {service.full_token}"}
    )
    assert page.status_code == 303
    with connect(demo_store) as conn:
        entries = conn.execute(
            "SELECT count(*) FROM audit WHERE actor = 'token ogc-part' AND object = "
            "'/ogc/collections/cameras/items'"
        ).fetchone()
    assert entries is not None
    assert entries[0] > 0


def test_collections_hide_cameras_from_coarse_roles(demo_store: str) -> None:
    from fastapi.testclient import TestClient

    from tests.support.service import sign_in

    settings = Settings(coarse_roles=["analyst"])
    cookies = sign_in(demo_store, "analyst")
    with TestClient(create_app(demo_store, settings), cookies=cookies) as client:
        collections = [c["id"] for c in client.get("/ogc/collections").json()["collections"]]
        assert collections == ["grids", "areas", "blind-spots", "incidents", "key-places"]
        assert client.get("/ogc/collections/cameras/items").status_code == 404
        assert client.get("/ogc/collections/views/tiles/WebMercatorQuad/1/1/0").status_code == 404


def test_ogc_pages_and_errors_are_well_formed(service: OgcService) -> None:
    page = service.get("/collections?f=html")
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
        response = service.get(path)
        assert response.status_code == status, (path, response.text)
        assert response.json()["detail"]
    tile = service.get("/collections/grids/tiles/WebMercatorQuad/tilejson.json").json()
    assert tile["bounds"][0] == pytest.approx(118.017, abs=0.01)
    document = service.get("/api").json()
    assert "/collections/{collectionId}/items" in document["paths"]


def test_items_csv_escapes_formulas(store: str) -> None:
    from fastapi.testclient import TestClient

    from tests.support.service import sign_in

    with connect(store) as conn:
        insert_grids(conn, "g1", name="=HYPERLINK(1)")
    with TestClient(create_app(store, Settings()), cookies=sign_in(store)) as client:
        text = client.get("/ogc/collections/grids/items?f=csv").text
        (row,) = csv.DictReader(io.StringIO(text))
        assert row["name"] == "'=HYPERLINK(1)"
        properties = client.get("/ogc/collections/grids/items").json()["features"][0]["properties"]
        assert properties["name"] == "=HYPERLINK(1)"


@pytest.mark.parametrize("code", ["=1+1", "+1", "-1+2", "@sum", "\t=1"])
def test_items_csv_escapes_formulas_in_identifiers(store: str, code: str) -> None:
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


def test_gdal_is_installed() -> None:
    assert shutil.which("ogrinfo"), "scripts/setup.sh installs gdal-bin for the tests"
