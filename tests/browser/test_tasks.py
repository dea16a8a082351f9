"""What planners, commanders and administrators come for, from the sign-in to the file, in both languages."""

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
def signed_in(
    browser: Browser, address: str, demo_store: str, request: pytest.FixtureRequest
) -> Iterator[RecordedPage]:
    """A planner of one sub-district who signed in by the form."""
    name = f"任务 {request.node.name}"
    with connect(demo_store) as conn:
        add_user(conn, name, hash_password(PASSWORD), "planner", [SUBDISTRICT])
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=request.param)
    found = RecordedPage(context.new_page(), address)
    page = found.page
    page.goto(address + "/")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready=true]")
    yield found
    page.wait_for_load_state("networkidle")
    context.close()
    assert found.faults == []


def number(text: str) -> float:
    return float("".join(re.findall(r"[\d.]", text)))


def test_a_planner_finds_blind_spots_and_hands_in_a_plan(
    signed_in: RecordedPage, tmp_path: Path
) -> None:
    page = signed_in.page
    # Worst by risk: the list is in its order, and a click goes there.
    page.select_option("#pick-by", "risk")
    expect(page.locator("body")).to_have_attribute("data-listed", "risk 100")
    amounts = [number(t) for t in page.locator("#content > .ranked .amount").all_inner_texts()]
    assert amounts == sorted(amounts, reverse=True)
    before = page.url
    page.locator("#content > .ranked button").nth(1).click()
    expect(page.locator("body")).to_have_attribute(
        "data-spot", re.compile(rf"{SUBDISTRICT}\d+ \d+")
    )
    page.wait_for_url(lambda url: url != before)
    # More of them on demand.
    page.locator(".more").click()
    expect(page.locator("body")).to_have_attribute("data-listed", "risk 200")
    # The grid there: figures, chart, staff, cameras, what was assumed.
    page.mouse.click(*map_center(page))
    expect(page.locator("body")).to_have_attribute("data-card", re.compile(r"^(grid|camera) "))
    if (page.get_attribute("body", "data-card") or "").startswith("camera"):
        page.locator(".back").click()
        page.mouse.click(map_center(page)[0] + 24, map_center(page)[1] + 24)
    expect(page.locator("#drawer .chart[data-drawn]")).to_have_count(1)
    expect(page.locator("#drawer .card")).to_have_count(2)
    # One of its cameras: seen, hidden, and which parameters are assumed.
    if page.locator("#drawer .cameras button").count():
        page.locator("#drawer .cameras button").first.click()
        expect(page.locator("body")).to_have_attribute("data-card", re.compile("^camera "))
        wait_until_painted(page, ".leaflet-sight-pane canvas", 100)
    page.keyboard.press("Escape")
    expect(page.locator("#content")).to_be_visible()
    # The best two sites become a scenario, kept, compared with another and taken away as a workbook.
    page.locator(".plan summary").click()
    page.fill("#plan-number", "2")
    page.locator(".plan .row button").nth(1).click()
    expect(page.locator(".plan-camera")).to_have_count(2, timeout=30_000)
    wait_for_gain(page)
    two = shown_gain(page)
    page.fill("#scenario-name", "两台")
    page.locator(".scenario-save").click()
    expect(page.locator(".scenarios li")).to_have_count(1)
    page.locator(".plan-list button").last.click()
    wait_for_gain(page)
    one = shown_gain(page)
    page.fill("#scenario-name", "一台")
    # It was opened by saving: the same one is changed, another name makes it another's.
    page.locator(".scenario-save").click()
    expect(page.locator(".scenarios li span").first).to_contain_text("一台")
    page.locator(".plan-hand button").last.click()
    expect(page.locator(".plan-camera")).to_have_count(0)
    page.locator(".scenario-open").first.click()
    expect(page.locator(".plan-camera")).to_have_count(1)
    wait_for_gain(page)
    assert shown_gain(page) == one < two
    page.locator(".scenarios li input").first.check()
    page.locator(".scenario-compare").click()
    expect(page.locator(".scenarios table tbody tr")).to_have_count(1)
    assert number(page.locator(".scenarios tbody td").nth(2).inner_text()) == one
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


def test_search_area_and_figures(signed_in: RecordedPage) -> None:
    page = signed_in.page
    whole = page.locator(".figures strong").first.inner_text()
    page.locator("#area-community option").nth(1).wait_for(state="attached")
    page.select_option("#area-community", index=1)
    expect(page.locator(".figures strong").first).not_to_have_text(whole)
    shown = int(page.get_attribute("body", "data-shown") or 0)
    assert 0 < shown < 30
    assert "area=990101002" in page.url
    link = page.url
    # What is shown is what is taken away: the area's grids, then those in the map's frame.
    page.locator(".downloads summary").click()
    taken = {}
    for what in ("filtered", "all", "box"):
        page.select_option("#download-what", what)
        with page.expect_download() as download:
            page.locator(".downloads a[href*='grids.csv']").click()
        rows = Path(download.value.path()).read_text(encoding="utf-8-sig")
        taken[what] = [row["community"] for row in csv.DictReader(rows.splitlines())]
    assert len(taken["filtered"]) == shown
    assert len(set(taken["filtered"])) == 1
    assert len(taken["all"]) > shown >= len(taken["box"]) > 0
    # The link gives the same to whoever opens it.
    other = page.context.new_page()
    other.goto(link)
    other.wait_for_selector("body[data-ready=true]")
    assert int(other.get_attribute("body", "data-shown") or 0) == shown
    other.wait_for_load_state("networkidle")
    other.close()
    page.fill("#search", "990101002001001")
    page.locator(".hits button").first.click()
    expect(page.locator("body")).to_have_attribute("data-card", "grid 990101002001001")
    page.locator(".back").click()
    page.fill("#search", "zzzz")
    expect(page.locator(".hits .none")).to_be_visible()
    page.keyboard.press("Escape")
    page.fill("#search", "")
    # Night and image classes: less is seen.
    page.select_option("#area-subdistrict", "")
    page.locator(".options summary").click()
    day = number(page.locator(".figures strong").first.inner_text())
    painted = page.get_attribute("body", "data-painted")
    page.select_option("#pick-light", "night")
    expect(page.locator("body")).not_to_have_attribute("data-painted", str(painted))
    night = number(page.locator(".figures strong").first.inner_text())
    assert night < day
    painted = page.get_attribute("body", "data-painted")
    page.select_option("#pick-image", "2014.recognise")
    expect(page.locator("body")).not_to_have_attribute("data-painted", str(painted))
    assert number(page.locator(".figures strong").first.inner_text()) <= night
    # Nobody else's areas are found.
    page.fill("#search", "990101001")
    expect(page.locator(".hits .none")).to_be_visible()


def test_a_sheet_and_one_offline_file(
    signed_in: RecordedPage, browser: Browser, tmp_path: Path
) -> None:
    page = signed_in.page
    page.wait_for_load_state("networkidle")
    page.locator(".hand-in summary").click()
    kept = {}
    for position, ending in ((0, "png"), (1, "pdf"), (3, "html")):
        with page.expect_download(timeout=60_000) as download:
            page.locator(".hand-in button").nth(position).click()
        name = download.value.suggested_filename
        assert name.endswith(f".{ending}")
        kept[ending] = tmp_path / f"map.{ending}"
        download.value.save_as(kept[ending])
    assert kept["png"].read_bytes().startswith(b"\x89PNG")
    assert kept["png"].stat().st_size > 100_000
    assert kept["pdf"].read_bytes().startswith(b"%PDF")
    assert kept["pdf"].stat().st_size > 50_000
    html = kept["html"].read_text(encoding="utf-8")
    assert "http://127.0.0.1" not in html.replace("http://www.w3.org", "")
    looked = offline(browser, kept["html"])
    assert looked["grids"] > 20_000
    assert looked["legend"] == page.locator("#panel .key .legend").first.inner_text().split()


def offline(browser: Browser, path: Path) -> dict[str, object]:
    """Open a saved map where there is no network at all."""
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
    told: dict[str, object] = {
        "grids": painted_pixels(page, ".leaflet-shade-pane canvas"),
        "heat": painted_pixels(page, "canvas.leaflet-heatmap-layer"),
        "legend": page.locator("#panel .key .legend").first.inner_text().split(),
    }
    # A level nearer is in the file too.
    page.locator(".leaflet-control-zoom-in").click()
    page.wait_for_function("() => !document.querySelector('.leaflet-zoom-anim')")
    wait_until_painted(page, ".leaflet-base-pane canvas", 10_000)
    context.close()
    assert faults == []
    return told


def test_a_commander_reads_when_and_where(
    watched: RecordedPage, browser: Browser, tmp_path: Path
) -> None:
    page = watched.open("/maps/incidents")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    body = page.locator("body")

    def after(action, *values) -> None:  # type: ignore[no-untyped-def]
        done = page.get_attribute("body", "data-updates")
        action(*values)
        expect(body).not_to_have_attribute("data-updates", str(done), timeout=10_000)

    # By hour, day, week and month: the period is one step wide.
    for step, period in (
        ("week", r"^2026-10-26/2026-11-02$"),
        ("day", r"^2026-10-31/2026-11-01$"),
        ("hour", r"^2026-10-31T\d\d/2026-(10-31|11-01)T\d\d$"),
        ("month", r"^2026-10/2026-11$"),
    ):
        after(page.select_option, "#pick-step", step)
        expect(body).to_have_attribute("data-period", re.compile(period))
    # By area instead of by grid.
    after(page.select_option, "#pick-level", "subdistrict")
    expect(page.locator(".ranked").first.locator("button")).to_have_count(6)
    after(page.select_option, "#pick-level", "grid")
    # Hot spots, emerging ones, before and after.
    after(page.select_option, "#pick-show", "hot_spot")
    expect(page.locator(".key .legend li")).to_have_count(6)
    hot = [int(t) for t in page.locator(".key .legend .number").all_inner_texts()]
    assert sum(hot) > 10
    after(page.select_option, "#pick-show", "emerging")
    expect(page.locator(".key .legend li").first).to_contain_text("热点" if zh else "hot spot")
    after(page.select_option, "#pick-show", "change")
    expect(page.locator(".figures strong").last).to_contain_text("%")
    after(page.select_option, "#pick-baseline", "year_before")
    assert "baseline=year_before" in page.url
    after(page.select_option, "#pick-show", "density")
    # Charts beside the map: trend, hours of the week, lines by category.
    expect(page.locator(".trend .chart[data-drawn]")).to_have_count(1)
    expect(page.locator(".lines-by .chart[data-drawn]")).to_have_count(1)
    expect(page.locator("table.week tbody td")).to_have_count(168)
    # A category and what lies beneath it.
    page.locator(".tree > summary").click()
    after(page.get_by_role("button", name="清空" if zh else "None", exact=True).click)
    expect(page.locator(".figures strong").first).to_have_text("0")
    after(page.locator(".tree > ul > li > label input").first.check)
    whole = number(page.locator(".figures strong").first.inner_text())
    page.locator(".tree li.parent details summary").first.click()
    after(page.locator(".tree li.parent details input").first.uncheck)
    part = number(page.locator(".figures strong").first.inner_text())
    assert 0 < part < whole
    # The link reproduces all of it.
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector("body[data-ready=true]")
    assert number(other.locator(".figures strong").first.inner_text()) == part
    other.wait_for_load_state("networkidle")
    other.close()
    # One file with the heat in it.
    page.wait_for_load_state("networkidle")
    page.locator(".hand-in summary").click()
    with page.expect_download(timeout=60_000) as download:
        page.locator(".hand-in button").nth(3).click()
    download.value.save_as(tmp_path / "heat.html")
    assert offline(browser, tmp_path / "heat.html")["heat"] > 3_000  # type: ignore[operator]


def test_a_wall_turns_its_pages(watched: RecordedPage) -> None:
    page = watched.page
    page.goto(watched.address + "/video-wall?seconds=5&show=heat,dashboard")
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


def test_a_wall_says_that_its_session_has_ended(
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
    # A session is taken for good for some seconds.
    wait_until(
        lambda: context.request.get(f"{address}/api/v1/areas", max_redirects=0).status == 401
    )
    page.locator("#next").click()
    expect(page.locator("#told")).to_contain_text("登录已过期")
    expect(page.locator("iframe.shown")).to_be_visible()
    context.close()


def test_two_dates_side_by_side(browser: Browser, address: str, demo_store: str) -> None:
    """An older run is put in the store by hand: what it found was half of what is found now."""
    with connect(demo_store) as conn:
        conn.execute(
            "INSERT INTO runs (kind, parameters, inputs_digest, software_version, metric_crs, started_at, finished_at, summary) "
            "SELECT kind, parameters, inputs_digest, software_version, metric_crs, now(), now(), summary FROM runs ORDER BY id DESC LIMIT 1"
        )
        conn.execute(
            "INSERT INTO grid_coverage SELECT (jsonb_populate_record(c, jsonb_build_object('run', "
            "(SELECT max(id) FROM runs), 'open_covered_share', least(1, c.open_covered_share * 1.5)))).* FROM grid_coverage c"
        )
        conn.commit()
    try:
        context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
        add_session(context, address, demo_store)
        watch = RecordedPage(context.new_page(), address)
        page = watch.open("/maps/coverage")
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
        # They move together.
        page.mouse.move(left["x"] + 200, 300)
        page.mouse.down()
        page.mouse.move(left["x"] + 120, 250, steps=5)
        page.mouse.up()
        page.wait_for_function(
            "() => { const c = (s) => document.querySelector(s + ' .leaflet-map-pane').style.transform; "
            "const at = c('.folium-map'); return at !== 'translate3d(0px, 0px, 0px)' && at === c('#second'); }"
        )
        same = page.evaluate(
            "() => { const c = (s) => document.querySelector(s + ' .leaflet-map-pane').style.transform; "
            "return [c('.folium-map'), c('#second')]; }"
        )
        assert same[0] != "translate3d(0px, 0px, 0px)"
        page.wait_for_load_state("networkidle")
        context.close()
        assert watch.faults == []
    finally:
        with connect(demo_store) as conn:
            conn.execute("DELETE FROM grid_coverage WHERE run = (SELECT max(id) FROM runs)")
            conn.execute("DELETE FROM runs WHERE id = (SELECT max(id) FROM runs)")
            conn.commit()


def test_the_board_leads_to_maps_and_runs(watched: RecordedPage) -> None:
    page = watched.open("/dashboard")
    expect(page.locator(".tile .spark canvas")).to_have_count(8)
    assert page.locator(".chart canvas").count() == 3
    page.locator("table.peers tbody tr").first.locator("td").nth(5).locator("a").click()
    page.wait_for_selector("body[data-ready=true]")
    assert re.search(r"/maps/coverage.*#.*area=990101\d{3}", page.url)
    shown = int(page.get_attribute("body", "data-shown") or 0)
    assert 0 < shown < 297
    page.wait_for_load_state("networkidle")
    page.goto(watched.address + "/dashboard")
    page.wait_for_selector("body[data-ready=true]")
    page.locator(".tile .run a").nth(1).click()
    expect(page.locator("h1")).to_contain_text(re.compile(r"(计算批次|Run) \d+"))
    expect(page.locator("pre.data")).to_contain_text("camera_defaults")


def test_users_are_added_on_the_page(watched: RecordedPage, browser: Browser, address: str) -> None:
    page = watched.page
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
    fresh = context.new_page()
    fresh.goto(address + "/")
    fresh.fill("input[name=name]", name)
    fresh.fill("input[name=password]", password)
    fresh.keyboard.press("Enter")
    fresh.wait_for_selector("body[data-ready=true]")
    fresh.wait_for_load_state("networkidle")
    context.close()
    row.locator("button[value=remove]").click()
    expect(page.locator("table.users tbody tr", has_text=name)).to_contain_text(
        "已停用" if zh else "ended"
    )
