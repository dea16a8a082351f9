"""Audit middleware: entries are committed before anything is shown."""

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
_MOST = 500
"""Entries in one transaction."""


class AuditWriter:
    """Writes entries in the order in which they come, many in one transaction, and answers each.

    Parameters
    ----------
    pool : ConnectionPool
        Of connections that may write.
    seal : AuditSeal
        Keeps the head of the log outside the database.
    """

    def __init__(self, pool: ConnectionPool[Conn], seal: AuditSeal) -> None:
        self._pool = pool
        self._seal = seal
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, **entry: Any) -> None:
        """Write an entry; return when it is committed.

        Raises
        ------
        psycopg.Error, psycopg_pool.PoolTimeout
            It is not.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                errors = await run_in_threadpool(self._commit, [entry for entry, _ in batch])
            except Exception as error:  # noqa: BLE001
                errors = [error] * len(batch)
            for (_, done), failure in zip(batch, errors, strict=True):
                if failure is not None:
                    _log.warning("not recorded, not shown: %s", failure)
                if done.done():
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)

    def _commit(self, entries: list[dict[str, Any]]) -> list[Exception | None]:
        """Write entries together; where one is refused, each by itself, so that it fails alone."""
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
_PAUSE_S = 600.0
_SHOWN = frozenset({200, 304})


class AuditMiddleware:
    """Writes who saw what to the audit log before it is shown, as the policy of the route says."""

    def __init__(self, app: ASGIApp, language: str) -> None:
        self.app = app
        self.language = language
        self._sampled: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = False
        # An application that is mounted puts itself in place of ours once it is called.
        state = app_state(Request(scope))

        async def recorded(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = not await self._record(state, Request(scope), message["status"])
                if refused:
                    # Who looked must be on record: what cannot be recorded is not shown.
                    answer = problem_response(
                        503, "not recorded", texts(self.language)["error_database"]
                    )
                    await answer(scope, receive, send)
            if not refused:
                await send(message)

        await self.app(scope, receive, recorded)

    async def _record(self, state: AppState, request: Request, status: int) -> bool:
        """Write the entry of a request; return whether it may be answered."""
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
            # A refusal is no sight: it must not stand for what is shown after it.
            shown = status in _SHOWN
            path, query = sample, ""
            key = f"{user.id} {user.csrf or user.name} {sample} {shown}"
            if now - self._sampled.get(key, -_PAUSE_S) < _PAUSE_S:
                return True
            for old in [k for k, at in self._sampled.items() if now - at >= _PAUSE_S]:
                del self._sampled[old]
        try:
            await state.audit_writer.add(
                actor=user.name, role=user.role, address=client_address(request),
                action=AuditAction.VIEWED if request.method == "GET" else AuditAction.REQUESTED,
                object_=path, detail={"query": query, "status": status},
            )  # fmt: skip
        except Exception:  # noqa: BLE001
            return False
        if key:
            self._sampled[key] = now
        return True


def _is_recorded(policy: Policy, status: int) -> bool:
    """Return whether an answer is recorded here; a refusal always is."""
    return policy.audit in (AuditRule.VIEW, AuditRule.SAMPLED) or status in (401, 403)


def _sample_of(request: Request, policy: Policy) -> str | None:
    """Return what an entry stands for where it stands for many requests."""
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
