"""Jobs of the service: state, progress and outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from geo.store.connection import Conn
from geo.store.queries.uploads import delete_expired_uploads
from geo.store.statements import statement

RETENTION_DAYS = 90
"""How long ended jobs and their reports are kept."""


def add_job(conn: Conn, job: int, task: str, about: dict[str, Any], by: str) -> None:
    """Note a job that was put into the queue; the caller commits."""
    conn.execute(
        "INSERT INTO jobs (id, task, about, asked_by) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (id) DO UPDATE SET about = EXCLUDED.about, asked_by = EXCLUDED.asked_by",
        (job, task, Jsonb(about), by),
    )


def begin_job(conn: Conn, job: int, task: str) -> bool:
    """A worker has taken a job, maybe after another that was cut off; False if it had ended already."""
    row = conn.execute(
        "INSERT INTO jobs AS j (id, task, asked_by, started_at, attempts) VALUES (%s, %s, '', now(), 1) "
        "ON CONFLICT (id) DO UPDATE SET started_at = now(), attempts = j.attempts + 1, step = '', "
        "steps = 0, finished_at = NULL WHERE j.ended IS NULL RETURNING id",
        (job, task),
    ).fetchone()
    conn.commit()
    return row is not None


def mark_session(conn: Conn, job: int) -> None:
    """Name a connection after the job it serves, and have it end soon after its process."""
    conn.execute("SELECT set_config('application_name', %s, false)", (_session_name(job),))
    # PostgreSQL 14 and newer.
    conn.execute(
        "SELECT set_config('client_connection_check_interval', '2000', false) "
        "WHERE current_setting('client_connection_check_interval', true) IS NOT NULL"
    )
    conn.commit()


def end_sessions(conn: Conn, job: int) -> None:
    """End what the process of a job left in the database, so that its locks hold nobody up."""
    conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = %s AND datname = current_database()",
        (_session_name(job),),
    )
    conn.commit()


def _session_name(job: int) -> str:
    return f"gridcover-job-{job}"


def write_job_step(conn: Conn, job: int, step: str) -> None:
    """What a job is at."""
    conn.execute("UPDATE jobs SET step = %s, steps = steps + 1 WHERE id = %s", (step[:500], job))
    conn.commit()


def end_job(
    conn: Conn, job: int, ended: str, outcome: dict[str, Any], report: str | None = None
) -> bool:
    """How a job ended; False, and nothing changed, where that was written already. Commits."""
    written = write_job_end(conn, job, ended, outcome, report)
    conn.execute(
        "DELETE FROM jobs WHERE finished_at < now() - make_interval(days => %s)", (RETENTION_DAYS,)
    )
    conn.commit()
    return written


def write_job_end(
    conn: Conn, job: int, ended: str, outcome: dict[str, Any], report: str | None = None
) -> bool:
    """Write how a job ended in the caller's transaction, so that it is true if what it did is."""
    changed = conn.execute(
        "UPDATE jobs SET ended = %s, outcome = %s, report = %s, finished_at = now() "
        "WHERE id = %s AND ended IS NULL",
        (ended, Jsonb(outcome), report, job),
    )
    return changed.rowcount > 0


@dataclass(frozen=True)
class AbandonedJob:
    """A job that a worker left when it died."""

    ended: str | None
    cancelled: bool
    """Whether somebody asked to cancel it."""
    attempts: int


def read_abandoned_job(conn: Conn, job: int) -> AbandonedJob:
    """What is known of a job whose worker died."""
    row = conn.execute(
        "SELECT j.ended, q.abort_requested, coalesce(j.attempts, 0) FROM procrastinate_jobs q "
        "LEFT JOIN jobs j ON j.id = q.id WHERE q.id = %s",
        (job,),
    ).fetchone()
    return (
        AbandonedJob(None, False, 0)
        if row is None
        else AbandonedJob(row[0], bool(row[1]), int(row[2]))
    )


@dataclass(frozen=True)
class Job:
    """One job, as people are told of it."""

    id: int
    task: str
    about: dict[str, Any]
    asked_by: str
    asked_at: Any
    started_at: Any
    finished_at: Any
    attempts: int
    step: str
    steps: int
    state: str
    """waiting, running, cancelling, done, failed or cancelled."""
    outcome: dict[str, Any] | None
    has_report: bool


_CUT_OFF = "The worker ended before it could write why. Ask for it once more."
_CUT_OFF_ZH = "任务的进程中断，未写入任何数据，请重新提交"


def newest_jobs(conn: Conn, limit: int, job: int | None = None) -> list[Job]:
    """Jobs, newest first; or the one of a number."""
    rows = conn.execute(
        statement("jobs"),
        {"job": job, "limit": limit, "cut_off": _CUT_OFF, "cut_off_zh": _CUT_OFF_ZH},
    ).fetchall()
    return [Job(*row) for row in rows]


def read_job_report(conn: Conn, job: int) -> str | None:
    """The report of an import, as CSV."""
    row = conn.execute("SELECT report FROM jobs WHERE id = %s", (job,)).fetchone()
    return row[0] if row else None


def waiting_job(conn: Conn, task: str) -> int | None:
    """The job of a task that waits to be taken, if any."""
    row = conn.execute(
        "SELECT id FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo' ORDER BY id LIMIT 1",
        (task,),
    ).fetchone()
    return int(row[0]) if row else None


def write_heartbeat(conn: Conn, worker: int) -> bool:
    """Say that a worker lives, and undo what a clock leaves that was set back; False if taken for dead."""
    lives = conn.execute(
        "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %s", (worker,)
    ).rowcount
    conn.execute(
        "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE last_heartbeat > now() + interval '1 second'"
    )
    conn.execute(
        "UPDATE procrastinate_jobs SET scheduled_at = now() "
        "WHERE status = 'todo' AND scheduled_at > now() + interval '1 minute'"
    )
    delete_expired_uploads(conn)
    return lives > 0


def release_queueing_lock(conn: Conn, job: int | None) -> None:
    """Let a job that ran wait again, although another of its kind waits: one may do so, a second may not."""
    conn.execute(
        "UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE id = %s AND status = 'doing'",
        (job,),
    )
