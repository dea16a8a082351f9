"""Diameter of the largest circle inside a polygon, by cells halved while they promise more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.geometry.bucket_grid import ZERO
from geo.kernel_cache import allocating_part, kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIAGONAL = math.sqrt(2.0)


class Cells(NamedTuple):
    """Square cells that may hold the middle of the largest circle."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    half_side: NDArray[np.float64]
    distance: NDArray[np.float64]
    """From the middle to the nearest edge, negative outside, -inf if it is too little to matter."""
    edge: NDArray[Any]
    """The nearest edge."""


class Best(NamedTuple):
    """The largest radius so far, and how much larger another must be to count."""

    radius: float
    tolerance: float


@allocating_part
def _allocate(capacity):
    """Return room for a number of cells."""
    return Cells(
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity, np.int64),
    )


@kernel_part
def _copy_cell(cells, k, target, to):
    """Copy a cell to place `to` of another array of cells, or the same."""
    target.x[to] = cells.x[k]
    target.y[to] = cells.y[k]
    target.half_side[to] = cells.half_side[k]
    target.distance[to] = cells.distance[k]
    target.edge[to] = cells.edge[k]


@allocating_part
def _enlarged(cells, count):
    """Return the cells with twice the room."""
    larger = _allocate(2 * cells.x.size)
    for k in range(count):
        _copy_cell(cells, k, larger, k)
    return larger


@kernel_part
def _squared_distance(edges, e, x, y):
    """Return the squared distance to one edge."""
    px = edges[e, 0] - x
    py = edges[e, 1] - y
    ex = edges[e, 2] - edges[e, 0]
    ey = edges[e, 3] - edges[e, 1]
    along = -(px * ex + py * ey)
    length2 = ex * ex + ey * ey
    if along <= 0.0:
        return px * px + py * py
    if along >= length2:
        return (px + ex) * (px + ex) + (py + ey) * (py + ey)
    cross = px * ey - py * ex
    return cross * cross / length2


@kernel_part
def _signed_distance(edges, begin, end, x, y, needed, likely):
    """Return the distance to the nearest edge (negative outside), and that edge.

    -inf as soon as the distance is less than `needed`; the edge `likely` is looked at first.
    """
    least = _squared_distance(edges, likely, x, y)
    nearest = likely
    enough = needed * needed if needed > 0.0 else -1.0
    if least < enough:
        return -np.inf, nearest
    inside = False
    for e in range(begin, end):
        py = edges[e, 1] - y
        qy = edges[e, 3] - y
        crosses = (py > 0.0) != (qy > 0.0)
        if crosses and edges[e, 0] - x - py / (qy - py) * (edges[e, 2] - edges[e, 0]) > 0.0:
            inside = not inside
        squared = _squared_distance(edges, e, x, y)
        if squared < least:
            least = squared
            nearest = e
            if least < enough:
                return -np.inf, nearest
    distance = math.sqrt(least)
    return (distance if inside else -distance), nearest


@kernel_part
def _bounds(edges, begin, end):
    """Return west, south, east, north of a polygon."""
    west = south = np.inf
    east = north = -np.inf
    for e in range(begin, end):
        west = min(west, edges[e, 0])
        east = max(east, edges[e, 0])
        south = min(south, edges[e, 1])
        north = max(north, edges[e, 1])
    return west, south, east, north


@kernel_part
def _measure_cell(cells, k, edges, begin, end, x, y, half_side, likely, best):
    """Write a cell to place k; return the best radius with it."""
    needed = best.radius + best.tolerance - half_side * _DIAGONAL
    distance, nearest = _signed_distance(edges, begin, end, x, y, needed, likely)
    cells.x[k], cells.y[k], cells.half_side[k] = x, y, half_side
    cells.distance[k], cells.edge[k] = distance, nearest
    return Best(max(best.radius, distance), best.tolerance)


@kernel_part
def _promise(cells, k):
    """Return the largest radius of a circle whose middle is in a cell."""
    return cells.distance[k] + cells.half_side[k] * _DIAGONAL


@kernel_part
def _most_promising(cells, count):
    """Return the cell with the largest promise: a good radius early leaves out the rest."""
    pick = count - 1
    for k in range(count - 1):
        if _promise(cells, k) > _promise(cells, pick):
            pick = k
    return pick


@allocating_part
def _largest_radius(edges, begin, end, cells, count, best):
    """Halve the most promising cell until none promises more; return radius and cells."""
    while count > 0:
        pick = _most_promising(cells, count)
        x, y, edge = cells.x[pick], cells.y[pick], cells.edge[pick]
        half_side, promise = cells.half_side[pick], _promise(cells, pick)
        count -= 1
        _copy_cell(cells, count, cells, pick)
        if promise <= best.radius + best.tolerance:
            break
        half_side *= 0.5
        if count + 4 > cells.x.size:
            cells = _enlarged(cells, count)
        for quarter in range(4):
            qx = x + (half_side if quarter & 1 else -half_side)
            qy = y + (half_side if quarter & 2 else -half_side)
            best = _measure_cell(cells, count, edges, begin, end, qx, qy, half_side, edge, best)
            if _promise(cells, count) > best.radius + best.tolerance:
                count += 1
    return best.radius, cells


@kernel
def circle_diameters(edges, offsets, tolerance):
    """Return the diameter of the largest circle in each polygon, at most 2 · tolerance too small.

    Parameters
    ----------
    edges : numpy.ndarray of shape (m, 4)
        x0, y0, x1, y1, interior on the left; see `Rings.edges`.
    offsets : numpy.ndarray of int64
        Polygon p has the edges from offsets[p] to offsets[p + 1].
    tolerance : float
        Metres.

    Returns
    -------
    numpy.ndarray
        Metres; 0 for a polygon without extent.

    Notes
    -----
    V. Agafonkin, polylabel (2016): of a square cell with half-side h whose middle lies d inside, no
    point lies deeper than d + h · √2.
    """
    diameters = np.zeros(offsets.size - 1)
    cells = _allocate(ZERO + 256)
    for p in range(offsets.size - 1):
        begin, end = offsets[p], offsets[p + 1]
        west, south, east, north = _bounds(edges, begin, end)
        size = min(east - west, north - south)
        if not size > 0.0:
            continue
        columns = int(math.ceil((east - west) / size - 1e-9))
        rows = int(math.ceil((north - south) / size - 1e-9))
        if columns * rows + 4 > cells.x.size:
            cells = _allocate(2 * columns * rows)
        best = Best(0.0, tolerance)
        half_side = 0.5 * size
        likely = begin
        count = ZERO
        for column in range(columns):
            for row in range(rows):
                x = west + (2 * column + 1) * half_side
                y = south + (2 * row + 1) * half_side
                best = _measure_cell(cells, count, edges, begin, end, x, y, half_side, likely, best)
                likely = cells.edge[count]
                count += 1
        radius, cells = _largest_radius(edges, begin, end, cells, count, best)
        diameters[p] = 2.0 * radius
    return diameters
