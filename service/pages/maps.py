"""Pages with Folium maps, the dashboard and the provenance of a run."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, Response

from geo.maps.builder import MapPage, navigation, render_page, script_json, with_nonce
from geo.maps.language import texts
from geo.settings import Settings
from geo.store.queries.areas import read_area_levels
from geo.store.queries.dashboard import read_dashboard_state
from geo.store.queries.openstreetmap import read_attributions
from geo.store.queries.registers import read_extent
from geo.store.queries.runs import Run, read_latest_run, read_newest_runs
from geo.store.queries.users import User
from service.api.incidents import local_period
from service.auth.permissions import MAPS, rights_of
from service.auth.sessions import SignedIn
from service.dependencies import Connection, Deployment, Language, language
from service.pages.rendering import templates
from service.policy import SecuredRoute, allow
from service.state import app_state

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
_WORLD = (73.5, 18.0, 135.0, 53.6)


@router.get("/maps/coverage", dependencies=[allow("coverage", scopes=(), walls=True)])
def coverage(
    request: Request,
    conn: Connection,
    settings: Deployment,
    language: Language,
    user: SignedIn,
) -> HTMLResponse:
    """Grids by covered share, views, blind spots."""
    return _page(request, "coverage", conn, settings, language, user)


@router.get("/maps/incidents", dependencies=[allow("incidents", scopes=(), walls=True)])
def incidents(
    request: Request,
    conn: Connection,
    settings: Deployment,
    language: Language,
    user: SignedIn,
) -> HTMLResponse:
    """Heat map and density over months."""
    return _page(request, "incidents", conn, settings, language, user)


@router.get("/maps/registers", dependencies=[allow("registers", scopes=(), walls=False)])
def registers(
    request: Request,
    conn: Connection,
    settings: Deployment,
    language: Language,
    user: SignedIn,
) -> HTMLResponse:
    """What is wrong with the registers, and what is missing to the targets."""
    return _page(request, "registers", conn, settings, language, user)


@router.get("/board", dependencies=[allow("board", scopes=(), walls=True)])
def board(
    request: Request,
    conn: Connection,
    settings: Deployment,
    language: Language,
    user: SignedIn,
) -> HTMLResponse:
    """Targets, ranking, appeals and unevenness of the three levels."""
    run, words = read_latest_run(conn), texts(language)
    other = "en" if language == "zh" else "zh"
    kept = {k: v for k, v in request.query_params.items() if k in ("area", "level", "by")}
    config = {
        "language": language, "t": words, "api": "/api/v1", "run": run.id if run else None,
        "levels": [*read_area_levels(conn), "grid"], "manages": "jobs" in rights_of(user),
        "pending": run is not None and read_dashboard_state(conn) is None,
    }  # fmt: skip
    return templates.TemplateResponse(
        request, "board.html",
        {"t": words, "language": language, "links": navigation(language, rights_of(user)), "user": user,
         "config": script_json(config), "provenance": _provenance(run, words, settings),
         "other": f"/board?{urlencode(kept | {'lang': other})}", "other_code": other},
        headers={"Vary": "Accept-Language", "Cache-Control": "no-store"},
    )  # fmt: skip


@router.get("/runs/{number}", dependencies=[allow(*MAPS, scopes=(), walls=False)])
def run(
    request: Request,
    conn: Connection,
    settings: Deployment,
    language: Language,
    user: SignedIn,
    number: Annotated[int, InPath(ge=1, le=2**62)],
) -> HTMLResponse:
    """What a run rests on: its parameters, its inputs, when it was made and by which version."""
    known = read_newest_runs(conn, 50)
    found = next((one for one in known if one.id == number), None)
    if found is None:
        raise HTTPException(404, f"There is no run {number}; those that are kept: "
                            f"{', '.join(str(one.id) for one in known) or 'none'}.")  # fmt: skip
    words = texts(language)
    return templates.TemplateResponse(
        request, "run.html",
        {"t": words, "language": language, "links": navigation(language, rights_of(user)), "user": user,
         "run": found, "known": [one.id for one in known], "zone": settings.zone,
         "parameters": json.dumps(found.parameters, ensure_ascii=False, indent=2),
         "other_code": "en" if language == "zh" else "zh"},
        headers={"Vary": "Accept-Language", "Cache-Control": "no-store"},
    )  # fmt: skip


def _provenance(run: Run | None, words: dict[str, str], settings: Settings) -> str:
    if run is None:
        return words["no_results_title"]
    when = run.finished_at.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
    return f"{words['run']} {run.id} · {when} · gridcover {run.software_version} · {run.metric_crs}"


def _page(
    request: Request, name: str, conn: Connection, settings: Deployment, language: str, user: User
) -> HTMLResponse:
    run = read_latest_run(conn)
    provenance = _provenance(run, texts(language), settings)
    page = MapPage(
        page=name,
        language=language,
        bounds=read_extent(conn) or _WORLD,
        provenance=provenance,
        version=app_state(request).assets.version,
        run=run.id if run else None,
        period=local_period(conn, settings) if name == "incidents" else None,
        rights=rights_of(user),
        views=user.role not in settings.coarse_roles,
        user=user.name,
        csrf=user.csrf,
        basemap_url=settings.basemap_url,
        basemap_attribution=settings.basemap_attribution,
        sources=tuple(read_attributions(conn)),
    )
    return HTMLResponse(
        with_nonce(render_page(page), request.state.nonce),
        headers={"Vary": "Accept-Language", "Cache-Control": "no-store"},
    )


def unavailable(request: Request) -> Response:
    """The page shown while the database does not answer; it tries again by itself."""
    chosen = language(request, request.query_params.get("lang"))
    return templates.TemplateResponse(
        request, "unavailable.html", {"t": texts(chosen), "language": chosen}, status_code=503
    )
