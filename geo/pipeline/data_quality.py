"""The state of a store's registers: findings by layer, and the targets by level."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import pyproj

from geo.crs import metric_crs
from geo.errors import StoreError
from geo.governance.camera_quality import camera_findings
from geo.governance.data_quality import (
    building_findings,
    grid_findings,
    incident_findings,
    key_place_findings,
)
from geo.governance.hierarchy import admin_units_at, assign_admin_units
from geo.governance.shortfalls import camera_shortfalls, key_place_shortfalls
from geo.governance.targets import camera_targets, key_place_targets
from geo.settings import Settings
from geo.store.connection import Conn
from geo.store.queries.cameras import read_last_status_reports
from geo.store.queries.image_quality import read_area_quality
from geo.store.queries.registers import read_layer
from geo.store.queries.staff import read_grid_staff

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame

LAYERS = ("cameras", "grids", "key-places", "incidents", "buildings")
"""Registers whose state is told."""


@dataclass(frozen=True)
class Registers:
    """The registers in one metric CRS."""

    grids: GeoDataFrame
    areas: GeoDataFrame
    cameras: GeoDataFrame
    places: GeoDataFrame
    buildings: GeoDataFrame
    incidents: GeoDataFrame
    staff: DataFrame
    targets: DataFrame
    """`key_place_targets` with the coverage of the newest quality run."""

    def place(self, layer: str) -> tuple[DataFrame, GeoDataFrame]:
        """Areas of every level that each row of a register lies in, and a point in it."""
        if layer == "grids":
            frame = self.grids
            points = frame.set_geometry(frame.geometry.representative_point())
            return assign_admin_units(frame, self.areas), points
        frame = {
            "cameras": self.cameras, "key-places": self.places, "incidents": self.incidents,
            "buildings": self.buildings,
        }[layer]  # fmt: skip
        points = frame
        if layer in ("key-places", "buildings"):
            points = frame.set_geometry(frame.geometry.representative_point())
        return admin_units_at(self.grids, self.areas, points), points


def read_registers(conn: Conn, settings: Settings) -> Registers:
    """Everything the state of the registers rests on.

    Raises
    ------
    StoreError : there are no grids.
    """
    grids, areas = read_layer(conn, "grids"), read_layer(conn, "areas")
    if grids.empty:
        raise StoreError("there are no grids; import them with `gridcover import grids FILE`")
    crs = pyproj.CRS(settings.metric_crs) if settings.metric_crs else metric_crs(grids)
    grids = grids.to_crs(crs)
    places = read_layer(conn, "key-places").to_crs(crs)
    share = seen_share(read_area_quality(conn, "key-places"), places.index)
    return Registers(
        grids, areas,
        read_layer(conn, "cameras").to_crs(crs),
        places,
        read_layer(conn, "buildings").to_crs(crs),
        read_layer(conn, "incidents").to_crs(crs),
        pd.DataFrame(read_grid_staff(conn), columns=["grid", "role", "name"]),
        key_place_targets(places, share),
    )  # fmt: skip


def seen_share(quality: DataFrame, codes: pd.Index) -> pd.Series:
    """Share of the open ground that any camera sees by day, of the stored quality of some places."""
    seen = {
        code: shares.get("all", {}).get("day", {}).get("seen")
        for code, shares in quality["shares"].items()
    }
    return pd.Series([seen.get(code) for code in codes], codes, dtype=float)


def findings_of(found: Registers, heard: pd.Series | None, today: dt.date) -> dict[str, DataFrame]:
    """What is wrong with each register, and what of it is missing to the targets, by layer.

    Parameters
    ----------
    found : from `read_registers`.
    heard : when each camera's status was last told; None: not looked at.
    today : the day it is.
    """
    cameras, grids = found.cameras, found.grids
    since = None if heard is None else heard.reindex(cameras.index)
    parts = {
        "cameras": [
            camera_findings(cameras, grids, found.areas, today=today, status_since=since),
            camera_shortfalls(cameras),
        ],
        "grids": [grid_findings(grids, found.areas, found.staff)],
        "key-places": [
            key_place_findings(found.places, grids),
            key_place_shortfalls(found.targets),
        ],
        "incidents": [incident_findings(found.incidents, grids)],
        "buildings": [building_findings(found.buildings)],
    }
    return {layer: pd.concat(tables, ignore_index=True) for layer, tables in parts.items()}


def check_registers(conn: Conn, settings: Settings) -> tuple[DataFrame, DataFrame, DataFrame]:
    """What is wrong with the registers, and how far the targets are met.

    Parameters
    ----------
    conn : an open connection to a migrated database; nothing is written.
    settings : of the deployment.

    Returns
    -------
    Findings of all layers (`layer` before the columns of `camera_findings`); `camera_targets`; and
    `key_place_targets` with the coverage of the newest quality run (missing before one).

    Raises
    ------
    StoreError : there are no grids.
    """
    found = read_registers(conn, settings)
    today = dt.datetime.now(settings.zone).date()
    tables = findings_of(found, read_last_status_reports(conn), today)
    findings = pd.concat([t.assign(layer=n) for n, t in tables.items()], ignore_index=True)
    columns = ["layer", *(c for c in findings.columns if c != "layer")]
    return (
        findings[columns],
        camera_targets(found.grids, found.areas, found.cameras),
        found.targets,
    )
