"""A planner puts cameras on the map, moves, turns and changes them, and hands in a list."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import hypothesis
from playwright.sync_api import Page, expect

from geo.store.connection import connect
from tests.support.browser import RecordedPage, shown_gain, wait_for_frames, wait_for_gain


def centre(page: Page, selector: str) -> tuple[float, float]:
    """Where it is once it rests: a map that zooms moves what is on it, and draws it anew."""
    before = None
    for _ in range(100):
        box = page.locator(selector).first.bounding_box()
        if box is not None and box == before:
            return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        before = box
        wait_for_frames(page, 6)
    raise AssertionError(f"{selector} does not come to rest")


def drag(page: Page, selector: str, dx: float, dy: float) -> None:
    x, y = centre(page, selector)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2, steps=4)
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()
    wait_for_gain(page)


def test_a_camera_is_put_moved_turned_changed_and_handed_in(
    watched: RecordedPage, demo_store: str, tmp_path: Path
) -> None:
    page = watched.open("/maps/coverage")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    before = counts(demo_store)
    page.locator(".plan summary").click()
    page.select_option("#plan-kind", "fixed")
    page.locator(".plan-put").click()
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.6)
    wait_for_gain(page)
    expect(page.locator(".plan-list li")).to_have_count(1)
    expect(page.locator(".plan-list strong")).to_have_text("拟建 1" if zh else "Planned 1")
    expect(page.locator(".leaflet-popup")).to_have_count(0)
    first = page.url
    # Dragged, it stands elsewhere; its arm turns it to the east.
    drag(page, ".plan-camera", 90, 40)
    moved = page.url
    assert moved != first
    x, y = centre(page, ".plan-camera")
    kx, ky = centre(page, ".plan-knob")
    assert abs(kx - x) < 2
    drag(page, ".plan-knob", x + 60 - kx, y - ky)
    bearing = page.locator(".plan-list [name=bearing_deg]")
    assert 87 <= int(bearing.input_value()) <= 93
    # A shorter lens sees less, and the figures follow.
    wide = shown_gain(page)
    page.locator(".plan-list [name=range_m]").fill("15")
    page.locator(".plan-list [name=range_m]").press("Enter")
    wait_for_gain(page)
    assert shown_gain(page) < wide
    assert shown_gain(page) > 0
    expect(page.locator(".plan-grids tr").first).to_contain_text("→")
    # The link gives the same to whoever opens it.
    again = page.context.new_page()
    again.goto(page.url)
    again.wait_for_selector("#plan-gain")
    wait_for_gain(again)
    assert shown_gain(again) == shown_gain(page)
    assert again.locator(".plan-list [name=range_m]").input_value() == "15"
    again.close()
    # The list that is handed in.
    rows = list(csv.DictReader(saved(page, "CSV", tmp_path).read_text("utf-8-sig").splitlines()))
    assert [(r["kind"], r["range_m"], r["bearing_deg"]) for r in rows] == [
        ("fixed", "15", bearing.input_value())
    ]
    told = json.loads(saved(page, "GeoJSON", tmp_path).read_text("utf-8"))
    lon, lat = told["features"][0]["geometry"]["coordinates"]
    assert (float(rows[0]["lon"]), float(rows[0]["lat"])) == (lon, lat)
    page.get_by_role("button", name="清空" if zh else "Clear", exact=True).click()
    expect(page.locator(".plan-camera")).to_have_count(0)
    assert "plan=" not in page.url
    assert counts(demo_store) == before


def saved(page: Page, form: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.locator(".plan-hand").get_by_role("button", name=form, exact=True).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def counts(conninfo: str) -> Any:
    with connect(conninfo) as conn:
        return conn.execute(
            "SELECT (SELECT count(*) FROM cameras), (SELECT count(*) FROM change_sets), (SELECT count(*) FROM changes)"
        ).fetchone()


def test_the_best_sites_are_put_on_the_map(watched: RecordedPage) -> None:
    page = watched.open("/maps/coverage#area=990101002")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    page.locator(".plan summary").click()
    page.fill("#plan-number", "4")
    page.get_by_role("button", name="计算" if zh else "Find", exact=True).click()
    expect(page.locator(".plan-camera")).to_have_count(4, timeout=30_000)
    wait_for_gain(page)
    four = shown_gain(page)
    page.locator(".plan-list button").last.click()
    wait_for_gain(page)
    expect(page.locator(".plan-camera")).to_have_count(3)
    assert 0 < shown_gain(page) < four


def test_an_address_with_nonsense_puts_nothing(watched: RecordedPage) -> None:
    page = watched.open("/maps/coverage?plan=x,y,fixed;118,30,<b>,;,,;NaN,1,ptz")
    expect(page.locator(".plan-camera")).to_have_count(0)


def test_which_cameras_see_a_place(watched: RecordedPage, demo_store: str) -> None:
    with connect(demo_store) as conn:
        row = conn.execute(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geometry) AS p FROM camera_views "
            "ORDER BY area_m2 DESC LIMIT 1) v"
        ).fetchone()
    assert row is not None
    # A planned camera beside the place brings the map there, at zoom 18.
    beside = f"/maps/coverage?plan={row[0] + 0.0003:.7f},{row[1]:.7f},ptz"
    for path, dx, dy in ((beside, -56, 0), ("/maps/incidents", 0, -30)):
        page = watched.open(path)
        asked = page.evaluate(
            """async ([lon, lat]) => (await (await fetch(`/api/v1/visibility/cameras?lon=${lon}&lat=${lat}`)).json()).length""",
            [row[0], row[1]],
        )
        assert asked > 0
        page.wait_for_load_state("networkidle")
        page.locator(".who-sees").click()
        box = page.locator(".folium-map").bounding_box()
        assert box is not None
        x, y = centre(page, ".plan-camera" if path == beside else ".folium-map")
        page.mouse.click(x + dx, y + dy)
        expect(page.locator("body")).to_have_attribute("data-sights", "1")
        expect(page.locator(".sighted")).to_be_visible()
        expect(page.locator(".who-sees")).to_have_attribute("aria-pressed", "false")
        number = int(page.get_attribute("body", "data-seen") or "-1")
        assert number > 0 or path != beside
        rows = page.locator(".sighted tbody tr")
        assert rows.count() == min(number, 50)
        distances = [
            int("".join(c for c in text if c in "0123456789"))
            for text in rows.locator("td:nth-child(3)").all_inner_texts()
        ]
        assert distances == sorted(distances)
        # By the menu as well, where nothing is to be hit.
        page.mouse.click(
            box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, button="right"
        )
        expect(page.locator("body")).to_have_attribute("data-sights", "2")


# An example may take as long as it needs: no test depends on the machine's speed.
hypothesis.settings.register_profile(
    "gridcover", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("gridcover")
