"""Maps, dashboard, sign-in and API documentation in Chromium without other network access."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from geo.store.connection import connect
from geo.store.queries.users import add_user
from service.auth.passwords import hash_password
from tests.support.browser import RecordedPage, add_session, map_center, wait_until_painted
from tests.support.waiting import wait_until

pytestmark = pytest.mark.browser


def test_coverage_map_shows_classes_layers_and_options(recorded_page: RecordedPage) -> None:
    page = recorded_page.open("/")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    assert "/maps/coverage" in page.url
    expect(page.locator("nav a[aria-current]")).to_have_text("视频覆盖" if zh else "Coverage")
    expect(page.locator("#panel .key .legend").first.locator("li")).to_have_count(5)
    counts = page.locator("#panel .key .legend").first.locator(".number").all_inner_texts()
    assert sum(int(c) for c in counts) == 297
    expect(page.locator("#content > .ranked button")).to_have_count(100)
    expect(page.locator(".leaflet-control-scale")).to_be_visible()
    expect(page.locator(".leaflet-control-attribution")).not_to_contain_text("Leaflet")
    page.wait_for_load_state("networkidle")
    wait_until_painted(page, ".leaflet-shade-pane canvas", 50_000)
    wait_until_painted(page, ".leaflet-base-pane canvas", 50_000)
    wait_until_painted(page, ".leaflet-views-pane canvas", 1_000)
    wait_until_painted(page, ".leaflet-points-pane canvas", 1_000)
    # The tooltip shows the figures of the grid under the pointer.
    x, y = map_center(page)
    page.mouse.move(x, y + 60)
    expect(page.locator(".leaflet-tooltip")).to_be_visible()
    page.select_option("#pick-measure", "twice_covered_share")
    page.locator(".options summary").click()
    page.select_option("#pick-classes", "quantile")
    page.select_option("#pick-number", "3")
    expect(page.locator("#panel .key .legend").first.locator("li")).to_have_count(3)
    assert "measure=twice_covered_share" in page.url
    toggles = page.locator(".leaflet-control-layers-overlays label")
    expect(toggles).to_have_count(7)
    toggles.nth(4).locator("input").uncheck()
    assert page.locator(".leaflet-views-pane canvas").count() == 0


def test_incident_map_filters_by_period_and_category(recorded_page: RecordedPage) -> None:
    page = recorded_page.open("/maps/incidents")
    total = page.locator(".figures strong").first
    last_month_total = total.inner_text()
    page.wait_for_load_state("networkidle")
    wait_until_painted(page, "canvas.leaflet-heatmap-layer", 5_000)
    wait_until_painted(page, ".leaflet-shade-pane canvas", 50_000)
    expect(page.locator(".trend .chart[data-drawn]")).to_have_count(1)
    slider = page.locator("input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("body")).to_have_attribute("data-period", "2026-09/2026-10")
    expect(total).not_to_have_text(last_month_total)
    page.select_option("#pick-span", "0")
    expect(page.locator("body")).to_have_attribute("data-period", "2023-11/2026-11")
    expect(total).to_have_text("60,000")
    page.locator(".tree > summary").click()
    page.locator(".tree input").first.uncheck()
    expect(total).not_to_have_text("60,000")
    # The URL reproduces the view.
    assert re.search(r"span=0&to=2026-09&category=|to=2026-09&span=0&category=", page.url)
    filtered_total = total.inner_text()
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    expect(page.locator(".figures strong").first).to_have_text(filtered_total)
    page.select_option("#pick-span", "1")
    expect(page.locator("body")).to_have_attribute("data-period", "2026-09/2026-10")
    play = page.locator("button.play")
    play.click()
    expect(page.locator("body")).not_to_have_attribute(
        "data-period", "2026-09/2026-10", timeout=10_000
    )
    play.click()
    expect(page.locator(".leaflet-control-layers-overlays input:disabled")).to_have_count(0)


def test_dashboard_leads_from_the_district_to_the_map(recorded_page: RecordedPage) -> None:
    page = recorded_page.open("/dashboard")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    expect(page.locator(".tile")).to_have_count(8)
    expect(page.locator(".tile").first).to_contain_text("95.5%")
    rows = page.locator("table.peers tbody tr")
    expect(rows).to_have_count(6)
    assert page.locator(".chart canvas").count() == 3
    wait_until_painted(page, ".chart canvas", 3_000)
    # A click on the column header reverses the order.
    name_cell = "table.peers tbody tr:first-child td:nth-child(2)"
    first_name = page.locator(name_cell).inner_text()
    page.locator("table.peers th[aria-sort] button").click()
    expect(page.locator("table.peers th[aria-sort=ascending]")).to_have_count(1)
    assert page.locator(name_cell).inner_text() != first_name
    # The communities of the first sub-district, also after a reload.
    page.locator("table.peers tbody button").first.click()
    expect(page.locator("body")).to_have_attribute("data-level", "community")
    area = page.locator("body").get_attribute("data-area")
    assert area is not None
    assert len(area) == 9
    heading = page.locator("h1").inner_text()
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    assert page.locator("h1").inner_text() == heading
    page.locator("nav a.language").click()
    page.wait_for_selector("body[data-ready=true]")
    assert page.locator("body").get_attribute("data-area") == area
    assert page.get_attribute("html", "lang") == ("en" if zh else "zh-CN")
    # The shortfalls to a target on the map.
    page.locator(".tile p:not(.run) a").first.click()
    page.wait_for_selector("body[data-ready=true]")
    assert "/maps/data-quality" in page.url
    total = page.locator("body").get_attribute("data-total")
    assert total is not None
    assert int(total) > 0
    expect(page.locator("#panel .ranked .chosen")).to_have_count(1)


def test_data_quality_map_filters_and_downloads(recorded_page: RecordedPage) -> None:
    page = recorded_page.open("/maps/data-quality")
    total = int(page.locator("body").get_attribute("data-total") or 0)
    assert total > 500
    wait_until_painted(page, ".leaflet-overlay-pane canvas", 3_000)
    page.select_option("#pick-layer", "cameras")
    page.select_option("#pick-aspect", "complete")
    page.select_option("#pick-owner", "学校")
    expect(page.locator("body")).not_to_have_attribute("data-total", str(total))
    page.locator("#panel .ranked button").first.click()
    number = page.locator("#panel .ranked .chosen .amount").first.inner_text()
    expect(page.locator("body")).to_have_attribute("data-total", number)
    filtered_total = int(number)
    assert 0 < filtered_total < total
    with page.expect_download() as download:
        page.locator("#panel h2 a").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert len(text.splitlines()) == filtered_total + 1
    assert all("学校" in line for line in text.splitlines()[1:])
    # A click on a row of the list opens its place on the map.
    page.locator("#panel .ranked").last.locator("button").first.click()
    expect(page.locator(".leaflet-tooltip").last).to_contain_text("学校")


def test_sign_in_page_limits_the_map_to_the_jurisdiction(
    browser: Browser, address: str, demo_store: str
) -> None:
    with connect(demo_store) as conn:
        add_user(conn, "王规划", hash_password("correct horse battery"), "planner", ["990101002"])
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="zh-CN")
    recorded_page = RecordedPage(context.new_page(), address)
    page = recorded_page.page
    page.goto(address + "/maps/coverage?lang=zh")
    assert "/sign-in" in page.url
    page.fill("input[name=name]", "王规划")
    page.fill("input[name=password]", "correct horse battery")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready=true]")
    assert "/maps/coverage?lang=zh" in page.url
    counts = page.locator("#panel .key .legend").first.locator(".number").all_inner_texts()
    assert 0 < sum(int(c) for c in counts) < 100
    page.wait_for_load_state("networkidle")
    page.goto(address + "/dashboard?lang=zh")
    page.wait_for_selector("body[data-ready=true]")
    expect(page.locator("table.peers tbody tr")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    page.locator(".who button").click()
    page.wait_for_url("**/sign-in*")
    page.wait_for_load_state("networkidle")
    page.goto(address + "/dashboard")
    assert "/sign-in" in page.url
    page.wait_for_load_state("networkidle")
    context.close()
    assert recorded_page.faults == []


def test_coverage_map_switches_language_and_fits_a_phone(recorded_page: RecordedPage) -> None:
    page = recorded_page.open("/maps/coverage?lang=zh")
    page.locator("nav a.language").click()
    page.wait_for_selector("body[data-ready=true]")
    assert page.get_attribute("html", "lang") == "en"
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(
        "() => Math.abs(document.querySelector('.folium-map').clientWidth - 390) <= 2"
    )
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(390, abs=2)
    assert box["height"] > 300


def test_api_documentation_page_works_offline(recorded_page: RecordedPage) -> None:
    page = recorded_page.page
    page.goto(recorded_page.address + "/docs")
    expect(page.locator(".opblock").first).to_be_visible(timeout=20_000)


def test_recorded_page_detects_foreign_requests(
    browser: Browser, address: str, demo_store: str
) -> None:
    """A request of a page for a file of another host is recorded as a fault."""
    context = browser.new_context()
    add_session(context, address, demo_store)
    recorded_page = RecordedPage(context.new_page(), address)
    recorded_page.open("/maps/coverage")
    recorded_page.page.evaluate("() => { new Image().src = 'http://192.0.2.1/x.png'; }")
    # Events of the page are handled only during calls to it.
    wait_until(lambda: recorded_page.page.evaluate("1") and recorded_page.faults)
    context.close()
    assert any("192.0.2.1" in fault for fault in recorded_page.faults)
