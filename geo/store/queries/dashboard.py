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
from geo.store.rows import frame_of
from geo.store.statements import statement

TABLES = ("area_figures", "area_camera_years", "register_findings", "register_counts")


@dataclass(frozen=True)
class DashboardState:
    """What a board rests on: the newest run, the day, the newest import."""

    run: int
    day: dt.date
    imports: int


def stale_dashboard_state(conn: Conn, today: dt.date) -> DashboardState | None:
    """The state a new board would rest on; None where there is no run, or the board has it."""
    row = conn.execute(
        "SELECT (SELECT id FROM latest_run), (SELECT coalesce(max(id), 0) FROM imports)"
    ).fetchone()
    if row is None or row[0] is None:
        return None
    wanted = DashboardState(int(row[0]), today, int(row[1]))
    had = conn.execute("SELECT run, day, imports FROM board_state").fetchone()
    return None if had == (wanted.run, wanted.day, wanted.imports) else wanted


def replace_dashboard(
    conn: Conn,
    state: DashboardState,
    *,
    figures: pd.DataFrame,
    years: pd.DataFrame,
    findings: pd.DataFrame,
    counts: pd.DataFrame,
) -> dict[str, Any]:
    """Put a new board in place of the old; the caller commits. Returns its own figures."""
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
    """Run, day and moment of the board; None before the first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT run, day, computed_at FROM board_state").fetchone()


def read_figures_of_level(conn: Conn, level: str, parent: str | None) -> list[dict[str, Any]]:
    """Every figure of every area of a level, or of those beneath one area."""
    return dict_rows(conn, statement("figures"), {"level": level, "parent": parent, "code": None})


def read_figures_of_area(conn: Conn, level: str, code: str) -> list[dict[str, Any]]:
    """Every figure of one area."""
    return dict_rows(conn, statement("figures"), {"level": level, "parent": None, "code": code})


def read_camera_years(conn: Conn, level: str, code: str) -> list[dict[str, Any]]:
    """Cameras and platforms of an area by year."""
    return dict_rows(
        conn,
        "SELECT year, installed, upgraded, retired, in_service, platforms FROM area_camera_years "
        "WHERE level = %s AND code = %s ORDER BY year",
        (level, code),
    )


def read_finding_counts(
    conn: Conn, area: str | None = None, *, kept: bool = False
) -> list[dict[str, Any]]:
    """How many rows of each finding whose are, most first: of all, or of those `kept` row by row."""
    with conn.cursor(row_factory=dict_row) as cursor:
        if kept:
            return cursor.execute(
                "SELECT layer, aspect, finding, owner, count(*)::integer AS rows "
                "FROM register_findings WHERE %(area)s::text IS NULL "
                "OR %(area)s IN (grid, community, subdistrict, district) "
                "GROUP BY 1, 2, 3, 4 ORDER BY rows DESC, layer, aspect, finding, owner",
                {"area": area},
            ).fetchall()
        return cursor.execute(
            "SELECT layer, aspect, finding, owner, rows FROM register_counts "
            "ORDER BY rows DESC, layer, aspect, finding, owner"
        ).fetchall()


_MEETS = sql.SQL(
    "(%(layer)s::text IS NULL OR layer = %(layer)s) AND (%(aspect)s::text IS NULL OR aspect = %(aspect)s) "
    "AND (%(finding)s::text IS NULL OR finding = %(finding)s) "
    "AND (%(owner)s::text IS NULL OR owner = %(owner)s) AND (%(area)s::text IS NULL OR %(area)s IN "
    "(grid, community, subdistrict, district))"
)


def read_register_findings(
    conn: Conn,
    limit: int,
    *,
    layer: str | None = None,
    aspect: str | None = None,
    finding: str | None = None,
    owner: str | None = None,
    area: str | None = None,
) -> tuple[gpd.GeoDataFrame, int]:
    """Findings, those of an area of any level if one is given, and how many there are."""
    chosen = {
        "layer": layer, "aspect": aspect, "finding": finding, "owner": owner, "area": area,
    }  # fmt: skip
    query = sql.SQL(
        "SELECT layer, code, aspect, finding, detail, owner, grid, community, subdistrict, district, "
        "ST_AsBinary(geometry) AS geometry FROM register_findings WHERE {} "
        "ORDER BY layer, aspect, finding, code LIMIT %(limit)s"
    ).format(_MEETS)
    rows = frame_of(conn, query, chosen | {"limit": limit})
    counted = conn.execute(
        sql.SQL("SELECT count(*) FROM register_findings WHERE {}").format(_MEETS), chosen
    ).fetchone()
    return rows, int(counted[0]) if counted else 0
