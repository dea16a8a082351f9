"""Accessibility (WCAG 2.2 AA), screen sizes from phone to 4K, and completeness of languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from geo.import_reasons import ReasonCode
from geo.maps.language import texts
from geo.store.connection import connect
from tests.support.browser import RecordedPage, add_session, wait_for_frames

TEXTS = {key: (zh, texts("en").get(key, "")) for key, zh in texts("zh").items()}

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PAGES = (
    "/maps/coverage",
    "/maps/incidents",
    "/maps/data-quality",
    "/dashboard",
    "/jobs",
    "/users",
    "/audit",
    "/account",
    "/runs/1",
)
SIZES = {"phone": (390, 844), "small": (1280, 720), "desk": (1920, 1080), "wall": (3840, 2160)}
READY = "body[data-ready=true], main"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(params=["zh-CN", "en-GB"])
def page_without_csp(
    browser: Browser, address: str, demo_store: str, request: pytest.FixtureRequest
) -> Iterator[RecordedPage]:
    """A page without its Content-Security-Policy, so that axe-core can be added to it."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 720}, locale=request.param, bypass_csp=True
    )
    add_session(context, address, demo_store)
    yield RecordedPage(context.new_page(), address)
    context.close()


def wait_until_settled(page: Page, path: str) -> None:
    if path.startswith(("/maps", "/dashboard", "/jobs")):
        page.wait_for_selector("body[data-ready=true]", timeout=30_000)
    page.wait_for_load_state("networkidle")


@pytest.mark.browser
@pytest.mark.pages
def test_pages_satisfy_wcag_2_2_aa(page_without_csp: RecordedPage) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed; scripts/setup.sh test installs it")
    page = page_without_csp.page
    violations = []
    zh = (
        page.goto(page_without_csp.address + "/account") is not None
        and page.get_attribute("html", "lang") == "zh-CN"
    )
    all_paths = (*PAGES, "/maps/incidents#show=hot_spot", "/maps/coverage#grid=990101002001001")
    # Colours and names are the same in both languages: in English three pages are enough.
    for path in all_paths if zh else ("/maps/coverage", "/maps/incidents", "/dashboard"):
        page.goto("about:blank")
        page.goto(page_without_csp.address + path)
        wait_until_settled(page, path)
        page.evaluate(
            "() => document.querySelectorAll('#panel details').forEach((d) => { d.open = true; })"
        )
        wait_for_frames(page)
        page.add_script_tag(path=AXE)
        rows = page.evaluate(
            "async () => "
            "(await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })).violations"
            ".map((v) => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 140), "
            "v.nodes[0].failureSummary.slice(0, 240)])"
        )
        violations += [(path, *row) for row in rows]
    assert violations == [], "\n".join(map(str, violations))


@pytest.mark.browser
@pytest.mark.pages
@pytest.mark.parametrize("size", list(SIZES))
def test_pages_fit_screens_of_every_size(
    browser: Browser, address: str, demo_store: str, size: str
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
    add_session(context, address, demo_store)
    recorded_page = RecordedPage(context.new_page(), address)
    page = recorded_page.page
    for path in PAGES if size in ("phone", "small") else PAGES[:4]:
        page.goto(address + path)
        wait_until_settled(page, path)
        scroll_width = page.evaluate("document.documentElement.scrollWidth")
        assert scroll_width <= width + 1, (path, scroll_width)
        clipped = page.evaluate(
            """() => {
                 const selector = 'button, a, label, h1, h2, th, .figures strong';
                 return [...document.querySelectorAll(selector)].filter((n) => {
                   const r = n.getBoundingClientRect(); const s = getComputedStyle(n);
                   return r.width && s.overflow === 'visible' && s.visibility !== 'hidden'
                     && !n.closest('.scroll, table, nav, [hidden]') && r.right > innerWidth + 1;
                 }).map((n) => n.outerHTML.slice(0, 90));
               }"""
        )
        assert clipped == [], (path, clipped)
        if path.startswith("/maps/"):
            box = page.locator(".folium-map").bounding_box()
            panel = page.locator("#panel").bounding_box()
            assert box is not None
            assert panel is not None
            assert box["width"] >= min(width * 0.45, 380)
            assert box["height"] >= height * 0.45
            is_beside = panel["x"] + panel["width"] <= box["x"] + 1
            is_beneath = box["y"] + box["height"] <= panel["y"] + 4
            assert is_beside or is_beneath, (path, box, panel)
    context.close()
    assert recorded_page.faults == []


@pytest.mark.browser
@pytest.mark.pages
def test_coverage_map_can_be_used_by_keyboard(recorded_page: RecordedPage) -> None:
    page = recorded_page.open("/maps/coverage")
    focused: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        state = page.evaluate(
            "() => { const n = document.activeElement; const s = getComputedStyle(n); "
            "return [n.id || n.className || n.tagName, s.outlineStyle, "
            "n.getBoundingClientRect().width]; }"
        )
        focused.append(str(state[0]))
        if str(state[0]) not in ("BODY", ""):
            assert state[1] != "none" or "leaflet" in str(state[0]), state
    assert {"search", "area-subdistrict", "pick-measure"} <= set(focused)
    page.focus("#search")
    page.keyboard.type("990101002001001")
    page.wait_for_selector(".hits button")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-card]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#content:not([hidden])")


@pytest.mark.browser
@pytest.mark.pages
def test_english_pages_have_no_chinese_texts(
    browser: Browser, address: str, demo_store: str
) -> None:
    """Chinese texts of an English page are values of the registers."""
    with connect(demo_store) as conn:
        rows = conn.execute(
            "SELECT name FROM areas UNION SELECT name FROM grids UNION SELECT name FROM cameras "
            "UNION SELECT owner FROM cameras UNION SELECT platform FROM cameras "
            "UNION SELECT name FROM grid_staff UNION SELECT name FROM key_places "
            "UNION SELECT name FROM users UNION SELECT finding FROM register_findings "
            "UNION SELECT owner FROM register_findings "
            "UNION SELECT detail FROM register_findings"
        ).fetchall()
    register_texts = "\n".join(str(row[0]) for row in rows)
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="en-GB")
    add_session(context, address, demo_store)
    page = context.new_page()
    for path in PAGES:
        page.goto(address + path + "?lang=en")
        wait_until_settled(page, path)
        page_texts = page.evaluate(
            """() => [...document.querySelectorAll('body *')]
              .filter((n) => !['SCRIPT', 'STYLE', 'CODE', 'PRE'].includes(n.tagName))
              .flatMap((n) => [...n.childNodes].filter((c) => c.nodeType === 3)
                .map((c) => c.textContent.trim())
                .concat(['title', 'aria-label', 'placeholder', 'alt']
                  .map((a) => n.getAttribute(a) || '')))
              .filter(Boolean)"""
        )
        for text in page_texts:
            for part in re.findall(r"[\u4e00-\u9fff（）《》、]{2,}", text):
                assert part in register_texts or part == "中文", (path, text)
    context.close()


def test_texts_exist_for_every_key_in_use() -> None:
    """Including keys composed at run time: classes, findings, reasons of an import, statuses."""
    static = ROOT / "service/static"
    files = [p for folder in ("lib", "map", "pages") for p in (static / folder).glob("*.js")]
    assert len(files) > 40
    scripts = "\n".join(p.read_text() for p in files)
    templates = "\n".join(p.read_text() for p in (ROOT / "service/templates").glob("*.html"))
    keys = set(re.findall(r"\bt\.([a-z]\w*)\b", scripts + templates)) - {"get"}
    keys |= set(re.findall(r"""\bt\["(\w[^"\]]*)"\]""", templates))
    missing = {key for key in keys if key not in TEXTS and not key.endswith("_")}
    assert missing == set()
    # Scripts contain no Chinese string literals except names of fonts.
    literals = [
        text
        for text in re.findall(r'"([^"\n]*[\u4e00-\u9fff][^"\n]*)"', scripts)
        if "Noto" not in text
    ]
    assert literals == []
    assert {f"reason_{code}" for code in ReasonCode} - set(TEXTS) == set()
    prefixes = {
        "class_of_": ("hot_99", "cold_90", "rising", "falling", "new_hot", "historical_cold"),
        "show_": ("density", "hot_spot", "emerging", "change"),
        "step_": ("hour", "day", "week", "month"),
        "span_": ("hour", "day", "week", "month", "0"),
        "hit_": ("camera", "grid", "district", "key_place"),
        "weekday_": tuple("0123456"),
        "group_": ("working", "all", "public", "industry", "private"),
    }
    for prefix, names in prefixes.items():
        assert {prefix + name for name in names} <= set(TEXTS)


def test_texts_differ_between_the_languages() -> None:
    """A text that is the same in both languages has not been translated."""
    identical_keys = {"product", "plan_link"}
    for key, (zh, en) in TEXTS.items():
        assert zh.strip(), key
        assert en.strip(), key
        if key != "other_language":
            assert not CHINESE.search(en), (key, en)
        if zh == en:
            assert key in identical_keys or not re.search(r"[A-Za-z]{4,}", zh), key
