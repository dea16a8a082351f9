"""Upload on the page of jobs: preview, rejected rows, confirmation, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from geo.store.connection import connect
from tests.support.browser import RecordedPage, add_session, wait_until_painted
from tests.support.jobs import running_worker
from tests.support.osm_extracts import OsmExtract, box
from tests.support.rows import insert_grids
from tests.support.service import serving

pytestmark = pytest.mark.browser
ROWS = """监控点名称,设备编码,经度,纬度,监控方位,摄像机类型,备注列
南门口,34020000001320000901,118.0052,31.0051,90,枪机,a
北门口,34020000001320000902,118.0062,31.0061,180,球机,b
出错的,34020000001320000903,abc,31.0062,180,球机,b
西门口,34020000001320000904,118.0032,31.0041,,半球,b
"""


def camera_names(store: str) -> list[str]:
    with connect(store) as conn:
        return [row[0] for row in conn.execute("SELECT name FROM cameras ORDER BY code").fetchall()]


def test_upload_previews_and_imports_a_csv_file(
    browser: Browser, store: str, tmp_path: Path
) -> None:
    with connect(store) as conn:
        insert_grids(conn, "g1", name="一格", population=100)
        conn.commit()
    valid_file = tmp_path / "cameras.csv"
    valid_file.write_text(ROWS, encoding="utf-8")
    invalid_file = tmp_path / "notes.csv"
    invalid_file.write_text("a,b\n1,2\n", encoding="utf-8")
    with serving(store) as address, running_worker(store):
        for locale in ("zh-CN", "en-GB"):
            context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=locale)
            add_session(context, address, store)
            recorded_page = RecordedPage(context.new_page(), address)
            page = recorded_page.open("/jobs")
            zh = locale == "zh-CN"
            page.select_option("#upload [name=layer]", "cameras")
            page.set_input_files("#upload [name=file]", invalid_file)
            page.locator("#upload [type=submit]").click()
            preview = page.locator("#preview")
            expect(preview).to_have_attribute("data-state", "columns", timeout=60_000)
            expect(preview.locator(".wrong")).to_contain_text(
                "缺少字段：经度、纬度、编码" if zh else "missing: Longitude, Latitude, Code"
            )
            page.set_input_files("#upload [name=file]", valid_file)
            page.locator("#upload [type=submit]").click()
            expect(preview).to_have_attribute("data-state", "ready", timeout=60_000)
            # The preview shows columns, rows and rejections with reasons; nothing is stored yet.
            expect(preview).to_contain_text("监控方位")
            expect(preview).to_contain_text("备注列")
            expect(preview).to_contain_text("坐标无法读取" if zh else "unreadable coordinates")
            expect(preview.locator("table").last.locator("tbody tr")).to_have_count(3)
            page.wait_for_load_state("networkidle")
            wait_until_painted(page, ".upload-map canvas", 50)
            report = preview.locator("a[href*='/report']").get_attribute("href")
            assert report is not None
            assert "abc" in page.request.get(address + report).text()
            names_before = camera_names(store)
            assert names_before == ([] if zh else ["南门口", "北门口", "西门口"])
            page.locator("#confirm").click()
            expect(preview).to_have_attribute("data-state", "done", timeout=60_000)
            summary = preview.locator("p").inner_text()
            assert [int(n) for n in re.findall(r"\d+", summary)] == ([3, 0, 0] if zh else [0, 0, 3])
            assert camera_names(store) == ["南门口", "北门口", "西门口"]
            page.wait_for_load_state("networkidle")
            context.close()
            assert recorded_page.faults == []


def test_upload_previews_and_imports_an_osm_extract(
    browser: Browser, store: str, tmp_path: Path
) -> None:
    city = OsmExtract()
    for k in range(12):
        city.ring(box(40 * k, 0, 30, 30), building="yes", height="12")
        city.node(40 * k, 50, man_made="surveillance")
    city.way([(0, 40), (500, 40)], highway="primary", name="中山路")
    path = city.write(tmp_path / "city.osm")
    with serving(store) as address, running_worker(store):
        for locale in ("zh-CN", "en-GB"):
            context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=locale)
            add_session(context, address, store)
            recorded_page = RecordedPage(context.new_page(), address)
            page = recorded_page.open("/jobs")
            zh = locale == "zh-CN"
            page.select_option("#upload [name=layer]", "osm")
            page.set_input_files("#upload [name=file]", path)
            page.locator("#upload [type=submit]").click()
            preview = page.locator("#preview")
            expect(preview).to_have_attribute("data-state", "ready", timeout=60_000)
            rows = preview.locator("table").first.locator("tbody tr")
            expect(rows).to_have_count(6)
            expect(rows.filter(has_text="建筑" if zh else "Buildings")).to_contain_text("12")
            wait_until_painted(page, ".upload-map canvas", 50)
            page.locator("#confirm").click()
            expect(preview).to_have_attribute("data-state", "done", timeout=60_000)
            summary = preview.locator("p").inner_text()
            assert [int(n) for n in re.findall(r"\d+", summary)] == (
                [25, 0, 0] if zh else [0, 0, 25]
            )
            page.wait_for_load_state("networkidle")
            context.close()
            assert recorded_page.faults == []
