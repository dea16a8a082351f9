"""Tasks of planners, commanders and administrators on the pages, in both languages."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, expect

from geo.store.connection import connect
from geo.store.queries.sessions import close_session
from geo.store.queries.users import add_user
from service.auth.passwords import hash_password
from service.auth.sessions import COOKIE
from tests.support.browser import (
    RecordedPage,
    add_session,
    map_center,
    painted_pixels,
    shown_gain,
    wait_for_gain,
    wait_until_painted,
)
from tests.support.service import sign_in
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.pages]
SUBDISTRICT = "990101002"
PASSWORD = "correct horse battery"


@pytest.fixture(params=["zh-CN", "en-GB"])
def planner_page(
    browser: Browser, address: str, demo_store: str, request: pytest.FixtureRequest
) -> Iterator[RecordedPage]:
    """The page of a planner of one sub-district who signed in by the form."""
    name = f"任务 {request.node.name}"
    with connect(demo_store) as conn:
        add_user(conn, name, hash_password(PASSWORD), "planner", [SUBDISTRICT])
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=request.param)
    recorded_page = RecordedPage(context.new_page(), address)
    page = recorded_page.page
    page.goto(address + "/")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready=true]")
    yield recorded_page
    page.wait_for_load_state("networkidle")
    context.close()
    assert recorded_page.faults == []


def number_of(text: str) -> float:
    return float("".join(re.findall(r"[\d.]", text)))


def test_planner_lists_blind_spots_and_saves_a_scenario(
    planner_page: RecordedPage, tmp_path: Path
) -> None:
    page = planner_page.page
    # Blind spots by risk: the list is sorted, and a click opens one on the map.
    page.select_option("#pick-by", "risk")
    expect(page.locator("body")).to_have_attribute("data-listed", "risk 100")
    amounts = [number_of(t) for t in page.locator("#content > .ranked .amount").all_inner_texts()]
    assert amounts == sorted(amounts, reverse=True)
    url_before = page.url
    page.locator("#content > .ranked button").nth(1).click()
    expect(page.locator("body")).to_have_attribute(
        "data-spot", re.compile(rf"{SUBDISTRICT}\d+ \d+")
    )
    page.wait_for_url(lambda url: url != url_before)
    # More blind spots on demand.
    page.locator(".more").click()
    expect(page.locator("body")).to_have_attribute("data-listed", "risk 200")
    # The grid at the place: figures, chart, staff, cameras, assumptions.
    page.mouse.click(*map_center(page))
    expect(page.locator("body")).to_have_attribute("data-card", re.compile(r"^(grid|camera) "))
    if (page.get_attribute("body", "data-card") or "").startswith("camera"):
        page.locator(".back").click()
        page.mouse.click(map_center(page)[0] + 24, map_center(page)[1] + 24)
    expect(page.locator("#drawer .chart[data-drawn]")).to_have_count(1)
    expect(page.locator("#drawer .card")).to_have_count(2)
    # One of its cameras: visible and hidden ground, assumed parameters.
    if page.locator("#drawer .cameras button").count():
        page.locator("#drawer .cameras button").first.click()
        expect(page.locator("body")).to_have_attribute("data-card", re.compile("^camera "))
        wait_until_painted(page, ".leaflet-sight-pane canvas", 100)
    page.keyboard.press("Escape")
    expect(page.locator("#content")).to_be_visible()
    # The best two sites are saved as a scenario, compared and exported as a workbook.
    page.locator(".plan summary").click()
    page.fill("#plan-number", "2")
    page.locator(".plan .row button").nth(1).click()
    expect(page.locator(".plan-camera")).to_have_count(2, timeout=30_000)
    wait_for_gain(page)
    gain_of_two = shown_gain(page)
    page.fill("#scenario-name", "两台")
    page.locator(".scenario-save").click()
    expect(page.locator(".scenarios li")).to_have_count(1)
    page.locator(".plan-list button").last.click()
    wait_for_gain(page)
    gain_of_one = shown_gain(page)
    page.fill("#scenario-name", "一台")
    # The saved scenario stays open: saving again changes it, including its name.
    page.locator(".scenario-save").click()
    expect(page.locator(".scenarios li span").first).to_contain_text("一台")
    page.locator(".plan-hand button").last.click()
    expect(page.locator(".plan-camera")).to_have_count(0)
    page.locator(".scenario-open").first.click()
    expect(page.locator(".plan-camera")).to_have_count(1)
    wait_for_gain(page)
    assert shown_gain(page) == gain_of_one < gain_of_two
    page.locator(".scenarios li input").first.check()
    page.locator(".scenario-compare").click()
    expect(page.locator(".scenarios table tbody tr")).to_have_count(1)
    assert number_of(page.locator(".scenarios tbody td").nth(2).inner_text()) == gain_of_one
    with page.expect_download() as download:
        page.locator(".scenarios li a").first.click()
    download.value.save_as(tmp_path / "plan.xlsx")
    cells = [
        str(cell)
        for sheet in openpyxl.load_workbook(tmp_path / "plan.xlsx")
        for row in sheet.iter_rows(values_only=True)
        for cell in row
    ]
    assert any("一台" in cell for cell in cells)
    page.locator(".scenarios li button").last.click()
    expect(page.locator(".scenarios li input")).to_have_count(0)


def test_planner_searches_filters_and_downloads(planner_page: RecordedPage) -> None:
    page = planner_page.page
    total = page.locator(".figures strong").first.inner_text()
    page.locator("#area-community option").nth(1).wait_for(state="attached")
    page.select_option("#area-community", index=1)
    expect(page.locator(".figures strong").first).not_to_have_text(total)
    shown = int(page.get_attribute("body", "data-shown") or 0)
    assert 0 < shown < 30
    assert "area=990101002" in page.url
    link = page.url
    # Downloads contain the grids of the area, all grids, or those in the extent of the map.
    page.locator(".downloads summary").click()
    communities = {}
    for extent in ("filtered", "all", "box"):
        page.select_option("#download-what", extent)
        with page.expect_download() as download:
            page.locator(".downloads a[href*='grids.csv']").click()
        rows = Path(download.value.path()).read_text(encoding="utf-8-sig")
        communities[extent] = [row["community"] for row in csv.DictReader(rows.splitlines())]
    assert len(communities["filtered"]) == shown
    assert len(set(communities["filtered"])) == 1
    assert len(communities["all"]) > shown >= len(communities["box"]) > 0
    # The URL reproduces the view in another page.
    other_page = page.context.new_page()
    other_page.goto(link)
    other_page.wait_for_selector("body[data-ready=true]")
    assert int(other_page.get_attribute("body", "data-shown") or 0) == shown
    other_page.wait_for_load_state("networkidle")
    other_page.close()
    page.fill("#search", "990101002001001")
    page.locator(".hits button").first.click()
    expect(page.locator("body")).to_have_attribute("data-card", "grid 990101002001001")
    page.locator(".back").click()
    page.fill("#search", "zzzz")
    expect(page.locator(".hits .none")).to_be_visible()
    page.keyboard.press("Escape")
    page.fill("#search", "")
    # Less is covered at night and in a higher image class.
    page.select_option("#area-subdistrict", "")
    page.locator(".options summary").click()
    day_share = number_of(page.locator(".figures strong").first.inner_text())
    painted = page.get_attribute("body", "data-painted")
    page.select_option("#pick-light", "night")
    expect(page.locator("body")).not_to_have_attribute("data-painted", str(painted))
    night_share = number_of(page.locator(".figures strong").first.inner_text())
    assert night_share < day_share
    painted = page.get_attribute("body", "data-painted")
    page.select_option("#pick-image", "2014.recognise")
    expect(page.locator("body")).not_to_have_attribute("data-painted", str(painted))
    assert number_of(page.locator(".figures strong").first.inner_text()) <= night_share
    # The search does not return areas outside the jurisdiction.
    page.fill("#search", "990101001")
    expect(page.locator(".hits .none")).to_be_visible()


def test_planner_saves_the_map_as_image_pdf_and_html(
    planner_page: RecordedPage, browser: Browser, tmp_path: Path
) -> None:
    page = planner_page.page
    page.wait_for_load_state("networkidle")
    page.locator(".hand-in summary").click()
    paths = {}
    for position, ending in ((0, "png"), (1, "pdf"), (3, "html")):
        with page.expect_download(timeout=60_000) as download:
            page.locator(".hand-in button").nth(position).click()
        name = download.value.suggested_filename
        assert name.endswith(f".{ending}")
        paths[ending] = tmp_path / f"map.{ending}"
        download.value.save_as(paths[ending])
    assert paths["png"].read_bytes().startswith(b"\x89PNG")
    assert paths["png"].stat().st_size > 100_000
    assert paths["pdf"].read_bytes().startswith(b"%PDF")
    assert paths["pdf"].stat().st_size > 50_000
    html = paths["html"].read_text(encoding="utf-8")
    assert "http://127.0.0.1" not in html.replace("http://www.w3.org", "")
    offline_map = open_offline(browser, paths["html"])
    assert offline_map["grids"] > 20_000
    assert offline_map["legend"] == page.locator("#panel .key .legend").first.inner_text().split()


def open_offline(browser: Browser, path: Path) -> dict[str, object]:
    """Open a saved map without any network and return what it contains."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: faults.append(str(e)))
    page.on(
        "request",
        lambda r: (
            faults.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None
        ),
    )
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready=true]", timeout=30_000)
    wait_until_painted(page, ".leaflet-shade-pane canvas", 0)
    contents: dict[str, object] = {
        "grids": painted_pixels(page, ".leaflet-shade-pane canvas"),
        "heat": painted_pixels(page, "canvas.leaflet-heatmap-layer"),
        "legend": page.locator("#panel .key .legend").first.inner_text().split(),
    }
    # The next zoom level is in the file too.
    page.locator(".leaflet-control-zoom-in").click()
    page.wait_for_function("() => !document.querySelector('.leaflet-zoom-anim')")
    wait_until_painted(page, ".leaflet-base-pane canvas", 10_000)
    context.close()
    assert faults == []
    return contents


def test_commander_analyses_incidents_by_time_and_place(
    recorded_page: RecordedPage, browser: Browser, tmp_path: Path
) -> None:
    page = recorded_page.open("/maps/incidents")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    body = page.locator("body")

    def act_and_wait(action, *values) -> None:  # type: ignore[no-untyped-def]
        updates = page.get_attribute("body", "data-updates")
        action(*values)
        expect(body).not_to_have_attribute("data-updates", str(updates), timeout=10_000)

    # By hour, day, week and month: the period has the length of one step.
    for step, period in (
        ("week", r"^2026-10-26/2026-11-02$"),
        ("day", r"^2026-10-31/2026-11-01$"),
        ("hour", r"^2026-10-31T\d\d/2026-(10-31|11-01)T\d\d$"),
        ("month", r"^2026-10/2026-11$"),
    ):
        act_and_wait(page.select_option, "#pick-step", step)
        expect(body).to_have_attribute("data-period", re.compile(period))
    # By sub-district instead of by grid.
    act_and_wait(page.select_option, "#pick-level", "subdistrict")
    expect(page.locator(".ranked").first.locator("button")).to_have_count(6)
    act_and_wait(page.select_option, "#pick-level", "grid")
    # Hot spots, emerging hot spots, changes.
    act_and_wait(page.select_option, "#pick-show", "hot_spot")
    expect(page.locator(".key .legend li")).to_have_count(6)
    class_counts = [int(t) for t in page.locator(".key .legend .number").all_inner_texts()]
    assert sum(class_counts) > 10
    act_and_wait(page.select_option, "#pick-show", "emerging")
    expect(page.locator(".key .legend li").first).to_contain_text("热点" if zh else "hot spot")
    act_and_wait(page.select_option, "#pick-show", "change")
    expect(page.locator(".figures strong").last).to_contain_text("%")
    act_and_wait(page.select_option, "#pick-baseline", "year_before")
    assert "baseline=year_before" in page.url
    act_and_wait(page.select_option, "#pick-show", "density")
    # Charts: trend, hours of the week, lines by category.
    expect(page.locator(".trend .chart[data-drawn]")).to_have_count(1)
    expect(page.locator(".lines-by .chart[data-drawn]")).to_have_count(1)
    expect(page.locator("table.week tbody td")).to_have_count(168)
    # A category and its subcategories.
    page.locator(".tree > summary").click()
    act_and_wait(page.get_by_role("button", name="清空" if zh else "None", exact=True).click)
    expect(page.locator(".figures strong").first).to_have_text("0")
    act_and_wait(page.locator(".tree > ul > li > label input").first.check)
    category_total = number_of(page.locator(".figures strong").first.inner_text())
    page.locator(".tree li.parent details summary").first.click()
    act_and_wait(page.locator(".tree li.parent details input").first.uncheck)
    subcategory_total = number_of(page.locator(".figures strong").first.inner_text())
    assert 0 < subcategory_total < category_total
    # The URL reproduces the view.
    other_page = page.context.new_page()
    other_page.goto(page.url)
    other_page.wait_for_selector("body[data-ready=true]")
    assert number_of(other_page.locator(".figures strong").first.inner_text()) == subcategory_total
    other_page.wait_for_load_state("networkidle")
    other_page.close()
    # A saved file contains the heat map.
    page.wait_for_load_state("networkidle")
    page.locator(".hand-in summary").click()
    with page.expect_download(timeout=60_000) as download:
        page.locator(".hand-in button").nth(3).click()
    download.value.save_as(tmp_path / "heat.html")
    assert open_offline(browser, tmp_path / "heat.html")["heat"] > 3_000  # type: ignore[operator]


def test_video_wall_rotates_its_pages(recorded_page: RecordedPage) -> None:
    page = recorded_page.page
    page.goto(recorded_page.address + "/video-wall?seconds=5&show=heat,dashboard")
    expect(page.locator("body")).to_have_attribute("data-turns", "1", timeout=30_000)
    expect(page.locator("body")).to_have_attribute("data-shown", re.compile("incidents"))
    expect(page.locator("body")).to_have_attribute("data-turns", "2", timeout=30_000)
    expect(page.locator("body")).to_have_attribute("data-shown", re.compile("dashboard"))
    expect(page.locator("body")).to_have_attribute("data-turns", "3", timeout=30_000)
    page.locator("#pause").click()
    shown = page.frame_locator("iframe.shown")
    expect(shown.locator(".filter")).to_be_hidden()
    expect(shown.locator(".figures")).to_be_visible()
    page.wait_for_load_state("networkidle")


def test_video_wall_reports_an_expired_session(
    browser: Browser, address: str, demo_store: str
) -> None:
    context = browser.new_context(locale="zh-CN")
    cookies = sign_in(demo_store)
    context.add_cookies([{"name": k, "value": v, "url": address} for k, v in cookies.items()])
    page = context.new_page()
    page.goto(address + "/video-wall?seconds=3600&show=dashboard")
    expect(page.locator("body")).to_have_attribute("data-turns", "1", timeout=30_000)
    with connect(demo_store) as conn:
        close_session(conn, cookies[COOKIE])
    # A valid session is cached for a few seconds.
    wait_until(
        lambda: context.request.get(f"{address}/api/v1/areas", max_redirects=0).status == 401
    )
    page.locator("#next").click()
    expect(page.locator("#status")).to_contain_text("登录已过期")
    expect(page.locator("iframe.shown")).to_be_visible()
    context.close()


def test_coverage_map_compares_two_runs(browser: Browser, address: str, demo_store: str) -> None:
    """A second run with higher coverage is inserted, and compared with the first one."""
    with connect(demo_store) as conn:
        conn.execute(
            "INSERT INTO runs (kind, parameters, inputs_digest, software_version, metric_crs, "
            "started_at, finished_at, summary) "
            "SELECT kind, parameters, inputs_digest, software_version, metric_crs, "
            "now(), now(), summary FROM runs ORDER BY id DESC LIMIT 1"
        )
        conn.execute(
            "INSERT INTO grid_coverage SELECT (jsonb_populate_record(c, jsonb_build_object('run', "
            "(SELECT max(id) FROM runs), 'open_covered_share', "
            "least(1, c.open_covered_share * 1.5)))).* FROM grid_coverage c"
        )
        conn.commit()
    try:
        context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
        add_session(context, address, demo_store)
        recorded_page = RecordedPage(context.new_page(), address)
        page = recorded_page.open("/maps/coverage")
        page.locator(".compare summary").click()
        page.locator("#pick-run option").nth(1).wait_for(state="attached")
        page.select_option("#pick-run", index=1)
        expect(page.locator("body")).to_have_attribute("data-beside", re.compile(r"\d+"))
        expect(page.locator(".compare .compared")).to_contain_text("grids better")
        wait_until_painted(page, "#second .leaflet-shade-pane canvas", 20_000)
        left = page.locator(".folium-map").bounding_box()
        right = page.locator("#second").bounding_box()
        assert left is not None
        assert right is not None
        assert right["x"] == pytest.approx(left["x"] + left["width"], abs=2)
        # Both maps move together.
        page.mouse.move(left["x"] + 200, 300)
        page.mouse.down()
        page.mouse.move(left["x"] + 120, 250, steps=5)
        page.mouse.up()
        page.wait_for_function(
            "() => document.querySelector('.folium-map .leaflet-map-pane').style.transform "
            "!== 'translate3d(0px, 0px, 0px)'"
        )
        page.wait_for_load_state("networkidle")
        context.close()
        assert recorded_page.faults == []
    finally:
        with connect(demo_store) as conn:
            conn.execute("DELETE FROM grid_coverage WHERE run = (SELECT max(id) FROM runs)")
            conn.execute("DELETE FROM runs WHERE id = (SELECT max(id) FROM runs)")
            conn.commit()


def test_dashboard_links_to_maps_and_runs(recorded_page: RecordedPage) -> None:
    page = recorded_page.open("/dashboard")
    expect(page.locator(".tile .spark canvas")).to_have_count(8)
    assert page.locator(".chart canvas").count() == 3
    page.locator("table.peers tbody tr").first.locator("td").nth(5).locator("a").click()
    page.wait_for_selector("body[data-ready=true]")
    assert re.search(r"/maps/coverage.*#.*area=990101\d{3}", page.url)
    shown = int(page.get_attribute("body", "data-shown") or 0)
    assert 0 < shown < 297
    page.wait_for_load_state("networkidle")
    page.goto(recorded_page.address + "/dashboard")
    page.wait_for_selector("body[data-ready=true]")
    page.locator(".tile .run a").nth(1).click()
    expect(page.locator("h1")).to_contain_text(re.compile(r"(计算批次|Run) \d+"))
    expect(page.locator("pre.data")).to_contain_text("camera_defaults")


def test_users_page_adds_and_removes_a_user(
    recorded_page: RecordedPage, browser: Browser, address: str
) -> None:
    page = recorded_page.page
    page.goto(address + "/users")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    name = f"小王 {'zh' if zh else 'en'}"
    page.fill(".user-add input[name=name]", name)
    page.select_option(".user-add select[name=role]", "commander")
    page.fill(".user-add input[name=areas]", SUBDISTRICT)
    page.locator(".user-add button").click()
    password = page.locator("code.secret").inner_text()
    assert len(password) == 24
    row = page.locator("table.users tbody tr", has_text=name)
    expect(row).to_contain_text("临江街道")
    context = browser.new_context(locale="zh-CN")
    user_page = context.new_page()
    user_page.goto(address + "/")
    user_page.fill("input[name=name]", name)
    user_page.fill("input[name=password]", password)
    user_page.keyboard.press("Enter")
    user_page.wait_for_selector("body[data-ready=true]")
    user_page.wait_for_load_state("networkidle")
    context.close()
    row.locator("button[value=remove]").click()
    expect(page.locator("table.users tbody tr", has_text=name)).to_contain_text(
        "已停用" if zh else "ended"
    )
