"""The job queue in PostgreSQL: its tasks, and how jobs are added."""

from __future__ import annotations

from typing import Any

import procrastinate
import psycopg

from geo.errors import StoreAwayError
from geo.store.connection import Conn
from geo.store.queries.jobs import add_job, find_waiting_job
from geo.store.queries.webhooks import DELIVERY_QUEUE, DELIVERY_TASK
from service.worker import tasks, webhooks
from service.worker.tasks import IMPORT, REFRESH

_LOCK = "registers"
"""Refreshes and imports share this lock: one of them runs at a time, with any number of workers."""
_AFTER_INTERRUPTION = procrastinate.RetryStrategy(
    max_attempts=20,
    wait=5,
    retry_exceptions={psycopg.OperationalError, StoreAwayError, tasks.WorkerStopped},
)


def make_queue(connector: procrastinate.BaseConnector) -> procrastinate.App:
    """Return the job queue with its tasks.

    A refresh or import is tried again only if the database or the worker went away; a delivery of
    a webhook is tried again after every failure.

    Parameters
    ----------
    connector : procrastinate.BaseConnector
        Connections to the database.

    Returns
    -------
    procrastinate.App
        The queue, not yet open.
    """
    queue = procrastinate.App(connector=connector)
    for name, run in ((REFRESH, tasks.refresh), (IMPORT, tasks.import_upload)):
        queue.task(name=name, pass_context=True, retry=_AFTER_INTERRUPTION)(run)
    queue.task(
        name=DELIVERY_TASK, queue=DELIVERY_QUEUE, pass_context=True, retry=webhooks.RETRY_STRATEGY
    )(webhooks.deliver)
    return queue


def enqueue_refresh(
    queue: procrastinate.App, conn: Conn, by: str, *, everything: bool
) -> tuple[int, bool]:
    """Add the job of a refresh, unless one is waiting already.

    Parameters
    ----------
    queue : procrastinate.App
        The open queue.
    conn : psycopg.Connection
        Open connection of a role that may write; the caller commits.
    by : str
        Who requests the refresh.
    everything : bool
        Whether to compute what did not change as well.

    Returns
    -------
    job : int
        Id of the new job, or of the one that is waiting.
    is_new : bool
        Whether the job was added now.
    """
    task = queue.configure_task(REFRESH, lock=_LOCK, queueing_lock=REFRESH)
    try:
        job = task.defer(everything=everything)
    except procrastinate.exceptions.AlreadyEnqueued:
        waiting = find_waiting_job(conn, REFRESH)
        if waiting is not None:
            return waiting, False
        return enqueue_refresh(queue, conn, by, everything=everything)
    add_job(conn, job, REFRESH, {"everything": everything}, by)
    return job, True


def enqueue_import(
    queue: procrastinate.App, conn: Conn, by: str, layer: str, upload: str, **options: Any
) -> int:
    """Add the job that imports a stored file.

    Parameters
    ----------
    queue : procrastinate.App
        The open queue.
    conn : psycopg.Connection
        Open connection of a role that may write; the caller commits.
    by : str
        Who requests the import.
    layer : str
        Register to import into.
    upload : str
        Id of the stored file.
    **options : Any
        Options of the import.

    Returns
    -------
    int
        Id of the job.
    """
    task = queue.configure_task(IMPORT, lock=_LOCK)
    job = task.defer(layer=layer, upload=upload, by=by, options=options)
    add_job(conn, job, IMPORT, {"layer": layer, "upload": upload, **options}, by)
    return job
