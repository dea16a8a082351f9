"""Reading what was worked out of the incidents: counts, patterns, forecasts, appeals."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
from psycopg import sql
from psycopg.rows import dict_row

from geo.store.changes import box_arrays
from geo.store.database import Conn, dict_rows
from geo.store.read import frame_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


def patterns(conn: Conn, table: str, category: str) -> list[dict[str, Any]]:
    """Stored patterns of one table, of all incidents ('') or of one root of the category tree."""
    statement = sql.SQL("SELECT * FROM {} WHERE category = %s ORDER BY 1, 2, 3").format(
        sql.Identifier(table)
    )
    rows = dict_rows(conn, statement, (category,))
    for row in rows:
        row.pop("weeks", None)
    return rows


def grid_weeks(conn: Conn, category: str, grid: str) -> dict[str, Any] | None:
    """The space-time cube's row of one grid: `run`, `weeks_from`, `weeks`; None without one."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT run, weeks_from, weeks FROM grid_patterns WHERE category = %s AND grid = %s",
            (category, grid),
        ).fetchone()


def incident_contours(conn: Conn, category: str, kind: str) -> gpd.GeoDataFrame:
    """Bands of the density (or of the risk) surface of the last year, lowest first."""
    query = sql.SQL(
        "SELECT low, high, run, ST_AsBinary(geometry) AS geometry FROM incident_contours "
        "WHERE category = %s AND kind = %s ORDER BY low"
    )
    return frame_of(conn, sql.Composed([query]), (category, kind))


def service_quality(conn: Conn, level: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """How appeals received in the months from `start` up to `end` were served, with the area's name."""
    return dict_rows(
        conn,
        "SELECT s.*, coalesce(a.name, g.name) AS name, coalesce(a.name_en, g.name_en) AS name_en "
        "FROM service_quality s LEFT JOIN areas a ON s.level <> 'grid' AND a.code = s.code "
        "LEFT JOIN grids g ON s.level = 'grid' AND g.code = s.code "
        "WHERE s.level = %s AND month >= %s AND month < %s ORDER BY month, s.code",
        (level, start.date(), end.date()),
    )


_BENEATH = (
    "(%(categories)s::text[] IS NULL OR EXISTS (SELECT 1 FROM unnest(%(categories)s::text[]) AS w "
    "WHERE category = w OR starts_with(category, w || '/')))"
)
"""The category is one of those given, or lies beneath one."""


def incident_months(conn: Conn) -> list[dict[str, Any]]:
    """Incidents by month and root of the category, those outside every grid apart."""
    return dict_rows(
        conn,
        "SELECT month, split_part(category, '/', 1) AS category, sum(count)::integer AS count, "
        "coalesce(sum(count) FILTER (WHERE grid = ''), 0)::integer AS outside "
        "FROM grid_incidents GROUP BY 1, 2 ORDER BY 1, 2",
    )


def incident_counts(
    conn: Conn, start: datetime, end: datetime, categories: list[str] | None
) -> dict[str, int]:
    """Incidents by grid over whole months from `start` up to `end`; '' is outside every grid."""
    rows = conn.execute(
        "SELECT grid, sum(count)::integer FROM grid_incidents "
        "WHERE month >= %(start)s AND month < %(end)s "
        f"AND {_BENEATH} GROUP BY grid",
        {"start": start.date(), "end": end.date(), "categories": categories},
    ).fetchall()
    return {str(grid): int(count) for grid, count in rows}


def incident_points(
    conn: Conn, start: datetime, end: datetime, categories: list[str] | None, limit: int
) -> list[tuple[float, float, int]]:
    """Places of incidents as latitude, longitude (4 decimals, about 10 m) and number."""
    rows = conn.execute(
        "SELECT round(ST_Y(geometry)::numeric, 4)::float, round(ST_X(geometry)::numeric, 4)::float, "
        "count(*)::integer FROM incidents "
        "WHERE coalesce(occurred_at, occurred_from, reported_at) >= %(start)s "
        "AND coalesce(occurred_at, occurred_from, reported_at) < %(end)s "
        f"AND {_BENEATH} "
        "AND precision IN ('exact', 'road') AND geometry IS NOT NULL GROUP BY 1, 2 LIMIT %(limit)s",
        {"start": start, "end": end, "categories": categories, "limit": limit},
    ).fetchall()
    return [(float(a), float(b), int(c)) for a, b, c in rows]


def incident_places(conn: Conn, boxes: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of incidents placed exactly or by their road, in some boxes."""
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(
            "SELECT ST_X(t.geometry), ST_Y(t.geometry) FROM incidents t "
            "WHERE t.precision IN ('exact', 'road') AND EXISTS (SELECT 1 FROM "
            "unnest(%(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[]) "
            "AS b (w, s, e, n) WHERE t.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326)) "
            "AND t.geometry && ST_MakeEnvelope(%(w)s, %(s)s, %(e)s, %(n)s, 4326)",
            box_arrays(boxes) | _around(boxes),
        ).fetchall()
    lon, lat = np.array(rows, float).reshape(-1, 2).T
    return lon, lat


def _around(boxes: Any) -> dict[str, float]:
    table = np.asarray(boxes, float).reshape(-1, 4)
    if not len(table):
        return {"w": 0.0, "s": 0.0, "e": 0.0, "n": 0.0}
    low, high = table[:, :2].min(axis=0), table[:, 2:].max(axis=0)
    return {"w": float(low[0]), "s": float(low[1]), "e": float(high[0]), "n": float(high[1])}
