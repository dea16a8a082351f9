"""Events since the last read: new incidents, cameras whose status changed."""

from __future__ import annotations

from typing import Any

from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement

CHANNEL = "gridcover_live"


def read_snapshot(conn: Conn) -> str:
    """Return the snapshot of the present transaction, which later events are compared with.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    str
        As ``pg_current_snapshot()`` returns it.
    """
    row = conn.execute("SELECT pg_current_snapshot()::text").fetchone()
    return str(row[0]) if row else ""


def read_events_since(conn: Conn, seen: str, kinds: list[str]) -> tuple[list[dict[str, Any]], str]:
    """Return the events since a snapshot, oldest first, and the present snapshot.

    Events that were written before the snapshot but committed after it are included, because
    events are compared by the visibility of their transaction. At most 2,000 are returned.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    seen : str
        The snapshot of the last read.
    kinds : list of str
        Kinds of events.

    Returns
    -------
    tuple of (list of dict, str)
        Of each event `id`, `at`, `kind`, `detail` (with the `name` of a camera), `lon` and
        `lat`; and the snapshot.
    """
    rows = dict_rows(conn, statement("live_events"), {"seen": seen, "kinds": kinds})
    return rows, read_snapshot(conn)
