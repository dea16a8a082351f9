"""Alerts: raised and ended by the statistics of a run."""

from __future__ import annotations

from typing import Any

from geo.store.connection import Conn, dict_rows
from geo.store.queries.webhooks import queue_deliveries
from geo.store.statements import statement


def raise_alerts(conn: Conn, run: int) -> tuple[int, int]:
    """Open and end alerts by a run's statistics, and queue the new ones for every webhook.

    The caller commits: an alert and its messages are stored together or not at all.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    run : int
        Number of the run that raises them.

    Returns
    -------
    tuple of (int, int)
        Number of alerts raised and number ended.
    """
    ended = conn.execute(
        "UPDATE alerts a SET ended_at = now() WHERE ended_at IS NULL AND NOT EXISTS "
        "(SELECT 1 FROM grid_patterns p "
        "WHERE p.category = a.category AND p.grid = a.grid AND p.alert)"
    ).rowcount
    conn.execute(
        "UPDATE alerts a SET observed = p.alert_observed, expected = p.alert_expected, "
        "score = p.alert_score FROM grid_patterns p WHERE a.ended_at IS NULL AND p.alert "
        "AND p.category = a.category AND p.grid = a.grid"
    )
    rows = conn.execute(statement("new_alerts"), {"run": run}).fetchall()
    new = [int(row[0]) for row in rows]
    if new:
        queue_deliveries(conn, "alerts.raised", {"run": run, "alerts": _read_alerts(conn, new)})
    return len(new), ended


def _read_alerts(conn: Conn, ids: list[int]) -> list[dict[str, Any]]:
    return dict_rows(conn, statement("alerts"), {"ids": ids})


def read_open_alerts(conn: Conn) -> list[dict[str, Any]]:
    """Return the alerts that have not ended, highest score first.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    list of dict
        Of each alert `id`, `category`, `grid`, `grid_name`, `grid_name_en`, `community`,
        `run`, `since`, `observed`, `expected`, `score`, `raised_at`, and `lon` and `lat`
        inside its grid.
    """
    return dict_rows(conn, statement("alerts"), {"ids": None})
