"""Stored blind spots: by grid, by rank, and their risk."""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import pandas as pd
from psycopg import sql

from geo.store.connection import Conn, dict_rows
from geo.store.rows import read_frame
from geo.store.statements import statement


def read_ranked_blind_spots(
    conn: Conn, by: Literal["area", "risk"], area: str | None, limit: int, offset: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return blind spots in descending order of area or risk, and the sums of all of them.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    by : {'area', 'risk'}
        What they are ordered by; those without risk come last.
    area : str or None
        Code of the area or grid they are in; None for all.
    limit : int
        Largest number of blind spots.
    offset : int
        Number of blind spots to skip.

    Returns
    -------
    tuple of (list of dict, dict)
        Of each blind spot `rank` (from 1), `grid`, `number`, `grid_name`, `grid_name_en`,
        `area_m2`, `widest_m`, `risk` and `box`; and of all of the area the number `spots`,
        `area_m2` and `risk`.
    """
    order = sql.SQL("risk DESC NULLS LAST, area_m2 DESC" if by == "risk" else "area_m2 DESC")
    query = statement("ranked_blind_spots").format(order=order)
    rows = dict_rows(conn, query, {"area": area, "limit": limit, "offset": offset})
    for rank, row in enumerate(rows, offset + 1):
        row["rank"] = rank
    sums = dict_rows(
        conn,
        "SELECT count(*)::integer AS spots, coalesce(sum(area_m2), 0) AS area_m2, "
        "sum(risk) AS risk FROM blind_spots "
        "WHERE %(area)s::text IS NULL OR grid IN (SELECT grids_of_area(%(area)s))",
        {"area": area},
    )
    return rows, sums[0]


def read_largest_blind_spots(conn: Conn, limit: int) -> gpd.GeoDataFrame:
    """Return the largest blind spots in descending order of area.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    limit : int
        Largest number of blind spots.

    Returns
    -------
    geopandas.GeoDataFrame
        Polygons in EPSG:4326 with `rank` (from 1), `grid`, `grid_name`, `grid_name_en`,
        `area_m2` and `widest_m`.
    """
    return read_frame(conn, statement("largest_blind_spots"), {"limit": limit})


def read_blind_spots(conn: Conn, grids: list[str]) -> gpd.GeoDataFrame:
    """Return the blind spots of grids.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    grids : list of str
        Codes of the grids.

    Returns
    -------
    geopandas.GeoDataFrame
        Polygons in EPSG:4326 with `grid`, `number`, `area_m2` and `widest_m`.
    """
    query = sql.SQL(
        "SELECT grid, number, area_m2, widest_m, ST_AsBinary(geometry) AS geometry "
        "FROM blind_spots WHERE grid = ANY(%s) ORDER BY grid, number"
    )
    return read_frame(conn, query, (grids,))


def read_blind_spots_without_risk(conn: Conn, run: int) -> gpd.GeoDataFrame:
    """Return the blind spots whose risk was not computed from the density of a run.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    run : int
        Number of the run of the density.

    Returns
    -------
    geopandas.GeoDataFrame
        Polygons in EPSG:4326 with `grid` and `number`.
    """
    query = sql.SQL(
        "SELECT grid, number, ST_AsBinary(geometry) AS geometry FROM blind_spots "
        "WHERE risk_run IS DISTINCT FROM %s ORDER BY grid, number"
    )
    return read_frame(conn, query, (run,))


def write_blind_spot_risk(conn: Conn, run: int, spots: pd.DataFrame) -> None:
    """Set the risk of blind spots and the run it was computed from.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    run : int
        Number of the run of the density.
    spots : pandas.DataFrame
        Rows of `grid`, `number` and `risk` (expected incidents per year).
    """
    conn.execute(
        "UPDATE blind_spots b SET risk = n.risk, risk_run = %s "
        "FROM unnest(%s::text[], %s::integer[], %s::float8[]) AS n (grid, number, risk) "
        "WHERE b.grid = n.grid AND b.number = n.number",
        (run, *(spots[name].tolist() for name in ("grid", "number", "risk"))),
    )
