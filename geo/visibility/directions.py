"""Cameras with several directions: split into one row per direction, and their views joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from geo.directions import Direction, directions_from_text
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
        Cameras as `complete_cameras` returns them. The column `other_directions` holds bearings,
        and sectors clockwise from one bearing to another, joined by a slash (``180/200-220``);
        it is absent or empty where `bearing_deg` is the only direction, and not used for a camera
        that looks all round.

    Returns
    -------
    directed : geopandas.GeoDataFrame
        One row per direction, without the column `other_directions`. The directions of a camera
        are consecutive under its label, that of `bearing_deg` first. A sector has its own
        `fov_deg` and `lens_deg`, a bearing those of the camera.
    owner : numpy.ndarray of int
        Position in `full` of the camera of each row, ascending.

    Raises
    ------
    ColumnError
        If a text cannot be read; the rows are named.

    Examples
    --------
    >>> import geopandas as gpd
    >>> full = gpd.GeoDataFrame(
    ...     {"bearing_deg": [0.0], "fov_deg": [60.0], "lens_deg": [60.0],
    ...      "other_directions": ["90/180-220"]}, index=["c1"])
    >>> directed, owner = split_directions(full)
    >>> directed[["bearing_deg", "fov_deg"]].values.tolist(), owner.tolist()
    ([[0.0, 60.0], [90.0, 60.0], [200.0, 40.0]], [0, 0, 0])
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
        for row, direction in enumerate(directions, int(first[camera]) + 1):
            values["bearing_deg"][row] = direction.bearing_deg or 0.0
            if direction.fov_deg is not None:
                values["fov_deg"][row] = values["lens_deg"][row] = direction.fov_deg
    return out.assign(**values), owner


def _other_directions(full: pd.DataFrame) -> list[tuple[Direction, ...]]:
    """Return the directions of each camera besides its bearing."""
    texts = texts_of(full, _COLUMN)
    has_bearing = full["fov_deg"].to_numpy(float) < 360.0
    out: list[tuple[Direction, ...]] = []
    bad = np.zeros(len(full), bool)
    for row, (value, is_used) in enumerate(zip(texts, has_bearing, strict=True)):
        # A column of single bearings in a file is read as numbers.
        text = f"{value:.10g}" if isinstance(value, int | float) else str(value).strip()
        try:
            directions = () if pd.isna(value) or not text else directions_from_text(text)
        except ValueError:
            bad[row], directions = True, ()
        out.append(directions if is_used else ())
    if bad.any():
        raise ColumnError(
            f"{_COLUMN} must be bearings or sectors joined by a slash, such as 180/200-220; "
            f"wrong at {name_rows(full.index[bad])}: correct those rows"
        )
    return out


def join_views(views: NDArray[Any], owner: NDArray[np.int64]) -> NDArray[Any]:
    """Return the union of the views of all directions of each camera.

    Parameters
    ----------
    views : numpy.ndarray of shapely.Geometry
        One polygon or multipolygon per direction.
    owner : numpy.ndarray of int
        Position of the camera of each direction, ascending, as from `split_directions`.

    Returns
    -------
    numpy.ndarray of shapely.Geometry
        One polygon or multipolygon per camera.
    """
    cameras, first, counts = np.unique(owner, return_index=True, return_counts=True)
    if len(cameras) == len(views):
        return views
    out = views[first]
    for camera in np.flatnonzero(counts > 1):
        begin = first[camera]
        out[camera] = shapely.union_all(views[begin : begin + counts[camera]])
    return out
