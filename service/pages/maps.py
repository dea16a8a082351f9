"""Map pages: coverage, incidents and data quality."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from geo.maps.builder import MapPage, render_page, with_nonce
from geo.maps.language import texts
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.openstreetmap import read_attributions
from geo.store.queries.registers import read_extent
from geo.store.queries.runs import read_latest_run
from geo.store.queries.users import User
from service.api.incidents import local_time_range
from service.api.location_precision import sees_exact_locations
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn
from service.dependencies import Connection, Deployment, Language, language
from service.pages.rendering import PAGE_HEADERS, templates
from service.pages.runs import provenance_text
from service.policy import SecuredRoute, allow
from service.state import app_state

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
_CHINA = (73.5, 18.0, 135.0, 53.6)
"""West, south, east, north of a map without data, degrees."""


def _add_map_page(name: str, *, video_wall: bool) -> None:
    """Add the route of a map page; its right has the same name."""

    def map_page(
        request: Request,
        conn: Connection,
        settings: Deployment,
        language: Language,
        user: SignedIn,
    ) -> HTMLResponse:
        page = _map_page(name, conn, settings, language, user, app_state(request).assets.version)
        html = with_nonce(render_page(page), request.state.nonce)
        return HTMLResponse(html, headers=PAGE_HEADERS)

    router.add_api_route(
        f"/maps/{name.replace('_', '-')}",
        map_page,
        name=f"{name}_map",
        dependencies=[allow(name, scopes=(), video_wall=video_wall)],
    )


_add_map_page("coverage", video_wall=True)
_add_map_page("incidents", video_wall=True)
_add_map_page("data_quality", video_wall=False)


def _map_page(
    name: str, conn: Conn, settings: Settings, language: str, user: User, version: str
) -> MapPage:
    run = read_latest_run(conn)
    return MapPage(
        page=name,
        language=language,
        bounds=read_extent(conn) or _CHINA,
        provenance=provenance_text(run, language, settings),
        version=version,
        run=run.id if run else None,
        period=local_time_range(conn, settings) if name == "incidents" else None,
        rights=rights_of(user),
        views=sees_exact_locations(user, settings),
        user=user.name,
        csrf=user.csrf,
        basemap_url=settings.basemap_url,
        basemap_attribution=settings.basemap_attribution,
        sources=tuple(read_attributions(conn)),
    )


def unavailable(request: Request) -> Response:
    """Return the page shown while the database does not respond; it reloads itself.

    Parameters
    ----------
    request : fastapi.Request
        Its language is that of the page.

    Returns
    -------
    fastapi.Response
        Of status 503.
    """
    code = language(request, request.query_params.get("lang"))
    return templates.TemplateResponse(
        request, "unavailable.html", {"t": texts(code), "language": code}, status_code=503
    )
