"""Saved scenarios: stored, shared, compared and exported as a plan."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field

from geo import pipeline
from geo.errors import ColumnError, StoreError
from geo.export import write_file
from geo.pipeline import ScenarioGain
from geo.settings import Settings
from geo.store.audit_actions import AuditAction
from geo.store.connection import Conn
from geo.store.queries.api_tokens import SCENARIOS
from geo.store.queries.audit import append_audit_entry
from geo.store.queries.runs import read_metric_crs
from geo.store.queries.scenarios import (
    add_scenario,
    cameras_outside_scope,
    delete_scenario,
    find_scenario,
    list_scenarios,
    update_scenario,
)
from geo.store.queries.users import User
from geo.store.scope import set_scope
from service.api.exports import FILE, MEDIA_TYPES, FileFormat, temporary_file_response
from service.api.location_precision import require_exact_locations
from service.api.planning import PlannedCamera, Scenario
from service.auth.sessions import SignedIn, client_address
from service.dependencies import Connection, Deployment, Writing
from service.policy import AuditRule, SecuredRoute, allow

router = APIRouter(
    prefix="/api/v1/scenarios",
    tags=["scenarios"],
    dependencies=[allow("coverage"), Depends(require_exact_locations)],
    route_class=SecuredRoute,
)
_CHANGE = [allow("coverage", scopes=(SCENARIOS,), audit=AuditRule.ROUTE)]
_PARAMETERS = ("bearing_deg", "fov_deg", "range_m", "height_m")
"""Parameters of a camera in the table of a plan."""
ScenarioNumber = Annotated[
    int, PathParameter(ge=1, le=2**62, description="Number of the scenario.")
]


class NewScenario(Scenario):
    """Planned cameras under a name."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")]
    shared: bool = Field(
        default=False,
        description="Whether every account that sees the places may open it; else its owner only.",
    )


class ChangedScenario(NewScenario):
    """New content of a scenario, in place of one version."""

    version: Annotated[
        int, Field(ge=1, le=2**31 - 1, description="Version that the change is based on.")
    ]


class SavedScenario(BaseModel):
    """Stored scenario."""

    id: int
    name: str
    owner: str
    mine: bool = Field(description="Whether you own it.")
    shared: bool
    cameras: list[PlannedCamera]
    version: int
    created_at: dt.datetime
    changed_at: dt.datetime


class ScenarioComparison(BaseModel):
    """Coverage that one of several scenarios would add."""

    model_config = ConfigDict(extra="forbid")

    id: int
    name: str
    owner: str
    cameras: int
    gained_m2: float = Field(description="Ground that no camera in your areas sees today.")
    incidents: int = Field(description="Recorded incidents with a place on that ground.")
    risk: float = Field(description="Incidents expected on that ground per year.")
    per_camera_m2: float
    grids: int = Field(description="Grids that gain coverage.")


def _saved(row: dict[str, Any], user: User) -> SavedScenario:
    return SavedScenario(**row, mine=row["owner"] == user.name)


def _require_scenario(conn: Conn, number: int, user: User) -> dict[str, Any]:
    row = find_scenario(conn, number, user.name)
    if row is None:
        raise HTTPException(404, f"There is no scenario {number} that you may see.")
    return row


def _require_in_scope(conn: Conn, user: User, cameras: list[dict[str, Any]]) -> None:
    set_scope(conn, user.areas)
    outside = cameras_outside_scope(conn, cameras)
    if outside:
        numbers = ", ".join(map(str, outside))
        raise HTTPException(
            422, f"Camera {numbers} stands outside your areas; move it or leave it out."
        )


def _record(
    request: Request, conn: Conn, user: User, action: AuditAction, number: int, name: str
) -> None:
    append_audit_entry(
        conn,
        actor=user.name,
        role=user.role,
        address=client_address(request),
        action=action,
        object_=f"scenario {number}",
        detail={"name": name},
    )


@router.get("")
def list_saved_scenarios(conn: Connection, user: SignedIn) -> list[SavedScenario]:
    """List your scenarios and those shared with you whose places you see, the newest first."""
    return [_saved(row, user) for row in list_scenarios(conn, user.name)]


@router.post("", status_code=201, dependencies=_CHANGE)
def save_scenario(
    request: Request, conn: Writing, user: SignedIn, scenario: NewScenario
) -> SavedScenario:
    """Save planned cameras under a name."""
    cameras = [camera.model_dump(exclude_none=True) for camera in scenario.cameras]
    _require_in_scope(conn, user, cameras)
    name = scenario.name.strip()
    try:
        number = add_scenario(conn, user.name, name, shared=scenario.shared, cameras=cameras)
    except StoreError as error:
        raise HTTPException(409, str(error)) from error
    _record(request, conn, user, AuditAction.SCENARIO_SAVED, number, scenario.name)
    conn.commit()
    return _saved(_require_scenario(conn, number, user), user)


@router.get("/comparison")
def compare_scenarios(
    conn: Connection,
    user: SignedIn,
    settings: Deployment,
    id: Annotated[  # noqa: A002
        list[int],
        Query(min_length=1, max_length=8, description="Numbers of the scenarios to compare."),
    ],
) -> list[ScenarioComparison]:
    """Compare scenarios by the coverage that each alone would add to that of today."""
    comparisons = []
    for number in dict.fromkeys(id):
        row = _require_scenario(conn, number, user)
        gain = _gain_of(conn, row, settings)
        comparisons.append(
            ScenarioComparison(
                id=number,
                name=row["name"],
                owner=row["owner"],
                cameras=len(row["cameras"]),
                gained_m2=gain.gained_m2,
                incidents=gain.incidents,
                risk=gain.risk,
                per_camera_m2=gain.gained_m2 / len(row["cameras"]),
                grids=len(gain.grids),
            )
        )
    return comparisons


@router.get("/{number}")
def get_scenario(conn: Connection, user: SignedIn, number: ScenarioNumber) -> SavedScenario:
    """Get one scenario."""
    return _saved(_require_scenario(conn, number, user), user)


@router.put("/{number}", dependencies=_CHANGE)
def change_scenario(
    request: Request,
    conn: Writing,
    user: SignedIn,
    number: ScenarioNumber,
    scenario: ChangedScenario,
) -> SavedScenario:
    """Replace the content of a scenario; 409 if it was changed since the given version."""
    cameras = [camera.model_dump(exclude_none=True) for camera in scenario.cameras]
    _require_in_scope(conn, user, cameras)
    try:
        update_scenario(
            conn,
            number,
            user.name,
            scenario.name.strip(),
            shared=scenario.shared,
            cameras=cameras,
            version=scenario.version,
        )
    except ColumnError as error:
        raise HTTPException(404, str(error)) from error
    except StoreError as error:
        raise HTTPException(409, str(error)) from error
    _record(request, conn, user, AuditAction.SCENARIO_SAVED, number, scenario.name)
    conn.commit()
    return _saved(_require_scenario(conn, number, user), user)


@router.delete("/{number}", status_code=204, dependencies=_CHANGE)
def remove_scenario(
    request: Request, conn: Writing, user: SignedIn, number: ScenarioNumber
) -> Response:
    """Delete a scenario that you own."""
    if not delete_scenario(conn, number, user.name):
        raise HTTPException(404, f"You own no scenario {number}.")
    _record(request, conn, user, AuditAction.SCENARIO_REMOVED, number, "")
    conn.commit()
    return Response(status_code=204)


@router.get("/{number}/plan.{format}", response_class=Response, responses=FILE)
def export_plan(
    conn: Connection,
    user: SignedIn,
    settings: Deployment,
    number: ScenarioNumber,
    format: FileFormat,  # noqa: A002
) -> Response:
    """Export a scenario as a plan: each camera, its view, and what it adds to those before it."""
    plan = _plan(conn, _require_scenario(conn, number, user), settings)
    return temporary_file_response(
        f"plan-{number}.{format}",
        MEDIA_TYPES[format],
        lambda path: write_file(iter([plan]), path, "plan", format, settings.zone),
    )


def _camera_frame(cameras: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    parameters = [
        {name: value for name, value in camera.items() if name not in ("lon", "lat")}
        for camera in cameras
    ]
    points = shapely.points([(camera["lon"], camera["lat"]) for camera in cameras])
    return gpd.GeoDataFrame(pd.DataFrame(parameters), geometry=points, crs=4326)


def _gain_of(conn: Conn, row: dict[str, Any], settings: Settings) -> ScenarioGain:
    return pipeline.what_if(conn, _camera_frame(row["cameras"]), settings)


def _marginal_gains_m2(conn: Conn, gain: ScenarioGain) -> list[float]:
    """Return the area that each camera adds to the cameras before it, in square metres."""
    crs = read_metric_crs(conn, gain.run)
    remaining = gain.added.to_crs(crs).iloc[0]
    gains = []
    for view in np.asarray(gain.views.geometry.to_crs(crs).values):
        rest = shapely.difference(remaining, view)
        gains.append(round(remaining.area - rest.area, 1))
        remaining = rest
    return gains


def _plan(conn: Conn, row: dict[str, Any], settings: Settings) -> gpd.GeoDataFrame:
    cameras = _camera_frame(row["cameras"])
    gain = pipeline.what_if(conn, cameras, settings)
    for name in _PARAMETERS:
        if name not in cameras:
            cameras[name] = None
    columns = {
        "scenario": row["name"],
        "number": range(1, len(cameras) + 1),
        "kind": cameras["kind"],
        "lon": cameras.geometry.x.round(7),
        "lat": cameras.geometry.y.round(7),
        **{name: cameras[name] for name in _PARAMETERS},
        "seen_m2": gain.views["area_m2"].round(1).to_numpy(),
        "gain_m2": _marginal_gains_m2(conn, gain),
        "assumed": gain.views["assumed"].to_numpy(),
        "run": gain.run,
    }
    return gpd.GeoDataFrame(columns, geometry=cameras.geometry.values, crs=4326)
