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

_LONGEST_WAIT_S = 10.0


async def connection(request: Request, user: Visitor) -> AsyncIterator[Conn]:
    """A read-only connection from the pool, to the rows of the visitor's areas and no others."""
    areas = user.areas if user is not None else ()
    async with acquire_connection(
        app_state(request).read_slots, app_state(request).read_pool
    ) as conn:
        await run_in_threadpool(set_scope, conn, areas)
        yield conn


@asynccontextmanager
async def acquire_connection(
    turns: asyncio.Semaphore, pool: ConnectionPool[Conn]
) -> AsyncIterator[Conn]:
    """A connection when it is one's turn."""
    # Waiting takes no thread: those that hold a connection need one to go on and give it back.
    try:
        await asyncio.wait_for(turns.acquire(), _LONGEST_WAIT_S)
    except TimeoutError as error:
        raise PoolTimeout("no connection came free in time") from error
    try:
        async with contextmanager_in_threadpool(pool.connection()) as conn:
            yield conn
    finally:
        turns.release()


def settings(request: Request) -> Settings:
    """The deployment's settings."""
    found: Settings = app_state(request).settings
    return found


def language(
    request: Request, lang: Annotated[str | None, Query(description="zh or en")] = None
) -> str:
    """The language: asked for, else what the browser prefers, else the deployment's."""
    if lang and lang.lower().split("-")[0] in ("zh", "en"):
        return lang.lower().split("-")[0]
    wanted: list[tuple[float, int, str]] = []
    for position, part in enumerate(request.headers.get("accept-language", "").split(",")):
        name, _, weight = part.strip().partition(";q=")
        code = name.lower().split("-")[0]
        if code in ("zh", "en"):
            try:
                wanted.append((-float(weight or 1), position, code))
            except ValueError:
                continue
    if wanted:
        return min(wanted)[2]
    default: str = app_state(request).settings.language
    return default


async def writing(request: Request) -> AsyncIterator[Conn]:
    """A connection that may write; committed by the route, rolled back where it fails."""
    state = app_state(request)
    async with acquire_connection(state.write_slots, state.write_pool) as conn:
        yield conn


async def body(request: Request) -> bytes:
    """Return the body of a request; its route's policy bounds its size."""
    return await request.body()


def newest_run(conn: Conn) -> Run:
    """The newest run; 404 where there is none yet."""
    run = read_latest_run(conn)
    if run is None:
        raise HTTPException(404, "There are no results yet; run `gridcover refresh`.")
    return run


# Given back before the answer is sent: a commit that fails can still become a 503.
Connection = Annotated[Conn, Depends(connection, scope="function")]
Writing = Annotated[Conn, Depends(writing, scope="function")]
Body = Annotated[bytes, Depends(body)]
Deployment = Annotated[Settings, Depends(settings)]
Language = Annotated[str, Depends(language)]
