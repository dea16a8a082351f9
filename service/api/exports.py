"""Downloads of layers, as far as the visitor's role and areas reach."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

from geo.errors import ColumnError
from geo.export import digits_of, lines_of_csv, lines_of_geojson, write_file
from geo.store.queries.exports import EXPORT_NAMES, read_pieces, require_selectable
from geo.store.scope import set_scope
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn
from service.dependencies import Deployment
from service.filters import SelectedRows
from service.policy import SecuredRoute, allow
from service.state import app_state

router = APIRouter(
    prefix="/api/v1", tags=["exports"], route_class=SecuredRoute,
    dependencies=[allow("coverage", "incidents", "registers")],
)  # fmt: skip
Form = Literal["gpkg", "geojson", "csv", "xlsx"]
TYPES = {
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "the layer, as a file", "content": {name: {} for name in TYPES.values()}}
}
_RIGHT = {"incidents": "incidents", "findings": "registers", "grid-staff": "phones"}
"""What a layer needs; all others coverage."""
_EXACT = ("cameras", "views", "findings")
"""Layers that tell where single cameras are."""


@router.get("/export/{layer}.{form}", response_class=Response, responses=_ANSWERS)
def export(
    request: Request, user: SignedIn, settings: Deployment, layer: str, form: Form,
    chosen: SelectedRows,
) -> Response:  # fmt: skip
    """A layer as GeoPackage, GeoJSON, CSV or XLSX; rows of one's own areas.

    All of them, or what lies in an area, touches a box, or (of incidents) is of a span and of some categories.

    Text formats are sent as they are read; the others are made first.
    """
    if layer not in EXPORT_NAMES:
        raise HTTPException(
            404, f"There is no layer {layer}; use one of {', '.join(EXPORT_NAMES)}."
        )
    if _RIGHT.get(layer, "coverage") not in rights_of(user):
        raise HTTPException(403, f"The role {user.role} may not take out {layer}.")
    if layer in _EXACT and user.role in settings.coarse_roles:
        raise HTTPException(403, f"The role {user.role} sees where cameras are only roughly.")

    try:
        require_selectable(layer, chosen)
    except ColumnError as error:
        raise HTTPException(422, str(error)) from error

    def rows() -> Iterator[gpd.GeoDataFrame]:
        # A connection of its own, held until the last piece is sent.
        with app_state(request).download_pool.connection() as conn:
            set_scope(conn, user.areas)
            yield from read_pieces(conn, layer, chosen)

    headers = {"Content-Disposition": f'attachment; filename="{layer}.{form}"'}
    if form in ("csv", "geojson"):
        write = lines_of_csv if form == "csv" else lines_of_geojson
        lines = write(rows(), settings.zone, digits=digits_of(layer))
        # The first is read before anything is answered: a database that is away is still a 503.
        first = next(lines)
        return StreamingResponse(
            itertools.chain([first], lines), media_type=TYPES[form], headers=headers
        )
    folder = tempfile.TemporaryDirectory(prefix="gridcover-export-")
    path = Path(folder.name) / f"{layer}.{form}"
    try:
        write_file(rows(), path, layer, form, settings.zone)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path, media_type=TYPES[form], headers=headers, background=BackgroundTask(folder.cleanup)
    )
