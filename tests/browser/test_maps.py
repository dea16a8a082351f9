"""The maps in a real browser with no network but the service's own address."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from geo.settings import Settings
from geo.store import access
from geo.store.database import connect
from service.access import hash_password
from service.app import create_app
from service.server import _listen
from tests.conftest import sign_in

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("GRIDCOVER_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


@pytest.fixture(scope="module")
def address(demo_store: str) -> Iterator[str]:
    listener = _listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create_app(demo_store, Settings()), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium; scripts/setup.sh test installs it, or set GRIDCOVER_CHROMIUM")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


def enter(context: BrowserContext, address: str, store: str) -> None:
    """Give a browser the session of someone newly signed in."""
    for name, value in sign_in(store).items():
        context.add_cookies([{"name": name, "value": value, "url": address}])


class Watched:
    """A page whose every request, console error and exception is remembered."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.faults: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: self.faults.append(str(e)))
        page.on("requestfailed", self._failed)
        page.on(
            "response",
            lambda r: self.faults.append(f"{r.status} {r.url}") if r.status >= 400 else None,
        )
        page.on("request", self._request)
        self.address = address

    def _failed(self, request) -> None:  # type: ignore[no-untyped-def]
        # The stream of live events ends with its page.
        if not request.url.endswith("/api/v1/live"):
            self.faults.append(f"failed {request.url} {request.failure}")

    def _request(self, request) -> None:  # type: ignore[no-untyped-def]
        self.asked.append(request.url)
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"foreign request {request.url}")

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        self.page.wait_for_selector("body[data-ready=true]", timeout=30_000)
        return self.page


@pytest.fixture(params=["zh-CN", "en-GB"])
def watched(
    browser: Browser, address: str, demo_store: str, request: pytest.FixtureRequest
) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=request.param)
    enter(context, address, demo_store)
    found = Watched(context.new_page(), address)
    yield found
    found.page.wait_for_load_state("networkidle")
    context.close()
    assert found.faults == []


def coloured(page: Page, selector: str) -> int:
    """Pixels of a canvas that are painted."""
    return page.evaluate(
        """(s) => [...document.querySelectorAll(s)].reduce((sum, c) => {
             if (!c.width || !c.height) return sum;
             const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
             let n = 0; for (let k = 3; k < d.length; k += 4) if (d[k] > 20) n++;
             return sum + n; }, 0)""",
        selector,
    )


def test_coverage(watched: Watched) -> None:
    page = watched.open("/")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    assert page.url.endswith("/maps/coverage")
    expect(page.locator("nav a[aria-current]")).to_have_text("视频覆盖" if zh else "Coverage")
    expect(page.locator("#panel .legend").first.locator("li")).to_have_count(5)
    counts = page.locator("#panel .legend").first.locator(".number").all_inner_texts()
    assert sum(int(c) for c in counts) == 297
    expect(page.locator(".ranked button")).to_have_count(200)
    expect(page.locator(".leaflet-control-scale")).to_be_visible()
    expect(page.locator(".leaflet-control-attribution")).not_to_contain_text("Leaflet")
    page.wait_for_load_state("networkidle")
    assert coloured(page, ".leaflet-shade-pane canvas") > 50_000
    assert coloured(page, ".leaflet-base-pane canvas") > 50_000
    assert coloured(page, ".leaflet-views-pane canvas") > 1_000
    # A grid under the pointer tells its figures.
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + 60)
    expect(page.locator(".leaflet-tooltip")).to_be_visible()
    # The worst blind spot: one click flies there.
    page.locator(".ranked button").first.click()
    page.wait_for_timeout(800)
    expect(page.locator(".leaflet-tooltip").last).to_contain_text(
        "盲区 1" if zh else "Blind spots 1"
    )
    # A camera's record, and a grid's staff, by a click.
    page.mouse.click(box["x"] + box["width"] / 2 + 8, box["y"] + box["height"] / 2 + 8)
    expect(page.locator(".leaflet-popup .card").last).to_contain_text(
        re.compile("网格人员|专职网格员|平台" if zh else "Staff|Full-time|Platform")
    )
    page.select_option("#pick-measure", "twice_covered_share")
    page.select_option("#pick-classes", "quantile")
    expect(page.locator("#panel .legend").first.locator("li")).to_have_count(5)
    toggles = page.locator(".leaflet-control-layers-overlays label")
    expect(toggles).to_have_count(7)
    toggles.nth(4).locator("input").uncheck()
    assert page.locator(".leaflet-views-pane canvas").count() == 0


def test_incidents(watched: Watched) -> None:
    page = watched.open("/maps/incidents")
    total = page.locator(".figures strong").first
    first = total.inner_text()
    page.wait_for_load_state("networkidle")
    assert coloured(page, "canvas.leaflet-heatmap-layer") > 5_000
    expect(page.locator("svg.months rect.catch")).to_have_count(36)
    slider = page.locator("input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("body")).to_have_attribute("data-period", "2026-09/2026-09")
    expect(total).not_to_have_text(first)
    page.select_option("#pick-span", "0")
    expect(page.locator("body")).to_have_attribute("data-period", "2023-11/2026-10")
    expect(total).to_have_text("60,000")
    page.locator(".checks input").first.uncheck()
    expect(total).not_to_have_text("60,000")
    # The address reproduces the view.
    assert re.search(r"#month=2026-09&span=0&category=", page.url)
    shown = total.inner_text()
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    expect(page.locator(".figures strong").first).to_have_text(shown)
    page.select_option("#pick-span", "1")
    period = page.locator("body").get_attribute("data-period")
    play = page.locator("button", has_text=re.compile("播放|Play"))
    play.click()
    expect(page.locator("body")).not_to_have_attribute("data-period", str(period), timeout=10_000)
    page.locator("button", has_text=re.compile("暂停|Pause")).click()
    expect(page.locator(".leaflet-control-layers-overlays input:disabled")).to_have_count(0)


def test_board_from_the_district_down_to_the_map(watched: Watched) -> None:
    page = watched.open("/board")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    expect(page.locator(".tile")).to_have_count(8)
    expect(page.locator(".tile").first).to_contain_text("95.5%")
    rows = page.locator("table.peers tbody tr")
    expect(rows).to_have_count(6)
    assert page.locator(".chart canvas").count() == 2
    assert coloured(page, ".chart canvas") > 3_000
    # The best and the worst change places by a click on the column.
    name = "table.peers tbody tr:first-child td:nth-child(2)"
    best = page.locator(name).inner_text()
    page.locator("table.peers th[aria-sort] button").click()
    expect(page.locator("table.peers th[aria-sort=ascending]")).to_have_count(1)
    assert page.locator(name).inner_text() != best
    # Down to the communities of the first sub-district, and by the address there again.
    page.locator("table.peers tbody button").first.click()
    expect(page.locator("body")).to_have_attribute("data-level", "community")
    area = page.locator("body").get_attribute("data-area")
    assert area is not None
    assert len(area) == 9
    shown = page.locator("h1").inner_text()
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    assert page.locator("h1").inner_text() == shown
    page.locator("nav a.language").click()
    page.wait_for_selector("body[data-ready=true]")
    assert page.locator("body").get_attribute("data-area") == area
    assert page.get_attribute("html", "lang") == ("en" if zh else "zh-CN")
    # What is missing to a target, by name and on the map.
    page.locator(".tile a").first.click()
    page.wait_for_selector("body[data-ready=true]")
    assert "/maps/registers" in page.url
    total = page.locator("body").get_attribute("data-total")
    assert total is not None
    assert int(total) > 0
    expect(page.locator("#panel .ranked .chosen")).to_have_count(1)


def test_registers_are_filtered_and_downloaded(watched: Watched) -> None:
    page = watched.open("/maps/registers")
    whole = int(page.locator("body").get_attribute("data-total") or 0)
    assert whole > 500
    assert coloured(page, ".leaflet-overlay-pane canvas") > 3_000
    page.select_option("#pick-layer", "cameras")
    page.select_option("#pick-aspect", "complete")
    page.select_option("#pick-owner", "学校")
    expect(page.locator("body")).not_to_have_attribute("data-total", str(whole))
    page.locator("#panel .ranked button").first.click()
    number = page.locator("#panel .ranked .chosen .amount").first.inner_text()
    expect(page.locator("body")).to_have_attribute("data-total", number)
    some = int(number)
    assert 0 < some < whole
    with page.expect_download() as download:
        page.locator("#panel h2 a").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert len(text.splitlines()) == some + 1
    assert all("学校" in line for line in text.splitlines()[1:])
    # A click in the list goes there.
    page.locator("#panel .ranked").last.locator("button").first.click()
    expect(page.locator(".leaflet-tooltip").last).to_contain_text("学校")


def test_from_the_sign_in_to_the_map_and_out(
    browser: Browser, address: str, demo_store: str
) -> None:
    with connect(demo_store) as conn:
        access.add_user(
            conn, "王规划", hash_password("correct horse battery"), "planner", ["990101002"]
        )
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="zh-CN")
    watch = Watched(context.new_page(), address)
    page = watch.page
    page.goto(address + "/maps/coverage?lang=zh")
    assert "/sign-in" in page.url
    page.fill("input[name=name]", "王规划")
    page.fill("input[name=password]", "correct horse battery")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready=true]")
    assert page.url.endswith("/maps/coverage?lang=zh")
    counts = page.locator("#panel .legend").first.locator(".number").all_inner_texts()
    assert 0 < sum(int(c) for c in counts) < 100
    page.wait_for_load_state("networkidle")
    page.goto(address + "/board?lang=zh")
    page.wait_for_selector("body[data-ready=true]")
    expect(page.locator("table.peers tbody tr")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    page.locator(".who button").click()
    page.wait_for_url("**/sign-in*")
    page.wait_for_load_state("networkidle")
    page.goto(address + "/board")
    assert "/sign-in" in page.url
    page.wait_for_load_state("networkidle")
    context.close()
    assert watch.faults == []


def test_language_switch_and_phone(watched: Watched) -> None:
    page = watched.open("/maps/coverage?lang=zh")
    page.locator("nav a.language").click()
    page.wait_for_selector("body[data-ready=true]")
    assert page.get_attribute("html", "lang") == "en"
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(300)
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(390, abs=2)
    assert box["height"] > 300


def test_api_documentation_works_offline(watched: Watched) -> None:
    page = watched.page
    page.goto(watched.address + "/docs")
    expect(page.locator(".opblock").first).to_be_visible(timeout=20_000)


def test_a_foreign_request_is_noticed(browser: Browser, address: str, demo_store: str) -> None:
    """The watch itself works: a page that asks for an outside file is caught."""
    context = browser.new_context()
    enter(context, address, demo_store)
    watch = Watched(context.new_page(), address)
    watch.open("/maps/coverage")
    watch.page.evaluate("() => { new Image().src = 'http://192.0.2.1/x.png'; }")
    watch.page.wait_for_timeout(300)
    context.close()
    assert any("192.0.2.1" in fault for fault in watch.faults)
