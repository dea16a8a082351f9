"""Vector tiles, kept in memory as long as what they show stays the same."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from geo.settings import Settings
from geo.store import tiles
from geo.store.access import User, set_scope
from geo.store.database import Conn
from service.access import COOKIE, RIGHTS, needs, visitor
from service.dependencies import Deployment, turn

router = APIRouter(prefix="/tiles", tags=["tiles"])
Set = Annotated[str, Path(pattern=f"^({'|'.join(tiles.SETS)})$")]
_BYTES = 256 << 20
_SURE_S, _SAME_S = 5.0, 1.0
"""How long a session is taken for good, and the layers' version for the same."""
_MEDIA = "application/vnd.mapbox-vector-tile"


class TileCache:
    """Tiles by who may see them, those used last kept up to a size; each is made once at a time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tiles: OrderedDict[tuple[Any, ...], tuple[bytes, str]] = OrderedDict()
        self._size = 0
        self._making: dict[tuple[Any, ...], asyncio.Future[tuple[bytes, str]]] = {}
        self._users: dict[str, tuple[float, User]] = {}
        self._version = ("", -_SAME_S)
        # One looks, the others wait for what it finds.
        self._looking = asyncio.Lock()

    async def user(self, request: Request) -> User | None:
        """Who asks, found out anew every few seconds."""
        said = request.cookies.get(COOKIE) or request.headers.get("authorization") or ""
        secret = hashlib.sha256(said.encode()).hexdigest()
        known = self._users.get(secret)
        if known is None or self._clock() - known[0] >= _SURE_S:
            async with self._looking:
                known = self._users.get(secret)
                now = self._clock()
                if known is None or now - known[0] >= _SURE_S:
                    found = await run_in_threadpool(visitor, request)
                    if found is None:
                        return None
                    for old in [key for key, (at, _) in self._users.items() if now - at >= _SURE_S]:
                        del self._users[old]
                    known = self._users[secret] = (now, found)
        request.state.user = known[1]
        return known[1]

    async def version(self, request: Request) -> str:
        """What the layers rest on, looked at once a second."""
        if self._clock() - self._version[1] >= _SAME_S:
            async with self._looking:
                if self._clock() - self._version[1] >= _SAME_S:
                    async with turn(request.app.state.turns, request.app.state.pool) as conn:
                        told = await run_in_threadpool(tiles.version, conn)
                    if told != self._version[0]:
                        self._tiles.clear()
                        self._size = 0
                    self._version = (told, self._clock())
        return self._version[0]

    async def get(self, key: tuple[Any, ...], make: Callable[[], Any]) -> tuple[bytes, str]:
        """A tile (gzip) and its tag, made by `make` unless it is there."""
        found = self._tiles.get(key)
        if found is not None:
            self._tiles.move_to_end(key)
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
        self._tiles[key] = found
        self._size += len(found[0])
        while self._size > _BYTES:
            _, (gone, _) = self._tiles.popitem(last=False)
            self._size -= len(gone)
        return found


async def _user(request: Request) -> User:
    cache: TileCache = request.app.state.tiles
    return needs("coverage", "incidents", "registers", "board")(request, await cache.user(request))


def _require(name: str, user: User, coarse: bool) -> None:
    if name == "base":
        return
    if "coverage" not in RIGHTS[user.role] or (name == "views" and coarse):
        raise HTTPException(403, f"The role {user.role} may not see the tiles of {name}.")


@router.get(
    "/{name}/{z}/{x}/{y}.pbf",
    response_class=Response,
    responses={200: {"description": "a Mapbox vector tile", "content": {_MEDIA: {}}}},
)
async def tile(
    request: Request,
    user: Annotated[User, Depends(_user)],
    name: Set,
    z: Annotated[int, Path(ge=0, le=22)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
) -> Response:
    """One Mapbox vector tile; empty where nothing lies, 404 outside the pyramid.

    Shapes are simplified to the zoom and cameras counted below zoom 15. `ETag` changes with what is seen.
    """
    settings: Settings = request.app.state.settings
    coarse = user.role in settings.coarse_roles
    _require(name, user, coarse)
    if x >= 2**z or y >= 2**z:
        raise HTTPException(
            404, f"There is no tile {z}/{x}/{y}; at zoom {z} they go up to {2**z - 1}."
        )
    cache: TileCache = request.app.state.tiles
    version = await cache.version(request)

    async def make() -> bytes:
        state = request.app.state
        async with turn(state.turns, state.pool) as conn:
            return await run_in_threadpool(_make, conn, user.areas, name, z, x, y, coarse)

    data, tag = await cache.get((version, user.areas, coarse, name, z, x, y), make)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Cookie, Authorization"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if data:
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            data = gzip.decompress(data)
    return Response(data, media_type=_MEDIA, headers=headers)


def _make(
    conn: Conn, areas: tuple[str, ...], name: str, z: int, x: int, y: int, coarse: bool
) -> bytes:
    set_scope(conn, areas)
    return tiles.tile(conn, name, z, x, y, coarse=coarse)


@router.get("/{name}.json")
async def tilejson(
    request: Request, settings: Deployment, user: Annotated[User, Depends(_user)], name: Set
) -> dict[str, Any]:
    """TileJSON 3.0 of a set of tiles."""
    _require(name, user, user.role in settings.coarse_roles)
    layers: list[dict[str, Any]] = [
        {
            "id": layer, "minzoom": choices[0].low, "maxzoom": choices[-1].high,
            "fields": {column.strip(): "" for c in choices for column in c.columns.split(",")}
            | ({"count": "Number", "working": "Number"} if any(c.cluster_px for c in choices) else {}),
        }
        for layer, choices in tiles.SETS[name].items()
    ]  # fmt: skip
    return {
        "tilejson": "3.0.0", "name": name, "scheme": "xyz",
        "tiles": [f"{request.base_url}tiles/{name}/{{z}}/{{x}}/{{y}}.pbf"],
        "minzoom": min(layer["minzoom"] for layer in layers), "maxzoom": 18, "vector_layers": layers,
    }  # fmt: skip
