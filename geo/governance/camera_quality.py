"""Data quality of the register of cameras: completeness, plausibility, age and place."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

from geo.crs import require_metric
from geo.frames import codes_of, days_of, numbers_of, texts_of, times_of
from geo.governance.codes import device_number
from geo.governance.findings import Aspect, FindingCode, FindingCollector
from geo.governance.hierarchy import admin_units_at
from geo.incidents.locations import point_coordinates

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

_REQUIRED = {
    "bearing_deg": FindingCode.BEARING_MISSING,
    "fov_deg": FindingCode.FIELD_OF_VIEW_MISSING,
    "range_m": FindingCode.RANGE_MISSING,
    "height_m": FindingCode.HEIGHT_MISSING,
    "pixels_wide": FindingCode.RESOLUTION_MISSING,
    "owner": FindingCode.OWNER_MISSING,
    "installed_on": FindingCode.INSTALLATION_DATE_MISSING,
}
_CHOICES = {
    "status": FindingCode.STATUS_UNKNOWN,
    "kind": FindingCode.KIND_UNKNOWN,
    "point_class": FindingCode.POINT_CLASS_UNKNOWN,
}
_OMNIDIRECTIONAL = ("ptz", "panoramic")
_SAME_PLACE_M = 0.5
_SAME_BEARING_DEG = 5.0
_MAX_RANGE_KM = 2.0
_MAX_MOUNTING_HEIGHT_M = 100.0
_MAX_FIXED_FOV_DEG = 180.0


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
    """Return the data-quality findings of the register of cameras.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        Points in a metric CRS, indexed by code, with the columns of the register as far as known.
        Retired cameras are left out.
    grids : geopandas.GeoDataFrame
        Polygons in the same CRS, indexed by code, with `community`.
    areas : geopandas.GeoDataFrame
        Administrative areas, as for `assign_admin_units`.
    today : datetime.date
        Date on which age is measured.
    status_since : pandas.Series, optional
        Time of the last status report of each camera, timezone-aware, by code. Without it, the age
        of the status is not checked.
    old_years : float, optional
        Age in years from which a camera is old.
    silent_days : float, optional
        Days after which a status that was not reported again is out of date.

    Returns
    -------
    pandas.DataFrame
        One row per finding, ordered by code: `code` of the camera, `aspect` (``complete``,
        ``plausible``, ``up_to_date``, ``in_place``), `finding` (a `FindingCode`, some with a
        parameter), `detail` and `owner` ("" unknown).

    Raises
    ------
    CrsError
        If the CRS differ or are not metric.
    GeometryError
        If a camera is not a point.
    ColumnError
        If codes are repeated, or a value has the wrong type.

    Notes
    -----
    A camera that turns or is omnidirectional needs no bearing. Two cameras at one point (within
    half a metre) are reported if they also look the same way: back to back on one pole is usual.
    Device numbers are checked against GB/T 28181 (`device_number`).

    Examples
    --------
    >>> import datetime as dt, geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame({"community": ["c"]}, geometry=[shapely.box(0, 0, 99, 99)],
    ...     index=["g"], crs=32650)
    >>> areas = gpd.GeoDataFrame({"name": ["C"], "level": ["community"], "parent": [None]},
    ...     index=["c"], geometry=[None])
    >>> cameras = gpd.GeoDataFrame({"kind": ["ptz"], "status": ["working"], "range_m": [2500.0]},
    ...     geometry=[shapely.Point(5, 5)], index=["k"], crs=32650)
    >>> findings = geo.camera_findings(cameras, grids, areas, today=dt.date(2026, 11, 1))
    >>> plausible = findings[findings["aspect"] == "plausible"]
    >>> plausible[["code", "finding", "detail"]].values.tolist()
    [['k', 'range_above_km/2', '2500.0']]
    """
    require_metric(grids, located=cameras)
    codes_of(cameras, "cameras")
    status = texts_of(cameras, "status")
    used = cameras[(status != "retired").to_numpy()]
    findings = FindingCollector(used)
    _check_complete(used, findings)
    _check_plausible(used, grids, findings)
    _check_age(used, findings, _AgeLimits(today, old_years, silent_days), status_since)
    _check_community(used, grids, areas, findings)
    _check_same_place(used, findings)
    return findings.table()


@dataclass(frozen=True)
class _AgeLimits:
    today: dt.date
    old_years: float
    silent_days: float


def _check_complete(used: GeoDataFrame, findings: FindingCollector) -> None:
    directed = ~texts_of(used, "kind").isin(_OMNIDIRECTIONAL).to_numpy()
    for column, code in _REQUIRED.items():
        missing = texts_of(used, column).isna().to_numpy()
        if column in ("bearing_deg", "fov_deg"):
            missing = missing & directed
        findings.add(missing, Aspect.COMPLETE, code)
    for column, code in _CHOICES.items():
        text = texts_of(used, column)
        findings.add((text.isna() | text.eq("unknown")).to_numpy(), Aspect.COMPLETE, code)
    unknown = texts_of(used, "network").isna().to_numpy()
    findings.add(unknown, Aspect.COMPLETE, FindingCode.NETWORK_UNKNOWN)


def _check_plausible(used: GeoDataFrame, grids: GeoDataFrame, findings: FindingCollector) -> None:
    range_m, near, height, fov = (
        pd.Series(numbers_of(used, name), used.index)
        for name in ("range_m", "near_m", "height_m", "fov_deg")
    )
    fixed = texts_of(used, "kind").eq("fixed")
    plausible = Aspect.PLAUSIBLE
    findings.add(
        range_m > _MAX_RANGE_KM * 1000.0,
        plausible,
        FindingCode.RANGE_ABOVE_KM,
        parameter=_MAX_RANGE_KM,
        detail=range_m,
    )
    findings.add(near >= range_m, plausible, FindingCode.NEAR_EDGE_BEYOND_RANGE, detail=near)
    findings.add(
        height > _MAX_MOUNTING_HEIGHT_M,
        plausible,
        FindingCode.MOUNTING_HEIGHT_ABOVE_M,
        parameter=_MAX_MOUNTING_HEIGHT_M,
        detail=height,
    )
    findings.add(
        fixed & (fov > _MAX_FIXED_FOV_DEG),
        plausible,
        FindingCode.FIXED_FIELD_OF_VIEW_ABOVE_DEG,
        parameter=_MAX_FIXED_FOV_DEG,
        detail=fov,
    )
    districts = {code[:6] for code in codes_of(grids, "grids")}
    problems = pd.Series(
        [_device_problem(code, districts) for code in findings.codes], used.index, dtype=object
    )
    findings.add(problems != "", plausible, FindingCode.DEVICE_NUMBER_INVALID, detail=problems)


def _device_problem(code: str, districts: set[str]) -> str:
    number = device_number(code)
    if number is None:
        return ""
    # A district that made up its own codes has made up those of its cameras, too.
    return number.type_problem if number.district in districts else number.problem


def _check_age(
    used: GeoDataFrame,
    findings: FindingCollector,
    limits: _AgeLimits,
    status_since: Series | None,
) -> None:
    today = pd.Timestamp(limits.today)
    newest, upgraded = days_of(used, "installed_on"), days_of(used, "upgraded_on")
    newest = newest.where(~(upgraded > newest), upgraded)
    age_years = (today - newest).dt.days / 365.25
    findings.add(
        age_years > limits.old_years,
        Aspect.UP_TO_DATE,
        FindingCode.AGE_ABOVE_YEARS,
        parameter=limits.old_years,
        detail=newest.dt.date,
    )
    retired = days_of(used, "retired_on")
    findings.add(
        retired <= today,
        Aspect.UP_TO_DATE,
        FindingCode.RETIRED_BUT_IN_USE,
        detail=retired.dt.date,
    )
    if status_since is None:
        return
    codes_of(status_since, "times of the status")
    last = status_since.reindex(used.index).to_frame("status_since")
    reported = times_of(last, "status_since").dt.tz_localize(None)
    findings.add(
        (today - reported).dt.days > limits.silent_days,
        Aspect.UP_TO_DATE,
        FindingCode.STATUS_OLDER_THAN_DAYS,
        parameter=limits.silent_days,
        detail=reported.dt.date,
    )


def _check_community(
    used: GeoDataFrame, grids: GeoDataFrame, areas: GeoDataFrame, findings: FindingCollector
) -> None:
    units = admin_units_at(grids, areas, used)
    findings.add(units["grid"] == "", Aspect.IN_PLACE, FindingCode.OUTSIDE_EVERY_GRID)
    actual = units["community"].to_numpy(object)
    stated = texts_of(used, "community").fillna("").astype(str).to_numpy(dtype=object)
    # Registers state a community by code or by name.
    names = dict(zip(codes_of(areas, "areas"), texts_of(areas, "name"), strict=True))
    actual_name = np.array([names.get(code) or "" for code in actual], dtype=object)
    differs = (stated != "") & (actual != "") & (stated != actual) & (stated != actual_name)
    detail = pd.Series(
        [f"states {a}, lies in {b}" for a, b in zip(stated, actual, strict=True)], used.index
    )
    code = FindingCode.OUTSIDE_STATED_COMMUNITY
    findings.add(differs, Aspect.IN_PLACE, code, detail=detail)


def _check_same_place(used: GeoDataFrame, findings: FindingCollector) -> None:
    x, y = point_coordinates(used)
    located = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if len(located) < 2:
        return
    tree = KDTree(np.column_stack([x, y])[located])
    pairs = located[tree.query_pairs(_SAME_PLACE_M, output_type="ndarray").reshape(-1, 2)]
    same = pairs[~(_angle_between(numbers_of(used, "bearing_deg"), pairs) > _SAME_BEARING_DEG)]
    twin = np.full(len(used), -1)
    twin[same[:, 1]] = same[:, 0]
    twin[same[:, 0]] = same[:, 1]
    partner = pd.Series(np.where(twin >= 0, findings.codes[twin], ""), used.index)
    code = FindingCode.SAME_PLACE_AS_ANOTHER_CAMERA
    findings.add(twin >= 0, Aspect.IN_PLACE, code, detail=partner)


def _angle_between(
    bearing_deg: NDArray[np.float64], pairs: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the angle between the bearings of each pair, 0 to 180 degrees; NaN where unknown."""
    difference = bearing_deg[pairs[:, 0]] - bearing_deg[pairs[:, 1]]
    return np.abs((difference + 180.0) % 360.0 - 180.0)
