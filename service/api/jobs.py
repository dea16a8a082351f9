"""Jobs: imports and refreshes requested, followed and cancelled."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi import Path as InPath
from pydantic import BaseModel, Field

from geo.ingest.dates import DateOrder
from geo.ingest.encodings import ENCODINGS
from geo.ingest.occurrence import KeyRule
from geo.maps.failures import explain_failure
from geo.store.queries.api_tokens import JOBS
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.imports import LONGEST_NAME
from geo.store.queries.jobs import end_job, newest_jobs, read_job_report
from geo.store.queries.uploads import add_upload, reuse_upload
from geo.store.queries.users import User
from service.api.imports import read_rename, require_layer, require_options
from service.auth.sessions import SignedIn, client_address
from service.dependencies import Body, Deployment, Writing
from service.policy import AuditRule, SecuredRoute, allow
from service.request_bodies import LARGEST_UPLOAD
from service.responses import CSV
from service.state import app_state
from service.worker.queue import ask_import, ask_refresh

api = APIRouter(prefix="/api/v1", tags=["jobs"], route_class=SecuredRoute)


Number = Annotated[int, InPath(ge=1, le=2**63 - 1, description="of the job")]


class Job(BaseModel):
    """Work that was asked for, and how far it is."""

    id: int
    task: str
    about: dict[str, Any]
    asked_by: str
    asked_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    attempts: int = Field(description="more than 1 where a worker or the database was cut off")
    step: str = Field(description="what it is at")
    steps: int
    state: Literal["waiting", "running", "cancelling", "done", "failed", "cancelled"]
    outcome: dict[str, Any] | None
    has_report: bool


_RENAME = (
    "HEADER=column, or one JSON object of such pairs; the column `extra` keeps a header as it is"
)
_OCCURRED = "time span of incidents without a time: 2025, 2025-03 or 2025-01-01/2025-06-30"
_ENCODING = f"of the texts, where it is judged wrongly: {', '.join(ENCODINGS)}"
_SAVE = "save the columns under this name, with the rows"
_UPLOAD_AGAIN = (
    "`about.upload` of an earlier job of the same person, in place of the body; kept for an hour"
)
_LOOK = [allow("jobs", scopes=(JOBS,), everywhere=True)]
_ASK = [allow("jobs", scopes=(JOBS,), everywhere=True, audit=AuditRule.ROUTE)]
_UPLOAD = [
    allow("jobs", scopes=(JOBS,), everywhere=True, audit=AuditRule.ROUTE, max_body=LARGEST_UPLOAD)
]


def _job(conn: Writing, job: Number) -> Job:
    found = newest_jobs(conn, 1, job)
    if not found:
        raise HTTPException(404, f"There is no job {job}.")
    return Job.model_validate(found[0].__dict__)


def _record(
    request: Request, conn: Writing, user: User, action: str, job: int, **detail: Any
) -> None:
    append_audit_entry(
        conn, actor=user.name, role=user.role, address=client_address(request), action=action,
        object_=f"job {job}", detail=detail,
    )  # fmt: skip


@api.get("/jobs", dependencies=_LOOK)
def listed(
    conn: Writing,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[Job]:
    """Jobs, newest first; ended ones are kept for 90 days."""
    return [Job.model_validate(job.__dict__) for job in newest_jobs(conn, limit)]


@api.get("/jobs/{job}", dependencies=_LOOK)
def one(conn: Writing, job: Number) -> Job:
    """One job."""
    return _job(conn, job)


@api.get("/jobs/{job}/report", dependencies=_LOOK, response_class=Response, responses=CSV)
def report(conn: Writing, job: Number) -> Response:
    """The report of an import as CSV: every row that was not used as it was, and why."""
    text = read_job_report(conn, job)
    if text is None:
        raise HTTPException(404, f"The job {job} has no report.")
    return Response(
        "\ufeff" + text, media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="job-{job}.csv"'},
    )  # fmt: skip


@api.post("/jobs/refresh", status_code=202, dependencies=_ASK)
def refresh(
    request: Request, response: Response, conn: Writing, user: SignedIn,
    everything: Annotated[bool, Query(description="compute even what did not change")] = False,
) -> Job:  # fmt: skip
    """Compute what changed; 200 with the job that waits already where there is one."""
    job, new = ask_refresh(app_state(request).job_queue, conn, user.name, everything=everything)
    if new:
        _record(request, conn, user, "refresh asked", job, everything=everything)
    else:
        response.status_code = 200
    conn.commit()
    return _job(conn, job)


@api.post(
    "/jobs/import", status_code=202, dependencies=_UPLOAD,
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {
        "schema": {"type": "string", "format": "binary"}}}}},
)  # fmt: skip
def import_(
    request: Request, conn: Writing, user: SignedIn, settings: Deployment, body: Body,
    layer: Annotated[str, Query(max_length=40)],
    name: Annotated[str, Query(min_length=1, max_length=200, description="of the file, with its ending")],
    crs: Annotated[str | None, Query(max_length=2000)] = None,
    datum: Literal["gcj02", "bd09", "cgcs2000"] | None = None,
    source: Annotated[str | None, Query(max_length=100)] = None,
    file_layer: Annotated[str | None, Query(max_length=200, description="layer or sheet to read, where the file has several")] = None,
    encoding: Annotated[str | None, Query(max_length=40, description=_ENCODING)] = None,
    rename: Annotated[list[str] | None, Query(description=_RENAME)] = None,
    key: Annotated[KeyRule | None, Query(description="make keys where the file has none")] = None,
    occurred: Annotated[str | None, Query(max_length=40, description=_OCCURRED)] = None,
    date_order: Annotated[DateOrder | None, Query(description="where 05/02/2026 does not show it")] = None,
    mapping: Annotated[str | None, Query(max_length=LONGEST_NAME, description="a saved mapping to use")] = None,
    save_mapping: Annotated[str | None, Query(max_length=LONGEST_NAME, description=_SAVE)] = None,
    upload: Annotated[str | None, Query(max_length=40, description=_UPLOAD_AGAIN)] = None,
    accept_rejects: bool = False,
    dry_run: bool = False,
) -> Job:  # fmt: skip
    """Import a file, sent as the body; all or nothing unless rejects are accepted.

    The outcome of a `dry_run`, and of an import that was refused after the file was read, holds a `preview`:
    each header with the column it is taken for, or may be, the first rows, and the columns that are missing.
    """
    require_layer(layer)
    options: dict[str, Any] = {
        "crs": crs, "datum": datum, "source": source, "file_layer": file_layer,
        "encoding": encoding, "rename": read_rename(rename or [], layer),
        "key": key, "occurred": occurred, "date_order": date_order, "mapping": mapping,
        "save_mapping": save_mapping, "accept_rejects": accept_rejects, "dry_run": dry_run,
    }  # fmt: skip
    options = {name: value for name, value in options.items() if value}
    require_options(conn, layer, options, settings)
    if bool(upload) == bool(body):
        raise HTTPException(422, "Send the file as the body, or name an upload; one of the two.")
    if upload:
        kept = reuse_upload(conn, upload, user.name)
        if kept is None:
            raise HTTPException(410, "The file is not kept any more; send it again.")
        name = kept
    else:
        upload = add_upload(conn, name, body, user.name)
    conn.commit()
    job = ask_import(app_state(request).job_queue, conn, user.name, layer, upload, **options)
    _record(request, conn, user, "import asked", job, layer=layer, file=name, dry_run=dry_run)
    conn.commit()
    return _job(conn, job)


@api.post("/jobs/{job}/cancel", dependencies=_ASK)
def cancel(request: Request, conn: Writing, user: SignedIn, job: Number) -> Job:
    """Cancel a job: one that waits is not begun, one that runs is ended, undone."""
    _job(conn, job)
    if app_state(request).job_queue.job_manager.cancel_job_by_id(job, abort=True):
        if _job(conn, job).state == "cancelled":
            end_job(conn, job, "cancelled", explain_failure("It was cancelled before it began."))
        _record(request, conn, user, "job cancelled", job)
        conn.commit()
    return _job(conn, job)
