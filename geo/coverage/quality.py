"""Image quality: ground seen at each image class of IEC 62676-4, by day and by night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.coverage.ground import measure_coverage, prepare_ground
from geo.crs import require_metric
from geo.errors import ColumnError, name_rows
from geo.frames import numbers_of
from geo.geometry.polygons import rings_of
from geo.synonyms import warn_of_unused
from geo.visibility.camera_defaults import CameraDefaults
from geo.visibility.directions import split_directions
from geo.visibility.field_of_view import PIXEL_DENSITY, complete_cameras, pixel_density_range
from geo.visibility.prepared_buildings import PreparedBuildings, prepare_buildings
from geo.visibility.visibility import placed_cameras, viewpoints_of, views_of_viewpoints

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

Edition = Literal["2025", "2014"]


def at_night(
    cameras: GeoDataFrame, *, defaults: Mapping[str, CameraDefaults] | None = None
) -> GeoDataFrame:
    """Return cameras with the range that they have in the dark.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        As for `complete_cameras`, with `night_range_m`.
    defaults : mapping of str to CameraDefaults, optional
        As for `complete_cameras`.

    Returns
    -------
    geopandas.GeoDataFrame
        Completed cameras whose range ends at night_range_m; 0 where that is not recorded, so that
        night coverage is a lower bound.

    Raises
    ------
    ColumnError
        If a value lies outside its domain.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cameras = gpd.GeoDataFrame(
    ...     {"fov_deg": [90.0], "bearing_deg": [0.0], "range_m": [60.0], "night_range_m": [25.0]},
    ...     geometry=[shapely.Point(500000, 4000000)], crs="EPSG:32650")
    >>> float(geo.at_night(cameras)["range_m"].iloc[0])
    25.0
    """
    completed = complete_cameras(cameras, defaults=defaults)
    warn_of_unused(cameras, "cameras", ("night_range_m",))
    night_range = numbers_of(completed, "night_range_m", missing=0.0)
    bad = night_range < 0
    if np.any(bad):
        raise ColumnError(
            f"night_range_m must be 0 m or more; wrong at {name_rows(completed.index[bad])}"
        )
    completed["range_m"] = np.minimum(completed["range_m"], night_range)
    completed["near_m"] = np.minimum(completed["near_m"], completed["range_m"])
    return completed


def class_range(
    cameras: GeoDataFrame,
    px_per_m: float,
    *,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> Series:
    """Return the distance up to which each camera reaches a pixel density.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        As for `complete_cameras`, with `pixels_wide`.
    px_per_m : float
        Pixel density to reach, pixels per metre, for instance a value of `PIXEL_DENSITY`.
    defaults : mapping of str to CameraDefaults, optional
        As for `complete_cameras`.

    Returns
    -------
    pandas.Series
        `class_range_m` on the index of `cameras`: metres, at most the range; NaN where pixels_wide
        is not recorded. For a camera that looks several ways, that of the direction that reaches
        farthest.

    Raises
    ------
    ColumnError
        If a value lies outside its domain.

    Notes
    -----
    Below 180 degrees the formula of the flat sensor, pixels_wide / (2 · px_per_m · tan(fov / 2))
    (see `pixel_density_range`); from 180 degrees on the pixels are spread evenly over the angle,
    pixels_wide / (px_per_m · fov in radians). The field of view is that of the lens, recorded or
    assumed for the kind, not the full circle taken where the bearing is missing. Pixel densities of
    the classes: IEC 62676-4:2025 and IEC 62676-4:2014.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cameras = gpd.GeoDataFrame(
    ...     {"fov_deg": [90.0], "bearing_deg": [0.0], "range_m": [60.0], "pixels_wide": [2000]},
    ...     geometry=[shapely.Point(500000, 4000000)], crs="EPSG:32650")
    >>> round(float(geo.class_range(cameras, 25.0).iloc[0]), 6)
    40.0
    """
    directed, owner = split_directions(complete_cameras(cameras, defaults=defaults))
    farthest = np.full(len(cameras), np.nan)
    np.fmax.at(farthest, owner, _class_range(directed, px_per_m))
    return pd.Series(farthest, index=cameras.index, name="class_range_m")


def _class_range(completed: GeoDataFrame, px_per_m: float) -> NDArray[np.float64]:
    """Return the distance up to which each completed camera reaches a pixel density, metres."""
    fov = completed["lens_deg"].to_numpy(float)
    pixels = numbers_of(completed, "pixels_wide")
    out = np.full(len(completed), np.nan)
    flat = (fov < 180.0) & (fov > 0.0) & (pixels > 0)
    out[flat] = pixel_density_range(pixels[flat], fov[flat], px_per_m)
    curved = (fov >= 180.0) & (pixels > 0)
    out[curved] = pixels[curved] / (px_per_m * np.radians(fov[curved]))
    return np.minimum(out, completed["range_m"].to_numpy(float))


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
    """Return the share of each area seen at all, and at each image class of IEC 62676-4.

    Parameters
    ----------
    areas : geopandas.GeoDataFrame
        Polygons (grids, key places), metric CRS.
    cameras : geopandas.GeoDataFrame
        The cameras that count (see `cameras_in_use`), same CRS, with `pixels_wide`.
    buildings : geopandas.GeoDataFrame, optional
        Footprints, same CRS; shares are of the open ground then, of all ground without them.
    edition : {"2025", "2014"}, default "2025"
        Edition of the standard: ``2025`` (overview to scrutinise) or ``2014`` (detect to identify).
    night : bool, default False
        Whether cameras have their range in the dark (see `at_night`).
    walls : PreparedBuildings, optional
        The same buildings from `prepare_buildings`, with a terrain if there is one.
    defaults : mapping of str to CameraDefaults, optional
        Assumed parameters by kind of camera, as for `visible_area`.

    Returns
    -------
    pandas.DataFrame
        One row per area, on the index of `areas`: `seen_share`, and one share per class of the
        edition (``outline_share`` and so on), 0 to 1, NaN where no ground is open. A camera without
        recorded pixels counts for none of the classes; ``.attrs["unknown_pixels"]`` is the number
        of those, ``.attrs["assumed"]`` what was assumed of the cameras (see `complete_cameras`).

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    ColumnError
        If a value of the cameras lies outside its domain, or there is no such edition.
    GeometryError
        If an area or building is not a valid polygon, or a camera is not a point.

    Notes
    -----
    The view of a camera at a class is its view cut at the distance of that class (see
    `class_range`): each class is a call of the visibility engine. Pixel densities by IEC
    62676-4:2025 and IEC 62676-4:2014, in `PIXEL_DENSITY`.

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
        no_buildings = gpd.GeoDataFrame(geometry=[], crs=crs)
        walls = prepare_buildings(buildings if buildings is not None else no_buildings)
    ground = prepare_ground(areas, buildings)
    warn_of_unused(cameras, "cameras", ("pixels_wide", "night_range_m")[: 1 + night])
    cameras = placed_cameras(cameras, defaults=defaults)
    directed, _ = split_directions(cameras)
    ranges = class_ranges(directed, editions=[edition], night=night, defaults=defaults)
    column = "covered_share" if buildings is None else "open_covered_share"
    out = pd.DataFrame(index=areas.index)
    for name, views in class_views(directed, walls, ranges, defaults=defaults).items():
        shapes = np.asarray(views.values)
        out[f"{name.split('.')[-1]}_share"] = measure_coverage(ground, shapes, rings_of(shapes))[
            column
        ]
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
    """Return how far each camera sees at all, and at each image class.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        One direction per row (see `split_directions`).
    editions : sequence of {"2025", "2014"}, optional
        Editions of IEC 62676-4.
    night : bool, default False
        Whether cameras have their range in the dark.
    defaults : mapping of str to CameraDefaults, optional
        As for `complete_cameras`.

    Returns
    -------
    dict of str to numpy.ndarray
        Metres, one per row, by ``seen`` and ``2025.outline`` and so on; NaN where it is not known
        whether the camera reaches the class.

    Raises
    ------
    ColumnError
        If a value lies outside its domain.
    """
    completed = complete_cameras(cameras, defaults=defaults)
    by_light = at_night(completed, defaults=defaults) if night else completed
    limit = by_light["range_m"].to_numpy(float)
    out = {"seen": limit}
    for edition in editions:
        for name, density in PIXEL_DENSITY[edition].items():
            out[f"{edition}.{name}"] = np.minimum(_class_range(completed, density), limit)
    return out


def class_views(
    cameras: GeoDataFrame,
    walls: PreparedBuildings,
    ranges: Mapping[str, NDArray[np.float64]],
    *,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> dict[str, GeoSeries]:
    """Return what cameras see within each of several ranges.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        One direction per row (see `split_directions`), metric CRS.
    walls : PreparedBuildings
        From `prepare_buildings`, same CRS.
    ranges : mapping of str to numpy.ndarray
        From `class_ranges`: metres, one per row.
    defaults : mapping of str to CameraDefaults, optional
        As for `visible_area`.

    Returns
    -------
    dict of str to geopandas.GeoSeries
        Views by range, on the index of `cameras`, without the rows whose range is NaN.

    Notes
    -----
    One call of the engine for all ranges; the view within the camera's own range is computed once.
    A camera on a building is mounted as it is for its own range.
    """
    placed = placed_cameras(cameras, defaults=defaults)
    _, spans, eyes = viewpoints_of(placed, walls)
    full_views = views_of_viewpoints(eyes, spans, walls)
    shortened = {name: np.flatnonzero(limits < eyes[:, 4]) for name, limits in ranges.items()}
    rows = np.concatenate([np.zeros(0, np.int64), *shortened.values()])
    cut_eyes = eyes[rows]
    cut_eyes[:, 4] = np.concatenate(
        [np.zeros(0), *[ranges[name][members] for name, members in shortened.items()]]
    )
    cut_eyes[:, 3] = np.minimum(cut_eyes[:, 3], cut_eyes[:, 4])
    cut_views = views_of_viewpoints(cut_eyes, spans[rows], walls)
    out = {}
    begin = 0
    for name, members in shortened.items():
        views = full_views.copy()
        views[members] = cut_views[begin : begin + len(members)]
        begin += len(members)
        known = ~np.isnan(ranges[name])
        out[name] = gpd.GeoSeries(views[known], index=placed.index[known], crs=placed.crs)
    return out
