"""Runs of the analysis, their results in general, and the lock of a refresh."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from geo.store.connection import Conn, dict_rows
from geo.store.statements import statement

STATISTICS_TABLES = (
    "grid_patterns",
    "near_repeats",
    "forecast_tests",
    "forecasts",
    "incident_hours",
    "incident_contours",
    "service_quality",
)
"""Result tables that `geo.pipeline.statistics` fills together."""
_RESULT_TABLES = (
    "camera_views",
    "grid_coverage",
    "blind_spots",
    "grid_incidents",
    "grid_density",
    "area_quality",
    "area_figures",
    "area_camera_years",
    "register_findings",
    "register_counts",
    "incident_events",
    *STATISTICS_TABLES,
)
"""Tables whose rows name the run that computed them in the column `run`."""


def read_metric_crs(conn: Conn, run: int) -> str:
    """Return the CRS in which a run was computed.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    run : int
        Number of the run.

    Returns
    -------
    str
        Such as ``EPSG:32650``.
    """
    row = conn.execute("SELECT metric_crs FROM runs WHERE id = %s", (run,)).fetchone()
    assert row is not None  # noqa: S101
    return str(row[0])


@dataclass(frozen=True)
class Run:
    """A computation and what it was computed from."""

    id: int
    """Number of the run."""
    kind: str
    """What was computed."""
    parameters: dict[str, Any]
    """Parameters of the computation."""
    inputs_digest: str
    """Digest of the inputs."""
    software_version: str
    """Version of gridcover."""
    metric_crs: str
    """CRS of the computation."""
    started_at: datetime
    """When it started."""
    finished_at: datetime
    """When it ended."""
    summary: dict[str, Any]
    """Figures that sum up the results."""


def read_latest_run(conn: Conn) -> Run | None:
    """Return the newest run, whose results readers see.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Returns
    -------
    Run or None
        None before the first one.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("SELECT * FROM latest_run").fetchone()
    return Run(**row) if row else None


def read_newest_runs(conn: Conn, limit: int) -> list[Run]:
    """Return runs, newest first.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    limit : int
        Largest number of runs.

    Returns
    -------
    list of Run
        The runs.
    """
    rows = dict_rows(conn, "SELECT * FROM runs ORDER BY id DESC LIMIT %s", (limit,))
    return [Run(**row) for row in rows]


REFRESH_LOCK = 0x72656672
"""Key of the advisory lock of a refresh ("refr")."""


def write_run(conn: Conn, **values: Any) -> int:
    """Store a run before its results, which refer to it.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    **values : object
        `kind`, `parameters`, `software_version`, `metric_crs` and `started_at`.

    Returns
    -------
    int
        Number of the run.
    """
    row = conn.execute(
        "INSERT INTO runs (kind, parameters, inputs_digest, software_version, metric_crs, "
        "started_at, finished_at, summary) VALUES (%(kind)s, %(parameters)s, '', "
        "%(software_version)s, %(metric_crs)s, %(started_at)s, clock_timestamp(), '{}') "
        "RETURNING id",
        values | {"parameters": Jsonb(values["parameters"])},
    ).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


def finish_run(conn: Conn, run: int, *, inputs_digest: str, summary: dict[str, Any]) -> None:
    """Store what is known of a run only at its end.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    run : int
        Number of the run.
    inputs_digest : str
        Digest of the inputs.
    summary : dict
        Figures that sum up the results.
    """
    conn.execute(
        "UPDATE runs SET inputs_digest = %s, summary = %s, finished_at = clock_timestamp() "
        "WHERE id = %s",
        (inputs_digest, Jsonb(summary), run),
    )


def add_to_summary(conn: Conn, run: int, figures: dict[str, Any]) -> None:
    """Add figures to the summary of a run.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    run : int
        Number of the run.
    figures : dict
        The figures; those of the same name are replaced.
    """
    conn.execute("UPDATE runs SET summary = summary || %s WHERE id = %s", (Jsonb(figures), run))


def prune_runs(conn: Conn, keep: int) -> None:
    """Delete the results of runs older than the newest ones, except those still valid.

    Coverage of a grid is valid until a newer run changed it. Runs without any result are
    deleted.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    keep : int
        Number of runs whose results are stored.
    """
    row = conn.execute(
        "SELECT min(id) FROM (SELECT id FROM runs ORDER BY id DESC LIMIT %s) t", (keep,)
    ).fetchone()
    oldest = row[0] if row else None
    if oldest is None:
        return
    conn.execute(statement("superseded_coverage"), {"oldest": oldest})
    references = [*((table, "run") for table in _RESULT_TABLES), ("blind_spots", "risk_run")]
    unused = sql.SQL(" AND ").join(
        sql.SQL("NOT EXISTS (SELECT 1 FROM {} t WHERE t.{} = r.id)").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        for table, column in references
    )
    conn.execute(sql.SQL("DELETE FROM runs r WHERE id < %s AND {}").format(unused), (oldest,))


@contextlib.contextmanager
def refresh_transaction(conn: Conn) -> Iterator[None]:
    """Run a block as the only refresh, in one transaction that sees one state of the registers.

    Waits until another refresh has ended. Commits at the end, rolls back on an error.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.

    Yields
    ------
    None
        While the block may write.
    """
    conn.commit()
    conn.execute("SELECT pg_advisory_lock(%s)", (REFRESH_LOCK,))
    conn.commit()
    try:
        # The snapshot is taken after the wait, so that it has the results of the refresh before.
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
        conn.commit()
    except BaseException:
        if not conn.closed:
            conn.rollback()
        raise
    finally:
        if not conn.closed:
            conn.execute("SELECT pg_advisory_unlock(%s)", (REFRESH_LOCK,))
            conn.commit()


def analyze(conn: Conn) -> None:
    """Update the statistics of the query planner, as is due after a large change.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    """
    conn.execute("ANALYZE")


def analyze_camera_views(conn: Conn) -> None:
    """Update the statistics of the query planner for the table of views.

    Parameters
    ----------
    conn : psycopg.Connection
        Writing connection; the caller commits.
    """
    conn.execute("ANALYZE camera_views")
