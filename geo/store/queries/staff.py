"""Staff of the grids."""

from __future__ import annotations

from typing import Any

import pandas as pd
from psycopg import sql
from psycopg.rows import dict_row

from geo.store.bulk_copy import RowCounts, copy_rows, plain_value
from geo.store.connection import Conn, dict_rows


def read_grid_staff(conn: Conn) -> list[dict[str, Any]]:
    """Return the staff of all grids, without telephone numbers.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of dict
        `grid`, `role` and `name`.
    """
    return dict_rows(conn, "SELECT grid, role, name FROM grid_staff ORDER BY grid, role, name")


def read_staff_of_grid(conn: Conn, grid: str, *, phones: bool) -> list[dict[str, Any]] | None:
    """Return the staff of one grid, the head first.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    grid : str
        Code of the grid.
    phones : bool
        Whether to include telephone numbers.

    Returns
    -------
    list of dict or None
        `role`, `name` and `phone` (None unless included); None if there is no such grid.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        if cursor.execute("SELECT 1 FROM grids WHERE code = %s", (grid,)).fetchone() is None:
            return None
        return cursor.execute(
            "SELECT role, name, CASE WHEN %s THEN phone END AS phone FROM grid_staff "
            "WHERE grid = %s ORDER BY role <> 'head', role, name",
            (phones, grid),
        ).fetchall()


def replace_staff(conn: Conn, rows: pd.DataFrame) -> RowCounts:
    """Replace the staff of the grids in a table.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    rows : pandas.DataFrame
        Rows of `grid`, `role`, `name` and `phone`.

    Returns
    -------
    RowCounts
        Numbers of people added, with another telephone number, and unchanged.
    """
    codes = sorted(set(rows["grid"]))
    old_phones = {
        tuple(row[:3]): row[3]
        for row in conn.execute(
            "SELECT grid, role, name, phone FROM grid_staff WHERE grid = ANY(%s)", (codes,)
        ).fetchall()
    }
    conn.execute("DELETE FROM grid_staff WHERE grid = ANY(%s)", (codes,))
    columns = ("grid", "role", "name", "phone")
    people = [
        tuple(plain_value(v) for v in row)
        for row in rows[list(columns)].itertuples(index=False, name=None)
    ]
    copy_rows(conn, sql.Identifier("grid_staff"), columns, people)
    inserted = sum(row[:3] not in old_phones for row in people)
    unchanged = sum(row[:3] in old_phones and old_phones[row[:3]] == row[3] for row in people)
    return RowCounts(inserted, len(people) - inserted - unchanged, unchanged)
