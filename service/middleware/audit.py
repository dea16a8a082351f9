"""Audit middleware: entries are committed before a response is sent."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import psycopg
from fastapi import Request
from psycopg_pool import ConnectionPool
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from geo.maps.language import texts
from geo.store.audit_actions import AuditAction
from geo.store.audit_seal import AuditSeal
from geo.store.connection import Conn
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.users import User
from service.auth.sessions import client_address
from service.policy import AuditRule, Policy
from service.responses import problem_response
from service.state import AppState, app_state

_log = logging.getLogger("gridcover.access")
_BATCH = 500
"""Most entries in one transaction."""


class AuditWriter:
    """Writer of audit entries: in order, many in one transaction, each confirmed separately.

    Parameters
    ----------
    pool : ConnectionPool
        Connections that may write.
    seal : AuditSeal
        Copy of the head of the log outside the database.
    """

    def __init__(self, pool: ConnectionPool[Conn], seal: AuditSeal) -> None:
        self._pool = pool
        self._seal = seal
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, **entry: Any) -> None:
        """Write an entry and return when it is committed.

        Parameters
        ----------
        **entry : Any
            Arguments of `append_audit_entry`.

        Raises
        ------
        psycopg.Error
            If it cannot be written.
        psycopg_pool.PoolTimeout
            If there is no connection to write it.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            try:
                errors = await run_in_threadpool(self._commit, [entry for entry, _ in batch])
            except Exception as error:  # noqa: BLE001
                errors = [error] * len(batch)
            for (_, done), failure in zip(batch, errors, strict=True):
                if failure is not None:
                    _log.warning("audit entry not written, response withheld: %s", failure)
                if done.done():
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)

    def _commit(self, entries: list[dict[str, Any]]) -> list[Exception | None]:
        """Write entries together; if one is refused, each separately, so that only it fails."""
        with self._pool.connection() as conn:
            try:
                with conn.transaction():
                    for entry in entries:
                        append_audit_entry(conn, **entry)
            except psycopg.OperationalError:
                raise
            except Exception:  # noqa: BLE001
                failures = [self._commit_one(conn, entry) for entry in entries]
            else:
                failures = [None] * len(entries)
            self._seal.update(conn)
        return failures

    @staticmethod
    def _commit_one(conn: Conn, entry: dict[str, Any]) -> Exception | None:
        try:
            with conn.transaction():
                append_audit_entry(conn, **entry)
        except psycopg.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001
            return error
        return None


_TILE = re.compile(
    r"/tiles/(?P<layer>[\w-]+)/\d+/|/ogc/collections/(?P<collection>[\w-]+)/tiles/\w+/\d+/"
)
_SAMPLING_S = 600.0
"""Seconds for which one entry stands for repeated requests."""
_SHOWN = frozenset({200, 304})
"""Statuses of responses that show something."""


class AuditMiddleware:
    """Middleware that records who saw what, as the policy of the route says, before it is sent.

    Parameters
    ----------
    app : ASGIApp
        Application.
    language : str
        Language of the message if the entry cannot be written.
    """

    def __init__(self, app: ASGIApp, language: str) -> None:
        self.app = app
        self.language = language
        self._sampled: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_withheld = False
        # A mounted application replaces `app` in the scope when it is called.
        state = app_state(Request(scope))

        async def _record_and_send(message: Message) -> None:
            nonlocal is_withheld
            if message["type"] == "http.response.start":
                is_withheld = not await self._record(state, Request(scope), message["status"])
                if is_withheld:
                    # What cannot be recorded is not shown.
                    response = problem_response(
                        503, "not recorded", texts(self.language)["error_database"]
                    )
                    await response(scope, receive, send)
            if not is_withheld:
                await send(message)

        await self.app(scope, receive, _record_and_send)

    async def _record(self, state: AppState, request: Request, status: int) -> bool:
        """Write the entry of a request; return whether the response may be sent."""
        user: User | None = getattr(request.state, "user", None)
        policy: Policy | None = getattr(request.state, "policy", None)
        if user is None or policy is None or status >= 500 or not _is_recorded(policy, status):
            return True
        path, query = request.scope["path"], request.url.query
        sample = _sample_of(request, policy)
        if sample == "base":
            return True
        now, key = state.clock(), None
        if sample is not None:
            # The entry of a refusal does not stand for a response that shows something.
            shown = status in _SHOWN
            path, query = sample, ""
            key = f"{user.id} {user.csrf or user.name} {sample} {shown}"
            if now - self._sampled.get(key, -_SAMPLING_S) < _SAMPLING_S:
                return True
            for old in [k for k, at in self._sampled.items() if now - at >= _SAMPLING_S]:
                del self._sampled[old]
        try:
            await state.audit_writer.add(
                actor=user.name,
                role=user.role,
                address=client_address(request),
                action=AuditAction.VIEWED if request.method == "GET" else AuditAction.REQUESTED,
                object_=path,
                detail={"query": query, "status": status},
            )
        except Exception:  # noqa: BLE001
            return False
        if key:
            self._sampled[key] = now
        return True


def _is_recorded(policy: Policy, status: int) -> bool:
    """Return whether a response is recorded here; a refusal always is."""
    return policy.audit in (AuditRule.VIEW, AuditRule.SAMPLED) or status in (401, 403)


def _sample_of(request: Request, policy: Policy) -> str | None:
    """Return the path that an entry stands for if it stands for many requests."""
    if policy.audit is not AuditRule.SAMPLED:
        return None
    path: str = request.scope["path"]
    if request.method != "GET":
        return path
    tile = _TILE.match(path)
    if tile is None:
        return None
    layer = tile["layer"] or tile["collection"]
    return "base" if layer == "base" else f"/tiles/{layer}"
