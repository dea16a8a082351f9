"""Rows that came from OpenStreetMap, recognised by their keys."""

from __future__ import annotations

from psycopg import sql

from geo.schema import Layer
from geo.store.connection import Conn

_KEY = "^(node|way|relation)/[0-9]+(/[0-9]+)?$"


def count_other_rows(conn: Conn, layer: Layer) -> int:
    """Return the number of rows of a register that did not come from OpenStreetMap.

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
    statement = sql.SQL("SELECT count(*) FROM {} WHERE {} !~ %s").format(
        sql.Identifier(layer.table), sql.Identifier(layer.key[0])
    )
    row = conn.execute(statement, (_KEY,)).fetchone()
    return int(row[0]) if row else 0


def read_absent_keys(conn: Conn, layer: Layer, keys: list[str]) -> list[str]:
    """Return the keys of rows from OpenStreetMap that are not among the given ones.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    layer : Layer
        The register.
    keys : list of str
        Keys of the present file.

    Returns
    -------
    list of str
        The keys, sorted.
    """
    statement = sql.SQL(
        "SELECT {key} FROM {table} WHERE {key} ~ %(pattern)s AND NOT EXISTS "
        "(SELECT 1 FROM unnest(%(keys)s::text[]) AS given (key) WHERE given.key = {table}.{key}) "
        "ORDER BY {key}"
    ).format(key=sql.Identifier(layer.key[0]), table=sql.Identifier(layer.table))
    rows = conn.execute(statement, {"pattern": _KEY, "keys": keys}).fetchall()
    return [str(row[0]) for row in rows]


def delete_rows(conn: Conn, layer: Layer, keys: list[str]) -> int:
    """Delete rows by their keys.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    layer : Layer
        The register.
    keys : list of str
        Keys of the rows.

    Returns
    -------
    int
        Number of rows deleted.
    """
    statement = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(
        sql.Identifier(layer.table), sql.Identifier(layer.key[0])
    )
    return conn.execute(statement, (keys,)).rowcount


def read_attributions(conn: Conn) -> list[str]:
    """Return the sources that must be named where the registers are shown.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of str
        Such as ``© OpenStreetMap contributors``; empty if there are none.
    """
    row = conn.execute("SELECT attributions()").fetchone()
    return list(row[0]) if row else []
