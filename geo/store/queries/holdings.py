"""Numbers of rows of the registers."""

from __future__ import annotations

from psycopg import sql

from geo.governance.setup import Holdings
from geo.schema import Layer
from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement


def store_is_empty(conn: Conn) -> bool:
    """Return whether no register of the store has a row.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    bool
        False if any register has one.
    """
    row = conn.execute(statement("any_register_row")).fetchone()
    return row is None or not row[0]


def count_rows(conn: Conn, layer: Layer) -> int:
    """Return the number of rows of a register.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    layer : Layer
        The register.

    Returns
    -------
    int
        Number of rows.
    """
    row = conn.execute(
        sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(layer.table))
    ).fetchone()
    return int(row[0]) if row else 0


def count_holdings(conn: Conn) -> Holdings:
    """Return the number of rows of the registers, and of those with the inputs of the computation.

    Cameras that see in all directions need no bearing.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    Holdings
        The numbers.
    """
    (row,) = dict_rows(conn, statement("holdings"))
    return Holdings(**row)
