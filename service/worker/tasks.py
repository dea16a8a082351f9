"""Tasks of the job queue: refresh and import, each job in a process of its own."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import tempfile
from dataclasses import dataclass
from typing import Any

import procrastinate
import psycopg
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import AbortReason

from geo.confinement.fork_server import Ended, ForkServer
from geo.errors import GridcoverError, StoreAwayError, StoreError
from geo.maps.failures import explain_failure
from geo.settings import get_settings
from geo.store.connection import Conn, connect
from geo.store.queries.job_workers import end_sessions
from geo.store.queries.jobs import begin_job, end_job
from service.worker.exit_status import ExitStatus

_log = logging.getLogger("gridcover.worker")
REFRESH, IMPORT = "refresh", "import"
"""Names of the tasks."""
CANCELLED = "It was cancelled; nothing was stored."
_SIGNALS_TO_STOP = (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
_SIGNALS_OF_SYSTEM = (-signal.SIGKILL, -signal.SIGABRT)
_READING = ("geo.confinement.reading_process:start_server",)
processes = ForkServer(("service.worker.job_process", "geo.pipeline", "geo.ingest"))
"""Starts the processes of jobs."""
atexit.register(processes.stop)


class JobFailed(GridcoverError):  # noqa: N818
    """The job failed and its outcome is stored."""


class WorkerStopped(Exception):  # noqa: N818
    """The worker stops before the job ends; the job is undone and run again later."""


@dataclass(frozen=True)
class _Limits:
    """What the process of a job may use."""

    seconds: float | None
    """Time until it is ended; None without a limit."""
    memory_bytes: int | None
    """Size of its data segment; None without a limit."""
    reads_files: bool
    """Whether it needs a confined process that reads files."""


def refresh(context: procrastinate.JobContext, *, everything: bool) -> None:
    """Run the job of a refresh.

    Parameters
    ----------
    context : procrastinate.JobContext
        Context of the job; its `additional_context` has the connection string.
    everything : bool
        Whether to compute what did not change as well.
    """
    limits = _Limits(None, None, reads_files=get_settings().terrain is not None)
    _run_job(context, REFRESH, {"everything": everything}, limits)


def import_upload(
    context: procrastinate.JobContext, *, layer: str, upload: str, by: str, options: dict[str, Any]
) -> None:
    """Run the job of an import.

    Parameters
    ----------
    context : procrastinate.JobContext
        Context of the job; its `additional_context` has the connection string.
    layer : str
        Register to import into.
    upload : str
        Id of the stored file.
    by : str
        Who requested the import.
    options : dict
        Options of the import.
    """
    settings = get_settings()
    limits = _Limits(settings.import_seconds, settings.import_memory_mb << 20, reads_files=True)
    arguments = {"layer": layer, "upload": upload, "by": by, "options": options}
    _run_job(context, IMPORT, arguments, limits)


def _run_job(
    context: procrastinate.JobContext, task: str, arguments: dict[str, Any], limits: _Limits
) -> None:
    """Run a job in a process of its own, and make sure that its end is stored."""
    assert context.additional_context is not None  # noqa: S101
    conninfo, job = context.additional_context["conninfo"], context.job.id
    assert job is not None  # noqa: S101
    try:
        with connect(conninfo) as conn:
            if not begin_job(conn, job, task):
                return
        ended = _run_process(context, conninfo, task, arguments, limits)
        if ended.code == ExitStatus.DONE:
            return
        if ended.code == ExitStatus.FAILED:
            raise JobFailed(f"job {job} failed; its outcome has the reason")
        if ended.code == ExitStatus.DATABASE_LOST:
            raise StoreAwayError("the connection to the database was lost")
        with connect(conninfo) as conn:
            end_sessions(conn, job)
            _store_end(context, conn, task, ended)
    except (psycopg.Error, StoreError):
        # The database went away, possibly before the queue could store the state of the job: a
        # worker that lives on would keep the job for ever. This worker exits; the next one finds
        # the job and runs it again.
        _log.warning("job %s lost the database; the worker exits", job)
        os._exit(ExitStatus.DATABASE_LOST)


def _run_process(
    context: procrastinate.JobContext,
    conninfo: str,
    task: str,
    arguments: dict[str, Any],
    limits: _Limits,
) -> Ended:
    with tempfile.TemporaryDirectory(prefix="gridcover-job-", ignore_cleanup_errors=True) as folder:
        return processes.call(
            f"service.worker.job_process:run_{task}",
            {
                "conninfo": conninfo,
                "job": context.job.id,
                "folder": folder,
                "memory_bytes": limits.memory_bytes,
                **arguments,
            },
            seconds=limits.seconds,
            give_up=context.should_abort,
            prepare=_READING if limits.reads_files else (),
            folder=folder,
        )


def _store_end(context: procrastinate.JobContext, conn: Conn, task: str, ended: Ended) -> None:
    """Store the end of a job whose process did not do so itself."""
    job = context.job.id
    assert job is not None  # noqa: S101
    if ended.ended_by == "caller":
        if context.abort_reason() is not AbortReason.USER_REQUEST:
            raise WorkerStopped
        if end_job(conn, job, "cancelled", explain_failure(CANCELLED)):
            raise JobAborted
        return
    if ended.code in _SIGNALS_TO_STOP:
        raise WorkerStopped  # the signal was sent to all processes, the worker included
    reason = _reason_of_end(task, ended)
    if end_job(conn, job, "failed", explain_failure(reason)):
        raise JobFailed(reason)


def _reason_of_end(task: str, ended: Ended) -> str:
    if ended.ended_by == "time":
        return (
            f"The {task} took more than {get_settings().import_seconds} s and was ended; nothing "
            "was stored. Import the parts of the file, or allow more with GRIDCOVER_IMPORT_SECONDS."
        )
    if ended.code in _SIGNALS_OF_SYSTEM:
        return (
            f"The process of the {task} was ended by the system, as it is when memory runs out; "
            "nothing was stored. Import the parts of the file, or see how much memory is free."
        )
    return f"The process of the {task} broke off ({ended.code}); nothing was stored."
