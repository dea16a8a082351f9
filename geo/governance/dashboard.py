"""Figures of the dashboard: quotients of sums, by area of every level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.governance.findings import Aspect
from geo.governance.hierarchy import admin_units_at, assign_admin_units
from geo.governance.roll_up import sum_by_level
from geo.governance.targets import COVERED, NETWORKED, WORKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geopandas import GeoDataFrame
    from pandas import DataFrame, Series

Quotients = dict[str, tuple[str, str | None, float | None]]
"""Numerator, denominator (None for a plain sum) and target (None without one) by figure."""

ASPECTS = (Aspect.COMPLETE, Aspect.PLAUSIBLE, Aspect.UP_TO_DATE, Aspect.IN_PLACE)
"""Aspects of findings that are faults of a register."""
COLUMNS = ("level", "code", "figure", "part", "whole", "goal")


def coverage_figures(grids: GeoDataFrame, areas: GeoDataFrame, coverage: DataFrame) -> DataFrame:
    """Return population, ground seen and incidents.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids indexed by code, with `community` and `population`.
    areas : geopandas.GeoDataFrame
        Administrative areas, as for `assign_admin_units`.
    coverage : pandas.DataFrame
        On the index of `grids`: `area_m2`, `covered_m2`, `open_m2`, `open_covered_m2`,
        `twice_covered_m2` and `incidents`.

    Returns
    -------
    pandas.DataFrame
        Columns `level`, `code`, `figure`, `part`, `whole` (missing for a plain sum) and `goal`
        (missing without a target); parts and wholes of each level have exactly the same totals.
    """
    numbers = coverage.assign(
        population=pd.to_numeric(grids["population"]).astype(float), grids=1.0
    )
    sums = sum_by_level(assign_admin_units(grids, areas), numbers)
    plain = ("grids", "population", "area_m2", "incidents")
    quotients: Quotients = {name: (name, None, None) for name in plain}
    quotients |= {
        "covered": ("covered_m2", "area_m2", None),
        "open_covered": ("open_covered_m2", "open_m2", None),
        "twice_covered": ("twice_covered_m2", "area_m2", None),
    }
    return _figures(sums, quotients)


def camera_figures(grids: GeoDataFrame, areas: GeoDataFrame, cameras: GeoDataFrame) -> DataFrame:
    """Return cameras, those networked and those in working order, by point class.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids indexed by code, with `community`.
    areas : geopandas.GeoDataFrame
        Administrative areas, as for `assign_admin_units`.
    cameras : geopandas.GeoDataFrame
        Cameras in the metric CRS of the grids, as for `camera_targets`, with which these figures
        agree.

    Returns
    -------
    pandas.DataFrame
        As `coverage_figures`: `cameras`, `networked` and `working`, each also with ``/public`` and
        ``/industry``.
    """
    used = cameras[cameras["status"].ne("retired")]
    numbers: dict[str, object] = {}
    quotients: Quotients = {}
    for point_class, goal in WORKING.items():
        is_all = point_class == "all"
        mine = np.ones(len(used), bool) if is_all else used["point_class"].eq(point_class)
        end = "" if is_all else f"/{point_class}"
        network = used["network"].astype(object)
        status = used["status"].astype(object)
        numbers |= {
            f"cameras{end}": mine,
            f"networked{end}": mine & network.eq(True),
            f"networked{end} known": mine & network.notna(),
            f"working{end}": mine & status.eq("working"),
            f"working{end} known": mine & status.isin(["working", "faulty", "offline"]),
        }
        quotients |= {
            f"cameras{end}": (f"cameras{end}", None, None),
            f"networked{end}": (f"networked{end}", f"networked{end} known", NETWORKED),
            f"working{end}": (f"working{end}", f"working{end} known", goal),
        }
    table = pd.DataFrame(numbers, index=used.index).astype(float)
    return _figures(sum_by_level(admin_units_at(grids, areas, used), table), quotients)


def place_figures(
    grids: GeoDataFrame, areas: GeoDataFrame, places: GeoDataFrame, targets: DataFrame
) -> DataFrame:
    """Return the key places with the required coverage, of all and of each kind.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids indexed by code, with `community`.
    areas : geopandas.GeoDataFrame
        Administrative areas, as for `assign_admin_units`.
    places : geopandas.GeoDataFrame
        Polygons in the metric CRS of the grids; each belongs to the grid of a point on it.
    targets : pandas.DataFrame
        Result of `key_place_targets`, on the index of `places`.

    Returns
    -------
    pandas.DataFrame
        As `coverage_figures`: `key_places` and ``key_places/KIND``, and `key_places_seen`, the
        share of their ground that is seen.
    """
    points = places.set_geometry(places.geometry.representative_point())
    met, known = targets["met"].eq(True).fillna(False).astype(bool), targets["met"].notna()
    numbers: dict[str, object] = {}
    quotients: Quotients = {}
    for kind in ["", *sorted(targets["kind"].unique())]:
        mine = targets["kind"].eq(kind) if kind else known | True
        name = f"key_places/{kind}" if kind else "key_places"
        numbers |= {name: mine & met, f"{name} known": mine & known}
        quotients[name] = (name, f"{name} known", COVERED)
    area = places.area.where(targets["covered_share"].notna())
    numbers |= {"seen": area * targets["covered_share"], "ground": area}
    quotients["key_places_seen"] = ("seen", "ground", None)
    table = pd.DataFrame(numbers, index=places.index).astype(float)
    return _figures(sum_by_level(admin_units_at(grids, areas, points), table), quotients)


def staff_figures(grids: GeoDataFrame, areas: GeoDataFrame, staff: DataFrame) -> DataFrame:
    """Return the grids with a head, and the grids with any staff.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids indexed by code, with `community`.
    areas : geopandas.GeoDataFrame
        Administrative areas, as for `assign_admin_units`.
    staff : pandas.DataFrame
        Columns `grid` (code) and `role`.

    Returns
    -------
    pandas.DataFrame
        As `coverage_figures`: `headed` and `staffed`.
    """
    codes = grids.index.astype(str)
    heads = set(staff.loc[staff["role"].eq("head"), "grid"].astype(str))
    numbers = pd.DataFrame(
        {
            "headed": codes.isin(heads),
            "staffed": codes.isin(set(staff["grid"].astype(str))),
            "all": 1,
        },
        index=grids.index,
    ).astype(float)
    sums = sum_by_level(assign_admin_units(grids, areas), numbers)
    return _figures(sums, {"headed": ("headed", "all", 1.0), "staffed": ("staffed", "all", None)})


def service_request_figures(units: DataFrame, sums: DataFrame) -> DataFrame:
    """Return service requests, those closed in time, and the satisfaction of those who rated.

    Parameters
    ----------
    units : pandas.DataFrame
        Result of `assign_admin_units` or `admin_units_at`.
    sums : pandas.DataFrame
        On the same index: `received`, `due`, `closed_in_time`, `rated`, and `rating`, the sum of
        ratings from 0 to 1.

    Returns
    -------
    pandas.DataFrame
        As `coverage_figures`: `service_requests`, `service_requests_in_time` and
        `service_requests_satisfaction`.
    """
    quotients: Quotients = {
        "service_requests": ("received", None, None),
        "service_requests_in_time": ("closed_in_time", "due", None),
        "service_requests_satisfaction": ("rating", "rated", None),
    }
    return _figures(sum_by_level(units, sums.astype(float)), quotients)


def quality_figures(
    layer: str, units: DataFrame, keys: pd.Index, findings: DataFrame, columns: list[str]
) -> DataFrame:
    """Return the rows of a register without a finding, of each aspect and of all.

    Parameters
    ----------
    layer : str
        Name of the register.
    units : pandas.DataFrame
        Areas of each row, a result of `assign_admin_units` or `admin_units_at`.
    keys : pandas.Index
        Key of each row, in the order of `units`.
    findings : pandas.DataFrame
        Findings of the register, as `camera_findings` returns them.
    columns : list of str
        Columns of `findings` that make up the key.

    Returns
    -------
    pandas.DataFrame
        As `coverage_figures`: ``quality/LAYER/ASPECT`` and ``quality/LAYER``. Findings of other
        aspects than `ASPECTS` are not counted.
    """
    numbers: dict[str, object] = {"all": 1.0}
    faulty = np.zeros(len(keys), bool)
    for aspect in ASPECTS:
        rows = findings.loc[findings["aspect"].eq(aspect), columns]
        named = pd.MultiIndex.from_frame(rows) if len(columns) > 1 else pd.Index(rows[columns[0]])
        bad = np.asarray(keys.isin(named), bool)
        numbers[aspect] = ~bad
        faulty |= bad
    numbers["flawless"] = ~faulty
    table = pd.DataFrame(numbers, index=units.index).astype(float)
    quotients: Quotients = {
        f"quality/{layer}/{aspect}": (aspect, "all", None) for aspect in ASPECTS
    }
    quotients[f"quality/{layer}"] = ("flawless", "all", None)
    return _figures(sum_by_level(units, table), quotients)


def service_figures(
    grids: GeoDataFrame, areas: GeoDataFrame, reach: Mapping[str, Series]
) -> DataFrame:
    """Return ground and people within the service radius of a service point, by kind.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Grids indexed by code, with `community` and `population`, in a metric CRS.
    areas : geopandas.GeoDataFrame
        Administrative areas, as for `assign_admin_units`.
    reach : mapping of str to pandas.Series
        `served_share` of `share_within_distance` by kind, on the index of `grids`.

    Returns
    -------
    pandas.DataFrame
        As `coverage_figures`: ``service/KIND`` of the ground and ``served/KIND`` of the people, who
        are assumed to be distributed evenly over their grid.
    """
    people = pd.to_numeric(grids["population"]).astype(float).fillna(0.0)
    numbers = {"area": grids.area, "people": people}
    quotients: Quotients = {}
    for kind, share in reach.items():
        numbers |= {f"area {kind}": share * grids.area, f"people {kind}": share * people}
        quotients |= {
            f"service/{kind}": (f"area {kind}", "area", None),
            f"served/{kind}": (f"people {kind}", "people", None),
        }
    table = pd.DataFrame(numbers, index=grids.index)
    return _figures(sum_by_level(assign_admin_units(grids, areas), table), quotients)


def _figures(sums: DataFrame, quotients: Quotients) -> DataFrame:
    """Return the long table of figures from sums by level and code."""
    tables = []
    for figure, (numerator, denominator, target) in quotients.items():
        table = sums[[numerator]].set_axis(["part"], axis=1).reset_index()
        table["whole"] = np.nan if denominator is None else sums[denominator].to_numpy(float)
        tables.append(table.assign(figure=figure, goal=np.nan if target is None else target))
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]
