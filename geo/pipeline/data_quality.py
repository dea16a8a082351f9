"""Findings and targets of the registers of a store."""

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
"""Registers that are checked."""


@dataclass(frozen=True)
class Registers:
    """The registers of a store in one metric CRS."""

    grids: GeoDataFrame
    """Grids by code."""
    areas: GeoDataFrame
    """Administrative areas by code."""
    cameras: GeoDataFrame
    """Cameras by code."""
    places: GeoDataFrame
    """Key places by code."""
    buildings: GeoDataFrame
    """Buildings by code."""
    incidents: GeoDataFrame
    """Incidents with `source` and `source_id`."""
    staff: DataFrame
    """Grid staff: `grid`, `role`, `name`."""
    targets: DataFrame
    """Result of `key_place_targets` with the coverage of the newest quality run."""

    def place(self, layer: str) -> tuple[DataFrame, GeoDataFrame]:
        """Return the areas of every level of each row of a register, and a point in each row.

        Parameters
        ----------
        layer : str
            One of `LAYERS`.

        Returns
        -------
        tuple of pandas.DataFrame and geopandas.GeoDataFrame
            Result of `assign_admin_units` or `admin_units_at`, and the rows with point geometry.
        """
        frames = {
            "grids": self.grids,
            "cameras": self.cameras,
            "key-places": self.places,
            "incidents": self.incidents,
            "buildings": self.buildings,
        }
        points = frames[layer]
        if layer in ("grids", "key-places", "buildings"):
            points = points.set_geometry(points.geometry.representative_point())
        if layer == "grids":
            return assign_admin_units(self.grids, self.areas), points
        return admin_units_at(self.grids, self.areas, points), points


def read_registers(conn: Conn, settings: Settings) -> Registers:
    """Read the registers that are checked.

    Parameters
    ----------
    conn : psycopg.Connection
        Reading connection.
    settings : Settings
        Settings of the deployment.

    Returns
    -------
    Registers
        All rows, in the metric CRS of the settings or of the grids.

    Raises
    ------
    StoreError
        If there are no grids.
    """
    grids, areas = read_layer(conn, "grids"), read_layer(conn, "areas")
    if grids.empty:
        raise StoreError("there are no grids; import them with `gridcover import grids FILE`")
    crs = pyproj.CRS(settings.metric_crs) if settings.metric_crs else metric_crs(grids)
    places = read_layer(conn, "key-places").to_crs(crs)
    share = seen_share(read_area_quality(conn, "key-places"), places.index)
    return Registers(
        grids=grids.to_crs(crs),
        areas=areas,
        cameras=read_layer(conn, "cameras").to_crs(crs),
        places=places,
        buildings=read_layer(conn, "buildings").to_crs(crs),
        incidents=read_layer(conn, "incidents").to_crs(crs),
        staff=pd.DataFrame(read_grid_staff(conn), columns=["grid", "role", "name"]),
        targets=key_place_targets(places, share),
    )


def seen_share(quality: DataFrame, codes: pd.Index) -> pd.Series:
    """Return the share of the open ground of areas that any camera sees by day.

    Parameters
    ----------
    quality : pandas.DataFrame
        Result of `read_area_quality`.
    codes : pandas.Index
        Codes of the areas.

    Returns
    -------
    pandas.Series
        Share from 0 to 1 on `codes`; NaN where unknown.
    """
    seen = {
        code: shares.get("all", {}).get("day", {}).get("seen")
        for code, shares in quality["shares"].items()
    }
    return pd.Series([seen.get(code) for code in codes], codes, dtype=float)


def findings_of(
    registers: Registers, status_since: pd.Series | None, today: dt.date
) -> dict[str, DataFrame]:
    """Return the data-quality findings and the shortfalls to the targets of each register.

    Parameters
    ----------
    registers : Registers
        Result of `read_registers`.
    status_since : pandas.Series or None
        Time of the last status report of each camera, by code; None to skip this check.
    today : datetime.date
        Date on which age is measured.

    Returns
    -------
    dict of str to pandas.DataFrame
        Findings by layer, as `camera_findings` returns them.
    """
    cameras, grids, areas = registers.cameras, registers.grids, registers.areas
    since = None if status_since is None else status_since.reindex(cameras.index)
    parts = {
        "cameras": [
            camera_findings(cameras, grids, areas, today=today, status_since=since),
            camera_shortfalls(cameras),
        ],
        "grids": [grid_findings(grids, areas, registers.staff)],
        "key-places": [
            key_place_findings(registers.places, grids),
            key_place_shortfalls(registers.targets),
        ],
        "incidents": [incident_findings(registers.incidents, grids)],
        "buildings": [building_findings(registers.buildings)],
    }
    return {layer: pd.concat(tables, ignore_index=True) for layer, tables in parts.items()}


def check_registers(conn: Conn, settings: Settings) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Check the registers of a store and compare them with the targets.

    Parameters
    ----------
    conn : psycopg.Connection
        Open connection to a migrated database; nothing is written.
    settings : Settings
        Settings of the deployment.

    Returns
    -------
    tuple of pandas.DataFrame
        Findings of all layers (`layer` before the columns of `camera_findings`); the result of
        `camera_targets`; and that of `key_place_targets` with the coverage of the newest quality
        run (missing before one).

    Raises
    ------
    StoreError
        If there are no grids.
    """
    registers = read_registers(conn, settings)
    today = dt.datetime.now(settings.zone).date()
    tables = findings_of(registers, read_last_status_reports(conn), today)
    findings = pd.concat([t.assign(layer=n) for n, t in tables.items()], ignore_index=True)
    columns = ["layer", *(name for name in findings.columns if name != "layer")]
    return (
        findings[columns],
        camera_targets(registers.grids, registers.areas, registers.cameras),
        registers.targets,
    )
