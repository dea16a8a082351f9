"""Diameter of the largest circle inside a polygon, by cells that are halved while they promise more."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _signed_distance(edges, lo, hi, x, y):
    """Distance to the nearest edge, negative outside."""
    least = np.inf
    odd = False
    for s in range(lo, hi):
        px = edges[s, 0] - x
        py = edges[s, 1] - y
        ex = edges[s, 2] - edges[s, 0]
        ey = edges[s, 3] - edges[s, 1]
        if (py > 0.0) != (py + ey > 0.0) and px - py / ey * ex > 0.0:
            odd = not odd
        t = -(px * ex + py * ey)
        length2 = ex * ex + ey * ey
        if t <= 0.0:
            d2 = px * px + py * py
        elif t >= length2:
            d2 = (px + ex) * (px + ex) + (py + ey) * (py + ey)
        else:
            cross = px * ey - py * ex
            d2 = cross * cross / length2
        least = min(least, d2)
    d = math.sqrt(least)
    return d if odd else -d


@njit(cache=True, nogil=True)
def circle_diameters(edges, offsets, tolerance):
    """Diameter of the largest circle in each polygon, at most 2 · tolerance too small.

    Agafonkin's polylabel (2016): of a square cell with half-side h whose middle lies d inside, no
    point lies deeper than d + h · √2. `edges` and `offsets` as from `Rings.edges`.
    """
    out = np.zeros(offsets.size - 1)
    stack = np.empty((256, 4))
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
        half = 0.5 * size
        best = 0.0
        top = 0
        nx = int(math.ceil((east - west) / size - 1e-9))
        ny = int(math.ceil((north - south) / size - 1e-9))
        while top + nx * ny > stack.shape[0]:
            stack = np.empty((2 * stack.shape[0], 4))
        for c in range(nx):
            for r in range(ny):
                x = west + (c + 0.5) * size
                y = south + (r + 0.5) * size
                d = _signed_distance(edges, lo, hi, x, y)
                best = max(best, d)
                stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = x, y, half, d
                top += 1
        while top > 0:
            # The most promising of the last few first: a good radius early prunes the rest.
            pick = top - 1
            for k in range(max(top - 8, 0), top - 1):
                if stack[k, 3] + stack[k, 2] > stack[pick, 3] + stack[pick, 2]:
                    pick = k
            x, y, h, d = stack[pick]
            top -= 1
            stack[pick] = stack[top]
            if d + h * 1.4142135623730951 <= best + tolerance:
                continue
            h *= 0.5
            if top + 4 > stack.shape[0]:
                bigger = np.empty((2 * stack.shape[0], 4))
                bigger[:top] = stack[:top]
                stack = bigger
            for q in range(4):
                cx = x + (h if q & 1 else -h)
                cy = y + (h if q & 2 else -h)
                cd = _signed_distance(edges, lo, hi, cx, cy)
                best = max(best, cd)
                if cd + h * 1.4142135623730951 > best + tolerance:
                    stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = cx, cy, h, cd
                    top += 1
        out[p] = 2.0 * best
    return out
