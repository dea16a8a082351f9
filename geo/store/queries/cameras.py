"""Cameras: results, views, records and the history of their status."""

from __future__ import annotations

import datetime as dt
from typing import Any

import geopandas as gpd
import pandas as pd
from psycopg import sql
from psycopg.rows import dict_row

from geo.store.bulk_copy import copy_rows
from geo.store.connection import Conn, dict_rows
from geo.store.rows import filter_rows, indexed_by, read_frame
from geo.store.statements import statement


def count_cameras_used(conn: Conn) -> tuple[int, float]:
    """Return the number of cameras in the newest coverage and the share with assumed parameters.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    tuple of (int, float)
        Number of cameras, and share from 0 to 1 (0 without cameras).
    """
    row = conn.execute(
        "SELECT count(*), coalesce(avg(assumed::integer), 0)::float8 FROM camera_views"
    ).fetchone()
    return (int(row[0]), float(row[1])) if row else (0, 0.0)


def read_cameras_of_grid(conn: Conn, code: str, limit: int) -> list[dict[str, Any]]:
    """Return the cameras that are in a grid or see part of it, those in it first.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    code : str
        Code of the grid.
    limit : int
        Largest number of cameras.

    Returns
    -------
    list of dict
        Of each camera `code`, `name`, `kind`, `status`, `inside` (whether it is in the
        grid), `assumed`, `lon` and `lat`.
    """
    return dict_rows(conn, statement("cameras_of_grid"), {"grid": code, "limit": limit})


def lock_cameras(conn: Conn, codes: list[str]) -> dict[str, str]:
    """Lock cameras until the end of the transaction and return their status.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    codes : list of str
        Codes of cameras; unknown ones are ignored.

    Returns
    -------
    dict of str to str
        Status by code.
    """
    rows = conn.execute(
        "SELECT code, status FROM cameras WHERE code = ANY(%s) ORDER BY code FOR UPDATE",
        (sorted(set(codes)),),
    ).fetchall()
    return {str(code): str(status) for code, status in rows}


def read_status_history(conn: Conn, codes: list[str]) -> dict[str, list[tuple[dt.datetime, str]]]:
    """Return the status history of cameras.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    codes : list of str
        Codes of cameras.

    Returns
    -------
    dict of str to list of tuple
        By code the moments and statuses, oldest first; empty for an unknown camera.
    """
    history: dict[str, list[tuple[dt.datetime, str]]] = {code: [] for code in codes}
    rows = conn.execute(
        "SELECT camera, since, status FROM camera_status WHERE camera = ANY(%s) "
        "ORDER BY camera, since",
        (codes,),
    ).fetchall()
    for camera, since, status in rows:
        history[camera].append((since, status))
    return history


def delete_later_statuses(conn: Conn, codes: list[str], moment: dt.datetime) -> None:
    """Delete statuses and status reports of cameras that are later than a moment.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    codes : list of str
        Codes of cameras.
    moment : datetime.datetime
        The moment, timezone-aware.
    """
    for query in (
        "DELETE FROM camera_status WHERE camera = ANY(%s) AND since > %s",
        "DELETE FROM camera_heard WHERE camera = ANY(%s) AND at > %s",
    ):
        conn.execute(query, (codes, moment))


def write_statuses(
    conn: Conn,
    history: list[tuple[str, dt.datetime, str]],
    current: dict[str, str],
    reported: dict[str, dt.datetime],
) -> None:
    """Add statuses to the history, set the present ones, and record when they were reported.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    history : list of tuple of (str, datetime.datetime, str)
        Camera, moment and status of each change; one of the same camera and moment is
        replaced.
    current : dict
        Present status by camera.
    reported : dict
        Moment of the newest report by camera; an older one than stored is ignored.
    """
    conn.execute(
        "CREATE TEMP TABLE new_statuses (camera text, since timestamptz, status text) "
        "ON COMMIT DROP"
    )
    copy_rows(conn, sql.Identifier("new_statuses"), ("camera", "since", "status"), history)
    # The history first: the trigger of the register then adds no status of its own to it.
    conn.execute(
        "INSERT INTO camera_status (camera, since, status) "
        "SELECT camera, since, status FROM new_statuses "
        "ON CONFLICT (camera, since) DO UPDATE SET status = EXCLUDED.status"
    )
    conn.execute(
        "UPDATE cameras c SET status = n.status FROM unnest(%s::text[], %s::text[]) "
        "AS n (code, status) WHERE c.code = n.code AND c.status <> n.status",
        (list(current), list(current.values())),
    )
    conn.execute(
        "INSERT INTO camera_heard (camera, at) SELECT * FROM unnest(%s::text[], %s::timestamptz[]) "
        "ON CONFLICT (camera) DO UPDATE SET at = greatest(camera_heard.at, EXCLUDED.at)",
        (list(reported), list(reported.values())),
    )
    conn.execute("DROP TABLE new_statuses")


def read_camera_results(conn: Conn) -> gpd.GeoDataFrame:
    """Return all cameras with the area of their view.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    geopandas.GeoDataFrame
        Points in EPSG:4326 with `code`, `name`, `kind`, `status`, `bearing_deg`, `fov_deg`,
        `range_m`, and of the view `area_m2` and `assumed`, missing without one.
    """
    query = sql.SQL(
        "SELECT c.code, c.name, c.kind, c.status, c.bearing_deg, c.fov_deg, c.range_m, "
        "v.area_m2, v.assumed, ST_AsBinary(c.geometry) AS geometry "
        "FROM cameras c LEFT JOIN camera_views v ON v.camera = c.code ORDER BY c.code"
    )
    return read_frame(conn, query)


def read_camera_views(
    conn: Conn, *, codes: list[str] | None = None, boxes: Any = None
) -> gpd.GeoDataFrame:
    """Return stored views, indexed by camera.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    codes : list of str, optional
        Codes of cameras; None for no condition on them.
    boxes : array-like of float, shape (n, 4), optional
        Boxes (west, south, east, north, degrees) that the box of a view meets.

    Returns
    -------
    geopandas.GeoDataFrame
        Polygons in EPSG:4326 with `camera`, `run`, `area_m2`, `assumed`, `inputs_digest`
        and `metric_wkb`, the view in the metric CRS of its run without rounding.
    """
    where, params = filter_rows("camera_views", "camera", codes, boxes)
    query = sql.SQL(
        "SELECT camera, run, area_m2, assumed, inputs_digest, metric_wkb, "
        'ST_AsBinary(geometry) AS geometry FROM camera_views{} ORDER BY camera COLLATE "C"'
    ).format(where)
    return indexed_by(read_frame(conn, query, params), "camera")


def read_camera_record(conn: Conn, code: str) -> dict[str, Any] | None:
    """Return the record of one camera with its status history and its view.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    code : str
        Code of the camera.

    Returns
    -------
    dict or None
        The columns of the register with `lon`, `lat`, `status_reported_at`, `view_m2`,
        `assumed`, `grid`, `grid_name`, and `history`, the newest 100 changes with
        `since` and `status`; None if there is no such camera.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(statement("camera_record"), {"code": code}).fetchone()
        if row is None:
            return None
        row.pop("geometry")
        row["history"] = cursor.execute(
            "SELECT since, status FROM camera_status WHERE camera = %s "
            "ORDER BY since DESC LIMIT 100",
            (code,),
        ).fetchall()
    return row


def read_last_status_reports(conn: Conn) -> pd.Series:
    """Return when the status of each camera was last reported.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    pandas.Series
        Moments in UTC by camera.
    """
    rows = conn.execute(
        "SELECT camera, max(at) FROM (SELECT camera, since AS at FROM camera_status "
        "UNION ALL SELECT camera, at FROM camera_heard) t GROUP BY camera"
    ).fetchall()
    index = [str(row[0]) for row in rows]
    return pd.Series(pd.to_datetime([row[1] for row in rows], utc=True), index=index)


def record_status_reports(conn: Conn, cameras: pd.DataFrame) -> None:
    """Record that an imported register reported the statuses of its cameras now, changed or not.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    cameras : pandas.DataFrame
        Rows of the register with `code` and `status`; those of status `unknown` are no
        report.
    """
    codes = cameras.loc[cameras["status"].ne("unknown"), "code"].astype(str).tolist()
    conn.execute(
        "INSERT INTO camera_heard (camera, at) SELECT unnest(%s::text[]), now() "
        "ON CONFLICT (camera) DO UPDATE SET at = greatest(camera_heard.at, EXCLUDED.at)",
        (codes,),
    )
