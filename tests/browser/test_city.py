"""A city from an extract to its maps through the browser: upload, grids, refresh, and what the pages show."""

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
    pytest.mark.skipif(not HELSINKI.exists(), reason="the shared data are not here"),
]
SHOTS = os.environ.get("GRIDCOVER_SHOTS")


def shot(page: Page, name: str) -> None:
    """Save a picture of the page for someone to look at, where a folder is named."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png")


def test_a_city_through_the_browser(browser: Browser, store: str, run: Callable[..., Any]) -> None:
    with serving(store) as address, running_worker(store):
        context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="zh-CN")
        add_session(context, address, store)
        watch = RecordedPage(context.new_page(), address)
        page = watch.open("/jobs")
        page.select_option("#upload [name=layer]", "osm")
        page.set_input_files("#upload [name=file]", HELSINKI)
        page.locator("#upload [type=submit]").click()
        preview = page.locator("#preview")
        expect(preview).to_have_attribute("data-state", "ready", timeout=180_000)
        rows = preview.locator("table").first.locator("tbody tr")
        expect(rows.filter(has_text="摄像机")).to_contain_text("221")
        shot(page, "upload_1_looked_at")
        page.locator("#confirm").click()
        expect(preview).to_have_attribute("data-state", "done", timeout=180_000)
        shot(page, "upload_2_done")
        # No page makes grids: the checklist has the command, and the command works.
        page = watch.open("/setup")
        command = page.locator("#setup li[data-key=grids] code").inner_text()
        assert command == "gridcover grids make --within buildings --cell 250"
        shot(page, "upload_3_next_step")
        made = run(*command.split()[1:])
        assert made.returncode == 0, made.stderr
        page = watch.open("/jobs")
        page.locator("#refresh").click()
        with connect(store, autocommit=True) as conn:
            finished = "SELECT count(*) FROM runs WHERE finished_at IS NOT NULL"
            wait_until(lambda: conn.execute(finished).fetchone() != (0,), within_s=300)
        shot(page, "upload_4_refreshed")
        page = watch.open("/maps/coverage")
        page.wait_for_load_state("networkidle")
        classes = page.locator("#panel .key .legend").first.locator("li .number")
        used = [int(number) for number in classes.all_inner_texts() if int(number)]
        assert len(used) >= 3
        expect(page.locator("#panel")).to_contain_text("221")
        # Nothing is written where there is nothing to say: no incidents, no expected number of them.
        expect(page.locator("#panel")).not_to_contain_text(re.compile(r"年预期 – 起"))
        shot(page, "upload_5_coverage")
        page = watch.open("/dashboard")
        # Opened before the refresh has come to the board, the page says so and shows the figures when they are there.
        expect(page.locator(".tile").first).to_be_visible(timeout=120_000)
        page.wait_for_load_state("networkidle")
        shot(page, "upload_6_board")
        context.close()
        assert watch.faults == []
