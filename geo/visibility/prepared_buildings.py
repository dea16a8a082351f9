"""Buildings prepared for visibility: oriented walls in a bucket grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.crs import require_metric
from geo.errors import ColumnError, CrsError, name_rows
from geo.frames import numbers_of
from geo.geometry.box_pairs import meeting
from geo.geometry.bucket_grid import BucketGrid, boxes_within, bucket_grid, edge_boxes
from geo.geometry.point_location import polygons_at
from geo.geometry.polygons import require_polygons
from geo.kernel_cache import kernel, kernel_part
from geo.synonyms import warn_of_unused
from geo.visibility.kernels.obstacles import Obstacles

if TYPE_CHECKING:
    import pyproj
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

    from geo.visibility.terrain import Terrain


@dataclass(frozen=True)
class PreparedBuildings:
    """Buildings as `prepare_buildings` prepares them for many calls of `visible_area`.

    Attributes
    ----------
    crs : pyproj.CRS
        Metric CRS.
    footprints : numpy.ndarray of shapely.Geometry
        Polygons or multipolygons.
    segments : numpy.ndarray of float, shape (n, 4)
        Walls as x0, y0, x1, y1, metres, interior on the left.
    offsets : numpy.ndarray of int
        Building b has the walls from offsets[b] to offsets[b + 1].
    heights : numpy.ndarray of float
        Height up to which each building hides, parapet included, metres above its foot; NaN if
        unknown.
    roofs : numpy.ndarray of float
        Height of the roof inside the parapet, metres above the foot; NaN if unknown.
    bases : numpy.ndarray of float
        Elevation of the ground at each building, metres; 0 without a terrain.
    grid : BucketGrid
        Index of the bounding boxes.
    terrain : Terrain or None
        Elevation of the ground; None for level ground.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> house = gpd.GeoDataFrame({"height_m": [9.0]}, geometry=[shapely.box(0, 0, 8, 8)], crs=32650)
    >>> geo.prepare_buildings(house).segments.shape
    (4, 4)
    """

    crs: pyproj.CRS
    footprints: NDArray[Any]
    segments: NDArray[np.float64]
    offsets: NDArray[np.int64]
    heights: NDArray[np.float64]
    roofs: NDArray[np.float64]
    bases: NDArray[np.float64]
    grid: BucketGrid
    terrain: Terrain | None

    @property
    def obstacles(self) -> Obstacles:
        """Return the arrays that the kernels read.

        Returns
        -------
        Obstacles
            Views of the arrays, not copies.
        """
        return Obstacles(
            self.segments, self.offsets, self.heights, self.roofs, self.bases, self.grid
        )


def prepare_buildings(
    buildings: GeoDataFrame, *, terrain: Terrain | None = None
) -> PreparedBuildings:
    """Prepare buildings for many calls of `visible_area`.

    Parameters
    ----------
    buildings : geopandas.GeoDataFrame
        Polygons or multipolygons in a metric CRS, with the columns `height_m`, metres above the
        ground, empty or absent if unknown, and `parapet_m`, height of the walls above the roof,
        metres, empty or absent for 0.
    terrain : Terrain, optional
        Elevation of the ground, in the CRS of the buildings; None for level ground.

    Returns
    -------
    PreparedBuildings
        Argument of `visible_area` in place of the buildings.

    Raises
    ------
    CrsError
        If the CRS is not metric, or not that of the terrain.
    ColumnError
        If a height or a parapet is negative or not a number.
    GeometryError
        If a building is not a valid polygon.

    Warns
    -----
    ColumnWarning
        If there is no column of heights, but one that resembles it.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> buildings = gpd.GeoDataFrame(
    ...     {"height_m": [9.0], "parapet_m": [1.0]},
    ...     geometry=[shapely.box(500010, 3999900, 500012, 4000100)], crs="EPSG:32650")
    >>> prepared = geo.prepare_buildings(buildings)
    >>> prepared.heights.tolist(), prepared.roofs.tolist(), len(prepared.segments)
    ([10.0], [9.0], 4)
    """
    crs = require_metric(buildings)
    footprints, rings = require_polygons(buildings, "buildings")
    warn_of_unused(buildings, "buildings", ("height_m", "parapet_m"))
    roofs = _metres(buildings, "height_m", np.nan)
    parapets = _metres(buildings, "parapet_m", 0.0)
    segments, offsets = rings.edges
    grid = bucket_grid(edge_boxes(segments, offsets))
    bases = np.zeros(len(footprints))
    prepared = PreparedBuildings(
        crs, footprints, segments, offsets, roofs + parapets, roofs, bases, grid, None
    )
    return prepared if terrain is None else replace_terrain(prepared, terrain)


def replace_terrain(prepared: PreparedBuildings, terrain: Terrain) -> PreparedBuildings:
    """Return the same buildings on another terrain.

    Parameters
    ----------
    prepared : PreparedBuildings
        Buildings.
    terrain : Terrain
        Elevation of the ground. The foot of a building is at the elevation of the centre of its
        bounding box.

    Returns
    -------
    PreparedBuildings
        A copy that shares all arrays but `bases`.

    Raises
    ------
    CrsError
        If the terrain is in another CRS.
    """
    if terrain.crs != prepared.crs:
        raise CrsError(
            f"the terrain is in {terrain.crs.to_string()} and the buildings in "
            f"{prepared.crs.to_string()}; read it with that CRS (read_terrain)"
        )
    boxes = prepared.grid.boxes
    bases = terrain.at((boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2)
    return replace(prepared, bases=bases, terrain=terrain)


def _metres(buildings: GeoDataFrame, column: str, missing: float) -> NDArray[np.float64]:
    values = numbers_of(buildings, column, missing=missing)
    bad = (values < 0) | np.isinf(values)
    if bad.any():
        raise ColumnError(
            f"{column} must be 0 m or more; wrong at {name_rows(buildings.index[bad])}"
        )
    return values


def buildings_at(
    eyes: NDArray[np.float64], prepared: PreparedBuildings, tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return all pairs of a viewpoint and a building whose footprint it is in or on.

    Parameters
    ----------
    eyes : numpy.ndarray of float, shape (n, 6)
        Viewpoints, x and y first.
    prepared : PreparedBuildings
        Buildings.
    tolerance : float
        Distance up to which a viewpoint is on the edge of a footprint, metres.

    Returns
    -------
    eye : numpy.ndarray of int
        Position of the viewpoint of each pair, ascending.
    building : numpy.ndarray of int
        Position of the building of each pair.
    on_edge : numpy.ndarray of bool
        Whether the viewpoint is on the edge of the footprint.
    """
    pairs = polygons_at(eyes, prepared.segments, prepared.offsets, prepared.grid, tolerance)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return pairs[:, 0], pairs[:, 1], pairs[:, 2] == 1


def intersecting_boxes(
    chosen: NDArray[np.int64], prepared: PreparedBuildings
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs of a chosen building and another one whose bounding boxes intersect.

    Parameters
    ----------
    chosen : numpy.ndarray of int
        Positions of buildings.
    prepared : PreparedBuildings
        Buildings.

    Returns
    -------
    place : numpy.ndarray of int
        Position in `chosen` of the first building of each pair, ascending.
    building : numpy.ndarray of int
        Position of the second building of each pair.
    """
    pairs = meeting(chosen, prepared.grid)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return pairs[:, 0], pairs[:, 1]


@kernel_part
def _mix(h, v):
    """Return the state of splitmix64 after one step."""
    h = h + v + np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@kernel
def _hashes_of(segments, offsets, rest):
    """Return two hashes of each building, from the bits of its corners and heights."""
    out = np.empty((offsets.size - 1, 2), np.uint64)
    for b in range(offsets.size - 1):
        for k in range(2):
            h = np.uint64(k + 1)
            for w in range(offsets[b], offsets[b + 1]):
                h = _mix(h, segments[w, 0])
                h = _mix(h, segments[w, 1])
            for j in range(rest.shape[1]):
                h = _mix(h, rest[b, j])
            out[b, k] = h
    return out


@kernel
def _sum_hashes(eyes, grid, hashes):
    """Return the sum of the hashes of the buildings in range of each viewpoint."""
    sums = np.zeros((eyes.shape[0], 2), np.uint64)
    stamps = np.full(grid.boxes.shape[0], -1, np.int64)
    numbers = np.empty(grid.boxes.shape[0], np.int64)
    for e in range(eyes.shape[0]):
        count = boxes_within(grid, eyes[e, 0], eyes[e, 1], eyes[e, 4], stamps, e, numbers)
        for k in range(count):
            sums[e, 0] += hashes[numbers[k], 0]
            sums[e, 1] += hashes[numbers[k], 1]
    return sums


def hashes_in_reach(eyes: NDArray[np.float64], prepared: PreparedBuildings) -> NDArray[np.uint64]:
    """Return the sum of the hashes of the buildings in range of each viewpoint.

    Parameters
    ----------
    eyes : numpy.ndarray of float, shape (n, 6)
        Viewpoints: x, y, height, near edge, range, elevation of the ground; metres.
    prepared : PreparedBuildings
        Buildings.

    Returns
    -------
    numpy.ndarray of uint64, shape (n, 2)
        Two sums modulo 2**64, which do not depend on the order of the buildings. They change
        whenever a corner, a height or the ground of a building in range changes.

    Notes
    -----
    Each building is hashed with the steps of splitmix64 [1]_ over its values.

    References
    ----------
    .. [1] G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators",
       OOPSLA 2014.
    """
    rest = np.column_stack([prepared.heights, prepared.roofs, prepared.bases]).view(np.uint64)
    hashes = _hashes_of(prepared.segments.view(np.uint64), prepared.offsets, rest)
    return np.asarray(_sum_hashes(eyes, prepared.grid, hashes))
