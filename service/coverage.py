"""Coverage as the planner's page asks for it: figures of all grids, cards, blind spots, a search."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from geo import pipeline
from geo.maps.classes import class_breaks
from geo.store import coverage as stored
from geo.store import read
from geo.store.coverage import Measure
from geo.store.database import Conn
from service import models
from service.access import MAPS, SignedIn, rights_of
from service.choosing import Area
from service.dependencies import Connection, Deployment, newest_run
from service.keeping import keep
from service.planning import Shape, exact, shape_of
from service.policy import SecuredRoute, allow

router = APIRouter(prefix="/api/v1", tags=["coverage"], route_class=SecuredRoute)
_maps = [allow(*MAPS, walls=True)]
_coverage = [allow("coverage", walls=True)]
_RESTS_ON = ("results", "grids", "areas")
_JSON = "application/json"
_MOST_CAMERAS = 500
Cameras = Literal["working", "all", "public", "industry", "private"]
Image = Literal[
    "seen", "2025.overview", "2025.outline", "2025.discern", "2025.perceive", "2025.characterise",
    "2025.validate", "2025.scrutinise", "2014.detect", "2014.observe", "2014.recognise", "2014.identify",
]  # fmt: skip


@router.get("/grids/values", dependencies=_maps, response_model=models.GridValues)
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
            stored.grid_values(conn, measure, run or newest.id)
            if plain
            else stored.quality_values(conn, *asked)
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

    return await keep(request, user, ("values", measure, *asked, run), _RESTS_ON, make, _JSON)


@router.get("/coverage/cameras", dependencies=_coverage, response_model=models.CamerasUsed)
async def used(request: Request, user: SignedIn) -> Response:
    """How many cameras the newest coverage rests on, and of how many of them something was assumed."""

    def make(conn: Conn) -> bytes:
        cameras, assumed = stored.cameras_used(conn)
        return json.dumps({"cameras": cameras, "assumed_share": assumed}).encode()

    return await keep(request, user, ("used",), (*_RESTS_ON, "cameras"), make, _JSON)


@router.get("/names", dependencies=_maps, response_model=dict[str, list[str | None]])
def names(
    conn: Connection,
    code: Annotated[
        list[Annotated[str, Query(max_length=64)]], Query(min_length=1, max_length=200)
    ],
) -> dict[str, list[str | None]]:
    """Name and English name of some grids and areas, by their code."""
    return stored.names_of(conn, code)


@router.get("/grids/{code}/card", dependencies=_maps, response_model=models.GridCard)
def card(conn: Connection, user: SignedIn, settings: Deployment, code: str) -> dict[str, Any]:
    """A grid's figures, their trend, its staff, the cameras that see in, and what was assumed of those."""
    found = stored.grid_card(conn, code)
    if found is None:
        raise HTTPException(404, f"There is no grid {code}.")
    told = "coverage" in rights_of(user) and user.role not in settings.coarse_roles
    cameras = stored.cameras_of(conn, code, _MOST_CAMERAS) if told else []
    phones = "phones" in rights_of(user)
    return found | {
        "seen_by": cameras,
        "assumed": sum(c["assumed"] for c in cameras),
        # A wall stands where anybody may read it.
        "staff": [] if user.wall else read.staff_of(conn, code, phones=phones) or [],
    }


@router.get("/blind-spots/ranked", dependencies=_coverage, response_model=models.BlindSpots)
async def ranked(
    request: Request,
    user: SignedIn,
    by: Annotated[Literal["area", "risk"], Query(description="what makes one worse")] = "area",
    area: Area = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """Blind spots of an area, worst first: by their size, or by the incidents to be expected there."""

    def make(conn: Conn) -> bytes:
        newest_run(conn)
        rows, sums = stored.ranked_blind_spots(conn, by, area or None, limit, offset)
        return models.BlindSpots(**sums, rows=rows).model_dump_json().encode()

    return await keep(request, user, ("ranked", by, area, limit, offset), _RESTS_ON, make, _JSON)


@router.get("/search", dependencies=[allow(*MAPS)], response_model=list[models.Found])
def search(
    conn: Connection,
    user: SignedIn,
    settings: Deployment,
    q: Annotated[str, Query(min_length=1, max_length=100, pattern=r"^[^\x00]*\S[^\x00]*$")],
    limit: Annotated[int, Query(ge=1, le=50)] = 12,
) -> list[dict[str, Any]]:
    """Areas, grids, key places and cameras by name, code or device number."""
    exactly = "coverage" in rights_of(user) and user.role not in settings.coarse_roles
    return stored.search(conn, q, limit, cameras=exactly)


@router.get("/handed-in", dependencies=[allow(*MAPS)], status_code=204, response_class=Response)
def handed_in(
    page: Annotated[Literal["coverage", "incidents", "registers"], Query()],
    form: Annotated[Literal["png", "pdf", "print", "html"], Query()],
    what: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Put on record that a map leaves the house as a sheet or a file, before it does."""
    del page, form, what  # the record of who asked for what keeps the whole query
    return Response(status_code=204)


class CameraView(BaseModel):
    """What one camera sees, and what hides the rest of its reach."""

    seen_m2: float
    hidden_m2: float
    seen: Shape
    hidden: Shape
    parameters: dict[str, float] = Field(
        description="bearing, field of view, range, near edge, height"
    )
    on_record: dict[str, bool] = Field(description="which of them the register has")  # fmt: skip


@router.get(
    "/cameras/{code}/view",
    dependencies=[allow("coverage"), Depends(exact)],
    response_model=CameraView,
)
def view(conn: Connection, settings: Deployment, code: str) -> CameraView:
    """What a camera sees by the newest run, what is hidden from it, and what was assumed of it."""
    found = pipeline.view_of(conn, code, settings)
    if found is None:
        raise HTTPException(404, f"There is no camera {code}.")
    seen, hidden = found.shapes
    return CameraView(
        seen_m2=found.seen_m2, hidden_m2=found.hidden_m2, seen=shape_of(seen), hidden=shape_of(hidden),
        parameters=found.parameters, on_record=found.on_record,
    )  # fmt: skip
