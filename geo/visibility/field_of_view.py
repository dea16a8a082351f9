"""Field of view of cameras: values on record, and the values assumed where none is."""

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
_DEFAULTED = ("fov_deg", "range_m", "near_m", "height_m")
"""Columns whose empty values are replaced by the default of the kind."""


def complete_cameras(
    cameras: GeoDataFrame, *, defaults: Mapping[str, CameraDefaults] | None = None
) -> GeoDataFrame:
    """Return cameras with missing parameters replaced by the defaults of their kind.

    A camera without a bearing and with a field of view below 360 degrees is assumed to look all
    round: its direction is not known, and its view is an upper bound. Where tilt and vertical
    field of view are on record, the near edge (unless on record) and the end of the range follow
    from them (see `tilted_edges`).

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        Cameras with the columns `kind`, `bearing_deg` (clockwise from true north), `fov_deg`,
        `range_m`, `near_m`, `height_m` (above the ground), `tilt_deg` (below the horizontal) and
        `vfov_deg`, each of which may be absent or have empty values. Other columns are not read,
        see `rename_columns`.
    defaults : mapping of str to CameraDefaults, optional
        Defaults by kind (``unknown`` for any other); those of `camera_defaults` where not given.

    Returns
    -------
    geopandas.GeoDataFrame
        A copy on the same index with these columns completed, and two more: `assumed` (bool),
        whether bearing, field of view or range was not on record; `lens_deg`, the field of view
        of the lens, which differs from `fov_deg` where a camera is assumed to look all round.
        ``.attrs["assumed"]`` counts what was assumed: `cameras` (all), `any` (those with
        `assumed`), and for how many of them `kind`, `bearing_deg`, `fov_deg`, `range_m`, `near_m`
        and `height_m` were not on record (a bearing only where one is needed). Of a selection of
        cameras that were completed before, only the first two.

    Raises
    ------
    ColumnError
        If a value is not a number or lies outside its domain; the rows are named.

    Warns
    -----
    ColumnWarning
        If a column that is not read resembles one of these, or a kind is not known.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cameras = gpd.GeoDataFrame(
    ...     {"bearing_deg": [90.0, None], "fov_deg": [80.0, 80.0], "range_m": [50.0, 50.0]},
    ...     geometry=[shapely.Point(500000, 4400000)] * 2, crs="EPSG:32650")
    >>> completed = geo.complete_cameras(cameras)
    >>> completed[["fov_deg", "lens_deg", "assumed"]].values.tolist()
    [[80.0, 80.0, False], [360.0, 80.0, True]]
    >>> completed.attrs["assumed"]["bearing_deg"]
    1
    """
    table = {**camera_defaults(), **(defaults or {})}
    require_table(cameras, "cameras")
    if "lens_deg" not in cameras:
        warn_of_unused(cameras, "cameras", _READ)
    # A plain table: a GeoDataFrame examines its geometry whenever a column is assigned.
    out = pd.DataFrame(cameras)
    kind = _kind_positions(out, list(table))
    recorded = {column: _in_domain(out, column) for column in _DOMAINS}
    missing = {column: np.isnan(values) for column, values in recorded.items()}
    full: dict[str, Any] = {}
    for column in _DEFAULTED:
        default = np.array([getattr(of_kind, column) for of_kind in table.values()], float)[kind]
        full[column] = np.where(missing[column], default, recorded[column])
    near, far = tilted_edges(full["height_m"], recorded["tilt_deg"], recorded["vfov_deg"])
    has_near = ~missing["near_m"] | ~np.isnan(near)
    full["near_m"] = np.where(missing["near_m"] & has_near, near, full["near_m"])
    full["range_m"] = np.fmin(full["range_m"], far)
    full["near_m"] = np.minimum(full["near_m"], full["range_m"])
    has_no_direction = missing["bearing_deg"] & (full["fov_deg"] < 360)
    assumed = has_no_direction | missing["fov_deg"] | missing["range_m"]
    if "assumed" in out:
        assumed |= texts_of(out, "assumed").fillna(False).astype(bool).to_numpy()
    counts = {
        "kind": int((kind == list(table).index("unknown")).sum()),
        "bearing_deg": int(has_no_direction.sum()),
        "fov_deg": int(missing["fov_deg"].sum()),
        "range_m": int(missing["range_m"].sum()),
        "near_m": int((~has_near).sum()),
        "height_m": int(missing["height_m"].sum()),
    }
    if "lens_deg" in out:  # completed before, so that assumed values are on record now
        before = cameras.attrs.get("assumed", {})
        counts = dict(before) if before.get("cameras") == len(out) else {}
    full["assumed"] = assumed
    full["bearing_deg"] = np.where(missing["bearing_deg"], 0.0, recorded["bearing_deg"]) % 360
    if "lens_deg" not in out:
        full["lens_deg"] = full["fov_deg"]
    full["fov_deg"] = np.where(has_no_direction, 360.0, full["fov_deg"])
    out = out.assign(**full)
    if isinstance(cameras, gpd.GeoDataFrame) and cameras.active_geometry_name is not None:
        out = gpd.GeoDataFrame(out, geometry=cameras.geometry.name, crs=cameras.crs)
    out.attrs["assumed"] = {**counts, "cameras": len(out), "any": int(assumed.sum())}
    return out


def _kind_positions(cameras: pd.DataFrame, names: list[str]) -> NDArray[np.intp]:
    """Return the position in `names` of the kind of each camera; that of ``unknown`` if not known.

    Warns of kinds that are given but not known.
    """
    kinds = texts_of(cameras, "kind")
    positions = pd.Index(names).get_indexer(pd.Index(kinds, dtype=object))
    not_known = (positions < 0) & kinds.notna().to_numpy()
    if not_known.any():
        warn(
            f"kinds of camera that are not known, such as {kinds[not_known].iloc[0]!r}, are taken "
            f"for unknown; use {', '.join(names)}. Look at {name_rows(cameras.index[not_known])}"
        )
    return np.where(positions >= 0, positions, names.index("unknown"))


def _in_domain(cameras: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return a column of numbers, NaN for empty values; raise if one is outside its domain."""
    low, high, words = _DOMAINS[column]
    values = numbers_of(cameras, column)
    bad = (values < low) | (values > high) | np.isinf(values)
    if column in ("height_m", "vfov_deg"):
        bad |= values == 0
    if bad.any():
        raise ColumnError(
            f"{column} must be {words}; wrong at {name_rows(cameras.index[bad])}: correct those "
            "rows"
        )
    return values


def tilted_edges(
    height_m: ArrayLike, tilt_deg: ArrayLike, vfov_deg: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the lower and the upper edge of the image meet level ground.

    Parameters
    ----------
    height_m : array-like of float
        Height of the camera above the ground, metres.
    tilt_deg : array-like of float
        Angle of the optical axis below the horizontal, degrees.
    vfov_deg : array-like of float
        Vertical field of view, degrees.

    Returns
    -------
    near : numpy.ndarray of float
        Distance of the lower edge, metres. 0 where the camera sees the ground at its own foot,
        infinite where the lower edge does not descend, NaN where tilt or field of view is NaN.
    far : numpy.ndarray of float
        Distance of the upper edge, metres; infinite where the upper edge does not descend.

    Notes
    -----
    The distances are h / tan(tilt ± vfov / 2), as on the vertical plane of the optical axis. They
    are taken as constant across the image, so that the edges are arcs; those of a flat sensor are
    straight lines, nearer in the middle than at the sides.

    Examples
    --------
    >>> import geo
    >>> near, far = geo.tilted_edges(4.0, 30.0, 30.0)
    >>> round(float(near), 2), round(float(far), 2)
    (4.0, 14.93)
    """
    height = np.asarray(height_m, float)
    tilt, half = np.asarray(tilt_deg, float), np.asarray(vfov_deg, float) / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.where(tilt + half < 90.0, height / np.tan(np.radians(tilt + half)), 0.0)
        # A lower edge that does not descend never meets the ground: nothing is seen.
        near = np.where(tilt + half <= 0.0, np.inf, near)
        far = np.where(tilt - half > 0.0, height / np.tan(np.radians(tilt - half)), np.inf)
    unknown = np.isnan(tilt) | np.isnan(half)
    return np.where(unknown, np.nan, near), np.where(unknown, np.nan, far)


def pixel_density_range(
    pixels_wide: ArrayLike, fov_deg: ArrayLike, px_per_m: ArrayLike
) -> float | NDArray[np.float64]:
    """Return the distance up to which a camera reaches a pixel density.

    Parameters
    ----------
    pixels_wide : array-like of float
        Horizontal pixels of the image, above 0.
    fov_deg : array-like of float
        Horizontal field of view, degrees, above 0 and below 180.
    px_per_m : array-like of float
        Pixel density to reach, pixels per metre, for instance a value of `PIXEL_DENSITY`.

    Returns
    -------
    float or numpy.ndarray of float
        Distance in metres; a float if all arguments are scalars.

    Raises
    ------
    ColumnError
        If a value lies outside its domain.

    Notes
    -----
    The distance is pixels_wide / (2 · px_per_m · tan(fov_deg / 2)): pixel density on a plane at
    right angles to the optical axis of a rectilinear lens, as in IEC 62676-4 [1]_ [2]_.

    References
    ----------
    .. [1] IEC 62676-4:2014, Video surveillance systems for use in security applications - Part 4:
       Application guidelines.
    .. [2] IEC 62676-4:2025, edition of 2025 of the same part.

    Examples
    --------
    A camera of 1920 pixels and 90 degrees identifies (250 px/m) up to 3.84 m:

    >>> import geo
    >>> round(geo.pixel_density_range(1920, 90.0, geo.PIXEL_DENSITY["2014"]["identify"]), 2)
    3.84
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
