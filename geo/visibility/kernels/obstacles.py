"""The buildings that matter to an eye: in reach, and not surely behind others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from geo.geometry.bucket_grid import BucketGrid, squared_distance_to_box
from geo.kernel_cache import kernel_part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS = 128
"""Directions for each of which the nearest sure obstacle is known, to leave out what is behind it."""
_BINS_A_QUADRANT = BINS / 4.0
_NO_EXTENT = -100.0
"""In place of the last direction of a building whose extent is not simple."""


class Obstacles(NamedTuple):
    """Buildings as the kernels read them; heights in metres."""

    walls: NDArray[np.float64]
    """x0, y0, x1, y1, interior on the left; those of building b from offsets[b] to offsets[b + 1]."""
    offsets: NDArray[Any]
    heights: NDArray[np.float64]
    """Of what hides, parapet included, above the foot of the building; NaN for unknown."""
    roofs: NDArray[np.float64]
    """Of the roof inside the parapet."""
    bases: NDArray[np.float64]
    """Elevation of the ground at the building."""
    grid: BucketGrid
    """Bounding boxes of the buildings."""


class Candidates(NamedTuple):
    """Buildings in reach of one eye."""

    number: NDArray[Any]
    first: NDArray[np.float64]
    """Direction (see `direction`) where the building begins."""
    last: NDArray[np.float64]
    """And where it ends; below -50 if its extent is not simple."""


@kernel_part
def direction(x, y):
    """Return a number from 0 to 4 that grows with the angle, without trigonometry."""
    size = abs(x) + abs(y)
    if size == 0.0:
        return 0.0
    part = y / size
    if x < 0.0:
        return 2.0 - part
    if y < 0.0:
        return 4.0 + part
    return part


@kernel_part
def eye_above_foot(obstacles, b, eye):
    """Return the height of the eye above the foot of a building."""
    return eye.height + eye.ground - obstacles.bases[b]


@kernel_part
def open_bins(depths, reach, sector):
    """Set the squared distance up to which each direction is visible at all: 0 beside the sector."""
    if sector.width > 6.2:
        depths[:] = reach * reach
        return
    depths[:] = 0.0
    begin = direction(sector.begin.x, sector.begin.y)
    width = (direction(sector.end.x, sector.end.y) - begin) % 4.0
    if sector.width > math.pi and width < 2.0:
        width = 4.0
    first = int(math.floor(begin * _BINS_A_QUADRANT - 1e-6))
    last = int(math.floor((begin + width) * _BINS_A_QUADRANT + 1e-6))
    for k in range(first, min(last, first + BINS - 1) + 1):
        depths[k % BINS] = reach * reach


@kernel_part
def _extent(walls, first_wall, end_wall, x, y):
    """Return first and last direction of a building, squared distance of its farthest corner.

    The last value says whether the extent is simple: one ring, not around the eye.
    """
    begin = direction(walls[first_wall, 0] - x, walls[first_wall, 1] - y)
    last = turned = low = high = begin
    farthest = 0.0
    for w in range(first_wall, end_wall):
        if w > first_wall and (walls[w, 0] != walls[w - 1, 2] or walls[w, 1] != walls[w - 1, 3]):
            return low, high, farthest, False
        qx = walls[w, 2] - x
        qy = walls[w, 3] - y
        farthest = max(farthest, qx * qx + qy * qy)
        here = direction(qx, qy)
        step = here - last
        if step > 2.0:
            step -= 4.0
        elif step < -2.0:
            step += 4.0
        if abs(step) > 1.99:
            return low, high, farthest, False
        turned += step
        low = min(low, turned)
        high = max(high, turned)
        last = here
    return low, high, farthest, abs(turned - begin) <= 1.0


@kernel_part
def _is_hidden(depths, first, last, nearest):
    """Return whether all directions of a building end before it."""
    begin = int(math.floor(first * _BINS_A_QUADRANT - 1e-6))
    for k in range(begin, int(math.floor(last * _BINS_A_QUADRANT + 1e-6)) + 1):
        if depths[k % BINS] >= nearest:
            return False
    return True


@kernel_part
def _lower_depths(obstacles, candidates, count, eye, depths):
    """Write the extent of each building; where one surely hides, take down what is behind it."""
    for c in range(count):
        b = candidates.number[c]
        first, last, farthest, simple = _extent(
            obstacles.walls, obstacles.offsets[b], obstacles.offsets[b + 1], eye.x, eye.y
        )
        candidates.first[c] = first
        candidates.last[c] = last if simple else _NO_EXTENT
        if simple and not obstacles.heights[b] < eye_above_foot(obstacles, b, eye):
            begin = int(math.ceil(first * _BINS_A_QUADRANT + 1e-6))
            for k in range(begin, int(math.floor(last * _BINS_A_QUADRANT - 1e-6))):
                depths[k % BINS] = min(depths[k % BINS], farthest)


@kernel_part
def drop_hidden(obstacles, candidates, count, eye, depths):
    """Drop the buildings that lie wholly behind others no lower than the eye; return how many stay.

    A ring of walls meets every ray within its angular extent, so what lies behind its farthest
    corner there is hidden. Exact: only what is surely hidden goes. Those that stay are in the order
    of the register, so that the result does not depend on the bucket grid.
    """
    _lower_depths(obstacles, candidates, count, eye, depths)
    number = candidates.number
    remaining = 0
    for c in range(count):
        b = number[c]
        if candidates.last[c] > -50.0:
            nearest = squared_distance_to_box(obstacles.grid.boxes, b, eye.x, eye.y)
            nearest *= 1.0 - 1e-9
            if _is_hidden(depths, candidates.first[c], candidates.last[c], nearest):
                continue
        k = remaining - 1
        while k >= 0 and number[k] > b:
            number[k + 1] = number[k]
            k -= 1
        number[k + 1] = b
        remaining += 1
    return remaining
