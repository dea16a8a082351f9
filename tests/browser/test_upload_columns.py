"""A file whose headers nobody knows is imported with drop-downs alone; keys, time spans and saved mappings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from geo.store.connection import connect
from tests.support.browser import RecordedPage, add_session, wait_until_painted
from tests.support.jobs import running_worker
from tests.support.service import serving
from tests.support.workbooks import EXPECTED_CAMERAS, VIETNAMESE_CAMERAS, stored_cameras, workbook

pytestmark = [pytest.mark.browser, pytest.mark.pages]
LABELS = {
    "zh-CN": {"code": "编码", "where": "坐标", "name": "名称", "bearing": "监控方位"},
    "en-GB": {"code": "Code", "where": "Coordinates", "name": "Name", "bearing": "Bearing"},
}


@contextmanager
def jobs_page(browser: Browser, store: str, locale: str, width: int = 1280) -> Iterator[Page]:
    """The page of jobs with a worker behind it; every fault on it fails the test."""
    with serving(store) as address, running_worker(store):
        context = browser.new_context(viewport={"width": width, "height": 720}, locale=locale)
        add_session(context, address, store)
        watch = RecordedPage(context.new_page(), address)
        yield watch.open("/jobs")
        watch.page.wait_for_load_state("networkidle")
        context.close()
        assert watch.faults == []


def look(page: Page, layer: str, path: Path, state: str) -> Locator:
    """Choose a layer and a file, and wait for what was recognised."""
    page.select_option("#upload [name=layer]", layer)
    page.set_input_files("#upload [name=file]", path)
    page.locator("#upload [type=submit]").click()
    return ended(page, state)


def ended(page: Page, state: str) -> Locator:
    preview = page.locator("#preview")
    expect(preview).to_have_attribute("data-state", state, timeout=60_000)
    return preview


def choice(preview: Locator, header: str) -> Locator:
    """The drop-down of a header."""
    return (
        preview.locator("table.mapping tr")
        .filter(has=preview.page.get_by_role("rowheader", name=header))
        .locator("select")
    )


def imports(page: Page) -> list[str]:
    """The addresses that imports are asked for with, from now on."""
    addresses: list[str] = []

    def note(request) -> None:  # type: ignore[no-untyped-def]
        if "/jobs/import" in request.url:
            addresses.append(request.url)

    page.on("request", note)
    return addresses


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_a_workbook_in_another_language_with_drop_downs_alone(
    browser: Browser, store: str, tmp_path: Path, locale: str
) -> None:
    words = LABELS[locale]
    first, second = tmp_path / "máy quay.xlsx", tmp_path / "next.xlsx"
    markup = "<img src=x onerror=alert(1)>"
    first.write_bytes(
        workbook(
            [[*VIETNAMESE_CAMERAS[0], markup], *([*row, markup] for row in VIETNAMESE_CAMERAS[1:])]
        )
    )
    second.write_bytes(
        workbook([VIETNAMESE_CAMERAS[0], [4, "Sân bay", "31.304, 118.504", "90", "", "x"]])
    )
    with jobs_page(browser, store, locale) as page:
        asked = imports(page)
        preview = look(page, "cameras", first, "columns")
        # What the cells hold is preselected, with the evidence; a password is neither shown nor offered.
        expect(choice(preview, "STT")).to_have_value("code")
        expect(preview).to_contain_text("各不相同" if locale == "zh-CN" else "all different")
        expect(choice(preview, "Hướng")).to_have_value("bearing_deg")
        expect(choice(preview, "Mật khẩu")).to_be_disabled()
        expect(preview).not_to_contain_text("bi-mat")
        expect(preview.locator("table").last).to_contain_text("Ngã tư Lê Lợi")
        assert preview.locator("img[src=x]").count() == 0
        expect(preview).to_contain_text(markup)
        choice(preview, "Toạ độ").select_option(label=words["where"])
        choice(preview, "Điểm lắp đặt").select_option(label=words["name"])
        page.locator("#again").click()
        ended(page, "ready")
        wait_until_painted(page, ".upload-map canvas", 20)
        assert stored_cameras(store) == {}
        # A second header for the same column takes it from the first; nothing is stored until that is looked at.
        choice(preview, "Ghi chú").select_option(label=words["name"])
        expect(choice(preview, "Điểm lắp đặt")).to_have_value("extra")
        expect(page.locator("#confirm")).to_be_disabled()
        expect(page.locator("#stale")).to_be_visible()
        choice(preview, "Điểm lắp đặt").select_option(label=words["name"])
        expect(choice(preview, "Ghi chú")).to_have_value("extra")
        page.locator("#again").click()
        expect(page.locator("#stale")).to_be_hidden(timeout=60_000)
        ended(page, "ready")
        preview.locator("[name=save_mapping]").fill("hợp đồng <b>")
        page.locator("#confirm").click()
        ended(page, "done")
        assert stored_cameras(store) == EXPECTED_CAMERAS
        # The file went over once.
        assert ["upload=" in address for address in asked] == [False, True, True, True]
        page.locator("#upload [name=mapping]").select_option(label="hợp đồng <b>")
        look(page, "cameras", second, "ready")
        expect(choice(preview, "STT")).to_have_value("code")
        page.locator("#confirm").click()
        ended(page, "done")
        assert stored_cameras(store)["4"] == ("Sân bay", 90.0, 118.504, 31.304)
        page.locator("#upload [name=mapping]").select_option(label="hợp đồng <b>")
        page.locator("#forget").click()
        expect(page.locator("#upload [name=mapping]")).to_be_hidden()


def test_the_shared_workbook(browser: Browser, store: str, odd_files: Path) -> None:
    with jobs_page(browser, store, "en-GB") as page:
        preview = look(page, "cameras", odd_files / "other_language.xlsx", "columns")
        for header, column in (
            ("STT", "code"),
            ("Toạ độ", "where"),
            ("Điểm lắp đặt", "name"),
            ("Hướng", "bearing_deg"),
        ):
            choice(preview, header).select_option(value=column)
        page.locator("#again").click()
        ended(page, "ready")
        page.locator("#confirm").click()
        ended(page, "done")
    assert {code: row[1:] for code, row in stored_cameras(store).items()} == {
        "1": (259.0, 118.501, 31.301),
        "2": (None, 118.502, 31.302),
        "3": (307.0, 118.503, 31.303),
    }


@pytest.mark.parametrize(("locale", "width"), [("zh-CN", 1280), ("en-GB", 390)])
def test_points_without_key_and_time(
    browser: Browser, store: str, tmp_path: Path, locale: str, width: int
) -> None:
    path = tmp_path / "points_alone.csv"
    path.write_text("latitude,longitude\n31.301,118.501\n31.302,118.502\n31.302,118.502\n")
    with jobs_page(browser, store, locale, width) as page:
        preview = look(page, "incidents", path, "columns")
        expect(preview.locator(".wrong")).to_contain_text(
            "事件编号、发生时间" if locale == "zh-CN" else "Number at the source, Occurred"
        )
        # The options that answer it are open.
        page.locator("#upload [name=key]").select_option("number")
        page.locator("#upload [name=occurred]").fill("2025")
        page.locator("#again").click()
        ended(page, "ready")
        page.locator("#confirm").click()
        ended(page, "done")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    with connect(store) as conn:
        rows = conn.execute(
            "SELECT source_id, EXTRACT(year FROM occurred_from AT TIME ZONE 'Asia/Shanghai')::int FROM incidents "
            "ORDER BY source_id"
        ).fetchall()
    assert rows == [("1", 2025), ("2", 2025), ("3", 2025)]
