"""Blind spots: connected pieces of open ground that no camera sees."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geo.coverage._grid_members import chunk_bounds, members_by_grid
from geo.coverage._inscribed_circles import circle_diameters
from geo.crs import require_metric
from geo.geometry.polygons import directed_edges, require_polygons
from geo.geometry.shapes import polygon_parts

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray


def blind_spots(
    grids: GeoDataFrame,
    views: GeoSeries,
    *,
    buildings: GeoDataFrame | None = None,
    min_area_m2: float = 25.0,
) -> GeoDataFrame:
    """Return the connected pieces of each grid's open ground that no camera sees.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons, metric CRS.
    views : geopandas.GeoSeries
        What each camera sees, from `visible_area`; same CRS. Empty views cover nothing.
    buildings : geopandas.GeoDataFrame, optional
        Footprints, same CRS; the ground under them is not a blind spot.
    min_area_m2 : float, default 25
        Smaller pieces are left out, square metres.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per piece, largest first, on a new index: `grid` (label in the index of `grids`),
        `area_m2`, `widest_m` (diameter of the largest inscribed circle, at most 0.5 m too small),
        `geometry` (polygon). ``.attrs["assumed"]`` is that of the views (see `visible_area`).

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid, view or building is not a valid polygon.

    Notes
    -----
    Overlay by GEOS, in coordinates relative to the corner of the grid, where doubles are finest;
    where near-coincident edges defeat it, coordinates are snapped to a micrometre. Largest
    inscribed circles by quadtree search [1]_.

    References
    ----------
    .. [1] V. Agafonkin, "A new algorithm for finding a visual center of a polygon" (polylabel),
       2016.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(index=["a"], geometry=[shapely.box(0, 0, 10, 10)], crs=32650)
    >>> views = gpd.GeoSeries([shapely.box(4, 0, 10, 10)], crs=32650)
    >>> geo.blind_spots(grids, views)[["grid", "area_m2", "widest_m"]].values.tolist()
    [['a', 40.0, 4.0]]
    """
    require_metric(grids, views, buildings)
    cells, _ = require_polygons(grids, "grids")
    covers = [require_polygons(views, "views", empty=True)[0]]
    if buildings is not None:
        covers.append(require_polygons(buildings, "buildings")[0])
    cover = np.concatenate(covers)
    cover = cover[~shapely.is_empty(cover)]
    members, offsets = members_by_grid(cover, cells)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = list(
            pool.map(
                lambda chunk: _pieces_in(chunk, cells, cover, members, offsets, min_area_m2),
                chunk_bounds(len(cells)),
            )
        )
    pieces = np.concatenate([r[0] for r in results]) if results else np.empty(0, dtype=object)
    grid = np.concatenate([r[1] for r in results]) if results else np.empty(0, np.int64)
    widest = np.concatenate([r[2] for r in results]) if results else np.empty(0)
    out = gpd.GeoDataFrame(
        {
            "grid": grids.index.to_numpy()[grid],
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


def _pieces_in(
    chunk: tuple[int, int],
    cells: NDArray[Any],
    cover: NDArray[Any],
    members: NDArray[np.int64],
    offsets: NDArray[np.int64],
    min_area_m2: float,
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.float64]]:
    """Return the pieces of a chunk of grids, the grid of each and its largest circle's diameter."""
    pieces_by_grid, grid_by_grid = [], []
    for g in range(*chunk):
        left = _uncovered(cells[g], cover[members[offsets[g] : offsets[g + 1]]])
        pieces = polygon_parts(left)
        pieces = pieces[(shapely.area(pieces) > 0) & (shapely.area(pieces) >= min_area_m2)]
        pieces_by_grid.append(pieces)
        grid_by_grid.append(np.full(len(pieces), g))
    pieces = np.concatenate(pieces_by_grid)
    diameters = circle_diameters(*directed_edges(pieces), 0.25)
    return pieces, np.concatenate(grid_by_grid), diameters


def _uncovered(cell: Any, cover: NDArray[Any]) -> Any:
    """Return the part of a cell outside all covers, computed near the origin."""
    x, y, x1, y1 = shapely.bounds(cell)
    low = np.array([x, y])
    local = shapely.transform(cell, lambda xy: xy - low)
    local_cover = shapely.transform(cover, lambda xy: xy - low)
    try:
        clipped = polygon_parts(shapely.clip_by_rect(local_cover, 0.0, 0.0, x1 - x, y1 - y))
        left = shapely.difference(local, shapely.disjoint_subset_union_all(clipped))
    except shapely.errors.GEOSException:
        left = _snapped_difference(local, local_cover, shapely.box(0.0, 0.0, x1 - x, y1 - y))
    return shapely.transform(left, lambda xy: xy + low)


def _snapped_difference(cell: Any, cover: NDArray[Any], box: Any) -> Any:
    """Return the difference on a grid of a tenth of a micrometre, or of a micrometre.

    Nearly coincident edges can defeat the overlay of floating-point coordinates.
    """
    for step in (1e-7, 1e-6):
        try:
            clipped = shapely.intersection(cover, box, grid_size=step)
            union = shapely.union_all(polygon_parts(clipped), grid_size=step)
            return shapely.difference(cell, union, grid_size=step)
        except shapely.errors.GEOSException:
            if step == 1e-6:
                raise
    return cell
