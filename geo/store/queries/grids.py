"""Grids: codes, results, the card of one grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
from psycopg.rows import dict_row

from geo.store.connection import Conn, dict_rows
from geo.store.rows import box_arrays, frame_of, keyed
from geo.store.statements import statement


def read_names(conn: Conn, codes: list[str]) -> dict[str, list[str | None]]:
    """Name and English name of some grids and areas."""
    rows = conn.execute(
        "SELECT code, name, name_en FROM grids WHERE code = ANY(%(codes)s) "
        "UNION ALL SELECT code, name, name_en FROM areas WHERE code = ANY(%(codes)s)",
        {"codes": codes},
    ).fetchall()
    return {str(code): [name, name_en] for code, name, name_en in rows}


def read_grid_card(conn: Conn, code: str) -> dict[str, Any] | None:
    """All that a grid's card tells, but for its people and cameras; None for no such grid."""
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
        "SELECT to_char(month, 'YYYY-MM') AS month, sum(count)::integer AS count FROM grid_incidents "
        "WHERE grid = %s GROUP BY 1 ORDER BY 1",
        (code,),
    )
    return row


def count_grids_except(conn: Conn, codes: Sequence[str]) -> int:
    """Return how many grids have none of these codes."""
    row = conn.execute(
        "SELECT count(*) FROM grids WHERE code <> ALL(%s)", (list(codes),)
    ).fetchone()
    return int(row[0]) if row else 0


def delete_grids_except(conn: Conn, codes: Sequence[str]) -> int:
    """Delete the grids that have none of these codes, their staff with them; the caller commits."""
    return conn.execute("DELETE FROM grids WHERE code <> ALL(%s)", (list(codes),)).rowcount


def read_grid_codes(conn: Conn) -> set[str]:
    """Codes of all grids."""
    return {str(row[0]) for row in conn.execute("SELECT code FROM grids").fetchall()}


def count_grids_outside_prefix(conn: Conn, prefix: str) -> int:
    """How many grids have a code that does not begin with `prefix`."""
    row = conn.execute(
        "SELECT count(*) FROM grids WHERE NOT starts_with(code, %s)", (prefix,)
    ).fetchone()
    return int(row[0]) if row else 0


def read_grid_results(conn: Conn, run: int) -> gpd.GeoDataFrame:
    """Grids with their coverage as of a run and their density, indexed by code."""
    return keyed(frame_of(conn, statement("grid_results"), {"run": run}), "code")


def boxes_meet_grids(conn: Conn, boxes: Any) -> list[bool]:
    """Whether each of some boxes (west, south, east, north) meets the box of a grid."""
    rows = conn.execute(
        "SELECT EXISTS (SELECT 1 FROM grids g WHERE g.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326)) "
        "FROM unnest(%(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[]) "
        "WITH ORDINALITY AS b (w, s, e, n, k) ORDER BY b.k",
        box_arrays(boxes),
    ).fetchall()
    return [bool(row[0]) for row in rows]
