"""Upload of files with unknown headers: mapping by drop-downs, keys, periods, saved mappings."""

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
    """Open the page of jobs with a running worker; a fault on the page fails the test."""
    with serving(store) as address, running_worker(store):
        context = browser.new_context(viewport={"width": width, "height": 720}, locale=locale)
        add_session(context, address, store)
        recorded_page = RecordedPage(context.new_page(), address)
        yield recorded_page.open("/jobs")
        recorded_page.page.wait_for_load_state("networkidle")
        context.close()
        assert recorded_page.faults == []


def upload(page: Page, layer: str, path: Path, state: str) -> Locator:
    """Upload a file to a layer and wait for a state of its preview."""
    page.select_option("#upload [name=layer]", layer)
    page.set_input_files("#upload [name=file]", path)
    page.locator("#upload [type=submit]").click()
    return wait_for_preview(page, state)


def wait_for_preview(page: Page, state: str) -> Locator:
    preview = page.locator("#preview")
    expect(preview).to_have_attribute("data-state", state, timeout=60_000)
    return preview


def column_select(preview: Locator, header: str) -> Locator:
    """Return the drop-down of a header."""
    return (
        preview.locator("table.mapping tr")
        .filter(has=preview.page.get_by_role("rowheader", name=header))
        .locator("select")
    )


def record_import_urls(page: Page) -> list[str]:
    """Return a list to which the URL of each further import request is appended."""
    urls: list[str] = []

    def record(request) -> None:  # type: ignore[no-untyped-def]
        if "/jobs/import" in request.url:
            urls.append(request.url)

    page.on("request", record)
    return urls


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_upload_maps_a_workbook_in_another_language(
    browser: Browser, store: str, tmp_path: Path, locale: str
) -> None:
    labels = LABELS[locale]
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
        urls = record_import_urls(page)
        preview = upload(page, "cameras", first, "columns")
        # Columns are preselected by their cells, with reasons; passwords are not shown.
        expect(column_select(preview, "STT")).to_have_value("code")
        expect(preview).to_contain_text("各不相同" if locale == "zh-CN" else "all different")
        expect(column_select(preview, "Hướng")).to_have_value("bearing_deg")
        expect(column_select(preview, "Mật khẩu")).to_be_disabled()
        expect(preview).not_to_contain_text("bi-mat")
        expect(preview.locator("table").last).to_contain_text("Ngã tư Lê Lợi")
        assert preview.locator("img[src=x]").count() == 0
        expect(preview).to_contain_text(markup)
        column_select(preview, "Toạ độ").select_option(label=labels["where"])
        column_select(preview, "Điểm lắp đặt").select_option(label=labels["name"])
        page.locator("#again").click()
        wait_for_preview(page, "ready")
        wait_until_painted(page, ".upload-map canvas", 20)
        assert stored_cameras(store) == {}
        # A second header for a column takes it from the first; a new preview is needed then.
        column_select(preview, "Ghi chú").select_option(label=labels["name"])
        expect(column_select(preview, "Điểm lắp đặt")).to_have_value("extra")
        expect(page.locator("#confirm")).to_be_disabled()
        expect(page.locator("#stale")).to_be_visible()
        column_select(preview, "Điểm lắp đặt").select_option(label=labels["name"])
        expect(column_select(preview, "Ghi chú")).to_have_value("extra")
        page.locator("#again").click()
        expect(page.locator("#stale")).to_be_hidden(timeout=60_000)
        wait_for_preview(page, "ready")
        preview.locator("[name=save_mapping]").fill("hợp đồng <b>")
        page.locator("#confirm").click()
        wait_for_preview(page, "done")
        assert stored_cameras(store) == EXPECTED_CAMERAS
        # The file was transferred only once.
        assert ["upload=" in address for address in urls] == [False, True, True, True]
        page.locator("#upload [name=mapping]").select_option(label="hợp đồng <b>")
        upload(page, "cameras", second, "ready")
        expect(column_select(preview, "STT")).to_have_value("code")
        page.locator("#confirm").click()
        wait_for_preview(page, "done")
        assert stored_cameras(store)["4"] == ("Sân bay", 90.0, 118.504, 31.304)
        page.locator("#upload [name=mapping]").select_option(label="hợp đồng <b>")
        page.locator("#forget").click()
        expect(page.locator("#upload [name=mapping]")).to_be_hidden()


def test_upload_maps_the_shared_workbook(browser: Browser, store: str, odd_files: Path) -> None:
    with jobs_page(browser, store, "en-GB") as page:
        preview = upload(page, "cameras", odd_files / "other_language.xlsx", "columns")
        for header, column in (
            ("STT", "code"),
            ("Toạ độ", "where"),
            ("Điểm lắp đặt", "name"),
            ("Hướng", "bearing_deg"),
        ):
            column_select(preview, header).select_option(value=column)
        page.locator("#again").click()
        wait_for_preview(page, "ready")
        page.locator("#confirm").click()
        wait_for_preview(page, "done")
    assert {code: row[1:] for code, row in stored_cameras(store).items()} == {
        "1": (259.0, 118.501, 31.301),
        "2": (None, 118.502, 31.302),
        "3": (307.0, 118.503, 31.303),
    }


@pytest.mark.parametrize(("locale", "width"), [("zh-CN", 1280), ("en-GB", 390)])
def test_upload_of_points_without_key_and_time(
    browser: Browser, store: str, tmp_path: Path, locale: str, width: int
) -> None:
    path = tmp_path / "points_alone.csv"
    path.write_text("latitude,longitude\n31.301,118.501\n31.302,118.502\n31.302,118.502\n")
    with jobs_page(browser, store, locale, width) as page:
        preview = upload(page, "incidents", path, "columns")
        expect(preview.locator(".wrong")).to_contain_text(
            "事件编号、发生时间" if locale == "zh-CN" else "Number at the source, Occurred"
        )
        # The options for key and time are shown.
        page.locator("#upload [name=key]").select_option("number")
        page.locator("#upload [name=occurred]").fill("2025")
        page.locator("#again").click()
        wait_for_preview(page, "ready")
        page.locator("#confirm").click()
        wait_for_preview(page, "done")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    with connect(store) as conn:
        rows = conn.execute(
            "SELECT source_id, "
            "EXTRACT(year FROM occurred_from AT TIME ZONE 'Asia/Shanghai')::int FROM incidents "
            "ORDER BY source_id"
        ).fetchall()
    assert rows == [("1", 2025), ("2", 2025), ("3", 2025)]
