"""What is missing to the targets, by name: cameras, key places, grids without service within a walk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.errors import ColumnError
from geo.governance.data_quality import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pandas import DataFrame, Series

SERVED = 0.5
"""Share of a grid's ground that must lie within a walk, or the grid is a service blind spot."""


def camera_shortfalls(cameras: DataFrame) -> DataFrame:
    """Cameras in use that are not networked, or not in working order.

    Parameters
    ----------
    cameras : indexed by code, with `status`, `network` and `owner`.

    Returns
    -------
    As `camera_findings`, of the aspect ``target``.

    Raises
    ------
    ColumnError : a column is not there.
    """
    _require(cameras, "status", "network", "owner")
    used = cameras[cameras["status"].ne("retired")]
    apart = used[used["network"].astype(object).eq(False)]
    broken = used[used["status"].isin(["faulty", "offline"])]
    return pd.concat(
        [
            _rows(apart.index, "target", "not networked", "", apart["owner"]),
            _rows(
                broken.index, "target", "not in working order", broken["status"], broken["owner"]
            ),
        ],
        ignore_index=True,
    )


def key_place_shortfalls(targets: DataFrame) -> DataFrame:
    """Key places that are covered less than they must be.

    Parameters
    ----------
    targets : from `key_place_targets`.

    Returns
    -------
    As `camera_findings`, of the aspect ``target``; the kind of the place is the owner.
    """
    short = targets[targets["met"].eq(False).fillna(False).to_numpy(bool)]
    detail = [
        f"{seen:.1%} of {need:.0%}"
        for seen, need in zip(short["covered_share"], short["required_share"], strict=True)
    ]
    return _rows(short.index, "target", "covered too little", detail, short["kind"])


def service_shortfalls(reach: DataFrame, kind: str, metres: float, owner: Series) -> DataFrame:
    """Service blind spots: grids with less than half of their ground within a walk of a point.

    Parameters
    ----------
    reach : from `share_within_distance`.
    kind : of the service points.
    metres : how far the walk is.
    owner : whose each grid is, on the index of `reach`.

    Returns
    -------
    As `camera_findings`, of the aspect ``service``.
    """
    far = reach[reach["served_share"] < SERVED]
    detail = [
        f"{share:.0%} within {metres:g} m"
        + (f", nearest {near:.0f} m" if np.isfinite(near) else ", none at all")
        for share, near in zip(far["served_share"], far["nearest_m"], strict=True)
    ]
    return _rows(far.index, "service", f"no {kind} within a walk", detail, owner.loc[far.index])


def _rows(
    codes: pd.Index, aspect: str, finding: str, detail: str | Iterable[str], owner: Series
) -> DataFrame:
    said = detail if isinstance(detail, str) else list(detail)  # by position, not by index
    table = {"code": codes.astype(str), "aspect": aspect, "finding": finding, "detail": said}
    out = pd.DataFrame(table, index=range(len(codes)), dtype=object)
    out["owner"] = owner.fillna("").to_numpy(object)
    return out[list(COLUMNS)]


def _require(frame: DataFrame, *columns: str) -> None:
    if missing := set(columns) - set(frame.columns):
        raise ColumnError(f"there is no column {', '.join(sorted(missing))}")
