"""Saved scenarios: stored, shared, compared and exported as a plan."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Annotated, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from geo import pipeline
from geo.errors import ColumnError, StoreError
from geo.export import write_file
from geo.pipeline import Gain
from geo.settings import Settings
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
from service.api.exports import TYPES, Form
from service.api.planning import PlacedCamera, Scenario, exact
from service.auth.sessions import SignedIn, client_address
from service.dependencies import Connection, Deployment, Writing
from service.policy import AuditRule, SecuredRoute, allow

router = APIRouter(
    prefix="/api/v1/scenarios", tags=["scenarios"],
    dependencies=[allow("coverage"), Depends(exact)], route_class=SecuredRoute,
)  # fmt: skip
_CHANGES = [allow("coverage", scopes=(SCENARIOS,), audit=AuditRule.ROUTE)]
Number = Annotated[int, InPath(ge=1, le=2**62, description="of the scenario")]
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "the plan, as a file", "content": {name: {} for name in TYPES.values()}}
}


class NewScenario(Scenario):
    """Cameras under a name."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")]
    shared: bool = Field(
        default=False, description="whether all who see the place may open it, not its owner alone"
    )


class ChangedScenario(NewScenario):
    """Other contents for a scenario, in place of those of a version."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


class SavedScenario(BaseModel):
    """A scenario that is kept."""

    id: int
    name: str
    owner: str
    mine: bool
    shared: bool
    cameras: list[PlacedCamera]
    version: int
    created_at: dt.datetime
    changed_at: dt.datetime


class Compared(BaseModel):
    """What one scenario would add."""

    model_config = ConfigDict(extra="forbid")

    id: int
    name: str
    owner: str
    cameras: int
    gained_m2: float = Field(description="ground that no camera of yours sees today")
    incidents: int = Field(description="on that ground, of all on record with a place")
    risk: float = Field(description="incidents expected there a year")
    per_camera_m2: float
    grids: int = Field(description="grids that gain")


def _kept(row: dict[str, Any], user: User) -> SavedScenario:
    return SavedScenario(**row, mine=row["owner"] == user.name)


def _one(conn: Conn, number: int, user: User) -> dict[str, Any]:
    found = find_scenario(conn, number, user.name)
    if found is None:
        raise HTTPException(404, f"There is no scenario {number} that you may see.")
    return found


def _inside(conn: Conn, user: User, cameras: list[dict[str, Any]]) -> None:
    set_scope(conn, user.areas)
    away = cameras_outside_scope(conn, cameras)
    if away:
        raise HTTPException(
            422, f"Camera {', '.join(map(str, away))} stands outside your areas; move it or leave it out."
        )  # fmt: skip


def _note(request: Request, conn: Conn, user: User, action: str, number: int, name: str) -> None:
    append_audit_entry(
        conn, actor=user.name, role=user.role, address=client_address(request), action=action,
        object_=f"scenario {number}", detail={"name": name},
    )  # fmt: skip


@router.get("")
def listed(conn: Connection, user: SignedIn) -> list[SavedScenario]:
    """Your scenarios and those shared with you, as far as you see their places; newest first."""
    return [_kept(row, user) for row in list_scenarios(conn, user.name)]


@router.post("", status_code=201, dependencies=_CHANGES)
def save(request: Request, conn: Writing, user: SignedIn, scenario: NewScenario) -> SavedScenario:
    """Keep cameras under a name."""
    cameras = [c.model_dump(exclude_none=True) for c in scenario.cameras]
    _inside(conn, user, cameras)
    try:
        number = add_scenario(
            conn, user.name, scenario.name.strip(), shared=scenario.shared, cameras=cameras
        )
    except StoreError as error:
        raise HTTPException(409, str(error)) from error
    _note(request, conn, user, "scenario saved", number, scenario.name)
    conn.commit()
    return _kept(_one(conn, number, user), user)


@router.get("/compared")
def compared(
    conn: Connection,
    user: SignedIn,
    settings: Deployment,
    id: Annotated[list[int], Query(min_length=1, max_length=8)],  # noqa: A002
) -> list[Compared]:
    """What each of some scenarios would add, each on its own to what stands today."""
    out = []
    for number in dict.fromkeys(id):
        row = _one(conn, number, user)
        gain = _gain(conn, row, settings)
        out.append(
            Compared(
                id=number, name=row["name"], owner=row["owner"], cameras=len(row["cameras"]),
                gained_m2=gain.gained_m2, incidents=gain.incidents, risk=gain.risk,
                per_camera_m2=gain.gained_m2 / len(row["cameras"]), grids=len(gain.grids),
            )
        )  # fmt: skip
    return out


@router.get("/{number}")
def opened(conn: Connection, user: SignedIn, number: Number) -> SavedScenario:
    """One scenario."""
    return _kept(_one(conn, number, user), user)


@router.put("/{number}", dependencies=_CHANGES)
def change(
    request: Request, conn: Writing, user: SignedIn, number: Number, scenario: ChangedScenario
) -> SavedScenario:
    """Put other contents in place of a version; 409 where it was changed meanwhile."""
    cameras = [c.model_dump(exclude_none=True) for c in scenario.cameras]
    _inside(conn, user, cameras)
    try:
        update_scenario(
            conn, number, user.name, scenario.name.strip(), shared=scenario.shared, cameras=cameras,
            version=scenario.version,
        )  # fmt: skip
    except ColumnError as error:
        raise HTTPException(404, str(error)) from error
    except StoreError as error:
        raise HTTPException(409, str(error)) from error
    _note(request, conn, user, "scenario saved", number, scenario.name)
    conn.commit()
    return _kept(_one(conn, number, user), user)


@router.delete("/{number}", status_code=204, dependencies=_CHANGES)
def remove(request: Request, conn: Writing, user: SignedIn, number: Number) -> Response:
    """Forget a scenario of yours."""
    if not delete_scenario(conn, number, user.name):
        raise HTTPException(404, f"You own no scenario {number}.")
    _note(request, conn, user, "scenario removed", number, "")
    conn.commit()
    return Response(status_code=204)


@router.get("/{number}/plan.{form}", response_class=Response, responses=_ANSWERS)
def plan(
    conn: Connection, user: SignedIn, settings: Deployment, number: Number, form: Form
) -> Response:
    """The plan to hand in: each camera, what it would see, and what it adds to those before it."""
    row = _one(conn, number, user)
    frame = _plan(conn, row, settings)
    folder = tempfile.TemporaryDirectory(prefix="gridcover-plan-")
    path = Path(folder.name) / f"plan-{number}.{form}"
    try:
        write_file(iter([frame]), path, "plan", form, settings.zone)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path, media_type=TYPES[form], background=BackgroundTask(folder.cleanup),
        headers={"Content-Disposition": f'attachment; filename="plan-{number}.{form}"'},
    )  # fmt: skip


def _frame(cameras: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    given = pd.DataFrame([{k: v for k, v in c.items() if k not in ("lon", "lat")} for c in cameras])
    return gpd.GeoDataFrame(
        given, geometry=shapely.points([(c["lon"], c["lat"]) for c in cameras]), crs=4326
    )


def _gain(conn: Conn, row: dict[str, Any], settings: Settings) -> Gain:
    return pipeline.what_if(conn, _frame(row["cameras"]), settings)


def _plan(conn: Conn, row: dict[str, Any], settings: Settings) -> gpd.GeoDataFrame:
    frame = _frame(row["cameras"])
    whole = pipeline.what_if(conn, frame, settings)
    crs = read_metric_crs(conn, whole.run)
    views = np.asarray(whole.views.geometry.to_crs(crs).values)
    left, gains = whole.added.to_crs(crs).iloc[0], []
    for shape in views:
        rest = shapely.difference(left, shape)
        gains.append(left.area - rest.area)
        left = rest
    for name in ("bearing_deg", "fov_deg", "range_m", "height_m"):
        if name not in frame:
            frame[name] = None
    return gpd.GeoDataFrame(
        {
            "scenario": row["name"], "number": range(1, len(frame) + 1), "kind": frame["kind"],
            "lon": frame.geometry.x.round(7), "lat": frame.geometry.y.round(7),
            **{name: frame[name] for name in ("bearing_deg", "fov_deg", "range_m", "height_m")},
            "seen_m2": whole.views["area_m2"].round(1).to_numpy(), "gain_m2": [round(g, 1) for g in gains],
            "assumed": whole.views["assumed"].to_numpy(), "run": whole.run,
        },
        geometry=frame.geometry.values, crs=4326,
    )  # fmt: skip
