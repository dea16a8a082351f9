"""Which cameras count: by status, day, point class and placement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geo.errors import ColumnError
from geo.frames import (
    choices_of,
    codes_of,
    days_of,
    require_table,
    required_column,
    texts_of,
    times_of,
)
from geo.schema import CAMERAS
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame, Series

WORKING_STATUSES = ("working", "unknown")
"""Statuses of a camera that counts as working."""
_STATUSES, _POINT_CLASSES, _PLACEMENTS = (
    CAMERAS.column(name).choices for name in ("status", "point_class", "room")
)


def cameras_in_use(
    cameras: GeoDataFrame,
    *,
    at: dt.date | None = None,
    history: DataFrame | None = None,
    working_only: bool = True,
    point_class: str | Sequence[str] | None = None,
    outdoor_only: bool = False,
) -> GeoDataFrame:
    """Return the cameras that count for an analysis.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        With columns status, installed_on, retired_on, point_class, room. A missing column or an
        empty value excludes no camera, except for `point_class`.
    at : datetime.date, optional
        Only cameras installed by that day and not yet retired. Unless given, the recorded status
        counts and dates do not.
    history : pandas.DataFrame, optional
        Status changes: camera (label in the index of `cameras`), status, since. With `at`, the last
        status up to the end (UTC) of that day counts, and ``unknown`` for a camera whose history
        begins later.
    working_only : bool, default True
        Whether faulty and offline cameras are excluded; retired ones always are.
    point_class : str or sequence of str, optional
        Only these classes: ``public`` (一类), ``industry`` (二类), ``private`` (三类).
    outdoor_only : bool, default False
        Whether indoor cameras are excluded.

    Returns
    -------
    geopandas.GeoDataFrame
        Rows of `cameras`; `status` is that of the day where `at` and `history` are given.

    Raises
    ------
    ColumnError
        If `point_class` is given and there is no such column or class, or `history` lacks a column.

    Examples
    --------
    >>> import geopandas as gpd, geo
    >>> cameras = gpd.GeoDataFrame(
    ...     {"status": ["working", "offline", "retired"]}, geometry=[None] * 3, crs=32650)
    >>> len(geo.cameras_in_use(cameras)), len(geo.cameras_in_use(cameras, working_only=False))
    (1, 2)
    """
    require_table(cameras, "cameras")
    out = cameras
    if at is not None:
        out = _existing(out, at)
        if history is not None:
            out = out.assign(status=_status_at(out.index, history, at))
    warn_of_unused(
        cameras, "cameras", ("status", "installed_on", "retired_on", "point_class", "room")
    )
    status = choices_of(out, "status", _STATUSES, "unknown")
    out = out[(status.isin(WORKING_STATUSES) if working_only else status != "retired").to_numpy()]
    if point_class is not None:
        if "point_class" not in out:
            raise ColumnError("the cameras have no column point_class; import it (监控点位类型)")
        wanted = [point_class] if isinstance(point_class, str) else list(point_class)
        if unknown := set(wanted) - set(_POINT_CLASSES):
            raise ColumnError(
                f"there is no point class {', '.join(map(str, unknown))}; "
                f"use {', '.join(_POINT_CLASSES)}"
            )
        out = out[choices_of(out, "point_class", _POINT_CLASSES, "unknown").isin(wanted).to_numpy()]
    if outdoor_only:
        out = out[(choices_of(out, "room", _PLACEMENTS, "unknown") != "indoor").to_numpy()]
    return out


def _existing(cameras: GeoDataFrame, at: dt.date) -> GeoDataFrame:
    """Return the cameras installed by the end of a day and not retired by then."""
    day = pd.Timestamp(at)
    installed, retired = days_of(cameras, "installed_on"), days_of(cameras, "retired_on")
    exists = (installed.isna() | (installed <= day)) & (retired.isna() | (retired > day))
    return cameras[exists.to_numpy()]


def _status_at(cameras: pd.Index, history: DataFrame, at: dt.date) -> Series:
    """Return the last status of each camera up to the end (UTC) of a day."""
    for name in ("camera", "status", "since"):
        required_column(history, name, "the status history")
    codes_of(pd.Series(index=cameras, dtype=object), "cameras")
    since = times_of(history, "since").to_numpy("datetime64[ns]")
    end = np.datetime64(pd.Timestamp(at) + pd.Timedelta(days=1), "ns")
    rows = np.flatnonzero(since < end)
    rows = rows[np.argsort(since[rows], kind="stable")]
    status = choices_of(history, "status", _STATUSES, "unknown").to_numpy()[rows]
    last = dict(zip(texts_of(history, "camera").to_numpy()[rows], status, strict=True))
    return pd.Series([last.get(label, "unknown") for label in cameras], cameras, dtype=object)
