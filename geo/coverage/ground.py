"""Ground of grids that views cover: measured for any number of sets of views."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.coverage._areas import AREA, COVERED, OPEN, OPEN_COVERED, THRICE, TWICE, areas
from geo.coverage._clipping import Layer
from geo.coverage._grid_members import chunk_bounds, members_by_grid
from geo.geometry.polygons import Rings, require_polygons, rings_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Ground:
    """Edges of grids and of the building footprints in them, for any number of sets of views."""

    cells: NDArray[Any]
    """Polygons of the grids."""
    boxes: NDArray[np.float64]
    """West, south, east, north of each grid, metres."""
    cell_edges: tuple[NDArray[np.float64], NDArray[np.int64]]
    """Directed edges of the grids and their offsets (see `Rings.edges`)."""
    footprint_edges: tuple[NDArray[np.float64], NDArray[np.int64]]
    """Directed edges of the footprints and their offsets."""
    footprints_by_grid: tuple[NDArray[np.int64], NDArray[np.int64]]
    """Footprints that meet each grid (see `members_by_grid`)."""


def prepare_ground(grids: GeoDataFrame, buildings: GeoDataFrame | None) -> Ground:
    """Prepare grids and building footprints for `measure`.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons, metric CRS.
    buildings : geopandas.GeoDataFrame or None
        Footprints, same CRS; None where all ground is open.

    Returns
    -------
    Ground
        The grids in their order.

    Raises
    ------
    GeometryError
        If a grid or building is not a valid polygon.
    """
    cells, cell_rings = require_polygons(grids, "grids")
    if buildings is not None:
        footprints, footprint_rings = require_polygons(buildings, "buildings")
    else:
        footprints = np.empty(0, dtype=object)
        footprint_rings = rings_of(footprints)
    return Ground(
        cells,
        shapely.bounds(cells).reshape(-1, 4),
        cell_rings.edges,
        footprint_rings.edges,
        members_by_grid(footprints, cells),
    )


def measure_coverage(ground: Ground, views: NDArray[Any], rings: Rings) -> dict[str, NDArray[Any]]:
    """Return the areas and shares of the grids that a set of views covers.

    Parameters
    ----------
    ground : Ground
        From `prepare_ground`.
    views : numpy.ndarray of shapely.Geometry
        What each camera sees, (multi)polygons in the CRS of the ground; empty ones cover nothing.
    rings : Rings
        The rings of the views, from `geo.geometry.polygons.rings_of`.

    Returns
    -------
    dict of str to numpy.ndarray
        The columns of `coverage_by_grid` except those of the simulations, one value per grid.

    Notes
    -----
    Shares of slivers are cut to 0 to 1; open ground of less than a millionth of the grid is none.
    """
    views_by_grid, view_offsets = members_by_grid(views, ground.cells)
    numbers = np.arange(len(ground.cells) + 1)
    layers = (
        ground.boxes,
        Layer(*ground.cell_edges, numbers[:-1], numbers),
        Layer(*rings.edges, views_by_grid, view_offsets),
        Layer(*ground.footprint_edges, *ground.footprints_by_grid),
    )
    chunks = chunk_bounds(len(ground.cells))
    if len(chunks) < 8:
        results = [areas(begin, end, *layers) for begin, end in chunks]
    else:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            results = list(pool.map(lambda chunk: areas(*chunk, *layers), chunks))
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
