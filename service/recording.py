"""The record of who looked: entries of many requests committed together, before any is answered."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from psycopg_pool import ConnectionPool
from starlette.concurrency import run_in_threadpool

from geo.store import audit
from geo.store.database import Conn

_log = logging.getLogger("gridcover.access")
_MOST = 500
"""Entries in one transaction."""


class Recorder:
    """Writes entries in the order in which they come, and tells each when it is committed."""

    def __init__(self, pool: ConnectionPool[Conn]) -> None:
        self._pool = pool
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def add(self, **entry: Any) -> None:
        """Put an entry on record; returns when it is there.

        Raises
        ------
        psycopg.Error, psycopg_pool.PoolTimeout : it is not.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            now, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                await run_in_threadpool(self._commit, [entry for entry, _ in now])
            except Exception as error:  # noqa: BLE001
                _log.warning("not recorded, not shown: %s", error)
                for _, done in now:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in now:
                    if not done.done():
                        done.set_result(None)

    def _commit(self, entries: list[dict[str, Any]]) -> None:
        with self._pool.connection() as conn:
            for entry in entries:
                audit.write(conn, **entry)
