"""How well the ground is seen: by image class, by day and night, by which cameras count, as of when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.coverage.gaps import ground_of, measure
from geo.crs import require_metric
from geo.errors import ColumnError, name_rows
from geo.frames import (
    choices_of,
    codes_of,
    days_of,
    numbers_of,
    require_table,
    required_column,
    texts_of,
    times_of,
)
from geo.geometry.polygons import rings_of
from geo.schema import CAMERAS
from geo.synonyms import warn_of_unused
from geo.visibility.camera_defaults import CameraDefaults
from geo.visibility.directions import split_directions
from geo.visibility.field_of_view import PIXEL_DENSITY, complete_cameras, pixel_density_range
from geo.visibility.prepared_buildings import PreparedBuildings, prepare_buildings
from geo.visibility.visibility import eyes_of, placed_cameras, views_from

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

Edition = Literal["2025", "2014"]
IN_USE = ("working", "unknown")
"""States of a camera that count as seeing."""
_STATES, _POINT_CLASSES, _ROOMS = (
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
    require_table(cameras, "cameras")
    out = cameras
    if at is not None:
        out = _existing(out, at)
        if history is not None:
            out = out.assign(status=_status_at(out.index, history, at))
    warn_of_unused(
        cameras, "cameras", ("status", "installed_on", "retired_on", "point_class", "room")
    )
    status = choices_of(out, "status", _STATES, "unknown")
    out = out[(status.isin(IN_USE) if working_only else status != "retired").to_numpy()]
    if point_class is not None:
        if "point_class" not in out:
            raise ColumnError("the cameras have no column point_class; import it (监控点位类型)")
        wanted = [point_class] if isinstance(point_class, str) else list(point_class)
        if strange := set(wanted) - set(_POINT_CLASSES):
            raise ColumnError(
                f"there is no point class {', '.join(map(str, strange))}; "
                f"use {', '.join(_POINT_CLASSES)}"
            )
        out = out[choices_of(out, "point_class", _POINT_CLASSES, "unknown").isin(wanted).to_numpy()]
    if outdoor_only:
        out = out[(choices_of(out, "room", _ROOMS, "unknown") != "indoor").to_numpy()]
    return out


def _existing(cameras: GeoDataFrame, at: dt.date) -> GeoDataFrame:
    day = pd.Timestamp(at)
    installed, retired = days_of(cameras, "installed_on"), days_of(cameras, "retired_on")
    keep = (installed.isna() | (installed <= day)) & (retired.isna() | (retired > day))
    return cameras[keep.to_numpy()]


def _status_at(cameras: pd.Index, history: DataFrame, at: dt.date) -> Series:
    for name in ("camera", "status", "since"):
        required_column(history, name, "the status history")
    codes_of(pd.Series(index=cameras, dtype=object), "cameras")
    since = times_of(history, "since").to_numpy("datetime64[ns]")
    end = np.datetime64(pd.Timestamp(at) + pd.Timedelta(days=1), "ns")
    rows = np.flatnonzero(since < end)
    rows = rows[np.argsort(since[rows], kind="stable")]
    status = choices_of(history, "status", _STATES, "unknown").to_numpy()[rows]
    last = dict(zip(texts_of(history, "camera").to_numpy()[rows], status, strict=True))
    return pd.Series([last.get(label, "unknown") for label in cameras], cameras, dtype=object)


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
    warn_of_unused(cameras, "cameras", ("night_range_m",))
    night = numbers_of(full, "night_range_m", missing=0.0)
    if np.any(night < 0):
        raise ColumnError(
            f"night_range_m must be 0 m or more; wrong at {name_rows(full.index[night < 0])}"
        )
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
    that on record or assumed for the kind, not the full circle taken for want of a bearing. Of a
    camera that looks several ways it is the distance of the direction that reaches farthest.

    Raises
    ------
    ColumnError : a value lies outside its domain.
    """
    directed, owner = split_directions(complete_cameras(cameras, defaults=defaults))
    farthest = np.full(len(cameras), np.nan)
    np.fmax.at(farthest, owner, _class_range(directed, px_per_m))
    return pd.Series(farthest, index=cameras.index, name="class_range_m")


def _class_range(full: GeoDataFrame, px_per_m: float) -> NDArray[np.float64]:
    """The same of completed cameras."""
    fov = full["lens_deg"].to_numpy(float)
    pixels = numbers_of(full, "pixels_wide")
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
    walls: PreparedBuildings | None = None,
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
    walls : the same buildings made ready by `prepare_buildings`, with a terrain if there is one.
    defaults : as for `visible_area`.

    Returns
    -------
    One row an area, on the index of `areas`: `seen_share`, and one column a class of the edition,
    all 0 to 1, NaN where no ground is open. A camera whose pixels are not on record counts for
    none of the classes; ``.attrs["unknown_pixels"]`` is how many those are, ``.attrs["assumed"]``
    what was assumed of the cameras (see `complete_cameras`).

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
    crs = require_metric(areas, cameras, buildings)
    if walls is None:
        nothing = gpd.GeoDataFrame(geometry=[], crs=crs)
        walls = prepare_buildings(buildings if buildings is not None else nothing)
    ground = ground_of(areas, buildings)
    warn_of_unused(cameras, "cameras", ("pixels_wide", "night_range_m")[: 1 + night])
    cameras = placed_cameras(cameras, defaults=defaults)
    directed, _ = split_directions(cameras)
    ranges = class_ranges(directed, editions=[edition], night=night, defaults=defaults)
    column = "covered_share" if buildings is None else "open_covered_share"
    out = pd.DataFrame(index=areas.index)
    for name, seen in class_views(directed, walls, ranges, defaults=defaults).items():
        shapes = np.asarray(seen.values)
        out[f"{name.split('.')[-1]}_share"] = measure(ground, shapes, rings_of(shapes))[column]
    out.attrs["unknown_pixels"] = int(np.isnan(numbers_of(cameras, "pixels_wide")).sum())
    out.attrs["assumed"] = cameras.attrs["assumed"]
    return out


def class_ranges(
    cameras: GeoDataFrame,
    *,
    editions: Sequence[Edition] = ("2025", "2014"),
    night: bool = False,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """How far each camera sees at all (``seen``) and at each class (``2025.outline`` and so on).

    `cameras` has one direction a row (`split_directions`). Metres, one a row; NaN where it is not known to reach the class.
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
    walls: PreparedBuildings,
    ranges: Mapping[str, NDArray[np.float64]],
    *,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> dict[str, GeoSeries]:
    """What cameras see within each of some ranges; cameras with NaN are left out there.

    `cameras` has one direction a row (`split_directions`). All are one call of the engine: the view within the camera's own range is looked at once. Each
    camera looks from where it looks in the whole of its range.
    """
    full = placed_cameras(cameras, defaults=defaults)
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
