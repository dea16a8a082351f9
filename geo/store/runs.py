"""Runs of the analysis on record, and how many rows the registers have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from geo.schema import Layer
from geo.store.database import Conn, dict_rows


@dataclass(frozen=True)
class Run:
    """One computation and what it rests on."""

    id: int
    kind: str
    parameters: dict[str, Any]
    inputs_digest: str
    software_version: str
    metric_crs: str
    started_at: datetime
    finished_at: datetime
    summary: dict[str, Any]


def count_rows(conn: Conn, layer: Layer) -> int:
    """Return how many rows a register has.

    Parameters
    ----------
    conn : psycopg.Connection
        To a migrated database.
    layer : Layer
        The register.

    Returns
    -------
    int
        Its rows.
    """
    row = conn.execute(
        sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(layer.table))
    ).fetchone()
    return int(row[0]) if row else 0


def latest_run(conn: Conn) -> Run | None:
    """Return the newest run, whose results readers see.

    Parameters
    ----------
    conn : psycopg.Connection
        To a migrated database.

    Returns
    -------
    Run or None
        None before the first one.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("SELECT * FROM latest_run").fetchone()
    return Run(**row) if row else None


def newest_runs(conn: Conn, limit: int) -> list[Run]:
    """Return the runs on record, newest first.

    Parameters
    ----------
    conn : psycopg.Connection
        To a migrated database.
    limit : int
        How many at most.

    Returns
    -------
    list of Run
        The newest ones.
    """
    rows = dict_rows(conn, "SELECT * FROM runs ORDER BY id DESC LIMIT %s", (limit,))
    return [Run(**row) for row in rows]
