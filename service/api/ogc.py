"""OGC API Features and Tiles over read-only views, as far as the visitor's role and areas reach."""

import asyncio
import math
import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, quote

import asyncpg
import jinja2
import tipg.errors
from cql2 import Expr
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.routing import APIRoute
from fastapi.templating import Jinja2Templates
from psycopg_pool import PoolTimeout
from starlette.datastructures import URLPath
from starlette.routing import compile_path
from tipg.collections import CollectionList, PgCollection, pg_get_collection_index
from tipg.database import close_db_connection, connect_to_db
from tipg.factory import Endpoints, OGCFeaturesFactory, OGCTilesFactory
from tipg.settings import DatabaseSettings, PostgresSettings

from geo.ingest import spreadsheet_safe
from geo.settings import Settings
from geo.store.ogc_views import OGC_VIEWS, SCHEMA, areas_of_request, pool_arguments, read_extent
from geo.store.queries.users import User
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn
from service.openapi import make_openapi_router
from service.policy import AuditRule, SecuredRoute, allow
from service.responses import add_problem_handlers, problem_response

PREFIX = "/ogc"
_PAGE = (Path(__file__).parents[1] / "templates" / "ogc.html").read_text(encoding="utf-8")
_LONGEST_FILTER, _DEEPEST_FILTER, _MOST_OPERATORS = 10_000, 20, 100
_DEEPEST_ZOOM = 30
_LONGEST_INTEGER = 18
_NESTING = re.compile(
    r"'(?:[^']|'')*'|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<operator>\b(?:not|and|or|between|like|is|casei|accenti|div)\b|[-+*/^%])",
    re.IGNORECASE,
)
_ROWS = re.compile(r"/items|/tiles/\w+/\d+/")
"""Requests for rows, which need no extent."""
# What a filter may call. cql2 writes any other name into the statement as a function of PostgreSQL, among them
# those that change settings, sleep, or read files.
_OPERATIONS = frozenset({
    "and", "or", "not", "=", "<>", "<", ">", "<=", ">=", "like", "between", "in", "isNull", "casei", "accenti",
    "+", "-", "*", "/", "%", "^", "div",
    "s_intersects", "s_equals", "s_disjoint", "s_touches", "s_within", "s_overlaps", "s_crosses", "s_contains",
    "t_after", "t_before", "t_contains", "t_disjoint", "t_during", "t_equals", "t_finishedBy", "t_finishes",
    "t_intersects", "t_meets", "t_metBy", "t_overlappedBy", "t_overlaps", "t_startedBy", "t_starts",
})  # fmt: skip


class Layer(PgCollection):
    """A view; as CSV its texts are safe for spreadsheets."""

    spreadsheet: bool = False

    async def features(self, *args: Any, **kwargs: Any) -> Any:
        """Rows, as tipg reads them."""
        found = await super().features(*args, **kwargs)
        if self.spreadsheet:
            for item in found["items"]:
                key = item.get("id")
                if isinstance(key, str):
                    item["id"] = spreadsheet_safe(key)
                told = item.get("properties") or {}
                item["properties"] = {
                    k: spreadsheet_safe(v) if isinstance(v, str) else v for k, v in told.items()
                }
        return found


class _EscapingRouter(APIRouter):
    """Makes addresses whose parameters are escaped: identifiers may have slashes and question marks."""

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        return super().url_path_for(name, **_escaped(path_params))


def _escaped(path_params: dict[str, Any]) -> dict[str, Any]:
    # Braces are those of templates that tipg writes into links.
    return {
        key: quote(value, safe="{}") if isinstance(value, str) else value
        for key, value in path_params.items()
    }


def _accept_slashes(router: APIRouter) -> None:
    """Let the identifier of an item have slashes, which a server decodes before the path is matched."""
    for route in router.routes:
        if isinstance(route, APIRoute) and route.path.endswith("/items/{itemId}"):
            route.path = route.path.replace("{itemId}", "{itemId:path}")
            route.path_regex, route.path_format, route.param_convertors = compile_path(route.path)


def _router() -> APIRouter:
    return _EscapingRouter(
        route_class=SecuredRoute,
        dependencies=[allow("coverage", "incidents", audit=AuditRule.SAMPLED)],
    )


class _SecuredEndpoints(Endpoints):
    """The endpoints of tipg, every route of them under our policy."""

    def register_routes(self) -> None:
        """Add the routes of features and tiles."""
        shared: dict[str, Any] = {
            "collection_dependency": self.collection_dependency, "router_prefix": self.router_prefix,
            "templates": self.templates, "with_common": False,
        }  # fmt: skip
        self.ogc_features = OGCFeaturesFactory(
            router=_router(), collections_dependency=self.collections_dependency, **shared
        )
        _accept_slashes(self.ogc_features.router)
        self.ogc_tiles = OGCTilesFactory(
            router=_router(), supported_tms=self.supported_tms, with_viewer=self.with_tiles_viewer,
            **shared,
        )  # fmt: skip
        self.router.include_router(self.ogc_features.router)
        self.router.include_router(self.ogc_tiles.router)


class _Mounted(FastAPI):
    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        # tipg asks the application for some addresses, and does not know that it is mounted.
        return URLPath(PREFIX + super().url_path_for(name, **_escaped(path_params)))


def make_ogc(conninfo: str, settings: Settings) -> FastAPI:
    """The application to mount at `PREFIX`; it opens its pool when it is first asked."""
    ogc = _Mounted(
        title="gridcover OGC API", openapi_url=None, docs_url=None, redoc_url=None,
    )  # fmt: skip
    ogc.state.settings = settings
    ogc.state.pool = None
    opening = asyncio.Lock()

    async def pool() -> None:
        if ogc.state.pool is None:
            async with opening:
                if ogc.state.pool is None:
                    await _open(ogc, conninfo)

    async def whose(user: SignedIn) -> User:
        areas_of_request.set(user.areas)
        return user

    async def catalog(
        request: Request, user: Annotated[User, Depends(whose)], _: Annotated[None, Depends(pool)]
    ) -> dict[str, Layer]:
        rights = rights_of(user)
        coarse = user.role in settings.coarse_roles
        as_csv = request.query_params.get("f") == "csv" or "csv" in request.headers.get(
            "accept", ""
        )
        box = None
        if not _ROWS.search(request.url.path):
            box = await read_extent(ogc.state.pool)
        out = {}
        for name, told in OGC_VIEWS.items():
            if told.right not in rights or (told.exact and coarse):
                continue
            found: Layer = ogc.state.collections[name]
            out[name] = found.model_copy(update={"spreadsheet": as_csv}, deep=box is not None)
            if box is not None:
                for column in out[name].geometry_columns:
                    column.bounds = box
        return out

    def collections(found: Annotated[dict[str, Layer], Depends(catalog)]) -> CollectionList:
        return CollectionList(
            collections=list(found.values()), matched=len(found), next=None, prev=None
        )

    def collection(
        request: Request,
        collectionId: str,  # noqa: N803  (tipg's name)
        found: Annotated[dict[str, Layer], Depends(catalog)],
    ) -> Layer:
        layer = found.get(collectionId)
        if layer is None:
            raise HTTPException(
                404, f"There is no collection {collectionId}; see {PREFIX}/collections."
            )
        _require_tile(request)
        _require_finite_numbers(request)
        _require_plain_filter(request, layer)
        return layer

    page = jinja2.Environment(loader=jinja2.FunctionLoader(lambda _: _PAGE), autoescape=True)
    page.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    endpoints = _SecuredEndpoints(
        router=_router(),
        title="gridcover", templates=Jinja2Templates(env=page), with_tiles_viewer=False,
        router_prefix=PREFIX,
        collection_dependency=collection, collections_dependency=collections,
    )  # fmt: skip
    ogc.include_router(endpoints.router)
    ogc.include_router(make_openapi_router("/api", "/api.html", f"{PREFIX}/api"))
    add_problem_handlers(ogc)
    _add_errors(ogc)
    return ogc


async def close_ogc(ogc: FastAPI) -> None:
    """Close its pool, if it was ever opened."""
    if ogc.state.pool is not None:
        await close_db_connection(ogc)


async def _open(ogc: FastAPI, conninfo: str) -> None:
    told = pool_arguments(conninfo)
    # The address is in the arguments: tipg's own form of it knows no Unix sockets.
    address = PostgresSettings(
        database_url="postgresql://localhost/gridcover", db_min_conn_size=1, db_max_conn_size=8
    )
    wanted = {layer.view: name for name, layer in OGC_VIEWS.items()}
    fresh = FastAPI()
    try:
        await connect_to_db(fresh, schemas=[SCHEMA], settings=address, **told)
        async with fresh.state.pool.acquire() as conn:
            index = await pg_get_collection_index(
                conn,
                settings=DatabaseSettings(
                    schemas=[SCHEMA], tables=[f"{SCHEMA}.{view}" for view in wanted],
                    functions=[], exclude_function_schemas=[SCHEMA, "public"],
                    spatial_extent=False, datetime_extent=False,
                ),
            )  # fmt: skip
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise PoolTimeout(f"the database does not answer: {error}") from error
    found = {}
    for one in index:
        told_ = OGC_VIEWS[wanted[one.table]]
        columns = {column.name: column for column in one.table_columns}
        changed = {
            "id": wanted[one.table],
            "description": told_.told, "id_column": columns[told_.key],
            "datetime_column": columns[told_.moment] if told_.moment else None,
        }  # fmt: skip
        found[wanted[one.table]] = Layer(**{**one.model_dump(by_alias=True), **changed})
    ogc.state.collections = found
    ogc.state.pool = fresh.state.pool


def _require_tile(request: Request) -> None:
    """Refuse a tile outside every pyramid, before its bounds are computed."""
    address = [int(request.path_params[name]) for name in "zxy" if name in request.path_params]
    if address and not (
        0 <= address[0] <= _DEEPEST_ZOOM and 0 <= min(address) <= max(address) < 2**31
    ):
        raise HTTPException(404, f"There is no tile {'/'.join(map(str, address))}.")


def _require_finite_numbers(request: Request) -> None:
    """Refuse a `bbox` with what is no number, and integers that no answer can repeat."""
    for name in ("limit", "offset", "minzoom", "maxzoom"):
        for text in parse_qs(request.url.query).get(name, []):
            if len(text.strip("+-0")) > _LONGEST_INTEGER:
                raise HTTPException(422, f"{name} is too large; send a number that fits 64 bits.")
    for text in parse_qs(request.url.query).get("bbox", []):
        try:
            numbers = [float(part) for part in text.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) not in (4, 6) or not all(map(math.isfinite, numbers)):
            raise HTTPException(422, "A bbox is four or six numbers: west,south,east,north.")


def require_shallow_filter(text: str) -> None:
    """Refuse a filter that a recursive parser could not leave again.

    The parser of CQL2 and the writer of SQL go one level deeper for every bracket and for every operator
    before an operand; past some hundred levels the native stack ends, and the process with it.

    Raises
    ------
    HTTPException
        422 where it is too long, too deep or has too many operators.
    """
    if len(text) > _LONGEST_FILTER:
        raise HTTPException(422, f"The filter is longer than {_LONGEST_FILTER:,} characters.")
    depth = deepest = operators = 0
    for part in _NESTING.finditer(text):
        if part["open"]:
            depth += 1
            deepest = max(deepest, depth)
        elif part["close"]:
            depth -= 1
        elif part["operator"]:
            operators += 1
    if deepest > _DEEPEST_FILTER or operators > _MOST_OPERATORS:
        raise HTTPException(
            422, f"The filter is nested more than {_DEEPEST_FILTER} levels deep, or has more than "
            f"{_MOST_OPERATORS} operators; use several requests, or `in (...)`.",
        )  # fmt: skip


def _require_plain_filter(request: Request, layer: Layer) -> None:
    """Refuse a filter that calls anything but the operations of CQL2, or names what is no property."""
    names = {column.name for column in layer.properties}
    for text in parse_qs(request.url.query).get("filter", []):
        require_shallow_filter(text)
        try:
            told = Expr(text).to_json()
        except Exception as error:
            raise HTTPException(422, f"The filter cannot be read: {error}") from error
        _walk(told, names)


def _walk(node: Any, names: set[str]) -> None:
    if isinstance(node, list):
        for part in node:
            _walk(part, names)
    if not isinstance(node, dict):
        return
    if "op" in node:
        if node["op"] not in _OPERATIONS:
            raise HTTPException(
                422, f"The filter may not call {node['op']}; use one of {', '.join(sorted(_OPERATIONS))}."
            )  # fmt: skip
        _walk(node.get("args", []), names)
    elif "property" in node:
        if node["property"] not in names:
            raise HTTPException(
                422, f"There is no property {node['property']}; use one of {', '.join(sorted(names))}."
            )  # fmt: skip
    elif "interval" in node:
        _walk(node["interval"], names)
    elif not node.keys() & {"timestamp", "date", "bbox", "type"}:
        raise HTTPException(422, "The filter has a part that is no part of CQL2.")


def _add_errors(ogc: FastAPI) -> None:
    def refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem_response(422, "request refused", _told(error))

    def missing(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem_response(404, "not found", _told(error))

    def late(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem_response(
            503, "took too long",
            "The database was not done within 30 s; ask for less: a bbox, a filter, a smaller limit.",
        )  # fmt: skip

    def away(request: Request, error: Exception) -> Response:  # noqa: ARG001
        return problem_response(
            503, "database unavailable", "The database does not answer; try again in a moment."
        )

    for kind in (
        tipg.errors.InvalidBBox, tipg.errors.InvalidDatetime, tipg.errors.InvalidLimit,
        tipg.errors.MissingGeometryColumn, tipg.errors.MissingDatetimeColumn,
        tipg.errors.MissingFunctionParameter, tipg.errors.NoPrimaryKey, ValueError, OverflowError,
        # The last is what PostGIS says of shapes in a filter that it cannot work with.
        asyncpg.DataError, asyncpg.SyntaxOrAccessError, asyncpg.InternalServerError,
    ):  # fmt: skip
        ogc.add_exception_handler(kind, refused)
    for kind in (
        tipg.errors.NotFound, tipg.errors.InvalidPropertyName, tipg.errors.InvalidGeometryColumnName,
        tipg.errors.InvalidDatetimeColumnName,
    ):  # fmt: skip
        ogc.add_exception_handler(kind, missing)
    ogc.add_exception_handler(asyncpg.QueryCanceledError, late)
    for kind in (
        OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError,
        asyncpg.InternalClientError,  # a connection that broke while it was being reset
        asyncpg.OperatorInterventionError, asyncpg.CannotConnectNowError,
        asyncpg.InsufficientResourcesError,  # a full disk, or no memory
    ):  # fmt: skip
        ogc.add_exception_handler(kind, away)


def _told(error: Exception) -> str:
    return (
        str(error).strip()
        or "The request cannot be answered; see the queryables of the collection."
    )
