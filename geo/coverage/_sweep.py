"""The visibility kernel: an angular sweep that leaves exact polygons, holes included.

Seen from the eye, everything that bounds sight is a straight segment: a wall, a wall scaled away
from the eye to where its shadow ends, a chord of the sector's arcs. Along a ray each segment
adds one to, or takes one from, the number of things that hide the ground beyond it, and ground
is seen where that number is zero. Between two neighbouring events (segment ends and crossings)
the order of the segments along the ray does not change, so each slab is a few trapezoids, and
the trapezoids are stitched into rings by node numbers, never by comparing coordinates.

The inverse distance of a line is linear in the ray's unit vector, so ordering needs no division.

One file on purpose: numba keys its cache on disk by the file of the function that was called, so
a kernel spread over several would go on running its old parts after an upgrade.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

TWO_PI = 2.0 * math.pi
ANGLE_TOLERANCE = 1e-9
"""Events closer than this (radians) are one event: 5 micrometres at 5 km."""
LENGTH_TOLERANCE = 1e-7
"""Radial differences below this (metres) are rounding, not ground."""

PERMANENT = 2  # hides everything beyond: a wall no lower than the eye, or the end of the range
RISE = 1  # hidden from here on
FALL = np.int64(-1)  # seen again from here on, unless something else hides
ZERO = np.int64(0)
"""Where counting begins: a literal 0 would have every kernel that is handed it compiled twice."""

# Rows of the float and integer scratch arrays.
_A, _B, _TH, _UX, _UY, _T0, _T1, _T2, _T3, _NR, _NX, _NY, _BT, _BX, _BY = range(15)
FLOAT_ROWS = 15
(
    _W,
    _LINE,
    _END,
    _ORD,
    _GRP,
    _ACT,
    _TLO,
    _THI,
    _TOFF,
    _PAR,
    _EF,
    _ET,
    _ES,
    _ETR,
    _VIS,
    _HEAD,
    _NEXT,
    _POS,
    _RN,
    _RE,
    _N0,
    _N1,
    _N2,
    _N3,
) = range(24)
INT_ROWS = 24

BINS = 128
"""Directions in which the nearest sure obstacle is kept, to leave out what lies behind it."""


@njit(cache=True, nogil=True)
def _relative(x, y, start):
    angle = (math.atan2(y, x) - start) % TWO_PI
    if angle >= TWO_PI:
        angle = 0.0
    return angle


@njit(cache=True, nogil=True)
def _add_piece(f, i, n, a, b, weight, line, t0, ux0, uy0, t1, ux1, uy1):
    """Write one segment and its two events; row ends 2n and 2n+1 of the event rows."""
    f[_A, n] = a
    f[_B, n] = b
    i[_W, n] = weight
    i[_LINE, n] = line
    f[_TH, 2 * n] = t0
    f[_UX, 2 * n] = ux0
    f[_UY, 2 * n] = uy0
    f[_TH, 2 * n + 1] = t1
    f[_UX, 2 * n + 1] = ux1
    f[_UY, 2 * n + 1] = uy1
    return n + 1


@njit(cache=True, nogil=True)
def _add_wall(f, i, n, px, py, qx, qy, k, reach, weight, line, sector):
    """Clip one wall to the disc of `reach` and to the sector, and add what is left.

    `p` to `q` runs with increasing angle; `k` scales the wall away from the eye.
    """
    start, span, u0x, u0y, u1x, u1y = sector
    ex = qx - px
    ey = qy - py
    area = px * qy - py * qx
    if area <= 0.0:
        return n
    length2 = ex * ex + ey * ey
    pp = px * px + py * py
    qq = qx * qx + qy * qy
    limit = reach * reach
    ax, ay, bx, by = px, py, qx, qy
    if pp > limit or qq > limit:
        pe = px * ex + py * ey
        disc = pe * pe - length2 * (pp - limit)
        if disc <= 0.0:
            return n
        root = math.sqrt(disc)
        lo = (-pe - root) / length2
        hi = (-pe + root) / length2
        if lo >= 1.0 or hi <= 0.0:
            return n
        if lo > 0.0:
            ax, ay = px + lo * ex, py + lo * ey
        if hi < 1.0:
            bx, by = px + hi * ex, py + hi * ey
    t0 = _relative(ax, ay, start)
    t1 = _relative(bx, by, start)
    if t1 < t0:
        t1 += TWO_PI
    if t1 - t0 > math.pi or t1 - t0 < 1e-15:
        return n
    a = ey / (area * k)
    b = -ex / (area * k)
    ra = math.hypot(ax, ay)
    rb = math.hypot(bx, by)
    if t0 < span:
        if t1 <= span:
            n = _add_piece(f, i, n, a, b, weight, line, t0, ax / ra, ay / ra, t1, bx / rb, by / rb)
        else:
            n = _add_piece(f, i, n, a, b, weight, line, t0, ax / ra, ay / ra, span, u1x, u1y)
    if t1 > TWO_PI:
        t1 -= TWO_PI
        if t1 <= span:
            n = _add_piece(f, i, n, a, b, weight, line, 0.0, u0x, u0y, t1, bx / rb, by / rb)
        else:
            n = _add_piece(f, i, n, a, b, weight, line, 0.0, u0x, u0y, span, u1x, u1y)
    return n


@njit(cache=True, nogil=True)
def _inside(walls, lo, hi, x, y):
    """Even-odd test of a point against the rings of one building."""
    odd = False
    for w in range(lo, hi):
        y0 = walls[w, 1]
        y1 = walls[w, 3]
        if (y0 > y) != (y1 > y):
            cross = walls[w, 0] + (y - y0) / (y1 - y0) * (walls[w, 2] - walls[w, 0])
            if x < cross:
                odd = not odd
    return odd


@njit(cache=True, nogil=True)
def candidate_buildings(scene, x, y, reach, stamp, mark, found):
    """Numbers of the buildings whose box meets the disc; (-needed) when `found` is too short."""
    boxes, cell_start, cell_items, origin, cell, cols, rows = scene
    c0 = max(int((x - reach - origin[0]) // cell), 0)
    c1 = min(int((x + reach - origin[0]) // cell), cols - 1)
    r0 = max(int((y - reach - origin[1]) // cell), 0)
    r1 = min(int((y + reach - origin[1]) // cell), rows - 1)
    n = 0
    limit = reach * reach
    for row in range(r0, r1 + 1):
        for k in (
            range(cell_start[row * cols + c0], cell_start[row * cols + c1 + 1])
            if c1 >= c0
            else range(0)
        ):
            b = cell_items[k]
            if stamp[b] == mark:
                continue
            stamp[b] = mark
            dx = max(boxes[b, 0] - x, 0.0, x - boxes[b, 2])
            dy = max(boxes[b, 1] - y, 0.0, y - boxes[b, 3])
            if dx * dx + dy * dy < limit:
                if n < found.size:
                    found[n] = b
                n += 1
    return n if n <= found.size else -n


@njit(cache=True, nogil=True)
def _pseudo(x, y):
    """A number from 0 to 4 that grows with the angle, without trigonometry."""
    size = abs(x) + abs(y)
    if size == 0.0:
        return 0.0
    p = y / size
    if x < 0.0:
        return 2.0 - p
    if y < 0.0:
        return 4.0 + p
    return p


@njit(cache=True, nogil=True)
def _open_bins(depth, reach, span, u0x, u0y, u1x, u1y):
    """Squared distance up to which each direction can be seen at all: none beside the sector."""
    scale = BINS / 4.0
    if span > 6.2:
        depth[:] = reach * reach
        return
    depth[:] = 0.0
    p0 = _pseudo(u0x, u0y)
    wide = (_pseudo(u1x, u1y) - p0) % 4.0
    if span > math.pi and wide < 2.0:
        wide = 4.0
    k0 = int(math.floor(p0 * scale - 1e-6))
    k1 = int(math.floor((p0 + wide) * scale + 1e-6))
    for k in range(k0, min(k1, k0 + BINS - 1) + 1):
        depth[k % BINS] = reach * reach


@njit(cache=True, nogil=True)
def _cull(x, y, height, ground, walls, offsets, heights, bases, boxes, found, count, depth, spans):
    """Drop the buildings that lie wholly behind others no lower than the eye; returns how many stay.

    A ring of walls meets every ray within its angular extent, so what lies behind its farthest
    corner there is hidden. Exact: only what is surely hidden goes.
    """
    scale = BINS / 4.0
    for c in range(count):
        b = found[c]
        w0, w1 = offsets[b], offsets[b + 1]
        first = _pseudo(walls[w0, 0] - x, walls[w0, 1] - y)
        last = first
        turned = first
        low = first
        high = first
        far = 0.0
        good = True
        for w in range(w0, w1):
            if w > w0 and (walls[w, 0] != walls[w - 1, 2] or walls[w, 1] != walls[w - 1, 3]):
                good = False
                break
            qx = walls[w, 2] - x
            qy = walls[w, 3] - y
            far = max(far, qx * qx + qy * qy)
            p = _pseudo(qx, qy)
            step = p - last
            if step > 2.0:
                step -= 4.0
            elif step < -2.0:
                step += 4.0
            if abs(step) > 1.99:
                good = False
                break
            turned += step
            low = min(low, turned)
            high = max(high, turned)
            last = p
        if abs(turned - first) > 1.0:
            good = False  # the ring runs round the eye
        spans[c, 0] = low
        spans[c, 1] = high if good else -100.0
        if good and not heights[b] < height + ground - bases[b]:
            for k in range(
                int(math.ceil(low * scale + 1e-6)), int(math.floor(high * scale - 1e-6))
            ):
                depth[k % BINS] = min(depth[k % BINS], far)
    kept = 0
    for c in range(count):
        b = found[c]
        low, high = spans[c]
        hidden = high > -50.0
        if hidden:
            dx = max(boxes[b, 0] - x, 0.0, x - boxes[b, 2])
            dy = max(boxes[b, 1] - y, 0.0, y - boxes[b, 3])
            near = (dx * dx + dy * dy) * (1.0 - 1e-9)
            k0 = int(math.floor(low * scale - 1e-6))
            for k in range(k0, int(math.floor(high * scale + 1e-6)) + 1):
                if depth[k % BINS] >= near:
                    hidden = False
                    break
        if not hidden:
            # In the order of the register, so that the result does not hang on the bucket grid.
            p = kept - 1
            while p >= 0 and found[p] > b:
                found[p + 1] = found[p]
                p -= 1
            found[p + 1] = b
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _gather(
    f,
    i,
    x,
    y,
    height,
    near,
    reach,
    ground,
    sector,
    walls,
    offsets,
    heights,
    roofs,
    bases,
    boxes,
    found,
    count,
):
    """Fill the segments one eye sees; returns (segments, depth at the eye), depth -1 if blind."""
    start, span, u0x, u0y, u1x, u1y = sector
    n = ZERO
    depth = 0
    for c in range(count):
        b = found[c]
        w0 = offsets[b]
        w1 = offsets[b + 1]
        # Heights are above the ground at the building's foot.
        eye = height + ground - bases[b]
        roof = heights[b]
        if roofs[b] < eye and not roof < eye and _inside(walls, w0, w1, x, y):
            roof = roofs[b]  # from its own roof a camera looks over the parapet
        tall = not roof < eye
        k = 1.0
        if not tall and roof > 0.0:
            k = eye / (eye - roof)
        if boxes[b, 0] <= x <= boxes[b, 2] and boxes[b, 1] <= y <= boxes[b, 3]:
            if _inside(walls, w0, w1, x, y):
                if tall:
                    return 0, -1
                depth += 1
        for w in range(w0, w1):
            px = walls[w, 0] - x
            py = walls[w, 1] - y
            qx = walls[w, 2] - x
            qy = walls[w, 3] - y
            if px * qy - py * qx < 0.0:
                weight = PERMANENT if tall else RISE
                n = _add_wall(f, i, n, qx, qy, px, py, 1.0, reach, weight, w, sector)
            elif not tall:
                n = _add_wall(f, i, n, px, py, qx, qy, k, reach / k, FALL, w, sector)
    if near > 0.0:
        depth += 1
        step, chords = chord_step(near, span)
        for c in range(chords):
            t0 = c * step
            t1 = (c + 1) * step
            if c == chords - 1:
                t1 = span
            v0x, v0y = math.cos(start + t0), math.sin(start + t0)
            v1x, v1y = math.cos(start + t1), math.sin(start + t1)
            area = near * (v0x * v1y - v0y * v1x)
            a = (v1y - v0y) / area
            b = (v0x - v1x) / area
            line = walls.shape[0] + c
            n = _add_piece(f, i, n, a, b, FALL, line, t0, v0x, v0y, t1, v1x, v1y)
    return n, depth


@njit(cache=True, nogil=True)
def chord_step(radius, span):
    """Angle of one chord with a sagitta of at most 0.05 m, and their number over `span`."""
    widest = 2.0 * math.acos(max(1.0 - 0.05 / radius, 0.5))
    count = max(int(math.ceil(span / widest - 1e-12)), 1)
    return span / count, count


@njit(cache=True, nogil=True)
def _outer_chord(c, step, start, radius):
    t0 = start + c * step
    v0x, v0y = math.cos(t0), math.sin(t0)
    v1x, v1y = math.cos(t0 + step), math.sin(t0 + step)
    area = radius * (v0x * v1y - v0y * v1x)
    return (v1y - v0y) / area, (v0x - v1x) / area


@njit(cache=True, nogil=True)
def _sort_refs(f, i, n):
    """Order the 2n events by angle."""
    order = i[_ORD]
    if n <= 40:
        for k in range(2 * n):
            t = f[_TH, k]
            j = k - 1
            while j >= 0 and f[_TH, order[j]] > t:
                order[j + 1] = order[j]
                j -= 1
            order[j + 1] = k
    else:
        by_angle = np.argsort(f[_TH, : 2 * n])
        for k in range(2 * n):
            order[k] = by_angle[k]


@njit(cache=True, nogil=True)
def _slabs(f, i, n, depth0, reach, sector, chord_line, trap_cap, slab_cap):
    """Sweep; returns (slabs, trapezoids), or (-1, 0) when the scratch is too short."""
    start, span, u0x, u0y, u1x, u1y = sector
    step, chords = chord_step(reach, span)
    sure = 1.0 / (reach * math.cos(0.5 * step))
    _sort_refs(f, i, n)
    order = i[_ORD]
    group = i[_GRP]
    # Group events; i[_GRP, ref] is the number of the group, f[_BT..] of each group filled below.
    events = 1
    last = 0.0
    for k in range(2 * n):
        ref = order[k]
        t = f[_TH, ref]
        if t - last > ANGLE_TOLERANCE and span - t > ANGLE_TOLERANCE:
            events += 1
            last = t
        group[ref] = events - 1 if span - t > ANGLE_TOLERANCE else -1
    for s in range(n):
        e = group[2 * s + 1]
        i[_END, s] = events if e < 0 else e
    active = i[_ACT]
    m = 0
    slabs = 0
    traps = 0
    k = 0
    lt, lx, ly = 0.0, u0x, u0y
    stack_t = np.empty(64)
    stack_x = np.empty(64)
    stack_y = np.empty(64)
    cc = -1
    ca = 0.0
    cb = 0.0
    f[_BT, 0] = 0.0
    f[_BX, 0] = u0x
    f[_BY, 0] = u0y
    for g in range(events):
        # The segments that end here leave, those that start here enter.
        kept = 0
        for j in range(m):
            if i[_END, active[j]] > g:
                active[kept] = active[j]
                kept += 1
        m = kept
        while k < 2 * n and group[order[k]] == g:
            ref = order[k]
            if ref % 2 == 0 and i[_END, ref // 2] > g:
                active[m] = ref // 2
                m += 1
            k += 1
        if k < 2 * n and group[order[k]] >= 0:
            ref = order[k]
            rt, rx, ry = f[_TH, ref], f[_UX, ref], f[_UY, ref]
        else:
            rt, rx, ry = span, u1x, u1y
        top = 0
        stack_t[0], stack_x[0], stack_y[0] = rt, rx, ry
        while top >= 0:
            rt, rx, ry = stack_t[top], stack_x[top], stack_y[top]
            mt = 0.5 * (lt + rt)
            if rt - lt < 1.5:  # any vector in that direction will do
                mx, my = lx + rx, ly + ry
            else:
                mx, my = math.cos(start + mt), math.sin(start + mt)
            # Nearest first: insertion sort on the inverse distance in the middle of the slab.
            for j in range(m):
                s = active[j]
                q = f[_A, s] * mx + f[_B, s] * my
                p = j - 1
                while p >= 0 and (
                    f[_T0, p] < q or (f[_T0, p] == q and i[_W, active[p]] < i[_W, s])
                ):
                    f[_T0, p + 1] = f[_T0, p]
                    active[p + 1] = active[p]
                    p -= 1
                f[_T0, p + 1] = q
                active[p + 1] = s
            for j in range(m):
                s = active[j]
                f[_T1, j] = f[_A, s] * lx + f[_B, s] * ly
                f[_T2, j] = f[_A, s] * rx + f[_B, s] * ry
            stop = m
            for j in range(m):
                if i[_W, active[j]] == PERMANENT:
                    stop = j
                    break
            split = -1.0
            if stop == m or f[_T1, stop] < sure or f[_T2, stop] < sure:
                # The arc is in play: keep the slab within one chord.
                c = int(mt / step)
                if c >= chords:
                    c = chords - 1
                if lt < c * step - ANGLE_TOLERANCE:
                    split = c * step
                elif rt > (c + 1) * step + ANGLE_TOLERANCE and c + 1 < chords:
                    split = (c + 1) * step
                else:
                    if c != cc:
                        cc = c
                        ca, cb = _outer_chord(c, step, start, reach)
                    qm = ca * mx + cb * my
                    ql = ca * lx + cb * ly
                    qr = ca * rx + cb * ry
                    for j in range(m):
                        if (f[_T0, j] - qm) * (f[_T1, j] - ql) < 0.0:
                            q1, q2 = f[_T1, j], ql
                        elif (f[_T0, j] - qm) * (f[_T2, j] - qr) < 0.0:
                            q1, q2 = f[_T2, j], qr
                        else:
                            continue
                        if abs(q1 - q2) > LENGTH_TOLERANCE * abs(q1 * q2):
                            s = active[j]
                            split = _relative(cb - f[_B, s], f[_A, s] - ca, start)
                            if not lt < split < rt:
                                split = _relative(f[_B, s] - cb, ca - f[_A, s], start)
                            if lt + ANGLE_TOLERANCE < split < rt - ANGLE_TOLERANCE:
                                break
                            split = -1.0
            if split < 0.0:
                for j in range(1, m):
                    o = j - 1 if j <= stop else stop
                    if o == j:
                        continue
                    q1, q2 = f[_T1, o], f[_T1, j]
                    if not q1 < q2 or q2 - q1 <= LENGTH_TOLERANCE * abs(q1 * q2):
                        q1, q2 = f[_T2, o], f[_T2, j]
                        if not q1 < q2 or q2 - q1 <= LENGTH_TOLERANCE * abs(q1 * q2):
                            continue
                    s = active[j]
                    r = active[o]
                    split = _relative(f[_B, r] - f[_B, s], f[_A, s] - f[_A, r], start)
                    if not lt < split < rt:
                        split = _relative(f[_B, s] - f[_B, r], f[_A, r] - f[_A, s], start)
                    if lt + ANGLE_TOLERANCE < split < rt - ANGLE_TOLERANCE:
                        break
                    split = -1.0
            if split >= 0.0 and top < 63 and lt < split < rt:
                top += 1
                stack_t[top] = split
                stack_x[top] = math.cos(start + split)
                stack_y[top] = math.sin(start + split)
                continue
            # One slab is settled: walk outward and keep what is seen.
            if slabs + 2 >= slab_cap or traps + m + 2 >= trap_cap:
                return -1, 0
            i[_TOFF, slabs] = traps
            depth = depth0
            lo = -1
            l0 = 0.0
            r0 = 0.0
            arc = False
            if stop == m or (
                cc >= 0
                and f[_T0, stop] < ca * mx + cb * my
                and (f[_T1, stop] < sure or f[_T2, stop] < sure)
            ):
                arc = True
            qc = ca * mx + cb * my
            for j in range(m + 1):
                if j == m or (arc and f[_T0, j] <= qc):
                    if not arc:
                        break
                    hi = chord_line + cc
                    l1 = 1.0 / (ca * lx + cb * ly)
                    r1 = 1.0 / (ca * rx + cb * ry)
                    weight = PERMANENT
                else:
                    s = active[j]
                    hi = i[_LINE, s] if i[_W, s] > 0 else -2 - i[_LINE, s]
                    l1 = 1.0 / f[_T1, j]
                    r1 = 1.0 / f[_T2, j]
                    weight = i[_W, s]
                if weight > 0:
                    if depth == 0:
                        if l1 < l0:
                            l1 = l0
                        if r1 < r0:
                            r1 = r0
                        if l1 - l0 > LENGTH_TOLERANCE or r1 - r0 > LENGTH_TOLERANCE:
                            f[_NR, traps] = l0
                            f[_NX, traps] = l1
                            f[_NY, traps] = r0
                            f[_T3, traps] = r1
                            i[_TLO, traps] = lo
                            i[_THI, traps] = hi
                            traps += 1
                    depth += 1
                    if weight == PERMANENT:
                        break
                else:
                    depth -= 1
                    if depth == 0:
                        lo, l0, r0 = hi, l1, r1
            slabs += 1
            f[_BT, slabs] = rt
            f[_BX, slabs] = rx
            f[_BY, slabs] = ry
            lt, lx, ly = rt, rx, ry
            top -= 1
    i[_TOFF, slabs] = traps
    return slabs, traps


@njit(cache=True, nogil=True)
def _find(parent, k):
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@njit(cache=True, nogil=True)
def _stitch(f, i, slabs, traps, full, node_r, node_x, node_y, edge_cap):
    """Trapezoids to directed edges (seen ground on the left); returns (nodes, edges)."""
    parent = i[_PAR]
    for t in range(traps):
        parent[t] = t
    # Node 0 is the eye, wherever a radial distance is zero.
    node_r[0] = 0.0
    node_x[0] = 0.0
    node_y[0] = 0.0
    nodes = np.int64(1)
    edges = 0
    radii = np.empty(16)
    for b in range(slabs + 1):
        if full and b == slabs:
            continue
        left = b - 1
        if full and b == 0:
            left = slabs - 1
        l0, l1 = 0, 0
        if left >= 0:
            l0, l1 = i[_TOFF, left], i[_TOFF, left + 1]
        r0, r1 = 0, 0
        if b < slabs:
            r0, r1 = i[_TOFF, b], i[_TOFF, b + 1]
        total = 2 * (l1 - l0) + 2 * (r1 - r0)
        if total == 0:
            continue
        if total > radii.size:
            radii = np.empty(2 * total)
        c = 0
        for t in range(l0, l1):
            radii[c] = f[_NY, t]
            radii[c + 1] = f[_T3, t]
            c += 2
        for t in range(r0, r1):
            radii[c] = f[_NR, t]
            radii[c + 1] = f[_NX, t]
            c += 2
        for j in range(1, total):
            v = radii[j]
            p = j - 1
            while p >= 0 and radii[p] > v:
                radii[p + 1] = radii[p]
                p -= 1
            radii[p + 1] = v
        first = nodes
        for j in range(total):
            v = radii[j]
            if v < LENGTH_TOLERANCE:
                continue
            if nodes > first and v - node_r[nodes - 1] <= LENGTH_TOLERANCE:
                continue
            if nodes + 1 >= node_r.size:
                return -1, 0
            node_r[nodes] = v
            node_x[nodes] = v * f[_BX, b]
            node_y[nodes] = v * f[_BY, b]
            nodes += 1
        # Each trapezoid learns its corner nodes.
        for t in range(l0, l1):
            i[_N2, t] = _node_of(node_r, first, nodes, f[_NY, t])
            i[_N3, t] = _node_of(node_r, first, nodes, f[_T3, t])
        for t in range(r0, r1):
            i[_N0, t] = _node_of(node_r, first, nodes, f[_NR, t])
            i[_N1, t] = _node_of(node_r, first, nodes, f[_NX, t])
        # Pieces of the ray seen on one side only are boundary.
        tl, tr = l0, r0
        for a in range(first - 1, nodes - 1):
            n0 = a if a >= first else 0
            n1 = a + 1
            mid = 0.5 * (node_r[n0] + node_r[n1])
            while tl < l1 and f[_T3, tl] < mid:
                tl += 1
            while tr < r1 and f[_NX, tr] < mid:
                tr += 1
            on_left = tl < l1 and f[_NY, tl] < mid
            on_right = tr < r1 and f[_NR, tr] < mid
            if edges + 2 >= edge_cap:
                return -1, 0
            if on_left and on_right:
                pa, pb = _find(parent, tl), _find(parent, tr)
                if pa != pb:
                    parent[pb] = pa
            elif on_left:
                i[_EF, edges], i[_ET, edges] = n1, n0
                i[_ES, edges], i[_ETR, edges] = 2000000000 + b, tl
                edges += 1
            elif on_right:
                i[_EF, edges], i[_ET, edges] = n0, n1
                i[_ES, edges], i[_ETR, edges] = 2000000000 + b, tr
                edges += 1
    for t in range(traps):
        if edges + 3 >= edge_cap:
            return -1, 0
        if i[_N1, t] != i[_N3, t]:
            i[_EF, edges], i[_ET, edges] = i[_N1, t], i[_N3, t]
            i[_ES, edges], i[_ETR, edges] = i[_THI, t], t
            edges += 1
        if i[_N0, t] != i[_N2, t]:
            i[_EF, edges], i[_ET, edges] = i[_N2, t], i[_N0, t]
            i[_ES, edges], i[_ETR, edges] = i[_TLO, t], t
            edges += 1
    return nodes, edges


@njit(cache=True, nogil=True)
def _node_of(node_r, first, nodes, r):
    """The node of this ray whose distance is nearest to r."""
    if r < LENGTH_TOLERANCE:
        return 0
    best = first
    for k in range(first + 1, nodes):
        if abs(node_r[k] - r) < abs(node_r[best] - r):
            best = k
    return best


@njit(cache=True, nogil=True)
def _next_edge(i, node_x, node_y, e):
    """The edge that follows e round the same wedge of seen ground."""
    node = i[_ET, e]
    head = i[_HEAD, node]
    if head < 0 or i[_NEXT, head] < 0:
        return head
    back = math.atan2(node_y[i[_EF, e]] - node_y[node], node_x[i[_EF, e]] - node_x[node])
    best = -1
    least = 100.0
    o = head
    while o >= 0:
        if i[_VIS, o] == 0:
            out = math.atan2(node_y[i[_ET, o]] - node_y[node], node_x[i[_ET, o]] - node_x[node])
            turn = (back - out) % TWO_PI
            if turn <= 1e-12:
                turn = TWO_PI
            if turn < least:
                least = turn
                best = o
        o = i[_NEXT, o]
    return best


@njit(cache=True, nogil=True)
def _emit(i, node_x, node_y, lo, hi, x, y, out_xy, m):
    """Write one simple ring (stack entries lo to hi) without its straight-through nodes."""
    begin = m
    count = hi - lo
    if count < 3 or m + count + 1 > out_xy.shape[0]:
        return m, 0.0
    rn, re = i[_RN], i[_RE]
    for j in range(lo, hi):
        before = re[j - 1] if j > lo else re[hi - 1]
        if i[_ES, before] == i[_ES, re[j]] and i[_ES, before] != -1:
            continue
        out_xy[m, 0] = node_x[rn[j]]
        out_xy[m, 1] = node_y[rn[j]]
        m += 1
    return _close(out_xy, begin, m, x, y)


@njit(cache=True, nogil=True)
def _trace(i, nodes, edges, node_x, node_y, x, y, out_xy, m, rings, r):
    """Follow the edges into simple rings; rings rows: start, end, component, sign."""
    for k in range(nodes):
        i[_HEAD, k] = -1
        i[_POS, k] = -1
    for e in range(edges):
        i[_VIS, e] = 0
        i[_NEXT, e] = i[_HEAD, i[_EF, e]]
        i[_HEAD, i[_EF, e]] = e
    for seed in range(edges):
        if i[_VIS, seed]:
            continue
        top = 0
        e = seed
        while e >= 0:
            if i[_VIS, e]:
                break
            i[_VIS, e] = 1
            node = i[_EF, e]
            i[_RN, top], i[_RE, top] = node, e
            i[_POS, node] = top
            top += 1
            end = i[_ET, e]
            if i[_POS, end] >= 0:
                lo = i[_POS, end]
                if m + (top - lo) + 1 > out_xy.shape[0] or r + 1 > rings.shape[0]:
                    return -1, 0
                begin = m
                m, area = _emit(i, node_x, node_y, lo, top, x, y, out_xy, m)
                if area != 0.0:
                    rings[r, 0], rings[r, 1] = begin, m
                    rings[r, 2] = _find(i[_PAR], i[_ETR, e])
                    rings[r, 3] = 1 if area > 0 else -1
                    r += 1
                for j in range(lo, top):
                    i[_POS, i[_RN, j]] = -1
                top = lo
                if top == 0:
                    break
            e = _next_edge(i, node_x, node_y, e)
        for j in range(top):
            i[_POS, i[_RN, j]] = -1
    return m, r


@njit(cache=True, nogil=True)
def _star(f, i, slabs, full, x, y, span, reach, out_xy, m, rings, r):
    """Write the view at once where every slab is one piece from the eye, or from the near edge.

    Returns (coordinates, rings, sure): coordinates -1 where the view is not of that form, -2
    where the arrays are too short. `sure` is False where rounding could make the rings touch.
    """
    toff = i[_TOFF]
    for s in range(slabs):
        if toff[s + 1] - toff[s] != 1:
            return -1, r, False
    ringed = f[_NR, 0] > LENGTH_TOLERANCE
    for s in range(slabs):
        if ringed:
            if f[_NX, s] - f[_NR, s] < 0.01 or f[_T3, s] - f[_NY, s] < 0.01 or f[_NR, s] < 0.01:
                return -1, r, False
            if s and (
                abs(f[_NY, s - 1] - f[_NR, s]) > LENGTH_TOLERANCE
                or f[_T3, s - 1] - f[_NR, s] < 0.01
                or f[_NX, s] - f[_NY, s - 1] < 0.01
            ):
                return -1, r, False
        elif (
            f[_NR, s] != 0.0
            or f[_NY, s] != 0.0
            or f[_NX, s] <= LENGTH_TOLERANCE
            or f[_T3, s] <= LENGTH_TOLERANCE
        ):
            return -1, r, False
    if (
        full
        and ringed
        and (
            abs(f[_NY, slabs - 1] - f[_NR, 0]) > LENGTH_TOLERANCE
            or f[_T3, slabs - 1] - f[_NR, 0] < 0.01
            or f[_NX, 0] - f[_NY, slabs - 1] < 0.01
        )
    ):
        return -1, r, False
    if m + 4 * slabs + 8 > out_xy.shape[0] or r + 2 > rings.shape[0]:
        return -2, r, False
    # Rounding moves a vertex by at most about 1e-9 m. Neighbouring rays must lie farther apart
    # wherever a vertex lies on them, and a radial edge must not be so short, nor the slabs beside
    # it so narrow, that the edges at its ends could turn over (docs/visibility.md).
    steep = 4e-8 * reach
    sure = True
    begin = m
    if not full and not ringed:
        out_xy[m, 0] = 0.0
        out_xy[m, 1] = 0.0
        m += 1
        w = (TWO_PI - span) * min(f[_NX, 0], f[_T3, slabs - 1])
        narrow = min(
            f[_BT, 1] * f[_NX, 0] ** 2, (span - f[_BT, slabs - 1]) * f[_T3, slabs - 1] ** 2
        )
        if w < 1e-6 or w * min(f[_NX, 0], f[_T3, slabs - 1]) < steep or narrow < steep:
            sure = False
    for s in range(slabs + 1):
        if s == slabs and full:
            break
        ux, uy = f[_BX, s], f[_BY, s]
        if s < slabs:
            least = min(f[_NX, s], f[_T3, s])
            if s:
                least = min(least, f[_T3, s - 1])
            if s + 1 < slabs:
                least = min(least, f[_NX, s + 1])
            if ringed:
                least = min(least, f[_NR, s], f[_NY, s])
            wide = least * (f[_BT, s + 1] - f[_BT, s])
            if wide < 1e-6:
                sure = False
            if ringed and wide * min(f[_NX, s] - f[_NR, s], f[_T3, s] - f[_NY, s]) < steep:
                sure = False
        here = f[_NX, s] if s < slabs else 0.0
        before = s - 1 if s or not full else slabs - 1
        if before < 0:
            out_xy[m, 0] = here * ux
            out_xy[m, 1] = here * uy
            m += 1
            continue
        there = f[_T3, before]
        if s < slabs and abs(there - here) <= LENGTH_TOLERANCE:
            if i[_THI, before] != i[_THI, s]:
                out_xy[m, 0] = here * ux
                out_xy[m, 1] = here * uy
                m += 1
            continue
        out_xy[m, 0] = there * ux
        out_xy[m, 1] = there * uy
        m += 1
        if s < slabs:
            out_xy[m, 0] = here * ux
            out_xy[m, 1] = here * uy
            m += 1
            narrow = min(f[_BT, s + 1] - f[_BT, s], f[_BT, before + 1] - f[_BT, before])
            if narrow * min(here, there) * abs(there - here) < steep:
                sure = False
    if ringed and not full:
        for s in range(slabs, -1, -1):
            inner = f[_NY, s - 1] if s else f[_NR, 0]
            if 0 < s < slabs and i[_TLO, s] == i[_TLO, s - 1]:
                continue
            out_xy[m, 0] = inner * f[_BX, s]
            out_xy[m, 1] = inner * f[_BY, s]
            m += 1
        w = (TWO_PI - span) * min(f[_NR, 0], f[_NY, slabs - 1])
        if w < 1e-6 or w * 0.01 < steep:
            sure = False
    m, area = _close(out_xy, begin, m, x, y)
    if area <= 1e-6:
        return begin, r, True
    rings[r, 0], rings[r, 1], rings[r, 2], rings[r, 3] = begin, m, 0, 1
    r += 1
    if ringed and full:
        begin = m
        for s in range(slabs - 1, -1, -1):
            before = s - 1 if s else slabs - 1
            if i[_TLO, s] == i[_TLO, before]:
                continue
            out_xy[m, 0] = f[_NR, s] * f[_BX, s]
            out_xy[m, 1] = f[_NR, s] * f[_BY, s]
            m += 1
        m, area = _close(out_xy, begin, m, x, y)
        if area != 0.0:
            rings[r, 0], rings[r, 1], rings[r, 2], rings[r, 3] = begin, m, 0, -1
            r += 1
    return m, r, sure


@njit(cache=True, nogil=True)
def _close(out_xy, begin, m, x, y):
    """Close a ring, move it to the eye's place; returns its end and signed area (0: dropped)."""
    if m - begin < 3:
        return begin, 0.0
    area = 0.0
    for j in range(begin, m):
        k = j + 1 if j + 1 < m else begin
        area += out_xy[j, 0] * out_xy[k, 1] - out_xy[j, 1] * out_xy[k, 0]
    area *= 0.5
    if abs(area) < 1e-6:
        return begin, 0.0
    out_xy[m, 0] = out_xy[begin, 0]
    out_xy[m, 1] = out_xy[begin, 1]
    m += 1
    for j in range(begin, m):
        out_xy[j, 0] += x
        out_xy[j, 1] += y
    return m, area


@njit(cache=True, nogil=True)
def _order_rings(rings, lo, hi):
    """Rings of one eye by component, the outer one first."""
    for j in range(lo + 1, hi):
        a, b, c, d = rings[j, 0], rings[j, 1], rings[j, 2], rings[j, 3]
        p = j - 1
        while p >= lo and (rings[p, 2] > c or (rings[p, 2] == c and rings[p, 3] < d)):
            for q in range(4):
                rings[p + 1, q] = rings[p, q]
            p -= 1
        rings[p + 1, 0], rings[p + 1, 1], rings[p + 1, 2], rings[p + 1, 3] = a, b, c, d


@njit(cache=True, nogil=True)
def pack(xy, rings, offsets):
    """Coordinates in the order of the rings, ring offsets, polygon offsets, polygons an eye."""
    total = 0
    opens = 0
    for r in range(rings.shape[0]):
        total += rings[r, 1] - rings[r, 0]
        opens += rings[r, 3] > 0
    out = np.empty((total, 2))
    ring_offsets = np.zeros(rings.shape[0] + 1, np.int64)
    polygon_offsets = np.zeros(opens + 1, np.int64)
    parts = np.zeros(offsets.size - 1, np.int64)
    m = 0
    p = 0
    for e in range(offsets.size - 1):
        for r in range(offsets[e], offsets[e + 1]):
            for j in range(rings[r, 0], rings[r, 1]):
                out[m, 0] = xy[j, 0]
                out[m, 1] = xy[j, 1]
                m += 1
            ring_offsets[r + 1] = m
            if rings[r, 3] > 0:
                polygon_offsets[p] = r
                parts[e] += 1
                p += 1
    polygon_offsets[opens] = rings.shape[0]
    return out, ring_offsets, polygon_offsets, parts


@njit(cache=True, nogil=True)
def sweep(eyes, spans, lo, hi, walls, offsets, heights, roofs, bases, scene):
    """Rings of the ground each eye from `lo` to `hi` sees.

    `eyes` rows: x, y, height, near, range, elevation of the ground. `spans` rows: start angle
    (counter-clockwise from east, radians) and width. `heights` are those of the walls, `roofs`
    those of what lies inside a parapet, `bases` the elevation of the ground at each building.
    Returns the coordinates, one row a ring (start, end, component, sign of the area), the offset
    of each eye's rings, and whether each view is surely valid.
    """
    boxes = scene[0]
    cap = 1024
    f = np.empty((FLOAT_ROWS, cap))
    i = np.empty((INT_ROWS, cap), np.int64)
    found = np.empty(256, np.int64)
    extents = np.empty((256, 2))
    depths = np.empty(BINS)
    stamp = np.full(heights.size, -1, np.int64)
    xy = np.empty((64 * (hi - lo) + 1024, 2))
    rings = np.empty((2 * (hi - lo) + 64, 4), np.int64)
    ring_offsets = np.zeros(hi - lo + 1, np.int64)
    sure = np.ones(hi - lo, np.bool_)
    m = ZERO
    r = ZERO
    for e in range(lo, hi):
        x, y, height, near, reach, ground = eyes[e]
        start, span = spans[e]
        ring_offsets[e - lo + 1] = r
        if not (span > ANGLE_TOLERANCE and reach - near > LENGTH_TOLERANCE):
            continue
        full = span >= TWO_PI - ANGLE_TOLERANCE
        if full:
            span = TWO_PI
        u0x, u0y = math.cos(start), math.sin(start)
        u1x, u1y = (u0x, u0y) if full else (math.cos(start + span), math.sin(start + span))
        sector = (start, span, u0x, u0y, u1x, u1y)
        count = candidate_buildings(scene, x, y, reach, stamp, 2 * e, found)
        if count < 0:
            found = np.empty(-2 * count, np.int64)
            extents = np.empty((-2 * count, 2))
            count = candidate_buildings(scene, x, y, reach, stamp, 2 * e + 1, found)
        _open_bins(depths, reach, span, u0x, u0y, u1x, u1y)
        count = _cull(
            x,
            y,
            height,
            ground,
            walls,
            offsets,
            heights,
            bases,
            boxes,
            found,
            count,
            depths,
            extents,
        )
        need = 64
        if near > 0.0:
            need += chord_step(near, span)[1]
        for c in range(count):
            need += 2 * (offsets[found[c] + 1] - offsets[found[c]])
        need = 4 * need + 4 * chord_step(reach, span)[1]
        while True:
            if need > cap:
                cap = 2 * need
                f = np.empty((FLOAT_ROWS, cap))
                i = np.empty((INT_ROWS, cap), np.int64)
            n, depth = _gather(
                f,
                i,
                x,
                y,
                height,
                near,
                reach,
                ground,
                sector,
                walls,
                offsets,
                heights,
                roofs,
                bases,
                boxes,
                found,
                count,
            )
            if depth < 0:
                break
            slabs, traps = _slabs(f, i, n, depth, reach, sector, walls.shape[0] + 1000000, cap, cap)
            if slabs < 0:
                need = 2 * cap
                continue
            m2, r2, good = _star(f, i, slabs, full, x, y, span, reach, xy, m, rings, r)
            if m2 == -1:
                # The rows of the events are free again and hold the nodes.
                nodes, edges = _stitch(f, i, slabs, traps, full, f[_TH], f[_UX], f[_UY], cap)
                if nodes < 0:
                    need = 2 * cap
                    continue
                m2, r2 = _trace(i, nodes, edges, f[_UX], f[_UY], x, y, xy, m, rings, r)
                good = False
                if m2 >= 0:
                    _order_rings(rings, r, r2)
            if m2 < 0:
                bigger = np.empty((2 * xy.shape[0] + 4 * slabs + 8, 2))
                for q in range(m):  # an assignment of slices takes seconds to compile
                    bigger[q, 0], bigger[q, 1] = xy[q, 0], xy[q, 1]
                xy = bigger
                more = np.empty((2 * rings.shape[0] + slabs, 4), np.int64)
                for q in range(r):
                    for c in range(4):
                        more[q, c] = rings[q, c]
                rings = more
                continue
            m, r = m2, r2
            sure[e - lo] = good
            break
        ring_offsets[e - lo + 1] = r
    return xy[:m], rings[:r], ring_offsets, sure
