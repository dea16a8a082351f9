"""Workers of the job queue: heartbeats, sessions of jobs, jobs that a worker left."""

from __future__ import annotations

from dataclasses import dataclass

from geo.store.connection import Conn
from geo.store.queries.uploads import delete_expired_uploads


def mark_session(conn: Conn, job: int) -> None:
    """Name a database session after its job, and let it end soon after its process; commit.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    job : int
        Number of the job.
    """
    conn.execute("SELECT set_config('application_name', %s, false)", (_session_name(job),))
    # PostgreSQL 14 and newer.
    conn.execute(
        "SELECT set_config('client_connection_check_interval', '2000', false) "
        "WHERE current_setting('client_connection_check_interval', true) IS NOT NULL"
    )
    conn.commit()


def end_sessions(conn: Conn, job: int) -> None:
    """End the database sessions that the process of a job left, and commit.

    Their locks would block others.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    job : int
        Number of the job.
    """
    conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = %s AND datname = current_database()",
        (_session_name(job),),
    )
    conn.commit()


def _session_name(job: int) -> str:
    return f"gridcover-job-{job}"


@dataclass(frozen=True)
class AbandonedJob:
    """A job whose worker died."""

    ended: str | None
    """Final state, if it was recorded; otherwise None."""
    cancelled: bool
    """Whether its cancellation was requested."""
    attempts: int
    """How often it was started."""


def read_abandoned_job(conn: Conn, job: int) -> AbandonedJob:
    """Return the record of a job whose worker died.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    job : int
        Number of the job.

    Returns
    -------
    AbandonedJob
        Without attempts if the job is unknown.
    """
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


def write_heartbeat(conn: Conn, worker: int) -> bool:
    """Record that a worker is alive, and do the regular maintenance of the queue.

    Times in the future, which a clock that was set back leaves, are corrected, and expired
    uploads are deleted.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    worker : int
        Number of the worker in the queue.

    Returns
    -------
    bool
        False if the worker is no longer registered, because it was considered dead.
    """
    is_registered = conn.execute(
        "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %s", (worker,)
    ).rowcount
    conn.execute(
        "UPDATE procrastinate_workers SET last_heartbeat = now() "
        "WHERE last_heartbeat > now() + interval '1 second'"
    )
    conn.execute(
        "UPDATE procrastinate_jobs SET scheduled_at = now() "
        "WHERE status = 'todo' AND scheduled_at > now() "
        "+ CASE WHEN queue_name = 'webhooks' THEN interval '1 day' ELSE interval '1 minute' END"
    )
    delete_expired_uploads(conn)
    return is_registered > 0


def release_queueing_lock(conn: Conn, job: int | None) -> None:
    """Let a running job wait again although another job of its task waits.

    The queue allows one waiting job per lock; without its lock the job is put back all the
    same.

    Parameters
    ----------
    conn : psycopg.Connection
        Connection to the store.
    job : int or None
        Number of the job; None matches no job.
    """
    conn.execute(
        "UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE id = %s AND status = 'doing'",
        (job,),
    )
