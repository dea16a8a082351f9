"""Ingestion API: other systems send incidents and camera statuses in batches."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, HTTPException, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from geo.import_reasons import RowAction
from geo.ingest.feeds import RowAnswer, ingest_incidents, parse_batch
from geo.ingest.status_feed import ingest_statuses
from geo.store.connection import Conn
from geo.store.queries.api_tokens import INCIDENTS, STATUSES, Token
from geo.store.queries.audit import set_actor
from geo.store.queries.feed_batches import BatchResponse, find_batch_response, store_batch_response
from geo.store.queries.imports import record_import
from service.auth.api_tokens import Sender
from service.dependencies import Body, Deployment, Writing
from service.policy import AuditRule, SecuredRoute, allow
from service.request_bodies import LARGEST_UPLOAD, parse_json


class BatchResult(BaseModel):
    """Result of a batch: the number of rows by result, and the result of each row."""

    counts: dict[str, int]
    rows: list[RowAnswer]


router = APIRouter(prefix="/api/v1/ingest", tags=["ingestion"], route_class=SecuredRoute)
_SENDERS = {"sessions": False, "audit": AuditRule.ROUTE, "max_body": LARGEST_UPLOAD}
BatchKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Your key of the batch; the same key gets the same response again.",
    ),
]
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "All rows are stored.", "model": BatchResult},
    207: {"description": "Some rows were rejected; the others are stored.", "model": BatchResult},
    400: {"description": "The body is no batch."},
    401: {"description": "The token is missing or not valid."},
    403: {"description": "The token does not have the scope."},
    413: {"description": "The body is too large."},
    422: {"description": "Every row was rejected, or the key was used for another batch."},
}


def _schema(row: dict[str, Any]) -> dict[str, Any]:
    """Return the request body for OpenAPI: a list, an object with `rows`, or GeoJSON."""
    rows = {"type": "array", "items": {"type": "object", "properties": row}}
    shapes = [rows, {"type": "object", "properties": {"rows": rows}, "required": ["rows"]}]
    features: dict[str, Any] = {"type": "object", "description": "GeoJSON feature collection"}
    content = {
        "application/json": {"schema": {"anyOf": shapes}},
        "application/geo+json": {"schema": features},
    }
    return {"requestBody": {"required": True, "content": content}}


_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_MOMENT = {"type": "string", "format": "date-time"}
_INCIDENT = {
    "source": _TEXT,
    "source_id": _TEXT,
    "category": _TEXT,
    "occurred_at": _MOMENT,
    "reported_at": _MOMENT,
    "lon": _NUMBER,
    "lat": _NUMBER,
    "grid": _TEXT,
}
_STATUS = {"code": _TEXT, "status": _TEXT, "at": _MOMENT}


@router.post(
    "/incidents",
    responses=_RESPONSES,
    dependencies=[allow(scopes=(INCIDENTS,), **_SENDERS)],
    openapi_extra=_schema(_INCIDENT),
)
def post_incidents(
    token: Sender,
    body: Body,
    conn: Writing,
    settings: Deployment,
    key: BatchKey = None,
    source: Annotated[
        str | None, Query(description="Source of the rows that name none. Default: the token.")
    ] = None,
    datum: Annotated[
        Literal["gcj02", "bd09", "cgcs2000"] | None,
        Query(description="Datum of the coordinates, if not WGS 84."),
    ] = None,
) -> JSONResponse:
    """Add or change incidents, identified by source and number.

    Send a GeoJSON feature collection, a list of objects or `{"rows": [...]}` with at most 10,000
    rows; columns and values are those of files, in English or Chinese. The response has a result
    for each row; a row that is sent again unchanged is `unchanged`.
    """

    def store(rows: list[dict[str, Any]]) -> list[RowAnswer]:
        return ingest_incidents(
            conn, rows, settings=settings, source=source or token.name, datum=datum
        )

    return _store_batch(conn, token, _Batch("incidents", key, body), store)


@router.post(
    "/camera-statuses",
    responses=_RESPONSES,
    dependencies=[allow(scopes=(STATUSES,), **_SENDERS)],
    openapi_extra=_schema(_STATUS),
)
def post_camera_statuses(
    token: Sender, body: Body, conn: Writing, settings: Deployment, key: BatchKey = None
) -> JSONResponse:
    """Report statuses of cameras, each from its time `at` (default: now).

    A status that is older than the present one is added to the history only.
    """

    def store(rows: list[dict[str, Any]]) -> list[RowAnswer]:
        return ingest_statuses(conn, rows, settings=settings, now=dt.datetime.now(dt.UTC))

    return _store_batch(conn, token, _Batch("cameras", key, body), store)


@dataclass(frozen=True)
class _Batch:
    """Rows that a sender sent together."""

    layer: str
    key: str | None
    body: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.layer.encode() + b"\n" + self.body).hexdigest()


def _store_batch(
    conn: Conn,
    token: Token,
    batch: _Batch,
    store: Callable[[list[dict[str, Any]]], list[RowAnswer]],
) -> JSONResponse:
    """Store a batch once, however often its key is sent, and return the result of each row."""
    key, digest = batch.key, batch.digest
    rows = parse_batch(parse_json(batch.body))
    if key is not None:
        earlier = find_batch_response(conn, token.id, key)
        if earlier is not None and earlier.digest != digest:
            raise HTTPException(422, f"The key {key} was used for another batch; give a new key.")
        if earlier is not None:
            replayed = {"Idempotency-Replayed": "true"}
            return JSONResponse(earlier.answer, earlier.status, headers=replayed)
    set_actor(conn, f"token {token.name}")
    results = store(rows)
    counts = Counter(result.result for result in results)
    rejected = counts["rejected"]
    status = 200 if not rejected else 422 if rejected == len(rows) else 207
    content = {"counts": dict(counts), "rows": [asdict(result) for result in results]}
    if rejected < len(rows):
        record_import(
            conn,
            layer=batch.layer,
            file=f"feed of {token.name}",
            sha256=digest,
            rows=len(rows),
            inserted=counts["inserted"],
            updated=counts["updated"] + counts["recorded"],
            unchanged=counts["unchanged"] + counts["superseded"],
            repaired=sum(
                any(f["action"] == RowAction.REPAIRED for f in r.findings) for r in results
            ),
            rejected=rejected,
            options={"token": token.name, "key": key},
        )
    if key is not None:
        store_batch_response(conn, token.id, key, BatchResponse(digest, status, content))
    conn.commit()
    return JSONResponse(content, status)
