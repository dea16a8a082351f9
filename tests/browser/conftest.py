"""Fixtures: the service, Chromium without other network access, pages that record faults."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, expect, sync_playwright

from geo.settings import Settings
from service.app import create_app
from service.server import listen
from service.web_process import server_config
from tests.support.browser import RecordedPage, add_session
from tests.support.waiting import wait_until

CHROMIUM = os.environ.get("GRIDCOVER_CHROMIUM", "/usr/bin/chromium")
# Two test files may share two cores: what takes a second alone may take ten.
expect.set_options(timeout=20_000)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]


@pytest.fixture(scope="module")
def address(demo_store: str) -> Iterator[str]:
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(server_config(create_app(demo_store, Settings()), Settings()))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Chromium; scripts/setup.sh test installs it, or set GRIDCOVER_CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(params=["zh-CN", "en-GB"])
def recorded_page(
    browser: Browser, address: str, demo_store: str, request: pytest.FixtureRequest
) -> Iterator[RecordedPage]:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=request.param)
    add_session(context, address, demo_store)
    recorded = RecordedPage(context.new_page(), address)
    yield recorded
    recorded.page.wait_for_load_state("networkidle")
    context.close()
    assert recorded.faults == []
