"""Areas of the administrative hierarchy, and the grids they hold."""

from __future__ import annotations

from typing import Any

import shapely
from psycopg import sql

from geo.store.connection import Conn, dict_rows
from geo.store.queries.grids import read_grid_codes
from geo.store.statements import statement


def read_area_codes(conn: Conn) -> set[str]:
    """Codes of all areas."""
    return {str(row[0]) for row in conn.execute("SELECT code FROM areas").fetchall()}


def read_area_levels(conn: Conn) -> list[str]:
    """Return the levels of which there are areas."""
    rows = conn.execute("SELECT DISTINCT level FROM areas ORDER BY level").fetchall()
    return [str(row[0]) for row in rows]


def read_district(conn: Conn) -> Any:
    """The district's (multi)polygon: its own area, else all areas, else all grids; or None."""
    for source in ("areas WHERE level = 'district'", "areas", "grids"):
        query = sql.SQL("SELECT ST_AsBinary(ST_Union(geometry)) FROM {}").format(sql.SQL(source))
        row = conn.execute(query).fetchone()
        if row is not None and row[0] is not None:
            return shapely.from_wkb(bytes(row[0]))
    return None


def read_grids_of_area(conn: Conn, area: str | None) -> list[str]:
    """Codes of the grids of an area and all beneath it, of one grid, or of all."""
    if area is None:
        return sorted(read_grid_codes(conn))
    rows = conn.execute("SELECT grids_of_area(%s) ORDER BY 1", (area,)).fetchall()
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
        statement("area_tree"),
    )


def read_area_path(conn: Conn, code: str) -> list[dict[str, Any]]:
    """An area or grid and the areas it lies in, from the top; empty for none of this code."""
    return dict_rows(
        conn,
        statement("area_path"),
        {"code": code},
    )
