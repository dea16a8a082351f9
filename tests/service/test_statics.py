"""Static files: all there, joined in order, packed, and kept by browsers as long as they stay the same."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urljoin

import pytest
from fastapi.testclient import TestClient

from geo.maps.assets import assets_dir
from geo.settings import Settings
from service.app import create_app
from service.bundling import module_order
from service.static_files import BUNDLES, PageAssets
from tests.support.service import sign_in

STATIC = Path(__file__).parents[2] / "service/static"


@pytest.fixture
def client(demo_store: str) -> TestClient:
    return TestClient(create_app(demo_store, Settings()), cookies=sign_in(demo_store))


def test_a_page_asks_for_two_joined_files_that_browsers_keep(client: TestClient) -> None:
    with client:
        page = client.get("/maps/coverage").text
        for name in ("maps.js", "maps.css"):
            (address,) = re.findall(rf'"(/static/{name}\?v=\w+)"', page)
            told = client.get(address)
            assert told.status_code == 200
            assert told.headers["cache-control"] == "public, max-age=31536000, immutable"
            # Another version's address, or none, is asked about each time.
            for other in (address[:-1], address.split("?")[0]):
                assert client.get(other).headers["cache-control"] == "no-cache"
            again = client.get(address, headers={"If-None-Match": told.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            plain = client.get(address, headers={"Accept-Encoding": "identity"})
            assert "content-encoding" not in plain.headers
            assert plain.text == told.text


@pytest.mark.parametrize("name", sorted(BUNDLES))
def test_every_script_is_in_it_in_order(client: TestClient, name: str) -> None:
    with client:
        script = client.get(f"/static/{name}").text
    bundle = BUNDLES[name]
    places = []
    for vendor in bundle.vendor:
        places.append(
            script.index((assets_dir() / vendor.removeprefix("vendor/")).read_text("utf-8"))
        )
    for module in module_order(STATIC, bundle.entry):
        place = script.index(module.body.strip("\n"))
        assert module.body.strip()
        assert script.count(f"\nconst {module.variable} = ") == 1
        places.append(place)
    assert places == sorted(places)


def test_every_page_asks_for_its_own_script_alone(client: TestClient) -> None:
    paths = {
        "/dashboard": "dashboard",
        "/jobs": "jobs",
        "/setup": "setup",
        "/video-wall": "video_wall",
        "/maps/coverage": "maps",
        "/maps/incidents": "maps",
        "/maps/data-quality": "maps",
    }
    with client:
        for path, name in paths.items():
            asked = re.findall(r'<script src="([^"?]+)(\?v=\w+)?"', client.get(path).text)
            own = [(file, version) for file, version in asked if "/vendor/" not in file]
            assert [file for file, _ in own] == [f"/static/{name}.js"], path
            assert all(version for _, version in own)


def test_what_the_joined_styles_name_is_there(client: TestClient) -> None:
    with client:
        style = client.get("/static/maps.css").text
        named = [n for n in re.findall(r"url\(['\"]?([^'\")]+)", style) if n[0] not in "#d"]
        assert any("layers" in name for name in named)
        absent = [n for n in named if client.get(urljoin("/static/maps.css", n)).status_code != 200]
    assert absent == []


def test_a_changed_file_is_another_version(tmp_path: Path) -> None:
    static, vendor = tmp_path / "static", tmp_path / "vendor"
    shutil.copytree(STATIC, static, ignore=shutil.ignore_patterns("vendor"))
    shutil.copytree(assets_dir(), vendor)
    assets = PageAssets(static, vendor)
    before = assets.version
    assert assets.version == before
    script = static / "lib/dom.js"
    script.write_text(script.read_text("utf-8") + "\n// another\n", "utf-8")
    os.utime(script, ns=(1, 1))
    assert assets.version != before


def test_other_static_files_are_packed(client: TestClient) -> None:
    with client:
        told = client.get("/static/lib/dom.js", headers={"Accept-Encoding": "gzip"})
        assert told.headers["content-encoding"] == "gzip"
        assert told.content == (STATIC / "lib/dom.js").read_bytes()
        assert int(told.headers["content-length"]) == len(gzip.compress(told.content, 9, mtime=0))
