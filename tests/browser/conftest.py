"""A real browser with no network but the service's own address, and pages that are watched."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from geo.settings import Settings
from service.app import create_app
from service.server import listen
from service.web_process import server_config
from tests.conftest import sign_in

CHROMIUM = os.environ.get("GRIDCOVER_CHROMIUM", "/usr/bin/chromium")
# Two files of tests may share two cores: what takes a second alone may take ten.
expect.set_options(timeout=20_000)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


@pytest.fixture(scope="module")
def address(demo_store: str) -> Iterator[str]:
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(server_config(create_app(demo_store, Settings()), Settings()))
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
        # The stream of live events, and tiles still under way, end with their page.
        if not request.url.endswith("/api/v1/live") and "ERR_ABORTED" not in str(request.failure):
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


def drawn(page: Page, selector: str, more_than: int) -> None:
    """Wait until so many pixels of some canvases are painted: tiles come after what tells that a page is there."""
    until = time.monotonic() + 20
    while (found := coloured(page, selector)) <= more_than:
        assert time.monotonic() < until, f"{selector}: {found} pixels, not {more_than}"
        page.wait_for_timeout(100)


def middle(page: Page) -> tuple[float, float]:
    """The middle of the map on the screen."""
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
