"""Stored hot spots, trends, forecasts and contours of incidents."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
from psycopg import sql
from psycopg.rows import dict_row

from geo.store.connection import Conn, dict_rows
from geo.store.rows import frame_of


def read_statistics(conn: Conn, table: str, category: str) -> list[dict[str, Any]]:
    """Stored patterns of one table, of all incidents ('') or of one root of the category tree."""
    statement = sql.SQL("SELECT * FROM {} WHERE category = %s ORDER BY 1, 2, 3").format(
        sql.Identifier(table)
    )
    rows = dict_rows(conn, statement, (category,))
    for row in rows:
        row.pop("weeks", None)
    return rows


def read_grid_statistics(conn: Conn, category: str) -> list[dict[str, Any]]:
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


def read_grid_weeks(conn: Conn, category: str, grid: str) -> dict[str, Any] | None:
    """The space-time cube's row of one grid: `run`, `weeks_from`, `weeks`; None without one."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT run, weeks_from, weeks FROM grid_patterns WHERE category = %s AND grid = %s",
            (category, grid),
        ).fetchone()


def read_contours(conn: Conn, category: str, kind: str) -> gpd.GeoDataFrame:
    """Bands of the density (or of the risk) surface of the last year, lowest first."""
    query = sql.SQL(
        "SELECT low, high, run, ST_AsBinary(geometry) AS geometry FROM incident_contours "
        "WHERE category = %s AND kind = %s ORDER BY low"
    )
    return frame_of(conn, sql.Composed([query]), (category, kind))


def newest_density_run(conn: Conn) -> int | None:
    """The run of the density there is."""
    row = conn.execute("SELECT max(run) FROM grid_density").fetchone()
    return int(row[0]) if row and row[0] is not None else None


def read_grid_classes(conn: Conn, kind: str, category: str) -> list[tuple[Any, ...]]:
    """Grid, class, Gi*, its q-value and since when, where a grid has a class.

    Parameters
    ----------
    kind : ``hot_spot`` or ``emerging``; the latter has no Gi* of its own, the former no beginning.
    """
    columns = (
        "hot_spot, gi_star, gi_q_value, NULL"
        if kind == "hot_spot"
        else "emerging, NULL, NULL, emerging_since"
    )
    query = sql.SQL(
        "SELECT grid, {columns} FROM grid_patterns WHERE category = %s "
        "AND {kind} IS NOT NULL AND {kind} <> 'none' ORDER BY grid"
    ).format(columns=sql.SQL(columns), kind=sql.Identifier(kind))
    return conn.execute(query, (category,)).fetchall()


def stale_statistics_run(conn: Conn) -> int | None:
    """The run whose density has no patterns yet; None where all is up to date."""
    row = conn.execute(
        "SELECT d.run FROM (SELECT max(run) AS run FROM grid_density) d WHERE d.run IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM grid_patterns p WHERE p.run = d.run)"
    ).fetchone()
    return int(row[0]) if row else None
