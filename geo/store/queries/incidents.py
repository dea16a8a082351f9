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
"""The category is one of the given ones, or below one of them."""
_IN_BOX = sql.SQL("lon BETWEEN %(w)s AND %(e)s AND lat BETWEEN %(s)s AND %(n)s")
"""The position is in the box of the parameters."""


def read_incident_months(conn: Conn) -> list[dict[str, Any]]:
    """Return the number of incidents by month and root of the category.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of dict
        `month`, `category`, `count`, and `outside`, the number outside every grid, by month
        and category.
    """
    return dict_rows(
        conn,
        "SELECT month, split_part(category, '/', 1) AS category, sum(count)::integer AS count, "
        "coalesce(sum(count) FILTER (WHERE grid = ''), 0)::integer AS outside "
        "FROM grid_incidents GROUP BY 1, 2 ORDER BY 1, 2",
    )


def read_incident_places(conn: Conn, boxes: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the positions of incidents that were located exactly or by their road.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    boxes : array-like of float, shape (n, 4)
        Boxes (west, south, east, north, degrees); only incidents in one of them.

    Returns
    -------
    tuple of (numpy.ndarray, numpy.ndarray)
        Longitudes and latitudes, degrees.
    """
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(
            statement("incident_places"), box_arrays(boxes) | box_around(boxes)
        ).fetchall()
    lon, lat = np.array(rows, float).reshape(-1, 2).T
    return lon, lat


def read_places_of_last_year(
    conn: Conn, boxes: Any = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the positions of the incidents of the last 365 days on record.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    boxes : array-like of float, shape (n, 4), optional
        Boxes (west, south, east, north, degrees); only incidents in the box around them.
        None for all.

    Returns
    -------
    tuple of (numpy.ndarray, numpy.ndarray)
        Longitudes and latitudes, degrees.
    """
    query = sql.SQL(
        "SELECT lon, lat FROM incident_events WHERE lon IS NOT NULL AND {inside} "
        "AND at > (SELECT max(at) FROM incident_events) - interval '365 days'"
    ).format(inside=sql.SQL("true") if boxes is None else _IN_BOX)
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(query, {} if boxes is None else box_around(boxes)).fetchall()
    lon, lat = np.array(rows, float).reshape(-1, 2).T
    return lon, lat


Step = Literal["hour", "day", "week", "month"]


@dataclass(frozen=True)
class IncidentFilter:
    """Which incidents: of a period, of categories and in an area."""

    start: datetime
    """From this moment on."""
    end: datetime
    """Before this moment."""
    categories: list[str] | None = None
    """Categories, each with all below it; None for all."""
    area: str | None = None
    """Code of an area or grid; None for everywhere."""

    @property
    def params(self) -> dict[str, Any]:
        """Return the parameters of `_SELECTED`.

        Returns
        -------
        dict
            Values by name.
        """
        return {
            "start": self.start,
            "end": self.end,
            "categories": self.categories,
            "area": self.area,
        }


# An incident known only within a span is counted if the span is in the period as a whole.
_SELECTED = sql.SQL(
    "FROM incident_events WHERE at >= %(start)s AND at < %(end)s "
    "AND (until IS NULL OR until <= %(end)s) AND {in_categories} "
    "AND (%(area)s::text IS NULL OR grid IN (SELECT grids_of_area(%(area)s)))"
).format(in_categories=IN_CATEGORIES)


def count_by_grid(conn: Conn, selection: IncidentFilter) -> dict[str, int]:
    """Return the number of incidents by grid.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    selection : IncidentFilter
        Which incidents.

    Returns
    -------
    dict of str to int
        Number by code of the grid, the empty code for incidents outside every grid; grids
        without incidents are left out.
    """
    query = sql.SQL("SELECT grid, count(*)::integer {selected} GROUP BY grid")
    rows = conn.execute(query.format(selected=_SELECTED), selection.params).fetchall()
    return {str(grid): int(count) for grid, count in rows}


def count_by_step(
    conn: Conn, selection: IncidentFilter, step: Step, zone: str
) -> list[dict[str, Any]]:
    """Return the number of incidents by step of the local calendar and root of the category.

    Incidents known only within a period of more than a week are in no step.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    selection : IncidentFilter
        Which incidents.
    step : Step
        Length of a step.
    zone : str
        IANA time zone of the calendar.

    Returns
    -------
    list of dict
        `start` (local time, without a zone), `category` and `count`, in the order of time;
        steps without incidents are left out.
    """
    query = sql.SQL(
        "SELECT date_trunc(%(step)s, at AT TIME ZONE %(zone)s) AS start, "
        "split_part(category, '/', 1) AS category, count(*)::integer AS count "
        "{selected} AND until IS NULL GROUP BY 1, 2 ORDER BY 1, 2"
    )
    params = selection.params | {"step": step, "zone": zone}
    return dict_rows(conn, query.format(selected=_SELECTED), params)


def count_by_hour(conn: Conn, selection: IncidentFilter, zone: str) -> tuple[list[list[int]], int]:
    """Return the number of incidents by weekday and hour of the local day.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    selection : IncidentFilter
        Which incidents.
    zone : str
        IANA time zone.

    Returns
    -------
    tuple of (list of list of int, int)
        Seven rows, Monday first, of 24 numbers; and the number of incidents whose hour is
        unknown.
    """
    table = [[0] * 24 for _ in range(7)]
    untimed = 0
    query = sql.SQL(
        "SELECT timed, extract(isodow FROM at AT TIME ZONE %(zone)s)::integer, "
        "extract(hour FROM at AT TIME ZONE %(zone)s)::integer, count(*)::integer "
        "{selected} GROUP BY 1, 2, 3"
    ).format(selected=_SELECTED)
    rows = conn.execute(query, selection.params | {"zone": zone}).fetchall()
    for timed, weekday, hour, count in rows:
        if timed:
            table[weekday - 1][hour] = count
        else:
            untimed += count
    return table, untimed


def count_by_place(
    conn: Conn,
    selection: IncidentFilter,
    *,
    cell_deg: float,
    box: tuple[float, float, float, float] | None,
    limit: int,
) -> list[tuple[float, float, int]]:
    """Return the number of incidents by square of a grid of degrees.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    selection : IncidentFilter
        Which incidents.
    cell_deg : float
        Side of the squares, degrees; at least 0.0001, the precision of stored positions.
    box : tuple of (float, float, float, float) or None
        West, south, east, north, degrees; None for everywhere.
    limit : int
        Largest number of squares, fullest first.

    Returns
    -------
    list of tuple
        Latitude and longitude of the mean position, degrees, and the number of incidents.
    """
    params = selection.params | {"cell": max(cell_deg, 1e-4), "limit": limit}
    if box is not None:
        params |= dict(zip("wsen", box, strict=True))
    inside = sql.SQL("true") if box is None else _IN_BOX
    query = statement("incident_squares").format(selected=_SELECTED, inside=inside)
    rows = conn.execute(query, params).fetchall()
    return [(float(lat), float(lon), int(count)) for lat, lon, count in rows]


def read_categories(conn: Conn) -> list[dict[str, Any]]:
    """Return every category on record with its number of incidents.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of dict
        `category` and `count`, in which incidents of categories below it are not counted.
    """
    return dict_rows(
        conn,
        "SELECT category, count(*)::integer AS count FROM incident_events GROUP BY 1 ORDER BY 1",
    )


def read_period(conn: Conn) -> tuple[datetime, datetime] | None:
    """Return the moments of the first and the last incident on record.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    tuple of (datetime.datetime, datetime.datetime) or None
        None without incidents.
    """
    row = conn.execute(
        "SELECT min(at), max(coalesce(until - interval '1 second', at)) FROM incident_events"
    ).fetchone()
    return (row[0], row[1]) if row and row[0] is not None else None


def write_incident_events(conn: Conn, run: int, events: pd.DataFrame) -> None:
    """Replace the stored incident events, which counts and maps are read from.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    run : int
        Number of the run that computed them.
    events : pandas.DataFrame
        Rows of `at`, `timed`, `until`, `category`, `grid`, `lon` and `lat`; `until`, `lon`
        and `lat` may be missing.
    """
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
