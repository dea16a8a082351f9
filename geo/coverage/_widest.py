"""Diameter of the largest circle inside a polygon, by cells that are halved while they promise more."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_DIAGONAL = math.sqrt(2.0)


@njit(cache=True, nogil=True)
def _squared(edges, s, x, y):
    """Squared distance to one edge."""
    px = edges[s, 0] - x
    py = edges[s, 1] - y
    ex = edges[s, 2] - edges[s, 0]
    ey = edges[s, 3] - edges[s, 1]
    t = -(px * ex + py * ey)
    length2 = ex * ex + ey * ey
    if t <= 0.0:
        return px * px + py * py
    if t >= length2:
        return (px + ex) * (px + ex) + (py + ey) * (py + ey)
    cross = px * ey - py * ex
    return cross * cross / length2


@njit(cache=True, nogil=True)
def _signed_distance(edges, lo, hi, x, y, need, likely):
    """Distance to the nearest edge (negative outside) and that edge.

    -inf as soon as the distance is less than `need`; the edge `likely` is looked at first.
    """
    least = _squared(edges, likely, x, y)
    nearest = likely
    enough = need * need if need > 0.0 else -1.0
    if least < enough:
        return -np.inf, nearest
    odd = False
    for s in range(lo, hi):
        py = edges[s, 1] - y
        qy = edges[s, 3] - y
        if (py > 0.0) != (qy > 0.0):
            if edges[s, 0] - x - py / (qy - py) * (edges[s, 2] - edges[s, 0]) > 0.0:
                odd = not odd
        d2 = _squared(edges, s, x, y)
        if d2 < least:
            least = d2
            nearest = s
            if least < enough:
                return -np.inf, nearest
    d = math.sqrt(least)
    return (d if odd else -d), nearest


@njit(cache=True, nogil=True)
def circle_diameters(edges, offsets, tolerance):
    """Diameter of the largest circle in each polygon, at most 2 · tolerance too small.

    Agafonkin's polylabel (2016): of a square cell with half-side h whose middle lies d inside, no
    point lies deeper than d + h · √2. `edges` and `offsets` as from `Rings.edges`.
    """
    out = np.zeros(offsets.size - 1)
    stack = np.empty((256, 4))
    edge = np.empty(256, np.int64)
    for p in range(offsets.size - 1):
        lo, hi = offsets[p], offsets[p + 1]
        west = south = np.inf
        east = north = -np.inf
        for s in range(lo, hi):
            west = min(west, edges[s, 0])
            east = max(east, edges[s, 0])
            south = min(south, edges[s, 1])
            north = max(north, edges[s, 1])
        size = min(east - west, north - south)
        if not size > 0.0:
            continue
        best = 0.0
        top = 0
        likely = lo
        nx = int(math.ceil((east - west) / size - 1e-9))
        ny = int(math.ceil((north - south) / size - 1e-9))
        if nx * ny + 4 > edge.size:
            stack = np.empty((2 * nx * ny, 4))
            edge = np.empty(2 * nx * ny, np.int64)
        for c in range(nx):
            for r in range(ny):
                h = 0.5 * size
                x = west + (2 * c + 1) * h
                y = south + (2 * r + 1) * h
                need = best + tolerance - h * _DIAGONAL
                d, likely = _signed_distance(edges, lo, hi, x, y, need, likely)
                best = max(best, d)
                stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = x, y, h, d
                edge[top] = likely
                top += 1
        while top > 0:
            # The most promising first: a good radius early prunes the rest.
            pick = top - 1
            for k in range(top - 1):
                if (
                    stack[k, 3] + stack[k, 2] * _DIAGONAL
                    > stack[pick, 3] + stack[pick, 2] * _DIAGONAL
                ):
                    pick = k
            x, y, h, d = stack[pick]
            likely = edge[pick]
            top -= 1
            stack[pick] = stack[top]
            edge[pick] = edge[top]
            if d + h * _DIAGONAL <= best + tolerance:
                break
            h *= 0.5
            if top + 4 > edge.size:
                bigger = np.empty((2 * edge.size, 4))
                for q in range(top):  # an assignment of slices takes seconds to compile
                    for c in range(4):
                        bigger[q, c] = stack[q, c]
                stack = bigger
                more = np.empty(stack.shape[0], np.int64)
                for q in range(top):
                    more[q] = edge[q]
                edge = more
            for q in range(4):
                cx = x + (h if q & 1 else -h)
                cy = y + (h if q & 2 else -h)
                need = best + tolerance - h * _DIAGONAL
                cd, near = _signed_distance(edges, lo, hi, cx, cy, need, likely)
                best = max(best, cd)
                if cd + h * _DIAGONAL > best + tolerance:
                    stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = cx, cy, h, cd
                    edge[top] = near
                    top += 1
        out[p] = 2.0 * best
    return out
