"""Options of an import: layers, columns, keys, periods and saved mappings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from geo.errors import ColumnError, ReadError
from geo.ingest.encodings import require_encoding
from geo.ingest.header_vocabulary import EXTRA, LAT, LON, WHERE
from geo.ingest.occurrence import parse_span
from geo.ingest.osm.outcomes import NAME as OSM
from geo.ingest.staff import STAFF
from geo.schema import LAYERS, Layer
from geo.settings import Settings
from geo.store.audit_actions import AuditAction
from geo.store.connection import Conn
from geo.store.queries.api_tokens import JOBS
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.imports import LONGEST_NAME, delete_mapping, list_mappings, read_mapping
from service.auth.sessions import SignedIn, client_address
from service.dependencies import Writing
from service.policy import AuditRule, SecuredRoute, allow
from service.request_bodies import require_text

router = APIRouter(prefix="/api/v1/imports", tags=["imports"], route_class=SecuredRoute)
IMPORTED = (*LAYERS, STAFF.name, OSM)
"""Layers that a file can be imported into."""
_MAPPED = (*LAYERS, STAFF.name)
"""Layers whose files have headers."""
_STAFF_OPTIONS = {
    "rename",
    "mapping",
    "save_mapping",
    "file_layer",
    "encoding",
    "accept_rejects",
    "dry_run",
}
_OSM_OPTIONS = {"accept_rejects", "dry_run"}
_MAX_PAIRS = 2_000
_READ = [allow("jobs", scopes=(JOBS,), everywhere=True)]
_CHANGE = [allow("jobs", scopes=(JOBS,), everywhere=True, audit=AuditRule.ROUTE)]
LayerName = Annotated[str, Query(max_length=40, description="Layer, such as cameras.")]
MappingName = Annotated[
    str, Query(min_length=1, max_length=LONGEST_NAME, description="Name of the mapping.")
]


class SavedMapping(BaseModel):
    """Columns of the headers of a kind of file, saved under a name."""

    layer: str
    name: str
    columns: dict[str, str] = Field(description="Column of the layer by header of the file.")
    options: dict[str, Any] = Field(description="crs, datum, key, date_order and encoding, if set.")
    changed_by: str


@router.get("/mappings", dependencies=_READ)
def list_saved_mappings(conn: Writing, layer: LayerName) -> list[SavedMapping]:
    """List the saved mappings for files of a layer, by name."""
    require_layer(layer, _MAPPED)
    return [SavedMapping.model_validate(row.__dict__) for row in list_mappings(conn, layer)]


@router.delete("/mappings", status_code=204, dependencies=_CHANGE, response_class=Response)
def delete_saved_mapping(
    request: Request, conn: Writing, user: SignedIn, layer: LayerName, name: MappingName
) -> Response:
    """Delete a saved mapping. Rows that were imported with it stay."""
    require_layer(layer, _MAPPED)
    if not delete_mapping(conn, layer, name):
        raise HTTPException(404, f"{layer} has no mapping {name!r}.")
    append_audit_entry(
        conn,
        actor=user.name,
        role=user.role,
        address=client_address(request),
        action=AuditAction.MAPPING_DELETED,
        object_=layer,
        detail={"mapping": name},
    )
    conn.commit()
    return Response(status_code=204)


def columns_of(layer: str) -> list[str]:
    """Return the columns of a layer that a header can be mapped to, those of the place first.

    Parameters
    ----------
    layer : str
        One of `IMPORTED`.

    Returns
    -------
    list of str
        Empty for an extract of OpenStreetMap.
    """
    if layer == OSM:
        return []
    if layer == STAFF.name:
        return list(STAFF.names)
    schema: Layer = LAYERS[layer]
    return [*((LON, LAT) if schema.shape == "point" else ()), WHERE, *schema.names]


def parse_renames(items: Sequence[str], layer: str) -> dict[str, str]:
    """Return the column of each header that is renamed.

    Parameters
    ----------
    items : sequence of str
        Texts `HEADER=column`, or JSON objects of header to column.
    layer : str
        Layer that has the columns.

    Returns
    -------
    dict of str to str
        Column by header.

    Raises
    ------
    HTTPException
        422: an item has neither form, its column is not in the layer, or a column is used twice.
    """
    renames: dict[str, str] = {}
    for item in items:
        renames |= _parse_json(item) if item.lstrip().startswith("{") else _parse_pair(item)
    if len(renames) > _MAX_PAIRS:
        raise HTTPException(422, f"More than {_MAX_PAIRS:,} headers are renamed.")
    columns = [*columns_of(layer), EXTRA]
    header_of: dict[str, str] = {}
    for header, column in renames.items():
        require_text(header)
        if column not in columns:
            raise HTTPException(
                422, f"{layer} has no column {column!r}; it has {', '.join(columns)}."
            )
        if column != EXTRA and header_of.setdefault(column, header) != header:
            raise HTTPException(
                422,
                f"{header_of[column]!r} and {header!r} cannot both be {column}; "
                f"keep one as {EXTRA}.",
            )
    return renames


def _parse_pair(text: str) -> dict[str, str]:
    # A header may contain the equals sign, a column does not.
    header, equals, column = text.rpartition("=")
    if not equals or not header.strip():
        raise HTTPException(422, f"{text!r} is not HEADER=column.")
    return {header: column.strip()}


def _parse_json(text: str) -> dict[str, str]:
    try:
        pairs = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, f"rename is no JSON that can be read: {error}.") from error
    if not all(isinstance(column, str) and header.strip() for header, column in pairs.items()):
        raise HTTPException(422, "rename is a JSON object of header to column, both texts.")
    return dict(pairs)


def require_options(conn: Conn, layer: str, options: dict[str, Any], settings: Settings) -> None:
    """Refuse options that the import of a layer does not have, before a job is queued.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection; saved mappings are looked up.
    layer : str
        Layer to import.
    options : dict
        Options that have a value.
    settings : Settings
        Its time zone is that of `occurred`.

    Raises
    ------
    HTTPException
        422.
    """
    accepted = {STAFF.name: _STAFF_OPTIONS, OSM: _OSM_OPTIONS}.get(layer)
    unknown = [] if accepted is None else sorted(set(options) - accepted)
    if unknown:
        raise HTTPException(
            422, f"The import of {layer} does not take {', '.join(unknown)}; leave it out."
        )
    if "encoding" in options:
        try:
            require_encoding(options["encoding"])
        except ReadError as error:
            raise HTTPException(422, str(error)) from error
    if "occurred" in options:
        if layer != "incidents":
            raise HTTPException(422, "occurred is for incidents; leave it out.")
        try:
            parse_span(options["occurred"], settings.zone)
        except ColumnError as error:
            raise HTTPException(422, str(error).replace("--occurred", "occurred")) from error
    if "mapping" in options:
        try:
            read_mapping(conn, layer, options["mapping"])
        except ColumnError as error:
            raise HTTPException(422, str(error)) from error
    if not options.get("save_mapping", "x").strip():
        raise HTTPException(422, "A mapping needs a name.")


def require_layer(layer: str, known: tuple[str, ...] = IMPORTED) -> None:
    """Refuse an unknown layer.

    Parameters
    ----------
    layer : str
        Name of the layer.
    known : tuple of str, optional
        Layers that are accepted.

    Raises
    ------
    HTTPException
        422.
    """
    if layer not in known:
        raise HTTPException(422, f"There is no layer {layer}; use one of {', '.join(known)}.")
