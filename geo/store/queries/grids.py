"""Grids: codes, names, results, and the card of one grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
from psycopg.rows import dict_row

from geo.store.connection import Conn, dict_rows
from geo.store.rows import box_arrays, indexed_by, read_frame
from geo.store.statements import statement


def read_names(conn: Conn, codes: list[str]) -> dict[str, list[str | None]]:
    """Return the names of grids and areas.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    codes : list of str
        Codes of grids and areas.

    Returns
    -------
    dict of str to list
        Name and English name (None if missing) by code; unknown codes are left out.
    """
    rows = conn.execute(
        "SELECT code, name, name_en FROM grids WHERE code = ANY(%(codes)s) "
        "UNION ALL SELECT code, name, name_en FROM areas WHERE code = ANY(%(codes)s)",
        {"codes": codes},
    ).fetchall()
    return {str(code): [name, name_en] for code, name, name_en in rows}


def read_grid_card(conn: Conn, code: str) -> dict[str, Any] | None:
    """Return the results of a grid for its card.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    code : str
        Code of the grid.

    Returns
    -------
    dict or None
        The columns of ``grid_card.sql``, `trend` (coverage by run) and `months` (incidents
        by month); None if there is no such grid.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(statement("grid_card"), {"code": code}).fetchone()
    if row is None:
        return None
    row["trend"] = dict_rows(
        conn,
        "SELECT c.run, r.finished_at AS at, c.open_covered_share, c.covered_share, c.cameras "
        "FROM grid_coverage c JOIN runs r ON r.id = c.run WHERE c.grid = %s ORDER BY c.run",
        (code,),
    )
    row["months"] = dict_rows(
        conn,
        "SELECT to_char(month, 'YYYY-MM') AS month, sum(count)::integer AS count "
        "FROM grid_incidents WHERE grid = %s GROUP BY 1 ORDER BY 1",
        (code,),
    )
    return row


def count_grids_except(conn: Conn, codes: Sequence[str]) -> int:
    """Return the number of grids with other codes than the given ones.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    codes : sequence of str
        Codes of grids.

    Returns
    -------
    int
        Number of grids.
    """
    row = conn.execute(
        "SELECT count(*) FROM grids WHERE code <> ALL(%s)", (list(codes),)
    ).fetchone()
    return int(row[0]) if row else 0


def delete_grids_except(conn: Conn, codes: Sequence[str]) -> int:
    """Delete the grids with other codes than the given ones, and their staff.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    codes : sequence of str
        Codes of the grids that are left.

    Returns
    -------
    int
        Number of grids deleted.
    """
    return conn.execute("DELETE FROM grids WHERE code <> ALL(%s)", (list(codes),)).rowcount


def read_grid_codes(conn: Conn) -> set[str]:
    """Return the codes of all grids.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    set of str
        The codes.
    """
    return {str(row[0]) for row in conn.execute("SELECT code FROM grids").fetchall()}


def count_grids_outside_prefix(conn: Conn, prefix: str) -> int:
    """Return the number of grids whose code does not begin with a prefix.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    prefix : str
        Beginning of the codes.

    Returns
    -------
    int
        Number of grids.
    """
    row = conn.execute(
        "SELECT count(*) FROM grids WHERE NOT starts_with(code, %s)", (prefix,)
    ).fetchone()
    return int(row[0]) if row else 0


def read_grid_results(conn: Conn, run: int) -> gpd.GeoDataFrame:
    """Return all grids with their coverage as of a run and their density.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    run : int
        Number of the run.

    Returns
    -------
    geopandas.GeoDataFrame
        Polygons in EPSG:4326 with the columns of ``grid_results.sql``, indexed by code.
    """
    return indexed_by(read_frame(conn, statement("grid_results"), {"run": run}), "code")


def boxes_meet_grids(conn: Conn, boxes: Any) -> list[bool]:
    """Return whether each box meets the bounding box of a grid.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    boxes : array-like of float, shape (n, 4)
        West, south, east and north of each, degrees.

    Returns
    -------
    list of bool
        One value per box.
    """
    rows = conn.execute(statement("boxes_meeting_grids"), box_arrays(boxes)).fetchall()
    return [bool(row[0]) for row in rows]
