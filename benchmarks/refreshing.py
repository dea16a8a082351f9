"""Time of `refresh` after one change: a camera turned or a building raised in a stored city."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from benchmarks.city import CORNER, CRS, PITCH_M, city
from geo.pipeline import refresh
from geo.store import private_cluster
from geo.store.bulk_copy import write_table
from geo.store.connection import Conn, connect
from geo.store.migration import migrate


def measure(cameras: int) -> dict[str, float]:
    """Return seconds of a complete refresh and, as median of five, after each kind of change."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with private_cluster.running(Path(folder) / "d") as private:
            migrate(private.conninfo)
            with connect(private.conninfo) as conn:
                load_city(conn, cameras)
                started = time.perf_counter()
                refresh(conn)
                full_s = time.perf_counter() - started
                turn_camera = "UPDATE cameras SET bearing_deg = %s WHERE code = %s"
                raise_building = "UPDATE buildings SET height_m = %s WHERE id = %s"
                codes = [f"c{n:07d}" for n in np.linspace(0, cameras - 1, 6).astype(int)]
                ids = [
                    r[0]
                    for r in conn.execute(
                        "SELECT id FROM buildings ORDER BY md5(id) LIMIT 6"
                    ).fetchall()
                ]
                return {
                    "full": full_s,
                    "camera": _median_refresh_s(conn, turn_camera, codes, 123.0),
                    "building": _median_refresh_s(conn, raise_building, ids, 99.0),
                }


def load_city(conn: Conn, count: int, side: float = 10 * PITCH_M) -> None:
    """Store a city of a number of cameras with square grids of a side in metres."""
    cameras, buildings = city(count)
    cameras.insert(0, "code", [f"c{n:07d}" for n in range(len(cameras))])
    buildings.insert(0, "id", [f"b{n:07d}" for n in range(len(buildings))])
    south_west = CORNER
    north_east = shapely.bounds(shapely.geometrycollections(buildings.geometry.values))[2:]
    cols, rows = np.ceil((north_east - south_west) / side).astype(int)
    cells = [
        shapely.box(
            *(south_west + np.array([c, r]) * side), *(south_west + np.array([c + 1, r + 1]) * side)
        )
        for c in range(cols)
        for r in range(rows)
    ]
    codes = [f"g{n:06d}" for n in range(len(cells))]
    grids = gpd.GeoDataFrame({"code": codes, "name": codes}, geometry=cells, crs=CRS)
    for table, frame, shape in (
        ("grids", grids, "polygon"),
        ("buildings", buildings, "polygon"),
        ("cameras", cameras, "exact"),
    ):
        write_table(conn, table, frame.to_crs("EPSG:4326"), shape=shape)
    conn.commit()
    conn.execute("ANALYZE")
    conn.commit()


def _median_refresh_s(conn: Conn, statement: str, keys: list[str], value: float) -> float:
    times = []
    for key in keys:
        conn.execute(statement.encode(), (value, key))
        conn.commit()
        started = time.perf_counter()
        refresh(conn)
        times.append(time.perf_counter() - started)
    return float(np.median(times[1:]))


if __name__ == "__main__":
    for number in (1_000, 100_000):
        print(number, measure(number))
