"""An OpenStreetMap extract of a city in the browser: upload, grids, refresh, maps, dashboard."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from geo.store.connection import connect
from tests.support.browser import RecordedPage, add_session
from tests.support.jobs import running_worker
from tests.support.osm_extracts import HELSINKI
from tests.support.service import serving
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.pages,
    pytest.mark.skipif(not HELSINKI.exists(), reason="the shared data are missing"),
]
SCREENSHOT_FOLDER = os.environ.get("GRIDCOVER_SHOTS")


def save_screenshot(page: Page, name: str) -> None:
    """Save a screenshot of the page if GRIDCOVER_SHOTS names a folder."""
    if SCREENSHOT_FOLDER:
        page.screenshot(path=Path(SCREENSHOT_FOLDER) / f"{name}.png")


def test_pages_import_and_analyse_a_city(
    browser: Browser, store: str, run: Callable[..., Any]
) -> None:
    with serving(store) as address, running_worker(store):
        context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="zh-CN")
        add_session(context, address, store)
        recorded_page = RecordedPage(context.new_page(), address)
        page = recorded_page.open("/jobs")
        page.select_option("#upload [name=layer]", "osm")
        page.set_input_files("#upload [name=file]", HELSINKI)
        page.locator("#upload [type=submit]").click()
        preview = page.locator("#preview")
        expect(preview).to_have_attribute("data-state", "ready", timeout=180_000)
        rows = preview.locator("table").first.locator("tbody tr")
        expect(rows.filter(has_text="摄像机")).to_contain_text("221")
        save_screenshot(page, "upload_1_preview")
        page.locator("#confirm").click()
        expect(preview).to_have_attribute("data-state", "done", timeout=180_000)
        save_screenshot(page, "upload_2_done")
        # No page makes grids: the checklist shows the command, which is run here.
        page = recorded_page.open("/setup")
        command = page.locator("#setup li[data-key=grids] code").inner_text()
        assert command == "gridcover grids make --within buildings --cell 250"
        save_screenshot(page, "upload_3_next_step")
        result = run(*command.split()[1:])
        assert result.returncode == 0, result.stderr
        page = recorded_page.open("/jobs")
        page.locator("#refresh").click()
        with connect(store, autocommit=True) as conn:
            finished = "SELECT count(*) FROM runs WHERE finished_at IS NOT NULL"
            wait_until(lambda: conn.execute(finished).fetchone() != (0,), within_s=300)
        save_screenshot(page, "upload_4_refreshed")
        page = recorded_page.open("/maps/coverage")
        page.wait_for_load_state("networkidle")
        classes = page.locator("#panel .key .legend").first.locator("li .number")
        counts = [int(number) for number in classes.all_inner_texts() if int(number)]
        assert len(counts) >= 3
        expect(page.locator("#panel")).to_contain_text("221")
        # Without incidents there is no expected number of them.
        expect(page.locator("#panel")).not_to_contain_text(re.compile(r"年预期 – 起"))
        save_screenshot(page, "upload_5_coverage")
        page = recorded_page.open("/dashboard")
        # The page waits for the figures if it is opened before the refresh has computed them.
        expect(page.locator(".tile").first).to_be_visible(timeout=120_000)
        page.wait_for_load_state("networkidle")
        save_screenshot(page, "upload_6_dashboard")
        context.close()
        assert recorded_page.faults == []
