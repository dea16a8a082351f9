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
    """Code, community, the figure as of a run, and the ground it is a share of (m²), of all grids.

    `risk` is by year and as of the newest run: incidents expected on ground that no camera sees; the ground
    of `population` is the whole grid.
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
    """As `grid_values`, of the open ground that some cameras see in an image of some class."""
    return conn.execute(
        "SELECT g.code, g.community, (q.shares #>> %s)::float8, c.open_m2 FROM grids g "
        "LEFT JOIN area_quality q ON q.layer = 'grids' AND q.code = g.code "
        "LEFT JOIN LATERAL newest_coverage(g.code) c ON true ORDER BY g.code",
        ([cameras, light, image],),
    ).fetchall()


def read_coverage_digests(conn: Conn, grids: list[str]) -> list[str]:
    """What the newest coverage of some grids rests on."""
    rows = conn.execute(
        "SELECT c.inputs_digest FROM unnest(%s::text[]) AS g (code) "
        "CROSS JOIN LATERAL newest_coverage(g.code) c ORDER BY c.grid",
        (grids,),
    ).fetchall()
    return [str(row[0]) for row in rows]


def read_coverage_figures(conn: Conn) -> NDArray[np.float64]:
    """Area, covered, open, and share of the open that is covered (0 without any), of all grids."""
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(
            "SELECT area_m2, covered_m2, open_m2, coalesce(open_covered_share, 0) "
            "FROM grid_coverage_latest"
        ).fetchall()
    return np.array(rows, float).reshape(-1, 4).T


def read_open_ground(conn: Conn) -> pd.Series:
    """Open ground of each grid by its newest coverage, m²."""
    rows = conn.execute("SELECT grid, open_m2 FROM grid_coverage_latest ORDER BY grid").fetchall()
    return pd.Series([row[1] for row in rows], index=[row[0] for row in rows], dtype=float)


def read_open_coverage(conn: Conn, grids: list[str]) -> pd.DataFrame:
    """Open ground (m²) and the share of it that is seen, of some grids by their newest coverage."""
    rows = conn.execute(
        "SELECT c.grid, c.open_m2, c.open_covered_share FROM unnest(%s::text[]) AS g (code) "
        "CROSS JOIN LATERAL newest_coverage(g.code) c ORDER BY c.grid",
        (grids,),
    ).fetchall()
    table = pd.DataFrame(rows, columns=["grid", "open_m2", "open_covered_share"])
    return table.set_index("grid").astype(float)
