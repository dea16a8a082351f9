"""Events since a reader's last look: new incidents, cameras whose status changed."""

from __future__ import annotations

from typing import Any

from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement

CHANNEL = "gridcover_live"


def current_snapshot(conn: Conn) -> str:
    """The present, to look from."""
    row = conn.execute("SELECT pg_current_snapshot()::text").fetchone()
    return str(row[0]) if row else ""


def read_events_since(conn: Conn, seen: str, kinds: list[str]) -> tuple[list[dict[str, Any]], str]:
    """Events of some kinds that were not there at a look, oldest first, and this look.

    Of a camera its name is told as well. What was written at that moment and committed since is among them: an event is old only where its
    transaction was visible then.
    """
    rows = dict_rows(conn, statement("live_events"), {"seen": seen, "kinds": kinds})
    return rows, current_snapshot(conn)
