"""Responses cached in memory as long as the data they show stays the same."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.tiles import read_layer_versions
from geo.store.queries.users import User
from geo.store.scope import set_scope
from service.auth.sessions import COOKIE, identify
from service.dependencies import acquire_connection
from service.state import app_state

if TYPE_CHECKING:
    from service.policy import Policy


RESULTS = ("results", "grids", "areas")
"""What responses of computed figures depend on: the results, and who sees which row of them."""
_MAX_BYTES = 256 << 20
_SURE_S, _SAME_S = 5.0, 1.0
"""How long a session is taken for good, and the registers' versions for the same."""


class ResponseCache:
    """Answers by who may see them, those used last kept up to a size; each is made once at a time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers: OrderedDict[tuple[Any, ...], tuple[str, tuple[bytes, str]]] = OrderedDict()
        self._size = 0
        self._making: dict[tuple[Any, ...], asyncio.Future[tuple[bytes, str]]] = {}
        self._users: dict[str, tuple[float, User]] = {}
        self._versions: tuple[dict[str, str], float] = ({}, -_SAME_S)
        # One looks, the others wait for what it finds.
        self._looking = asyncio.Lock()

    async def user(self, request: Request, policy: Policy) -> User | None:
        """Who asks, found out anew every few seconds."""
        said = request.cookies.get(COOKIE) or request.headers.get("authorization") or ""
        secret = hashlib.sha256(said.encode()).hexdigest()
        known = self._users.get(secret)
        if known is None or self._clock() - known[0] >= _SURE_S:
            async with self._looking:
                known = self._users.get(secret)
                now = self._clock()
                if known is None or now - known[0] >= _SURE_S:
                    found = await run_in_threadpool(identify, request, policy)
                    if found is None:
                        return None
                    for old in [key for key, (at, _) in self._users.items() if now - at >= _SURE_S]:
                        del self._users[old]
                    known = self._users[secret] = (now, found)
        return known[1]

    async def version(self, request: Request, rests_on: tuple[str, ...]) -> str:
        """What some registers and results are at, looked at once a second."""
        if self._clock() - self._versions[1] >= _SAME_S:
            async with self._looking:
                if self._clock() - self._versions[1] >= _SAME_S:
                    async with acquire_connection(
                        app_state(request).read_slots, app_state(request).read_pool
                    ) as conn:
                        told = await run_in_threadpool(read_layer_versions, conn)
                    self._versions = (told, self._clock())
        return "-".join(self._versions[0].get(name, "") for name in rests_on)

    async def get(self, key: tuple[Any, ...], make: Callable[[], Any]) -> tuple[bytes, str]:
        """A body (gzip) and its tag, made by `make` unless it is there.

        The key ends in the version: an answer of an older one goes when its place is taken.
        """
        found = self._found(key)
        if found is not None:
            return found
        if key in self._making:
            return await asyncio.shield(self._making[key])
        making: asyncio.Future[tuple[bytes, str]] = asyncio.get_running_loop().create_future()
        self._making[key] = making
        try:
            data = await make()
            packed = gzip.compress(data, 5, mtime=0) if data else b""
            found = (packed, f'"{hashlib.sha256(data).hexdigest()[:24]}"')
        except BaseException as error:
            making.set_exception(error)
            making.exception()  # told to whoever waits, and no complaint where nobody does
            raise
        finally:
            del self._making[key]
        making.set_result(found)
        old = self._answers.pop(key[:-1], None)
        self._answers[key[:-1]] = (key[-1], found)
        self._size += len(found[0]) - (len(old[1][0]) if old else 0)
        while self._size > _MAX_BYTES:
            _, (_, (gone, _)) = self._answers.popitem(last=False)
            self._size -= len(gone)
        return found

    def _found(self, key: tuple[Any, ...]) -> tuple[bytes, str] | None:
        at = self._answers.get(key[:-1])
        if at is None or at[0] != key[-1]:
            return None
        self._answers.move_to_end(key[:-1])
        return at[1]


async def cached_response(
    request: Request, user: User, name: tuple[Any, ...], rests_on: tuple[str, ...],
    make: Callable[[Conn], bytes], media: str,
) -> Response:  # fmt: skip
    """An answer out of memory, or made by `make` on a connection of the visitor's scope.

    Parameters
    ----------
    name : what is asked for; by areas and coarseness it is told apart here.
    rests_on : tables of registers and `results`: it is made anew when one of them changed.
    """
    state = app_state(request)
    settings: Settings = state.settings
    kept: ResponseCache = state.cache
    version = await kept.version(request, rests_on)

    def scoped(conn: Conn) -> bytes:
        set_scope(conn, user.areas)
        return make(conn)

    async def made() -> bytes:
        async with acquire_connection(state.read_slots, state.read_pool) as conn:
            return await run_in_threadpool(scoped, conn)

    coarse = user.role in settings.coarse_roles
    data, tag = await kept.get((user.areas, coarse, *name, version), made)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Cookie, Authorization"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if data:
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            data = gzip.decompress(data)
    return Response(data, media_type=media, headers=headers)
