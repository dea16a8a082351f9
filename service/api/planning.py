"""What-if, views and sites of planned cameras."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import geopandas as gpd
import pandas as pd
import shapely
from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from geo import pipeline
from service.auth.sessions import SignedIn
from service.dependencies import Connection, Deployment
from service.policy import AuditRule, SecuredRoute, allow

router = APIRouter(
    prefix="/api/v1", tags=["planning"], dependencies=[allow("coverage")], route_class=SecuredRoute
)
Lon = Annotated[float, Field(ge=-180, le=180, description="degrees, WGS 84")]
Lat = Annotated[float, Field(ge=-90, le=90, description="degrees, WGS 84")]


class Camera(BaseModel):
    """What is known of a camera; the rest is assumed by its kind."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["fixed", "dome", "ptz", "panoramic", "unknown"] = "unknown"
    bearing_deg: Annotated[float | None, Field(ge=0, le=360, description="clockwise from true north")] = None  # fmt: skip
    fov_deg: Annotated[float | None, Field(gt=0, le=360)] = None
    range_m: Annotated[float | None, Field(gt=0, le=2000)] = None
    near_m: Annotated[float | None, Field(ge=0, le=2000)] = None
    height_m: Annotated[float | None, Field(gt=0, le=500)] = None


class PlacedCamera(Camera):
    """A camera and where it would stand."""

    lon: Lon
    lat: Lat


class Scenario(BaseModel):
    """Cameras that do not stand yet."""

    model_config = ConfigDict(extra="forbid")

    cameras: Annotated[list[PlacedCamera], Field(min_length=1, max_length=50)]


class Shape(BaseModel):
    """A GeoJSON geometry."""

    type: str
    coordinates: list[Any]


class View(BaseModel):
    """What one camera of a scenario would see."""

    area_m2: float
    assumed: bool = Field(description="whether bearing, field of view or range was assumed")
    geometry: Shape


class GridGain(BaseModel):
    """What a grid would gain."""

    grid: str
    gained_m2: float
    share_before: float | None = Field(description="of its open ground, 0 to 1")
    share_after: float | None
    incidents: int | None


class ScenarioGain(BaseModel):
    """What a scenario would add to the coverage of a run."""

    run: int
    gained_m2: float = Field(description="ground that no camera of yours sees today")
    incidents: int = Field(description="on that ground, of all on record with a place")
    risk: float = Field(description="incidents to be expected on that ground in a year")
    added: Shape
    views: list[View]
    grids: list[GridGain]


class Sighting(BaseModel):
    """A camera that sees a place."""

    camera: str
    name: str | None
    kind: str
    status: str
    distance_m: float
    bearing_deg: float = Field(
        description="from the camera to the place, clockwise from true north"
    )
    px_per_m: float | None = Field(description="pixel density there, where the lens is on record")


class SiteRequest(BaseModel):
    """How many sites, of what camera, for what."""

    model_config = ConfigDict(extra="forbid")

    number: Annotated[int, Field(ge=1, le=200)]
    area: Annotated[str | None, Field(max_length=64, description="code of an area or grid")] = None
    camera: Camera = Camera(kind="ptz")
    by: Literal["ground", "incidents"] = "ground"
    exact_s: Annotated[float, Field(ge=0, le=20, description="seconds for the exact solver")] = 0.0


class SiteFound(BaseModel):
    """One chosen site."""

    rank: int
    lon: float
    lat: float
    grid: str | None
    kind: str
    bearing_deg: float
    seen_m2: float
    gain: float = Field(description="what it adds to those before it: m² or incidents")
    total: float


class SitesFound(BaseModel):
    """The best sites, and how good they are at the least."""

    run: int
    by: str
    sites: list[SiteFound]
    gain: float
    upper_bound: float = Field(description="no choice of as many from these candidates gains more")
    gap: float = Field(description="share of the bound that may be missing")
    demand: float = Field(description="all that could be gained: m² of blind spots, or incidents")
    candidates: int


def exact(user: SignedIn, settings: Deployment) -> None:
    """Refuse those who may not know exactly where a camera stands."""
    if user.role in settings.coarse_roles:
        raise HTTPException(403, f"The role {user.role} sees where cameras are only roughly.")


@router.get("/cameras-seeing", dependencies=[Depends(exact)])
def cameras_seeing(
    conn: Connection,
    lon: Annotated[float, Query(ge=-180, le=180)],
    lat: Annotated[float, Query(ge=-90, le=90)],
) -> list[Sighting]:
    """The cameras that see a place by the newest run, nearest first."""
    found = pipeline.seeing(conn, lon, lat)
    rows = found.astype(object).where(found.notna(), None).to_dict("records")
    return [Sighting.model_validate({str(k): v for k, v in row.items()}) for row in rows]


@router.post("/what-if", dependencies=[Depends(exact)])
def what_if(conn: Connection, settings: Deployment, scenario: Scenario) -> ScenarioGain:
    """What cameras would see where they are put, and what that adds; no register changes."""
    gain = pipeline.what_if(conn, _placed(scenario), settings)
    grids = gain.grids.reset_index(names="grid")
    grids = grids.astype(object).where(grids.notna(), None)
    return ScenarioGain(
        run=gain.run, gained_m2=gain.gained_m2, incidents=gain.incidents, risk=gain.risk,
        added=shape_of(gain.added.iloc[0]),
        views=_views(gain.views),
        grids=[GridGain.model_validate({str(k): v for k, v in r.items()}) for r in grids.to_dict("records")],
    )  # fmt: skip


@router.post(
    "/what-if/views", dependencies=[allow("coverage", audit=AuditRule.SAMPLED), Depends(exact)]
)
def what_if_views(conn: Connection, settings: Deployment, scenario: Scenario) -> list[View]:
    """What cameras would see where they are put, and nothing else: quick enough to follow a pointer."""
    return _views(pipeline.views_there(conn, _placed(scenario), settings))


def _placed(scenario: Scenario) -> gpd.GeoDataFrame:
    given = pd.DataFrame([c.model_dump(exclude={"lon", "lat"}) for c in scenario.cameras])
    places = [shapely.Point(c.lon, c.lat) for c in scenario.cameras]
    return gpd.GeoDataFrame(given, geometry=places, crs=4326)


def _views(views: gpd.GeoDataFrame) -> list[View]:
    return [
        View(area_m2=row.area_m2, assumed=row.assumed, geometry=shape_of(row.geometry))
        for row in views.itertuples()
    ]


@router.post("/sites", dependencies=[Depends(exact)])
def sites(conn: Connection, settings: Deployment, wanted: SiteRequest) -> SitesFound:
    """The best sites for the next cameras of one kind, along the streets and in the blind spots."""
    camera = wanted.camera.model_dump(exclude_none=True, exclude={"bearing_deg"})
    found = pipeline.sites(
        conn, wanted.number, settings, area=wanted.area, camera=camera, by=wanted.by,
        exact_s=wanted.exact_s,
    )  # fmt: skip
    return SitesFound(
        run=found.run, by=wanted.by, gain=found.plan.gain, upper_bound=found.plan.upper_bound,
        gap=found.plan.gap, demand=found.demand, candidates=found.candidates,
        sites=[
            SiteFound(
                rank=k, lon=round(row.geometry.x, 7), lat=round(row.geometry.y, 7),
                grid=row.grid if isinstance(row.grid, str) else None, kind=row.kind,
                bearing_deg=row.bearing_deg, seen_m2=row.seen_m2, gain=row.gain, total=row.total,
            )
            for k, row in enumerate(found.sites.itertuples(), 1)
        ],
    )  # fmt: skip


def shape_of(geometry: shapely.Geometry) -> Shape:
    """A geometry as GeoJSON, to about a centimetre."""
    told = shapely.geometry.mapping(shapely.set_precision(geometry, 1e-7, mode="pointwise"))
    return Shape(type=told["type"], coordinates=list(told["coordinates"]))
