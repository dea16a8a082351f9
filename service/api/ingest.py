"""Ingestion API: incidents and camera statuses in batches, each row answered."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, HTTPException, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from geo.ingest.feeds import RowAnswer, rows_of, take_incidents, take_statuses
from geo.store.connection import Conn
from geo.store.queries.api_tokens import INCIDENTS, STATUSES, Token
from geo.store.queries.audit import set_actor
from geo.store.queries.feed_batches import BatchAnswer, find_batch_answer, store_batch_answer
from geo.store.queries.imports import record_import
from service.auth.api_tokens import Sender
from service.dependencies import Body, Deployment, Writing
from service.policy import AuditRule, SecuredRoute, allow
from service.request_bodies import LARGEST_UPLOAD, parse_json


class BatchResult(BaseModel):
    """What became of a batch."""

    counts: dict[str, int]
    rows: list[RowAnswer]


router = APIRouter(prefix="/api/v1", tags=["feeds"], route_class=SecuredRoute)
_SENDERS = {"sessions": False, "audit": AuditRule.ROUTE, "max_body": LARGEST_UPLOAD}
BatchKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200,
        description="the sender's key of this batch: sent again it gets the same answer",
    ),
]  # fmt: skip
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "all rows were taken", "model": BatchResult},
    207: {"description": "some rows were rejected; the others are stored", "model": BatchResult},
    400: {"description": "the body is no batch"},
    401: {"description": "no token, or none that is good"},
    403: {"description": "the token is not for this"},
    413: {"description": "the body is too large"},
    422: {"description": "every row was rejected, or the key was used for another batch"},
}


def _schema(row: dict[str, Any]) -> dict[str, Any]:
    """The body in the OpenAPI document: a list, `rows`, or a feature collection."""
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


@router.post(
    "/incidents", responses=_ANSWERS, dependencies=[allow(scopes=(INCIDENTS,), **_SENDERS)],
    openapi_extra=_schema({"source": _TEXT, "source_id": _TEXT, "category": _TEXT, "occurred_at": _MOMENT,
                           "reported_at": _MOMENT, "lon": _NUMBER, "lat": _NUMBER, "grid": _TEXT}),
)  # fmt: skip
def post_incidents(
    token: Sender,
    body: Body,
    conn: Writing,
    settings: Deployment,
    key: BatchKey = None,
    source: Annotated[str | None, Query(description="of rows that name none")] = None,
    datum: Annotated[
        Literal["gcj02", "bd09", "cgcs2000"] | None, Query(description="of the coordinates")
    ] = None,
) -> JSONResponse:
    """Add or change incidents by their source and number.

    A GeoJSON feature collection, a list of objects or `{"rows": [...]}`, at most 10,000 rows; the
    columns and values as files have them, in English or Chinese. Each row is answered; a row sent
    again as it is stays `unchanged`.
    """

    def take(rows: list[dict[str, Any]]) -> list[RowAnswer]:
        return take_incidents(
            conn, rows, settings=settings, source=source or token.name, datum=datum
        )

    return _answer(conn, token, key, body, "incidents", take)


@router.post(
    "/cameras/status", responses=_ANSWERS, dependencies=[allow(scopes=(STATUSES,), **_SENDERS)],
    openapi_extra=_schema({"code": _TEXT, "status": _TEXT, "at": _MOMENT}),
)  # fmt: skip
def post_statuses(
    token: Sender,
    body: Body,
    conn: Writing,
    settings: Deployment,
    key: BatchKey = None,
) -> JSONResponse:
    """Tell statuses of cameras, each from its moment `at` on (from now on where it has none).

    One that is older than what is known goes into the history alone.
    """

    def take(rows: list[dict[str, Any]]) -> list[RowAnswer]:
        return take_statuses(conn, rows, settings=settings, now=dt.datetime.now(dt.UTC))

    return _answer(conn, token, key, body, "cameras", take)


def _answer(
    conn: Conn,
    token: Token,
    key: str | None,
    body: bytes,
    layer: str,
    take: Callable[[list[dict[str, Any]]], list[RowAnswer]],
) -> JSONResponse:
    """Take a batch once, whoever sends it how often, and say what became of each row."""
    digest = hashlib.sha256(layer.encode() + b"\n" + body).hexdigest()
    rows = rows_of(parse_json(body))
    if key is not None:
        before = find_batch_answer(conn, token.id, key)
        if before is not None and before.digest != digest:
            raise HTTPException(422, f"The key {key} was used for another batch; give a new key.")
        if before is not None:
            replayed = {"Idempotency-Replayed": "true"}
            return JSONResponse(before.answer, before.status, headers=replayed)
    set_actor(conn, f"token {token.name}")
    answers = take(rows)
    counts = Counter(answer.result for answer in answers)
    rejected = counts["rejected"]
    status = 200 if not rejected else 422 if rejected == len(rows) else 207
    told = {"counts": dict(counts), "rows": [dataclasses.asdict(answer) for answer in answers]}
    if rejected < len(rows):
        record_import(
            conn, layer=layer, file=f"feed of {token.name}", sha256=digest, rows=len(rows),
            inserted=counts["inserted"], updated=counts["updated"] + counts["recorded"],
            unchanged=counts["unchanged"] + counts["superseded"],
            mended=sum(any(f["action"] == "mended" for f in a.findings) for a in answers),
            rejected=rejected, options={"token": token.name, "key": key},
        )  # fmt: skip
    if key is not None:
        store_batch_answer(conn, token.id, key, BatchAnswer(digest, status, told))
    conn.commit()
    return JSONResponse(told, status)
