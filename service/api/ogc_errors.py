"""Errors of the OGC application as problem details."""

from __future__ import annotations

import asyncpg
import tipg.errors
from fastapi import FastAPI, Request, Response

from service.responses import database_unavailable_response, problem_response

_BAD_REQUEST = (
    tipg.errors.InvalidBBox,
    tipg.errors.InvalidDatetime,
    tipg.errors.InvalidLimit,
    tipg.errors.MissingGeometryColumn,
    tipg.errors.MissingDatetimeColumn,
    tipg.errors.MissingFunctionParameter,
    tipg.errors.NoPrimaryKey,
    ValueError,
    OverflowError,
    asyncpg.DataError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.InternalServerError,  # PostGIS cannot process the shapes of a filter
)
_NOT_FOUND = (
    tipg.errors.NotFound,
    tipg.errors.InvalidPropertyName,
    tipg.errors.InvalidGeometryColumnName,
    tipg.errors.InvalidDatetimeColumnName,
)
_DATABASE_UNAVAILABLE = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # the connection broke while it was being reset
    asyncpg.OperatorInterventionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,  # the disk or the memory is full
)


def add_ogc_error_handlers(app: FastAPI) -> None:
    """Add the handlers of errors of tipg and asyncpg to an application.

    Parameters
    ----------
    app : fastapi.FastAPI
        OGC application.
    """
    for kind in _BAD_REQUEST:
        app.add_exception_handler(kind, _refused)
    for kind in _NOT_FOUND:
        app.add_exception_handler(kind, _not_found)
    app.add_exception_handler(asyncpg.QueryCanceledError, _query_cancelled)
    for kind in _DATABASE_UNAVAILABLE:
        app.add_exception_handler(kind, _unavailable)


def _refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return problem_response(422, "request refused", _detail_of(error))


def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return problem_response(404, "not found", _detail_of(error))


def _query_cancelled(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return problem_response(
        503,
        "took too long",
        "The database was not done within 30 s; ask for less: a bbox, a filter, a smaller limit.",
    )


def _unavailable(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return database_unavailable_response()


def _detail_of(error: Exception) -> str:
    return (
        str(error).strip()
        or "The request cannot be answered; see the queryables of the collection."
    )
