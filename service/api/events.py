"""Live events for open maps, as server-sent events."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import StreamingResponse
from psycopg_pool import PoolTimeout
from starlette.concurrency import run_in_threadpool

from geo.store.connection import Conn
from geo.store.queries.live_events import CHANNEL, current_snapshot, read_events_since
from geo.store.queries.users import User
from geo.store.scope import set_scope
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn, identify
from service.dependencies import Deployment, acquire_connection
from service.policy import SecuredRoute, allow
from service.state import app_state

router = APIRouter(prefix="/api/v1", tags=["live"], route_class=SecuredRoute)
_POLICY = allow("coverage", "incidents", walls=True)
_log = logging.getLogger("gridcover.live")
_SNAPSHOT = re.compile(r"\d{1,20}:\d{1,20}:[\d,]{0,4000}")
MOST, MOST_EACH = 1000, 20
"""Streams at once, of all and of one visitor."""
_BEAT_S, _CHECK_S, _GATHER_S = 15.0, 30.0, 0.2


class NotificationListener:
    """Hears PostgreSQL's notifications over one connection, and wakes whoever follows."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.following: dict[str, int] = {}
        self.closing = False

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Listen no more, and let every stream end."""
        self.closing = True
        self._ring()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait(self, seconds: float) -> None:
        """Until something happened, or some seconds passed."""
        rung = self._rung
        try:
            await asyncio.wait_for(rung.wait(), seconds)
        except TimeoutError:
            return

    def _ring(self) -> None:
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo,
                    autocommit=True,
                    connect_timeout=5,
                    application_name="gridcover-live",
                ) as conn:
                    await conn.execute(f"LISTEN {CHANNEL}")
                    # What came while nobody listened is found by those who look now.
                    self._ring()
                    async for _ in conn.notifies():
                        self._ring()
            except (psycopg.Error, OSError) as error:
                _log.warning("not listening, trying again: %s", error)
            await asyncio.sleep(1.0)


@router.get(
    "/live",
    dependencies=[_POLICY],
    response_class=StreamingResponse,
    responses={200: {"description": "server-sent events", "content": {"text/event-stream": {}}}},
)
async def follow_events(
    request: Request,
    settings: Deployment,
    user: SignedIn,
    last: Annotated[str | None, Header(alias="Last-Event-ID", max_length=5000)] = None,
) -> StreamingResponse:
    """Events as they happen: `incident`, `status` of a camera, `many` (look anew at a whole layer).

    Each carries an id; a client that comes back with it in `Last-Event-ID` gets what it missed within the
    last hour.
    """
    bell: NotificationListener = app_state(request).notifications
    kinds = ["many"]
    if "incidents" in rights_of(user):
        kinds.append("incident")
    if "coverage" in rights_of(user) and user.role not in settings.coarse_roles:
        kinds.append("status")
    if sum(bell.following.values()) >= MOST or bell.following.get(user.name, 0) >= MOST_EACH:
        raise HTTPException(
            429, "Too many maps follow already; close one of yours.", headers={"Retry-After": "30"}
        )
    seen = last if last and _SNAPSHOT.fullmatch(last) else None
    return StreamingResponse(
        _stream(request, user, kinds, seen), media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )  # fmt: skip


async def _stream(
    request: Request, user: User, kinds: list[str], seen: str | None
) -> AsyncIterator[str]:
    bell: NotificationListener = app_state(request).notifications
    loop = asyncio.get_running_loop()
    bell.following[user.name] = bell.following.get(user.name, 0) + 1
    checked = loop.time()
    try:
        yield "retry: 2000\n\n"
        while not bell.closing:
            if loop.time() - checked > _CHECK_S:
                # A session that ended since gets nothing more.
                checked = loop.time()
                if await run_in_threadpool(identify, request, _POLICY.dependency) is None:
                    return
            try:
                state = app_state(request)
                async with acquire_connection(state.read_slots, state.read_pool) as conn:
                    rows, seen = await run_in_threadpool(_look, conn, user, seen, kinds)
            except (psycopg.Error, PoolTimeout):
                yield ": the database does not answer\n\n"
                await asyncio.sleep(2.0)
                continue
            for row in rows:
                yield _event(row)
            # Said after its events: a client that was cut off between gets them again, not never.
            yield f"id: {seen}\ndata:\n\n" if rows else ": beat\n\n"
            await bell.wait(_BEAT_S)
            await asyncio.sleep(_GATHER_S)
    finally:
        left = bell.following.get(user.name, 1) - 1
        if left > 0:
            bell.following[user.name] = left
        else:
            bell.following.pop(user.name, None)


def _look(
    conn: Conn, user: User, seen: str | None, kinds: list[str]
) -> tuple[list[dict[str, Any]], str]:
    set_scope(conn, user.areas)
    if seen is None:
        return [], current_snapshot(conn)
    return read_events_since(conn, seen, kinds)


def _event(row: dict[str, Any]) -> str:
    told = {"at": row["at"].isoformat(), "lon": row["lon"], "lat": row["lat"], **row["detail"]}
    return f"event: {row['kind']}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n"
