"""Responses: frames as GeoJSON, tables as CSV, failures as problem details."""

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
import shapely
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from procrastinate.exceptions import ConnectorException
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from geo.errors import GridcoverError, StoreAwayError
from geo.export import features
from geo.ingest import spreadsheet_safe

JSON_MEDIA, GEOJSON_MEDIA = "application/json", "application/geo+json"
GEOJSON: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "GeoJSON feature collection, EPSG:4326.",
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
"""OpenAPI responses of routes that return GeoJSON."""
CSV: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "CSV table, UTF-8 with a byte-order mark.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}
"""OpenAPI responses of routes that return a table."""
_UTC = ZoneInfo("UTC")
_log = logging.getLogger("gridcover.requests")


class GeoJSONGeometry(BaseModel):
    """GeoJSON geometry, degrees (WGS 84)."""

    type: str
    coordinates: list[Any]


def geojson_geometry(geometry: shapely.Geometry) -> GeoJSONGeometry:
    """Return a geometry as GeoJSON, its coordinates to 1e-7 degrees (about 1 cm).

    Parameters
    ----------
    geometry : shapely.Geometry
        In EPSG:4326.

    Returns
    -------
    GeoJSONGeometry
        Of the same type.
    """
    rounded = shapely.set_precision(geometry, 1e-7, mode="pointwise")
    mapping = shapely.geometry.mapping(rounded)
    return GeoJSONGeometry(type=mapping["type"], coordinates=list(mapping["coordinates"]))


def geojson_response(frame: gpd.GeoDataFrame, *, digits: int) -> Response:
    """Return a frame as a feature collection; missing values are null.

    Parameters
    ----------
    frame : geopandas.GeoDataFrame
        In EPSG:4326.
    digits : int
        Decimals of the coordinates.

    Returns
    -------
    fastapi.Response
        Of media type `application/geo+json`.
    """
    texts = ",".join(features(frame, digits=digits, zone=_UTC))
    body = f'{{"type":"FeatureCollection","features":[{texts}]}}'
    return Response(body, media_type=GEOJSON_MEDIA)


def csv_response(rows: list[list[str]], name: str) -> Response:
    """Return rows as a CSV file in which no cell is a formula to a spreadsheet.

    Parameters
    ----------
    rows : list of list of str
        The header comes first.
    name : str
        Name of the file.

    Returns
    -------
    fastapi.Response
        UTF-8 with a byte-order mark, so that spreadsheets recognise the encoding.
    """
    text = io.StringIO()
    csv.writer(text).writerows([spreadsheet_safe(cell) for cell in row] for row in rows)
    return Response(
        text.getvalue().encode("utf-8-sig"),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def problem_response(status: int, title: str, detail: str) -> JSONResponse:
    """Return a failure as problem details (RFC 9457).

    Parameters
    ----------
    status : int
        HTTP status.
    title : str
        Kind of the failure.
    detail : str
        What happened and what to do.

    Returns
    -------
    fastapi.responses.JSONResponse
        Of media type `application/problem+json`.
    """
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
    )


def add_problem_handlers(
    app: FastAPI, *, unavailable: Callable[[Request], Response | None] = lambda _: None
) -> None:
    """Add exception handlers that return problem details.

    Parameters
    ----------
    app : fastapi.FastAPI
        The handlers are added to it.
    unavailable : callable, optional
        Returns the response to a request while the database does not respond; None for the
        problem details.
    """

    def _database_unavailable(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return unavailable(request) or database_unavailable_response()

    for kind in (
        psycopg.OperationalError,
        psycopg.InterfaceError,
        psycopg_pool.PoolTimeout,
        psycopg_pool.PoolClosed,
        ConnectorException,
    ):
        app.add_exception_handler(kind, _database_unavailable)
    app.add_exception_handler(psycopg.errors.QueryCanceled, _query_cancelled)
    app.add_exception_handler(psycopg.DataError, _invalid_value)
    app.add_exception_handler(UnicodeEncodeError, _invalid_value)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(StoreAwayError, _store_away)
    app.add_exception_handler(GridcoverError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid_request)


def database_unavailable_response() -> JSONResponse:
    """Return the problem details for a database that does not respond.

    Returns
    -------
    fastapi.responses.JSONResponse
        Of status 503.
    """
    return problem_response(
        503, "database unavailable", "The database does not answer; try again in a moment."
    )


def _store_away(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return problem_response(503, "database unavailable", str(error))


def _query_cancelled(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return problem_response(
        503, "took too long", "The database was not done in time; ask for less at once."
    )


def _refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return problem_response(400, "request refused", str(error))


def _http_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, HTTPException)  # noqa: S101
    title = HTTPStatus(error.status_code).phrase.lower()
    response = problem_response(error.status_code, title, str(error.detail))
    response.headers.update(error.headers or {})
    return response


def _invalid_request(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, RequestValidationError)  # noqa: S101
    detail = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return problem_response(422, "invalid request", detail)


def _invalid_value(request: Request, error: Exception) -> Response:
    # Routes check their values; one that only the database refuses is the sender's fault too.
    _log.warning("%s: a value was refused by the database: %s", request.url.path, error)
    return problem_response(
        422,
        "invalid request",
        "A value is out of range, or no text that can be stored; correct it.",
    )
