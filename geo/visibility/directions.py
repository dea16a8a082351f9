"""Cameras that look several ways: one row each, whose view is what all its directions see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geo.directions import Direction, from_text
from geo.errors import ColumnError, name_rows
from geo.frames import texts_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

_COLUMN = "other_directions"


def split_directions(full: GeoDataFrame) -> tuple[GeoDataFrame, NDArray[np.int64]]:
    """Return completed cameras with a row for each direction.

    Parameters
    ----------
    full : geopandas.GeoDataFrame
        As `complete_cameras` returns them. `other_directions` holds bearings, and sectors clockwise
        from one bearing to another, joined by a slash (``180/200-220``); absent or empty where
        `bearing_deg` is the only direction. A camera that looks all round has no others.

    Returns
    -------
    geopandas.GeoDataFrame
        The directions of a camera follow one another under its label, the first that of
        `bearing_deg`. A sector has its own `fov_deg` and `lens_deg`, a bearing those of the camera.
        There is no column `other_directions`.
    numpy.ndarray
        Of each row the position of its camera in `full`, ascending.

    Raises
    ------
    ColumnError
        If a text cannot be read; the rows are named.
    """
    others = _other_directions(full)
    owner = np.repeat(np.arange(len(full)), [1 + len(directions) for directions in others])
    if _COLUMN not in full:
        return full, owner
    out = full.drop(columns=_COLUMN)
    if len(owner) == len(full):
        return out, owner
    out = out.iloc[owner].copy()
    values = {
        name: out[name].to_numpy(float, copy=True)
        for name in ("bearing_deg", "fov_deg", "lens_deg")
    }
    first = np.searchsorted(owner, np.arange(len(full)))
    for camera, directions in enumerate(others):
        for place, direction in enumerate(directions, int(first[camera]) + 1):
            values["bearing_deg"][place] = direction.bearing_deg or 0.0
            if direction.fov_deg is not None:
                values["fov_deg"][place] = values["lens_deg"][place] = direction.fov_deg
    return out.assign(**values), owner


def _other_directions(full: pd.DataFrame) -> list[tuple[Direction, ...]]:
    texts = texts_of(full, _COLUMN)
    aimed = full["fov_deg"].to_numpy(float) < 360.0
    out: list[tuple[Direction, ...]] = []
    bad = np.zeros(len(full), bool)
    for row, (value, is_aimed) in enumerate(zip(texts, aimed, strict=True)):
        # A column of single bearings is one of numbers when it comes from a file.
        text = f"{value:.10g}" if isinstance(value, int | float) else str(value).strip()
        try:
            directions = () if pd.isna(value) or not text else from_text(text)
        except ValueError:
            bad[row], directions = True, ()
        out.append(directions if is_aimed else ())
    if bad.any():
        raise ColumnError(
            f"{_COLUMN} must be bearings or sectors joined by a slash, such as 180/200-220; "
            f"wrong at {name_rows(full.index[bad])}: mend those rows"
        )
    return out


def join_views(views: NDArray[Any], owner: NDArray[np.int64]) -> NDArray[Any]:
    """Return what each camera sees in all its directions together.

    Parameters
    ----------
    views : numpy.ndarray
        Polygons, one a direction.
    owner : numpy.ndarray
        Of each the position of its camera, as from `split_directions`.
    """
    cameras, first, counts = np.unique(owner, return_index=True, return_counts=True)
    if len(cameras) == len(views):
        return views
    out = views[first]
    for camera in np.flatnonzero(counts > 1):
        begin = first[camera]
        out[camera] = shapely.union_all(views[begin : begin + counts[camera]])
    return out
