"""The coverage kernel: areas of overlap without building polygons, a sweep by vertical slabs.

Every polygon is its directed edges, interior on the left. Going up through a slab between two
neighbouring abscissas (edge ends and crossings), an edge that runs east enters its polygon and
one that runs west leaves it; three counts (grid, views, buildings) say what each trapezoid is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.coverage._clipping import Box, Edges, add_layer, count_edges
from geo.geometry.bucket_grid import ZERO
from geo.kernel_cache import allocating_part, kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

AREA, COVERED, TWICE, THRICE, OPEN, OPEN_COVERED = range(6)
"""Columns of the result, m²: all ground, by how many views see it, outside buildings."""
COLUMNS = 6
_TOLERANCE = 1e-9
_DEEPEST_SPLIT = 64
_NO_SPLIT = -1.0
# A plain int would have every kernel that is given it compiled twice, as a literal and as a number.
_GRID, _VIEW, _BUILDING = np.int64(0), np.int64(1), np.int64(2)


class Ends(NamedTuple):
    """Edge k begins with event 2k and ends with event 2k + 1."""

    x: NDArray[np.float64]
    order: NDArray[Any]
    """Events by x."""


class Active(NamedTuple):
    """The edges that cross the current slab, from below."""

    edge: NDArray[Any]
    at_middle: NDArray[np.float64]
    """y in the middle of the slab."""
    at_left: NDArray[np.float64]
    at_right: NDArray[np.float64]
    pending: NDArray[np.float64]
    """Right ends of the slabs that the current one was split from, the nearest last."""


@allocating_part
def _sort_ends(ends, edges, count):
    """Order the beginnings and ends of edges by x."""
    for k in range(count):
        ends.x[2 * k] = edges.begin[k]
        ends.x[2 * k + 1] = edges.end[k]
    by_x = np.argsort(ends.x[: 2 * count])
    for k in range(2 * count):
        ends.order[k] = by_x[k]


@kernel_part
def _update_active(active, active_count, edges, ends, event, event_count, left):
    """Add edges that begin at `left` and drop those that end; return their count, next event."""
    while event < event_count and ends.x[ends.order[event]] - left <= _TOLERANCE:
        number = ends.order[event]
        if number % 2 == 0:
            active.edge[active_count] = number // 2
            active_count += 1
        event += 1
    remaining = 0
    for j in range(active_count):
        if edges.end[active.edge[j]] - left > _TOLERANCE:
            active.edge[remaining] = active.edge[j]
            remaining += 1
    return remaining, event


@kernel_part
def _order_active(active, count, edges, left, right):
    """Order the active edges from below, by where they are in the middle of the slab."""
    middle = 0.5 * (left + right)
    for j in range(count):
        e = active.edge[j]
        y = edges.slope[e] * middle + edges.intercept[e]
        k = j - 1
        while k >= 0 and active.at_middle[k] > y:
            active.at_middle[k + 1] = active.at_middle[k]
            active.edge[k + 1] = active.edge[k]
            k -= 1
        active.at_middle[k + 1] = y
        active.edge[k + 1] = e
    for j in range(count):
        e = active.edge[j]
        active.at_left[j] = edges.slope[e] * left + edges.intercept[e]
        active.at_right[j] = edges.slope[e] * right + edges.intercept[e]


@kernel_part
def _find_split(active, count, edges, left, right):
    """Return where two neighbouring edges cross within the slab, -1 for nowhere."""
    for j in range(1, count):
        if (
            active.at_left[j - 1] - active.at_left[j] > _TOLERANCE
            or active.at_right[j - 1] - active.at_right[j] > _TOLERANCE
        ):
            e, below = active.edge[j], active.edge[j - 1]
            at = (edges.intercept[e] - edges.intercept[below]) / (
                edges.slope[below] - edges.slope[e]
            )
            if left + _TOLERANCE < at < right - _TOLERANCE:
                return at
    return _NO_SPLIT


@kernel_part
def _add_area(areas, piece, views, buildings):
    """Add the area of a trapezoid inside the grid to the columns it belongs to."""
    areas[AREA] += piece
    if buildings == 0:
        areas[OPEN] += piece
    if views > 0:
        areas[COVERED] += piece
        if buildings == 0:
            areas[OPEN_COVERED] += piece
    if views > 1:
        areas[TWICE] += piece
    if views > 2:
        areas[THRICE] += piece


@kernel_part
def _add_slab(areas, active, count, edges, width):
    """Walk up through a settled slab and add the areas of its trapezoids."""
    grids, views, buildings = 0, 0, 0
    for j in range(count):
        if j and grids > 0:
            heights = (
                active.at_left[j]
                - active.at_left[j - 1]
                + active.at_right[j]
                - active.at_right[j - 1]
            )
            _add_area(areas, 0.5 * width * heights, views, buildings)
        kind, sign = edges.kind[active.edge[j]], edges.sign[active.edge[j]]
        if kind == _GRID:
            grids += sign
        elif kind == _VIEW:
            views += sign
        else:
            buildings += sign


@kernel_part
def _sweep_grid(edges, count, ends, active, areas):
    """Add up the areas of one grid from its clipped edges, whose ends are sorted."""
    event_count = 2 * count
    active_count, event = ZERO, ZERO
    pending = active.pending
    while event < event_count:
        left = ends.x[ends.order[event]]
        active_count, event = _update_active(
            active, active_count, edges, ends, event, event_count, left
        )
        if event == event_count:
            break
        pending[0] = ends.x[ends.order[event]]
        top = 0
        while top >= 0:
            right = pending[top]
            _order_active(active, active_count, edges, left, right)
            split = _find_split(active, active_count, edges, left, right)
            if split >= 0.0 and top < _DEEPEST_SPLIT - 1:
                top += 1
                pending[top] = split
                continue
            _add_slab(areas, active, active_count, edges, right - left)
            left = right
            top -= 1


@allocating_part
def _allocate(capacity):
    """Return room for the edges of a grid."""
    edges = Edges(
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
    )
    ends = Ends(np.empty(2 * capacity), np.empty(2 * capacity, np.int64))
    active = Active(
        np.empty(capacity, np.int64),
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity),
        np.empty(_DEEPEST_SPLIT),
    )
    return edges, ends, active


@kernel
def areas(begin, end, boxes, grids, views, buildings):
    """Return the areas of each grid from `begin` to `end`.

    Parameters
    ----------
    begin, end : int
        Which grids.
    boxes : numpy.ndarray of shape (n, 4)
        West, south, east, north of each grid, metres.
    grids, views, buildings : Layer
        The polygons; each grid is near to itself alone.

    Returns
    -------
    numpy.ndarray of shape (end - begin, COLUMNS)
        m², by the column constants of this module.
    """
    out = np.zeros((end - begin, COLUMNS))
    capacity = ZERO
    edges, ends, active = _allocate(ZERO + 1)
    for g in range(begin, end):
        needed = count_edges(grids, g) + count_edges(views, g) + count_edges(buildings, g)
        if 2 * needed > capacity:
            capacity = 4 * needed
            edges, ends, active = _allocate(capacity)
        west, south = boxes[g, 0], boxes[g, 1]
        # One metre more to the north: the grid's own top edge must stay.
        box = Box(west, south, boxes[g, 2] - west, boxes[g, 3] - south + 1.0)
        count = add_layer(edges, ZERO, grids, g, _GRID, box)
        count = add_layer(edges, count, views, g, _VIEW, box)
        count = add_layer(edges, count, buildings, g, _BUILDING, box)
        _sort_ends(ends, edges, count)
        _sweep_grid(edges, count, ends, active, out[g - begin])
    return out
