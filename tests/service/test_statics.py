"""Tests of static files: bundles, compression, caching by version."""

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


def test_page_assets_are_cached_by_version(client: TestClient) -> None:
    with client:
        page = client.get("/maps/coverage").text
        for name in ("maps.js", "maps.css"):
            (address,) = re.findall(rf'"(/static/{name}\?v=\w+)"', page)
            response = client.get(address)
            assert response.status_code == 200
            assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
            # Addresses of other versions or without one are revalidated each time.
            for other in (address[:-1], address.split("?")[0]):
                assert client.get(other).headers["cache-control"] == "no-cache"
            not_modified = client.get(address, headers={"If-None-Match": response.headers["etag"]})
            assert (not_modified.status_code, not_modified.content) == (304, b"")
            plain = client.get(address, headers={"Accept-Encoding": "identity"})
            assert "content-encoding" not in plain.headers
            assert plain.text == response.text


@pytest.mark.parametrize("name", sorted(BUNDLES))
def test_bundle_holds_modules_in_order(client: TestClient, name: str) -> None:
    with client:
        script = client.get(f"/static/{name}").text
    bundle = BUNDLES[name]
    offsets = []
    for vendor in bundle.vendor:
        offsets.append(
            script.index((assets_dir() / vendor.removeprefix("vendor/")).read_text("utf-8"))
        )
    for module in module_order(STATIC, bundle.entry):
        offset = script.index(module.body.strip("\n"))
        assert module.body.strip()
        assert script.count(f"\nconst {module.variable} = ") == 1
        offsets.append(offset)
    assert offsets == sorted(offsets)


def test_pages_load_only_their_bundle(client: TestClient) -> None:
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
            scripts = re.findall(r'<script src="([^"?]+)(\?v=\w+)?"', client.get(path).text)
            bundles = [(file, version) for file, version in scripts if "/vendor/" not in file]
            assert [file for file, _ in bundles] == [f"/static/{name}.js"], path
            assert all(version for _, version in bundles)


def test_joined_styles_reference_existing_files(client: TestClient) -> None:
    with client:
        style = client.get("/static/maps.css").text
        addresses = [n for n in re.findall(r"url\(['\"]?([^'\")]+)", style) if n[0] not in "#d"]
        assert any("layers" in name for name in addresses)
        missing = [
            n for n in addresses if client.get(urljoin("/static/maps.css", n)).status_code != 200
        ]
    assert missing == []


def test_page_assets_version_changes_with_files(tmp_path: Path) -> None:
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


def test_static_files_are_compressed(client: TestClient) -> None:
    with client:
        response = client.get("/static/lib/dom.js", headers={"Accept-Encoding": "gzip"})
        assert response.headers["content-encoding"] == "gzip"
        assert response.content == (STATIC / "lib/dom.js").read_bytes()
        assert int(response.headers["content-length"]) == len(
            gzip.compress(response.content, 9, mtime=0)
        )
