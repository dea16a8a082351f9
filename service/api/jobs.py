"""Jobs: imports and refreshes are requested, listed and cancelled."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from geo.ingest.dates import DateOrder
from geo.ingest.encodings import ENCODINGS
from geo.ingest.occurrence import KeyRule
from geo.ingest.outcome import translate_report
from geo.maps.failures import explain_failure
from geo.store.audit_actions import AuditAction
from geo.store.queries import jobs as stored_jobs
from geo.store.queries.api_tokens import JOBS
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.imports import LONGEST_NAME
from geo.store.queries.jobs import end_job, read_job_report, read_jobs
from geo.store.queries.uploads import add_upload, reuse_upload
from geo.store.queries.users import User
from service.api.imports import parse_renames, require_layer, require_options
from service.auth.sessions import SignedIn, client_address
from service.dependencies import Body, Deployment, Language, Writing
from service.policy import AuditRule, SecuredRoute, allow
from service.request_bodies import LARGEST_UPLOAD
from service.responses import CSV
from service.state import app_state
from service.worker.queue import enqueue_import, enqueue_refresh

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], route_class=SecuredRoute)
_READ = [allow("jobs", scopes=(JOBS,), everywhere=True)]
_CHANGE = [allow("jobs", scopes=(JOBS,), everywhere=True, audit=AuditRule.ROUTE)]
_UPLOAD = [
    allow("jobs", scopes=(JOBS,), everywhere=True, audit=AuditRule.ROUTE, max_body=LARGEST_UPLOAD)
]
_FILE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
JobNumber = Annotated[int, PathParameter(ge=1, le=2**63 - 1, description="Number of the job.")]


class Job(BaseModel):
    """Import or refresh and its progress."""

    id: int
    task: str
    arguments: dict[str, Any] = Field(description="Options that it was requested with.")
    requested_by: str
    requested_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    attempts: int = Field(description="More than 1 after a worker or the database failed.")
    step: str = Field(description="Present step.")
    steps: int = Field(description="Steps done.")
    state: Literal["waiting", "running", "cancelling", "done", "failed", "cancelled"]
    outcome: dict[str, Any] | None
    has_report: bool


@dataclass(frozen=True)
class ImportOptions:
    """Options of an import, as query parameters.

    Attributes
    ----------
    crs, datum, source, file_layer, encoding, key, occurred, date_order : str, optional
        As the options of `gridcover import`.
    rename : list of str
        Texts `HEADER=column`, or JSON objects of header to column.
    mapping : str, optional
        Name of the saved mapping to use.
    save_mapping : str, optional
        Name to save the mapping under.
    accept_rejects : bool
        Import the other rows if some are rejected.
    dry_run : bool
        Report only.
    """

    crs: str | None = None
    datum: str | None = None
    source: str | None = None
    file_layer: str | None = None
    encoding: str | None = None
    rename: list[str] = field(default_factory=list)
    key: str | None = None
    occurred: str | None = None
    date_order: str | None = None
    mapping: str | None = None
    save_mapping: str | None = None
    accept_rejects: bool = False
    dry_run: bool = False

    def given(self, layer: str) -> dict[str, Any]:
        """Return the options that have a value, the renames by header.

        Parameters
        ----------
        layer : str
            Layer whose columns the headers are renamed to.

        Returns
        -------
        dict
            Options by name.
        """
        options = self.__dict__ | {"rename": parse_renames(self.rename, layer)}
        return {name: value for name, value in options.items() if value}


def _import_options(
    crs: Annotated[
        str | None,
        Query(max_length=2000, description="CRS of the file, such as EPSG:4548, if it has none."),
    ] = None,
    datum: Annotated[
        Literal["gcj02", "bd09", "cgcs2000"] | None,
        Query(description="Datum of the coordinates, if not WGS 84."),
    ] = None,
    source: Annotated[
        str | None, Query(max_length=100, description="Source of incidents that name none.")
    ] = None,
    file_layer: Annotated[
        str | None,
        Query(max_length=200, description="Layer or sheet to read, if the file has several."),
    ] = None,
    encoding: Annotated[
        str | None,
        Query(
            max_length=40,
            description=f"Encoding of the texts, if it is not detected: {', '.join(ENCODINGS)}.",
        ),
    ] = None,
    rename: Annotated[
        list[str] | None,
        Query(
            description="HEADER=column, or one JSON object of such pairs; the column `extra` "
            "stores a known header as an additional column."
        ),
    ] = None,
    key: Annotated[
        KeyRule | None, Query(description="How keys are made, if the file has none.")
    ] = None,
    occurred: Annotated[
        str | None,
        Query(
            max_length=40,
            description="Period of incidents without a time: 2025, 2025-03 or "
            "2025-01-01/2025-06-30.",
        ),
    ] = None,
    date_order: Annotated[
        DateOrder | None,
        Query(description="Order of day and month, if dates such as 05/02/2026 are ambiguous."),
    ] = None,
    mapping: Annotated[
        str | None, Query(max_length=LONGEST_NAME, description="Saved mapping to use.")
    ] = None,
    save_mapping: Annotated[
        str | None,
        Query(max_length=LONGEST_NAME, description="Name to save the mapping under."),
    ] = None,
    accept_rejects: Annotated[
        bool, Query(description="Import the other rows if some are rejected.")
    ] = False,
    dry_run: Annotated[bool, Query(description="Report only; import nothing.")] = False,
) -> ImportOptions:
    return ImportOptions(
        crs,
        datum,
        source,
        file_layer,
        encoding,
        rename or [],
        key,
        occurred,
        date_order,
        mapping,
        save_mapping,
        accept_rejects,
        dry_run,
    )


def _job_of(job: stored_jobs.Job) -> Job:
    return Job(
        id=job.id,
        task=job.task,
        arguments=job.about,
        requested_by=job.asked_by,
        requested_at=job.asked_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        attempts=job.attempts,
        step=job.step,
        steps=job.steps,
        state=job.state,
        outcome=job.outcome,
        has_report=job.has_report,
    )


def _require_job(conn: Writing, number: int) -> Job:
    jobs = read_jobs(conn, 1, number)
    if not jobs:
        raise HTTPException(404, f"There is no job {number}.")
    return _job_of(jobs[0])


def _record(
    request: Request, conn: Writing, user: User, action: AuditAction, job: int, **detail: Any
) -> None:
    append_audit_entry(
        conn,
        actor=user.name,
        role=user.role,
        address=client_address(request),
        action=action,
        object_=f"job {job}",
        detail=detail,
    )


@router.get("", dependencies=_READ)
def list_jobs(
    conn: Writing,
    limit: Annotated[int, Query(ge=1, le=200, description="Maximum number of jobs.")] = 50,
) -> list[Job]:
    """List the jobs, the newest first; finished jobs are stored for 90 days."""
    return [_job_of(job) for job in read_jobs(conn, limit)]


@router.get("/{job}", dependencies=_READ)
def get_job(conn: Writing, job: JobNumber) -> Job:
    """Get one job."""
    return _require_job(conn, job)


@router.get("/{job}/report", dependencies=_READ, response_class=Response, responses=CSV)
def get_import_report(conn: Writing, job: JobNumber, language: Language) -> Response:
    """Get the report of an import as CSV: every row that was rejected or changed, and why.

    The column `reason` has the text of the code in the column `code`, in the language of the
    request.
    """
    text = read_job_report(conn, job)
    if text is None:
        raise HTTPException(404, f"The job {job} has no report.")
    return Response(
        "\ufeff" + translate_report(text, language),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="job-{job}.csv"'},
    )


@router.post("/refresh", status_code=202, dependencies=_CHANGE)
def request_refresh(
    request: Request,
    response: Response,
    conn: Writing,
    user: SignedIn,
    everything: Annotated[
        bool, Query(description="Compute everything, also what did not change.")
    ] = False,
) -> Job:
    """Request a refresh; 200 with the job that is waiting already, if there is one."""
    queue = app_state(request).job_queue
    job, is_new = enqueue_refresh(queue, conn, user.name, everything=everything)
    if is_new:
        _record(request, conn, user, AuditAction.REFRESH_REQUESTED, job, everything=everything)
    else:
        response.status_code = 200
    conn.commit()
    return _require_job(conn, job)


@router.post("/import", status_code=202, dependencies=_UPLOAD, openapi_extra=_FILE_BODY)
def request_import(
    request: Request,
    conn: Writing,
    user: SignedIn,
    settings: Deployment,
    body: Body,
    options: Annotated[ImportOptions, Depends(_import_options)],
    layer: Annotated[str, Query(max_length=40, description="Layer to import into.")],
    name: Annotated[
        str,
        Query(min_length=1, max_length=200, description="Name of the file with its extension."),
    ],
    upload: Annotated[
        str | None,
        Query(
            max_length=40,
            description="`arguments.upload` of an earlier job of yours, instead of a body; "
            "available for an hour.",
        ),
    ] = None,
) -> Job:
    """Request the import of a file, sent as the body; all rows or none unless `accept_rejects`.

    The outcome of a `dry_run`, and of an import that was refused after its file was read, has a
    `preview`: each header with its column or proposals, the first rows, and the missing columns.
    """
    require_layer(layer)
    given = options.given(layer)
    require_options(conn, layer, given, settings)
    if bool(upload) == bool(body):
        raise HTTPException(422, "Send the file as the body, or name an upload; one of the two.")
    if upload:
        stored_name = reuse_upload(conn, upload, user.name)
        if stored_name is None:
            raise HTTPException(410, "The file is not stored any more; send it again.")
        name = stored_name
    else:
        upload = add_upload(conn, name, body, user.name)
    conn.commit()
    job = enqueue_import(app_state(request).job_queue, conn, user.name, layer, upload, **given)
    detail = {"layer": layer, "file": name, "dry_run": options.dry_run}
    _record(request, conn, user, AuditAction.IMPORT_REQUESTED, job, **detail)
    conn.commit()
    return _require_job(conn, job)


@router.post("/{job}/cancel", dependencies=_CHANGE)
def cancel_job(request: Request, conn: Writing, user: SignedIn, job: JobNumber) -> Job:
    """Cancel a job: a waiting job does not start, a running job is stopped and rolled back."""
    _require_job(conn, job)
    if app_state(request).job_queue.job_manager.cancel_job_by_id(job, abort=True):
        if _require_job(conn, job).state == "cancelled":
            end_job(conn, job, "cancelled", explain_failure("It was cancelled before it began."))
        _record(request, conn, user, AuditAction.JOB_CANCELLED, job)
        conn.commit()
    return _require_job(conn, job)
