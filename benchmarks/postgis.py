"""The peer: coverage and blind spots of grids as PostGIS SQL, in a server of its own."""

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
    """Seconds for covered areas, seconds for blind pieces, covered m² by grid, number of pieces."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with private_cluster.running(Path(folder) / "d") as private:
            migrate(private.conninfo)
            with connect(private.conninfo) as conn:
                for table, shapes in (("bench_grids", grids.geometry), ("bench_views", views)):
                    conn.execute(f"CREATE TABLE {table} (id integer, shape geometry)".encode())
                    with conn.cursor() as cursor:
                        into = f"COPY {table} FROM STDIN".encode()
                        with cursor.copy(into) as copy:
                            for row in enumerate(shapely.to_wkb(shapes.values, hex=True)):
                                copy.write_row(row)
                    conn.execute(f"CREATE INDEX ON {table} USING gist (shape)".encode())
                    conn.execute(f"ANALYZE {table}".encode())
                begun = time.perf_counter()
                rows = conn.execute(
                    (
                        "SELECT g.id, ST_Area(g.shape) - ST_Area(CASE WHEN u.seen IS NULL THEN "
                        "g.shape "
                        f"ELSE ST_Difference(g.shape, u.seen) END) {_UNION} ORDER BY g.id"
                    ).encode()
                ).fetchall()
                covering = time.perf_counter() - begun
                begun = time.perf_counter()
                pieces = conn.execute(
                    (
                        "SELECT id, ST_Area(piece), 2 * (ST_MaximumInscribedCircle(piece)).radius, "
                        "ST_AsBinary(piece) FROM (SELECT g.id, (ST_Dump(coalesce(ST_Difference("
                        f"g.shape, u.seen), g.shape))).geom AS piece {_UNION}) t "
                        "WHERE ST_Area(piece) >= 25"
                    ).encode()
                ).fetchall()
                spotting = time.perf_counter() - begun
    return covering, spotting, np.array([row[1] for row in rows]), len(pieces)
