"""How well the ground is seen: by image class, by day and night, by which cameras count, as of when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.coverage._edges import rings_of
from geo.coverage._walls import Walls, walls_of
from geo.coverage.field_of_view import PIXEL_DENSITY, complete_cameras, pixel_density_range
from geo.coverage.gaps import ground_of, measure
from geo.coverage.visibility import eyes_of, views_from
from geo.crs import require_metric
from geo.errors import ColumnError
from geo.settings import CameraDefaults

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

Edition = Literal["2025", "2014"]
IN_USE = ("working", "unknown")
"""States of a camera that count as seeing."""


def cameras_in_use(
    cameras: GeoDataFrame,
    *,
    at: dt.date | None = None,
    history: DataFrame | None = None,
    working_only: bool = True,
    point_class: str | Sequence[str] | None = None,
    outdoor_only: bool = False,
) -> GeoDataFrame:
    """The cameras that count for a question.

    Parameters
    ----------
    cameras : columns status, installed_on, retired_on, point_class, room; an absent column
        or an empty value leaves nobody out, but for `point_class`.
    at : the day in question; only cameras installed by then and not yet retired. Without it the
        state on record counts and dates do not.
    history : status changes, columns camera (label in the index of `cameras`), status, since;
        with `at`, the last status up to the end (UTC) of that day counts, and ``unknown`` for a
        camera whose history begins later.
    working_only : leave out faulty and offline ones; retired ones never count.
    point_class : only these: ``public`` (一类), ``industry`` (二类), ``private`` (三类).
    outdoor_only : leave out those indoors.

    Returns
    -------
    Rows of `cameras`; `status` is that of the day where `at` and `history` were given.

    Raises
    ------
    ColumnError : `point_class` was asked and there is no such column, or `history` lacks one.
    """
    out = cameras
    if at is not None:
        out = _existing(out, at)
        if history is not None:
            out = out.assign(status=_status_at(out.index, history, at))
    if "status" in out:
        status = out["status"].astype(object).where(out["status"].notna(), "unknown")
        out = out[status.isin(IN_USE) if working_only else status != "retired"]
    if point_class is not None:
        if "point_class" not in out:
            raise ColumnError("the cameras have no column point_class; import it (监控点位类型)")
        wanted = [point_class] if isinstance(point_class, str) else list(point_class)
        out = out[out["point_class"].isin(wanted)]
    if outdoor_only and "room" in out:
        out = out[out["room"] != "indoor"]
    return out


def _existing(cameras: GeoDataFrame, at: dt.date) -> GeoDataFrame:
    day = pd.Timestamp(at)
    keep = np.ones(len(cameras), bool)
    if "installed_on" in cameras:
        installed = pd.to_datetime(cameras["installed_on"])
        keep &= (installed.isna() | (installed <= day)).to_numpy()
    if "retired_on" in cameras:
        retired = pd.to_datetime(cameras["retired_on"])
        keep &= (retired.isna() | (retired > day)).to_numpy()
    return cameras[keep]


def _status_at(cameras: pd.Index, history: DataFrame, at: dt.date) -> Series:
    missing = {"camera", "status", "since"} - set(history.columns)
    if missing:
        raise ColumnError(f"the status history has no column {', '.join(sorted(missing))}")
    since = pd.to_datetime(history["since"], utc=True)
    end = pd.Timestamp(at, tz="UTC") + pd.Timedelta(days=1)
    order = since[since < end].sort_values(kind="stable").index
    past = history.loc[order].drop_duplicates("camera", keep="last").set_index("camera")
    return past["status"].reindex(cameras).fillna("unknown")


def at_night(
    cameras: GeoDataFrame, *, defaults: Mapping[str, CameraDefaults] | None = None
) -> GeoDataFrame:
    """Cameras with the range they have in the dark.

    Parameters
    ----------
    cameras : as for `complete_cameras`, and night_range_m.
    defaults : as for `complete_cameras`.

    Returns
    -------
    Completed cameras whose range ends at night_range_m; 0 where that is not on record, so that
    night coverage is what is known, not what is hoped.

    Raises
    ------
    ColumnError : a value lies outside its domain.
    """
    full = complete_cameras(cameras, defaults=defaults)
    night = np.zeros(len(full))
    if "night_range_m" in full:
        night = pd.to_numeric(full["night_range_m"]).astype(float).fillna(0.0).to_numpy()
    if np.any(night < 0):
        raise ColumnError("night_range_m must be 0 m or more")
    full["range_m"] = np.minimum(full["range_m"], night)
    full["near_m"] = np.minimum(full["near_m"], full["range_m"])
    return full


def class_range(
    cameras: GeoDataFrame,
    px_per_m: float,
    *,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> Series:
    """Distance up to which each camera reaches a pixel density, by its own lens.

    Parameters
    ----------
    cameras : as for `complete_cameras`, and pixels_wide.
    px_per_m : pixel density to reach, for instance a value of `PIXEL_DENSITY`.
    defaults : as for `complete_cameras`.

    Returns
    -------
    Metres, at most the range; NaN where pixels_wide is not on record. Below 180 degrees the
    formula of the flat sensor (`pixel_density_range`); from there on the pixels of the image
    spread evenly over the angle: pixels_wide / (px_per_m · fov in radians). The field of view is
    that on record or assumed for the kind, not the full circle taken for want of a bearing.

    Raises
    ------
    ColumnError : a value lies outside its domain.
    """
    full = complete_cameras(cameras, defaults=defaults)
    return pd.Series(_class_range(full, px_per_m), index=cameras.index, name="class_range_m")


def _class_range(full: GeoDataFrame, px_per_m: float) -> NDArray[np.float64]:
    """The same of completed cameras."""
    fov = full["lens_deg"].to_numpy(float)
    pixels = np.full(len(full), np.nan)
    if "pixels_wide" in full:
        pixels = pd.to_numeric(full["pixels_wide"]).astype(float).to_numpy()
    out = np.full(len(full), np.nan)
    flat = (fov < 180.0) & (fov > 0.0) & (pixels > 0)
    out[flat] = pixel_density_range(pixels[flat], fov[flat], px_per_m)
    round_ = (fov >= 180.0) & (pixels > 0)
    out[round_] = pixels[round_] / (px_per_m * np.radians(fov[round_]))
    return np.minimum(out, full["range_m"].to_numpy(float))


def quality_coverage(
    areas: GeoDataFrame,
    cameras: GeoDataFrame,
    buildings: GeoDataFrame | None = None,
    *,
    edition: Edition = "2025",
    night: bool = False,
    walls: Walls | None = None,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> DataFrame:
    """Share of each area seen at all, and at each image class of IEC 62676-4.

    Parameters
    ----------
    areas : polygons (grids, key places), metric CRS.
    cameras : those that count (see `cameras_in_use`), same CRS.
    buildings : footprints, same CRS; shares are of the open ground then, of all ground without.
    edition : of the standard: ``2025`` (overview to scrutinise) or ``2014`` (detect to identify).
    night : with the range in the dark (`at_night`).
    walls : the same buildings made ready by `walls_of`, with a terrain if there is one.
    defaults : as for `visible_area`.

    Returns
    -------
    One row an area, on the index of `areas`: `seen_share`, and one column a class of the edition,
    all 0 to 1, NaN where no ground is open. A camera whose pixels are not on record counts for
    none of the classes; ``.attrs["unknown_pixels"]`` is how many those are.

    Raises
    ------
    CrsError, ColumnError, GeometryError : as `visible_area` and `coverage_by_grid`.

    Notes
    -----
    What a camera sees within a shorter range is what it sees, cut at that range: each class is a
    call of the visibility engine. IEC 62676-4:2025 and :2014, pixel densities in `PIXEL_DENSITY`.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cameras = gpd.GeoDataFrame(
    ...     {"fov_deg": [90.0], "bearing_deg": [0.0], "range_m": [60.0], "near_m": [0.0],
    ...      "pixels_wide": [2000]}, geometry=[shapely.Point(500000, 4000000)], crs="EPSG:32650")
    >>> square = gpd.GeoDataFrame(
    ...     geometry=[shapely.box(499980, 4000020, 500020, 4000040)], crs="EPSG:32650")
    >>> table = geo.quality_coverage(square, cameras, edition="2014")
    >>> [round(float(v), 2) for v in table.iloc[0]]
    [1.0, 0.91, 0.0, 0.0, 0.0]
    """
    if edition not in PIXEL_DENSITY:
        raise ColumnError(f"edition must be one of {', '.join(PIXEL_DENSITY)}, not {edition!r}")
    if walls is None:
        walls = walls_of(buildings if buildings is not None else cameras.iloc[:0])
    require_metric(areas, cameras, buildings)
    ground = ground_of(areas, buildings)
    ranges = class_ranges(cameras, editions=[edition], night=night, defaults=defaults)
    column = "covered_share" if buildings is None else "open_covered_share"
    out = pd.DataFrame(index=areas.index)
    for name, seen in class_views(cameras, walls, ranges, defaults=defaults).items():
        shapes = np.asarray(seen.values)
        out[f"{name.split('.')[-1]}_share"] = measure(ground, shapes, rings_of(shapes))[column]
    pixels = (
        cameras["pixels_wide"] if "pixels_wide" in cameras else pd.Series([None] * len(cameras))
    )
    out.attrs["unknown_pixels"] = int(pixels.isna().sum())
    return out


def class_ranges(
    cameras: GeoDataFrame,
    *,
    editions: Sequence[Edition] = ("2025", "2014"),
    night: bool = False,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """How far each camera sees at all (``seen``) and at each class (``2025.outline`` and so on).

    Metres, one a camera; NaN where it is not known to reach the class.
    """
    full = complete_cameras(cameras, defaults=defaults)
    limit = (at_night(full, defaults=defaults) if night else full)["range_m"].to_numpy(float)
    out = {"seen": limit}
    for edition in editions:
        for name, density in PIXEL_DENSITY[edition].items():
            out[f"{edition}.{name}"] = np.minimum(_class_range(full, density), limit)
    return out


def class_views(
    cameras: GeoDataFrame,
    walls: Walls,
    ranges: Mapping[str, NDArray[np.float64]],
    *,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> dict[str, GeoSeries]:
    """What cameras see within each of some ranges; cameras with NaN are left out there.

    All are one call of the engine: the view within the camera's own range is looked at once. Each
    camera looks from where it looks in the whole of its range.
    """
    full = complete_cameras(cameras, defaults=defaults)
    _, spans, eyes = eyes_of(full, walls)
    whole = views_from(eyes, spans, walls)
    shorter = {name: np.flatnonzero(values < eyes[:, 4]) for name, values in ranges.items()}
    rows = np.concatenate([np.zeros(0, np.int64), *shorter.values()])
    cut = eyes[rows]
    cut[:, 4] = np.concatenate([np.zeros(0), *[ranges[n][m] for n, m in shorter.items()]])
    cut[:, 3] = np.minimum(cut[:, 3], cut[:, 4])
    parts = views_from(cut, spans[rows], walls)
    out = {}
    begun = 0
    for name, members in shorter.items():
        seen = whole.copy()
        seen[members] = parts[begun : begun + len(members)]
        begun += len(members)
        known = ~np.isnan(ranges[name])
        out[name] = gpd.GeoSeries(seen[known], index=full.index[known], crs=full.crs)
    return out
