"""Folium maps whose files all come from our own server, and whose data never becomes HTML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import folium
from branca.element import Element, MacroElement
from folium.plugins import Fullscreen
from jinja2 import Environment, FileSystemLoader
from jinja2 import Template as PlainTemplate

from geo.maps.language import texts

VENDOR_SCRIPTS = (
    "vendor/leaflet/leaflet.js",
    "vendor/vectorgrid/Leaflet.VectorGrid.js",
    "vendor/heat/leaflet-heat.js",
    "vendor/fullscreen/Control.FullScreen.js",
)
"""Third-party scripts that a map page needs before our own, in order; part of ``maps.js``."""
STYLES = (
    "vendor/leaflet/leaflet.css",
    "vendor/uplot/uPlot.min.css",
    "vendor/fullscreen/Control.FullScreen.css",
    "gridcover.css",
)
"""Style sheets of a map page, in order; served joined, as ``maps.css``."""

_TEMPLATES = Path(__file__).with_name("templates")
_ENVIRONMENT = Environment(autoescape=True, loader=FileSystemLoader(_TEMPLATES))
_HEAD = _ENVIRONMENT.get_template("head.html")
_PANEL = _ENVIRONMENT.get_template("panel.html")
_START = PlainTemplate((_TEMPLATES / "start.jinja").read_text(encoding="utf-8"))

_PLACES = {
    "coverage": "/maps/coverage",
    "incidents": "/maps/incidents",
    "data_quality": "/maps/data-quality",
    "dashboard": "/dashboard",
    "setup": "/setup",
    "jobs": "/jobs",
    "users": "/users",
    "audit": "/audit",
}
"""Address of each page of the navigation."""
_NEEDED_RIGHTS = {"setup": "jobs"}
"""Right of a page whose right has another name."""
_ADMINISTRATION = ("setup", "jobs", "users", "audit")
"""Pages that are linked beside the name of the user."""


@dataclass(frozen=True)
class MapPage:
    """What a map page shows and where its data come from.

    Attributes
    ----------
    page : {'coverage', 'incidents', 'data_quality'}
        Name of the page.
    language : {'zh', 'en'}
        Language of its texts.
    bounds : tuple of float
        West, south, east, north of the first view, degrees.
    provenance : str
        Which run the figures are from.
    static, api, tiles : str
        Addresses below which files, data and vector tiles are requested.
    version : str
        Version of scripts and styles; a browser caches them as long as it is the same.
    run : int or None
        Number of the run; None if there is none.
    period : dict of str to str or None
        First and last time of the incidents, local.
    rights : frozenset of str
        Pages that are linked.
    views : bool
        Whether views of single cameras are shown.
    user : str
        Name of the user, empty if not signed in.
    csrf : str
        Token of the form that signs out.
    basemap_url : str or None
        Address of the tiles of the base map; None for no base map.
    basemap_attribution : str
        Attribution of the base map.
    sources : tuple of str
        Attributions of data whose licence requires them.
    """

    page: str
    language: str
    bounds: tuple[float, float, float, float]
    provenance: str
    static: str = "/static"
    version: str = ""
    api: str = "/api/v1"
    tiles: str = "/tiles"
    run: int | None = None
    period: dict[str, str] | None = None
    rights: frozenset[str] = frozenset({"coverage", "incidents", "data_quality", "dashboard"})
    views: bool = True
    user: str = ""
    csrf: str = ""
    basemap_url: str | None = None
    basemap_attribution: str = ""
    sources: tuple[str, ...] = ()


class _Start(MacroElement):
    """Passes the map and the configuration to our script once Folium has created the map."""

    def __init__(self, map_name: str, config: str) -> None:
        super().__init__()
        self.map_name = map_name
        self.config = config
        self._template = _START


def navigation(language: str, rights: frozenset[str]) -> list[tuple[str, str]]:
    """Return the pages that a user may open, with their addresses.

    Parameters
    ----------
    language : {'zh', 'en'}
        Language of the pages.
    rights : frozenset of str
        Rights of the user.

    Returns
    -------
    list of tuple of str
        Name and address of each page, in the order of the navigation.

    Examples
    --------
    >>> navigation("en", frozenset({"coverage", "jobs"}))[:2]
    [('coverage', '/maps/coverage?lang=en'), ('setup', '/setup?lang=en')]
    """
    return [
        (page, f"{place}?lang={language}")
        for page, place in _PLACES.items()
        if _NEEDED_RIGHTS.get(page, page) in rights
    ]


def script_json(data: Any) -> str:
    r"""Return JSON that is safe inside a script element, whatever the data contain.

    Parameters
    ----------
    data : object
        Dictionaries, lists and scalars; other objects are written as their text.

    Returns
    -------
    str
        JSON in which characters that could end the element are escaped.

    Examples
    --------
    >>> script_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(data, ensure_ascii=False, default=str)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def build_map(page: MapPage) -> folium.Map:
    """Return a map page.

    Parameters
    ----------
    page : MapPage
        What to show; the page itself requests its data below `page.api`.

    Returns
    -------
    folium.Map
        ``.get_root().render()`` is the complete page. It requests only files below `page.static`,
        `page.api` and `page.tiles`, and those of the base map if there is one.
    """
    words = texts(page.language)
    folium_map = _empty_map(page)
    _fullscreen_control(words).add_to(folium_map)
    config = script_json(_script_config(page, words))
    _Start(folium_map.get_name(), config).add_to(folium_map)
    root = folium_map.get_root()
    head = _HEAD.render(t=words, title=words[page.page], static=page.static)
    root.header.add_child(Element(_literal(head)))
    root.html.add_child(Element(_literal(_panel(page, words))))
    return folium_map


def _empty_map(page: MapPage) -> folium.Map:
    """Return a map without tiles that loads our own scripts and styles."""
    west, south, east, north = page.bounds
    folium_map = folium.Map(
        location=[(south + north) / 2, (west + east) / 2],
        tiles=None,
        prefer_canvas=True,
        min_zoom=3,
        max_zoom=20,
        zoom_control=False,
        zoom_snap=0.5,
        zoom_delta=0.5,
        # Half-transparent tiles must not be drawn over those they replace, not even briefly.
        fade_animation=False,
    )
    folium_map.default_js = [
        ("maps", f"{page.static}/maps.js?v={page.version}"),
        ("uplot", f"{page.static}/vendor/uplot/uPlot.iife.min.js"),
    ]
    folium_map.default_css = [("maps_css", f"{page.static}/maps.css?v={page.version}")]
    return folium_map


def _fullscreen_control(words: dict[str, str]) -> Fullscreen:
    control = Fullscreen(
        position="topright",
        title=words["fullscreen"],
        title_cancel=words["exit_fullscreen"],
        fullscreen_element=False,
    )
    control.default_js, control.default_css = [], []
    return control


def _script_config(page: MapPage, words: dict[str, str]) -> dict[str, Any]:
    """Return what our script reads of the page."""
    west, south, east, north = page.bounds
    return {
        "page": page.page,
        "language": page.language,
        "t": words,
        "api": page.api,
        "tiles": page.tiles,
        "static": page.static,
        "user": page.user,
        "run": page.run,
        "period": page.period,
        "views": page.views,
        "seeing": page.views and page.page != "data_quality" and "coverage" in page.rights,
        "bounds": [[south, west], [north, east]],
        "sources": page.sources,
        "manages": "jobs" in page.rights,
        "basemap": {"url": page.basemap_url, "attribution": page.basemap_attribution},
    }


def _panel(page: MapPage, words: dict[str, str]) -> str:
    """Return the HTML of the side panel."""
    other_language = "en" if page.language == "zh" else "zh"
    links = navigation(page.language, page.rights)
    return _PANEL.render(
        t=words,
        title=words[page.page],
        page=page.page,
        links=[link for link in links if link[0] not in _ADMINISTRATION],
        aside=[link for link in links if link[0] in _ADMINISTRATION],
        provenance=page.provenance,
        other=f"/maps/{page.page.replace('_', '-')}?lang={other_language}",
        other_code=other_language,
        user=page.user,
        csrf=page.csrf,
        code=page.language,
    )


def _literal(html: str) -> str:
    """Return HTML for branca, whose Jinja environment would otherwise render it again."""
    return "{% raw %}" + html.replace("{% endraw %}", "") + "{% endraw %}"


def with_nonce(html: str, nonce: str) -> str:
    """Return a page whose own scripts have the nonce of its content security policy.

    Data cannot open a script element of their own: `script_json` and the templates escape them.

    Parameters
    ----------
    html : str
        The page.
    nonce : str
        Nonce of the policy.

    Returns
    -------
    str
        The page with the nonce in each inline script element.

    Examples
    --------
    >>> with_nonce("<script>start()</script>", "4f2a")
    '<script nonce="4f2a">start()</script>'
    """
    return html.replace("<script>", f'<script nonce="{nonce}">')


def render_page(page: MapPage) -> str:
    """Return the HTML of a map page, with its language in the root element.

    Parameters
    ----------
    page : MapPage
        What to show.

    Returns
    -------
    str
        The complete page.
    """
    html: str = build_map(page).get_root().render()
    # Folium forbids zooming the page, which people with impaired sight need.
    html = re.sub(
        r'<meta name="viewport" content="width=device-width,\s+initial-scale=1.0[^>]*/?>',
        "",
        html,
        count=1,
    )
    # Charts are drawn after the map, so that it need not wait for their library.
    html = re.sub(r'(<script src="[^"]*/uPlot\.iife\.min\.js[^"]*")', r"\1 defer", html, count=1)
    code = "zh-CN" if page.language == "zh" else "en"
    return html.replace("<html>", f'<html lang="{code}">', 1)
