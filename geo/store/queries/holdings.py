"""How many rows the registers hold."""

from __future__ import annotations

from psycopg import sql

from geo.governance.setup import Holdings
from geo.schema import Layer
from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement


def store_is_empty(conn: Conn) -> bool:
    """Return whether no register of a store has a row."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM grids) OR EXISTS (SELECT FROM areas) OR EXISTS (SELECT FROM cameras) "
        "OR EXISTS (SELECT FROM incidents) OR EXISTS (SELECT FROM buildings) OR EXISTS (SELECT FROM streets) "
        "OR EXISTS (SELECT FROM landcover) OR EXISTS (SELECT FROM key_places) "
        "OR EXISTS (SELECT FROM service_points)"
    ).fetchone()
    return row is None or not row[0]


def count_rows(conn: Conn, layer: Layer) -> int:
    """Return how many rows a register has.

    Parameters
    ----------
    conn : psycopg.Connection
        To a migrated database.
    layer : Layer
        The register.

    Returns
    -------
    int
        Its rows.
    """
    row = conn.execute(
        sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(layer.table))
    ).fetchone()
    return int(row[0]) if row else 0


def count_holdings(conn: Conn) -> Holdings:
    """Return how many rows the registers hold, and how many of them have what the computation needs.

    Of a camera that looks all round no bearing is asked.
    """
    (row,) = dict_rows(conn, statement("holdings"))
    return Holdings(**row)
