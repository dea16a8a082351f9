"""The views of OGC API Features, read over asyncpg within the areas of the request."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import asyncpg
from psycopg.conninfo import conninfo_to_dict

from geo.store.scope import scope_text

SCHEMA = "gridcover"
areas_of_request: ContextVar[tuple[str, ...]] = ContextVar("areas_of_request", default=())
"""Codes of the areas whose rows the connections of this request see; none by default."""


@dataclass(frozen=True)
class OgcView:
    """One view: its key, its moment, what a reader must be allowed to see."""

    view: str
    description: str
    key: str
    moment: str | None
    right: str
    exact: bool = False
    """Whether it tells where single cameras are."""


OGC_VIEWS = {
    "grids": OgcView(
        "layer_grids",
        "网格与最新结果 · Grids with their latest coverage and density",
        "code",
        "computed_at",
        "coverage",
    ),
    "areas": OgcView(
        "layer_areas",
        "区、街道、社区与最新结果 · "
        "Districts, sub-districts and communities with their latest figures",
        "code",
        "computed_at",
        "coverage",
    ),
    "cameras": OgcView(
        "layer_cameras", "摄像机 · Cameras", "code", "installed_on", "coverage", exact=True
    ),
    "views": OgcView(
        "layer_views",
        "摄像机可视范围 · What each camera sees",
        "camera",
        "computed_at",
        "coverage",
        exact=True,
    ),
    "blind-spots": OgcView(
        "layer_blind_spots", "盲区 · Ground that no camera sees", "id", "computed_at", "coverage"
    ),
    "incidents": OgcView("layer_incidents", "事件 · Incidents", "id", "happened_at", "incidents"),
    "key-places": OgcView("layer_key_places", "重点场所 · Key places", "code", None, "coverage"),
}


def pool_arguments(conninfo: str) -> dict[str, Any]:
    """Return the arguments of asyncpg's pool.

    Its connections read as the reading role, within the areas of `areas_of_request`.

    Parameters
    ----------
    conninfo : str
        Connection string of the database.

    Returns
    -------
    dict
        Keyword arguments of ``asyncpg.create_pool``.
    """
    parts = conninfo_to_dict(conninfo)
    return {
        "host": parts.get("host"),
        "port": int(parts.get("port") or 5432),
        "user": parts.get("user"),
        "password": parts.get("password"),
        "database": parts.get("dbname"),
        "server_settings": {
            "application_name": "gridcover-ogc",
            "role": "gridcover_reader",
            "search_path": f"{SCHEMA},public",
            "timezone": "UTC",
            "statement_timeout": "30000",
        },
        "setup": _set_scope,
    }


async def _set_scope(conn: Any) -> None:
    # A released connection is reset, and the scope is set whenever one is acquired: a scope
    # cannot outlive its request.
    await conn.execute(
        "SELECT set_config('gridcover.areas', $1, false), "
        "set_config('default_transaction_read_only', 'on', false)",
        scope_text(areas_of_request.get()),
    )


async def read_extent(pool: asyncpg.Pool) -> list[float] | None:
    """Return the extent of the grids that the request may see.

    Parameters
    ----------
    pool : asyncpg.Pool
        Pool of `pool_arguments`.

    Returns
    -------
    list of float or None
        West, south, east and north, degrees; None without a grid.
    """
    async with pool.acquire() as conn:
        extent: list[float] | None = await conn.fetchval(
            "SELECT box_of(ST_Extent(geometry)) FROM grids"
        )
    return extent
