"""The worker: takes jobs from the queue, and jobs of workers that died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os

import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.worker import Worker

from geo.errors import GridcoverError
from geo.maps.failures import explain_failure
from geo.settings import Settings, get_settings
from geo.store.connection import connect
from geo.store.queries.job_workers import (
    end_sessions,
    read_abandoned_job,
    release_queueing_lock,
    write_heartbeat,
)
from geo.store.queries.jobs import end_job
from geo.store.queries.webhooks import DELIVERY_QUEUE, enqueue_stored_deliveries
from service.worker.exit_status import ExitStatus
from service.worker.queue import make_queue
from service.worker.tasks import CANCELLED, processes

_log = logging.getLogger("gridcover.worker")
HEARTBEAT_S = 10.0
"""Seconds between heartbeats of a worker; one that misses three counts as dead."""
MAX_ATTEMPTS = 5
"""Attempts at a job whose worker dies each time."""
_CONCURRENCY = 4
"""Jobs at once: one refresh or import, which exclude each other, and deliveries beside it."""
_DATABASE_ERRORS = (ConnectorException, GridcoverError, psycopg.Error)


def run_worker(conninfo: str, *, heartbeat_s: float = HEARTBEAT_S) -> None:
    """Run jobs until a signal ends the process.

    A job that is interrupted is undone and run again later.

    Parameters
    ----------
    conninfo : str
        Connection string of a migrated database.
    heartbeat_s : float, default 10
        Seconds between heartbeats.
    """
    processes.start()
    asyncio.run(_run(conninfo, heartbeat_s))


def send_due_deliveries(conninfo: str, settings: Settings) -> None:
    """Send every webhook delivery that is due, in this process, and return.

    Parameters
    ----------
    conninfo : str
        Connection string of a migrated database.
    settings : Settings
        Settings of the deployment, which name the allowed targets.
    """
    asyncio.run(_send_due(conninfo, settings))


async def _send_due(conninfo: str, settings: Settings) -> None:
    queue = make_queue(_connector(conninfo))
    async with queue.open_async():
        await queue.run_worker_async(
            queues=[DELIVERY_QUEUE],
            name="gridcover-deliveries",
            wait=False,
            listen_notify=False,
            install_signal_handlers=False,
            additional_context={"conninfo": conninfo, "settings": settings},
        )


def _connector(conninfo: str) -> procrastinate.PsycopgConnector:
    options = "-c search_path=gridcover,public"
    return procrastinate.PsycopgConnector(
        conninfo=conninfo,
        min_size=1,
        max_size=4,
        kwargs={"options": options, "application_name": "gridcover-worker"},
    )


async def _run(conninfo: str, heartbeat_s: float) -> None:
    queue = make_queue(_connector(conninfo))
    async with queue.open_async():
        await asyncio.to_thread(_enqueue_stored, conninfo)
        worker = Worker(
            queue,
            name="gridcover",
            concurrency=_CONCURRENCY,
            update_heartbeat_interval=heartbeat_s,
            stalled_worker_timeout=3 * heartbeat_s,
            fetch_job_polling_interval=min(5.0, heartbeat_s),
            abort_job_polling_interval=min(5.0, heartbeat_s),
            shutdown_graceful_timeout=5.0,
            additional_context={"conninfo": conninfo, "settings": get_settings()},
        )
        recovery = asyncio.create_task(_recover_jobs(queue, worker, conninfo, heartbeat_s))
        try:
            await worker.run()  # type: ignore[no-untyped-call]
        finally:
            recovery.cancel()


def _enqueue_stored(conninfo: str) -> None:
    with connect(conninfo) as conn:
        count = enqueue_stored_deliveries(conn)
    if count:
        _log.info("%s waiting deliveries were added to the queue", count)


async def _recover_jobs(
    queue: procrastinate.App, worker: Worker, conninfo: str, heartbeat_s: float
) -> None:
    """Put jobs of dead workers back into the queue; their transactions are rolled back.

    The heartbeat of this worker is written here as well: that of procrastinate stops for good when
    the database refuses one.
    """
    stalled_before: set[int | None] = set()
    while True:
        await asyncio.sleep(1.5 * heartbeat_s)
        if worker.worker_id is None:
            continue
        try:
            is_registered = await asyncio.to_thread(_write_heartbeat, conninfo, worker.worker_id)
            stalled = await queue.job_manager.get_stalled_jobs(
                seconds_since_heartbeat=3 * heartbeat_s
            )
        except _DATABASE_ERRORS:
            stalled_before = set()
            continue
        if not is_registered:
            # Another worker may have its jobs by now: what this one did for them is rolled back.
            _log.warning("this worker was silent for too long and counts as dead; it exits")
            os._exit(ExitStatus.DATABASE_LOST)
        # Only if stalled twice in a row: after the clock was set forward every worker seems
        # silent until its next heartbeat.
        for job in stalled:
            if job.id in stalled_before:
                with contextlib.suppress(*_DATABASE_ERRORS):
                    await _recover_job(queue, conninfo, job)
        stalled_before = {job.id for job in stalled}


async def _recover_job(queue: procrastinate.App, conninfo: str, job: Job) -> None:
    """Run a job of a dead worker again, unless it ended or was cancelled."""
    assert job.id is not None  # noqa: S101
    end = await asyncio.to_thread(_end_abandoned_job, conninfo, job.id)
    if end is None:
        _log.warning("job %s was left by its worker; it is run again", job.id)
        await queue.job_manager.retry_job(job)
        return
    _log.warning("job %s was left by its worker; it is %s", job.id, end)
    status = {"done": Status.SUCCEEDED, "cancelled": Status.ABORTED}.get(end, Status.FAILED)
    await queue.job_manager.finish_job(job, status, delete_job=False)


def _end_abandoned_job(conninfo: str, job: int) -> str | None:
    """Return how a job of a dead worker ended; None if it is to be run again."""
    with connect(conninfo) as conn:
        end_sessions(conn, job)
        abandoned = read_abandoned_job(conn, job)
        if abandoned.ended is not None:
            return abandoned.ended
        if abandoned.cancelled:
            end_job(conn, job, "cancelled", explain_failure(CANCELLED))
            return "cancelled"
        if abandoned.attempts >= MAX_ATTEMPTS:
            reason = (
                f"Its worker died {abandoned.attempts} times; nothing was stored. See the log of "
                "the service for what ended it."
            )
            end_job(conn, job, "failed", explain_failure(reason))
            return "failed"
        release_queueing_lock(conn, job)
        return None


def _write_heartbeat(conninfo: str, worker: int) -> bool:
    with connect(conninfo) as conn:
        return write_heartbeat(conn, worker)
