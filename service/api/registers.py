"""Findings of the registers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from geo.store.queries.dashboard import read_finding_counts, read_register_findings
from service.auth.sessions import SignedIn
from service.dependencies import Connection
from service.filters import AnyAreaCode
from service.policy import SecuredRoute, allow
from service.responses import CSV, GEOJSON, csv_response, geojson_response

router = APIRouter(prefix="/api/v1", tags=["registers"], route_class=SecuredRoute)
_registers = [allow("registers", "board")]


class FindingCount(BaseModel):
    """How many rows have one finding."""

    layer: str
    aspect: str
    finding: str
    owner: str
    rows: int


_MOST = 20_000


@router.get("/registers/counts", dependencies=_registers, response_model=list[FindingCount])
def counts(conn: Connection, user: SignedIn, area: AnyAreaCode = None) -> list[dict[str, Any]]:
    """How many rows of each finding whose are, most first: the to-do list of each owner.

    In one area of the first 20,000 of each finding; in all of them.
    """
    return read_finding_counts(conn, area, kept=area is not None or not user.everywhere)


Aspect = Literal["complete", "plausible", "up_to_date", "in_place", "target", "service"]


def chosen(
    layer: str | None = None,
    aspect: Aspect | None = None,
    finding: str | None = None,
    owner: str | None = None,
    area: AnyAreaCode = None,
) -> dict[str, str | None]:
    """Which findings are asked for; all unless said."""
    return {"layer": layer, "aspect": aspect, "finding": finding, "owner": owner, "area": area}


Chosen = Annotated[dict[str, str | None], Depends(chosen)]


@router.get(
    "/registers/findings",
    dependencies=_registers,
    response_class=Response,
    responses=GEOJSON,
)
def findings(
    conn: Connection, chosen: Chosen, limit: Annotated[int, Query(ge=1, le=_MOST)] = 2000
) -> Response:
    """Findings with their place; `X-Total-Count` is how many there are of these."""
    rows, total = read_register_findings(conn, limit, **chosen)
    answer = geojson_response(rows, digits=6)
    answer.headers["X-Total-Count"] = str(total)
    return answer


@router.get("/registers/table", dependencies=_registers, response_class=Response, responses=CSV)
def findings_table(conn: Connection, chosen: Chosen) -> Response:
    """Findings as CSV, the first 20,000 of each kind."""
    rows, _ = read_register_findings(conn, 1_000_000, **chosen)
    columns = [c for c in rows.columns if c != "geometry"]
    table = [columns, *rows[columns].astype(str).to_numpy().tolist()]
    return csv_response(table, "findings.csv")
