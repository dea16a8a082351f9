"""Edges of polygons, clipped to the box of a grid: the first half of the coverage kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.geometry.bucket_grid import ZERO
from geo.kernel_cache import kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Layer(NamedTuple):
    """Polygons as directed edges, and which of them each grid meets."""

    edges: NDArray[np.float64]
    """x0, y0, x1, y1; those of polygon p from offsets[p] to offsets[p + 1]."""
    offsets: NDArray[Any]
    near: NDArray[Any]
    """Numbers of polygons; those of grid g from near_offsets[g] to near_offsets[g + 1]."""
    near_offsets: NDArray[Any]


class Edges(NamedTuple):
    """Edges clipped to the box of a grid, as y = slope · x + intercept from begin to end."""

    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    slope: NDArray[np.float64]
    intercept: NDArray[np.float64]
    kind: NDArray[Any]
    """What the edge is of, a grid, view or building; a number that the caller chooses."""
    sign: NDArray[Any]
    """1 if the edge enters its polygon going up, -1 if it leaves it."""


class Box(NamedTuple):
    """The corner that coordinates are relative to, and the size from there; metres."""

    x: float
    y: float
    width: float
    height: float


@kernel_part
def _write_edge(edges, count, begin, end, slope, y, kind, sign):
    """Write an edge that starts at (begin, y) unless it is upright; return the new count."""
    if end > begin:
        edges.begin[count] = begin
        edges.end[count] = end
        edges.slope[count] = slope
        edges.intercept[count] = y - slope * begin
        edges.kind[count] = kind
        edges.sign[count] = sign
        return count + 1
    return count


@kernel_part
def _clip_to_sides(x0, y0, x1, y1, width):
    """Return the part of a rising edge (x0 < x1) between the sides of the box, and its slope."""
    slope = (y1 - y0) / (x1 - x0)
    if x0 < 0.0:
        y0 -= slope * x0
        x0 = 0.0
    if x1 > width:
        y1 -= slope * (x1 - width)
        x1 = width
    return x0, y0, x1, y1, slope


@kernel_part
def _add_edge(edges, count, x0, y0, x1, y1, kind, box):
    """Clip one directed edge to the box from (0, 0); what is below it becomes its floor."""
    sign = ZERO + 1
    if x0 > x1:
        x0, y0, x1, y1 = x1, y1, x0, y0
        sign = -sign
    if x1 <= 0.0 or x0 >= box.width or x1 - x0 <= 0.0:
        return count
    x0, y0, x1, y1, slope = _clip_to_sides(x0, y0, x1, y1, box.width)
    if y0 >= box.height and y1 >= box.height:
        return count
    if y0 <= 0.0 and y1 <= 0.0:
        y0 = y1 = slope = 0.0
    elif y0 < 0.0 or y1 < 0.0:
        cut = min(max(x0 - y0 / slope, x0), x1)
        if y0 < 0.0:
            count = _write_edge(edges, count, x0, cut, 0.0, 0.0, kind, sign)
            x0, y0 = cut, 0.0
        else:
            count = _write_edge(edges, count, cut, x1, 0.0, 0.0, kind, sign)
            x1, y1 = cut, 0.0
    if y0 > box.height or y1 > box.height:
        cut = min(max(x0 + (box.height - y0) / slope, x0), x1)
        if y0 > box.height:
            x0, y0 = cut, box.height
        else:
            x1 = cut
    return _write_edge(edges, count, x0, x1, slope, y0, kind, sign)


@kernel_part
def add_layer(edges, count, layer, grid, kind, box):
    """Add the edges of the polygons of a layer that a grid meets; return the new count.

    Parameters
    ----------
    edges : Edges
        Room for the edges, written from `count` on.
    count : int
        Number of edges so far.
    layer : Layer
        The polygons.
    grid : int
        Number of the grid.
    kind : int
        What the edges are of: grid, view or building.
    box : Box
        Box of the grid.

    Returns
    -------
    int
        Number of edges.
    """
    for k in range(layer.near_offsets[grid], layer.near_offsets[grid + 1]):
        polygon = layer.near[k]
        for e in range(layer.offsets[polygon], layer.offsets[polygon + 1]):
            count = _add_edge(
                edges,
                count,
                layer.edges[e, 0] - box.x,
                layer.edges[e, 1] - box.y,
                layer.edges[e, 2] - box.x,
                layer.edges[e, 3] - box.y,
                kind,
                box,
            )
    return count


@kernel_part
def count_edges(layer, grid):
    """Return how many edges the polygons of a layer have that a grid meets.

    Parameters
    ----------
    layer : Layer
        The polygons.
    grid : int
        Number of the grid.

    Returns
    -------
    int
        Number of edges before they are clipped.
    """
    count = ZERO
    for k in range(layer.near_offsets[grid], layer.near_offsets[grid + 1]):
        polygon = layer.near[k]
        count += layer.offsets[polygon + 1] - layer.offsets[polygon]
    return count
