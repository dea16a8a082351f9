"""Data-quality issues of the registers and shortfalls to the targets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import geopandas as gpd
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from geo.store.connection import Conn
from geo.store.queries.dashboard import count_data_quality_issues, read_data_quality_issues
from service.auth.sessions import SignedIn
from service.dependencies import Connection
from service.filters import AreaCode
from service.policy import SecuredRoute, allow
from service.responses import CSV, GEOJSON, csv_response, geojson_response

router = APIRouter(
    prefix="/api/v1/data-quality",
    tags=["data quality"],
    route_class=SecuredRoute,
    dependencies=[allow("data_quality", "dashboard")],
)
_MAX_ISSUES = 20_000
_MAX_TABLE_ROWS = 1_000_000
Aspect = Literal["complete", "plausible", "up_to_date", "in_place", "target", "service"]


class IssueCount(BaseModel):
    """Rows of one layer and owner that have an issue."""

    layer: str
    aspect: str
    issue: str = Field(validation_alias="finding")
    owner: str = Field(description="Responsible organisation; empty if unknown.")
    rows: int


@dataclass(frozen=True)
class IssueFilter:
    """Filter of data-quality issues; None selects all.

    Attributes
    ----------
    layer, aspect, finding, owner, area : str, optional
        Values of the issues that are selected.
    """

    layer: str | None
    aspect: str | None
    finding: str | None
    owner: str | None
    area: str | None


def _issue_filter(
    layer: Annotated[str | None, Query(description="Layer, such as cameras.")] = None,
    aspect: Annotated[Aspect | None, Query(description="Aspect of data quality.")] = None,
    issue: Annotated[str | None, Query(description="Issue, as in the counts.")] = None,
    owner: Annotated[str | None, Query(description="Responsible organisation.")] = None,
    area: AreaCode = None,
) -> IssueFilter:
    return IssueFilter(layer, aspect, issue, owner, area)


SelectedIssues = Annotated[IssueFilter, Depends(_issue_filter)]


@router.get("/counts", response_model=list[IssueCount])
def count_issues(conn: Connection, user: SignedIn, area: AreaCode = None) -> list[dict[str, Any]]:
    """Count the rows of each issue and owner, the most first.

    Within an area, at most 20,000 rows of each issue are counted.
    """
    return count_data_quality_issues(
        conn, area, stored_only=area is not None or not user.everywhere
    )


def _read_issues(conn: Conn, selected: IssueFilter, limit: int) -> tuple[gpd.GeoDataFrame, int]:
    rows, total = read_data_quality_issues(conn, limit, **asdict(selected))
    return rows.rename(columns={"finding": "issue"}), total


@router.get("/issues", response_class=Response, responses=GEOJSON)
def list_issues(
    conn: Connection,
    selected: SelectedIssues,
    limit: Annotated[
        int, Query(ge=1, le=_MAX_ISSUES, description="Maximum number of issues.")
    ] = 2000,
) -> Response:
    """List data-quality issues with their places.

    The header `X-Total-Count` is the number of all issues that match.
    """
    rows, total = _read_issues(conn, selected, limit)
    response = geojson_response(rows, digits=6)
    response.headers["X-Total-Count"] = str(total)
    return response


@router.get("/table", response_class=Response, responses=CSV)
def export_issues(conn: Connection, selected: SelectedIssues) -> Response:
    """Export data-quality issues as CSV, at most 20,000 rows of each issue."""
    rows, _ = _read_issues(conn, selected, _MAX_TABLE_ROWS)
    columns = [name for name in rows.columns if name != "geometry"]
    table = [columns, *rows[columns].astype(str).to_numpy().tolist()]
    return csv_response(table, "data-quality.csv")
