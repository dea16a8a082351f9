"""Responses, users and versions of layers in memory."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

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
_IDENTITY_S, _VERSIONS_S = 5.0, 1.0
"""Seconds for which a user, and the versions of the layers, are not read again."""

Entry = tuple[bytes, str]
"""Compressed body of a response and its ETag."""


class IdentityCache:
    """Users of sessions and tokens, each read again after a few seconds.

    Parameters
    ----------
    clock : callable
        Returns seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._users: dict[str, tuple[float, User]] = {}
        # One request reads, the others wait for its result.
        self._reading = asyncio.Lock()

    async def user(self, request: Request, policy: Policy) -> User | None:
        """Return the user of a request, at most five seconds old.

        Parameters
        ----------
        request : Request
            Any request.
        policy : Policy
            Policy of the route.

        Returns
        -------
        User or None
            None if there is no valid session and no token.

        Raises
        ------
        HTTPException
            401 if there is a token that is not valid.
        """
        secret = request.cookies.get(COOKIE) or request.headers.get("authorization") or ""
        key = hashlib.sha256(secret.encode()).hexdigest()
        cached = self._users.get(key)
        if cached is not None and self._clock() - cached[0] < _IDENTITY_S:
            return cached[1]
        async with self._reading:
            cached = self._users.get(key)
            now = self._clock()
            if cached is not None and now - cached[0] < _IDENTITY_S:
                return cached[1]
            user = await run_in_threadpool(identify, request, policy)
            if user is None:
                return None
            for expired in [k for k, (at, _) in self._users.items() if now - at >= _IDENTITY_S]:
                del self._users[expired]
            self._users[key] = (now, user)
            return user


class LayerVersions:
    """Versions of registers and results, read again after a second.

    Parameters
    ----------
    clock : callable
        Returns seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._versions: dict[str, str] = {}
        self._read_at = -_VERSIONS_S
        self._reading = asyncio.Lock()

    async def version(self, request: Request, layers: tuple[str, ...]) -> str:
        """Return a text that changes when one of some layers changes.

        Parameters
        ----------
        request : Request
            Any request.
        layers : tuple of str
            Tables of registers, and `results`.

        Returns
        -------
        str
            Versions of the layers, joined.
        """
        if self._is_expired():
            async with self._reading:
                if self._is_expired():
                    state = app_state(request)
                    async with acquire_connection(state.read_slots, state.read_pool) as conn:
                        self._versions = await run_in_threadpool(read_layer_versions, conn)
                    self._read_at = self._clock()
        return "-".join(self._versions.get(name, "") for name in layers)

    def _is_expired(self) -> bool:
        return self._clock() - self._read_at >= _VERSIONS_S


class ResponseCache:
    """Compressed responses by key, those used last kept up to a total size.

    A response that several requests need at once is made once.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[Any, ...], tuple[str, Entry]] = OrderedDict()
        self._size = 0
        self._making: dict[tuple[Any, ...], asyncio.Future[Entry]] = {}

    async def get(self, key: tuple[Any, ...], make: Callable[[], Awaitable[bytes]]) -> Entry:
        """Return a response from memory, or make it.

        Parameters
        ----------
        key : tuple
            Key of the response; its last item is the version. A response replaces that of an older
            version.
        make : callable
            Returns an awaitable of the uncompressed body.

        Returns
        -------
        body : bytes
            Body, compressed by gzip; empty if the body is empty.
        tag : str
            ETag of the body.
        """
        name, version = key[:-1], key[-1]
        stored = self._entries.get(name)
        if stored is not None and stored[0] == version:
            self._entries.move_to_end(name)
            return stored[1]
        if key in self._making:
            return await asyncio.shield(self._making[key])
        making: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._making[key] = making
        try:
            data = await make()
            body = gzip.compress(data, 5, mtime=0) if data else b""
            entry = (body, f'"{hashlib.sha256(data).hexdigest()[:24]}"')
        except BaseException as error:
            making.set_exception(error)
            making.exception()  # marks it as retrieved: possibly no other request waits for it
            raise
        finally:
            del self._making[key]
        making.set_result(entry)
        self._store(name, version, entry)
        return entry

    def _store(self, name: tuple[Any, ...], version: str, entry: Entry) -> None:
        replaced = self._entries.pop(name, None)
        self._entries[name] = (version, entry)
        self._size += len(entry[0]) - (len(replaced[1][0]) if replaced else 0)
        while self._size > _MAX_BYTES:
            _, (_, (body, _)) = self._entries.popitem(last=False)
            self._size -= len(body)


async def cached_response(
    request: Request,
    user: User,
    name: tuple[Any, ...],
    depends_on: tuple[str, ...],
    make: Callable[[Conn], bytes],
    media: str,
) -> Response:
    """Return a response from memory, or make it within the scope of the user.

    Parameters
    ----------
    request : Request
        Request that is answered.
    user : User
        User of the request.
    name : tuple
        Name of the response with its parameters. Users with other areas, or who see positions of
        cameras only coarsely, get other responses of the same name.
    depends_on : tuple of str
        Tables of registers, and `results`; the response is made again when one of them changed.
    make : callable
        Takes a connection that reads within the scope of the user; returns the body.
    media : str
        Media type of the body.

    Returns
    -------
    Response
        The response with its ETag; 304 if the client has it already.
    """
    state = app_state(request)
    version = await state.layer_versions.version(request, depends_on)

    def _make_in_scope(conn: Conn) -> bytes:
        set_scope(conn, user.areas)
        return make(conn)

    async def _make() -> bytes:
        async with acquire_connection(state.read_slots, state.read_pool) as conn:
            return await run_in_threadpool(_make_in_scope, conn)

    is_coarse = user.role in state.settings.coarse_roles
    body, tag = await state.cache.get((user.areas, is_coarse, *name, version), _make)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Cookie, Authorization"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if body:
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
    return Response(body, media_type=media, headers=headers)
