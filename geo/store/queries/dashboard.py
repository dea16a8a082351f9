"""Tables of the dashboard: replaced together, read by level, area, owner and finding."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
from psycopg import sql
from psycopg.rows import dict_row

from geo.store.bulk_copy import clear_table, write_table
from geo.store.connection import Conn, dict_rows
from geo.store.rows import read_frame
from geo.store.statements import statement

TABLES = ("area_figures", "area_camera_years", "register_findings", "register_counts")


@dataclass(frozen=True)
class DashboardState:
    """What a dashboard was computed from."""

    run: int
    """Number of the newest run."""
    day: dt.date
    """Day of the computation."""
    imports: int
    """Number of the newest import; 0 without one."""


def find_stale_dashboard(conn: Conn, today: dt.date) -> DashboardState | None:
    """Return what a new dashboard would be computed from.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    today : datetime.date
        Today in the deployment's time zone.

    Returns
    -------
    DashboardState or None
        None if there is no run, or the stored dashboard is up to date.
    """
    row = conn.execute(
        "SELECT (SELECT id FROM latest_run), (SELECT coalesce(max(id), 0) FROM imports)"
    ).fetchone()
    if row is None or row[0] is None:
        return None
    current = DashboardState(int(row[0]), today, int(row[1]))
    stored = conn.execute("SELECT run, day, imports FROM board_state").fetchone()
    return None if stored == (current.run, current.day, current.imports) else current


def replace_dashboard(
    conn: Conn,
    state: DashboardState,
    *,
    figures: pd.DataFrame,
    years: pd.DataFrame,
    findings: pd.DataFrame,
    counts: pd.DataFrame,
) -> dict[str, Any]:
    """Replace the stored dashboard.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    state : DashboardState
        What it was computed from.
    figures : pandas.DataFrame
        Rows of `area_figures`.
    years : pandas.DataFrame
        Rows of `area_camera_years`.
    findings : pandas.DataFrame
        Rows of `register_findings` with point geometry.
    counts : pandas.DataFrame
        Rows of `register_counts`.

    Returns
    -------
    dict
        For the summary of the run: `board_day` and the number of `findings`.
    """
    for name in TABLES:
        clear_table(conn, name)
    run = state.run
    write_table(conn, "area_figures", figures.assign(run=run))
    if len(years):
        write_table(conn, "area_camera_years", years.assign(run=run))
    if len(findings):
        write_table(conn, "register_findings", findings.assign(run=run), shape="point")
    if len(counts):
        write_table(conn, "register_counts", counts.assign(run=run))
    conn.execute(
        "INSERT INTO board_state (run, day, imports) VALUES (%s, %s, %s) ON CONFLICT (single) "
        "DO UPDATE SET run = EXCLUDED.run, day = EXCLUDED.day, imports = EXCLUDED.imports, "
        "computed_at = clock_timestamp()",
        (run, state.day, state.imports),
    )
    return {"board_day": state.day.isoformat(), "findings": int(counts["rows"].sum())}


def read_dashboard_state(conn: Conn) -> dict[str, Any] | None:
    """Return run, day and moment of the stored dashboard.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    dict or None
        `run`, `day` and `computed_at`; None before the first one.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT run, day, computed_at FROM board_state").fetchone()


def read_figures_of_level(conn: Conn, level: str, parent: str | None) -> list[dict[str, Any]]:
    """Return the figures of the areas of a level.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    level : str
        Level, or `grid`.
    parent : str or None
        Code of the area they are in; None for all.

    Returns
    -------
    list of dict
        Of each figure `code`, `name`, `name_en` and `parent` of its area, `figure`, `part`,
        `whole` and `goal`.
    """
    return dict_rows(conn, statement("figures"), {"level": level, "parent": parent, "code": None})


def read_figures_of_area(conn: Conn, level: str, code: str) -> list[dict[str, Any]]:
    """Return the figures of one area.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    level : str
        Level of the area, or `grid`.
    code : str
        Code of the area.

    Returns
    -------
    list of dict
        As `read_figures_of_level`; empty if there is no such area.
    """
    return dict_rows(conn, statement("figures"), {"level": level, "parent": None, "code": code})


def read_camera_years(conn: Conn, level: str, code: str) -> list[dict[str, Any]]:
    """Return the cameras and platforms of an area by year.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    level : str
        Level of the area, or `grid`.
    code : str
        Code of the area.

    Returns
    -------
    list of dict
        Of each year `year`, cameras `installed`, `upgraded`, `retired` and `in_service`,
        and `platforms`.
    """
    return dict_rows(
        conn,
        "SELECT year, installed, upgraded, retired, in_service, platforms FROM area_camera_years "
        "WHERE level = %s AND code = %s ORDER BY year",
        (level, code),
    )


def count_data_quality_issues(
    conn: Conn, area: str | None = None, *, stored_only: bool = False
) -> list[dict[str, Any]]:
    """Return the number of rows of each finding by owner, most first.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    area : str, optional
        Code of an area or grid; only with `stored_only`.
    stored_only : bool, optional
        Whether to count only findings that are stored row by row.

    Returns
    -------
    list of dict
        `layer`, `aspect`, `finding`, `owner` and the number `rows`.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        if stored_only:
            return cursor.execute(statement("finding_counts"), {"area": area}).fetchall()
        return cursor.execute(
            "SELECT layer, aspect, finding, owner, rows FROM register_counts "
            "ORDER BY rows DESC, layer, aspect, finding, owner"
        ).fetchall()


def read_data_quality_issues(
    conn: Conn,
    limit: int,
    *,
    layer: str | None = None,
    aspect: str | None = None,
    finding: str | None = None,
    owner: str | None = None,
    area: str | None = None,
) -> tuple[gpd.GeoDataFrame, int]:
    """Return findings row by row, and their number.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    limit : int
        Largest number of rows returned.
    layer : str, optional
        Only findings of this layer; None for all.
    aspect : str, optional
        Only findings of this aspect; None for all.
    finding : str, optional
        Only this finding; None for all.
    owner : str, optional
        Only findings of this owner; None for all.
    area : str, optional
        Only findings in this area or grid; None for all.

    Returns
    -------
    tuple of (geopandas.GeoDataFrame, int)
        Points in EPSG:4326 with the columns of `register_findings`, and the number of all
        matching rows.
    """
    params = {"layer": layer, "aspect": aspect, "finding": finding, "owner": owner, "area": area}
    conditions = statement("finding_conditions")
    query = sql.SQL(
        "SELECT layer, code, aspect, finding, detail, owner, grid, community, subdistrict, "
        "district, ST_AsBinary(geometry) AS geometry FROM register_findings WHERE {} "
        "ORDER BY layer, aspect, finding, code LIMIT %(limit)s"
    ).format(conditions)
    rows = read_frame(conn, query, params | {"limit": limit})
    count = conn.execute(
        sql.SQL("SELECT count(*) FROM register_findings WHERE {}").format(conditions), params
    ).fetchone()
    return rows, int(count[0]) if count else 0
