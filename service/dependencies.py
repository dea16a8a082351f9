"""Dependencies of routes: a connection, the settings, the language."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, HTTPException, Query, Request
from fastapi.concurrency import contextmanager_in_threadpool
from psycopg_pool import ConnectionPool, PoolTimeout
from starlette.concurrency import run_in_threadpool

from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.runs import Run, read_latest_run
from geo.store.scope import set_scope
from service.auth.sessions import Visitor
from service.state import app_state

_MAX_WAIT_S = 10.0
_LANGUAGES = ("zh", "en")


async def connection(request: Request, user: Visitor) -> AsyncIterator[Conn]:
    """Open a read-only connection that sees the rows of the user's areas and no others.

    Parameters
    ----------
    request : Request
        Any request.
    user : User or None
        User of the request; None sees no row.

    Yields
    ------
    psycopg.Connection
        Connection of the reading role.
    """
    areas = user.areas if user is not None else ()
    state = app_state(request)
    async with acquire_connection(state.read_slots, state.read_pool) as conn:
        await run_in_threadpool(set_scope, conn, areas)
        yield conn


@asynccontextmanager
async def acquire_connection(
    slots: asyncio.Semaphore, pool: ConnectionPool[Conn]
) -> AsyncIterator[Conn]:
    """Open a connection of a pool when a slot is free.

    Waiting takes no thread: requests that hold a connection need threads to continue.

    Parameters
    ----------
    slots : asyncio.Semaphore
        One slot for each connection of the pool.
    pool : ConnectionPool
        Pool of the connections.

    Yields
    ------
    psycopg.Connection
        Connection, returned to the pool at the end of the block.

    Raises
    ------
    PoolTimeout
        If no slot is free within 10 s.
    """
    try:
        await asyncio.wait_for(slots.acquire(), _MAX_WAIT_S)
    except TimeoutError as error:
        raise PoolTimeout("no connection came free in time") from error
    try:
        async with contextmanager_in_threadpool(pool.connection()) as conn:
            yield conn
    finally:
        slots.release()


def settings(request: Request) -> Settings:
    """Return the settings of the deployment.

    Parameters
    ----------
    request : Request
        Any request.

    Returns
    -------
    Settings
        Settings with which the application was built.
    """
    return app_state(request).settings


def language(
    request: Request, lang: Annotated[str | None, Query(description="zh or en")] = None
) -> str:
    """Return the language of a response.

    Parameters
    ----------
    request : Request
        Request with the header `Accept-Language`, if the browser sends it.
    lang : str, optional
        Language of the query; goes before that of the browser.

    Returns
    -------
    str
        `zh` or `en`; that of the deployment if neither is preferred.
    """
    code = _language_code(lang or "")
    if code in _LANGUAGES:
        return code
    preferences: list[tuple[float, int, str]] = []
    for position, part in enumerate(request.headers.get("accept-language", "").split(",")):
        name, _, weight = part.strip().partition(";q=")
        code = _language_code(name)
        if code in _LANGUAGES:
            try:
                preferences.append((-float(weight or 1), position, code))
            except ValueError:
                continue
    if preferences:
        return min(preferences)[2]
    return app_state(request).settings.language


def _language_code(tag: str) -> str:
    return tag.lower().split("-")[0]


async def writing(request: Request) -> AsyncIterator[Conn]:
    """Open a connection that may write.

    Parameters
    ----------
    request : Request
        Any request.

    Yields
    ------
    psycopg.Connection
        Connection that the route commits; rolled back if the route fails.
    """
    state = app_state(request)
    async with acquire_connection(state.write_slots, state.write_pool) as conn:
        yield conn


async def body(request: Request) -> bytes:
    """Return the body of a request.

    Parameters
    ----------
    request : Request
        Request of a route whose policy limits the size of the body.

    Returns
    -------
    bytes
        The whole body.
    """
    return await request.body()


def newest_run(conn: Conn) -> Run:
    """Return the newest run.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection.

    Returns
    -------
    Run
        Run that finished last.

    Raises
    ------
    HTTPException
        404 if there is none yet.
    """
    run = read_latest_run(conn)
    if run is None:
        raise HTTPException(404, "There are no results yet; run `gridcover refresh`.")
    return run


# Returned before the response is sent: a commit that fails can still become a 503.
Connection = Annotated[Conn, Depends(connection, scope="function")]
Writing = Annotated[Conn, Depends(writing, scope="function")]
Body = Annotated[bytes, Depends(body)]
Deployment = Annotated[Settings, Depends(settings)]
Language = Annotated[str, Depends(language)]
