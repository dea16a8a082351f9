"""Buildings that a viewpoint may see: within range, and not certainly behind others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from geo.geometry.bucket_grid import BucketGrid, squared_distance_to_box
from geo.kernel_cache import kernel_part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS = 128
"""Number of directions for which the distance of the nearest certain obstacle is known."""
_BINS_A_QUADRANT = BINS / 4.0
_NO_EXTENT = -100.0
"""In place of the last direction of a building whose extent is not simple."""


class Obstacles(NamedTuple):
    """Buildings as the kernels read them; heights in metres."""

    walls: NDArray[np.float64]
    """x0, y0, x1, y1, interior on the left."""
    offsets: NDArray[Any]
    """Building b has the walls from offsets[b] to offsets[b + 1]."""
    heights: NDArray[np.float64]
    """Height above the foot up to which a building hides, parapet included; NaN for unknown."""
    roofs: NDArray[np.float64]
    """Height of the roof inside the parapet, above the foot."""
    bases: NDArray[np.float64]
    """Elevation of the ground at the building."""
    grid: BucketGrid
    """Bounding boxes of the buildings."""


class Candidates(NamedTuple):
    """Buildings within range of one viewpoint."""

    number: NDArray[Any]
    first: NDArray[np.float64]
    """Direction (see `direction`) where the building begins."""
    last: NDArray[np.float64]
    """Direction where it ends; below -50 if its extent is not simple."""


@kernel_part
def direction(x, y):
    """Return a number from 0 to 4 that grows with the angle, without trigonometry.

    Parameters
    ----------
    x, y : float
        Vector; (0, 0) has direction 0.

    Returns
    -------
    float
        Direction, counter-clockwise from east; 1 per quadrant.
    """
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
    """Return the height of a viewpoint above the foot of a building.

    Parameters
    ----------
    obstacles : Obstacles
        Buildings.
    b : int
        Number of the building.
    eye : Eye
        Viewpoint.

    Returns
    -------
    float
        Height, metres.
    """
    return eye.height + eye.ground - obstacles.bases[b]


@kernel_part
def open_bins(depths, reach, sector):
    """Initialise the depth of each direction: the range within the sector, 0 outside it.

    Parameters
    ----------
    depths : numpy.ndarray of float, shape (BINS,)
        Receives the squared distance up to which each direction may be visible, m².
    reach : float
        Range, metres.
    sector : Sector
        Directions of the viewpoint.
    """
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

    The last value says whether the extent is simple: one ring, not around the viewpoint.
    """
    begin = direction(walls[first_wall, 0] - x, walls[first_wall, 1] - y)
    last = unwrapped = low = high = begin
    farthest = 0.0
    for w in range(first_wall, end_wall):
        if w > first_wall and (walls[w, 0] != walls[w - 1, 2] or walls[w, 1] != walls[w - 1, 3]):
            return low, high, farthest, False
        qx = walls[w, 2] - x
        qy = walls[w, 3] - y
        farthest = max(farthest, qx * qx + qy * qy)
        current = direction(qx, qy)
        step = current - last
        if step > 2.0:
            step -= 4.0
        elif step < -2.0:
            step += 4.0
        if abs(step) > 1.99:
            return low, high, farthest, False
        unwrapped += step
        low = min(low, unwrapped)
        high = max(high, unwrapped)
        last = current
    return low, high, farthest, abs(unwrapped - begin) <= 1.0


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
    """Write the extent of each building; lower the depths behind those that certainly hide."""
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
    """Drop the buildings that are certainly hidden by others no lower than the viewpoint.

    Parameters
    ----------
    obstacles : Obstacles
        Buildings.
    candidates : Candidates
        Buildings within range; those that remain are written to its beginning, in ascending order.
    count : int
        Number of candidates.
    eye : Eye
        Viewpoint.
    depths : numpy.ndarray of float, shape (BINS,)
        Depths as from `open_bins`; lowered in place.

    Returns
    -------
    int
        Number of candidates that remain.

    Notes
    -----
    A ring of walls intersects every ray within its angular extent, so what lies behind its
    farthest corner there is hidden. Only what is certainly hidden is dropped, so the view remains
    exact. The ascending order makes the result independent of the bucket grid.
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
