"""Audit log: entries for maps that a browser exports."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from geo.store.audit_actions import AuditAction
from service.auth.permissions import MAPS
from service.auth.sessions import SignedIn, record_audit_entry
from service.policy import AuditRule, SecuredRoute, allow

router = APIRouter(prefix="/api/v1/audit", tags=["audit"], route_class=SecuredRoute)


class MapExport(BaseModel):
    """Map that is about to be saved or printed."""

    model_config = ConfigDict(extra="forbid")

    page: Literal["coverage", "incidents", "data_quality"]
    format: Literal["png", "pdf", "print", "html"]
    title: Annotated[
        str, Field(max_length=300, pattern=r"^[^\x00]*$", description="What the map shows.")
    ] = ""


@router.post(
    "/exports",
    status_code=204,
    response_class=Response,
    dependencies=[allow(*MAPS, audit=AuditRule.ROUTE)],
)
def record_map_export(request: Request, user: SignedIn, export: MapExport) -> Response:
    """Record in the audit log that a map is exported, before the browser makes the file."""
    record_audit_entry(
        request,
        user,
        AuditAction.MAP_EXPORTED,
        f"/maps/{export.page.replace('_', '-')}",
        format=export.format,
        title=export.title,
    )
    return Response(status_code=204)
