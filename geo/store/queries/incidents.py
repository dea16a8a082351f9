"""Incidents by period, category, area and place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from psycopg import sql

from geo.store.bulk_copy import clear_table, copy_table
from geo.store.connection import Conn, dict_rows
from geo.store.rows import box_around, box_arrays
from geo.store.statements import statement

if TYPE_CHECKING:
    from numpy.typing import NDArray


IN_CATEGORIES = sql.SQL(
    "(%(categories)s::text[] IS NULL OR EXISTS (SELECT 1 FROM unnest(%(categories)s::text[]) AS w "
    "WHERE category = w OR starts_with(category, w || '/')))"
)
"""The category is one of those given, or lies beneath one."""


def read_incident_months(conn: Conn) -> list[dict[str, Any]]:
    """Incidents by month and root of the category, those outside every grid apart."""
    return dict_rows(
        conn,
        "SELECT month, split_part(category, '/', 1) AS category, sum(count)::integer AS count, "
        "coalesce(sum(count) FILTER (WHERE grid = ''), 0)::integer AS outside "
        "FROM grid_incidents GROUP BY 1, 2 ORDER BY 1, 2",
    )


def read_incident_places(conn: Conn, boxes: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of incidents placed exactly or by their road, in some boxes."""
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(
            statement("incident_places"), box_arrays(boxes) | box_around(boxes)
        ).fetchall()
    lon, lat = np.array(rows, float).reshape(-1, 2).T
    return lon, lat


def read_places_of_last_year(
    conn: Conn, boxes: Any = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of the incidents of the last 365 days on record, in some boxes or anywhere."""
    inside = "lon BETWEEN %(w)s AND %(e)s AND lat BETWEEN %(s)s AND %(n)s"
    query = sql.SQL(
        "SELECT lon, lat FROM incident_events WHERE lon IS NOT NULL AND {inside} "
        "AND at > (SELECT max(at) FROM incident_events) - interval '365 days'"
    ).format(inside=sql.SQL("true" if boxes is None else inside))
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(query, {} if boxes is None else box_around(boxes)).fetchall()
    lon, lat = np.array(rows, float).reshape(-1, 2).T
    return lon, lat


Step = Literal["hour", "day", "week", "month"]


@dataclass(frozen=True)
class IncidentFilter:
    """Which incidents: from, until (excluded), of some categories and all beneath them, in one area."""

    start: datetime
    end: datetime
    categories: list[str] | None = None
    area: str | None = None
    """Code of an area or grid."""

    @property
    def params(self) -> dict[str, Any]:
        """What `_SELECTED` is given."""
        return {
            "start": self.start, "end": self.end, "categories": self.categories, "area": self.area,
        }  # fmt: skip


# A long span counts where all of it lies in the period.
_SELECTED = sql.SQL(
    "FROM incident_events WHERE at >= %(start)s AND at < %(end)s "
    "AND (until IS NULL OR until <= %(end)s) AND {in_categories} "
    "AND (%(area)s::text IS NULL OR grid IN (SELECT grids_of_area(%(area)s)))"
).format(in_categories=IN_CATEGORIES)


def count_by_grid(conn: Conn, chosen: IncidentFilter) -> dict[str, int]:
    """Incidents by grid; '' is outside every grid."""
    query = sql.SQL("SELECT grid, count(*)::integer {selected} GROUP BY grid")
    rows = conn.execute(query.format(selected=_SELECTED), chosen.params).fetchall()
    return {str(grid): int(count) for grid, count in rows}


def count_by_step(
    conn: Conn, chosen: IncidentFilter, step: Step, zone: str
) -> list[dict[str, Any]]:
    """Incidents by step of the local calendar and root of the category, where there are any.

    Those known only within a span of more than a week are in no step.

    Returns
    -------
    Rows of `start` (local, without a zone), `category`, `count`, in the order of time.
    """
    query = sql.SQL(
        "SELECT date_trunc(%(step)s, at AT TIME ZONE %(zone)s) AS start, "
        "split_part(category, '/', 1) AS category, count(*)::integer AS count "
        "{selected} AND until IS NULL GROUP BY 1, 2 ORDER BY 1, 2"
    )
    params = chosen.params | {"step": step, "zone": zone}
    return dict_rows(conn, query.format(selected=_SELECTED), params)


def count_by_hour(conn: Conn, chosen: IncidentFilter, zone: str) -> tuple[list[list[int]], int]:
    """Incidents by weekday (Monday first) and hour of the local day, and those whose hour is not known."""
    table = [[0] * 24 for _ in range(7)]
    untimed = 0
    query = sql.SQL(
        "SELECT timed, extract(isodow FROM at AT TIME ZONE %(zone)s)::integer, "
        "extract(hour FROM at AT TIME ZONE %(zone)s)::integer, count(*)::integer "
        "{selected} GROUP BY 1, 2, 3"
    ).format(selected=_SELECTED)
    rows = conn.execute(query, chosen.params | {"zone": zone}).fetchall()
    for timed, weekday, hour, count in rows:
        if timed:
            table[weekday - 1][hour] = count
        else:
            untimed += count
    return table, untimed


def count_by_place(
    conn: Conn, chosen: IncidentFilter, *, cell_deg: float, box: tuple[float, float, float, float] | None, limit: int
) -> list[tuple[float, float, int]]:  # fmt: skip
    """Places as latitude, longitude and number, those in one square of `cell_deg` taken together.

    Parameters
    ----------
    cell_deg : side of the squares; a ten-thousandth, as the places are kept, is the smallest.
    box : west, south, east, north; anywhere unless given.
    limit : so many squares at the most, fullest first.
    """
    inside = "true"
    params = chosen.params | {"cell": max(cell_deg, 1e-4), "limit": limit}
    if box is not None:
        inside = "lon BETWEEN %(w)s AND %(e)s AND lat BETWEEN %(s)s AND %(n)s"
        params |= dict(zip("wsen", box, strict=True))
    query = sql.SQL(
        "SELECT round(avg(lat)::numeric, 5)::float8, round(avg(lon)::numeric, 5)::float8, "
        "count(*)::integer {selected} AND lon IS NOT NULL AND {inside} "
        "GROUP BY floor(lat / %(cell)s + 0.5), floor(lon / %(cell)s + 0.5) "
        "ORDER BY 3 DESC LIMIT %(limit)s"
    ).format(selected=_SELECTED, inside=sql.SQL(inside))
    rows = conn.execute(query, params).fetchall()
    return [(float(a), float(b), int(c)) for a, b, c in rows]


def read_categories(conn: Conn) -> list[dict[str, Any]]:
    """Every category on record and how many incidents are of it and none beneath it."""
    return dict_rows(
        conn,
        "SELECT category, count(*)::integer AS count FROM incident_events GROUP BY 1 ORDER BY 1",
    )


def read_period(conn: Conn) -> tuple[datetime, datetime] | None:
    """When the first and the last incident on record were; None without any."""
    row = conn.execute(
        "SELECT min(at), max(coalesce(until - interval '1 second', at)) FROM incident_events"
    ).fetchone()
    return (row[0], row[1]) if row and row[0] is not None else None


def write_incident_events(conn: Conn, run: int, events: pd.DataFrame) -> None:
    """Put the incidents as a run counted them in place of those before: `at`, `timed`, `until`, `category`, `grid`, `lon`, `lat`."""
    clear_table(conn, "incident_events")
    words, floats = pa.large_string(), pa.float64()
    table = {
        "at": pa.array(events["at"].dt.as_unit("us"), pa.timestamp("us", tz="UTC")),
        "timed": pa.array(events["timed"].to_numpy(bool)),
        "until": pa.array(
            events["until"].dt.as_unit("us"), pa.timestamp("us", tz="UTC"), from_pandas=True
        ),
        "category": pa.array(events["category"], words),
        "grid": pa.array(events["grid"], words),
        "lon": pa.array(events["lon"], floats, from_pandas=True),
        "lat": pa.array(events["lat"], floats, from_pandas=True),
        "run": pa.array(np.full(len(events), run, np.int64)),
    }
    copy_table(conn, "incident_events", pa.table(table))
