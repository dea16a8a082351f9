"""OGC API Features and Tiles over read-only views, within the role and areas of the account."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import jinja2
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.routing import APIRoute
from fastapi.templating import Jinja2Templates
from starlette.datastructures import URLPath
from starlette.routing import compile_path
from tipg.collections import CollectionList
from tipg.database import close_db_connection
from tipg.factory import Endpoints, OGCFeaturesFactory, OGCTilesFactory

from geo.settings import Settings
from service.api.ogc_errors import add_ogc_error_handlers
from service.api.ogc_layers import Layer, LayerCatalog
from service.api.ogc_requests import require_valid_request
from service.openapi import make_openapi_router
from service.policy import AuditRule, SecuredRoute, allow
from service.responses import add_problem_handlers

PREFIX = "/ogc"
_TEMPLATE = (Path(__file__).parents[1] / "templates" / "ogc.html").read_text(encoding="utf-8")


class _EscapingRouter(APIRouter):
    """Router that escapes the parameters of URLs: identifiers may have slashes."""

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        return super().url_path_for(name, **_escape(path_params))


def _escape(path_params: dict[str, Any]) -> dict[str, Any]:
    # Braces belong to the templates that tipg writes into links.
    return {
        name: quote(value, safe="{}") if isinstance(value, str) else value
        for name, value in path_params.items()
    }


def _accept_slashes(router: APIRouter) -> None:
    """Accept slashes in identifiers of items, which a server decodes before it matches paths."""
    for route in router.routes:
        if isinstance(route, APIRoute) and route.path.endswith("/items/{itemId}"):
            route.path = route.path.replace("{itemId}", "{itemId:path}")
            route.path_regex, route.path_format, route.param_convertors = compile_path(route.path)


def _make_router() -> APIRouter:
    return _EscapingRouter(
        route_class=SecuredRoute,
        dependencies=[allow("coverage", "incidents", audit=AuditRule.SAMPLED)],
    )


class _SecuredEndpoints(Endpoints):
    """Endpoints of tipg whose routes all have our policy."""

    def register_routes(self) -> None:
        """Add the routes of features and tiles."""
        shared: dict[str, Any] = {
            "collection_dependency": self.collection_dependency,
            "router_prefix": self.router_prefix,
            "templates": self.templates,
            "with_common": False,
        }
        self.ogc_features = OGCFeaturesFactory(
            router=_make_router(), collections_dependency=self.collections_dependency, **shared
        )
        _accept_slashes(self.ogc_features.router)
        self.ogc_tiles = OGCTilesFactory(
            router=_make_router(),
            supported_tms=self.supported_tms,
            with_viewer=self.with_tiles_viewer,
            **shared,
        )
        self.router.include_router(self.ogc_features.router)
        self.router.include_router(self.ogc_tiles.router)


class _MountedApplication(FastAPI):
    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        # tipg asks the application for some URLs, and does not know that it is mounted.
        return URLPath(PREFIX + super().url_path_for(name, **_escape(path_params)))


def make_ogc(conninfo: str, settings: Settings) -> FastAPI:
    """Return the application to mount at `PREFIX`.

    Parameters
    ----------
    conninfo : str
        Connection string of the database; the pool is opened with the first request.
    settings : Settings
        Settings of the deployment.

    Returns
    -------
    fastapi.FastAPI
        With its own OpenAPI document.
    """
    ogc = _MountedApplication(
        title="gridcover OGC API", openapi_url=None, docs_url=None, redoc_url=None
    )
    ogc.state.settings = settings
    ogc.include_router(_make_endpoints(LayerCatalog(ogc, conninfo, settings)).router)
    ogc.include_router(make_openapi_router("/api", "/api.html", f"{PREFIX}/api"))
    add_problem_handlers(ogc)
    add_ogc_error_handlers(ogc)
    return ogc


def _make_endpoints(catalog: LayerCatalog) -> Endpoints:
    def list_collections(
        layers: Annotated[dict[str, Layer], Depends(catalog.visible_layers)],
    ) -> CollectionList:
        return CollectionList(
            collections=list(layers.values()), matched=len(layers), next=None, prev=None
        )

    def find_collection(
        request: Request,
        collectionId: str,  # noqa: N803  (name in tipg)
        layers: Annotated[dict[str, Layer], Depends(catalog.visible_layers)],
    ) -> Layer:
        layer = layers.get(collectionId)
        if layer is None:
            raise HTTPException(
                404, f"There is no collection {collectionId}; see {PREFIX}/collections."
            )
        require_valid_request(request, {column.name for column in layer.properties})
        return layer

    page = jinja2.Environment(loader=jinja2.FunctionLoader(lambda _: _TEMPLATE), autoescape=True)
    page.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return _SecuredEndpoints(
        router=_make_router(),
        title="gridcover",
        templates=Jinja2Templates(env=page),
        with_tiles_viewer=False,
        router_prefix=PREFIX,
        collection_dependency=find_collection,
        collections_dependency=list_collections,
    )


async def close_ogc(ogc: FastAPI) -> None:
    """Close the pool of the application if it was opened.

    Parameters
    ----------
    ogc : fastapi.FastAPI
        Application of `make_ogc`.
    """
    if ogc.state.pool is not None:
        await close_db_connection(ogc)
