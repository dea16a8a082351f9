"""Pages with little data and with parts of it missing, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from geo.pipeline import refresh_all
from geo.settings import Settings
from geo.store.connection import connect
from tests.support.browser import RecordedPage, add_session, wait_until_painted
from tests.support.service import serving

pytestmark = [pytest.mark.browser, pytest.mark.pages]
LOCALES = ("zh-CN", "en-GB")


def insert_sample(store: str, *, grids: int, cameras: int) -> None:
    """Insert square grids of about 100 m, cameras of unknown status in the first, and a street."""
    with connect(store) as conn:
        conn.execute(
            "INSERT INTO grids (code, name, geometry) "
            "SELECT 'g' || lpad(k::text, 3, '0'), 'grid ' || k, "
            "ST_Multi(ST_MakeEnvelope(118 + (k %% 8) * 0.001, 31 + (k / 8) * 0.001, "
            "118.001 + (k %% 8) * 0.001, 31.001 + (k / 8) * 0.001, 4326)) "
            "FROM generate_series(0, %s) AS k",
            (grids - 1,),
        )
        conn.execute(
            "INSERT INTO cameras (code, kind, range_m, geometry) SELECT 'c' || k, 'fixed', 6 + k, "
            "ST_SetSRID(ST_Point(118.0005 + (k %% 8) * 0.001, 31.0005 + (k / 8) * 0.001), 4326) "
            "FROM generate_series(0, %s) AS k",
            (cameras - 1,),
        )
        conn.execute(
            "INSERT INTO streets (id, geometry) VALUES ('s', ST_Multi(ST_SetSRID("
            "ST_MakeLine(ST_Point(118, 31.0002), ST_Point(118.008, 31.0002)), 4326)))"
        )
        conn.commit()


@contextmanager
def open_recorded_page(
    browser: Browser, address: str, store: str, locale: str
) -> Iterator[RecordedPage]:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=locale)
    add_session(context, address, store)
    recorded_page = RecordedPage(context.new_page(), address)
    yield recorded_page
    recorded_page.page.wait_for_load_state("networkidle")
    context.close()
    assert recorded_page.faults == []


def painted_colours(page: Page, selector: str) -> set[str]:
    """Return the opaque colours of which canvases have more than 200 pixels, as "r,g,b"."""
    names = page.evaluate(
        """(s) => { const seen = {};
             for (const c of document.querySelectorAll(s)) {
               if (!c.width || !c.height) continue;
               const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
               for (let k = 0; k < d.length; k += 4) if (d[k + 3] > 100) {
                 const name = [d[k], d[k + 1], d[k + 2]].join();
                 seen[name] = (seen[name] || 0) + 1; } }
             return Object.entries(seen).filter(([, n]) => n > 200).map(([name]) => name); }""",
        selector,
    )
    return set(names)


def test_pages_of_an_empty_store_show_the_next_step(browser: Browser, store: str) -> None:
    with serving(store) as address:
        for locale in LOCALES:
            zh = locale == "zh-CN"
            with open_recorded_page(browser, address, store, locale) as recorded_page:
                for path in ("/maps/coverage", "/maps/incidents", "/maps/data-quality"):
                    page = recorded_page.open(path)
                    expect(page.locator(".checklist li.next strong")).to_have_text(
                        "网格" if zh else "Grids"
                    )
                    expect(page.locator(".checklist li.next code")).to_contain_text(
                        "gridcover grids make"
                    )
                page = recorded_page.open("/dashboard")
                expect(page.locator(".checklist li.next")).to_have_count(1)
                expect(page.locator(".tile")).to_have_count(0)
                page = recorded_page.open("/setup")
                expect(page.locator("#setup li")).to_have_count(11)
                expect(page.locator("#setup-next")).to_contain_text("网格" if zh else "Grids")
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_dashboard_waits_for_its_figures(browser: Browser, store: str) -> None:
    insert_sample(store, grids=24, cameras=12)
    with connect(store) as conn:
        refresh_all(conn, Settings())
        conn.execute("CREATE TABLE later AS SELECT * FROM board_state")
        conn.execute("DELETE FROM board_state")
        conn.commit()
    with (
        serving(store) as address,
        open_recorded_page(browser, address, store, "en-GB") as recorded_page,
    ):
        page = recorded_page.open("/dashboard")
        expect(page.locator("main")).to_contain_text("being computed")
        expect(page.locator(".tile")).to_have_count(0)
        with connect(store) as conn:
            conn.execute("INSERT INTO board_state SELECT * FROM later")
            conn.commit()
        expect(page.locator(".tile").first).to_be_visible()


def test_coverage_map_draws_outlines_before_a_refresh(browser: Browser, store: str) -> None:
    insert_sample(store, grids=24, cameras=12)
    with serving(store) as address:
        for locale in LOCALES:
            with open_recorded_page(browser, address, store, locale) as recorded_page:
                page = recorded_page.open("/maps/coverage")
                expect(page.locator(".checklist li.next")).to_have_attribute("data-key", "refresh")
                page.wait_for_load_state("networkidle")
                wait_until_painted(page, ".leaflet-base-pane canvas", 300)
                wait_until_painted(page, ".leaflet-shade-pane canvas", 1_000)
                wait_until_painted(page, ".leaflet-points-pane canvas", 100)


def test_coverage_map_has_five_classes_of_low_coverage(browser: Browser, store: str) -> None:
    insert_sample(store, grids=24, cameras=24)
    with connect(store) as conn:
        refresh_all(conn, Settings())
    with serving(store) as address:
        for locale in LOCALES:
            with open_recorded_page(browser, address, store, locale) as recorded_page:
                page = recorded_page.open("/maps/coverage")
                classes = page.locator("#panel .key .legend").first.locator("li")
                expect(classes).to_have_count(5)
                class_texts = classes.locator("span:nth-child(2)").all_inner_texts()
                # All classes of the legend are below 34 %.
                assert all(int(float(w.split("%")[0].strip("<≥ "))) < 34 for w in class_texts), (
                    class_texts
                )
                assert all(int(n) > 0 for n in classes.locator(".number").all_inner_texts())
                page.wait_for_load_state("networkidle")
                wait_until_painted(page, ".leaflet-shade-pane canvas", 20_000)
                assert len(painted_colours(page, ".leaflet-shade-pane canvas")) >= 5
                expect(page.locator("#area-subdistrict")).to_be_hidden()
                page.locator(".options summary").click()
                page.select_option("#pick-classes", "equal")
                expect(classes.first.locator("span").nth(1)).to_have_text("< 20%")


def test_coverage_map_draws_only_faulty_cameras_in_red(browser: Browser, store: str) -> None:
    insert_sample(store, grids=24, cameras=24)
    with connect(store) as conn:
        refresh_all(conn, Settings())
    red = {"185,28,28"}
    with (
        serving(store) as address,
        open_recorded_page(browser, address, store, "en-GB") as recorded_page,
    ):
        for zoom in (13, 18):
            page = recorded_page.open(f"/maps/coverage#at=31.0015,118.004,{zoom}")
            page.wait_for_load_state("networkidle")
            wait_until_painted(page, ".leaflet-points-pane canvas", 50)
            assert not painted_colours(page, ".leaflet-points-pane canvas") & red
            recorded_page.page.goto("about:blank")
        with connect(store) as conn:
            conn.execute("UPDATE cameras SET status = 'faulty'")
            conn.commit()
        page = recorded_page.open("/maps/coverage#at=31.0015,118.004,18")
        page.wait_for_load_state("networkidle")
        wait_until_painted(page, ".leaflet-points-pane canvas", 50)
        assert painted_colours(page, ".leaflet-points-pane canvas") & red


def test_dashboard_opens_at_an_existing_level(browser: Browser, store: str) -> None:
    insert_sample(store, grids=24, cameras=12)
    with connect(store) as conn:
        refresh_all(conn, Settings())
    with serving(store) as address:
        for locale in LOCALES:
            with open_recorded_page(browser, address, store, locale) as recorded_page:
                for path in ("/dashboard", "/dashboard?level=subdistrict"):
                    page = recorded_page.open(path)
                    expect(page.locator("body")).to_have_attribute("data-level", "grid")
                    expect(page.locator(".tabs button")).to_have_count(1)
                    expect(page.locator("table.peers tbody tr")).to_have_count(24)
                    tiles = page.locator(".tile strong").all_inner_texts()
                    assert tiles
                    assert "–" not in tiles
                    for pane in page.locator(".pane").all():
                        assert pane.inner_text().strip()
                page = recorded_page.open("/maps/incidents")
                expect(page.locator(".checklist li")).to_have_attribute("data-key", "incidents")
                page.wait_for_load_state("networkidle")
                wait_until_painted(page, ".leaflet-shade-pane canvas", 1_000)
