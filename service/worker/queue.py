"""The worker: takes jobs from the queue in PostgreSQL, one at a time, and reports their progress."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import signal
import tempfile
from typing import Any

import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.jobs import Status
from procrastinate.worker import Worker

from geo.confinement.fork_server import Ended, ForkServer
from geo.errors import GridcoverError, StoreAwayError, StoreError
from geo.maps.failures import explain_failure
from geo.settings import get_settings
from geo.store.connection import Conn, connect
from geo.store.queries.jobs import (
    add_job,
    begin_job,
    end_job,
    end_sessions,
    read_abandoned_job,
    release_queueing_lock,
    waiting_job,
    write_heartbeat,
)

_log = logging.getLogger("gridcover.worker")
REFRESH, IMPORT = "refresh", "import"
BEAT_S = 10.0
"""How often a worker says that it lives; one that was silent for three beats is taken for dead."""
MAX_ATTEMPTS = 5
"""How often a job is begun whose worker dies each time."""
CANCELLED = "It was cancelled; nothing was stored."
DONE, FAILED, CUT_OFF = 0, 3, 75
"""Exit status of a job's process: its end is written down, as done or failed; or the database went away."""
_READING = ("geo.confinement.reading_process:start",)
_processes = ForkServer(("service.worker.job_process", "geo.pipeline", "geo.ingest"))
atexit.register(_processes.stop)


class JobFailed(GridcoverError):  # noqa: N818
    """A job failed; its outcome is written down."""


class WorkerEnds(Exception):  # noqa: N818
    """The worker ends before the job: it is undone, and taken again later."""


def make_queue(connector: procrastinate.BaseConnector) -> procrastinate.App:
    """The queue with its tasks."""
    app = procrastinate.App(connector=connector)
    # A database that went away comes back: what it cut off begins anew. Nothing else is tried twice.
    again = procrastinate.RetryStrategy(
        max_attempts=20,
        wait=5,
        retry_exceptions={psycopg.OperationalError, StoreAwayError, WorkerEnds},
    )
    app.task(name=REFRESH, pass_context=True, retry=again)(_refresh)
    app.task(name=IMPORT, pass_context=True, retry=again)(_import)
    return app


def ask_refresh(
    queue: procrastinate.App, conn: Conn, by: str, *, everything: bool
) -> tuple[int, bool]:
    """Ask for a refresh: its job, and whether it is a new one; one that waits already serves as well.

    The lock lets one refresh or import run at a time, whatever number of workers there is.
    """
    task = queue.configure_task(REFRESH, lock="registers", queueing_lock=REFRESH)
    try:
        job = task.defer(everything=everything)
    except procrastinate.exceptions.AlreadyEnqueued:
        other = waiting_job(conn, REFRESH)
        if other is not None:
            return other, False
        return ask_refresh(queue, conn, by, everything=everything)
    add_job(conn, job, REFRESH, {"everything": everything}, by)
    return job, True


def ask_import(
    queue: procrastinate.App, conn: Conn, by: str, layer: str, upload: str, **options: Any
) -> int:
    """Ask for the import of a file that is kept."""
    task = queue.configure_task(IMPORT, lock="registers")
    job = task.defer(layer=layer, upload=upload, by=by, options=options)
    add_job(conn, job, IMPORT, {"layer": layer, "upload": upload, **options}, by)
    return job


def run_worker(conninfo: str, *, beat_s: float = BEAT_S) -> None:
    """Work until a signal ends it; a job that runs is given up, undone, and taken again later."""
    _processes.start()
    asyncio.run(_work(conninfo, beat_s))


async def _work(conninfo: str, beat_s: float) -> None:
    connector = procrastinate.PsycopgConnector(
        conninfo=conninfo, min_size=1, max_size=4,
        kwargs={"options": "-c search_path=gridcover,public", "application_name": "gridcover-worker"},
    )  # fmt: skip
    queue = make_queue(connector)
    async with queue.open_async():
        worker = Worker(
            queue, name="gridcover", update_heartbeat_interval=beat_s, stalled_worker_timeout=3 * beat_s,
            fetch_job_polling_interval=min(5.0, beat_s), shutdown_graceful_timeout=5.0,
            abort_job_polling_interval=min(5.0, beat_s), additional_context={"conninfo": conninfo},
        )  # fmt: skip
        rescuing = asyncio.create_task(_rescue(queue, worker, conninfo, beat_s))
        try:
            await worker.run()  # type: ignore[no-untyped-call]
        finally:
            rescuing.cancel()


async def _rescue(queue: procrastinate.App, worker: Worker, conninfo: str, beat_s: float) -> None:
    """Put back jobs whose worker died: their transaction is gone with it, so they begin anew.

    The worker's own beat is among it: the queue's stops for good when the database refuses one.
    """
    silent: set[int | None] = set()
    while True:
        await asyncio.sleep(1.5 * beat_s)
        if worker.worker_id is None:
            continue
        try:
            lives = await asyncio.to_thread(_beat, conninfo, worker.worker_id)
            jobs_of_silent = await queue.job_manager.get_stalled_jobs(
                seconds_since_heartbeat=3 * beat_s
            )
        except (ConnectorException, GridcoverError, psycopg.Error):
            silent = set()
            continue
        if not lives:
            # Its jobs may be another's by now: what this one does at them is undone.
            _log.warning("this worker was silent for long and taken for dead; it ends")
            os._exit(75)
        # Twice in turn: after a clock was set forward all are silent, until their next beat.
        for job in jobs_of_silent:
            if job.id in silent:
                with contextlib.suppress(ConnectorException, GridcoverError, psycopg.Error):
                    await _take_up(queue, conninfo, job)
        silent = {job.id for job in jobs_of_silent}


async def _take_up(queue: procrastinate.App, conninfo: str, job: procrastinate.jobs.Job) -> None:
    """Let a job that its worker left begin anew, unless it has ended or shall not."""
    assert job.id is not None  # noqa: S101
    ended = await asyncio.to_thread(_settle, conninfo, job.id)
    if ended is None:
        _log.warning("job %s was left by its worker; it is taken again", job.id)
        await queue.job_manager.retry_job(job)
        return
    _log.warning("job %s was left by its worker; it is %s", job.id, ended)
    status = {"done": Status.SUCCEEDED, "cancelled": Status.ABORTED}.get(ended, Status.FAILED)
    await queue.job_manager.finish_job(job, status, delete_job=False)


def _settle(conninfo: str, job: int) -> str | None:
    """How a job ended whose worker died; None, and it may wait in the queue again, if it did not."""
    with connect(conninfo) as conn:
        end_sessions(conn, job)
        left = read_abandoned_job(conn, job)
        if left.ended is not None:
            return left.ended
        if left.cancelled:
            end_job(conn, job, "cancelled", explain_failure(CANCELLED))
            return "cancelled"
        if left.attempts >= MAX_ATTEMPTS:
            why = (
                f"Its worker died {left.attempts} times; nothing was stored. See the log of the service "
                "for what ended it."
            )
            end_job(conn, job, "failed", explain_failure(why))
            return "failed"
        release_queueing_lock(conn, job)
        return None


def _beat(conninfo: str, number: int) -> bool:
    with connect(conninfo) as conn:
        return write_heartbeat(conn, number)


def _refresh(context: procrastinate.JobContext, *, everything: bool) -> None:
    _supervise(
        context, REFRESH, {"everything": everything}, seconds=None, memory_bytes=None,
        reads_files=get_settings().terrain is not None,
    )  # fmt: skip


def _import(
    context: procrastinate.JobContext, *, layer: str, upload: str, by: str, options: dict[str, Any]
) -> None:
    settings = get_settings()
    _supervise(
        context, IMPORT, {"layer": layer, "upload": upload, "by": by, "options": options},
        seconds=settings.import_seconds, memory_bytes=settings.import_memory_mb << 20, reads_files=True,
    )  # fmt: skip


def _supervise(
    context: procrastinate.JobContext, task: str, arguments: dict[str, Any], *,
    seconds: float | None, memory_bytes: int | None, reads_files: bool,
) -> None:  # fmt: skip
    """Have a job done in a process of its own, and see to it that its end is written down."""
    assert context.additional_context is not None  # noqa: S101
    conninfo, job = context.additional_context["conninfo"], context.job.id
    assert job is not None  # noqa: S101
    try:
        with connect(conninfo) as conn:
            if not begin_job(conn, job, task):
                return
        with tempfile.TemporaryDirectory(
            prefix="gridcover-job-", ignore_cleanup_errors=True
        ) as folder:
            ended = _processes.call(
                f"service.worker.job_process:{task}_",
                {"conninfo": conninfo, "job": job, "folder": folder, "memory_bytes": memory_bytes, **arguments},
                seconds=seconds, give_up=context.should_abort, prepare=_READING if reads_files else (), folder=folder,
            )  # fmt: skip
        if ended.code == DONE:
            return
        if ended.code == FAILED:
            raise JobFailed(f"job {job} failed; its outcome says why")
        if ended.code == CUT_OFF:
            raise StoreAwayError("the database went away")
        with connect(conninfo) as conn:
            end_sessions(conn, job)
            _end_killed(context, conn, job, task, ended)
    except (psycopg.Error, StoreError):
        # The database went away, and maybe before the queue could note it: a worker that lives on
        # would keep the job for ever. This one ends; the next finds the job and begins it anew.
        _log.warning("job %s was cut off from the database; the worker ends", job)
        os._exit(75)


def _end_killed(
    context: procrastinate.JobContext, conn: Conn, job: int, task: str, ended: Ended
) -> None:
    """Write down the end of a job whose process did not do so itself."""
    if ended.ended_by == "caller":
        if context.abort_reason() is not procrastinate.job_context.AbortReason.USER_REQUEST:
            raise WorkerEnds
        if end_job(conn, job, "cancelled", explain_failure(CANCELLED)):
            raise JobAborted
        return
    if ended.code in (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP):
        raise WorkerEnds  # everything is told to end, the worker too
    settings = get_settings()
    if ended.ended_by == "time":
        why = (
            f"The {task} took more than {settings.import_seconds} s and was ended; nothing was stored. "
            "Import the parts of the file, or allow more with GRIDCOVER_IMPORT_SECONDS."
        )
    elif ended.code in (-signal.SIGKILL, -signal.SIGABRT):
        why = (
            f"The process of the {task} was ended by the system, as it is when memory runs out; nothing was "
            "stored. Import the parts of the file, or see how much memory is free."
        )
    else:
        why = f"The process of the {task} broke off ({ended.code}); nothing was stored."
    if end_job(conn, job, "failed", explain_failure(why)):
        raise JobFailed(why)
