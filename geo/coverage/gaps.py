"""How much of each grid the cameras see, and where the ground they miss lies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.coverage._areas import AREA, COVERED, OPEN, OPEN_COVERED, THRICE, TWICE, Layer, areas
from geo.coverage._draws import drawn_coverage
from geo.coverage._widest import circle_diameters
from geo.crs import require_metric
from geo.errors import ColumnError
from geo.geometry.polygons import Rings, directed_edges, require_polygons, rings_of
from geo.geometry.shapes import polygon_parts
from geo.visibility.camera_defaults import CameraDefaults
from geo.visibility.prepared_buildings import prepare_buildings

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame


def _near(layer: NDArray[Any], grids: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Members of `layer` that meet each grid: their numbers, and the offset of each grid's."""
    if len(layer) == 0 or len(grids) == 0:
        return np.zeros(0, np.int64), np.zeros(len(grids) + 1, np.int64)
    grid, member = shapely.STRtree(layer).query(grids, predicate="intersects")
    order = np.lexsort((member, grid))
    offsets = np.searchsorted(grid[order], np.arange(len(grids) + 1)).astype(np.int64)
    return member[order].astype(np.int64), offsets


def _chunks(count: int) -> list[tuple[int, int]]:
    size = max(1, min(256, -(-count // ((os.cpu_count() or 1) * 4))))
    return [(lo, min(lo + size, count)) for lo in range(0, count, size)]


def _uncovered(cell: Any, cover: NDArray[Any]) -> Any:
    """The part of a cell outside all covers, computed near the origin where doubles are finest."""
    x, y, x1, y1 = shapely.bounds(cell)
    low = np.array([x, y])
    local = shapely.transform(cell, lambda xy: xy - low)
    over = shapely.transform(cover, lambda xy: xy - low)
    try:
        clipped = polygon_parts(shapely.clip_by_rect(over, 0.0, 0.0, x1 - x, y1 - y))
        left = shapely.difference(local, shapely.disjoint_subset_union_all(clipped))
    except shapely.errors.GEOSException:
        left = _snapped_difference(local, over, shapely.box(0.0, 0.0, x1 - x, y1 - y))
    return shapely.transform(left, lambda xy: xy + low)


def _snapped_difference(local: Any, over: NDArray[Any], box: Any) -> Any:
    """Near-coincident edges can defeat floating overlay; snapping to a micrometre cannot fail."""
    for step in (1e-7, 1e-6):
        try:
            clipped = shapely.intersection(over, box, grid_size=step)
            union = shapely.union_all(polygon_parts(clipped), grid_size=step)
            return shapely.difference(local, union, grid_size=step)
        except shapely.errors.GEOSException:
            if step == 1e-6:
                raise
    return local


def coverage_by_grid(
    grids: GeoDataFrame,
    views: GeoSeries,
    *,
    buildings: GeoDataFrame | None = None,
    cameras: GeoDataFrame | None = None,
    position_error_m: ArrayLike = 0.0,
    bearing_error_deg: ArrayLike = 0.0,
    draws: int = 0,
    seed: int = 1,
    defaults: Mapping[str, CameraDefaults] | None = None,
) -> DataFrame:
    """Share of each grid that at least one camera sees.

    Parameters
    ----------
    grids : polygons, metric CRS.
    views : what each camera sees, from `visible_area`; same CRS. Empty views count nothing.
    buildings : footprints to leave out of the open ground; same CRS. Without them all ground
        is open.
    cameras : those of the views, needed with `draws`, as for `visible_area`; same CRS.
    position_error_m : standard deviation of a camera's position in each axis, metres; one
        number, or one a camera.
    bearing_error_deg : standard deviation of a bearing on record, degrees; likewise.
    draws : how many times all cameras are moved and turned at random; 0 for no interval.
    seed : of the random numbers; the same seed, the same figures.
    defaults : as for `visible_area`.

    Returns
    -------
    One row a grid, on the index of `grids`: `area_m2`; `covered_m2`, `covered_share` (0 to 1);
    `open_m2`, `open_covered_share` (NaN where no ground is open); `cameras` (views that reach
    into the grid); `twice_covered_share`; `seen_by_0_share` to `seen_by_3_share` (the last is
    three or more). With `draws` also `covered_share_mean`, `covered_share_p05` and
    `covered_share_p95`, the mean and the 5 and 95 % quantiles over the draws, and the same of
    `open_covered_share`. ``.attrs["assumed"]`` is that of the views (see `visible_area`).

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    GeometryError : a grid, view or building is no valid polygon.
    ColumnError : draws without cameras, or an error below 0.

    Notes
    -----
    Exact up to rounding: a sweep by slabs split at every crossing (Bentley and Ottmann 1979, in
    slabs), see docs/coverage.md.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(index=["a"], geometry=[shapely.box(0, 0, 10, 10)], crs=32650)
    >>> views = gpd.GeoSeries([shapely.box(5, 0, 20, 10), shapely.box(5, 0, 8, 5)], crs=32650)
    >>> row = geo.coverage_by_grid(grids, views).loc["a"]
    >>> float(row.covered_share), float(row.twice_covered_share), int(row.cameras)
    (0.5, 0.15, 2)
    """
    require_metric(grids, views, buildings, cameras)
    ground = ground_of(grids, buildings)
    seen, view_rings = require_polygons(views, "views", empty=True)
    out = pd.DataFrame(measure(ground, seen, view_rings), index=grids.index)
    if draws:
        if cameras is None:
            raise ColumnError("draws move the cameras: give cameras=, those of the views")
        drawn = drawn_coverage(
            cameras,
            prepare_buildings(buildings if buildings is not None else grids.iloc[:0]),
            lambda moved: measure(ground, moved, rings_of(moved)),
            position_error_m=position_error_m,
            bearing_error_deg=bearing_error_deg,
            draws=draws,
            seed=seed,
            defaults=defaults,
        )
        out = out.assign(**drawn)
    if "assumed" in views.attrs:
        out.attrs["assumed"] = views.attrs["assumed"]
    return out


@dataclass(frozen=True)
class Ground:
    """Grids and the footprints in them, taken apart once for any number of sets of views."""

    cells: NDArray[Any]
    boxes: NDArray[np.float64]
    cell_edges: tuple[NDArray[np.float64], NDArray[np.int64]]
    roof_edges: tuple[NDArray[np.float64], NDArray[np.int64]]
    near_roofs: tuple[NDArray[np.int64], NDArray[np.int64]]


def ground_of(grids: GeoDataFrame, buildings: GeoDataFrame | None) -> Ground:
    """Take grids and footprints apart; refuses anything but valid polygons."""
    cells, cell_rings = require_polygons(grids, "grids")
    if buildings is not None:
        roofs, roof_rings = require_polygons(buildings, "buildings")
    else:
        roofs = np.empty(0, dtype=object)
        roof_rings = rings_of(roofs)
    return Ground(
        cells,
        shapely.bounds(cells).reshape(-1, 4),
        cell_rings.edges,
        roof_rings.edges,
        _near(roofs, cells),
    )


def measure(ground: Ground, seen: NDArray[Any], rings: Rings) -> dict[str, NDArray[Any]]:
    """The columns of `coverage_by_grid` but for the draws."""
    near_views, view_offsets = _near(seen, ground.cells)
    itself = np.arange(len(ground.cells) + 1)
    parts = (
        ground.boxes,
        Layer(*ground.cell_edges, itself[:-1], itself),
        Layer(*rings.edges, near_views, view_offsets),
        Layer(*ground.roof_edges, *ground.near_roofs),
    )
    chunks = _chunks(len(ground.cells))
    if len(chunks) < 8:
        results = [areas(lo, hi, *parts) for lo, hi in chunks]
    else:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            results = list(pool.map(lambda part: areas(*part, *parts), chunks))
    table = np.concatenate(results) if results else np.zeros((0, 6))
    table = np.clip(table, 0.0, None)
    area = table[:, AREA]
    open_m2 = np.where(table[:, OPEN] < 1e-6 * np.maximum(area, 1.0), 0.0, table[:, OPEN])
    covered = np.minimum(table[:, COVERED], area)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = covered / area
        open_share = np.where(
            open_m2 > 0, np.minimum(table[:, OPEN_COVERED], open_m2) / open_m2, np.nan
        )
        twice = table[:, TWICE] / area
        thrice = table[:, THRICE] / area
    return {
        "area_m2": area,
        "covered_m2": covered,
        "covered_share": share,
        "open_m2": open_m2,
        "open_covered_share": open_share,
        "cameras": np.diff(view_offsets),
        "twice_covered_share": twice,
        "seen_by_0_share": 1.0 - share,
        "seen_by_1_share": share - twice,
        "seen_by_2_share": twice - thrice,
        "seen_by_3_share": thrice,
    }


def blind_spots(
    grids: GeoDataFrame,
    views: GeoSeries,
    *,
    buildings: GeoDataFrame | None = None,
    min_area_m2: float = 25.0,
) -> GeoDataFrame:
    """Connected pieces of each grid's open ground that no camera sees.

    Parameters
    ----------
    grids : polygons, metric CRS.
    views : what each camera sees, from `visible_area`; same CRS.
    buildings : footprints; the ground under them is no blind spot. Same CRS.
    min_area_m2 : smaller pieces are left out.

    Returns
    -------
    One row a piece, largest first, on a new index: `grid` (its label in the index of `grids`),
    `area_m2`, `widest_m` (diameter of the largest circle inside, to 0.5 m), `geometry`.
    ``.attrs["assumed"]`` is that of the views (see `visible_area`).

    Raises
    ------
    CrsError : the inputs differ in CRS, or it is not metric.
    GeometryError : a grid, view or building is no valid polygon.
    """
    require_metric(grids, views, buildings)
    cells, _ = require_polygons(grids, "grids")
    covers = [require_polygons(views, "views", empty=True)[0]]
    if buildings is not None:
        covers.append(require_polygons(buildings, "buildings")[0])
    cover = np.concatenate(covers)
    cover = cover[~shapely.is_empty(cover)]
    near, offsets = _near(cover, cells)

    def work(bounds: tuple[int, int]) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[Any]]:
        found, owner = [], []
        for g in range(*bounds):
            left = _uncovered(cells[g], cover[near[offsets[g] : offsets[g + 1]]])
            pieces = polygon_parts(left)
            pieces = pieces[(shapely.area(pieces) > 0) & (shapely.area(pieces) >= min_area_m2)]
            found.append(pieces)
            owner.append(np.full(len(pieces), g))
        pieces = np.concatenate(found)
        return pieces, np.concatenate(owner), circle_diameters(*directed_edges(pieces), 0.25)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = list(pool.map(work, _chunks(len(cells))))
    pieces = np.concatenate([r[0] for r in results]) if results else np.empty(0, dtype=object)
    owner = np.concatenate([r[1] for r in results]) if results else np.empty(0, np.int64)
    widest = np.concatenate([r[2] for r in results]) if results else np.empty(0)
    out = gpd.GeoDataFrame(
        {
            "grid": grids.index.to_numpy()[owner],
            "area_m2": shapely.area(pieces).astype(float),
            "widest_m": widest.astype(float),
        },
        geometry=gpd.GeoSeries(pieces, crs=grids.crs),
        crs=grids.crs,
    )
    out = out.sort_values("area_m2", ascending=False, kind="stable", ignore_index=True)
    if "assumed" in views.attrs:
        out.attrs["assumed"] = views.attrs["assumed"]
    return out
