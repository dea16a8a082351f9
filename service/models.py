"""The shapes of answers, as the OpenAPI document tells them; missing values are null."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from geo.ingest.feeds import RowAnswer
from geo.schema import LAYERS

GEOJSON: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "a feature collection, EPSG:4326",
        "content": {
            "application/geo+json": {
                "schema": {
                    "type": "object",
                    "required": ["type", "features"],
                    "properties": {
                        "type": {"const": "FeatureCollection"},
                        "features": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}
"""Of routes that answer with GeoJSON."""
CSV: dict[int | str, dict[str, Any]] = {
    200: {"description": "a table, UTF-8", "content": {"text/csv": {"schema": {"type": "string"}}}}
}
"""Of routes that answer with a table."""


class Area(BaseModel):
    """A district, sub-district or community, and where to write its name."""

    code: str
    name: str
    name_en: str | None
    level: str
    parent: str | None
    lat: float
    lon: float
    box: list[float] = Field(description="west, south, east, north")


class AreaResult(BaseModel):
    """The figures of one area, community or grid."""

    code: str = Field(description="empty for what no area of the level claims")
    name: str | None
    name_en: str | None
    grids: float
    population: float | None
    area_m2: float
    covered_m2: float
    open_m2: float
    open_covered_m2: float
    twice_covered_m2: float
    incidents: float | None
    covered_share: float | None
    open_covered_share: float | None
    twice_covered_share: float | None
    per_km2: float | None
    per_1000_people: float | None
    rank: int | None


class AreaResults(BaseModel):
    """Areas of one level by a figure, best first."""

    run: int
    level: str
    by: str
    gini: float | None = Field(description="0: all alike, towards 1: uneven")
    areas: list[AreaResult]


class Run(BaseModel):
    """One computation and what it rests on."""

    id: int
    kind: str
    parameters: dict[str, Any]
    inputs_digest: str
    software_version: str
    metric_crs: str
    started_at: dt.datetime
    finished_at: dt.datetime
    summary: dict[str, Any] = Field(description="its sums, for those who see all of it")


class MonthCount(BaseModel):
    """Incidents of one category in a month."""

    category: str
    count: int
    outside: int = Field(description="of these outside every grid")


class Month(BaseModel):
    """Incidents of a month."""

    month: str
    counts: list[MonthCount]


class Months(BaseModel):
    """Every month from the first to the last, and the categories, most first."""

    months: list[Month]
    categories: list[str]


class Density(BaseModel):
    """Incidents by grid in some months."""

    grids: dict[str, int]
    outside: int
    total: int


class Points(BaseModel):
    """Places of incidents."""

    points: list[tuple[float, float, int]] = Field(description="latitude, longitude, how many")


class CategoryCount(BaseModel):
    """A category of the tree and the incidents of it and beneath it."""

    path: str
    count: int


class Categories(BaseModel):
    """The tree of categories."""

    categories: list[CategoryCount]


class Period(BaseModel):
    """When the first and the last incident on record were (local)."""

    first: dt.datetime | None
    last: dt.datetime | None


class StepCount(BaseModel):
    """Incidents of one step and root of the category."""

    start: str = Field(description="local hour in which the step begins")
    category: str
    count: int


class Series(BaseModel):
    """Incidents over time, where there are any."""

    step: str
    counts: list[StepCount]


class Hours(BaseModel):
    """Incidents by weekday, Monday first, and hour of the local day."""

    hours: list[list[int]]
    untimed: int = Field(description="whose hour is not known")


class GridChange(BaseModel):
    """A grid in a span and in the one it is compared with."""

    model_config = ConfigDict(populate_by_name=True)

    now: int
    before: int
    q: float = Field(description="Benjamini-Hochberg over all grids")
    class_: Literal["rising", "falling", "none"] = Field(alias="class")


class Change(BaseModel):
    """What changed between two spans, by grid; those with no incident in either are left out."""

    before_from: dt.datetime
    before_until: dt.datetime
    now: int
    before: int
    grids: dict[str, GridChange]


class GridClass(BaseModel):
    """How a grid's incidents cluster."""

    model_config = ConfigDict(populate_by_name=True)

    class_: str = Field(alias="class")
    gi: float | None = Field(default=None, description="Getis-Ord Gi*")
    q: float | None = None
    since: dt.date | None = None


class GridClasses(BaseModel):
    """Grids that are hot or cold spots, or were."""

    kind: str
    grids: dict[str, GridClass]


class GridValues(BaseModel):
    """One figure of every grid, in lists of one length."""

    run: int
    measure: str
    codes: list[str]
    communities: list[str | None]
    values: list[float | None]
    ground_m2: list[float | None] = Field(description="what the figure is a share of")
    breaks: dict[str, dict[str, list[float]]] = Field(
        description="between the classes of a map: by method (natural, quantile) and number of classes"
    )


class CamerasUsed(BaseModel):
    """What the newest coverage rests on."""

    cameras: int
    assumed_share: float = Field(
        description="of the cameras: bearing, field of view or range was assumed"
    )


class GridCamera(BaseModel):
    """A camera that stands in a grid or sees some of it."""

    code: str
    name: str | None
    kind: str
    status: str
    inside: bool
    assumed: bool
    lon: float
    lat: float


class CoverageThen(BaseModel):
    """A grid's coverage as of a run."""

    run: int
    at: dt.datetime
    open_covered_share: float | None
    covered_share: float
    cameras: int


class CountInMonth(BaseModel):
    """Incidents of a month."""

    month: str
    count: int


class GridCard(BaseModel):
    """All that is told of one grid."""

    code: str
    name: str
    name_en: str | None
    kind: str
    population: int | None
    community: str | None
    community_name: str | None
    community_name_en: str | None
    subdistrict: str | None
    subdistrict_name: str | None
    subdistrict_name_en: str | None
    box: list[float] = Field(description="west, south, east, north")
    run: int | None
    computed_at: dt.datetime | None
    area_m2: float | None
    open_m2: float | None
    covered_m2: float | None
    covered_share: float | None
    open_covered_share: float | None
    twice_covered_share: float | None
    cameras: int | None
    incidents: int | None
    per_km2: float | None
    per_1000_people: float | None
    quality: dict[str, dict[str, dict[str, float | None]]] | None = Field(
        description="shares of the open ground by cameras, light and image class"
    )
    blind_spots: int
    blind_m2: float | None
    risk: float | None = Field(description="incidents expected a year where no camera sees")
    trend: list[CoverageThen]
    months: list[CountInMonth]
    seen_by: list[GridCamera] = Field(description="none for roles that see cameras roughly")
    assumed: int = Field(description="of those, how many with assumed parameters")
    staff: list[StaffMember]


class BlindSpot(BaseModel):
    """Ground that no camera sees."""

    rank: int
    grid: str
    number: int
    grid_name: str | None
    grid_name_en: str | None
    area_m2: float
    widest_m: float
    risk: float | None = Field(description="incidents expected a year")
    box: list[float]


class BlindSpots(BaseModel):
    """Some blind spots, worst first, and the sums of all."""

    spots: int
    area_m2: float
    risk: float | None
    rows: list[BlindSpot]


class Found(BaseModel):
    """What a search found."""

    kind: str
    code: str
    name: str | None
    name_en: str | None
    within: str | None
    box: list[float]


class GridPattern(BaseModel):
    """How the incidents of a grid compare, cluster and change."""

    category: str
    grid: str
    run: int
    per_open_km2: float | None
    per_street_km: float | None
    eb_per_1000: float | None
    rank: int | None
    rank_p05: int | None
    rank_p95: int | None
    month: dt.date | None
    count: int | None
    previous: int | None
    previous_ratio: float | None
    previous_q_value: float | None
    year_before: int | None
    year_before_ratio: float | None
    year_before_q_value: float | None
    gi_star: float | None
    gi_q_value: float | None
    hot_spot: str | None
    moran: str | None
    trend: str | None
    slope: float | None
    emerging: str | None
    emerging_since: dt.date | None
    alert: bool | None
    alert_score: float | None
    alert_since: dt.date | None
    alert_observed: float | None
    alert_expected: float | None
    weeks_from: dt.date | None


class NearRepeat(BaseModel):
    """Pairs of incidents within a distance and a time, against chance."""

    category: str
    run: int
    incidents: int
    from_m: float
    to_m: float
    from_days: float
    to_days: float
    pairs: int
    expected: float
    ratio: float | None
    p_value: float


class Hour(BaseModel):
    """Weight of incidents in one hour of the week."""

    category: str
    weekday: int
    hour: int
    run: int
    weight: float


class Patterns(BaseModel):
    """What was found in the incidents of the newest run."""

    grids: list[GridPattern]
    near_repeats: list[NearRepeat]
    hours: list[Hour]


class Weeks(BaseModel):
    """Incidents of one grid by week."""

    run: int
    weeks_from: dt.date
    weeks: list[float]


class ForecastTest(BaseModel):
    """How well one model foretold months that were held back."""

    category: str
    model: str
    area_share: float
    run: int
    month: dt.date
    hits: float
    incidents: int
    hit_rate: float | None
    pai: float | None
    pei: float | None
    months: int
    months_won: int
    offered: bool
    best: bool


class Expected(BaseModel):
    """Incidents expected in a grid."""

    category: str
    model: str
    grid: str
    run: int
    expected: float


class Forecast(BaseModel):
    """The next month, with the back-test of every model."""

    tests: list[ForecastTest]
    grids: list[Expected]


class Alert(BaseModel):
    """A rise of incidents in a grid that has not ended."""

    id: int
    category: str
    grid: str
    grid_name: str | None
    grid_name_en: str | None
    community: str | None
    run: int
    since: dt.date
    observed: float
    expected: float
    score: float
    raised_at: dt.datetime
    lon: float | None
    lat: float | None


class StaffMember(BaseModel):
    """Someone who works in a grid."""

    role: str
    name: str
    phone: str | None


class Service(BaseModel):
    """How the appeals of an area in a month were served."""

    level: str
    code: str
    name: str | None
    name_en: str | None
    month: dt.date
    run: int
    received: int
    accepted: int
    closed: int
    due: int
    closed_in_time: int
    in_time_share: float | None
    median_hours: float | None
    rated: int
    satisfaction: float | None


class Figure(BaseModel):
    """A share of the board, or a plain sum."""

    part: float
    whole: float | None = Field(description="null of a plain sum")
    share: float | None = Field(description="part of whole, 0 to 1")
    goal: float | None
    met: bool | None = Field(description="whether the share reaches the goal")


class BoardArea(BaseModel):
    """One area of the board; what no area of the level claims has an empty code."""

    code: str
    name: str | None = None
    name_en: str | None = None
    parent: str | None = None
    level: str | None = None
    figures: dict[str, Figure]


class PathStep(BaseModel):
    """An area that the one asked for lies in."""

    code: str
    name: str | None
    name_en: str | None
    level: str


class Board(BaseModel):
    """Figures of the areas of a level, and of the area they lie in."""

    run: int
    day: dt.date = Field(description="the day that ages and deadlines are counted to")
    computed_at: dt.datetime
    level: str
    area: BoardArea
    path: list[PathStep] = Field(description="from the top down to the area asked for")
    areas: list[BoardArea]
    gini: dict[str, float | None] = Field(
        description="how unevenly a figure is spread, 0: all alike"
    )


class CameraYear(BaseModel):
    """Cameras of an area in a year."""

    year: int
    installed: int
    upgraded: int
    retired: int
    in_service: int = Field(description="at the end of the year")
    platforms: int


class AppealMonth(BaseModel):
    """Appeals of an area in a month."""

    month: dt.date
    received: int
    closed: int
    due: int
    closed_in_time: int
    in_time_share: float | None
    median_hours: float | None
    satisfaction: float | None


class Trends(BaseModel):
    """What became of an area's cameras and appeals."""

    years: list[CameraYear]
    appeals: list[AppealMonth]


class FindingCount(BaseModel):
    """How many rows have one finding."""

    layer: str
    aspect: str
    finding: str
    owner: str
    rows: int


class KeyPlace(BaseModel):
    """A key place against the coverage it must have."""

    code: str
    name: str | None
    name_en: str | None
    kind: str
    required_share: float
    covered_share: float | None
    gap: float | None = Field(description="still to be covered, 0 where it is met")
    met: bool | None


class KeyPlaceKind(BaseModel):
    """Key places of one kind."""

    kind: str
    places: int
    met: int
    met_share: float | None
    covered_share: float | None = Field(description="mean of the places whose share is known")


class KeyPlaces(BaseModel):
    """Key places, and the same by kind."""

    places: list[KeyPlace]
    kinds: list[KeyPlaceKind]


class CameraStatus(BaseModel):
    """A status and since when it holds."""

    since: dt.datetime
    status: str


_TYPES: dict[str, Any] = {
    "integer": int | None,
    "number": float | None,
    "boolean": bool | None,
    "date": dt.date | None,
    "time": dt.datetime | None,
}

_COLUMNS: dict[str, Any] = {
    c.name: (str if c.needed else _TYPES.get(c.kind, str | None), Field(description=c.unit or None))
    for c in LAYERS["cameras"].columns
}


class _Camera(BaseModel):
    """All that is known of one camera."""

    extra: dict[str, Any] = Field(description="what else its row had")
    lon: float
    lat: float
    status_told_at: dt.datetime | None
    view_m2: float | None = Field(description="area of what it sees, m2")
    assumed: bool | None = Field(description="whether lens or bearing were assumed")
    in_grid: str | None
    in_grid_name: str | None
    history: list[CameraStatus] = Field(description="newest first")


CameraRecord = create_model("CameraRecord", __base__=_Camera, __doc__=_Camera.__doc__, **_COLUMNS)
"""The columns of the register, and what belongs to them."""


class FeedAnswer(BaseModel):
    """What became of a batch."""

    counts: dict[str, int]
    rows: list[RowAnswer]
