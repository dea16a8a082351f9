"""Options of an import: layers, columns, keys, periods and saved mappings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from geo.errors import ColumnError, ReadError
from geo.ingest.encodings import require_encoding
from geo.ingest.headers import EXTRA, LAT, LON, WHERE
from geo.ingest.occurrence import parse_span
from geo.ingest.osm.importing import NAME as OSM
from geo.ingest.staff import STAFF
from geo.schema import LAYERS, Layer
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.api_tokens import JOBS
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.imports import LONGEST_NAME, delete_mapping, list_mappings, read_mapping
from service.auth.sessions import SignedIn, client_address
from service.dependencies import Writing
from service.policy import AuditRule, SecuredRoute, allow
from service.request_bodies import require_text

api = APIRouter(prefix="/api/v1", tags=["jobs"], route_class=SecuredRoute)
IMPORTED = (*LAYERS, STAFF.name, OSM)
"""Layers that a file can be imported into."""
_MAPPED = (*LAYERS, STAFF.name)
"""Layers whose files have headers."""
_STAFF_OPTIONS = {
    "rename", "mapping", "save_mapping", "file_layer", "encoding", "accept_rejects", "dry_run",
}  # fmt: skip
_OSM_OPTIONS = {"accept_rejects", "dry_run"}
_MOST_PAIRS = 2_000
_LOOK = [allow("jobs", scopes=(JOBS,), everywhere=True)]
_CHANGE = [allow("jobs", scopes=(JOBS,), everywhere=True, audit=AuditRule.ROUTE)]
LayerName = Annotated[str, Query(max_length=40, description="one of the layers")]
MappingName = Annotated[str, Query(min_length=1, max_length=LONGEST_NAME)]


class SavedMapping(BaseModel):
    """What the headers of a kind of file are, saved under a name."""

    layer: str
    name: str
    columns: dict[str, str] = Field(description="header of the file to column of the layer")
    options: dict[str, Any] = Field(
        description="crs, datum, key, date_order and encoding, where needed"
    )
    changed_by: str


@api.get("/mappings", dependencies=_LOOK)
def list_(conn: Writing, layer: LayerName) -> list[SavedMapping]:
    """Mappings of a layer's files, by name."""
    require_layer(layer, _MAPPED)
    return [SavedMapping.model_validate(one.__dict__) for one in list_mappings(conn, layer)]


@api.delete("/mappings", status_code=204, dependencies=_CHANGE, response_class=Response)
def delete(
    request: Request, conn: Writing, user: SignedIn, layer: LayerName, name: MappingName
) -> Response:
    """Delete a mapping; what was imported with it stays."""
    require_layer(layer, _MAPPED)
    if not delete_mapping(conn, layer, name):
        raise HTTPException(404, f"{layer} has no mapping {name!r}.")
    append_audit_entry(
        conn, actor=user.name, role=user.role, address=client_address(request), action="mapping deleted",
        object_=layer, detail={"mapping": name},
    )  # fmt: skip
    conn.commit()
    return Response(status_code=204)


def columns_of(layer: str) -> list[str]:
    """Return the columns of a layer that a header can be taken for, places first."""
    if layer == OSM:
        return []
    if layer == STAFF.name:
        return list(STAFF.names)
    shape: Layer = LAYERS[layer]
    return [*((LON, LAT) if shape.shape == "point" else ()), WHERE, *shape.names]


def read_rename(items: Sequence[str], layer: str) -> dict[str, str]:
    """Return header to column of `HEADER=column` texts, or of JSON objects of such pairs.

    Raises
    ------
    HTTPException
        422: an item is neither, names a column that the layer has not, or a column is named twice.
    """
    pairs: dict[str, str] = {}
    for item in items:
        if item.lstrip().startswith("{"):
            pairs |= _json_pairs(item)
            continue
        # A header may hold the sign, a column does not.
        header, equals, column = item.rpartition("=")
        if not equals or not header.strip():
            raise HTTPException(422, f"{item!r} is not HEADER=column.")
        pairs[header] = column.strip()
    if len(pairs) > _MOST_PAIRS:
        raise HTTPException(422, f"More than {_MOST_PAIRS:,} headers are renamed.")
    known = [*columns_of(layer), EXTRA]
    used: dict[str, str] = {}
    for header, column in pairs.items():
        require_text(header)
        if column not in known:
            raise HTTPException(
                422, f"{layer} has no column {column!r}; it has {', '.join(known)}."
            )
        if column != EXTRA and used.setdefault(column, header) != header:
            raise HTTPException(
                422,
                f"{used[column]!r} and {header!r} cannot both be {column}; keep one as {EXTRA}.",
            )
    return pairs


def _json_pairs(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, f"rename is no JSON that can be read: {error}.") from error
    if not all(isinstance(column, str) and header.strip() for header, column in found.items()):
        raise HTTPException(422, "rename is a JSON object of header to column, both texts.")
    return dict(found)


def require_options(conn: Conn, layer: str, options: dict[str, Any], settings: Settings) -> None:
    """Refuse options that the import of a layer does not take, before a job is made of them.

    Raises
    ------
    HTTPException
        422.
    """
    taken = {STAFF.name: _STAFF_OPTIONS, OSM: _OSM_OPTIONS}.get(layer)
    spare = [] if taken is None else sorted(set(options) - taken)
    if spare:
        raise HTTPException(
            422, f"The import of {layer} does not take {', '.join(spare)}; leave it out."
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
    """Refuse a layer that is none of those known."""
    if layer not in known:
        raise HTTPException(422, f"There is no layer {layer}; use one of {', '.join(known)}.")
