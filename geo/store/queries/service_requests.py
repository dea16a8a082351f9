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
    """Return how the service requests of a period were handled, by month and area.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    level : str
        Level of the areas, or `grid`.
    start : datetime.datetime
        First month.
    end : datetime.datetime
        Month after the last.

    Returns
    -------
    list of dict
        Columns of `service_quality` with the `name` and `name_en` of the area.
    """
    return dict_rows(
        conn,
        statement("service_quality"),
        {"level": level, "start": start.date(), "end": end.date()},
    )


def read_service_request_sums(conn: Conn, months: int) -> pd.DataFrame:
    """Return the service requests of the last months on record, by grid.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    months : int
        Number of months.

    Returns
    -------
    pandas.DataFrame
        Rows of `code` (empty outside every grid), `received`, `due`, `closed_in_time`,
        `rated` (numbers of requests) and `rating`, the sum of satisfaction from 0 to 1;
        without columns if there are no rows.
    """
    rows = dict_rows(conn, statement("service_request_sums"), {"months": months})
    return pd.DataFrame(rows)


def read_service_request_months(conn: Conn, level: str, code: str) -> list[dict[str, Any]]:
    """Return the service requests of an area by month.

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
        `month`, `received`, `closed`, `due`, `closed_in_time`, `in_time_share`,
        `median_hours` and `satisfaction`.
    """
    return dict_rows(
        conn,
        "SELECT month, received, closed, due, closed_in_time, in_time_share, median_hours, "
        "satisfaction FROM service_quality WHERE level = %s AND code = %s ORDER BY month",
        (level, code),
    )
