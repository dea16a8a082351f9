"""What a job does, in a process of its own that can be ended without leaving anything behind."""

from __future__ import annotations

import contextlib
import resource
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from geo import pipeline
from geo.errors import GridcoverError, RejectedRows, StoreAwayError, StoreError
from geo.ingest import ImportOptions, Outcome, import_file, import_staff
from geo.ingest.osm.importing import NAME as OSM
from geo.ingest.osm.importing import import_osm
from geo.ingest.preview import FilePreview
from geo.ingest.staff import STAFF
from geo.maps.failures import explain_failure
from geo.settings import Settings, get_settings
from geo.store.connection import Conn, connect
from geo.store.queries.audit import append_audit_entry, set_actor
from geo.store.queries.jobs import end_job, mark_session, write_job_end, write_job_step
from geo.store.queries.uploads import delete_upload, read_upload
from service.worker.queue import CUT_OFF, FAILED


@contextlib.contextmanager
def _connected(conninfo: str, job: int) -> Iterator[tuple[Conn, Conn, Callable[[str], None]]]:
    """Connections for the work and for what is said of it, and what to call at each step."""
    try:
        with connect(conninfo) as work, connect(conninfo) as desk:
            for conn in (work, desk):
                mark_session(conn, job)

            def progress(step: str) -> None:
                write_job_step(desk, job, step)

            try:
                yield work, desk, progress
            except (psycopg.OperationalError, StoreAwayError):
                raise
            except Exception as error:
                work.rollback()
                desk.rollback()
                end_job(desk, job, "failed", explain_failure(_reason(error)))
                raise SystemExit(FAILED) from error
    except (psycopg.OperationalError, StoreAwayError, StoreError) as error:
        raise SystemExit(CUT_OFF) from error


def _reason(error: Exception) -> str:
    if isinstance(error, GridcoverError):
        return str(error)
    if isinstance(error, MemoryError):
        return (
            f"The job needs more than {get_settings().import_memory_mb} MiB of memory; nothing was stored. "
            "Import the parts of the file, or allow more with GRIDCOVER_IMPORT_MEMORY_MB."
        )
    return f"{type(error).__name__}: {error}"


def refresh_(
    _: list[int],
    *,
    conninfo: str,
    job: int,
    folder: str,
    memory_bytes: int | None,
    everything: bool,
) -> None:
    """Compute what changed."""
    _prepare(folder, memory_bytes)
    with _connected(conninfo, job) as (conn, desk, progress):
        done = pipeline.refresh_all(
            conn, get_settings(), everything=everything, progress=progress
        ).coverage
        end_job(
            desk, job, "done",
            {"run": done.run, "computed": done.computed, "views": done.views, "grids": done.grids},
        )  # fmt: skip


def import_(
    _: list[int], *, conninfo: str, job: int, folder: str, memory_bytes: int | None,
    layer: str, upload: str, by: str, options: dict[str, Any],
) -> None:  # fmt: skip
    """Import a file that was sent."""
    _prepare(folder, memory_bytes)
    with _connected(conninfo, job) as (conn, desk, progress):
        found = read_upload(conn, upload)
        conn.rollback()
        if found is None:
            raise GridcoverError("the file is not kept any more; send it again")
        name, content = found
        set_actor(conn, by, session=True)
        conn.commit()
        path = Path(folder) / "upload" / safe_name(name)
        path.parent.mkdir()
        path.write_bytes(content)
        del content
        report = Path(folder) / "report.csv"

        def before_commit(outcome: Outcome) -> None:
            # In the same transaction: the job is done if, and only if, its rows are stored.
            append_audit_entry(
                conn, actor=by, role="", address="", action="imported", object_=layer,
                detail={"file": name, "inserted": outcome.inserted, "updated": outcome.updated,
                        "unchanged": outcome.unchanged, "rejected": outcome.rejected},
            )  # fmt: skip
            if not write_job_end(conn, job, "done", _told(outcome), _text(report)):
                raise GridcoverError("the job was ended by another; nothing was stored")

        previews: list[FilePreview] = []

        def shown() -> dict[str, Any]:
            return {"preview": previews[-1].as_dict()} if previews else {}

        try:
            outcome = _run_import(
                conn, layer, path, report, options, progress, previews.append, before_commit
            )
        except RejectedRows as error:
            why = str(error).replace(str(report), "the report")
            told = _told(error.outcome) | explain_failure(why)
            end_job(desk, job, "failed", told | shown(), _text(report))
        except StoreAwayError:
            raise
        except GridcoverError as error:
            # What was read goes with the reason, so that the user can say what the columns are.
            conn.rollback()
            missing = previews[-1].missing if previews else []
            told = explain_failure(str(error)) | {"missing": missing} | shown()
            end_job(desk, job, "failed", told)
            raise SystemExit(FAILED) from error
        else:
            if outcome.dry_run:
                end_job(desk, job, "done", _told(outcome) | shown(), _text(report))
                return
            # A file that was not stored is kept for another try, see `jobs.UPLOAD_MINUTES`.
            delete_upload(desk, upload)
            desk.commit()


def _run_import(
    conn: Conn, layer: str, path: Path, report: Path, options: dict[str, Any],
    progress: Callable[[str], None], on_read: Callable[[FilePreview], None],
    before_commit: Callable[[Outcome], None],
) -> Outcome:  # fmt: skip
    settings: Settings = get_settings()
    if layer == OSM:
        return import_osm(
            conn, path, dry_run=bool(options.get("dry_run")), report=report, settings=settings, progress=progress,
            before_commit=before_commit,
        )  # fmt: skip
    import_options = ImportOptions(report=report, **options)
    if layer == STAFF.name:
        return import_staff(
            conn, path, import_options, settings=settings, progress=progress, on_read=on_read,
            before_commit=before_commit,
        )  # fmt: skip
    return import_file(
        conn, layer, path, import_options, settings=settings, progress=progress, on_read=on_read,
        before_commit=before_commit,
    )  # fmt: skip


def safe_name(name: str) -> str:
    """Return a name for a file that was sent: its last part, or of that what a file can be named."""
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
    """Set where temporary files go, and how much memory there is."""
    tempfile.tempdir = folder
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _told(outcome: Outcome) -> dict[str, Any]:
    told = {k: v for k, v in outcome.as_dict().items() if k != "report"}
    return told | {"sample": outcome.sample_features()} if outcome.dry_run else told


def _text(report: Path) -> str | None:
    return report.read_text(encoding="utf-8-sig") if report.exists() else None
