"""Shortfalls to the targets: cameras, key places, and grids beyond the service radius."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.errors import ColumnError
from geo.governance.findings import Aspect, FindingCode, finding_of, finding_rows

if TYPE_CHECKING:
    from pandas import DataFrame, Series

SERVED = 0.5
"""Share of the ground of a grid that must be within the service radius of a service point."""


def camera_shortfalls(cameras: DataFrame) -> DataFrame:
    """Return the cameras in use that are not networked or not in working order.

    Parameters
    ----------
    cameras : pandas.DataFrame
        Cameras indexed by code, with `status`, `network` and `owner`.

    Returns
    -------
    pandas.DataFrame
        As `camera_findings`, of the aspect ``target``; the detail of a camera that is not in
        working order is its status.

    Raises
    ------
    ColumnError
        If a column is missing.
    """
    if missing := {"status", "network", "owner"} - set(cameras.columns):
        raise ColumnError(f"there is no column {', '.join(sorted(missing))}")
    used = cameras[cameras["status"].ne("retired")]
    unconnected = used[used["network"].astype(object).eq(False)]
    broken = used[used["status"].isin(["faulty", "offline"])]
    tables = [
        finding_rows(
            rows.index, Aspect.TARGET, finding_of(code), detail=detail, owner=rows["owner"]
        )
        for rows, code, detail in (
            (unconnected, FindingCode.NOT_NETWORKED, ""),
            (broken, FindingCode.NOT_IN_WORKING_ORDER, broken["status"].tolist()),
        )
    ]
    return pd.concat(tables, ignore_index=True)


def key_place_shortfalls(targets: DataFrame) -> DataFrame:
    """Return the key places with less coverage than required.

    Parameters
    ----------
    targets : pandas.DataFrame
        Result of `key_place_targets`.

    Returns
    -------
    pandas.DataFrame
        As `camera_findings`, of the aspect ``target``; the detail names the covered and the
        required share, and the owner is the kind of the place.
    """
    short = targets[targets["met"].eq(False).fillna(False).to_numpy(bool)]
    detail = [
        f"{covered:.1%} of {required:.0%}"
        for covered, required in zip(short["covered_share"], short["required_share"], strict=True)
    ]
    finding = finding_of(FindingCode.COVERAGE_BELOW_TARGET)
    return finding_rows(short.index, Aspect.TARGET, finding, detail, short["kind"])


def service_shortfalls(reach: DataFrame, kind: str, distance_m: float, owner: Series) -> DataFrame:
    """Return the grids with less than half of their ground within the service radius.

    Parameters
    ----------
    reach : pandas.DataFrame
        Result of `share_within_distance`: `served_share` and `nearest_m` by code of the grid.
    kind : str
        Kind of the service points.
    distance_m : float
        Service radius in metres.
    owner : pandas.Series
        Owner of each grid, on the index of `reach`.

    Returns
    -------
    pandas.DataFrame
        As `camera_findings`, of the aspect ``service``; the detail names the share served and the
        distance to the nearest point.
    """
    far = reach[reach["served_share"] < SERVED]
    detail = [
        f"{share:.0%} within {distance_m:g} m"
        + (f", nearest {nearest_m:.0f} m" if np.isfinite(nearest_m) else ", none at all")
        for share, nearest_m in zip(far["served_share"], far["nearest_m"], strict=True)
    ]
    finding = finding_of(FindingCode.NO_SERVICE_WITHIN_DISTANCE, kind)
    return finding_rows(far.index, Aspect.SERVICE, finding, detail, owner.loc[far.index])
