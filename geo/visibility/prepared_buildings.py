"""Buildings made ready for visibility: oriented walls in a bucket grid."""

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
    """Buildings made ready for `visible_area`; make them once with `prepare_buildings` and use them again."""

    crs: pyproj.CRS
    footprints: NDArray[Any]
    segments: NDArray[np.float64]
    """x0, y0, x1, y1, interior on the left; those of building b from offsets[b] to offsets[b + 1]."""
    offsets: NDArray[np.int64]
    heights: NDArray[np.float64]
    """Of what hides, parapet included, above the building's foot; NaN for unknown."""
    roofs: NDArray[np.float64]
    """Of the roof inside the parapet."""
    bases: NDArray[np.float64]
    """Elevation of the ground at the building; 0 without a terrain."""
    grid: BucketGrid
    terrain: Terrain | None

    @property
    def obstacles(self) -> Obstacles:
        """The arrays that the kernels read."""
        return Obstacles(
            self.segments, self.offsets, self.heights, self.roofs, self.bases, self.grid
        )


def prepare_buildings(
    buildings: GeoDataFrame, *, terrain: Terrain | None = None
) -> PreparedBuildings:
    """Make footprints ready for many calls of `visible_area` among the same buildings.

    Parameters
    ----------
    buildings : geopandas.GeoDataFrame
        Polygons or multipolygons, metric CRS; height_m in metres above the ground, empty or absent
        for unknown; parapet_m, how far walls rise above the roof, empty or absent for 0.
    terrain : Terrain, optional
        Elevation of the ground; its CRS is that of the buildings.

    Returns
    -------
    PreparedBuildings
        To hand to `visible_area` in place of the buildings.

    Raises
    ------
    CrsError
        If the CRS is not metric.
    ColumnError
        If a height or a parapet is negative or no number.
    GeometryError
        If a building is no valid polygon.

    Warns
    -----
    ColumnWarning
        If there are no heights, but a column that looks like them.
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
    """Return the same buildings on other ground: the foot of each lies at the middle of its box.

    Raises
    ------
    CrsError : the terrain is in another CRS.
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
    wrong = (values < 0) | np.isinf(values)
    if wrong.any():
        raise ColumnError(
            f"{column} must be 0 m or more; wrong at {name_rows(buildings.index[wrong])}"
        )
    return values


def standing_on(
    eyes: NDArray[np.float64], prepared: PreparedBuildings, tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Eye, building and whether the eye is on its edge, of all eyes in or on a footprint."""
    pairs = polygons_at(eyes, prepared.segments, prepared.offsets, prepared.grid, tolerance)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return pairs[:, 0], pairs[:, 1], pairs[:, 2] == 1


def meeting_boxes(
    chosen: NDArray[np.int64], prepared: PreparedBuildings
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place in `chosen` and building, for all pairs whose boxes meet."""
    pairs = meeting(chosen, prepared.grid)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return pairs[:, 0], pairs[:, 1]


@kernel_part
def _mix(h, v):
    """One step of splitmix64."""
    h = h + v + np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@kernel
def _hashes_of(segments, offsets, rest):
    """Two hashes of each building: corners and heights, as bits."""
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
    """Sum of the hashes of the buildings in reach of each eye."""
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
    """Sum of the hashes of the buildings in reach of each eye, whatever their order."""
    rest = np.column_stack([prepared.heights, prepared.roofs, prepared.bases]).view(np.uint64)
    hashes = _hashes_of(prepared.segments.view(np.uint64), prepared.offsets, rest)
    return np.asarray(_sum_hashes(eyes, prepared.grid, hashes))
