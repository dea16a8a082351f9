"""The layers and their columns: name, kind of value, unit, domain, needed or not."""

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
"""Kind of the values of a column. ``code`` is text that must not change; ``several`` are words
joined by a slash; ``directions`` are bearings and sectors (``200-220``, clockwise), joined by a
slash."""
Shape = Literal["polygon", "line", "point"]


@dataclass(frozen=True)
class Column:
    """One column of a layer."""

    name: str
    """Name in the table, with its unit."""
    kind: Kind
    """Kind of its values."""
    needed: bool = False
    """Whether a row must have a value."""
    low: float | None = None
    """Least value; None for no bound."""
    high: float | None = None
    """Greatest value; None for no bound."""
    unit: str = ""
    """Unit of its values, in words."""
    choices: tuple[str, ...] = ()
    """Values that a column of kind ``choice`` may have."""
    default: str | float | None = None
    """Value of a row that gives none."""
    angle: bool = False
    """Whether the value wraps at 360 degrees."""
    open_low: bool = False
    """Whether `low` itself is outside the domain."""


@dataclass(frozen=True)
class Layer:
    """One layer (register): its table, key, shape and columns."""

    name: str
    """Name in commands and interfaces, such as ``key-places``."""
    table: str
    """Name of the table in the database."""
    key: tuple[str, ...]
    """Columns of the key."""
    shape: Shape
    """Shape of its geometry."""
    columns: tuple[Column, ...]
    """All columns but the geometry."""
    geometry_needed: bool = True
    """Whether a row must have a geometry."""

    def column(self, name: str) -> Column:
        """Return a column.

        Parameters
        ----------
        name : str
            Name of one of `columns`.

        Returns
        -------
        Column
            The column of this name.
        """
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all columns but the geometry.

        Returns
        -------
        tuple of str
            Names in the order of `columns`.
        """
        return tuple(column.name for column in self.columns)


_NAME_EN = Column("name_en", "text")
_POPULATION = Column("population", "integer", low=0, high=2_000_000_000, unit="people")

AREAS = Layer(
    name="areas",
    table="areas",
    key=("code",),
    shape="polygon",
    columns=(
        Column("code", "code", needed=True),
        Column("name", "text", needed=True),
        _NAME_EN,
        Column("level", "choice", needed=True, choices=("district", "subdistrict", "community")),
        Column("parent", "code"),
        _POPULATION,
    ),
)
GRIDS = Layer(
    name="grids",
    table="grids",
    key=("code",),
    shape="polygon",
    columns=(
        Column("code", "code", needed=True),
        Column("name", "text", needed=True),
        _NAME_EN,
        Column("community", "code"),
        _POPULATION,
        Column("kind", "choice", choices=("basic", "special"), default="basic"),
    ),
)
CAMERAS = Layer(
    name="cameras",
    table="cameras",
    key=("code",),
    shape="point",
    columns=(
        Column("code", "code", needed=True),
        Column("name", "text"),
        Column(
            "kind",
            "choice",
            choices=("fixed", "dome", "ptz", "panoramic", "unknown"),
            default="unknown",
        ),
        Column(
            "bearing_deg", "number", low=0, high=360, unit="degrees from true north", angle=True
        ),
        Column("other_directions", "directions", unit="degrees from true north"),
        Column("fov_deg", "number", low=0, high=360, unit="degrees", open_low=True),
        Column("range_m", "number", low=0, high=99_999, unit="m", open_low=True),
        Column("near_m", "number", low=0, high=99_999, unit="m"),
        Column("tilt_deg", "number", low=-90, high=90, unit="degrees below the horizontal"),
        Column("vfov_deg", "number", low=0, high=180, unit="degrees", open_low=True),
        Column("night_range_m", "number", low=0, high=99_999, unit="m"),
        Column("height_m", "number", low=0, high=9_999, unit="m", open_low=True),
        Column("pixels_wide", "integer", low=1, high=1_000_000, unit="pixels"),
        Column(
            "status",
            "choice",
            choices=("working", "faulty", "offline", "retired", "unknown"),
            default="unknown",
        ),
        Column(
            "point_class",
            "choice",
            choices=("public", "industry", "private", "police", "other", "unknown"),
            default="unknown",
        ),
        Column("room", "choice", choices=("outdoor", "indoor", "unknown"), default="unknown"),
        Column("network", "boolean"),
        Column("owner", "text"),
        Column("installed_on", "date"),
        Column("upgraded_on", "date"),
        Column("retired_on", "date"),
        Column("platform", "text"),
        Column("place_kinds", "several"),
        Column("functions", "several"),
        Column(
            "supplement_light", "choice", choices=("none", "infrared", "white", "laser", "other")
        ),
        Column("key_place", "text"),
        Column("community", "code"),
    ),
)
BUILDINGS = Layer(
    name="buildings",
    table="buildings",
    key=("id",),
    shape="polygon",
    columns=(
        Column("id", "code", needed=True),
        Column("height_m", "number", low=0, high=1_999, unit="m"),
        Column("parapet_m", "number", low=0, high=99, unit="m"),
    ),
)
STREETS = Layer(
    name="streets",
    table="streets",
    key=("id",),
    shape="line",
    columns=(
        Column("id", "code", needed=True),
        Column("name", "text"),
        _NAME_EN,
        Column(
            "class",
            "choice",
            default="local",
            choices=("motorway", "trunk", "primary", "secondary", "tertiary", "local", "lane"),
        ),
    ),
)
LANDCOVER = Layer(
    name="landcover",
    table="landcover",
    key=("id",),
    shape="polygon",
    columns=(
        Column("id", "code", needed=True),
        Column("name", "text"),
        _NAME_EN,
        Column("class", "choice", needed=True, choices=("water", "green", "industrial", "square")),
    ),
)
KEY_PLACES = Layer(
    name="key-places",
    table="key_places",
    key=("code",),
    shape="polygon",
    columns=(
        Column("code", "code", needed=True),
        Column("name", "text", needed=True),
        _NAME_EN,
        Column("kind", "text", needed=True),
        Column("required_share", "number", low=0, high=1, unit="share", default=1.0),
    ),
)
SERVICE_POINTS = Layer(
    name="service-points",
    table="service_points",
    key=("code",),
    shape="point",
    columns=(
        Column("code", "code", needed=True),
        Column("name", "text"),
        _NAME_EN,
        Column("kind", "text", needed=True),
    ),
)
INCIDENTS = Layer(
    name="incidents",
    table="incidents",
    key=("source", "source_id"),
    shape="point",
    columns=(
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
)

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
"""All layers, by name."""
FORMATS = ("gpkg", "geojson", "csv", "xlsx", "parquet")
"""Suffixes of the files that a layer can be exported to."""
RESULTS: dict[str, Shape] = {
    "grids": "polygon",
    "blind-spots": "polygon",
    "views": "polygon",
    "findings": "point",
}
"""Results that can be exported, and their shape; those of the grids are columns of the grids."""
EXPORTED = (*RESULTS, *(name for name in LAYERS if name not in RESULTS), "grid-staff")
"""Everything that can be exported: results, layers, and the staff of grids."""
