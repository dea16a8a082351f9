"""Frames and failures as answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
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

_UTC = ZoneInfo("UTC")
_log = logging.getLogger("gridcover.requests")


def geojson(frame: gpd.GeoDataFrame, *, digits: int) -> Response:
    """A feature collection; missing values are null, coordinates in `digits` decimals."""
    told = ",".join(features(frame, digits=digits, zone=_UTC))
    body = f'{{"type":"FeatureCollection","features":[{told}]}}'
    return Response(body, media_type="application/geo+json")


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """A failure as problem details (RFC 9457)."""
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
    )


def add_problems(
    app: FastAPI, *, unavailable: Callable[[Request], Response | None] = lambda _: None
) -> None:
    """Answer failures as problem details.

    Parameters
    ----------
    unavailable : what to answer in their place to some requests while the database does not.
    """

    def database(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return unavailable(request) or problem(
            503, "database unavailable", "The database does not answer; try again in a moment."
        )

    def not_now(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem(503, "database unavailable", str(error))

    def late(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem(
            503, "took too long", "The database was not done in time; ask for less at once."
        )

    def refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem(400, "request refused", str(error))

    def told(request: Request, error: Exception) -> Response:  # noqa: ARG001
        assert isinstance(error, HTTPException)  # noqa: S101
        title = HTTPStatus(error.status_code).phrase.lower()
        answer = problem(error.status_code, title, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    def invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001
        assert isinstance(error, RequestValidationError)  # noqa: S101
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return problem(422, "invalid request", said)

    def unusable(request: Request, error: Exception) -> Response:
        # Every value is checked at the edge; one that the database refuses all the same is the sender's.
        _log.warning("%s: a value was refused by the database: %s", request.url.path, error)
        return problem(
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
