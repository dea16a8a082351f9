"""Grids: figures for the map, the card of one grid, its staff."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from geo.maps.classes import class_breaks
from geo.store.connection import Conn
from geo.store.queries.api_tokens import READ, STAFF
from geo.store.queries.cameras import read_cameras_of_grid
from geo.store.queries.coverage import Measure, read_grid_values, read_quality_values
from geo.store.queries.grids import read_grid_card, read_grid_results
from geo.store.queries.staff import read_staff_of_grid
from service.auth.permissions import MAPS, rights_of
from service.auth.sessions import SignedIn
from service.caching import RESULTS, cached_response
from service.dependencies import Connection, Deployment, newest_run
from service.policy import SecuredRoute, allow
from service.responses import GEOJSON, GEOJSON_MEDIA, JSON_MEDIA, geojson_response

router = APIRouter(prefix="/api/v1", tags=["grids"], route_class=SecuredRoute)
_maps = [allow(*MAPS, walls=True)]


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


class CoverageAtRun(BaseModel):
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
    trend: list[CoverageAtRun]
    months: list[CountInMonth]
    seen_by: list[GridCamera] = Field(description="none for roles that see cameras roughly")
    assumed: int = Field(description="of those, how many with assumed parameters")
    staff: list[StaffMember]


class StaffMember(BaseModel):
    """Someone who works in a grid."""

    role: str
    name: str
    phone: str | None


@router.get("/grids", dependencies=_maps, response_class=Response, responses=GEOJSON)
async def grids(request: Request, user: SignedIn) -> Response:
    """Grids with coverage and density of the newest run."""

    def make(conn: Conn) -> bytes:
        return bytes(geojson_response(read_grid_results(conn, newest_run(conn).id), digits=6).body)

    return await cached_response(
        request, user, ("grids",), (*RESULTS, "grid_staff"), make, GEOJSON_MEDIA
    )


@router.get(
    "/grids/{code}/staff", response_model=list[StaffMember],
    dependencies=[allow(*MAPS, "phones", scopes=(READ, STAFF))],
)  # fmt: skip
def staff(conn: Connection, user: SignedIn, code: str) -> list[dict[str, Any]]:
    """Head and staff of a grid; phones for roles that may call them, of tokens those of `staff:read`."""
    found = read_staff_of_grid(conn, code, phones="phones" in rights_of(user))
    if found is None:
        raise HTTPException(404, f"There is no grid {code}.")
    return found


_MOST_CAMERAS = 500
Cameras = Literal["working", "all", "public", "industry", "private"]
Image = Literal[
    "seen", "2025.overview", "2025.outline", "2025.discern", "2025.perceive", "2025.characterise",
    "2025.validate", "2025.scrutinise", "2014.detect", "2014.observe", "2014.recognise", "2014.identify",
]  # fmt: skip


@router.get("/grids/values", dependencies=_maps, response_model=GridValues)
async def values(
    request: Request,
    user: SignedIn,
    measure: Measure = "open_covered_share",
    cameras: Annotated[Cameras, Query(description="which count")] = "working",
    light: Literal["day", "night"] = "day",
    image: Annotated[Image, Query(description="class of IEC 62676-4 that the image reaches")] = "seen",
    run: Annotated[int | None, Query(ge=1, le=2**62, description="as of a run that is kept")] = None,
) -> Response:  # fmt: skip
    """One figure of every grid.

    `cameras`, `light` and `image` other than their defaults tell of the open ground by the newest run;
    image classes are told of working cameras alone. `risk`: incidents expected a year where no camera sees.
    """
    asked = (cameras, light, image)
    plain = asked == ("working", "day", "seen")
    if not plain and (measure != "open_covered_share" or run is not None):
        raise HTTPException(
            422, "cameras, light and image are told of open_covered_share by the newest run alone."
        )
    if image != "seen" and cameras != "working":
        raise HTTPException(422, "Image classes are told of working cameras alone.")

    def make(conn: Conn) -> bytes:
        newest = newest_run(conn)
        rows = (
            read_grid_values(conn, measure, run or newest.id)
            if plain
            else read_quality_values(conn, *asked)
        )
        codes, communities, figures, ground = zip(*rows, strict=True) if rows else ([], [], [], [])
        digits = 3 if measure == "risk" else 4
        return json.dumps(
            {
                "run": run or newest.id, "measure": measure, "codes": codes, "communities": communities,
                "values": [None if v is None else round(v, digits) for v in figures],
                "ground_m2": [None if v is None else round(v) for v in ground],
                "breaks": class_breaks(figures),
            },
            separators=(",", ":"),
        ).encode()  # fmt: skip

    return await cached_response(
        request, user, ("values", measure, *asked, run), RESULTS, make, JSON_MEDIA
    )


@router.get("/grids/{code}/card", dependencies=_maps, response_model=GridCard)
def card(conn: Connection, user: SignedIn, settings: Deployment, code: str) -> dict[str, Any]:
    """A grid's figures, their trend, its staff, the cameras that see in, and what was assumed of those."""
    found = read_grid_card(conn, code)
    if found is None:
        raise HTTPException(404, f"There is no grid {code}.")
    told = "coverage" in rights_of(user) and user.role not in settings.coarse_roles
    cameras = read_cameras_of_grid(conn, code, _MOST_CAMERAS) if told else []
    phones = "phones" in rights_of(user)
    return found | {
        "seen_by": cameras,
        "assumed": sum(c["assumed"] for c in cameras),
        # A wall stands where anybody may read it.
        "staff": [] if user.wall else read_staff_of_grid(conn, code, phones=phones) or [],
    }
