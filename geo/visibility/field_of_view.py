"""What a camera's record says of its field of view, and what is assumed where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.errors import ColumnError, name_rows, warn
from geo.frames import numbers_of, require_table, texts_of
from geo.synonyms import warn_of_unused
from geo.visibility.camera_defaults import CameraDefaults, camera_defaults

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike, NDArray

PIXEL_DENSITY = {
    "2025": {
        "overview": 20.0,
        "outline": 40.0,
        "discern": 80.0,
        "perceive": 125.0,
        "characterise": 250.0,
        "validate": 500.0,
        "scrutinise": 1500.0,
    },
    "2014": {"detect": 25.0, "observe": 62.5, "recognise": 125.0, "identify": 250.0},
}
"""Pixels per metre that each class needs, by edition of IEC 62676-4."""

_DOMAINS = {
    "bearing_deg": (-360.0, 360.0, "from 0 to 360 degrees"),
    "fov_deg": (0.0, 360.0, "from 0 to 360 degrees"),
    "range_m": (0.0, np.inf, "0 m or more"),
    "near_m": (0.0, np.inf, "0 m or more"),
    "height_m": (0.0, np.inf, "above 0 m"),
    "tilt_deg": (-90.0, 90.0, "from -90 to 90 degrees"),
    "vfov_deg": (0.0, 180.0, "above 0 and up to 180 degrees"),
}
_READ = ("kind", *_DOMAINS)


def complete_cameras(
    cameras: GeoDataFrame, *, defaults: Mapping[str, CameraDefaults] | None = None
) -> GeoDataFrame:
    """Fill what the records leave out from the defaults of each kind.

    A camera without a bearing and a field of view narrower than 360 degrees is taken to look all
    round: which way it looks is not known, and its view is an upper bound. Where tilt and vertical
    field of view are on record, the near edge (unless on record) and the end of the range follow
    from them (see `tilted_edges`).

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        Cameras; columns kind, bearing_deg, fov_deg, range_m, near_m, height_m, tilt_deg
        (degrees below the horizontal) and vfov_deg may be absent or empty. Columns of other names
        are not read, see `rename_columns`.
    defaults : mapping of str to CameraDefaults, optional
        By kind (``unknown`` for any other); those of the settings unless given.

    Returns
    -------
    geopandas.GeoDataFrame
        A copy on the same index with these columns filled; `assumed` (bool): whether bearing, field
        of view or range was not on record; `lens_deg`: the field of view of the lens, which is
        fov_deg except where a camera is taken to look all round for want of a bearing.
        ``.attrs["assumed"]`` counts what was assumed: `cameras` (all), `any` (those with
        `assumed`), and of how many `kind`, `bearing_deg`, `fov_deg`, `range_m`, `near_m` and
        `height_m` were not on record (a bearing only where one is needed); of cameras completed
        before and chosen since, only the first two.

    Raises
    ------
    ColumnError
        If a value is no number or lies outside its domain; the rows are named.

    Warns
    -----
    ColumnWarning
        If a column that is not read looks like one of these, or a kind is no word of ours.
    """
    table = {**camera_defaults(), **(defaults or {})}
    require_table(cameras, "cameras")
    if "lens_deg" not in cameras:
        warn_of_unused(cameras, "cameras", _READ)
    # Columns are put into a plain table: a GeoDataFrame looks at its geometry with every one.
    out = pd.DataFrame(cameras)
    names = list(table)
    kinds = texts_of(out, "kind")
    known = pd.Index(names).get_indexer(pd.Index(kinds, dtype=object))
    strange = (known < 0) & kinds.notna().to_numpy()
    if strange.any():
        warn(
            f"kinds of camera that are not known, such as {kinds[strange].iloc[0]!r}, are taken for "
            f"unknown; use {', '.join(names)}. Look at {name_rows(out.index[strange])}"
        )
    kind = np.where(known >= 0, known, names.index("unknown"))
    values = {column: _in_domain(out, column) for column in _DOMAINS}
    no_bearing = np.isnan(values["bearing_deg"])
    full: dict[str, Any] = {}
    for column in ("fov_deg", "range_m", "near_m", "height_m"):
        assumed = np.array([getattr(table[name], column) for name in names], float)[kind]
        full[column] = np.where(np.isnan(values[column]), assumed, values[column])
    near, far = tilted_edges(full["height_m"], values["tilt_deg"], values["vfov_deg"])
    from_tilt = np.isnan(values["near_m"]) & ~np.isnan(near)
    full["near_m"] = np.where(from_tilt, near, full["near_m"])
    full["range_m"] = np.fmin(full["range_m"], far)
    full["near_m"] = np.minimum(full["near_m"], full["range_m"])
    aimed = full["fov_deg"] < 360
    guessed = (no_bearing & aimed) | np.isnan(values["fov_deg"]) | np.isnan(values["range_m"])
    if "assumed" in out:
        guessed |= texts_of(out, "assumed").fillna(False).astype(bool).to_numpy()
    counts = {
        "kind": kind == names.index("unknown"),
        "bearing_deg": no_bearing & aimed,
        "fov_deg": np.isnan(values["fov_deg"]),
        "range_m": np.isnan(values["range_m"]),
        "near_m": np.isnan(values["near_m"]) & ~from_tilt,
        "height_m": np.isnan(values["height_m"]),
    }
    assumed_counts = {name: int(rows.sum()) for name, rows in counts.items()}
    if "lens_deg" in out:  # completed before: what was assumed then is on record by now
        before = cameras.attrs.get("assumed", {})
        assumed_counts = dict(before) if before.get("cameras") == len(out) else {}
    full["assumed"] = guessed
    full["bearing_deg"] = np.where(no_bearing, 0.0, values["bearing_deg"]) % 360
    if "lens_deg" not in out:
        full["lens_deg"] = full["fov_deg"]
    full["fov_deg"] = np.where(no_bearing & aimed, 360.0, full["fov_deg"])
    out = out.assign(**full)
    if isinstance(cameras, gpd.GeoDataFrame) and cameras.active_geometry_name is not None:
        out = gpd.GeoDataFrame(out, geometry=cameras.geometry.name, crs=cameras.crs)
    out.attrs["assumed"] = {**assumed_counts, "cameras": len(out), "any": int(guessed.sum())}
    return out


def _in_domain(cameras: pd.DataFrame, column: str) -> NDArray[np.float64]:
    low, high, words = _DOMAINS[column]
    given = numbers_of(cameras, column)
    bad = (given < low) | (given > high) | np.isinf(given)
    if column in ("height_m", "vfov_deg"):
        bad |= given == 0
    if bad.any():
        raise ColumnError(
            f"{column} must be {words}; wrong at {name_rows(cameras.index[bad])}: mend those rows"
        )
    return given


def tilted_edges(
    height_m: ArrayLike, tilt_deg: ArrayLike, vfov_deg: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the lower and the upper edge of the image meet level ground.

    Parameters
    ----------
    height_m : of the camera above the ground.
    tilt_deg : of the optical axis below the horizontal, degrees.
    vfov_deg : vertical field of view, degrees.

    Returns
    -------
    Near and far distance, metres; NaN where tilt or field of view is NaN. Near is 0 where the
    camera sees the ground at its own foot, far is infinite where the upper edge does not fall.

    Notes
    -----
    h / tan(tilt ± vfov / 2). Taken the same all across the image, so that the edges are arcs;
    those of a flat sensor are straight lines, nearer in the middle than at the sides.
    """
    height = np.asarray(height_m, float)
    tilt, half = np.asarray(tilt_deg, float), np.asarray(vfov_deg, float) / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.where(tilt + half < 90.0, height / np.tan(np.radians(tilt + half)), 0.0)
        # A lower edge that does not fall never meets the ground: nothing is seen.
        near = np.where(tilt + half <= 0.0, np.inf, near)
        far = np.where(tilt - half > 0.0, height / np.tan(np.radians(tilt - half)), np.inf)
    unknown = np.isnan(tilt) | np.isnan(half)
    return np.where(unknown, np.nan, near), np.where(unknown, np.nan, far)


def pixel_density_range(
    pixels_wide: ArrayLike, fov_deg: ArrayLike, px_per_m: ArrayLike
) -> float | NDArray[np.float64]:
    """Distance up to which a camera reaches a pixel density.

    Parameters
    ----------
    pixels_wide : horizontal pixels of the image.
    fov_deg : horizontal field of view, degrees, above 0 and below 180 (the flat-sensor formula).
    px_per_m : pixel density to reach, for instance a value of `PIXEL_DENSITY`.

    Returns
    -------
    Metres: pixels_wide / (2 · px_per_m · tan(fov / 2)); a float for scalars, else an array.

    Raises
    ------
    ColumnError : a value outside these domains.

    Notes
    -----
    IEC 62676-4 (2014, 2025), pixel density on a plane at right angles to the optical axis.
    """
    pixels = np.asarray(pixels_wide, float)
    fov = np.asarray(fov_deg, float)
    density = np.asarray(px_per_m, float)
    if np.any(fov <= 0) or np.any(fov >= 180):
        raise ColumnError("fov_deg must lie between 0 and 180 for a pixel density")
    if np.any(pixels <= 0) or np.any(density <= 0):
        raise ColumnError("pixels_wide and px_per_m must be above 0")
    distance = pixels / (2.0 * density * np.tan(np.radians(fov) / 2.0))
    return float(distance) if distance.ndim == 0 else distance
