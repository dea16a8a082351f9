"""Folium maps whose every file comes from our own server, and whose data never becomes HTML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import folium
from branca.element import Element, MacroElement
from folium.plugins import Fullscreen
from jinja2 import Environment
from jinja2 import Template as PlainTemplate

from geo.maps.language import texts

VENDOR_SCRIPTS = (
    "vendor/leaflet/leaflet.js", "vendor/vectorgrid/Leaflet.VectorGrid.js",
    "vendor/heat/leaflet-heat.js", "vendor/fullscreen/Control.FullScreen.js",
)  # fmt: skip
"""Scripts of others that a map page needs before our own, in order; served with them as ``maps.js``."""
STYLES = (
    "vendor/leaflet/leaflet.css", "vendor/uplot/uPlot.min.css",
    "vendor/fullscreen/Control.FullScreen.css", "gridcover.css",
)  # fmt: skip
"""Style sheets of a map page, in order; served joined, as ``maps.css``."""

_ENVIRONMENT = Environment(autoescape=True)

_HEAD = _ENVIRONMENT.from_string(
    """<title>{{ t.product }} · {{ title }}</title>
<link rel="icon" href="{{ static }}/favicon.svg" type="image/svg+xml">
<meta name="viewport" content="width=device-width, initial-scale=1">"""
)

_PANEL = _ENVIRONMENT.from_string(
    """<aside id="panel" aria-label="{{ title }}">
<header><span class="brand">{{ t.product }}</span>
{% if user %}<form class="who" method="post" action="/sign-out"><input type="hidden" name="csrf" value="{{ csrf }}">
{% for key, link in aside %}<a href="{{ link }}">{{ t["nav_" + key] }}</a> · {% endfor %}<a href="/account?lang={{ code }}">{{ user }}</a> <button type="submit">{{ t.sign_out }}</button></form>{% endif %}
<nav>{% for key, link in links %}<a href="{{ link }}"{% if key == page %} aria-current="page"{% endif %}>{{ t["nav_" + key] }}</a>{% endfor %}
<a class="language" href="{{ other }}" hreflang="{{ other_code }}">{{ t.other_language }}</a></nav></header>
<div id="content"></div>
<footer id="provenance">{{ provenance }}</footer></aside>
<div id="notice" role="status" hidden></div>"""
)

_START = PlainTemplate(
    """{% macro script(this, kwargs) %}
{{ this.map_name }}.attributionControl.setPrefix(false);
document.dispatchEvent(new CustomEvent("gridcover:map", { detail: { map: {{ this.map_name }}, config: {{ this.config }} } }));
{% endmacro %}"""
)


@dataclass(frozen=True)
class MapPage:
    """What a page shows and where it gets it."""

    page: str
    """``coverage``, ``incidents`` or ``registers``."""
    language: str
    bounds: tuple[float, float, float, float]
    """West, south, east, north, degrees."""
    provenance: str
    """Which run the figures are from."""
    static: str = "/static"
    version: str = ""
    """Of the scripts and styles; a browser keeps them while it stays the same."""
    api: str = "/api/v1"
    tiles: str = "/tiles"
    run: int | None = None
    period: dict[str, str] | None = None
    """The first and the last moment of the incidents, local."""
    rights: frozenset[str] = frozenset({"coverage", "incidents", "data_quality", "dashboard"})
    """Pages that are led to."""
    views: bool = True
    """Whether single cameras' views are shown."""
    user: str = ""
    csrf: str = ""
    basemap_url: str | None = None
    basemap_attribution: str = ""
    sources: tuple[str, ...] = ()
    """Whose data are shown, where their licence has it said."""


class _Start(MacroElement):
    """Hands the map to our script once Folium has made it."""

    def __init__(self, map_name: str, config: str) -> None:
        super().__init__()
        self.map_name = map_name
        self.config = config
        self._template = _START


def navigation(language: str, rights: frozenset[str]) -> list[tuple[str, str]]:
    """Pages that may be seen, and their addresses."""
    places = {
        "coverage": "/maps/coverage", "incidents": "/maps/incidents", "data_quality": "/maps/data-quality",
        "dashboard": "/dashboard", "setup": "/setup", "jobs": "/jobs", "users": "/users", "audit": "/audit",
    }  # fmt: skip
    needed = {"setup": "jobs"}
    return [
        (key, f"{place}?lang={language}")
        for key, place in places.items()
        if needed.get(key, key) in rights
    ]


def script_json(data: Any) -> str:
    """JSON that is safe inside a script element whatever the data says."""
    text = json.dumps(data, ensure_ascii=False, default=str)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def build_map(page: MapPage) -> folium.Map:
    """One map page.

    Parameters
    ----------
    page : what to show; data are fetched from `page.api` by the page itself.

    Returns
    -------
    A Folium map; ``.get_root().render()`` is the whole page. It asks only for files below
    `page.static`, `page.api` and `page.tiles`, and for the base map if one is set.
    """
    words = texts(page.language)
    west, south, east, north = page.bounds
    fmap = folium.Map(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        prefer_canvas=True,
        min_zoom=3,
        max_zoom=20,
        zoom_control=False,
        zoom_snap=0.5,
        zoom_delta=0.5,
        # Half-transparent tiles must not lie upon those they replace, not even for a moment.
        fade_animation=False,
    )
    fmap.default_js = [
        ("maps", f"{page.static}/maps.js?v={page.version}"),
        ("uplot", f"{page.static}/vendor/uplot/uPlot.iife.min.js"),
    ]
    fmap.default_css = [("maps_css", f"{page.static}/maps.css?v={page.version}")]
    full = Fullscreen(
        position="topright",
        title=words["fullscreen"],
        title_cancel=words["exit_fullscreen"],
        fullscreen_element=False,
    )
    full.default_js, full.default_css = [], []
    full.add_to(fmap)
    config = {
        "page": page.page, "language": page.language, "t": words, "api": page.api,
        "tiles": page.tiles, "static": page.static, "user": page.user, "run": page.run, "period": page.period, "views": page.views,
        "seeing": page.views and page.page != "data_quality" and "coverage" in page.rights,
        "bounds": [[south, west], [north, east]],
        "sources": page.sources, "manages": "jobs" in page.rights,
        "basemap": {"url": page.basemap_url, "attribution": page.basemap_attribution},
    }  # fmt: skip
    _Start(fmap.get_name(), script_json(config)).add_to(fmap)
    other = "en" if page.language == "zh" else "zh"
    root = fmap.get_root()
    title = words[page.page]
    root.header.add_child(Element(_literal(_HEAD.render(t=words, title=title, static=page.static))))
    links = navigation(page.language, page.rights)
    aside = [link for link in links if link[0] in ("setup", "jobs", "users", "audit")]
    links = [link for link in links if link not in aside]
    panel = _PANEL.render(
        t=words, title=title, page=page.page, links=links, provenance=page.provenance,
        other=f"/maps/{page.page.replace('_', '-')}?lang={other}", other_code=other, user=page.user, csrf=page.csrf, aside=aside,
        code=page.language,
    )  # fmt: skip
    root.html.add_child(Element(_literal(panel)))
    return fmap


def _literal(html: str) -> str:
    """Rendered HTML goes through Jinja once more inside branca: keep it from being read again."""
    return "{% raw %}" + html.replace("{% endraw %}", "") + "{% endraw %}"


def with_nonce(html: str, nonce: str) -> str:
    """A page whose own scripts carry the nonce that its policy asks for.

    Data cannot open a script element of their own: `script_json` and the templates escape.
    """
    return html.replace("<script>", f'<script nonce="{nonce}">')


def render_page(page: MapPage) -> str:
    """The whole page as HTML, its language said in the root element."""
    html: str = build_map(page).get_root().render()
    # Folium forbids to zoom the page; whoever sees badly must be able to.
    html = re.sub(
        r'<meta name="viewport" content="width=device-width,\s+initial-scale=1.0[^>]*/?>',
        "",
        html,
        count=1,
    )
    # Charts are drawn after the map: their library need not hold it up.
    html = re.sub(r'(<script src="[^"]*/uPlot\.iife\.min\.js[^"]*")', r"\1 defer", html, count=1)
    code = "zh-CN" if page.language == "zh" else "en"
    return html.replace("<html>", f'<html lang="{code}">', 1)
