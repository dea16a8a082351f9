"""The worker: takes jobs from the queue in PostgreSQL, one at a time, and tells how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.worker import Worker

from geo import pipeline
from geo.errors import GridcoverError, RejectedRows, StoreAwayError
from geo.ingest import Outcome, import_file, import_staff
from geo.ingest.osm.importing import NAME as OSM
from geo.ingest.osm.importing import import_osm
from geo.ingest.staff import STAFF
from geo.settings import Settings, get_settings
from geo.store import audit, jobs
from geo.store.database import Conn, connect

_log = logging.getLogger("gridcover.worker")
REFRESH, IMPORT = "refresh", "import"
BEAT_S = 10.0
"""How often a worker says that it lives; one that was silent for three beats is taken for dead."""


def make_queue(connector: procrastinate.BaseConnector) -> procrastinate.App:
    """The queue with its tasks."""
    app = procrastinate.App(connector=connector)
    # A database that went away comes back: what it cut off begins anew. Nothing else is tried twice.
    again = procrastinate.RetryStrategy(
        max_attempts=20, wait=5, retry_exceptions={psycopg.OperationalError, StoreAwayError}
    )
    app.task(name=REFRESH, pass_context=True, retry=again)(_refresh)
    app.task(name=IMPORT, pass_context=True, retry=again)(_import)
    return app


def asking_queue(pool: Any) -> procrastinate.App:
    """A queue to put jobs into, over a pool that is open."""
    app = make_queue(procrastinate.SyncPsycopgConnector())
    app.open(pool)
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
        other = jobs.waiting(conn, REFRESH)
        if other is not None:
            return other, False
        return ask_refresh(queue, conn, by, everything=everything)
    jobs.add(conn, job, REFRESH, {"everything": everything}, by)
    return job, True


def ask_import(
    queue: procrastinate.App, conn: Conn, by: str, layer: str, upload: str, **options: Any
) -> int:
    """Ask for the import of a file that is kept."""
    task = queue.configure_task(IMPORT, lock="registers")
    job = task.defer(layer=layer, upload=upload, by=by, options=options)
    jobs.add(conn, job, IMPORT, {"layer": layer, **options}, by)
    return job


def run_worker(conninfo: str, *, beat_s: float = BEAT_S) -> None:
    """Work until a signal ends it; a job that runs is given up, undone, and taken again later."""
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
                _log.warning("job %s was left by its worker; it is taken again", job.id)
                with contextlib.suppress(ConnectorException, GridcoverError, psycopg.Error):
                    await asyncio.to_thread(_unqueue, conninfo, job.id)
                    await queue.job_manager.retry_job(job)
        silent = {job.id for job in jobs_of_silent}


def _unqueue(conninfo: str, job: int | None) -> None:
    with connect(conninfo) as conn:
        jobs.unqueue(conn, job)


def _beat(conninfo: str, number: int) -> bool:
    with connect(conninfo) as conn:
        return jobs.beat(conn, number)


@contextlib.contextmanager
def _told(
    context: procrastinate.JobContext, task: str
) -> Iterator[tuple[Conn, Conn, Callable[[str], None]]]:
    """Connections for the work and for telling of it, and what to call at each step."""
    assert context.additional_context is not None  # noqa: S101
    conninfo, job = context.additional_context["conninfo"], context.job.id
    assert job is not None  # noqa: S101
    with connect(conninfo) as work, connect(conninfo) as desk:
        jobs.begin(desk, job, task)

        def progress(step: str) -> None:
            jobs.note_step(desk, job, step)
            if context.should_abort():
                raise JobAborted

        try:
            yield work, desk, progress
        except JobAborted:
            work.rollback()
            if context.abort_reason() is procrastinate.job_context.AbortReason.USER_REQUEST:
                jobs.end(desk, job, "cancelled", {})
            raise
        except (psycopg.OperationalError, StoreAwayError):
            # The database went away, and maybe before the queue could note it: a worker that lives on
            # would keep the job for ever. This one ends; the next finds the job and begins it anew.
            _log.warning("job %s was cut off from the database; the worker ends", job)
            os._exit(75)
        except GridcoverError as error:
            work.rollback()
            jobs.end(desk, job, "failed", {"reason": str(error)})
            raise
        except Exception as error:
            work.rollback()
            jobs.end(desk, job, "failed", {"reason": f"{type(error).__name__}: {error}"})
            raise


def _refresh(context: procrastinate.JobContext, *, everything: bool) -> None:
    settings = get_settings()
    with _told(context, REFRESH) as (conn, desk, progress):
        done = pipeline.refresh_everything(
            conn, settings, everything=everything, progress=progress
        ).coverage
        assert context.job.id is not None  # noqa: S101
        jobs.end(
            desk, context.job.id, "done",
            {"run": done.run, "computed": done.computed, "views": done.views, "grids": done.grids},
        )  # fmt: skip


def _import(
    context: procrastinate.JobContext, *, layer: str, upload: str, by: str, options: dict[str, Any]
) -> None:
    settings = get_settings()
    with _told(context, IMPORT) as (conn, desk, progress), tempfile.TemporaryDirectory() as folder:
        kept = jobs.upload(conn, upload)
        conn.rollback()
        if kept is None:
            raise GridcoverError("the file is not kept any more; send it again")
        name, content = kept
        audit.act_as(conn, by, session=True)
        conn.commit()
        # The name comes from outside; only its last part names a file, in a folder of ours.
        path = Path(folder) / Path(name.replace("\\", "/")).name
        path.write_bytes(content)
        report = Path(folder) / "report.csv"
        try:
            outcome = _run_import(conn, layer, path, report, settings, options, progress)
        except RejectedRows as error:
            outcome = error.outcome
            _end_import(context, desk, "failed", outcome, report, {"reason": str(error)})
            jobs.drop_upload(desk, upload)
            desk.commit()
            return
        if not outcome.dry_run:
            audit.write(
                desk, actor=by, role="", address="", action="imported", object_=layer,
                detail={"file": name, "inserted": outcome.inserted, "updated": outcome.updated,
                        "unchanged": outcome.unchanged, "rejected": outcome.rejected},
            )  # fmt: skip
        _end_import(context, desk, "done", outcome, report, {})
        jobs.drop_upload(desk, upload)
        desk.commit()


def _run_import(
    conn: Conn, layer: str, path: Path, report: Path, settings: Settings, options: dict[str, Any],
    progress: Callable[[str], None],
) -> Outcome:  # fmt: skip
    if layer == STAFF.name:
        staff = {k: v for k, v in options.items() if k in ("rename", "accept_rejects", "dry_run")}
        return import_staff(conn, path, report=report, progress=progress, **staff)
    if layer == OSM:
        dry_run = bool(options.get("dry_run"))
        return import_osm(conn, path, dry_run=dry_run, report=report, settings=settings, progress=progress)  # fmt: skip
    return import_file(conn, layer, path, report=report, settings=settings, progress=progress, **options)  # fmt: skip


def _end_import(
    context: procrastinate.JobContext, desk: Conn, ended: str, outcome: Outcome, report: Path,
    more: dict[str, Any],
) -> None:  # fmt: skip
    assert context.job.id is not None  # noqa: S101
    told = {k: v for k, v in outcome.as_dict().items() if k != "report"} | more
    if outcome.dry_run:
        told["sample"] = outcome.sample_features()
    text = report.read_text(encoding="utf-8-sig") if report.exists() else None
    jobs.end(desk, context.job.id, ended, told, text)


class WorkerProcess:
    """A worker beside the service: started with it, started anew when it dies, ended with it."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="worker", daemon=True)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    def stop(self) -> None:
        """End it: what it was at is undone and taken again later."""
        self._ended.set()
        self._thread.join(20)

    def _watch(self) -> None:
        command = [sys.executable, "-m", "service.commands", "work"]
        env = {**os.environ, "GRIDCOVER_DATABASE_URL": self._conninfo}
        while not self._ended.is_set():
            begun = time.monotonic()
            self.process = subprocess.Popen(command, env=env)
            while self.process.poll() is None and not self._ended.wait(0.2):
                pass
            if self.process.poll() is None:
                self.process.terminate()
                try:
                    self.process.wait(10)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
                return
            _log.warning("the worker ended (%s); it is started anew", self.process.returncode)
            # One that cannot live is not started over and over without a pause.
            self._ended.wait(max(0.0, 5.0 - (time.monotonic() - begun)))
