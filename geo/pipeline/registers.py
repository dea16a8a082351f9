"""The state of a store's registers: findings by layer, and the targets by level."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd
import pyproj

from geo.crs import metric_crs
from geo.errors import StoreError
from geo.governance.registers import camera_findings, grid_findings, incident_findings
from geo.governance.targets import camera_targets, key_place_targets
from geo.settings import Settings
from geo.store import read
from geo.store.database import Conn

if TYPE_CHECKING:
    from pandas import DataFrame


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
    grids, areas = read.read_layer(conn, "grids"), read.read_layer(conn, "areas")
    if grids.empty:
        raise StoreError("there are no grids; import them with `gridcover import grids FILE`")
    crs = pyproj.CRS(settings.metric_crs) if settings.metric_crs else metric_crs(grids)
    grids = grids.to_crs(crs)
    cameras = read.read_layer(conn, "cameras").to_crs(crs)
    staff = pd.DataFrame(read.grid_staff(conn), columns=["grid", "role", "name"])
    today = dt.datetime.now(settings.zone).date()
    tables = {
        "cameras": camera_findings(cameras, grids, areas, today=today),
        "grids": grid_findings(grids, areas, staff),
        "incidents": incident_findings(read.read_layer(conn, "incidents").to_crs(crs), grids),
    }
    findings = pd.concat([t.assign(layer=n) for n, t in tables.items()], ignore_index=True)
    columns = ["layer", *(c for c in findings.columns if c != "layer")]
    places = read.read_layer(conn, "key-places")
    quality = read.area_quality(conn, "key-places")
    seen = {
        code: shares.get("all", {}).get("day", {}).get("seen")
        for code, shares in quality["shares"].items()
    }
    share = pd.Series([seen.get(code) for code in places.index], places.index, dtype=float)
    return (
        findings[columns],
        camera_targets(grids, areas, cameras),
        key_place_targets(places, share),
    )
