"""Areas of the administrative hierarchy, and the grids in them."""

from __future__ import annotations

from typing import Any

import shapely
from psycopg import sql

from geo.store.connection import Conn, dict_rows
from geo.store.queries.grids import read_grid_codes
from geo.store.statements import statement


def read_area_codes(conn: Conn) -> set[str]:
    """Return the codes of all areas.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    set of str
        The codes.
    """
    return {str(row[0]) for row in conn.execute("SELECT code FROM areas").fetchall()}


def read_area_levels(conn: Conn) -> list[str]:
    """Return the levels that the areas have.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of str
        Such as `community`, in the order of the alphabet.
    """
    rows = conn.execute("SELECT DISTINCT level FROM areas ORDER BY level").fetchall()
    return [str(row[0]) for row in rows]


def read_district(conn: Conn) -> Any:
    """Return the outline of the district.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    shapely.Polygon or shapely.MultiPolygon or None
        The union of the areas of level `district`, otherwise of all areas, otherwise of all
        grids, in EPSG:4326; None without any.
    """
    for source in ("areas WHERE level = 'district'", "areas", "grids"):
        query = sql.SQL("SELECT ST_AsBinary(ST_Union(geometry)) FROM {}").format(sql.SQL(source))
        row = conn.execute(query).fetchone()
        if row is not None and row[0] is not None:
            return shapely.from_wkb(bytes(row[0]))
    return None


def read_grids_of_area(conn: Conn, area: str | None) -> list[str]:
    """Return the codes of the grids of an area and of all areas below it.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    area : str or None
        Code of an area or of one grid; None for all grids.

    Returns
    -------
    list of str
        The codes, sorted; empty if the code is unknown.
    """
    if area is None:
        return sorted(read_grid_codes(conn))
    rows = conn.execute("SELECT grids_of_area(%s) ORDER BY 1", (area,)).fetchall()
    return [str(row[0]) for row in rows]


def read_areas(conn: Conn) -> list[dict[str, Any]]:
    """Return the areas with a position for their label.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of dict
        Of each area `code`, `name`, `name_en`, `level`, `parent`, `lat` and `lon` of the
        label, and `box` (west, south, east, north), degrees.
    """
    return dict_rows(
        conn,
        "SELECT code, name, name_en, level, parent, ST_Y(p.at) AS lat, ST_X(p.at) AS lon, "
        "box_of(geometry) AS box FROM areas, "
        "LATERAL (SELECT ST_PointOnSurface(geometry) AS at) p ORDER BY code",
    )


def read_area_tree(conn: Conn) -> list[dict[str, Any]]:
    """Return the areas from the top down, each before those below it.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of dict
        Of each area `code`, `name`, `name_en`, `level`, `depth` (0 at the top) and `grids`,
        the number of grids in it.
    """
    return dict_rows(
        conn,
        statement("area_tree"),
    )


def read_area_path(conn: Conn, code: str) -> list[dict[str, Any]]:
    """Return an area or grid and the areas above it, from the top.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    code : str
        Code of an area or grid.

    Returns
    -------
    list of dict
        Of each `code`, `name`, `name_en` and `level`, which is `grid` for a grid; empty if
        the code is unknown.
    """
    return dict_rows(
        conn,
        statement("area_path"),
        {"code": code},
    )
