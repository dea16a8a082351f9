"""What a job does, in a process of its own that can be ended without leaving anything behind."""

from __future__ import annotations

import contextlib
import resource
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from geo import pipeline
from geo.errors import GridcoverError, RejectedRows, StoreAwayError, StoreError
from geo.ingest import ImportOptions, ImportOutcome, import_file, import_staff
from geo.ingest.osm.importing import import_osm
from geo.ingest.osm.outcomes import NAME as OSM
from geo.ingest.preview import FilePreview
from geo.ingest.staff import STAFF
from geo.maps.failures import explain_failure
from geo.settings import get_settings
from geo.store.audit_actions import AuditAction
from geo.store.connection import Conn, connect
from geo.store.queries.audit import append_audit_entry, set_actor
from geo.store.queries.job_workers import mark_session
from geo.store.queries.jobs import end_job, write_job_end, write_job_step
from geo.store.queries.uploads import delete_upload, read_upload
from service.worker.exit_status import ExitStatus


@dataclass(frozen=True)
class _JobConnections:
    """Connections of one job."""

    job: int
    work: Conn
    """Connection of what the job does, in one transaction."""
    status: Conn
    """Connection of its progress and end."""

    def write_step(self, step: str) -> None:
        write_job_step(self.status, self.job, step)

    def end(self, state: str, outcome: dict[str, Any], report: str | None = None) -> None:
        end_job(self.status, self.job, state, outcome, report)


@contextlib.contextmanager
def _open_job(conninfo: str, job: int) -> Iterator[_JobConnections]:
    """Open the connections of a job; store the reason if it fails and exit."""
    try:
        with connect(conninfo) as work, connect(conninfo) as status:
            for conn in (work, status):
                mark_session(conn, job)
            connections = _JobConnections(job, work, status)
            try:
                yield connections
            except (psycopg.OperationalError, StoreAwayError):
                raise
            except Exception as error:
                work.rollback()
                status.rollback()
                connections.end("failed", explain_failure(_reason(error)))
                raise SystemExit(ExitStatus.FAILED) from error
    except (psycopg.OperationalError, StoreAwayError, StoreError) as error:
        raise SystemExit(ExitStatus.DATABASE_LOST) from error


def _reason(error: Exception) -> str:
    if isinstance(error, GridcoverError):
        return str(error)
    if isinstance(error, MemoryError):
        limit = get_settings().import_memory_mb
        return (
            f"The job needs more than {limit} MiB of memory; nothing was stored. "
            "Import the parts of the file, or allow more with GRIDCOVER_IMPORT_MEMORY_MB."
        )
    return f"{type(error).__name__}: {error}"


def run_refresh(
    _files: list[int],
    *,
    conninfo: str,
    job: int,
    folder: str,
    memory_bytes: int | None,
    everything: bool,
) -> None:
    """Compute what changed.

    Parameters
    ----------
    _files : list of int
        File descriptors of the process; none are used.
    conninfo : str
        Connection string of a migrated database.
    job : int
        Id of the job.
    folder : str
        Folder of temporary files.
    memory_bytes : int or None
        Limit of the data segment; None without a limit.
    everything : bool
        Whether to compute what did not change as well.
    """
    _prepare(folder, memory_bytes)
    with _open_job(conninfo, job) as connections:
        coverage = pipeline.refresh_all(
            connections.work,
            get_settings(),
            everything=everything,
            progress=connections.write_step,
        ).coverage
        figures = {
            "run": coverage.run,
            "computed": coverage.computed,
            "views": coverage.views,
            "grids": coverage.grids,
        }
        connections.end("done", figures)


@dataclass
class _Import:
    """The import of one uploaded file."""

    connections: _JobConnections
    layer: str
    by: str
    options: dict[str, Any]
    folder: Path
    file_name: str = ""
    preview: FilePreview | None = field(default=None)
    """What was read of the file, once it was."""

    @property
    def path(self) -> Path:
        return self.folder / "upload" / safe_name(self.file_name)

    @property
    def report(self) -> Path:
        return self.folder / "report.csv"

    @property
    def report_text(self) -> str | None:
        return self.report.read_text(encoding="utf-8-sig") if self.report.exists() else None

    @property
    def shown_preview(self) -> dict[str, Any]:
        return {"preview": self.preview.as_dict()} if self.preview else {}

    def store_preview(self, preview: FilePreview) -> None:
        self.preview = preview

    def write_file(self, upload: str) -> None:
        """Write the uploaded file to the folder."""
        conn = self.connections.work
        stored = read_upload(conn, upload)
        conn.rollback()
        if stored is None:
            raise GridcoverError("the file is not kept any more; send it again")
        self.file_name, content = stored
        self.path.parent.mkdir()
        self.path.write_bytes(content)

    def before_commit(self, outcome: ImportOutcome) -> None:
        """Store the end of the job with its rows: it is done if and only if they are stored."""
        conn = self.connections.work
        counts = {
            "inserted": outcome.inserted,
            "updated": outcome.updated,
            "unchanged": outcome.unchanged,
            "rejected": outcome.rejected,
        }
        append_audit_entry(
            conn,
            actor=self.by,
            role="",
            address="",
            action=AuditAction.IMPORTED,
            object_=self.layer,
            detail={"file": self.file_name, **counts},
        )
        job = self.connections.job
        if not write_job_end(conn, job, "done", _as_json(outcome), self.report_text):
            raise GridcoverError("the job was ended by another; nothing was stored")

    def run(self) -> ImportOutcome:
        """Import the file by the reader of its layer."""
        conn, settings = self.connections.work, get_settings()
        progress = self.connections.write_step
        if self.layer == OSM:
            return import_osm(
                conn,
                self.path,
                dry_run=bool(self.options.get("dry_run")),
                report=self.report,
                settings=settings,
                progress=progress,
                before_commit=self.before_commit,
            )
        options = ImportOptions(report=self.report, **self.options)
        common: dict[str, Any] = {
            "settings": settings,
            "progress": progress,
            "on_read": self.store_preview,
            "before_commit": self.before_commit,
        }
        if self.layer == STAFF.name:
            return import_staff(conn, self.path, options, **common)
        return import_file(conn, self.layer, self.path, options, **common)

    def store_end(self, outcome: ImportOutcome, upload: str) -> None:
        """Store the end of a trial run; delete the uploaded file if its rows are stored."""
        if outcome.dry_run:
            self.connections.end("done", _as_json(outcome) | self.shown_preview, self.report_text)
            return
        # A file that was not stored is kept for another attempt, see `uploads.UPLOAD_MINUTES`.
        delete_upload(self.connections.status, upload)
        self.connections.status.commit()

    def store_rejection(self, error: RejectedRows) -> None:
        """Store that the file was refused because of its rows."""
        reason = str(error).replace(str(self.report), "the report")
        outcome = _as_json(error.outcome) | explain_failure(reason) | self.shown_preview
        self.connections.end("failed", outcome, self.report_text)

    def store_failure(self, error: GridcoverError) -> None:
        """Store the reason with what was read, so that the user can name the columns."""
        self.connections.work.rollback()
        missing = self.preview.missing if self.preview else []
        outcome = explain_failure(str(error)) | {"missing": missing} | self.shown_preview
        self.connections.end("failed", outcome)


def run_import(
    _files: list[int],
    *,
    conninfo: str,
    job: int,
    folder: str,
    memory_bytes: int | None,
    layer: str,
    upload: str,
    by: str,
    options: dict[str, Any],
) -> None:
    """Import an uploaded file.

    Parameters
    ----------
    _files : list of int
        File descriptors of the process; none are used.
    conninfo : str
        Connection string of a migrated database.
    job : int
        Id of the job.
    folder : str
        Folder of temporary files.
    memory_bytes : int or None
        Limit of the data segment; None without a limit.
    layer : str
        Register to import into.
    upload : str
        Id of the stored file.
    by : str
        Who requested the import.
    options : dict
        Options of `geo.ingest.import_file`.
    """
    _prepare(folder, memory_bytes)
    with _open_job(conninfo, job) as connections:
        file_import = _Import(connections, layer, by, options, Path(folder))
        file_import.write_file(upload)
        set_actor(connections.work, by, session=True)
        connections.work.commit()
        try:
            outcome = file_import.run()
        except RejectedRows as error:
            file_import.store_rejection(error)
        except StoreAwayError:
            raise
        except GridcoverError as error:
            file_import.store_failure(error)
            raise SystemExit(ExitStatus.FAILED) from error
        else:
            file_import.store_end(outcome, upload)


def safe_name(name: str) -> str:
    """Return a safe file name for an uploaded file.

    Parameters
    ----------
    name : str
        Name as it was sent, possibly a path.

    Returns
    -------
    str
        Last part of the path without control characters and with at most 200 bytes; `upload` if
        nothing usable is left.

    Examples
    --------
    >>> safe_name("../../etc/cron.d/table.csv")
    'table.csv'
    >>> safe_name("...")
    'upload'
    """
    last = name.replace("\\", "/").rpartition("/")[2].replace("\0", "")
    last = "".join("_" if unicodedata.category(c).startswith("C") else c for c in last).strip()
    stem, dot, ending = last.partition(".")
    while len(last.encode("utf-8", "replace")) > 200 and stem:
        stem = stem[:-1]
        last = stem + dot + ending
    if last.strip(". ") == "" or len(last.encode("utf-8", "replace")) > 200:
        return "upload"
    return last.encode("utf-8", "replace").decode()


def _prepare(folder: str, memory_bytes: int | None) -> None:
    """Set the folder of temporary files and the limit of memory."""
    tempfile.tempdir = folder
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _as_json(outcome: ImportOutcome) -> dict[str, Any]:
    values = {name: value for name, value in outcome.as_dict().items() if name != "report"}
    return values | {"sample": outcome.sample_features()} if outcome.dry_run else values
