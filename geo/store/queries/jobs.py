"""Jobs of the service: state, progress and outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from geo.store.connection import Conn
from geo.store.statements import statement

RETENTION_DAYS = 90
"""Days after which ended jobs and their reports are deleted."""


def add_job(conn: Conn, job: int, task: str, about: dict[str, Any], by: str) -> None:
    """Record a job that was added to the queue.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    job : int
        Number of the job in the queue.
    task : str
        Name of the task.
    about : dict
        What the job is about, for its page.
    by : str
        Who requested it.
    """
    conn.execute(
        "INSERT INTO jobs (id, task, about, asked_by) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (id) DO UPDATE SET about = EXCLUDED.about, asked_by = EXCLUDED.asked_by",
        (job, task, Jsonb(about), by),
    )


def begin_job(conn: Conn, job: int, task: str) -> bool:
    """Record that a worker started a job, and commit.

    The job may have been interrupted before: its attempts are counted and its progress starts
    again.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    job : int
        Number of the job.
    task : str
        Name of the task.

    Returns
    -------
    bool
        False if the job has ended already.
    """
    row = conn.execute(
        "INSERT INTO jobs AS j (id, task, asked_by, started_at, attempts) "
        "VALUES (%s, %s, '', now(), 1) "
        "ON CONFLICT (id) DO UPDATE SET started_at = now(), attempts = j.attempts + 1, step = '', "
        "steps = 0, finished_at = NULL WHERE j.ended IS NULL RETURNING id",
        (job, task),
    ).fetchone()
    conn.commit()
    return row is not None


def write_job_step(conn: Conn, job: int, step: str) -> None:
    """Record the present step of a job, and commit.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    job : int
        Number of the job.
    step : str
        Description; 500 characters of it are stored.
    """
    conn.execute("UPDATE jobs SET step = %s, steps = steps + 1 WHERE id = %s", (step[:500], job))
    conn.commit()


def end_job(
    conn: Conn, job: int, ended: str, outcome: dict[str, Any], report: str | None = None
) -> bool:
    """Record how a job ended, delete jobs that are out of date, and commit.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    job : int
        Number of the job.
    ended : str
        Final state: done, failed or cancelled.
    outcome : dict
        Result or reason, for its page.
    report : str, optional
        Report of an import as CSV.

    Returns
    -------
    bool
        False if its end was recorded before; then it is left unchanged.
    """
    written = write_job_end(conn, job, ended, outcome, report)
    conn.execute(
        "DELETE FROM jobs WHERE finished_at < now() - make_interval(days => %s)", (RETENTION_DAYS,)
    )
    conn.commit()
    return written


def write_job_end(
    conn: Conn, job: int, ended: str, outcome: dict[str, Any], report: str | None = None
) -> bool:
    """Record how a job ended, in the transaction of what it did.

    The caller commits.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    job : int
        Number of the job.
    ended : str
        Final state: done, failed or cancelled.
    outcome : dict
        Result or reason, for its page.
    report : str, optional
        Report of an import as CSV.

    Returns
    -------
    bool
        False if its end was recorded before; then it is left unchanged.
    """
    changed = conn.execute(
        "UPDATE jobs SET ended = %s, outcome = %s, report = %s, finished_at = now() "
        "WHERE id = %s AND ended IS NULL",
        (ended, Jsonb(outcome), report, job),
    )
    return changed.rowcount > 0


@dataclass(frozen=True)
class Job:
    """A job and its state."""

    id: int
    """Number in the queue."""
    task: str
    """Name of the task."""
    about: dict[str, Any]
    """What it is about."""
    asked_by: str
    """Who requested it."""
    asked_at: Any
    """When it was requested."""
    started_at: Any
    """When it was started last; None if it was not."""
    finished_at: Any
    """When it ended; None if it did not."""
    attempts: int
    """How often it was started."""
    step: str
    """Present or last step."""
    steps: int
    """Number of steps so far."""
    state: str
    """waiting, running, cancelling, done, failed or cancelled."""
    outcome: dict[str, Any] | None
    """Result or reason; None before its end."""
    has_report: bool
    """Whether there is a report."""


_CUT_OFF = "The worker ended before it could write why. Ask for it once more."
_CUT_OFF_ZH = "任务的进程中断，未写入任何数据，请重新提交"


def read_jobs(conn: Conn, limit: int, job: int | None = None) -> list[Job]:
    """Return jobs, newest first.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    limit : int
        Largest number of jobs.
    job : int, optional
        Only the job of this number; None for all.

    Returns
    -------
    list of Job
        Their outcomes without previews unless one job is requested.
    """
    rows = conn.execute(
        statement("jobs"),
        {"job": job, "limit": limit, "cut_off": _CUT_OFF, "cut_off_zh": _CUT_OFF_ZH},
    ).fetchall()
    return [Job(*row) for row in rows]


def read_job_report(conn: Conn, job: int) -> str | None:
    """Return the report of an import.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    job : int
        Number of the job.

    Returns
    -------
    str or None
        As CSV; None without one.
    """
    row = conn.execute("SELECT report FROM jobs WHERE id = %s", (job,)).fetchone()
    return row[0] if row else None


def find_waiting_job(conn: Conn, task: str) -> int | None:
    """Return the first waiting job of a task.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    task : str
        Name of the task.

    Returns
    -------
    int or None
        Number of the job; None without one.
    """
    row = conn.execute(
        "SELECT id FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo' "
        "ORDER BY id LIMIT 1",
        (task,),
    ).fetchone()
    return int(row[0]) if row else None
