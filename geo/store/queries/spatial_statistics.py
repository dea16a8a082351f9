"""Stored hot spots, trends, forecasts and contours of incidents."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
from psycopg import sql
from psycopg.rows import dict_row

from geo.store.connection import Conn, dict_rows
from geo.store.rows import read_frame


def read_statistics(conn: Conn, table: str, category: str) -> list[dict[str, Any]]:
    """Return the stored statistics of one table.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    table : str
        Name of the table.
    category : str
        Root of the category tree; empty for all incidents.

    Returns
    -------
    list of dict
        Columns of the table without `weeks`.
    """
    statement = sql.SQL("SELECT * FROM {} WHERE category = %s ORDER BY 1, 2, 3").format(
        sql.Identifier(table)
    )
    rows = dict_rows(conn, statement, (category,))
    for row in rows:
        row.pop("weeks", None)
    return rows


def read_grid_statistics(conn: Conn, category: str) -> list[dict[str, Any]]:
    """Return the statistics of the grids that the connection may see.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    category : str
        Root of the category tree; empty for all incidents.

    Returns
    -------
    list of dict
        Columns of `grid_patterns` without `weeks`, and the `population` of the grid.
    """
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
    """Return the weekly numbers of incidents of one grid.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    category : str
        Root of the category tree; empty for all incidents.
    grid : str
        Code of the grid.

    Returns
    -------
    dict or None
        `run`, `weeks_from` (first week) and `weeks` (numbers); None without statistics.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT run, weeks_from, weeks FROM grid_patterns WHERE category = %s AND grid = %s",
            (category, grid),
        ).fetchone()


def read_contours(conn: Conn, category: str, kind: str) -> gpd.GeoDataFrame:
    """Return the bands of a density surface, lowest first.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    category : str
        Root of the category tree; empty for all incidents.
    kind : str
        Kind of the surface: density or relative risk.

    Returns
    -------
    geopandas.GeoDataFrame
        Polygons in EPSG:4326 with `low`, `high` and `run`.
    """
    query = sql.SQL(
        "SELECT low, high, run, ST_AsBinary(geometry) AS geometry FROM incident_contours "
        "WHERE category = %s AND kind = %s ORDER BY low"
    )
    return read_frame(conn, sql.Composed([query]), (category, kind))


def read_density_run(conn: Conn) -> int | None:
    """Return the run of the stored density.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    int or None
        Number of the run; None without density.
    """
    row = conn.execute("SELECT max(run) FROM grid_density").fetchone()
    return int(row[0]) if row and row[0] is not None else None


def read_grid_classes(conn: Conn, kind: str, category: str) -> list[tuple[Any, ...]]:
    """Return the hot-spot classes of grids.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    kind : str
        ``hot_spot`` or ``emerging``.
    category : str
        Root of the category tree; empty for all incidents.

    Returns
    -------
    list of tuple
        Grid, class, Gi* and its q-value (None for ``emerging``), and the beginning (None
        for ``hot_spot``); grids without a class are left out.
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


def find_stale_statistics(conn: Conn) -> int | None:
    """Return the run of the density that statistics were not computed from yet.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    int or None
        Number of the run; None if the statistics are up to date or there is no density.
    """
    row = conn.execute(
        "SELECT d.run FROM (SELECT max(run) AS run FROM grid_density) d WHERE d.run IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM grid_patterns p WHERE p.run = d.run)"
    ).fetchone()
    return int(row[0]) if row else None
