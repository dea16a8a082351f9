"""Reads blind spots of a store for tests."""

from __future__ import annotations

from geo.store.connection import connect


def largest_blind_spot(conninfo: str, prefix: str = "") -> tuple[float, float]:
    """Return a point (longitude, latitude) of the largest blind spot."""
    with connect(conninfo) as conn:
        row = conn.execute(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(geometry) AS p "
            "FROM blind_spots WHERE starts_with(grid, %s) ORDER BY area_m2 DESC LIMIT 1) t",
            (prefix,),
        ).fetchone()
    assert row is not None
    return float(row[0]), float(row[1])
