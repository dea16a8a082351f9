"""Counting incidents by any span, category and area, over the events of the newest density."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from geo.store.database import Conn, dict_rows
from geo.store.incidents import BENEATH
from geo.store.read import GRIDS_BENEATH

Step = Literal["hour", "day", "week", "month"]


@dataclass(frozen=True)
class Filter:
    """Which incidents: from, until (excluded), of some categories and all beneath them, in one area."""

    start: datetime
    end: datetime
    categories: list[str] | None = None
    area: str | None = None
    """Code of an area or grid."""

    @property
    def params(self) -> dict[str, Any]:
        """What `_WHERE` is given."""
        return {
            "start": self.start, "end": self.end, "categories": self.categories, "area": self.area,
        }  # fmt: skip


_WHERE = (
    # A long span counts where the whole of it lies in the period.
    "FROM incident_events WHERE at >= %(start)s AND at < %(end)s AND (until IS NULL OR until <= %(end)s) "
    f"AND {BENEATH} AND (%(area)s::text IS NULL OR grid IN ({GRIDS_BENEATH}))"
)


def counts_by_grid(conn: Conn, chosen: Filter) -> dict[str, int]:
    """Incidents by grid; '' is outside every grid."""
    rows = conn.execute(
        f"SELECT grid, count(*)::integer {_WHERE} GROUP BY grid".encode(), chosen.params
    ).fetchall()
    return {str(grid): int(count) for grid, count in rows}


def counts_by_step(conn: Conn, chosen: Filter, step: Step, zone: str) -> list[dict[str, Any]]:
    """Incidents by step of the local calendar and root of the category, where there are any.

    Those known only within a span of more than a week are in no step.

    Returns
    -------
    Rows of `start` (local, without a zone), `category`, `count`, in the order of time.
    """
    return dict_rows(
        conn,
        f"SELECT date_trunc(%(step)s, at AT TIME ZONE %(zone)s) AS start, "
        f"split_part(category, '/', 1) AS category, count(*)::integer AS count {_WHERE} AND until IS NULL "
        "GROUP BY 1, 2 ORDER BY 1, 2".encode(),
        chosen.params | {"step": step, "zone": zone},
    )


def counts_by_hour(conn: Conn, chosen: Filter, zone: str) -> tuple[list[list[int]], int]:
    """Incidents by weekday (Monday first) and hour of the local day, and those whose hour is not known."""
    table = [[0] * 24 for _ in range(7)]
    untimed = 0
    for timed, weekday, hour, count in conn.execute(
        "SELECT timed, extract(isodow FROM at AT TIME ZONE %(zone)s)::integer, "
        f"extract(hour FROM at AT TIME ZONE %(zone)s)::integer, count(*)::integer {_WHERE} "
        "GROUP BY 1, 2, 3".encode(),
        chosen.params | {"zone": zone},
    ).fetchall():
        if timed:
            table[weekday - 1][hour] = count
        else:
            untimed += count
    return table, untimed


def counts_by_place(
    conn: Conn, chosen: Filter, *, cell_deg: float, box: tuple[float, float, float, float] | None, limit: int
) -> list[tuple[float, float, int]]:  # fmt: skip
    """Places as latitude, longitude and number, those in one square of `cell_deg` taken together.

    Parameters
    ----------
    cell_deg : side of the squares; a ten-thousandth, as the places are kept, is the smallest.
    box : west, south, east, north; anywhere unless given.
    limit : so many squares at the most, fullest first.
    """
    inside = ""
    params = chosen.params | {"cell": max(cell_deg, 1e-4), "limit": limit}
    if box is not None:
        inside = "AND lon BETWEEN %(w)s AND %(e)s AND lat BETWEEN %(s)s AND %(n)s "
        params |= dict(zip("wsen", box, strict=True))
    rows = conn.execute(
        f"SELECT round(avg(lat)::numeric, 5)::float8, round(avg(lon)::numeric, 5)::float8, count(*)::integer {_WHERE} "
        f"AND lon IS NOT NULL {inside}"
        "GROUP BY floor(lat / %(cell)s + 0.5), floor(lon / %(cell)s + 0.5) ORDER BY 3 DESC LIMIT %(limit)s".encode(),
        params,
    ).fetchall()
    return [(float(a), float(b), int(c)) for a, b, c in rows]


def categories(conn: Conn) -> list[dict[str, Any]]:
    """Every category on record and how many incidents are of it and none beneath it."""
    return dict_rows(
        conn,
        "SELECT category, count(*)::integer AS count FROM incident_events GROUP BY 1 ORDER BY 1",
    )


def period(conn: Conn) -> tuple[datetime, datetime] | None:
    """When the first and the last incident on record were; None without any."""
    row = conn.execute(
        "SELECT min(at), max(coalesce(until - interval '1 second', at)) FROM incident_events"
    ).fetchone()
    return (row[0], row[1]) if row and row[0] is not None else None
