"""Planning of cameras: what-if scenarios, views and siting. Nothing is stored."""

from __future__ import annotations

from typing import Annotated, Literal

import geopandas as gpd
import pandas as pd
import shapely
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from geo import pipeline
from service.api.location_precision import require_exact_locations
from service.dependencies import Connection, Deployment
from service.policy import AuditRule, SecuredRoute, allow
from service.responses import GeoJSONGeometry, geojson_geometry

router = APIRouter(
    prefix="/api/v1/planning",
    tags=["planning"],
    dependencies=[allow("coverage"), Depends(require_exact_locations)],
    route_class=SecuredRoute,
)
Longitude = Annotated[float, Field(ge=-180, le=180, description="Degrees (WGS 84).")]
Latitude = Annotated[float, Field(ge=-90, le=90, description="Degrees (WGS 84).")]


class CameraParameters(BaseModel):
    """Parameters of a planned camera; one that is missing is assumed from its kind."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["fixed", "dome", "ptz", "panoramic", "unknown"] = "unknown"
    bearing_deg: Annotated[
        float | None, Field(ge=0, le=360, description="Clockwise from true north.")
    ] = None
    fov_deg: Annotated[
        float | None, Field(gt=0, le=360, description="Horizontal field of view.")
    ] = None
    range_m: Annotated[float | None, Field(gt=0, le=2000, description="Maximum range.")] = None
    near_m: Annotated[float | None, Field(ge=0, le=2000, description="Minimum range.")] = None
    height_m: Annotated[
        float | None, Field(gt=0, le=500, description="Height above the ground.")
    ] = None


class PlannedCamera(CameraParameters):
    """Planned camera at its place."""

    lon: Longitude
    lat: Latitude


class Scenario(BaseModel):
    """Planned cameras."""

    model_config = ConfigDict(extra="forbid")

    cameras: Annotated[list[PlannedCamera], Field(min_length=1, max_length=50)]


class PlannedView(BaseModel):
    """Ground that one planned camera would see."""

    area_m2: float
    assumed: bool = Field(description="Whether the bearing, field of view or range is assumed.")
    geometry: GeoJSONGeometry


class GridGain(BaseModel):
    """Coverage that a grid would gain."""

    grid: str
    gained_m2: float
    share_before: float | None = Field(description="Covered share of its open ground, 0 to 1.")
    share_after: float | None = Field(description="The same with the planned cameras.")
    incidents: int | None


class ScenarioGain(BaseModel):
    """Coverage that a scenario would add to that of a run."""

    run: int
    gained_m2: float = Field(description="Ground that no camera in your areas sees today.")
    incidents: int = Field(description="Recorded incidents with a place on that ground.")
    risk: float = Field(description="Incidents expected on that ground per year.")
    added: GeoJSONGeometry
    views: list[PlannedView]
    grids: list[GridGain]


class SiteRequest(BaseModel):
    """Number of sites, the camera to place, the area and the objective."""

    model_config = ConfigDict(extra="forbid")

    count: Annotated[int, Field(ge=1, le=200, description="Number of sites.")]
    area: Annotated[str | None, Field(max_length=64, description="Code of an area or grid.")] = None
    camera: CameraParameters = CameraParameters(kind="ptz")
    objective: Annotated[
        Literal["ground", "incidents"],
        Field(description="Maximise the ground covered, or the incidents on it."),
    ] = "ground"
    time_limit_s: Annotated[
        float,
        Field(ge=0, le=20, description="Time limit of the exact solver; 0: greedy choice only."),
    ] = 0.0


class Site(BaseModel):
    """Chosen site."""

    rank: int
    lon: float
    lat: float
    grid: str | None
    kind: str
    bearing_deg: float
    seen_m2: float
    gain: float = Field(
        description="Added to the sites ranked before it: m2 or incidents, as the objective."
    )
    total: float = Field(description="Sum of the gains up to this site.")


class SitePlan(BaseModel):
    """Chosen sites with an upper bound for any other choice (maximal covering location)."""

    run: int
    objective: str
    sites: list[Site]
    gain: float = Field(description="Of all sites: m2 or incidents, as the objective.")
    upper_bound: float = Field(
        description="No choice of as many of these candidates gains more than this."
    )
    gap: float = Field(description="Share of the upper bound that the choice may miss, 0 to 1.")
    demand: float = Field(description="All that can be gained: m2 of blind spots, or incidents.")
    candidates: int


@router.post("/what-if")
def compute_scenario_gain(
    conn: Connection, settings: Deployment, scenario: Scenario
) -> ScenarioGain:
    """Compute the views of planned cameras and the coverage that they add. Nothing is stored."""
    gain = pipeline.what_if(conn, _camera_frame(scenario), settings)
    grids = gain.grids.reset_index(names="grid")
    grids = grids.astype(object).where(grids.notna(), None)
    return ScenarioGain(
        run=gain.run,
        gained_m2=gain.gained_m2,
        incidents=gain.incidents,
        risk=gain.risk,
        added=geojson_geometry(gain.added.iloc[0]),
        views=_views(gain.views),
        grids=[
            GridGain.model_validate({str(name): value for name, value in row.items()})
            for row in grids.to_dict("records")
        ],
    )


@router.post("/views", dependencies=[allow("coverage", audit=AuditRule.SAMPLED)])
def compute_planned_views(
    conn: Connection, settings: Deployment, scenario: Scenario
) -> list[PlannedView]:
    """Compute the views of planned cameras only, fast enough to follow a pointer."""
    return _views(pipeline.views_of_planned(conn, _camera_frame(scenario), settings))


def _camera_frame(scenario: Scenario) -> gpd.GeoDataFrame:
    parameters = [camera.model_dump(exclude={"lon", "lat"}) for camera in scenario.cameras]
    points = [shapely.Point(camera.lon, camera.lat) for camera in scenario.cameras]
    return gpd.GeoDataFrame(pd.DataFrame(parameters), geometry=points, crs=4326)


def _views(views: gpd.GeoDataFrame) -> list[PlannedView]:
    return [
        PlannedView(
            area_m2=row.area_m2, assumed=row.assumed, geometry=geojson_geometry(row.geometry)
        )
        for row in views.itertuples()
    ]


@router.post("/sites")
def choose_sites(conn: Connection, settings: Deployment, request: SiteRequest) -> SitePlan:
    """Choose the best sites for new cameras of one kind, along the streets and in blind spots."""
    camera = request.camera.model_dump(exclude_none=True, exclude={"bearing_deg"})
    result = pipeline.recommend_sites(
        conn,
        request.count,
        settings,
        area=request.area,
        camera=camera,
        by=request.objective,
        time_limit_s=request.time_limit_s,
    )
    return SitePlan(
        run=result.run,
        objective=request.objective,
        gain=result.plan.gain,
        upper_bound=result.plan.upper_bound,
        gap=result.plan.gap,
        demand=result.demand,
        candidates=result.candidates,
        sites=[
            Site(
                rank=rank,
                lon=round(row.geometry.x, 7),
                lat=round(row.geometry.y, 7),
                grid=row.grid if isinstance(row.grid, str) else None,
                kind=row.kind,
                bearing_deg=row.bearing_deg,
                seen_m2=row.seen_m2,
                gain=row.gain,
                total=row.total,
            )
            for rank, row in enumerate(result.sites.itertuples(), 1)
        ],
    )
