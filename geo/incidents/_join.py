"""Points to the polygons they lie in, with the edges in a bucket grid."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from geo.coverage._walls import bucket_grid, edge_boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.coverage._edges import Rings

_NEAR_M = 1e-6
"""Points nearer to an edge than this are for GEOS to decide."""


@njit(cache=True, nogil=True)
def _locate(x, y, lo, hi, segments, offsets, scene, near, out):
    """First polygon each point surely lies in; -1 in none, -2 too near to an edge to tell."""
    boxes, start, items, origin, cell, cols, rows = scene
    for p in range(lo, hi):
        px, py = x[p], y[p]
        out[p] = -1
        col = int(np.floor((px - origin[0]) / cell))
        row = int(np.floor((py - origin[1]) / cell))
        # Just beyond the last cell a point can still be near a box.
        if col == -1 and px - origin[0] > -near:
            col = 0
        if row == -1 and py - origin[1] > -near:
            row = 0
        if col == cols and px - origin[0] - cols * cell < near:
            col = cols - 1
        if row == rows and py - origin[1] - rows * cell < near:
            row = rows - 1
        if col < 0 or row < 0 or col >= cols or row >= rows:
            continue
        # A cell's own edge may cut a box off: beside it the next cell must be asked, so leave it.
        fx = (px - origin[0]) / cell - col
        fy = (py - origin[1]) / cell - row
        edge = near / cell
        if fx < edge or fx > 1.0 - edge or fy < edge or fy > 1.0 - edge:
            out[p] = -2
            continue
        k = row * cols + col
        for j in range(start[k], start[k + 1]):
            b = items[j]
            if (
                px < boxes[b, 0] - near
                or px > boxes[b, 2] + near
                or py < boxes[b, 1] - near
                or py > boxes[b, 3] + near
            ):
                continue
            odd = False
            for s in range(offsets[b], offsets[b + 1]):
                x0, y0, x1, y1 = segments[s, 0], segments[s, 1], segments[s, 2], segments[s, 3]
                if (y0 > py + near and y1 > py + near) or (y0 < py - near and y1 < py - near):
                    continue
                ex, ey = x1 - x0, y1 - y0
                cross = ex * (py - y0) - ey * (px - x0)
                if abs(cross) <= near * (abs(ex) + abs(ey)):
                    if min(x0, x1) - near <= px <= max(x0, x1) + near:
                        out[p] = -2
                        break
                if (y0 > py) != (y1 > py) and (cross > 0.0) == (ey < 0.0):
                    odd = not odd
            if out[p] == -2:
                break
            if odd:
                # Boxes of a cell come in the order of the polygons: the first hit is the first.
                out[p] = b
                break


def locate(x: NDArray[np.float64], y: NDArray[np.float64], rings: Rings) -> NDArray[np.int64]:
    """Position of the first polygon each point lies in; -1 in none, -2 where GEOS must decide."""
    segments, offsets = rings.edges
    scene: tuple[Any, ...] = bucket_grid(edge_boxes(segments, offsets))
    out = np.empty(len(x), np.int64)
    workers = os.cpu_count() or 1
    bounds = np.linspace(0, len(x), workers + 1).astype(int)

    def work(part: int) -> None:
        lo, hi = int(bounds[part]), int(bounds[part + 1])
        _locate(x, y, lo, hi, segments, offsets, scene, _NEAR_M, out)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    return out
