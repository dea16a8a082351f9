"""Areas of the administrative hierarchy, and the grids they hold."""

from __future__ import annotations

from typing import Any

import shapely

from geo.store.connection import Conn, dict_rows
from geo.store.queries.grids import read_grid_codes


def read_area_codes(conn: Conn) -> set[str]:
    """Codes of all areas."""
    return {str(row[0]) for row in conn.execute("SELECT code FROM areas").fetchall()}


def read_area_levels(conn: Conn) -> list[str]:
    """Return the levels of which there are areas."""
    rows = conn.execute("SELECT DISTINCT level FROM areas ORDER BY level").fetchall()
    return [str(row[0]) for row in rows]


def read_district(conn: Conn) -> Any:
    """The district's (multi)polygon: its own area, else all areas, else all grids; or None."""
    for query in (
        "SELECT ST_AsBinary(ST_Union(geometry)) FROM areas WHERE level = 'district'",
        "SELECT ST_AsBinary(ST_Union(geometry)) FROM areas",
        "SELECT ST_AsBinary(ST_Union(geometry)) FROM grids",
    ):
        row = conn.execute(query.encode()).fetchone()
        if row is not None and row[0] is not None:
            return shapely.from_wkb(bytes(row[0]))
    return None


GRIDS_OF_AREA = (
    "WITH RECURSIVE down AS (SELECT code FROM areas WHERE code = %(area)s "
    "UNION SELECT a.code FROM areas a JOIN down d ON a.parent = d.code) "
    "SELECT code FROM grids WHERE code = %(area)s OR community IN (SELECT code FROM down)"
)
"""The grids of the area (or the grid) `area`, and of all beneath it."""


def read_grids_of_area(conn: Conn, area: str | None) -> list[str]:
    """Codes of the grids of an area and all beneath it, of one grid, or of all."""
    if area is None:
        return sorted(read_grid_codes(conn))
    rows = conn.execute(f"{GRIDS_OF_AREA} ORDER BY code".encode(), {"area": area}).fetchall()
    return [str(row[0]) for row in rows]


def read_areas(conn: Conn) -> list[dict[str, Any]]:
    """Areas with a place to write their name."""
    return dict_rows(
        conn,
        "SELECT code, name, name_en, level, parent, ST_Y(p.at) AS lat, ST_X(p.at) AS lon, "
        "box_of(geometry) AS box FROM areas, "
        "LATERAL (SELECT ST_PointOnSurface(geometry) AS at) p ORDER BY code",
    )


def read_area_tree(conn: Conn) -> list[dict[str, Any]]:
    """Areas from the top down, each before those beneath it, with the number of its grids."""
    return dict_rows(
        conn,
        "WITH RECURSIVE down AS ("
        "SELECT code, name, name_en, level, 0 AS depth, ARRAY[code] AS path FROM areas "
        "WHERE parent IS NULL OR parent NOT IN (SELECT code FROM areas) "
        "UNION ALL SELECT a.code, a.name, a.name_en, a.level, d.depth + 1, d.path || a.code "
        "FROM areas a JOIN down d ON a.parent = d.code WHERE d.depth < 10) "
        "SELECT code, name, name_en, level, depth, (SELECT count(*) FROM grids g JOIN down b ON b.code = g.community "
        "WHERE down.code = ANY(b.path))::integer AS grids FROM down ORDER BY path",
    )


def read_area_path(conn: Conn, code: str) -> list[dict[str, Any]]:
    """An area or grid and the areas it lies in, from the top; empty for none of this code."""
    return dict_rows(
        conn,
        "WITH RECURSIVE up AS ("
        "SELECT code, name, name_en, level, parent, 0 AS steps FROM areas WHERE code = %(code)s "
        "UNION ALL (SELECT code, name, name_en, 'grid', community, 0 FROM grids "
        "WHERE code = %(code)s AND NOT EXISTS (SELECT 1 FROM areas WHERE code = %(code)s)) "
        "UNION ALL SELECT a.code, a.name, a.name_en, a.level, a.parent, up.steps + 1 "
        "FROM up JOIN areas a ON a.code = up.parent WHERE up.steps < 10) "
        "SELECT code, name, name_en, level FROM up ORDER BY steps DESC",
        {"code": code},
    )
