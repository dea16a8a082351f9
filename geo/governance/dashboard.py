"""The figures of the board: each a quotient of sums, by area of every level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.governance.hierarchy import admin_units_at, assign_admin_units
from geo.governance.roll_up import sum_by_level
from geo.governance.targets import COVERED, NETWORKED, WORKING

Quotients = dict[str, tuple[str, str | None, float | None]]
"""By figure the columns it is the quotient of, and its goal."""

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geopandas import GeoDataFrame
    from pandas import DataFrame, Series

ASPECTS = ("complete", "plausible", "up_to_date", "in_place")
COLUMNS = ("level", "code", "figure", "part", "whole", "goal")


def coverage_figures(grids: GeoDataFrame, areas: GeoDataFrame, coverage: DataFrame) -> DataFrame:
    """People, ground seen and incidents.

    Parameters
    ----------
    grids, areas : as for `assign_admin_units`; grids with `population`.
    coverage : on the index of `grids`: `area_m2`, `covered_m2`, `open_m2`, `open_covered_m2`,
        `twice_covered_m2`, `incidents`.

    Returns
    -------
    Columns `level`, `code`, `figure`, `part`, `whole` (missing of a plain sum), `goal` (missing
    without one); parts and wholes of each level add up to the same totals exactly.
    """
    numbers = coverage.assign(
        population=pd.to_numeric(grids["population"]).astype(float), grids=1.0
    )
    return _figures(
        sum_by_level(assign_admin_units(grids, areas), numbers),
        {
            "grids": ("grids", None, None), "population": ("population", None, None),
            "area_m2": ("area_m2", None, None), "incidents": ("incidents", None, None),
            "covered": ("covered_m2", "area_m2", None),
            "open_covered": ("open_covered_m2", "open_m2", None),
            "twice_covered": ("twice_covered_m2", "area_m2", None),
        },
    )  # fmt: skip


def camera_figures(grids: GeoDataFrame, areas: GeoDataFrame, cameras: GeoDataFrame) -> DataFrame:
    """Cameras, those networked and those in working order, by whose they are.

    Parameters
    ----------
    grids, areas, cameras : as for `camera_targets`, with whose sums these agree.

    Returns
    -------
    As `coverage_figures`: `cameras`, `networked`, `working`, each also ``/public`` and ``/industry``.
    """
    used = cameras[cameras["status"].ne("retired")]
    numbers: dict[str, object] = {}
    quotients: Quotients = {}
    for name, goal in WORKING.items():
        mine = np.ones(len(used), bool) if name == "all" else used["point_class"].eq(name)
        end = "" if name == "all" else f"/{name}"
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
    """Key places that are covered as they must be, of all and of each kind.

    Parameters
    ----------
    grids, areas : as for `assign_admin_units`; grids metric CRS.
    places : polygons, same CRS; each belongs to where a point on it lies.
    targets : from `key_place_targets`, on the index of `places`.

    Returns
    -------
    As `coverage_figures`: `key_places` and ``key_places/KIND``, and `key_places_seen`, the share of
    their ground that is seen.
    """
    at = places.set_geometry(places.geometry.representative_point())
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
    return _figures(sum_by_level(admin_units_at(grids, areas, at), table), quotients)


def staff_figures(grids: GeoDataFrame, areas: GeoDataFrame, staff: DataFrame) -> DataFrame:
    """Grids that have a head, and grids with any staff.

    Parameters
    ----------
    grids, areas : as for `assign_admin_units`.
    staff : `grid` and `role`.

    Returns
    -------
    As `coverage_figures`: `headed`, `staffed`.
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


def service_request_figures(place: DataFrame, sums: DataFrame) -> DataFrame:
    """Appeals, those closed in time, and how content those who rated are.

    Parameters
    ----------
    place : from `assign_admin_units` or `admin_units_at`.
    sums : on the same index: `received`, `due`, `closed_in_time`, `rated`, and `rating`, the sum
        of ratings from 0 to 1.

    Returns
    -------
    As `coverage_figures`: `service_requests`, `service_requests_in_time`,
    `service_requests_satisfaction`.
    """
    quotients: Quotients = {
        "service_requests": ("received", None, None),
        "service_requests_in_time": ("closed_in_time", "due", None),
        "service_requests_satisfaction": ("rating", "rated", None),
    }
    return _figures(sum_by_level(place, sums.astype(float)), quotients)


def quality_figures(
    layer: str, place: DataFrame, keys: pd.Index, findings: DataFrame, columns: list[str]
) -> DataFrame:
    """Rows of a register without a finding, of each aspect and of all.

    Parameters
    ----------
    layer : name of the register.
    place : where each row lies, from `assign_admin_units` or `admin_units_at`.
    keys : of each row, in the order of `place`.
    findings : of the register.
    columns : of `findings` that make up the key.

    Returns
    -------
    As `coverage_figures`: ``quality/LAYER/ASPECT`` and ``quality/LAYER``.
    """
    numbers: dict[str, object] = {"all": 1.0}
    faulty = np.zeros(len(keys), bool)
    for aspect in ASPECTS:
        some = findings.loc[findings["aspect"].eq(aspect), columns]
        told = pd.MultiIndex.from_frame(some) if len(columns) > 1 else pd.Index(some[columns[0]])
        bad = np.asarray(keys.isin(told), bool)
        numbers[aspect] = ~bad
        faulty |= bad
    numbers["flawless"] = ~faulty
    table = pd.DataFrame(numbers, index=place.index).astype(float)
    quotients: Quotients = {
        f"quality/{layer}/{aspect}": (aspect, "all", None) for aspect in ASPECTS
    }
    quotients[f"quality/{layer}"] = ("flawless", "all", None)
    return _figures(sum_by_level(place, table), quotients)


def service_figures(
    grids: GeoDataFrame, areas: GeoDataFrame, reach: Mapping[str, Series]
) -> DataFrame:
    """Ground and people within a walk of a service point, by kind.

    Parameters
    ----------
    grids, areas : as for `assign_admin_units`; grids metric CRS, with `population`.
    reach : by kind the `served_share` of `share_within_distance`, on the index of `grids`.

    Returns
    -------
    As `coverage_figures`: ``service/KIND`` of the ground, ``served/KIND`` of the people, taken to
    live evenly over their grid.
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
    """Long table of figures out of sums by level and code."""
    tables = []
    for figure, (part, whole, goal) in quotients.items():
        table = sums[[part]].set_axis(["part"], axis=1).reset_index()
        table["whole"] = np.nan if whole is None else sums[whole].to_numpy(float)
        tables.append(table.assign(figure=figure, goal=np.nan if goal is None else goal))
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]
