"""Records of maps that are exported as a sheet or file."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from service.auth.permissions import MAPS
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["sheets"], route_class=SecuredRoute)


@router.get("/handed-in", dependencies=[allow(*MAPS)], status_code=204, response_class=Response)
def record_sheet(
    page: Annotated[Literal["coverage", "incidents", "registers"], Query()],
    form: Annotated[Literal["png", "pdf", "print", "html"], Query()],
    what: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Put on record that a map leaves the house as a sheet or a file, before it does."""
    del page, form, what  # the record of who asked for what keeps the whole query
    return Response(status_code=204)
