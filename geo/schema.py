"""The column contract of every layer: name, kind of value, unit, domain, needed or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text",
    "code",
    "number",
    "integer",
    "boolean",
    "date",
    "time",
    "choice",
    "several",
    "directions",
]
Shape = Literal["polygon", "line", "point"]


@dataclass(frozen=True)
class Column:
    """One column of a layer.

    Of kind ``several`` it holds words joined by a slash, of kind ``directions`` bearings and
    sectors (``200-220``, clockwise) joined by a slash.
    """

    name: str
    kind: Kind
    needed: bool = False
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    default: str | float | None = None
    angle: bool = False
    """Whether the value wraps at 360 degrees."""
    open_low: bool = False
    """Whether `low` itself is outside the domain."""


@dataclass(frozen=True)
class Layer:
    """One register: its table, key, shape and columns."""

    name: str
    table: str
    key: tuple[str, ...]
    shape: Shape
    columns: tuple[Column, ...]
    geometry_needed: bool = True

    def column(self, name: str) -> Column:
        """The column of this name."""
        return next(c for c in self.columns if c.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """All column names, geometry not among them."""
        return tuple(c.name for c in self.columns)


_NAME_EN = Column("name_en", "text")
_POPULATION = Column("population", "integer", low=0, high=2_000_000_000, unit="people")

AREAS = Layer(
    "areas", "areas", ("code",), "polygon",
    (
        Column("code", "code", needed=True),
        Column("name", "text", needed=True),
        _NAME_EN,
        Column("level", "choice", needed=True, choices=("district", "subdistrict", "community")),
        Column("parent", "code"),
        _POPULATION,
    ),
)  # fmt: skip
GRIDS = Layer(
    "grids", "grids", ("code",), "polygon",
    (
        Column("code", "code", needed=True),
        Column("name", "text", needed=True),
        _NAME_EN,
        Column("community", "code"),
        _POPULATION,
        Column("kind", "choice", choices=("basic", "special"), default="basic"),
    ),
)  # fmt: skip
CAMERAS = Layer(
    "cameras", "cameras", ("code",), "point",
    (
        Column("code", "code", needed=True),
        Column("name", "text"),
        Column("kind", "choice", choices=("fixed", "dome", "ptz", "panoramic", "unknown"),
               default="unknown"),
        Column("bearing_deg", "number", low=0, high=360, unit="degrees from true north", angle=True),
        Column("other_directions", "directions", unit="degrees from true north"),
        Column("fov_deg", "number", low=0, high=360, unit="degrees", open_low=True),
        Column("range_m", "number", low=0, high=99_999, unit="m", open_low=True),
        Column("near_m", "number", low=0, high=99_999, unit="m"),
        Column("tilt_deg", "number", low=-90, high=90, unit="degrees below the horizontal"),
        Column("vfov_deg", "number", low=0, high=180, unit="degrees", open_low=True),
        Column("night_range_m", "number", low=0, high=99_999, unit="m"),
        Column("height_m", "number", low=0, high=9_999, unit="m", open_low=True),
        Column("pixels_wide", "integer", low=1, high=1_000_000, unit="pixels"),
        Column("status", "choice", choices=("working", "faulty", "offline", "retired", "unknown"),
               default="unknown"),
        Column("point_class", "choice",
               choices=("public", "industry", "private", "police", "other", "unknown"),
               default="unknown"),
        Column("room", "choice", choices=("outdoor", "indoor", "unknown"), default="unknown"),
        Column("network", "boolean"),
        Column("owner", "text"),
        Column("installed_on", "date"),
        Column("upgraded_on", "date"),
        Column("retired_on", "date"),
        Column("platform", "text"),
        Column("place_kinds", "several"),
        Column("functions", "several"),
        Column("supplement_light", "choice",
               choices=("none", "infrared", "white", "laser", "other")),
        Column("key_place", "text"),
        Column("community", "code"),
    ),
)  # fmt: skip
BUILDINGS = Layer(
    "buildings", "buildings", ("id",), "polygon",
    (
        Column("id", "code", needed=True),
        Column("height_m", "number", low=0, high=1_999, unit="m"),
        Column("parapet_m", "number", low=0, high=99, unit="m"),
    ),
)  # fmt: skip
STREETS = Layer(
    "streets", "streets", ("id",), "line",
    (
        Column("id", "code", needed=True),
        Column("name", "text"),
        _NAME_EN,
        Column("class", "choice", default="local", choices=(
            "motorway", "trunk", "primary", "secondary", "tertiary", "local", "lane")),
    ),
)  # fmt: skip
LANDCOVER = Layer(
    "landcover", "landcover", ("id",), "polygon",
    (
        Column("id", "code", needed=True),
        Column("name", "text"),
        _NAME_EN,
        Column("class", "choice", needed=True, choices=("water", "green", "industrial", "square")),
    ),
)  # fmt: skip
KEY_PLACES = Layer(
    "key-places", "key_places", ("code",), "polygon",
    (
        Column("code", "code", needed=True),
        Column("name", "text", needed=True),
        _NAME_EN,
        Column("kind", "text", needed=True),
        Column("required_share", "number", low=0, high=1, unit="share", default=1.0),
    ),
)  # fmt: skip
SERVICE_POINTS = Layer(
    "service-points", "service_points", ("code",), "point",
    (
        Column("code", "code", needed=True),
        Column("name", "text"),
        _NAME_EN,
        Column("kind", "text", needed=True),
    ),
)  # fmt: skip
INCIDENTS = Layer(
    "incidents", "incidents", ("source", "source_id"), "point",
    (
        Column("source", "text", needed=True),
        Column("source_id", "code", needed=True),
        Column("category", "text", default="other"),
        Column("occurred_at", "time"),
        Column("occurred_from", "time"),
        Column("occurred_to", "time"),
        Column("reported_at", "time"),
        Column("accepted_at", "time"),
        Column("due_at", "time"),
        Column("closed_at", "time"),
        Column("satisfaction", "number", low=0, high=100),
        Column("grid", "code"),
        Column("precision", "choice", choices=("exact", "road", "grid", "none"), default="exact"),
    ),
    geometry_needed=False,
)  # fmt: skip

LAYERS = {
    layer.name: layer
    for layer in (
        AREAS,
        GRIDS,
        CAMERAS,
        BUILDINGS,
        STREETS,
        LANDCOVER,
        KEY_PLACES,
        SERVICE_POINTS,
        INCIDENTS,
    )
}
FORMATS = ("gpkg", "geojson", "csv", "xlsx", "parquet")
"""Endings of the files that a layer can be exported to."""
RESULTS: dict[str, Shape] = {
    "grids": "polygon",
    "blind-spots": "polygon",
    "views": "polygon",
    "findings": "point",
}
"""Results that can be exported, and their shape; grids come with theirs."""
EXPORTED = (*RESULTS, *(name for name in LAYERS if name not in RESULTS), "grid-staff")
"""What can be exported: results, registers, and the staff of grids."""
