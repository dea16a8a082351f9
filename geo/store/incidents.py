"""Reading what was worked out of the incidents: counts, patterns, forecasts, appeals."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
from psycopg import sql
from psycopg.rows import dict_row

from geo.store.changes import box_around, box_arrays
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


def grid_patterns_in_scope(conn: Conn, category: str) -> list[dict[str, Any]]:
    """Return the patterns of the grids that the connection may see, each with its `population`."""
    rows = dict_rows(
        conn,
        "SELECT p.*, g.population FROM grid_patterns p JOIN grids g ON g.code = p.grid "
        "WHERE p.category = %s ORDER BY p.grid",
        (category,),
    )
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


BENEATH = (
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


def incident_places(conn: Conn, boxes: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of incidents placed exactly or by their road, in some boxes."""
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(
            "SELECT ST_X(t.geometry), ST_Y(t.geometry) FROM incidents t "
            "WHERE t.precision IN ('exact', 'road') AND EXISTS (SELECT 1 FROM "
            "unnest(%(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[]) "
            "AS b (w, s, e, n) WHERE t.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326)) "
            "AND t.geometry && ST_MakeEnvelope(%(w)s, %(s)s, %(e)s, %(n)s, 4326)",
            box_arrays(boxes) | box_around(boxes),
        ).fetchall()
    lon, lat = np.array(rows, float).reshape(-1, 2).T
    return lon, lat


def newest_density(conn: Conn) -> int | None:
    """The run of the density there is."""
    row = conn.execute("SELECT max(run) FROM grid_density").fetchone()
    return int(row[0]) if row and row[0] is not None else None


_LAST_YEAR = "at > (SELECT max(at) FROM incident_events) - interval '365 days'"


def places_of_last_year(
    conn: Conn, boxes: Any = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of the incidents of the last 365 days on record, in some boxes or anywhere."""
    inside = (
        "true" if boxes is None
        else "lon BETWEEN %(w)s AND %(e)s AND lat BETWEEN %(s)s AND %(n)s"
    )  # fmt: skip
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(
            f"SELECT lon, lat FROM incident_events WHERE {_LAST_YEAR} AND lon IS NOT NULL AND {inside}".encode(),
            {} if boxes is None else box_around(boxes),
        ).fetchall()
    lon, lat = np.array(rows, float).reshape(-1, 2).T
    return lon, lat


def grid_classes(conn: Conn, kind: str, category: str) -> list[tuple[Any, ...]]:
    """Grid, class, Gi*, its q-value and since when, where a grid has a class.

    Parameters
    ----------
    kind : ``hot_spot`` or ``emerging``; the latter has no Gi* of its own, the former no beginning.
    """
    columns = "hot_spot, gi_star, gi_q_value, NULL" if kind == "hot_spot" else "emerging, NULL, NULL, emerging_since"  # fmt: skip
    return conn.execute(
        f"SELECT grid, {columns} FROM grid_patterns WHERE category = %s AND {kind} IS NOT NULL "
        f"AND {kind} <> 'none' ORDER BY grid".encode(),
        (category,),
    ).fetchall()
