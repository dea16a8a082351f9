"""Stored coverage by grid: figures for maps and totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from psycopg import sql

from geo.store.connection import Conn

if TYPE_CHECKING:
    from numpy.typing import NDArray


Measure = Literal[
    "open_covered_share", "covered_share", "twice_covered_share", "risk", "population"
]


def read_grid_values(conn: Conn, measure: Measure, run: int) -> list[tuple[Any, ...]]:
    """Return a measure of all grids.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    measure : Measure
        Column of the coverage, `population`, or `risk`: incidents expected per year on
        ground that no camera sees, of the newest run.
    run : int
        Number of the run; ignored by `risk` and `population`.

    Returns
    -------
    list of tuple
        Code, community, value, and the area (m²) that the value is a share of: open ground,
        the grid, or for `risk` its blind spots; None where there is no result.
    """
    if measure == "risk":
        return conn.execute(
            "SELECT g.code, g.community, sum(b.risk), sum(b.area_m2) FROM grids g "
            "LEFT JOIN blind_spots b ON b.grid = g.code GROUP BY g.code ORDER BY g.code"
        ).fetchall()
    if measure == "population":
        return conn.execute(
            "SELECT g.code, g.community, g.population, c.area_m2 FROM grids g "
            "LEFT JOIN LATERAL newest_coverage(g.code) c ON true ORDER BY g.code"
        ).fetchall()
    ground = "open_m2" if measure == "open_covered_share" else "area_m2"
    query = sql.SQL(
        "SELECT g.code, g.community, c.{}, c.{} FROM grids g "
        "LEFT JOIN LATERAL newest_coverage(g.code, %s) c ON true ORDER BY g.code"
    ).format(sql.Identifier(measure), sql.Identifier(ground))
    return conn.execute(query, (run,)).fetchall()


def read_quality_values(conn: Conn, cameras: str, light: str, image: str) -> list[tuple[Any, ...]]:
    """Return the share of open ground seen in images of a class, of all grids.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    cameras : str
        Which cameras: key of the stored shares.
    light : str
        Light, such as `day` or `night`: key of the stored shares.
    image : str
        Image class: key of the stored shares.

    Returns
    -------
    list of tuple
        Code, community, share and open ground (m²); None where there is no result.
    """
    return conn.execute(
        "SELECT g.code, g.community, (q.shares #>> %s)::float8, c.open_m2 FROM grids g "
        "LEFT JOIN area_quality q ON q.layer = 'grids' AND q.code = g.code "
        "LEFT JOIN LATERAL newest_coverage(g.code) c ON true ORDER BY g.code",
        ([cameras, light, image],),
    ).fetchall()


def read_coverage_digests(conn: Conn, grids: list[str]) -> list[str]:
    """Return the digests of the inputs of the newest coverage of grids.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    grids : list of str
        Codes of the grids.

    Returns
    -------
    list of str
        Digests in the order of the codes; grids without coverage are left out.
    """
    rows = conn.execute(
        "SELECT c.inputs_digest FROM unnest(%s::text[]) AS g (code) "
        "CROSS JOIN LATERAL newest_coverage(g.code) c ORDER BY c.grid",
        (grids,),
    ).fetchall()
    return [str(row[0]) for row in rows]


def read_coverage_figures(conn: Conn) -> NDArray[np.float64]:
    """Return the newest coverage figures of all grids.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    numpy.ndarray
        Shape (4, n): area, covered area and open area, m², and covered share of the open
        area, 0 without open ground.
    """
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(
            "SELECT area_m2, covered_m2, open_m2, coalesce(open_covered_share, 0) "
            "FROM grid_coverage_latest"
        ).fetchall()
    return np.array(rows, float).reshape(-1, 4).T


def read_open_ground(conn: Conn) -> pd.Series:
    """Return the open ground of each grid by its newest coverage.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    pandas.Series
        Area by code, m².
    """
    rows = conn.execute("SELECT grid, open_m2 FROM grid_coverage_latest ORDER BY grid").fetchall()
    return pd.Series([row[1] for row in rows], index=[row[0] for row in rows], dtype=float)


def read_open_coverage(conn: Conn, grids: list[str]) -> pd.DataFrame:
    """Return the open ground of grids and the share of it that is seen, by their newest coverage.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    grids : list of str
        Codes of the grids.

    Returns
    -------
    pandas.DataFrame
        Columns `open_m2` and `open_covered_share`, indexed by `grid`.
    """
    rows = conn.execute(
        "SELECT c.grid, c.open_m2, c.open_covered_share FROM unnest(%s::text[]) AS g (code) "
        "CROSS JOIN LATERAL newest_coverage(g.code) c ORDER BY c.grid",
        (grids,),
    ).fetchall()
    table = pd.DataFrame(rows, columns=["grid", "open_m2", "open_covered_share"])
    return table.set_index("grid").astype(float)
