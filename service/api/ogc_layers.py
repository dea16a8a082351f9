"""Layers of the OGC application: views of the database that an account may see."""

import asyncio
import re
from typing import Any

import asyncpg
from fastapi import FastAPI, Request
from psycopg_pool import PoolTimeout
from tipg.collections import PgCollection, pg_get_collection_index
from tipg.database import connect_to_db
from tipg.settings import DatabaseSettings, PostgresSettings

from geo.ingest import spreadsheet_safe
from geo.settings import Settings
from geo.store.ogc_views import OGC_VIEWS, SCHEMA, areas_of_request, pool_arguments, read_extent
from service.api.location_precision import sees_exact_locations
from service.auth.permissions import rights_of
from service.auth.sessions import SignedIn

_ROWS = re.compile(r"/items|/tiles/\w+/\d+/")
"""Requests for rows, which need no extent."""


class Layer(PgCollection):
    """Collection of tipg; as CSV its texts are safe in spreadsheets.

    Attributes
    ----------
    spreadsheet : bool
        Whether the texts must not be formulas to a spreadsheet.
    """

    spreadsheet: bool = False

    async def features(self, *args: Any, **kwargs: Any) -> Any:
        """Return the rows that tipg reads.

        Parameters
        ----------
        *args, **kwargs
            As of `PgCollection.features`.

        Returns
        -------
        dict
            With the features in `items`.
        """
        page = await super().features(*args, **kwargs)
        if self.spreadsheet:
            for feature in page["items"]:
                _make_spreadsheet_safe(feature)
        return page


def _make_spreadsheet_safe(feature: Any) -> None:
    if isinstance(feature.get("id"), str):
        feature["id"] = spreadsheet_safe(feature["id"])
    feature["properties"] = {
        name: spreadsheet_safe(value) if isinstance(value, str) else value
        for name, value in (feature.get("properties") or {}).items()
    }


class LayerCatalog:
    """Layers of the OGC application, read when one is first requested.

    Parameters
    ----------
    app : fastapi.FastAPI
        OGC application; tipg looks for the pool in its state.
    conninfo : str
        Connection string of the database.
    settings : Settings
        Settings of the deployment.
    """

    def __init__(self, app: FastAPI, conninfo: str, settings: Settings) -> None:
        self._app = app
        self._conninfo = conninfo
        self._settings = settings
        self._layers: dict[str, Layer] = {}
        self._opening = asyncio.Lock()
        app.state.pool = None

    async def visible_layers(self, request: Request, user: SignedIn) -> dict[str, Layer]:
        """Return the layers that the account of a request may see.

        Parameters
        ----------
        request : fastapi.Request
            Of CSV, texts are made safe for spreadsheets; a request for rows gets no extent.
        user : User
            Account of the request; its areas limit the rows of the connection.

        Returns
        -------
        dict of str to Layer
            By name of the layer.
        """
        areas_of_request.set(user.areas)
        await self._open()
        rights = rights_of(user)
        is_exact = sees_exact_locations(user, self._settings)
        accept = request.headers.get("accept", "")
        is_csv = request.query_params.get("f") == "csv" or "csv" in accept
        extent = None
        if not _ROWS.search(request.url.path):
            extent = await read_extent(self._app.state.pool)
        layers = {}
        for name, view in OGC_VIEWS.items():
            if view.right not in rights or (view.exact and not is_exact):
                continue
            changes = {"spreadsheet": is_csv}
            layer = self._layers[name].model_copy(update=changes, deep=extent is not None)
            if extent is not None:
                for column in layer.geometry_columns:
                    column.bounds = extent
            layers[name] = layer
        return layers

    async def _open(self) -> None:
        if self._app.state.pool is None:
            async with self._opening:
                if self._app.state.pool is None:
                    self._layers, self._app.state.pool = await _read_layers(self._conninfo)


async def _read_layers(conninfo: str) -> tuple[dict[str, Layer], Any]:
    """Return the layers by name and the pool that reads them."""
    # The address is in the arguments: tipg's own form of it does not support Unix sockets.
    address = PostgresSettings(
        database_url="postgresql://localhost/gridcover", db_min_conn_size=1, db_max_conn_size=8
    )
    name_of = {view.view: name for name, view in OGC_VIEWS.items()}
    database = DatabaseSettings(
        schemas=[SCHEMA],
        tables=[f"{SCHEMA}.{view}" for view in name_of],
        functions=[],
        exclude_function_schemas=[SCHEMA, "public"],
        spatial_extent=False,
        datetime_extent=False,
    )
    app = FastAPI()
    try:
        await connect_to_db(app, schemas=[SCHEMA], settings=address, **pool_arguments(conninfo))
        async with app.state.pool.acquire() as conn:
            collections = await pg_get_collection_index(conn, settings=database)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise PoolTimeout(f"the database does not answer: {error}") from error
    layers = {name_of[one.table]: _layer_of(name_of[one.table], one) for one in collections}
    return layers, app.state.pool


def _layer_of(name: str, collection: Any) -> Layer:
    view = OGC_VIEWS[name]
    columns = {column.name: column for column in collection.table_columns}
    changes = {
        "id": name,
        "description": view.description,
        "id_column": columns[view.key],
        "datetime_column": columns[view.moment] if view.moment else None,
    }
    return Layer(**{**collection.model_dump(by_alias=True), **changes})
