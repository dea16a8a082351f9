"""Stored image quality of grids and key places."""

from __future__ import annotations

import pandas as pd

from geo.store.bulk_copy import write_table
from geo.store.connection import Conn, dict_rows
from geo.store.rows import indexed_by
from geo.store.statements import statement


def find_stale_quality(conn: Conn) -> dict[str, list[str]]:
    """Return the grids and key places whose image quality is out of date.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    dict of str to list of str
        Under `grids` the codes of grids whose coverage is newer than their quality, under
        `key-places` those of key places without quality or in the boxes of such grids.
    """
    grids = [
        str(row[0])
        for row in conn.execute(
            "SELECT g.code FROM grids g JOIN LATERAL newest_coverage(g.code) c ON true "
            "LEFT JOIN area_quality q ON q.layer = 'grids' AND q.code = g.code "
            "WHERE q.run IS NULL OR q.run < c.run ORDER BY g.code"
        ).fetchall()
    ]
    rows = conn.execute(statement("stale_key_places"), {"grids": grids}).fetchall()
    return {"grids": grids, "key-places": [str(row[0]) for row in rows]}


def read_area_quality(conn: Conn, layer: str) -> pd.DataFrame:
    """Return the stored image quality of a layer.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    layer : str
        `grids` or `key-places`.

    Returns
    -------
    pandas.DataFrame
        Columns `code`, `run` and `shares` (shares of the ground by cameras, light and image
        class), indexed by code.
    """
    rows = dict_rows(
        conn, "SELECT code, run, shares FROM area_quality WHERE layer = %s ORDER BY code", (layer,)
    )
    return indexed_by(pd.DataFrame(rows, columns=["code", "run", "shares"]), "code")


def replace_quality(conn: Conn, rows: pd.DataFrame) -> None:
    """Replace the stored image quality of areas.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    rows : pandas.DataFrame
        Rows of `layer`, `code`, `run` and `shares`.
    """
    conn.execute(
        "DELETE FROM area_quality q USING unnest(%s::text[], %s::text[]) AS n (layer, code) "
        "WHERE q.layer = n.layer AND q.code = n.code",
        (rows["layer"].tolist(), rows["code"].tolist()),
    )
    write_table(conn, "area_quality", rows)


def delete_orphan_quality(conn: Conn) -> None:
    """Delete the image quality of grids and key places that no longer exist.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    """
    conn.execute(
        "DELETE FROM area_quality q WHERE (layer = 'grids' AND NOT EXISTS "
        "(SELECT 1 FROM grids g WHERE g.code = q.code)) OR (layer = 'key-places' AND NOT EXISTS "
        "(SELECT 1 FROM key_places p WHERE p.code = q.code))"
    )
