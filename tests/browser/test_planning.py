"""The plan on the coverage map, and the cameras that see a place."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from geo.store.connection import connect
from tests.support.browser import RecordedPage, shown_gain, wait_for_frames, wait_for_gain

pytestmark = pytest.mark.browser


def resting_centre(page: Page, selector: str) -> tuple[float, float]:
    """Return the centre of an element when it no longer moves, as it does while a map zooms."""
    previous_box = None
    for _ in range(100):
        box = page.locator(selector).first.bounding_box()
        if box is not None and box == previous_box:
            return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        previous_box = box
        wait_for_frames(page, 6)
    raise AssertionError(f"{selector} does not come to rest")


def drag(page: Page, selector: str, dx: float, dy: float) -> None:
    x, y = resting_centre(page, selector)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2, steps=4)
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()
    wait_for_gain(page)


def test_plan_camera_is_placed_moved_turned_and_exported(
    recorded_page: RecordedPage, demo_store: str, tmp_path: Path
) -> None:
    page = recorded_page.open("/maps/coverage")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    counts_before = row_counts(demo_store)
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
    first_url = page.url
    # The camera is dragged to another place, and turned to the east by its handle.
    drag(page, ".plan-camera", 90, 40)
    moved_url = page.url
    assert moved_url != first_url
    camera_x, camera_y = resting_centre(page, ".plan-camera")
    knob_x, knob_y = resting_centre(page, ".plan-knob")
    assert abs(knob_x - camera_x) < 2
    drag(page, ".plan-knob", camera_x + 60 - knob_x, camera_y - knob_y)
    bearing = page.locator(".plan-list [name=bearing_deg]")
    assert 87 <= int(bearing.input_value()) <= 93
    # A shorter range reduces the gain.
    first_gain = shown_gain(page)
    page.locator(".plan-list [name=range_m]").fill("15")
    page.locator(".plan-list [name=range_m]").press("Enter")
    wait_for_gain(page)
    assert shown_gain(page) < first_gain
    assert shown_gain(page) > 0
    expect(page.locator(".plan-grids tr").first).to_contain_text("→")
    # The URL reproduces the plan in another page.
    other_page = page.context.new_page()
    other_page.goto(page.url)
    other_page.wait_for_selector("#plan-gain")
    wait_for_gain(other_page)
    assert shown_gain(other_page) == shown_gain(page)
    assert other_page.locator(".plan-list [name=range_m]").input_value() == "15"
    other_page.close()
    # The exported list.
    rows = list(
        csv.DictReader(download_plan(page, "CSV", tmp_path).read_text("utf-8-sig").splitlines())
    )
    assert [(r["kind"], r["range_m"], r["bearing_deg"]) for r in rows] == [
        ("fixed", "15", bearing.input_value())
    ]
    collection = json.loads(download_plan(page, "GeoJSON", tmp_path).read_text("utf-8"))
    lon, lat = collection["features"][0]["geometry"]["coordinates"]
    assert (float(rows[0]["lon"]), float(rows[0]["lat"])) == (lon, lat)
    page.get_by_role("button", name="清空" if zh else "Clear", exact=True).click()
    expect(page.locator(".plan-camera")).to_have_count(0)
    assert "plan=" not in page.url
    assert row_counts(demo_store) == counts_before


def download_plan(page: Page, form: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.locator(".plan-hand").get_by_role("button", name=form, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def row_counts(conninfo: str) -> Any:
    with connect(conninfo) as conn:
        return conn.execute(
            "SELECT (SELECT count(*) FROM cameras), (SELECT count(*) FROM change_sets), "
            "(SELECT count(*) FROM changes)"
        ).fetchone()


def test_plan_computes_the_best_sites(recorded_page: RecordedPage) -> None:
    page = recorded_page.open("/maps/coverage#area=990101002")
    zh = page.get_attribute("html", "lang") == "zh-CN"
    page.locator(".plan summary").click()
    page.fill("#plan-number", "4")
    page.get_by_role("button", name="计算" if zh else "Find", exact=True).click()
    expect(page.locator(".plan-camera")).to_have_count(4, timeout=30_000)
    wait_for_gain(page)
    gain_of_four = shown_gain(page)
    page.locator(".plan-list button").last.click()
    wait_for_gain(page)
    expect(page.locator(".plan-camera")).to_have_count(3)
    assert 0 < shown_gain(page) < gain_of_four


def test_plan_in_the_url_ignores_invalid_cameras(recorded_page: RecordedPage) -> None:
    page = recorded_page.open("/maps/coverage?plan=x,y,fixed;118,30,<b>,;,,;NaN,1,ptz")
    expect(page.locator(".plan-camera")).to_have_count(0)


def test_map_lists_cameras_that_see_a_place(recorded_page: RecordedPage, demo_store: str) -> None:
    with connect(demo_store) as conn:
        row = conn.execute(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geometry) AS p "
            "FROM camera_views ORDER BY area_m2 DESC LIMIT 1) v"
        ).fetchone()
    assert row is not None
    # A planned camera beside the place centres the map there, at zoom 18.
    planned_beside = f"/maps/coverage?plan={row[0] + 0.0003:.7f},{row[1]:.7f},ptz"
    for path, dx, dy in ((planned_beside, -56, 0), ("/maps/incidents", 0, -30)):
        page = recorded_page.open(path)
        api_count = page.evaluate(
            """async ([lon, lat]) => {
                 const url = `/api/v1/visibility/cameras?lon=${lon}&lat=${lat}`;
                 return (await (await fetch(url)).json()).length;
               }""",
            [row[0], row[1]],
        )
        assert api_count > 0
        page.wait_for_load_state("networkidle")
        page.locator(".who-sees").click()
        box = page.locator(".folium-map").bounding_box()
        assert box is not None
        x, y = resting_centre(page, ".plan-camera" if path == planned_beside else ".folium-map")
        page.mouse.click(x + dx, y + dy)
        expect(page.locator("body")).to_have_attribute("data-sights", "1")
        expect(page.locator(".sighted")).to_be_visible()
        expect(page.locator(".who-sees")).to_have_attribute("aria-pressed", "false")
        number = int(page.get_attribute("body", "data-seen") or "-1")
        assert number > 0 or path != planned_beside
        rows = page.locator(".sighted tbody tr")
        assert rows.count() == min(number, 50)
        distances = [
            int("".join(c for c in text if c in "0123456789"))
            for text in rows.locator("td:nth-child(3)").all_inner_texts()
        ]
        assert distances == sorted(distances)
        # The context menu works as well.
        page.mouse.click(
            box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, button="right"
        )
        expect(page.locator("body")).to_have_attribute("data-sights", "2")
