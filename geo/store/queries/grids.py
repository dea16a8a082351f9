"""Grids: codes, results, the card of one grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
from psycopg import sql
from psycopg.rows import dict_row

from geo.store.connection import Conn, dict_rows
from geo.store.rows import box_arrays, frame_of, keyed


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
        row = cursor.execute(
            "SELECT g.code, g.name, g.name_en, g.kind, g.population, g.community, "
            "a.name AS community_name, a.name_en AS community_name_en, s.code AS subdistrict, "
            "s.name AS subdistrict_name, s.name_en AS subdistrict_name_en, box_of(g.geometry) AS box, "
            "c.run, r.finished_at AS computed_at, c.area_m2, c.open_m2, c.covered_m2, c.covered_share, "
            "c.open_covered_share, c.twice_covered_share, c.cameras, d.count AS incidents, d.per_km2, "
            "d.per_1000_people, q.shares AS quality, "
            "(SELECT count(*) FROM blind_spots b WHERE b.grid = g.code)::integer AS blind_spots, "
            "(SELECT sum(area_m2) FROM blind_spots b WHERE b.grid = g.code) AS blind_m2, "
            "(SELECT sum(risk) FROM blind_spots b WHERE b.grid = g.code) AS risk "
            "FROM grids g LEFT JOIN areas a ON a.code = g.community LEFT JOIN areas s ON s.code = a.parent "
            "LEFT JOIN LATERAL (SELECT * FROM grid_coverage WHERE grid = g.code ORDER BY run DESC LIMIT 1) c "
            "ON true LEFT JOIN runs r ON r.id = c.run LEFT JOIN grid_density d ON d.grid = g.code "
            "LEFT JOIN area_quality q ON q.layer = 'grids' AND q.code = g.code WHERE g.code = %s",
            (code,),
        ).fetchone()
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
    query = sql.SQL(
        "SELECT g.code, g.name, g.name_en, g.community, g.population, g.kind, "
        "c.area_m2, c.covered_m2, c.covered_share, c.open_m2, c.open_covered_share, c.cameras, "
        "c.twice_covered_share, c.seen_by_0_share, c.seen_by_1_share, c.seen_by_2_share, "
        "c.seen_by_3_share, d.count, d.per_km2, d.per_1000_people, d.per_day, "
        "a.name AS community_name, a.name_en AS community_name_en, "
        "s.name AS subdistrict_name, s.name_en AS subdistrict_name_en, h.name AS head, "
        "ST_AsBinary(g.geometry) AS geometry "
        "FROM grids g LEFT JOIN LATERAL (SELECT * FROM grid_coverage WHERE grid = g.code "
        "AND run <= %(run)s ORDER BY run DESC LIMIT 1) c ON true "
        "LEFT JOIN grid_density d ON d.grid = g.code "
        "LEFT JOIN areas a ON a.code = g.community LEFT JOIN areas s ON s.code = a.parent "
        "LEFT JOIN LATERAL (SELECT name FROM grid_staff WHERE grid = g.code AND role = 'head' "
        "ORDER BY name LIMIT 1) h ON true ORDER BY g.code"
    )
    return keyed(frame_of(conn, query, {"run": run}), "code")


def boxes_meet_grids(conn: Conn, boxes: Any) -> list[bool]:
    """Whether each of some boxes (west, south, east, north) meets the box of a grid."""
    rows = conn.execute(
        "SELECT EXISTS (SELECT 1 FROM grids g WHERE g.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326)) "
        "FROM unnest(%(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[]) "
        "WITH ORDINALITY AS b (w, s, e, n, k) ORDER BY b.k",
        box_arrays(boxes),
    ).fetchall()
    return [bool(row[0]) for row in rows]
