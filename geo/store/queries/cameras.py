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
from geo.store.rows import filter_rows, frame_of, keyed
from geo.store.statements import statement


def count_cameras_used(conn: Conn) -> tuple[int, float]:
    """How many cameras the newest coverage rests on, and of how many of them something was assumed (0 to 1)."""
    row = conn.execute(
        "SELECT count(*), coalesce(avg(assumed::integer), 0)::float8 FROM camera_views"
    ).fetchone()
    return (int(row[0]), float(row[1])) if row else (0, 0.0)


def read_cameras_of_grid(conn: Conn, code: str, limit: int) -> list[dict[str, Any]]:
    """The cameras that stand in a grid or see some of it, those in it first."""
    return dict_rows(conn, statement("cameras_of_grid"), {"grid": code, "limit": limit})


def lock_cameras(conn: Conn, codes: list[str]) -> dict[str, str]:
    """Status of the cameras there are among some codes; theirs are changed by no other meanwhile."""
    rows = conn.execute(
        "SELECT code, status FROM cameras WHERE code = ANY(%s) ORDER BY code FOR UPDATE",
        (sorted(set(codes)),),
    ).fetchall()
    return {str(code): str(status) for code, status in rows}


def read_status_history(conn: Conn, codes: list[str]) -> dict[str, list[tuple[dt.datetime, str]]]:
    """Since when each of some cameras has had which status, oldest first."""
    out: dict[str, list[tuple[dt.datetime, str]]] = {code: [] for code in codes}
    rows = conn.execute(
        "SELECT camera, since, status FROM camera_status WHERE camera = ANY(%s) "
        "ORDER BY camera, since",
        (codes,),
    ).fetchall()
    for camera, since, status in rows:
        out[camera].append((since, status))
    return out


def delete_later_statuses(conn: Conn, codes: list[str], moment: dt.datetime) -> None:
    """Drop statuses of some cameras, and when they were heard of, that would only be told in the future."""
    for query in (
        "DELETE FROM camera_status WHERE camera = ANY(%s) AND since > %s",
        "DELETE FROM camera_heard WHERE camera = ANY(%s) AND at > %s",
    ):
        conn.execute(query, (codes, moment))


def write_statuses(
    conn: Conn,
    history: list[tuple[str, dt.datetime, str]],
    current: dict[str, str],
    heard: dict[str, dt.datetime],
) -> None:
    """Add to the history, set what cameras have now, and note when they were heard of."""
    conn.execute(
        "CREATE TEMP TABLE told (camera text, since timestamptz, status text) ON COMMIT DROP"
    )
    copy_rows(conn, sql.Identifier("told"), ("camera", "since", "status"), history)
    # The history first: the register's own trigger then finds the status in it.
    conn.execute(
        "INSERT INTO camera_status (camera, since, status) SELECT camera, since, status FROM told "
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
        (list(heard), list(heard.values())),
    )
    conn.execute("DROP TABLE told")


def read_camera_results(conn: Conn) -> gpd.GeoDataFrame:
    """Cameras with the area of their view."""
    query = sql.SQL(
        "SELECT c.code, c.name, c.kind, c.status, c.bearing_deg, c.fov_deg, c.range_m, "
        "v.area_m2, v.assumed, ST_AsBinary(c.geometry) AS geometry "
        "FROM cameras c LEFT JOIN camera_views v ON v.camera = c.code ORDER BY c.code"
    )
    return frame_of(conn, query)


def read_camera_views(
    conn: Conn, *, codes: list[str] | None = None, boxes: Any = None
) -> gpd.GeoDataFrame:
    """The stored views, indexed by camera; some of them as in `read_layer`.

    `metric_wkb` is the view in the run's metric CRS, to the last bit.
    """
    where, params = filter_rows("camera_views", "camera", codes, boxes)
    query = sql.SQL(
        "SELECT camera, run, area_m2, assumed, inputs_digest, metric_wkb, "
        'ST_AsBinary(geometry) AS geometry FROM camera_views{} ORDER BY camera COLLATE "C"'
    ).format(where)
    return keyed(frame_of(conn, query, params), "camera")


def read_camera_record(conn: Conn, code: str) -> dict[str, Any] | None:
    """All that is known of one camera: its row, its status history, its areas; None for no such."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(statement("camera_record"), {"code": code}).fetchone()
        if row is None:
            return None
        row.pop("geometry")
        row["history"] = cursor.execute(
            "SELECT since, status FROM camera_status WHERE camera = %s ORDER BY since DESC LIMIT 100",
            (code,),
        ).fetchall()
    return row


def read_last_status_reports(conn: Conn) -> pd.Series:
    """When each camera's status was last told, UTC, by code."""
    rows = conn.execute(
        "SELECT camera, max(at) FROM (SELECT camera, since AS at FROM camera_status "
        "UNION ALL SELECT camera, at FROM camera_heard) t GROUP BY camera"
    ).fetchall()
    index = [str(row[0]) for row in rows]
    return pd.Series(pd.to_datetime([row[1] for row in rows], utc=True), index=index)


def read_all_status_history(conn: Conn) -> pd.DataFrame:
    """Every status of every camera: camera, status, since."""
    rows = dict_rows(conn, "SELECT camera, status, since FROM camera_status ORDER BY camera, since")
    return pd.DataFrame(rows, columns=["camera", "status", "since"])


def record_status_reports(conn: Conn, cameras: pd.DataFrame) -> None:
    """A register that tells cameras' statuses has told them now, changed or not. The caller commits."""
    told = cameras.loc[cameras["status"].ne("unknown"), "code"].astype(str).tolist()
    conn.execute(
        "INSERT INTO camera_heard (camera, at) SELECT unnest(%s::text[]), now() "
        "ON CONFLICT (camera) DO UPDATE SET at = greatest(camera_heard.at, EXCLUDED.at)",
        (told,),
    )
