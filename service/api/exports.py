"""Exports: layers as files, within the role and areas of the account."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import geopandas as gpd
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

from geo.errors import ColumnError
from geo.export import csv_parts, decimals_of, geojson_parts, write_file
from geo.settings import Settings
from geo.store.queries.exports import EXPORT_NAMES, Selection, read_pieces, require_selectable
from geo.store.queries.users import User
from geo.store.scope import set_scope
from service.api.location_precision import require_exact_locations
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn
from service.dependencies import Deployment
from service.filters import SelectedRows
from service.policy import SecuredRoute, allow
from service.state import app_state

router = APIRouter(
    prefix="/api/v1/exports",
    tags=["exports"],
    route_class=SecuredRoute,
    dependencies=[allow("coverage", "incidents", "data_quality")],
)
FileFormat = Annotated[
    Literal["gpkg", "geojson", "csv", "xlsx"],
    PathParameter(description="GeoPackage, GeoJSON, CSV or XLSX."),
]
MEDIA_TYPES = {
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "File in the requested format.",
        "content": {media_type: {} for media_type in MEDIA_TYPES.values()},
    }
}
"""OpenAPI responses of routes that return a file."""
_RIGHTS = {"incidents": "incidents", "findings": "data_quality", "grid-staff": "phones"}
"""Right that a layer needs; all others need coverage."""
_EXACT_LAYERS = ("cameras", "views", "findings")
"""Layers that contain exact places of cameras."""


@router.get("/{layer}.{format}", response_class=Response, responses=FILE)
def export_layer(
    request: Request,
    user: SignedIn,
    settings: Deployment,
    layer: Annotated[str, PathParameter(description="Layer, such as grids or cameras.")],
    format: FileFormat,  # noqa: A002
    selection: SelectedRows,
) -> Response:
    """Export a layer as GeoPackage, GeoJSON, CSV or XLSX.

    Exports the rows in your areas: all of them, or those in an area, those that touch a bounding
    box, and of incidents those of a period and of categories. Text formats are streamed.
    """
    _require_exportable(layer, user, settings, selection)

    def read_rows() -> Iterator[gpd.GeoDataFrame]:
        # A connection of its own, held until the last piece is sent.
        with app_state(request).download_pool.connection() as conn:
            set_scope(conn, user.areas)
            yield from read_pieces(conn, layer, selection)

    if format in ("csv", "geojson"):
        write = csv_parts if format == "csv" else geojson_parts
        lines = write(read_rows(), settings.zone, digits=decimals_of(layer))
        # The first line is read before the response starts, so that an unreachable database
        # is still a 503.
        first = next(lines)
        return StreamingResponse(
            itertools.chain([first], lines),
            media_type=MEDIA_TYPES[format],
            headers={"Content-Disposition": f'attachment; filename="{layer}.{format}"'},
        )
    return temporary_file_response(
        f"{layer}.{format}",
        MEDIA_TYPES[format],
        lambda path: write_file(read_rows(), path, layer, format, settings.zone),
    )


def _require_exportable(layer: str, user: User, settings: Settings, selection: Selection) -> None:
    if layer not in EXPORT_NAMES:
        raise HTTPException(
            404, f"There is no layer {layer}; use one of {', '.join(EXPORT_NAMES)}."
        )
    if _RIGHTS.get(layer, "coverage") not in rights_of(user):
        raise HTTPException(403, f"The role {user.role} may not export {layer}.")
    if layer in _EXACT_LAYERS:
        require_exact_locations(user, settings)
    try:
        require_selectable(layer, selection)
    except ColumnError as error:
        raise HTTPException(422, str(error)) from error


def temporary_file_response(
    name: str, media_type: str, write: Callable[[Path], object]
) -> FileResponse:
    """Return a file that is written for the response and deleted after it.

    Parameters
    ----------
    name : str
        Name of the file.
    media_type : str
        Media type of the response.
    write : callable
        Writes the file at the path that it is given.

    Returns
    -------
    fastapi.responses.FileResponse
        With the file as an attachment.
    """
    folder = tempfile.TemporaryDirectory(prefix="gridcover-export-")
    path = Path(folder.name) / name
    try:
        write(path)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path,
        media_type=media_type,
        background=BackgroundTask(folder.cleanup),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
