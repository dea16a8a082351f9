"""Vector tiles straight out of the tables."""

from __future__ import annotations

from psycopg import sql

from geo.store.database import Conn

_TILE_LAYERS = {
    "landcover": ("landcover", "id, class", 0, 22),
    "areas": ("areas", "code, level", 0, 22),
    "streets": ("streets", "id, class", 12, 22),
    "buildings": ("buildings", "id, height_m", 14, 22),
    "views": ("camera_views", "camera, assumed", 12, 22),
}
"""Tile layer to table, columns, and the zooms it is drawn at."""


def tile(conn: Conn, layers: list[str], z: int, x: int, y: int) -> bytes:
    """A Mapbox vector tile with the given layers, each in a layer of its name."""
    out = b""
    for name in layers:
        table, columns, low, high = _TILE_LAYERS[name]
        if not low <= z <= high:
            continue
        query = sql.SQL(
            "WITH box AS (SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS web), "
            "rows AS (SELECT {columns}, ST_AsMVTGeom(ST_Transform(t.geometry, 3857), box.web, "
            "4096, 64, true) AS geom FROM {table} t, box "
            "WHERE t.geometry && ST_Transform(ST_Expand(box.web, %(pad)s), 4326)) "
            "SELECT ST_AsMVT(rows, {name}, 4096, 'geom') FROM rows WHERE geom IS NOT NULL"
        ).format(
            columns=sql.SQL(", ").join(sql.Identifier(c.strip()) for c in columns.split(",")),
            table=sql.Identifier(table),
            name=sql.Literal(name),
        )
        pad = 40_075_016.0 / 2**z / 64
        row = conn.execute(query, {"z": z, "x": x, "y": y, "pad": pad}).fetchone()
        out += bytes(row[0]) if row and row[0] else b""
    return out
