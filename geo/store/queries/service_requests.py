"""Service requests by area and month."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement


def read_service_quality(
    conn: Conn, level: str, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    """How appeals received in the months from `start` up to `end` were served, with the area's name."""
    return dict_rows(
        conn,
        "SELECT s.*, coalesce(a.name, g.name) AS name, coalesce(a.name_en, g.name_en) AS name_en "
        "FROM service_quality s LEFT JOIN areas a ON s.level <> 'grid' AND a.code = s.code "
        "LEFT JOIN grids g ON s.level = 'grid' AND g.code = s.code "
        "WHERE s.level = %s AND month >= %s AND month < %s ORDER BY month, s.code",
        (level, start.date(), end.date()),
    )


def read_service_request_sums(conn: Conn, months: int) -> pd.DataFrame:
    """Appeals by grid ("" outside) over the last months there are: counts, and ratings over 100."""
    rows = dict_rows(conn, statement("service_request_sums"), {"months": months})
    return pd.DataFrame(rows)


def read_service_request_months(conn: Conn, level: str, code: str) -> list[dict[str, Any]]:
    """Appeals of an area by month."""
    return dict_rows(
        conn,
        "SELECT month, received, closed, due, closed_in_time, in_time_share, median_hours, "
        "satisfaction FROM service_quality WHERE level = %s AND code = %s ORDER BY month",
        (level, code),
    )
