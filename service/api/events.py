"""Live events for open maps, as server-sent events (SSE)."""

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
from geo.store.queries.live_events import CHANNEL, read_events_since, read_snapshot
from geo.store.queries.users import User
from geo.store.scope import set_scope
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn, identify
from service.dependencies import Deployment, acquire_connection
from service.policy import SecuredRoute, allow
from service.state import app_state

router = APIRouter(prefix="/api/v1", tags=["events"], route_class=SecuredRoute)
_POLICY = allow("coverage", "incidents", video_wall=True)
_log = logging.getLogger("gridcover.live")
_SNAPSHOT = re.compile(r"\d{1,20}:\d{1,20}:[\d,]{0,4000}")
MAX_STREAMS, MAX_STREAMS_PER_USER = 1000, 20
"""Open streams, in total and of one account."""
_HEARTBEAT_S, _SESSION_CHECK_S, _BATCH_S = 15.0, 30.0, 0.2


class NotificationListener:
    """Listens to notifications of PostgreSQL on one connection and wakes the streams.

    Parameters
    ----------
    conninfo : str
        Connection string of the database.

    Attributes
    ----------
    streams : dict of str to int
        Open streams by account.
    closing : bool
        Whether the application is shutting down; streams end.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._notified = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.streams: dict[str, int] = {}
        self.closing = False

    def start(self) -> None:
        """Start to listen."""
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop to listen and end every stream."""
        self.closing = True
        self._notify()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait(self, seconds: float) -> None:
        """Wait for a notification.

        Parameters
        ----------
        seconds : float
            Longest time to wait.
        """
        notified = self._notified
        try:
            await asyncio.wait_for(notified.wait(), seconds)
        except TimeoutError:
            return

    def _notify(self) -> None:
        notified, self._notified = self._notified, asyncio.Event()
        notified.set()

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
                    # Streams read the events that came while the connection was down.
                    self._notify()
                    async for _ in conn.notifies():
                        self._notify()
            except (psycopg.Error, OSError) as error:
                _log.warning("not listening, trying again: %s", error)
            await asyncio.sleep(1.0)


@router.get(
    "/events",
    dependencies=[_POLICY],
    response_class=StreamingResponse,
    responses={200: {"description": "Server-sent events.", "content": {"text/event-stream": {}}}},
)
async def stream_events(
    request: Request,
    settings: Deployment,
    user: SignedIn,
    last_event_id: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            max_length=5000,
            description="Identifier of the last event received; missed events are sent first.",
        ),
    ] = None,
) -> StreamingResponse:
    """Stream events: `incident`, `status` (of a camera), `many` (reload a layer).

    Events have an identifier; a client that connects again with it in `Last-Event-ID` receives
    what it missed in the last hour.
    """
    listener: NotificationListener = app_state(request).notifications
    kinds = ["many"]
    if "incidents" in rights_of(user):
        kinds.append("incident")
    if "coverage" in rights_of(user) and user.role not in settings.coarse_roles:
        kinds.append("status")
    streams = listener.streams
    if sum(streams.values()) >= MAX_STREAMS or streams.get(user.name, 0) >= MAX_STREAMS_PER_USER:
        raise HTTPException(
            429,
            "Too many maps receive live events; close one of yours.",
            headers={"Retry-After": "30"},
        )
    is_valid = last_event_id and _SNAPSHOT.fullmatch(last_event_id)
    snapshot = last_event_id if is_valid else None
    return StreamingResponse(
        _stream(request, user, kinds, snapshot),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(
    request: Request, user: User, kinds: list[str], snapshot: str | None
) -> AsyncIterator[str]:
    listener: NotificationListener = app_state(request).notifications
    loop = asyncio.get_running_loop()
    streams = listener.streams
    streams[user.name] = streams.get(user.name, 0) + 1
    checked = loop.time()
    try:
        yield "retry: 2000\n\n"
        while not listener.closing:
            if loop.time() - checked > _SESSION_CHECK_S:
                # A session that ended meanwhile gets nothing more.
                checked = loop.time()
                if await run_in_threadpool(identify, request, _POLICY.dependency) is None:
                    return
            try:
                state = app_state(request)
                async with acquire_connection(state.read_slots, state.read_pool) as conn:
                    rows, snapshot = await run_in_threadpool(
                        _read_events, conn, user, snapshot, kinds
                    )
            except (psycopg.Error, PoolTimeout):
                yield ": the database does not answer\n\n"
                await asyncio.sleep(2.0)
                continue
            for row in rows:
                yield _event(row)
            # The identifier follows its events: a client cut off in between gets them again.
            yield f"id: {snapshot}\ndata:\n\n" if rows else ": beat\n\n"
            await listener.wait(_HEARTBEAT_S)
            await asyncio.sleep(_BATCH_S)
    finally:
        others = streams.get(user.name, 1) - 1
        if others > 0:
            streams[user.name] = others
        else:
            streams.pop(user.name, None)


def _read_events(
    conn: Conn, user: User, snapshot: str | None, kinds: list[str]
) -> tuple[list[dict[str, Any]], str]:
    set_scope(conn, user.areas)
    if snapshot is None:
        return [], read_snapshot(conn)
    return read_events_since(conn, snapshot, kinds)


def _event(row: dict[str, Any]) -> str:
    data = {"at": row["at"].isoformat(), "lon": row["lon"], "lat": row["lat"], **row["detail"]}
    return f"event: {row['kind']}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
