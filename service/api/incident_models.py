"""Responses of the routes of incidents."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class MonthCount(BaseModel):
    """Incidents of one category in a month."""

    category: str
    count: int
    outside: int = Field(description="Of these, outside every grid.")


class MonthIncidents(BaseModel):
    """Incidents of a month by category."""

    month: str
    counts: list[MonthCount]


class MonthlyCounts(BaseModel):
    """Incidents of every month from the first to the last, and the categories, most first."""

    months: list[MonthIncidents]
    categories: list[str]


class Density(BaseModel):
    """Incidents of a period by grid."""

    grids: dict[str, int] = Field(description="Count by code of the grid.")
    outside: int = Field(description="Outside every grid.")
    total: int


class Points(BaseModel):
    """Places of incidents."""

    points: list[tuple[float, float, int]] = Field(description="Latitude, longitude, count.")


class CategoryCount(BaseModel):
    """Category of the tree with the incidents in it and in the categories below it."""

    path: str
    count: int


class Categories(BaseModel):
    """Tree of categories."""

    categories: list[CategoryCount]


class TimeRange(BaseModel):
    """Local times of the first and the last recorded incident; null if there is none."""

    first: dt.datetime | None
    last: dt.datetime | None


class StepCount(BaseModel):
    """Incidents of one category in a step."""

    start: str = Field(description="Local hour in which the step starts.")
    category: str
    count: int


class TimeSeries(BaseModel):
    """Incidents by step of the calendar and category; steps without incidents are left out."""

    step: str
    counts: list[StepCount]


class HourOfWeekCounts(BaseModel):
    """Incidents by weekday and hour."""

    hours: list[list[int]] = Field(description="Count by weekday, Monday first, and hour.")
    untimed: int = Field(description="Incidents whose hour is unknown.")


class GridChange(BaseModel):
    """Incidents of a grid in a period and in the one that it is compared with."""

    model_config = ConfigDict(populate_by_name=True)

    current: int
    previous: int
    q_value: float = Field(description="Benjamini-Hochberg over all grids.")
    class_: Literal["rising", "falling", "none"] = Field(alias="class")


class Comparison(BaseModel):
    """Two periods compared by grid; grids without incidents in both are left out."""

    previous_from: dt.datetime
    previous_until: dt.datetime
    current: int
    previous: int
    grids: dict[str, GridChange]
