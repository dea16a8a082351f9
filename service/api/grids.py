"""Grids: figures for the map, the card of one grid, its staff."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, Field

from geo.maps.classes import class_breaks
from geo.store.connection import Conn
from geo.store.queries.api_tokens import READ, STAFF
from geo.store.queries.cameras import read_cameras_of_grid
from geo.store.queries.coverage import Measure, read_grid_values, read_quality_values
from geo.store.queries.grids import read_grid_card, read_grid_results
from geo.store.queries.staff import read_staff_of_grid
from service.api.location_precision import sees_exact_locations
from service.auth.permissions import MAPS, rights_of
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import Connection, Deployment, newest_run
from service.policy import SecuredRoute, allow
from service.responses import GEOJSON, GEOJSON_MEDIA, JSON_MEDIA, geojson_response

router = APIRouter(prefix="/api/v1/grids", tags=["grids"], route_class=SecuredRoute)
_maps = [allow(*MAPS, video_wall=True)]
_MAX_CAMERAS = 500
"""Cameras on a card."""
GridCode = Annotated[str, Path(description="Code of the grid.")]


class GridValues(BaseModel):
    """One figure of every grid, as lists of equal length."""

    run: int
    measure: str
    codes: list[str]
    communities: list[str | None]
    values: list[float | None]
    ground_m2: list[float | None] = Field(description="Denominator of the figure, m2.")
    breaks: dict[str, dict[str, list[float]]] = Field(
        description="Class breaks by method (natural, quantile) and number of classes."
    )


class GridCamera(BaseModel):
    """Camera that is in a grid or sees part of it."""

    code: str
    name: str | None
    kind: str
    status: str
    inside: bool
    assumed: bool
    lon: float
    lat: float


class CoverageAtRun(BaseModel):
    """Coverage of a grid in a run."""

    run: int
    at: dt.datetime
    open_covered_share: float | None
    covered_share: float
    cameras: int


class CountInMonth(BaseModel):
    """Incidents of a month."""

    month: str
    count: int


class StaffMember(BaseModel):
    """Member of the staff of a grid."""

    role: str
    name: str
    phone: str | None


class GridCard(BaseModel):
    """Figures of one grid, their trend, its cameras and staff."""

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
    bbox: list[float] = Field(
        validation_alias="box", description="West, south, east, north, degrees."
    )
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
        description="Shares of the open ground by cameras, light and image class."
    )
    blind_spots: int
    blind_m2: float | None
    risk: float | None = Field(description="Incidents expected per year in its blind spots.")
    trend: list[CoverageAtRun]
    months: list[CountInMonth]
    seen_by: list[GridCamera] = Field(description="Empty for roles without exact locations.")
    assumed: int = Field(description="Cameras of `seen_by` with assumed parameters.")
    staff: list[StaffMember]


@router.get("", dependencies=_maps, response_class=Response, responses=GEOJSON)
async def list_grids(request: Request, user: SignedIn) -> Response:
    """List the grids with coverage and density of the newest run."""

    def make(conn: Conn) -> bytes:
        return bytes(geojson_response(read_grid_results(conn, newest_run(conn).id), digits=6).body)

    return await cached_response(
        request, user, ("grids",), (*RESULTS, "grid_staff"), make, GEOJSON_MEDIA
    )


@router.get(
    "/{code}/staff",
    response_model=list[StaffMember],
    dependencies=[allow(*MAPS, "phones", scopes=(READ, STAFF))],
)
def list_grid_staff(conn: Connection, user: SignedIn, code: GridCode) -> list[dict[str, Any]]:
    """List the head and the staff of a grid.

    Telephone numbers need a role that may see them, and for API tokens the scope `staff:read`.
    """
    staff = read_staff_of_grid(conn, code, phones="phones" in rights_of(user))
    if staff is None:
        raise HTTPException(404, f"There is no grid {code}.")
    return staff


CameraGroup = Literal["working", "all", "public", "industry", "private"]
ImageClass = Literal[
    "seen",
    "2025.overview",
    "2025.outline",
    "2025.discern",
    "2025.perceive",
    "2025.characterise",
    "2025.validate",
    "2025.scrutinise",
    "2014.detect",
    "2014.observe",
    "2014.recognise",
    "2014.identify",
]


@dataclass(frozen=True)
class ImageQuality:
    """Cameras, light and image class for which ground counts as covered.

    Attributes
    ----------
    cameras : CameraGroup
        Cameras that count.
    light : {"day", "night"}
        By night, the range of a camera is its night range.
    image : ImageClass
        Class of IEC 62676-4 that the image must reach; "seen" for any.
    """

    cameras: CameraGroup = "working"
    light: Literal["day", "night"] = "day"
    image: ImageClass = "seen"


def _image_quality(
    cameras: Annotated[CameraGroup, Query(description="Cameras that count.")] = "working",
    light: Annotated[Literal["day", "night"], Query(description="Range by day or night.")] = "day",
    image: Annotated[
        ImageClass, Query(description="Class of IEC 62676-4 that the image must reach.")
    ] = "seen",
) -> ImageQuality:
    return ImageQuality(cameras, light, image)


@router.get("/values", dependencies=_maps, response_model=GridValues)
async def get_grid_values(
    request: Request,
    user: SignedIn,
    quality: Annotated[ImageQuality, Depends(_image_quality)],
    measure: Annotated[Measure, Query(description="Figure.")] = "open_covered_share",
    run: Annotated[
        int | None,
        Query(ge=1, le=2**62, description="Run with stored results. Default: the newest."),
    ] = None,
) -> Response:
    """Get one figure of every grid.

    `cameras`, `light` and `image` apply to `open_covered_share` of the newest run only, and image
    classes to working cameras only. `risk` is the number of incidents expected per year in
    blind spots.
    """
    is_default = quality == ImageQuality()
    _require_available(quality, measure, run)

    def make(conn: Conn) -> bytes:
        newest = newest_run(conn)
        rows = (
            read_grid_values(conn, measure, run or newest.id)
            if is_default
            else read_quality_values(conn, quality.cameras, quality.light, quality.image)
        )
        return _encode_values(rows, measure, run or newest.id)

    key = ("values", measure, quality.cameras, quality.light, quality.image, run)
    return await cached_response(request, user, key, RESULTS, make, JSON_MEDIA)


def _require_available(quality: ImageQuality, measure: Measure, run: int | None) -> None:
    is_default = quality == ImageQuality()
    if not is_default and (measure != "open_covered_share" or run is not None):
        raise HTTPException(
            422,
            "cameras, light and image apply to open_covered_share of the newest run only.",
        )
    if quality.image != "seen" and quality.cameras != "working":
        raise HTTPException(422, "Image classes apply to working cameras only.")


def _encode_values(rows: list[Any], measure: Measure, run: int) -> bytes:
    codes, communities, figures, ground = zip(*rows, strict=True) if rows else ([], [], [], [])
    digits = 3 if measure == "risk" else 4
    values = {
        "run": run,
        "measure": measure,
        "codes": codes,
        "communities": communities,
        "values": [None if figure is None else round(figure, digits) for figure in figures],
        "ground_m2": [None if area is None else round(area) for area in ground],
        "breaks": class_breaks(figures),
    }
    return json.dumps(values, separators=(",", ":")).encode()


@router.get("/{code}/card", dependencies=_maps, response_model=GridCard)
def get_grid_card(
    conn: Connection, user: SignedIn, settings: Deployment, code: GridCode
) -> dict[str, Any]:
    """Get the figures of a grid, their trend, the cameras that see into it, and its staff."""
    card = read_grid_card(conn, code)
    if card is None:
        raise HTTPException(404, f"There is no grid {code}.")
    shows_cameras = "coverage" in rights_of(user) and sees_exact_locations(user, settings)
    cameras = read_cameras_of_grid(conn, code, _MAX_CAMERAS) if shows_cameras else []
    phones = "phones" in rights_of(user)
    return card | {
        "seen_by": cameras,
        "assumed": sum(camera["assumed"] for camera in cameras),
        # A video wall may hang where anybody can read it.
        "staff": [] if user.wall else read_staff_of_grid(conn, code, phones=phones) or [],
    }
