"""Answers: frames as GeoJSON, failures as problem details."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import psycopg
import psycopg_pool
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from procrastinate.exceptions import ConnectorException
from starlette.exceptions import HTTPException

from geo.errors import GridcoverError, StoreAwayError
from geo.export import features
from geo.ingest import spreadsheet_safe

JSON_MEDIA, GEOJSON_MEDIA = "application/json", "application/geo+json"
GEOJSON: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "a feature collection, EPSG:4326",
        "content": {
            GEOJSON_MEDIA: {
                "schema": {
                    "type": "object",
                    "required": ["type", "features"],
                    "properties": {
                        "type": {"const": "FeatureCollection"},
                        "features": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}
"""Of routes that answer with GeoJSON."""
CSV: dict[int | str, dict[str, Any]] = {
    200: {"description": "a table, UTF-8", "content": {"text/csv": {"schema": {"type": "string"}}}}
}
"""Of routes that answer with a table."""
_UTC = ZoneInfo("UTC")
_log = logging.getLogger("gridcover.requests")


def geojson_response(frame: gpd.GeoDataFrame, *, digits: int) -> Response:
    """A feature collection; missing values are null, coordinates in `digits` decimals."""
    told = ",".join(features(frame, digits=digits, zone=_UTC))
    body = f'{{"type":"FeatureCollection","features":[{told}]}}'
    return Response(body, media_type=GEOJSON_MEDIA)


def problem_response(status: int, title: str, detail: str) -> JSONResponse:
    """A failure as problem details (RFC 9457)."""
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
    )


def add_problem_handlers(
    app: FastAPI, *, unavailable: Callable[[Request], Response | None] = lambda _: None
) -> None:
    """Answer failures as problem details.

    Parameters
    ----------
    unavailable : what to answer in their place to some requests while the database does not.
    """

    def database(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return unavailable(request) or problem_response(
            503, "database unavailable", "The database does not answer; try again in a moment."
        )

    def not_now(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem_response(503, "database unavailable", str(error))

    def late(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem_response(
            503, "took too long", "The database was not done in time; ask for less at once."
        )

    def refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem_response(400, "request refused", str(error))

    def told(request: Request, error: Exception) -> Response:  # noqa: ARG001
        assert isinstance(error, HTTPException)  # noqa: S101
        title = HTTPStatus(error.status_code).phrase.lower()
        answer = problem_response(error.status_code, title, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    def invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001
        assert isinstance(error, RequestValidationError)  # noqa: S101
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return problem_response(422, "invalid request", said)

    def unusable(request: Request, error: Exception) -> Response:
        # Every value is checked at the edge; one that the database refuses all the same is the sender's.
        _log.warning("%s: a value was refused by the database: %s", request.url.path, error)
        return problem_response(
            422,
            "invalid request",
            "A value is out of range, or no text that can be stored; correct it.",
        )

    app.add_exception_handler(psycopg.DataError, unusable)
    app.add_exception_handler(UnicodeEncodeError, unusable)
    for kind in (
        psycopg.OperationalError,
        psycopg.InterfaceError,
        psycopg_pool.PoolTimeout,
        psycopg_pool.PoolClosed,
        ConnectorException,
    ):
        app.add_exception_handler(kind, database)
    app.add_exception_handler(psycopg.errors.QueryCanceled, late)
    app.add_exception_handler(HTTPException, told)
    app.add_exception_handler(StoreAwayError, not_now)
    app.add_exception_handler(GridcoverError, refused)
    app.add_exception_handler(RequestValidationError, invalid)


def csv_response(rows: list[list[str]], name: str) -> Response:
    """A table that spreadsheets open rightly, and run nothing of."""
    text = io.StringIO()
    csv.writer(text).writerows([spreadsheet_safe(cell) for cell in row] for row in rows)
    return Response(
        text.getvalue().encode("utf-8-sig"), media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip
