"""Stored image quality of grids and key places."""

from __future__ import annotations

import pandas as pd

from geo.store.bulk_copy import write_table
from geo.store.connection import Conn, dict_rows
from geo.store.rows import keyed


def find_stale_quality(conn: Conn) -> dict[str, list[str]]:
    """Grids whose coverage is newer than their quality, and the key places that meet those."""
    grids = [
        str(row[0])
        for row in conn.execute(
            "SELECT g.code FROM grids g JOIN LATERAL newest_coverage(g.code) c ON true "
            "LEFT JOIN area_quality q ON q.layer = 'grids' AND q.code = g.code "
            "WHERE q.run IS NULL OR q.run < c.run ORDER BY g.code"
        ).fetchall()
    ]
    places = [
        str(row[0])
        for row in conn.execute(
            "SELECT p.code FROM key_places p "
            "LEFT JOIN area_quality q ON q.layer = 'key-places' AND q.code = p.code "
            "WHERE q.run IS NULL OR EXISTS (SELECT 1 FROM grids g "
            "WHERE g.code = ANY(%s) AND g.geometry && p.geometry) ORDER BY p.code",
            (grids,),
        ).fetchall()
    ]
    return {"grids": grids, "key-places": places}


def read_area_quality(conn: Conn, layer: str) -> pd.DataFrame:
    """Stored quality of the grids or key places: code, run, shares by cameras, light and class."""
    rows = dict_rows(
        conn, "SELECT code, run, shares FROM area_quality WHERE layer = %s ORDER BY code", (layer,)
    )
    return keyed(pd.DataFrame(rows, columns=["code", "run", "shares"]), "code")


def replace_quality(conn: Conn, rows: pd.DataFrame) -> None:
    """Put quality figures in place of those they supersede."""
    conn.execute(
        "DELETE FROM area_quality q USING unnest(%s::text[], %s::text[]) AS n (layer, code) "
        "WHERE q.layer = n.layer AND q.code = n.code",
        (rows["layer"].tolist(), rows["code"].tolist()),
    )
    write_table(conn, "area_quality", rows)


def delete_orphan_quality(conn: Conn) -> None:
    """Forget the quality of areas that are no longer there."""
    conn.execute(
        "DELETE FROM area_quality q WHERE (layer = 'grids' AND NOT EXISTS "
        "(SELECT 1 FROM grids g WHERE g.code = q.code)) OR (layer = 'key-places' AND NOT EXISTS "
        "(SELECT 1 FROM key_places p WHERE p.code = q.code))"
    )
