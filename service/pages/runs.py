"""Page of a run with its provenance."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse

from geo.maps.language import texts
from geo.settings import Settings
from geo.store.queries.runs import Run, read_newest_runs
from service.auth.permissions import MAPS
from service.auth.sessions import SignedIn
from service.dependencies import Connection, Deployment, Language
from service.pages.rendering import render_page
from service.policy import SecuredRoute, allow

router = APIRouter(include_in_schema=False, route_class=SecuredRoute)
_MAX_RUNS = 50


@router.get("/runs/{number}", dependencies=[allow(*MAPS, scopes=())])
def run_page(
    request: Request,
    conn: Connection,
    settings: Deployment,
    language: Language,
    user: SignedIn,
    number: Annotated[int, PathParameter(ge=1, le=2**62)],
) -> HTMLResponse:
    """Show the parameters, inputs, times and software version of a run."""
    runs = read_newest_runs(conn, _MAX_RUNS)
    run = next((run for run in runs if run.id == number), None)
    numbers = [run.id for run in runs]
    if run is None:
        stored = ", ".join(map(str, numbers)) or "none"
        raise HTTPException(404, f"There is no run {number}; stored runs: {stored}.")
    return render_page(
        request,
        "run.html",
        language,
        user,
        run=run,
        numbers=numbers,
        zone=settings.zone,
        parameters=json.dumps(run.parameters, ensure_ascii=False, indent=2),
    )


def provenance_text(run: Run | None, language: str, settings: Settings) -> str:
    """Return the line that says which run the figures of a page are from.

    Parameters
    ----------
    run : Run or None
        Run of the figures; None if there are no results.
    language : {"zh", "en"}
        Language of the text.
    settings : Settings
        Its time zone is that of the text.

    Returns
    -------
    str
        Number, time, software version and CRS of the run.
    """
    words = texts(language)
    if run is None:
        return words["no_results_title"]
    finished = run.finished_at.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
    return (
        f"{words['run']} {run.id} · {finished} · gridcover {run.software_version} · "
        f"{run.metric_crs}"
    )
