"""Query parameters that select rows: an area, a box, a period, categories."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import Depends, HTTPException, Query

from geo.settings import Settings
from geo.store.queries.exports import Selection
from geo.store.queries.incidents import IncidentFilter
from service.dependencies import Deployment

AnyAreaCode = Annotated[
    str | None, Query(description="code of an area of any level; all unless given")
]
Moment = Annotated[
    str,
    Query(
        pattern=r"^(19|20|21)\d{2}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]))?)?$",
        description="local month, day or hour: 2026-10, 2026-10-31 or 2026-10-31T08",
    ),
]
CategoryCodes = Annotated[
    list[str] | None, Query(description="only these categories and all beneath them")
]
AreaCode = Annotated[str | None, Query(max_length=64, description="code of an area or grid")]


def _box(
    box: Annotated[
        str | None,
        Query(
            pattern=r"^-?\d{1,3}(\.\d{1,8})?(,-?\d{1,3}(\.\d{1,8})?){3}$",
            description="west,south,east,north in degrees",
        ),
    ] = None,
) -> tuple[float, float, float, float] | None:
    if not box:
        return None
    west, south, east, north = (float(v) for v in box.split(","))
    if west > east or south > north:
        raise HTTPException(422, f"The box {box} is empty; write it as west,south,east,north.")
    return west, south, east, north


Box = Annotated[tuple[float, float, float, float] | None, Depends(_box)]


def _moment(text: str, settings: Settings) -> dt.datetime:
    form = {7: "%Y-%m", 10: "%Y-%m-%d", 13: "%Y-%m-%dT%H"}[len(text)]
    try:
        return dt.datetime.strptime(text, form).replace(tzinfo=settings.zone)
    except ValueError as error:
        raise HTTPException(422, f"{text} is no day; write it as 2026-10-31") from error


def _ordered(start: dt.datetime | None, end: dt.datetime | None) -> None:
    if start and end and end <= start:
        raise HTTPException(
            422, f"until {end:%Y-%m-%dT%H} must come after from {start:%Y-%m-%dT%H}."
        )


def _incidents(
    settings: Deployment,
    from_: Annotated[Moment, Query(alias="from")],
    until: Moment,
    category: CategoryCodes = None,
    area: AreaCode = None,
) -> IncidentFilter:
    start, end = _moment(from_, settings), _moment(until, settings)
    _ordered(start, end)
    return IncidentFilter(start, end, sorted(category) if category else None, area or None)


def _rows(
    settings: Deployment,
    box: Box,
    area: AreaCode = None,
    from_: Annotated[Moment | None, Query(alias="from")] = None,
    until: Moment | None = None,
    category: CategoryCodes = None,
) -> Selection:
    start = _moment(from_, settings) if from_ else None
    end = _moment(until, settings) if until else None
    _ordered(start, end)
    return Selection(area or None, box, start, end, sorted(category) if category else None)


SelectedIncidents = Annotated[IncidentFilter, Depends(_incidents)]
SelectedRows = Annotated[Selection, Depends(_rows)]
