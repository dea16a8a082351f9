"""Layers out of the store, a piece at a time, as the connection's scope lets them be seen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import psycopg
import shapely
from psycopg import sql

from geo.errors import ColumnError
from geo.schema import LAYERS
from geo.store.database import Conn

_PIECE = 20_000
_RESULTS = {
    "grids": (
        "SELECT g.code, g.name, g.name_en, g.community, g.population, g.kind, c.run, c.area_m2, "
        "c.covered_m2, c.covered_share, c.open_m2, c.open_covered_share, c.twice_covered_share, "
        "c.cameras, d.count AS incidents, d.per_km2, d.per_1000_people, "
        "ST_AsBinary(g.geometry) AS geometry FROM grids g LEFT JOIN LATERAL (SELECT * FROM "
        "grid_coverage WHERE grid = g.code ORDER BY run DESC LIMIT 1) c ON true "
        "LEFT JOIN grid_density d ON d.grid = g.code ORDER BY g.code"
    ),
    "blind-spots": (
        "SELECT grid, number, run, area_m2, widest_m, ST_AsBinary(geometry) AS geometry "
        "FROM blind_spots ORDER BY area_m2 DESC, grid, number"
    ),
    "views": (
        "SELECT camera, run, area_m2, assumed, ST_AsBinary(geometry) AS geometry FROM camera_views "
        'ORDER BY camera COLLATE "C"'
    ),
    "findings": (
        "SELECT layer, code, aspect, finding, detail, owner, grid, community, subdistrict, district, "
        "run, ST_AsBinary(geometry) AS geometry FROM register_findings ORDER BY id"
    ),
}
NAMES = (*_RESULTS, *(name for name in LAYERS if name not in _RESULTS))
"""What can be taken out: results (grids with theirs among them) and registers."""


def pieces(conn: Conn, name: str) -> Iterator[gpd.GeoDataFrame]:
    """Rows of a layer in EPSG:4326, some thousands at a time; one piece at least, if without rows.

    Times are timezone-aware. The transaction must stay open until the last piece.

    Raises
    ------
    ColumnError : there is no such layer.
    """
    if name not in NAMES:
        raise ColumnError(f"there is no layer {name}; use one of {', '.join(NAMES)}")
    cursor = conn.cursor(name="export")
    try:
        cursor.execute(_query(name))
        columns = [c.name for c in cursor.description or ()]
        first = True
        while rows := cursor.fetchmany(_PIECE):
            yield _frame(columns, rows)
            first = False
        if first:
            yield _frame(columns, [])
    finally:
        # The first try tells the server, which may be gone; the second then only lets go.
        for _ in range(2):
            with contextlib.suppress(psycopg.Error):
                cursor.close()


def _query(name: str) -> sql.SQL | sql.Composed:
    if name in _RESULTS:
        return sql.SQL(_RESULTS[name])
    layer = LAYERS[name]
    return sql.SQL(
        "SELECT {}, extra::text AS extra, ST_AsBinary(geometry) AS geometry FROM {} ORDER BY {}"
    ).format(
        sql.SQL(", ").join(map(sql.Identifier, layer.names)),
        sql.Identifier(layer.table),
        sql.SQL(", ").join(sql.SQL('{} COLLATE "C"').format(sql.Identifier(k)) for k in layer.key),
    )


def _frame(columns: list[str], rows: list[tuple[object, ...]]) -> gpd.GeoDataFrame:
    table = {name: [row[k] for row in rows] for k, name in enumerate(columns)}
    shapes = shapely.from_wkb(np.array(table.pop("geometry"), dtype=object))
    frame = pd.DataFrame(table, columns=[c for c in columns if c != "geometry"])
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, crs="EPSG:4326"))
