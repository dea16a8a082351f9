"""Query parameters that select rows: an area, a bounding box, a period, categories."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import Depends, HTTPException, Query

from geo.settings import Settings
from geo.store.queries.exports import Selection
from geo.store.queries.incidents import IncidentFilter
from service.dependencies import Deployment

_TIME_FORMATS = {7: "%Y-%m", 10: "%Y-%m-%d", 13: "%Y-%m-%dT%H"}
"""Format of a local time by the length of its text."""

AreaCode = Annotated[
    str | None,
    Query(description="Code of an area of any level. Default: all areas of the account."),
]
AreaOrGridCode = Annotated[
    str | None,
    Query(
        max_length=64,
        description="Code of an area or grid. Default: all areas of the account.",
    ),
]
Level = Annotated[
    Literal["grid", "community", "subdistrict", "district"],
    Query(description="Level of the administrative hierarchy."),
]
CategoryCodes = Annotated[
    list[str] | None,
    Query(description="Categories, each with all categories below it. Default: all categories."),
]
_LOCAL_TIME = r"^(19|20|21)\d{2}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]))?)?$"
_FROM = Query(
    alias="from",
    pattern=_LOCAL_TIME,
    description="Start of the period, inclusive: local month, day or hour, such as 2026-10, "
    "2026-10-31 or 2026-10-31T08.",
)
_UNTIL = Query(
    pattern=_LOCAL_TIME,
    description="End of the period, exclusive: local month, day or hour, such as 2026-11, "
    "2026-11-01 or 2026-10-31T09.",
)


def _bbox(
    bbox: Annotated[
        str | None,
        Query(
            pattern=r"^-?\d{1,3}(\.\d{1,8})?(,-?\d{1,3}(\.\d{1,8})?){3}$",
            description="Bounding box as west,south,east,north in degrees (WGS 84).",
        ),
    ] = None,
) -> tuple[float, float, float, float] | None:
    if not bbox:
        return None
    west, south, east, north = (float(number) for number in bbox.split(","))
    if west > east or south > north:
        raise HTTPException(422, f"The bbox {bbox} is empty; write it as west,south,east,north.")
    return west, south, east, north


BoundingBox = Annotated[tuple[float, float, float, float] | None, Depends(_bbox)]


def _parse_local_time(text: str, settings: Settings) -> dt.datetime:
    try:
        return dt.datetime.strptime(text, _TIME_FORMATS[len(text)]).replace(tzinfo=settings.zone)
    except ValueError as error:
        raise HTTPException(422, f"{text} is no date; write it as 2026-10-31.") from error


def _require_order(start: dt.datetime | None, end: dt.datetime | None) -> None:
    if start and end and end <= start:
        raise HTTPException(
            422, f"until {end:%Y-%m-%dT%H} must come after from {start:%Y-%m-%dT%H}."
        )


def _incident_filter(
    settings: Deployment,
    from_: Annotated[str, _FROM],
    until: Annotated[str, _UNTIL],
    category: CategoryCodes = None,
    area: AreaOrGridCode = None,
) -> IncidentFilter:
    start, end = _parse_local_time(from_, settings), _parse_local_time(until, settings)
    _require_order(start, end)
    return IncidentFilter(start, end, sorted(category) if category else None, area or None)


def _selection(
    settings: Deployment,
    bbox: BoundingBox,
    area: AreaOrGridCode = None,
    from_: Annotated[str | None, _FROM] = None,
    until: Annotated[str | None, _UNTIL] = None,
    category: CategoryCodes = None,
) -> Selection:
    start = _parse_local_time(from_, settings) if from_ else None
    end = _parse_local_time(until, settings) if until else None
    _require_order(start, end)
    return Selection(area or None, bbox, start, end, sorted(category) if category else None)


SelectedIncidents = Annotated[IncidentFilter, Depends(_incident_filter)]
SelectedRows = Annotated[Selection, Depends(_selection)]
