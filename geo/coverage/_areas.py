"""The coverage kernel: areas of overlap without building polygons, a sweep by vertical slabs.

Every polygon is its directed edges, interior on the left. Going up through a slab between two
neighbouring abscissas (edge ends and crossings), an edge that runs east enters its polygon and
one that runs west leaves it; three counts (grid, views, buildings) say what each trapezoid is.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.coverage._sweep import ZERO

AREA, COVERED, TWICE, THRICE, OPEN, OPEN_COVERED = range(6)
COLUMNS = 6
_TOLERANCE = 1e-9


@njit(cache=True, nogil=True)
def _add_edge(e, cls, n, x0, y0, x1, y1, kind, x_max, y_max):
    """Clip one directed edge to the box (0, 0, x_max, y_max); what is below becomes its floor."""
    sign = 1
    if x0 > x1:
        x0, y0, x1, y1 = x1, y1, x0, y0
        sign = -1
    if x1 <= 0.0 or x0 >= x_max or x1 - x0 <= 0.0:
        return n
    slope = (y1 - y0) / (x1 - x0)
    if x0 < 0.0:
        y0 -= slope * x0
        x0 = 0.0
    if x1 > x_max:
        y1 -= slope * (x1 - x_max)
        x1 = x_max
    if y0 >= y_max and y1 >= y_max:
        return n
    if y0 <= 0.0 and y1 <= 0.0:
        y0 = y1 = slope = 0.0
    elif y0 < 0.0 or y1 < 0.0:
        cut = min(max(x0 - y0 / slope, x0), x1)
        if y0 < 0.0:
            n = _write(e, cls, n, x0, 0.0, cut, 0.0, kind, sign)
            x0, y0 = cut, 0.0
        else:
            n = _write(e, cls, n, cut, 0.0, x1, 0.0, kind, sign)
            x1, y1 = cut, 0.0
    if y0 > y_max or y1 > y_max:
        cut = min(max(x0 + (y_max - y0) / slope, x0), x1)
        if y0 > y_max:
            x0, y0 = cut, y_max
        else:
            x1, y1 = cut, y_max
    return _write(e, cls, n, x0, y0, x1, slope, kind, sign)


@njit(cache=True, nogil=True)
def _write(e, cls, n, x0, y0, x1, slope, kind, sign):
    if x1 > x0:
        e[n, 0] = x0
        e[n, 1] = x1
        e[n, 2] = slope
        e[n, 3] = y0 - slope * x0
        cls[n, 0] = kind
        cls[n, 1] = sign
        return n + 1
    return n


@njit(cache=True, nogil=True)
def _sweep_box(e, cls, n, xs, order, active, y, out):
    """Accumulate the areas of one grid from its clipped edges."""
    for k in range(n):
        xs[2 * k] = e[k, 0]
        xs[2 * k + 1] = e[k, 1]
    by_x = np.argsort(xs[: 2 * n])
    for k in range(2 * n):
        order[k] = by_x[k]
    m = 0
    k = 0
    left = 0.0
    stack = np.empty(64)
    while k < 2 * n:
        left = xs[order[k]]
        # All events at this abscissa: enter those that start, drop those that end.
        while k < 2 * n and xs[order[k]] - left <= _TOLERANCE:
            ref = order[k]
            if ref % 2 == 0:
                active[m] = ref // 2
                m += 1
            k += 1
        kept = 0
        for j in range(m):
            if e[active[j], 1] - left > _TOLERANCE:
                active[kept] = active[j]
                kept += 1
        m = kept
        if k == 2 * n:
            break
        stack[0] = xs[order[k]]
        top = 0
        while top >= 0:
            right = stack[top]
            mid = 0.5 * (left + right)
            for j in range(m):
                s = active[j]
                v = e[s, 2] * mid + e[s, 3]
                p = j - 1
                while p >= 0 and y[0, p] > v:
                    y[0, p + 1] = y[0, p]
                    active[p + 1] = active[p]
                    p -= 1
                y[0, p + 1] = v
                active[p + 1] = s
            split = -1.0
            for j in range(m):
                s = active[j]
                y[1, j] = e[s, 2] * left + e[s, 3]
                y[2, j] = e[s, 2] * right + e[s, 3]
                if j and (y[1, j - 1] - y[1, j] > _TOLERANCE or y[2, j - 1] - y[2, j] > _TOLERANCE):
                    o = active[j - 1]
                    at = (e[s, 3] - e[o, 3]) / (e[o, 2] - e[s, 2])
                    if left + _TOLERANCE < at < right - _TOLERANCE:
                        split = at
                        break
            if split >= 0.0 and top < 63:
                top += 1
                stack[top] = split
                continue
            width = right - left
            grid = 0
            views = 0
            roofs = 0
            for j in range(m):
                if j and grid > 0:
                    piece = 0.5 * width * (y[1, j] - y[1, j - 1] + y[2, j] - y[2, j - 1])
                    out[AREA] += piece
                    if roofs == 0:
                        out[OPEN] += piece
                    if views > 0:
                        out[COVERED] += piece
                        if roofs == 0:
                            out[OPEN_COVERED] += piece
                        if views > 1:
                            out[TWICE] += piece
                            if views > 2:
                                out[THRICE] += piece
                kind = cls[active[j], 0]
                sign = cls[active[j], 1]
                if kind == 0:
                    grid += sign
                elif kind == 1:
                    views += sign
                else:
                    roofs += sign
            left = right
            top -= 1


@njit(cache=True, nogil=True)
def areas(
    lo,
    hi,
    boxes,
    grid_edges,
    grid_offsets,
    view_edges,
    view_offsets,
    roof_edges,
    roof_offsets,
    near_views,
    near_view_offsets,
    near_roofs,
    near_roof_offsets,
):
    """Areas of each grid from `lo` to `hi`: rows as the column constants of this module."""
    out = np.zeros((hi - lo, COLUMNS))
    cap = 0
    e = np.empty((1, 4))
    cls = np.empty((1, 2), np.int64)
    xs = np.empty(2)
    order = np.empty(2, np.int64)
    active = np.empty(1, np.int64)
    y = np.empty((3, 1))
    for g in range(lo, hi):
        need = grid_offsets[g + 1] - grid_offsets[g]
        for p in range(near_view_offsets[g], near_view_offsets[g + 1]):
            v = near_views[p]
            need += view_offsets[v + 1] - view_offsets[v]
        for p in range(near_roof_offsets[g], near_roof_offsets[g + 1]):
            b = near_roofs[p]
            need += roof_offsets[b + 1] - roof_offsets[b]
        if 2 * need > cap:
            cap = 4 * need
            e = np.empty((cap, 4))
            cls = np.empty((cap, 2), np.int64)
            xs = np.empty(2 * cap)
            order = np.empty(2 * cap, np.int64)
            active = np.empty(cap, np.int64)
            y = np.empty((3, cap))
        ox, oy = boxes[g, 0], boxes[g, 1]
        x_max = boxes[g, 2] - ox
        y_max = boxes[g, 3] - oy + 1.0  # the grid's own top edge must stay
        n = ZERO
        for kind in range(3):
            if kind == 0:
                p0, p1 = g, g + 1
            elif kind == 1:
                p0, p1 = near_view_offsets[g], near_view_offsets[g + 1]
            else:
                p0, p1 = near_roof_offsets[g], near_roof_offsets[g + 1]
            for p in range(p0, p1):
                if kind == 0:
                    edges, s0, s1 = grid_edges, grid_offsets[p], grid_offsets[p + 1]
                elif kind == 1:
                    edges = view_edges
                    s0, s1 = view_offsets[near_views[p]], view_offsets[near_views[p] + 1]
                else:
                    edges = roof_edges
                    s0, s1 = roof_offsets[near_roofs[p]], roof_offsets[near_roofs[p] + 1]
                for s in range(s0, s1):
                    n = _add_edge(
                        e,
                        cls,
                        n,
                        edges[s, 0] - ox,
                        edges[s, 1] - oy,
                        edges[s, 2] - ox,
                        edges[s, 3] - oy,
                        kind,
                        x_max,
                        y_max,
                    )
        _sweep_box(e, cls, n, xs, order, active, y, out[g - lo])
    return out
