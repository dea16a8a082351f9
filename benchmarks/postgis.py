"""Peer in SQL: coverage and blind spots of grids in PostGIS, in a separate server."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from geo.store import private_cluster
from geo.store.connection import connect
from geo.store.migration import migrate

_UNION = (
    "FROM bench_grids g LEFT JOIN LATERAL (SELECT ST_Union(v.shape) AS seen FROM bench_views v "
    "WHERE ST_Intersects(v.shape, g.shape)) u ON true"
)


def measure(grids: gpd.GeoDataFrame, views: gpd.GeoSeries) -> tuple[float, float, np.ndarray, int]:
    """Return seconds of coverage and of blind spots, covered m² by grid, number of blind spots."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with private_cluster.running(Path(folder) / "d") as private:
            migrate(private.conninfo)
            with connect(private.conninfo) as conn:
                for table, shapes in (("bench_grids", grids.geometry), ("bench_views", views)):
                    conn.execute(f"CREATE TABLE {table} (id integer, shape geometry)".encode())
                    with conn.cursor() as cursor:
                        statement = f"COPY {table} FROM STDIN".encode()
                        with cursor.copy(statement) as copy:
                            for row in enumerate(shapely.to_wkb(shapes.values, hex=True)):
                                copy.write_row(row)
                    conn.execute(f"CREATE INDEX ON {table} USING gist (shape)".encode())
                    conn.execute(f"ANALYZE {table}".encode())
                started = time.perf_counter()
                rows = conn.execute(
                    (
                        "SELECT g.id, ST_Area(g.shape) - ST_Area(CASE WHEN u.seen IS NULL "
                        f"THEN g.shape ELSE ST_Difference(g.shape, u.seen) END) {_UNION} "
                        "ORDER BY g.id"
                    ).encode()
                ).fetchall()
                covered_s = time.perf_counter() - started
                started = time.perf_counter()
                pieces = conn.execute(
                    (
                        "SELECT id, ST_Area(piece), 2 * (ST_MaximumInscribedCircle(piece)).radius, "
                        "ST_AsBinary(piece) FROM (SELECT g.id, (ST_Dump(coalesce(ST_Difference("
                        f"g.shape, u.seen), g.shape))).geom AS piece {_UNION}) t "
                        "WHERE ST_Area(piece) >= 25"
                    ).encode()
                ).fetchall()
                blind_spots_s = time.perf_counter() - started
    return covered_s, blind_spots_s, np.array([row[1] for row in rows]), len(pieces)
