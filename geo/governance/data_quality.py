"""What is wrong with a register: incomplete, implausible, out of date, out of place; and whose it is."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from geo.crs import require_metric
from geo.frames import codes_of, days_of, numbers_of, required_column, texts_of, times_of
from geo.geometry.shapes import areas_of, points_of
from geo.governance.codes import device_number
from geo.governance.hierarchy import admin_units_at, assign_admin_units
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
    grids, areas : as for `assign_admin_units`; grids in the same CRS.
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
    require_metric(grids, located=cameras)
    codes_of(cameras, "cameras")
    status = texts_of(cameras, "status")
    used = cameras[(status != "retired").to_numpy()]
    found = _Findings(used)
    for column, words in _NEEDED.items():
        empty = texts_of(used, column).isna().to_numpy()
        if column in ("bearing_deg", "fov_deg"):
            empty = empty & ~texts_of(used, "kind").isin(_ALL_ROUND).to_numpy()
        found.add(empty, "complete", words)
    for column, words in (("status", "status unknown"), ("kind", "kind unknown"),
                          ("point_class", "point class unknown")):  # fmt: skip
        text = texts_of(used, column)
        found.add((text.isna() | text.eq("unknown")).to_numpy(), "complete", words)
    found.add(texts_of(used, "network").isna().to_numpy(), "complete", "networked or not unknown")
    _plausible(used, grids, found)
    _up_to_date(used, found, today, status_since, old_years, silent_days)
    _in_place(used, grids, areas, found)
    return found.table()


def grid_findings(grids: GeoDataFrame, areas: GeoDataFrame, staff: DataFrame) -> DataFrame:
    """What is wrong with the register of grids: no head, no community, no people known.

    Parameters
    ----------
    grids, areas : as for `assign_admin_units`.
    staff : `grid` and `role` (see the table `grid_staff`).

    Returns
    -------
    As `camera_findings`; the owner is the community's code.
    """
    place = assign_admin_units(grids, areas)
    for name in ("grid", "role"):
        required_column(staff, name, "the staff")
    frame = grids.assign(owner=place["community"])
    found = _Findings(frame)
    codes = pd.Index(codes_of(grids, "grids"))
    role, of = texts_of(staff, "role").to_numpy(), texts_of(staff, "grid").to_numpy()
    headed = {str(grid) for grid, part in zip(of, role, strict=True) if part == "head"}
    staffed = {str(grid) for grid in of}
    found.add(~codes.isin(headed), "complete", "no head")
    found.add(~codes.isin(staffed), "complete", "no staff at all")
    found.add(place["community"].eq("").to_numpy(), "complete", "no community")
    found.add(texts_of(grids, "population").isna().to_numpy(), "complete", "population unknown")
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
    require_metric(grids, located=incidents)
    for name in ("source", "source_id"):
        required_column(incidents, name, "the incidents")
    number = texts_of(incidents, "source_id").fillna("").astype(str)
    frame = pd.DataFrame(
        {"owner": texts_of(incidents, "source").to_numpy()}, index=pd.Index(number, dtype=object)
    )
    found = _Findings(frame)
    position = grid_of(grids, incidents)
    placed = ~np.asarray(shapely.is_missing(points_of(incidents, "incidents", missing=True)))
    found.add(placed & (position < 0), "in_place", "outside every grid")
    found.add(~placed & (position < 0), "complete", "neither place nor known grid")
    category = texts_of(incidents, "category")
    found.add((category.isna() | category.eq("other")).to_numpy(), "complete", "no category")
    for early, late, words in (
        ("reported_at", "accepted_at", "accepted before it was reported"),
        ("reported_at", "closed_at", "closed before it was reported"),
    ):
        first, second = times_of(incidents, early), times_of(incidents, late)
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
    for name in ("kind", "required_share"):
        required_column(places, name, "the key places")
    found = _Findings(places.assign(owner=places["kind"]))
    shapes, cells = areas_of(places, "key places"), areas_of(grids, "grids")
    inside = np.zeros(len(places), bool)
    inside[shapely.STRtree(cells).query(shapes, "intersects")[0]] = True
    found.add(~inside, "in_place", "outside every grid")
    found.add(shapely.area(shapes) < 20.0, "plausible", "smaller than 20 m²")
    found.add(shapely.area(shapes) > 5e6, "plausible", "larger than 5 km²")
    found.add(numbers_of(places, "required_share") == 0, "plausible", "no coverage required")
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
    required_column(buildings, "height_m", "the buildings")
    height = pd.Series(numbers_of(buildings, "height_m"), buildings.index)
    found = _Findings(buildings)
    found.add(height.isna().to_numpy(), "complete", "height missing")
    found.add((height > 400).to_numpy(), "plausible", "higher than 400 m", height)
    area = shapely.area(areas_of(buildings, "buildings"))
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
    names = ["owner", "aspect", "finding"]
    for name in names:
        required_column(findings, name, "the findings")
    plain = pd.DataFrame({name: texts_of(findings, name).to_numpy() for name in names})
    counts = plain.groupby(names).size().rename("rows").reset_index()
    return counts.sort_values(
        ["owner", "rows", "finding"], ascending=[True, False, True], ignore_index=True
    )


class _Findings:
    """Findings as they come, by position in the register."""

    def __init__(self, frame: DataFrame) -> None:
        self.codes = np.array([str(label) for label in frame.index], dtype=object)
        self.owners = texts_of(frame, "owner").fillna("").to_numpy(dtype=object)
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
    reach, near, height, fov = (
        pd.Series(numbers_of(used, name), used.index)
        for name in ("range_m", "near_m", "height_m", "fov_deg")
    )
    fixed = texts_of(used, "kind").eq("fixed")
    found.add((reach > 2000).to_numpy(), "plausible", "sees farther than 2 km", reach)
    found.add((near >= reach).to_numpy(), "plausible", "begins to see beyond its range", near)
    found.add((height > 100).to_numpy(), "plausible", "hangs higher than 100 m", height)
    found.add((fixed & (fov > 180)).to_numpy(), "plausible", "fixed, but wider than 180°", fov)
    # A district that made up its codes has made up those of its cameras, too.
    own = {code[:6] for code in codes_of(grids, "grids")}
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
    newest, upgraded = days_of(used, "installed_on"), days_of(used, "upgraded_on")
    newest = newest.where(~(upgraded > newest), upgraded)
    age = (day - newest).dt.days / 365.25
    found.add(
        (age > old_years).to_numpy(),
        "up_to_date",
        f"older than {old_years:g} years",
        newest.dt.date,
    )
    retired = days_of(used, "retired_on")
    found.add(
        (retired <= day).to_numpy(),
        "up_to_date",
        "retired by date, in use by status",
        retired.dt.date,
    )
    if status_since is not None:
        codes_of(status_since, "times of the status")
        last = status_since.reindex(used.index).to_frame("status_since")
        told = times_of(last, "status_since").dt.tz_localize(None)
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
    place = admin_units_at(grids, areas, used)
    found.add((place["grid"] == "").to_numpy(), "in_place", "outside every grid")
    stated = texts_of(used, "community")
    lies = place["community"].to_numpy(object)
    # Registers state a community by code or by name.
    names = dict(zip(codes_of(areas, "areas"), texts_of(areas, "name"), strict=True))
    called = np.array([names.get(code) or "" for code in lies], dtype=object)
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
    bearing = numbers_of(used, "bearing_deg")
    apart = np.abs((bearing[pairs[:, 0]] - bearing[pairs[:, 1]] + 180.0) % 360.0 - 180.0)
    same = pairs[~(apart > 5.0)]
    twin = np.full(len(used), -1)
    twin[same[:, 1]] = same[:, 0]
    twin[same[:, 0]] = same[:, 1]
    partner = pd.Series(np.where(twin >= 0, found.codes[twin], ""), used.index)
    found.add(twin >= 0, "in_place", "two cameras at one point", partner)
