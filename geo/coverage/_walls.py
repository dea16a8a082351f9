"""Footprints as oriented walls in a bucket grid, and what an eye stands on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from geo.coverage._edges import require_polygons
from geo.coverage._sweep import ZERO
from geo.crs import require_metric
from geo.errors import ColumnError, CrsError, name_rows
from geo.frames import numbers_of
from geo.synonyms import warn_of_unused

if TYPE_CHECKING:
    import pyproj
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray

    from geo.coverage.terrain import Terrain


@dataclass(frozen=True)
class Walls:
    """Buildings made ready for `visible_area`; make them once with `walls_of` and use them again."""

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
    scene: tuple[Any, ...]
    terrain: Terrain | None


def walls_of(buildings: GeoDataFrame, *, terrain: Terrain | None = None) -> Walls:
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
    Walls
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
    scene = bucket_grid(edge_boxes(segments, offsets))
    bases = np.zeros(len(footprints))
    walls = Walls(crs, footprints, segments, offsets, roofs + parapets, roofs, bases, scene, None)
    return walls if terrain is None else replace_terrain(walls, terrain)


def replace_terrain(walls: Walls, terrain: Terrain) -> Walls:
    """The same walls on other ground: a building's foot lies at the middle of its box.

    Raises
    ------
    CrsError : the terrain is in another CRS.
    """
    if terrain.crs != walls.crs:
        raise CrsError(
            f"the terrain is in {terrain.crs.to_string()} and the buildings in "
            f"{walls.crs.to_string()}; read it with that CRS (read_terrain)"
        )
    boxes = walls.scene[0]
    bases = terrain.at((boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2)
    return replace(walls, bases=bases, terrain=terrain)


def _metres(buildings: GeoDataFrame, column: str, missing: float) -> NDArray[np.float64]:
    values = numbers_of(buildings, column, missing=missing)
    wrong = (values < 0) | np.isinf(values)
    if wrong.any():
        raise ColumnError(
            f"{column} must be 0 m or more; wrong at {name_rows(buildings.index[wrong])}"
        )
    return values


@njit(cache=True, nogil=True)
def edge_boxes(segments, offsets):
    """West, south, east, north of each building."""
    out = np.empty((offsets.size - 1, 4))
    for b in range(offsets.size - 1):
        w0 = offsets[b]
        low_x = high_x = segments[w0, 0]
        low_y = high_y = segments[w0, 1]
        for w in range(w0 + 1, offsets[b + 1]):
            low_x = min(low_x, segments[w, 0])
            high_x = max(high_x, segments[w, 0])
            low_y = min(low_y, segments[w, 1])
            high_y = max(high_y, segments[w, 1])
        out[b, 0], out[b, 1], out[b, 2], out[b, 3] = low_x, low_y, high_x, high_y
    return out


def bucket_grid(boxes: NDArray[np.float64]) -> tuple[Any, ...]:
    """File boxes under every square cell they touch (CSR), about two boxes a cell."""
    if len(boxes) == 0:
        empty = np.zeros(0, np.int64)
        return (np.zeros((0, 4)), np.zeros(2, np.int64), empty, np.zeros(2), 1.0, 1, 1)
    low = boxes[:, :2].min(axis=0)
    size = boxes[:, 2:].max(axis=0) - low
    cell = max(float(np.sqrt(size[0] * size[1] / len(boxes) * 2.0)), float(size.max()) / 4000, 1.0)
    cols = int(size[0] // cell) + 1
    rows = int(size[1] // cell) + 1
    start, items = _file(boxes, low[0], low[1], cell, cols, rows)
    return (boxes, start, items, low, cell, cols, rows)


@njit(cache=True, nogil=True)
def _file(boxes, x, y, cell, cols, rows):
    """Two passes of a counting sort: how many boxes a cell holds, then which."""
    start = np.zeros(cols * rows + 1, np.int64)
    for b in range(boxes.shape[0]):
        for row in range(int((boxes[b, 1] - y) // cell), int((boxes[b, 3] - y) // cell) + 1):
            for col in range(int((boxes[b, 0] - x) // cell), int((boxes[b, 2] - x) // cell) + 1):
                start[row * cols + col + 1] += 1
    for k in range(1, start.size):
        start[k] += start[k - 1]
    at = start[:-1].copy()
    items = np.empty(start[-1], np.int64)
    for b in range(boxes.shape[0]):
        for row in range(int((boxes[b, 1] - y) // cell), int((boxes[b, 3] - y) // cell) + 1):
            for col in range(int((boxes[b, 0] - x) // cell), int((boxes[b, 2] - x) // cell) + 1):
                k = row * cols + col
                items[at[k]] = b
                at[k] += 1
    return start, items


@njit(cache=True, nogil=True)
def _add_once(out, begun, n, first, second, mark):
    """Append a pair unless it stands among the rows from `begun` on (boxes lie in several cells)."""
    for q in range(begun, n):
        if out[q, 1] == second:
            return out, n
    if n == out.shape[0]:
        bigger = np.empty((2 * n, 3), np.int64)
        for q in range(n):  # an assignment of slices takes seconds to compile
            bigger[q, 0], bigger[q, 1], bigger[q, 2] = out[q, 0], out[q, 1], out[q, 2]
        out = bigger
    out[n, 0], out[n, 1], out[n, 2] = first, second, mark
    return out, n + 1


@njit(cache=True, nogil=True)
def _find_standing(eyes, segments, offsets, scene, tolerance, out):
    """Pairs of eye and building where the eye is in the footprint or nearer than `tolerance`."""
    boxes, start, items, origin, cell, cols, rows = scene
    n = ZERO
    for e in range(eyes.shape[0]):
        x, y = eyes[e, 0], eyes[e, 1]
        # An eye just beyond the last cell can touch a box in it.
        c0 = max(int((x - tolerance - origin[0]) // cell), 0)
        c1 = min(int((x + tolerance - origin[0]) // cell), cols - 1)
        r0 = max(int((y - tolerance - origin[1]) // cell), 0)
        r1 = min(int((y + tolerance - origin[1]) // cell), rows - 1)
        begun = n
        for row in range(r0, r1 + 1):
            for col in range(c0, c1 + 1):
                k = row * cols + col
                for j in range(start[k], start[k + 1]):
                    b = items[j]
                    if (
                        x < boxes[b, 0] - tolerance
                        or x > boxes[b, 2] + tolerance
                        or y < boxes[b, 1] - tolerance
                        or y > boxes[b, 3] + tolerance
                    ):
                        continue
                    odd = False
                    near = False
                    for w in range(offsets[b], offsets[b + 1]):
                        px, py = segments[w, 0] - x, segments[w, 1] - y
                        ex, ey = segments[w, 2] - segments[w, 0], segments[w, 3] - segments[w, 1]
                        if (py > 0.0) != (py + ey > 0.0) and px - py / ey * ex > 0.0:
                            odd = not odd
                        length2 = ex * ex + ey * ey
                        t = 0.0
                        if length2 > 0.0:
                            t = min(max(-(px * ex + py * ey) / length2, 0.0), 1.0)
                        dx, dy = px + t * ex, py + t * ey
                        if dx * dx + dy * dy <= tolerance * tolerance:
                            near = True
                            break
                    if not (odd or near):
                        continue
                    out, n = _add_once(out, begun, n, e, b, near)
    return out[:n]


def standing_on(
    eyes: NDArray[np.float64], walls: Walls, tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Eye, building and whether the eye is on its edge, of all eyes in or on a footprint."""
    out = np.empty((64, 3), np.int64)
    pairs = _find_standing(eyes, walls.segments, walls.offsets, walls.scene, tolerance, out)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return pairs[:, 0], pairs[:, 1], pairs[:, 2] == 1


@njit(cache=True, nogil=True)
def _find_meeting(chosen, scene, out):
    """Pairs of place in `chosen` and building whose boxes meet."""
    boxes, start, items, origin, cell, cols, _ = scene
    n = ZERO
    for k in range(chosen.size):
        a = chosen[k]
        begun = n
        for row in range(
            int((boxes[a, 1] - origin[1]) // cell), int((boxes[a, 3] - origin[1]) // cell) + 1
        ):
            for col in range(
                int((boxes[a, 0] - origin[0]) // cell), int((boxes[a, 2] - origin[0]) // cell) + 1
            ):
                c = row * cols + col
                for j in range(start[c], start[c + 1]):
                    b = items[j]
                    if (
                        boxes[b, 2] < boxes[a, 0]
                        or boxes[b, 0] > boxes[a, 2]
                        or boxes[b, 3] < boxes[a, 1]
                        or boxes[b, 1] > boxes[a, 3]
                    ):
                        continue
                    out, n = _add_once(out, begun, n, k, b, False)
    return out[:n]


def meeting_boxes(
    chosen: NDArray[np.int64], walls: Walls
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place in `chosen` and building, for all pairs whose boxes meet."""
    pairs = _find_meeting(chosen, walls.scene, np.empty((64, 3), np.int64))
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return pairs[:, 0], pairs[:, 1]


@njit(cache=True, nogil=True)
def _mix(h, v):
    """One step of splitmix64."""
    h = h + v + np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@njit(cache=True, nogil=True)
def _marks(segments, offsets, rest):
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


@njit(cache=True, nogil=True)
def _sum_marks(eyes, scene, marks):
    boxes, start, items, origin, cell, cols, rows = scene
    out = np.zeros((eyes.shape[0], 2), np.uint64)
    stamp = np.full(boxes.shape[0], -1, np.int64)
    for e in range(eyes.shape[0]):
        x, y, reach = eyes[e, 0], eyes[e, 1], eyes[e, 4]
        c0 = max(int((x - reach - origin[0]) // cell), 0)
        c1 = min(int((x + reach - origin[0]) // cell), cols - 1)
        r0 = max(int((y - reach - origin[1]) // cell), 0)
        r1 = min(int((y + reach - origin[1]) // cell), rows - 1)
        for row in range(r0, r1 + 1):
            for col in range(c0, c1 + 1):
                for j in range(start[row * cols + col], start[row * cols + col + 1]):
                    b = items[j]
                    if stamp[b] == e:
                        continue
                    stamp[b] = e
                    dx = max(boxes[b, 0] - x, 0.0, x - boxes[b, 2])
                    dy = max(boxes[b, 1] - y, 0.0, y - boxes[b, 3])
                    if dx * dx + dy * dy < reach * reach:
                        out[e, 0] += marks[b, 0]
                        out[e, 1] += marks[b, 1]
    return out


def marks_in_reach(eyes: NDArray[np.float64], walls: Walls) -> NDArray[np.uint64]:
    """Sum of the hashes of the buildings in reach of each eye, whatever their order."""
    rest = np.column_stack([walls.heights, walls.roofs, walls.bases]).view(np.uint64)
    marks = _marks(walls.segments.view(np.uint64), walls.offsets, rest)
    return np.asarray(_sum_marks(eyes, walls.scene, marks))
