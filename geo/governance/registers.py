"""What is wrong with a register: incomplete, implausible, out of date, out of place; and whose it is."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from geo.crs import require_metric
from geo.governance.codes import device_number
from geo.governance.levels import levels_at, levels_of
from geo.incidents.density import grid_of, point_coordinates

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

COLUMNS = ("code", "aspect", "finding", "detail", "owner")
"""Columns of a table of findings; `aspect` is complete, plausible, up_to_date or in_place."""
_NEEDED = {
    "bearing_deg": "bearing missing",
    "fov_deg": "field of view missing",
    "range_m": "range missing",
    "height_m": "height missing",
    "pixels_wide": "resolution missing",
    "owner": "owner missing",
    "installed_on": "installation date missing",
}
_ALL_ROUND = ("ptz", "panoramic")
_SAME_PLACE_M = 0.5


def camera_findings(
    cameras: GeoDataFrame,
    grids: GeoDataFrame,
    areas: GeoDataFrame,
    *,
    today: dt.date,
    status_since: Series | None = None,
    old_years: float = 10.0,
    silent_days: float = 365.0,
) -> DataFrame:
    """What is wrong with the register of cameras.

    Parameters
    ----------
    cameras : points, metric CRS, indexed by code, with the columns of the register as far as they
        are known. Retired ones are left out.
    grids, areas : as for `levels_of`; grids in the same CRS.
    today : the day it is.
    status_since : when each camera's status was last told, timezone-aware, on the index of
        `cameras`; not looked at unless given.
    old_years : from this age on a camera is told as old.
    silent_days : a status not told anew for longer is told as out of date.

    Returns
    -------
    One row a finding: `code` of the camera, `aspect` (``complete``, ``plausible``,
    ``up_to_date``, ``in_place``), `finding`, `detail`, `owner` ("" unknown); ordered by code.

    Raises
    ------
    CrsError, GeometryError : as `grid_of`.

    Notes
    -----
    A camera that turns or sees all round needs no bearing. Two cameras at one point (within half
    a metre) are told where they also look the same way: back to back on one pole is no mistake.
    """
    require_metric(cameras, grids)
    status = _column(cameras, "status")
    used = cameras[(status != "retired").to_numpy()]
    found = _Findings(used)
    for column, words in _NEEDED.items():
        empty = _column(used, column).isna().to_numpy()
        if column in ("bearing_deg", "fov_deg"):
            empty = empty & ~_column(used, "kind").isin(_ALL_ROUND).to_numpy()
        found.add(empty, "complete", words)
    for column, words in (("status", "status unknown"), ("kind", "kind unknown"),
                          ("point_class", "point class unknown")):  # fmt: skip
        text = _column(used, column)
        found.add((text.isna() | text.eq("unknown")).to_numpy(), "complete", words)
    found.add(_column(used, "network").isna().to_numpy(), "complete", "networked or not unknown")
    _plausible(used, grids, found)
    _up_to_date(used, found, today, status_since, old_years, silent_days)
    _in_place(used, grids, areas, found)
    return found.table()


def grid_findings(grids: GeoDataFrame, areas: GeoDataFrame, staff: DataFrame) -> DataFrame:
    """What is wrong with the register of grids: no head, no community, no people known.

    Parameters
    ----------
    grids, areas : as for `levels_of`.
    staff : `grid` and `role` (see the table `grid_staff`).

    Returns
    -------
    As `camera_findings`; the owner is the community's code.
    """
    place = levels_of(grids, areas)
    frame = grids.assign(owner=place["community"])
    found = _Findings(frame)
    codes = grids.index.astype(str)
    headed = set(staff.loc[staff["role"].eq("head"), "grid"].astype(str))
    staffed = set(staff["grid"].astype(str))
    found.add(~codes.isin(headed), "complete", "no head")
    found.add(~codes.isin(staffed), "complete", "no staff at all")
    found.add(place["community"].eq("").to_numpy(), "complete", "no community")
    found.add(_column(grids, "population").isna().to_numpy(), "complete", "population unknown")
    return found.table()


def incident_findings(incidents: GeoDataFrame, grids: GeoDataFrame) -> DataFrame:
    """What is wrong with the register of incidents.

    Parameters
    ----------
    incidents : points or none, metric CRS, with the columns of the register; `source` is the owner.
    grids : polygons, same CRS.

    Returns
    -------
    As `camera_findings`; `code` is the source's number.
    """
    require_metric(incidents, grids)
    frame = incidents.set_index(incidents["source_id"].astype(str)).assign(
        owner=incidents["source"].to_numpy()
    )
    found = _Findings(frame)
    position = grid_of(grids, incidents)
    placed = ~np.asarray(shapely.is_missing(np.asarray(incidents.geometry.values)))
    found.add(placed & (position < 0), "in_place", "outside every grid")
    found.add(~placed & (position < 0), "complete", "neither place nor known grid")
    category = _column(incidents, "category")
    found.add((category.isna() | category.eq("other")).to_numpy(), "complete", "no category")
    for early, late, words in (
        ("reported_at", "accepted_at", "accepted before it was reported"),
        ("reported_at", "closed_at", "closed before it was reported"),
    ):
        first = pd.to_datetime(_column(incidents, early), utc=True)
        second = pd.to_datetime(_column(incidents, late), utc=True)
        found.add((second < first).to_numpy(), "plausible", words)
    return found.table()


def key_place_findings(places: GeoDataFrame, grids: GeoDataFrame) -> DataFrame:
    """What is wrong with the register of key places.

    Parameters
    ----------
    places : polygons, metric CRS, with `kind` (the owner) and `required_share`.
    grids : polygons, same CRS.

    Returns
    -------
    As `camera_findings`.
    """
    require_metric(places, grids)
    found = _Findings(places.assign(owner=places["kind"]))
    shapes = np.asarray(places.geometry.values)
    inside = np.zeros(len(places), bool)
    inside[shapely.STRtree(np.asarray(grids.geometry.values)).query(shapes, "intersects")[0]] = True
    found.add(~inside, "in_place", "outside every grid")
    found.add(shapely.area(shapes) < 20.0, "plausible", "smaller than 20 m²")
    found.add(shapely.area(shapes) > 5e6, "plausible", "larger than 5 km²")
    found.add(places["required_share"].eq(0).to_numpy(), "plausible", "no coverage required")
    return found.table()


def building_findings(buildings: GeoDataFrame) -> DataFrame:
    """What is wrong with the register of buildings: each of unknown height hides all behind it.

    Parameters
    ----------
    buildings : polygons, metric CRS, with `height_m`.

    Returns
    -------
    As `camera_findings`, without owners.
    """
    require_metric(buildings)
    height = pd.to_numeric(buildings["height_m"]).astype(float)
    found = _Findings(buildings)
    found.add(height.isna().to_numpy(), "complete", "height missing")
    found.add((height > 400).to_numpy(), "plausible", "higher than 400 m", height)
    area = shapely.area(np.asarray(buildings.geometry.values))
    found.add(area < 4.0, "plausible", "smaller than 4 m²")
    return found.table()


def findings_by_owner(findings: DataFrame) -> DataFrame:
    """The to-do list of each owner: how many rows of each finding, most first.

    Parameters
    ----------
    findings : from one of the functions here.

    Returns
    -------
    Columns `owner`, `aspect`, `finding`, `rows`.
    """
    counts = findings.groupby(["owner", "aspect", "finding"]).size().rename("rows").reset_index()
    return counts.sort_values(
        ["owner", "rows", "finding"], ascending=[True, False, True], ignore_index=True
    )


class _Findings:
    """Findings as they come, by position in the register."""

    def __init__(self, frame: DataFrame) -> None:
        self.codes = frame.index.astype(str).to_numpy(dtype=object)
        self.owners = _column(frame, "owner").fillna("").to_numpy(dtype=object)
        self.parts: list[DataFrame] = []

    def add(
        self, which: NDArray[np.bool_], aspect: str, finding: str, detail: Series | None = None
    ) -> None:
        rows = np.flatnonzero(np.asarray(which, bool))
        if len(rows):
            told = "" if detail is None else detail.astype(str).to_numpy()[rows]
            self.parts.append(
                pd.DataFrame(
                    {"code": self.codes[rows], "aspect": aspect, "finding": finding,
                     "detail": told, "owner": self.owners[rows]}
                )
            )  # fmt: skip

    def table(self) -> DataFrame:
        if not self.parts:
            return pd.DataFrame(columns=list(COLUMNS))
        out = pd.concat(self.parts, ignore_index=True)
        return out.sort_values(["code"], kind="stable", ignore_index=True)


def _plausible(used: GeoDataFrame, grids: GeoDataFrame, found: _Findings) -> None:
    reach = pd.to_numeric(_column(used, "range_m"))
    near = pd.to_numeric(_column(used, "near_m"))
    height = pd.to_numeric(_column(used, "height_m"))
    fov = pd.to_numeric(_column(used, "fov_deg"))
    fixed = _column(used, "kind").eq("fixed")
    found.add((reach > 2000).to_numpy(), "plausible", "sees farther than 2 km", reach)
    found.add((near >= reach).to_numpy(), "plausible", "begins to see beyond its range", near)
    found.add((height > 100).to_numpy(), "plausible", "hangs higher than 100 m", height)
    found.add((fixed & (fov > 180)).to_numpy(), "plausible", "fixed, but wider than 180°", fov)
    # A district that made up its codes has made up those of its cameras, too.
    own = {code[:6] for code in grids.index.astype(str)}
    problems = []
    for code in found.codes:
        number = device_number(code)
        told = number.problem.split("; ") if number is not None and number.problem else []
        if number is not None and number.district in own:
            told = [problem for problem in told if "province" not in problem]
        problems.append("; ".join(told))
    words = pd.Series(problems, used.index, dtype=object)
    found.add((words != "").to_numpy(), "plausible", "device number against GB/T 28181", words)


def _up_to_date(
    used: GeoDataFrame,
    found: _Findings,
    today: dt.date,
    status_since: Series | None,
    old_years: float,
    silent_days: float,
) -> None:
    day = pd.Timestamp(today)
    newest = pd.to_datetime(_column(used, "installed_on"))
    upgraded = pd.to_datetime(_column(used, "upgraded_on"))
    newest = newest.where(~(upgraded > newest), upgraded)
    age = (day - newest).dt.days / 365.25
    found.add(
        (age > old_years).to_numpy(),
        "up_to_date",
        f"older than {old_years:g} years",
        newest.dt.date,
    )
    retired = pd.to_datetime(_column(used, "retired_on"))
    found.add(
        (retired <= day).to_numpy(),
        "up_to_date",
        "retired by date, in use by status",
        retired.dt.date,
    )
    if status_since is not None:
        told = pd.to_datetime(status_since.reindex(used.index), utc=True).dt.tz_localize(None)
        silent = (day - told).dt.days > silent_days
        found.add(
            silent.to_numpy(),
            "up_to_date",
            f"status not told for {silent_days:g} days",
            told.dt.date,
        )


def _in_place(
    used: GeoDataFrame, grids: GeoDataFrame, areas: GeoDataFrame, found: _Findings
) -> None:
    place = levels_at(grids, areas, used)
    found.add((place["grid"] == "").to_numpy(), "in_place", "outside every grid")
    stated = _column(used, "community").astype(object)
    lies = place["community"].to_numpy(object)
    # Registers state a community by code or by name.
    names = (
        dict(zip(areas.index.astype(str), areas["name"], strict=True)) if "name" in areas else {}
    )
    called = np.array([names.get(code, "") for code in lies], dtype=object)
    says = stated.fillna("").astype(str).to_numpy(dtype=object)
    other = (says != "") & (lies != "") & (says != lies) & (says != called)
    detail = pd.Series(
        [f"states {a}, lies in {b}" for a, b in zip(says, lies, strict=True)], used.index
    )
    found.add(other, "in_place", "outside its stated community", detail)
    x, y = point_coordinates(used)
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if len(there) < 2:
        return
    pairs = KDTree(np.column_stack([x, y])[there]).query_pairs(_SAME_PLACE_M, output_type="ndarray")
    pairs = there[pairs.reshape(-1, 2)]
    bearing = pd.to_numeric(_column(used, "bearing_deg")).to_numpy(float)
    apart = np.abs((bearing[pairs[:, 0]] - bearing[pairs[:, 1]] + 180.0) % 360.0 - 180.0)
    same = pairs[~(apart > 5.0)]
    twin = np.full(len(used), -1)
    twin[same[:, 1]] = same[:, 0]
    twin[same[:, 0]] = same[:, 1]
    partner = pd.Series(np.where(twin >= 0, found.codes[twin], ""), used.index)
    found.add(twin >= 0, "in_place", "two cameras at one point", partner)


def _column(frame: DataFrame, name: str) -> Series:
    """A column, or nothing but gaps where there is none."""
    if name in frame:
        column: Series = frame[name]
        return column
    return pd.Series(None, index=frame.index, dtype=object)
