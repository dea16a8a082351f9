"""Live updates of open pages, and times in the zone of the deployment."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from geo.pipeline import refresh
from geo.store.connection import connect
from tests.support.browser import RecordedPage, add_session
from tests.support.rows import insert_cameras, insert_grids
from tests.support.service import serving

pytestmark = pytest.mark.browser


def test_maps_show_new_incidents_and_statuses(browser: Browser, store: str) -> None:
    with connect(store) as conn:
        insert_grids(conn, "g1", name="一格", population=100)
        insert_cameras(conn, "c1", name="东门", kind="ptz")
        conn.execute(
            "INSERT INTO incidents (source, source_id, category, occurred_at, geometry) "
            "VALUES ('t', 'first', 'theft', '2026-10-01', "
            "ST_SetSRID(ST_Point(118.004, 31.004), 4326))"
        )
        conn.commit()
        refresh(conn)
    with serving(store) as address:
        context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
        add_session(context, address, store)
        incidents = RecordedPage(context.new_page(), address)
        coverage = RecordedPage(context.new_page(), address)
        incidents.open("/maps/incidents").wait_for_selector("body[data-live=true]")
        coverage.open("/maps/coverage").wait_for_selector("body[data-live=true]")
        with connect(store) as conn:
            conn.execute(
                "INSERT INTO incidents (source, source_id, category, occurred_at, geometry) "
                "VALUES ('t', 'now', 'theft', now(), ST_SetSRID(ST_Point(118.006, 31.006), 4326))"
            )
            conn.execute("UPDATE cameras SET status = 'faulty'")
        incidents.page.wait_for_selector(".pulse[title='Theft']")
        coverage.page.wait_for_selector(".pulse[title='东门 · Faulty']")
        assert incidents.page.evaluate("document.body.dataset.pulses") == "1"
        assert incidents.faults == []
        assert coverage.faults == []
        context.close()


def test_pages_use_the_time_zone_of_the_deployment(browser: Browser, store: str) -> None:
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO jobs (id, task, asked_by, asked_at) "
            "VALUES (1, 'refresh', 'x', '2026-03-04 22:15Z')"
        )
    with serving(store) as address:
        context = browser.new_context(locale="en-GB", timezone_id="America/Lima")
        add_session(context, address, store)
        jobs = RecordedPage(context.new_page(), address)
        expect(jobs.open("/jobs").locator("tbody tr").first).to_contain_text("3/5/26, 6:15:00")
        video_wall = context.new_page()
        video_wall.clock.install(time="2026-03-04T22:15:00Z")
        video_wall.goto(address + "/video-wall?lang=en")
        expect(video_wall.locator("#clock")).to_have_text("5 Mar 2026, 06:15")
        context.close()


def test_incident_map_without_incidents_says_so(browser: Browser, store: str) -> None:
    with connect(store) as conn:
        insert_grids(conn, "g1", name="一格")
        conn.commit()
        refresh(conn)
    with serving(store) as address:
        context = browser.new_context(locale="en-GB")
        add_session(context, address, store)
        incidents = RecordedPage(context.new_page(), address)
        expect(incidents.open("/maps/incidents").locator("#content")).to_contain_text(
            "No incidents yet"
        )
        assert incidents.faults == []
        context.close()
