"""The pages: Folium maps and where they lead from."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates

from geo.maps.builder import MapPage, render_page
from geo.maps.language import texts
from geo.store import read
from service.dependencies import Connection, Deployment, Language, language

router = APIRouter(include_in_schema=False)
_templates = Jinja2Templates(directory=Path(__file__).parent / "templates")
_WORLD = (73.5, 18.0, 135.0, 53.6)


@router.get("/")
def home(request: Request) -> Response:
    """Lead to the coverage map."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/maps/coverage{query}", status_code=307)


@router.get("/maps/coverage")
def coverage(conn: Connection, settings: Deployment, language: Language) -> HTMLResponse:
    """Grids by covered share, views, blind spots."""
    return _page("coverage", conn, settings, language)


@router.get("/maps/incidents")
def incidents(conn: Connection, settings: Deployment, language: Language) -> HTMLResponse:
    """Heat map and density over months."""
    return _page("incidents", conn, settings, language)


def _page(name: str, conn: Connection, settings: Deployment, language: str) -> HTMLResponse:
    run = read.latest_run(conn)
    words = texts(language)
    provenance = words["no_run"]
    if run is not None:
        when = run.finished_at.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
        provenance = f"{words['run']} {run.id} · {when} · gridcover {run.software_version} · {run.metric_crs}"
    page = MapPage(
        page=name,
        language=language,
        bounds=read.extent(conn) or _WORLD,
        provenance=provenance,
        run=run.id if run else None,
        summary=run.summary if run else {},
        basemap_url=settings.basemap_url,
        basemap_attribution=settings.basemap_attribution,
    )
    return HTMLResponse(render_page(page), headers={"Vary": "Accept-Language"})


def unavailable(request: Request) -> Response:
    """The page shown while the database does not answer; it tries again by itself."""
    chosen = language(request, request.query_params.get("lang"))
    return _templates.TemplateResponse(
        request, "unavailable.html", {"t": texts(chosen), "language": chosen}, status_code=503
    )
