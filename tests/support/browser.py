"""Pages in a browser whose requests and errors are recorded."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page

from tests.support.service import sign_in
from tests.support.waiting import wait_until


def add_session(context: BrowserContext, address: str, store: str) -> None:
    """Add the session cookie of a newly signed-in user to a browser."""
    for name, value in sign_in(store).items():
        context.add_cookies([{"name": name, "value": value, "url": address}])


class RecordedPage:
    """A page whose requests, console errors and exceptions are recorded."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.faults: list[str] = []
        self.requests: list[str] = []
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
        # The stream of live events and pending tiles are aborted when the page closes.
        if not request.url.endswith("/api/v1/events") and "ERR_ABORTED" not in str(request.failure):
            self.faults.append(f"failed {request.url} {request.failure}")

    def _request(self, request) -> None:  # type: ignore[no-untyped-def]
        self.requests.append(request.url)
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"foreign request {request.url}")

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        self.page.wait_for_selector("body[data-ready=true]", timeout=30_000)
        return self.page


def painted_pixels(page: Page, selector: str) -> int:
    """Number of painted pixels of the canvases."""
    return page.evaluate(
        """(s) => [...document.querySelectorAll(s)].reduce((sum, c) => {
             if (!c.width || !c.height) return sum;
             const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
             let n = 0; for (let k = 3; k < d.length; k += 4) if (d[k] > 20) n++;
             return sum + n; }, 0)""",
        selector,
    )


def wait_for_frames(page: Page, number: int = 2) -> None:
    """Wait until a page has painted more frames, so that recent changes are laid out."""
    page.evaluate(
        "async (n) => { for (let k = 0; k < n; k++) await new Promise(requestAnimationFrame); }",
        number,
    )


def wait_until_painted(page: Page, selector: str, more_than: int) -> None:
    """Wait until canvases have more painted pixels than a number: tiles load after the page."""
    wait_until(
        lambda: painted_pixels(page, selector) > more_than,
        what=lambda: f"{selector}: {painted_pixels(page, selector)} pixels, not {more_than}",
    )


def map_center(page: Page) -> tuple[float, float]:
    """Position of the centre of the map on the screen."""
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def wait_for_gain(page: Page) -> None:
    """Wait for the response to the newest request and for the gain."""
    wait_for_frames(page)
    page.wait_for_selector(".plan[data-busy=false]", state="attached", timeout=30_000)


def shown_gain(page: Page) -> int:
    """The gain that the page shows."""
    return int("".join(c for c in page.locator("#plan-gain").inner_text() if c in "0123456789"))
