"""Views of which every slab is one piece: from the viewpoint, or from the near arc, to one line."""

from __future__ import annotations

from geo.geometry.bucket_grid import ZERO
from geo.kernel_cache import kernel_part
from geo.visibility.kernels.rings import SMALLEST_RING_M2, add_ring, close_ring
from geo.visibility.kernels.segments import LENGTH_TOLERANCE, TWO_PI

NOT_A_STAR = -1
NO_ROOM = -2
_THINNEST_M = 0.01
"""Between near arc and far line; thinner views are left to the general method."""
_NARROWEST_M = 1e-6
_STEEPEST = 4e-8


@kernel_part
def _joins(trapezoids, before, k):
    """Return whether the piece of one slab continues that of the slab before it."""
    return (
        abs(trapezoids.near_end[before] - trapezoids.near_begin[k]) <= LENGTH_TOLERANCE
        and trapezoids.far_end[before] - trapezoids.near_begin[k] >= _THINNEST_M
        and trapezoids.far_begin[k] - trapezoids.near_end[before] >= _THINNEST_M
    )


@kernel_part
def _is_star(slabs, trapezoids, count, full):
    """Return whether every slab is one piece, and whether these begin at a near arc."""
    for k in range(count):
        if slabs.first_trapezoid[k + 1] - slabs.first_trapezoid[k] != 1:
            return False, False
    if not trapezoids.near_begin[0] > LENGTH_TOLERANCE:
        for k in range(count):
            if (
                trapezoids.near_begin[k] != 0.0
                or trapezoids.near_end[k] != 0.0
                or trapezoids.far_begin[k] <= LENGTH_TOLERANCE
                or trapezoids.far_end[k] <= LENGTH_TOLERANCE
            ):
                return False, False
        return True, False
    for k in range(count):
        if (
            trapezoids.far_begin[k] - trapezoids.near_begin[k] < _THINNEST_M
            or trapezoids.far_end[k] - trapezoids.near_end[k] < _THINNEST_M
            or trapezoids.near_begin[k] < _THINNEST_M
            or (k > 0 and not _joins(trapezoids, k - 1, k))
        ):
            return False, True
    return not full or _joins(trapezoids, count - 1, ZERO), True


@kernel_part
def _is_gap_wide(slabs, trapezoids, count, sector, ringed, steep):
    """Return whether the two sides of the sector are far enough apart at their inner ends."""
    gap = TWO_PI - sector.width
    last = count - 1
    if ringed:
        across = gap * min(trapezoids.near_begin[0], trapezoids.near_end[last])
        return not (across < _NARROWEST_M or across * _THINNEST_M < steep)
    shortest = min(trapezoids.far_begin[0], trapezoids.far_end[last])
    across = gap * shortest
    begin, end = trapezoids.far_begin[0], trapezoids.far_end[last]
    narrow = min(slabs.angle[1] * (begin * begin), (sector.width - slabs.angle[last]) * (end * end))
    return not (across < _NARROWEST_M or across * shortest < steep or narrow < steep)


@kernel_part
def _is_slab_wide(slabs, trapezoids, k, count, ringed, steep):
    """Return whether the rays of a slab are far enough apart wherever a vertex lies on them."""
    least = min(trapezoids.far_begin[k], trapezoids.far_end[k])
    if k:
        least = min(least, trapezoids.far_end[k - 1])
    if k + 1 < count:
        least = min(least, trapezoids.far_begin[k + 1])
    if ringed:
        least = min(least, trapezoids.near_begin[k], trapezoids.near_end[k])
    width = least * (slabs.angle[k + 1] - slabs.angle[k])
    if width < _NARROWEST_M:
        return False
    if not ringed:
        return True
    depth = min(
        trapezoids.far_begin[k] - trapezoids.near_begin[k],
        trapezoids.far_end[k] - trapezoids.near_end[k],
    )
    return not width * depth < steep


@kernel_part
def _is_step_safe(slabs, trapezoids, before, k, steep):
    """Return whether the edge along the ray between two slabs, if any, cannot fold over."""
    before_far, far = trapezoids.far_end[before], trapezoids.far_begin[k]
    if abs(before_far - far) <= LENGTH_TOLERANCE:
        return True
    narrow = min(slabs.angle[k + 1] - slabs.angle[k], slabs.angle[before + 1] - slabs.angle[before])
    return not narrow * min(far, before_far) * abs(before_far - far) < steep


@kernel_part
def _is_certainly_valid(slabs, trapezoids, count, reach, sector, ringed):
    """Return whether rounding cannot make the rings touch.

    Rounding moves a vertex by at most about 1e-9 m. Neighbouring rays must lie farther apart
    wherever a vertex lies on them, and a radial edge must not be so short, nor the slabs beside
    it so narrow, that the edges at its ends could fold over (docs/visibility.md).
    """
    steep = _STEEPEST * reach
    if not sector.full and not _is_gap_wide(slabs, trapezoids, count, sector, ringed, steep):
        return False
    for k in range(count):
        if not _is_slab_wide(slabs, trapezoids, k, count, ringed, steep):
            return False
        if k > 0 and not _is_step_safe(slabs, trapezoids, k - 1, k, steep):
            return False
    return not sector.full or _is_step_safe(slabs, trapezoids, count - 1, ZERO, steep)


@kernel_part
def _put(xy, n, distance, slabs, k):
    """Write the point at a distance along ray k; return the new number of coordinates."""
    xy[n, 0] = distance * slabs.x[k]
    xy[n, 1] = distance * slabs.y[k]
    return n + 1


@kernel_part
def _put_far_side(xy, n, slabs, trapezoids, count, full):
    """Write the far ends of all slabs, without the points where a line goes straight on."""
    for k in range(count):
        far = trapezoids.far_begin[k]
        if k == 0 and not full:
            n = _put(xy, n, far, slabs, k)
            continue
        before = k - 1 if k else count - 1
        before_far = trapezoids.far_end[before]
        if abs(before_far - far) <= LENGTH_TOLERANCE:
            if trapezoids.far_line[before] != trapezoids.far_line[k]:
                n = _put(xy, n, far, slabs, k)
            continue
        n = _put(xy, n, before_far, slabs, k)
        n = _put(xy, n, far, slabs, k)
    if not full:
        n = _put(xy, n, trapezoids.far_end[count - 1], slabs, count)
    return n


@kernel_part
def _put_near_side(xy, n, slabs, trapezoids, count):
    """Write the near ends of all slabs of a sector, backwards."""
    for k in range(count, -1, -1):
        if 0 < k < count and trapezoids.near_line[k] == trapezoids.near_line[k - 1]:
            continue
        distance = trapezoids.near_end[k - 1] if k else trapezoids.near_begin[0]
        n = _put(xy, n, distance, slabs, k)
    return n


@kernel_part
def _put_hole(xy, n, slabs, trapezoids, count):
    """Write the near ends of all slabs of a full circle, backwards."""
    for k in range(count - 1, -1, -1):
        before = k - 1 if k else count - 1
        if trapezoids.near_line[k] != trapezoids.near_line[before]:
            n = _put(xy, n, trapezoids.near_begin[k], slabs, k)
    return n


@kernel_part
def write_star(slabs, trapezoids, count, eye, sector, rings, n, ring_count):
    """Write the rings of a view whose slabs are one piece each.

    Parameters
    ----------
    slabs : Slabs
        Slabs of the view.
    trapezoids : Trapezoids
        Trapezoids of the slabs.
    count : int
        Number of slabs.
    eye : Eye
        Viewpoint.
    sector : Sector
        Directions of the viewpoint.
    rings : Rings
        Receives the rings.
    n : int
        Number of coordinates that `rings` already holds.
    ring_count : int
        Number of rings that `rings` already holds.

    Returns
    -------
    tuple of int, int and bool
        New numbers of coordinates and rings, and whether the view is certainly valid. The first is
        NOT_A_STAR if the view is not of that form, NO_ROOM if the arrays are too short.
    """
    star, ringed = _is_star(slabs, trapezoids, count, sector.full)
    if not star:
        return NOT_A_STAR, ring_count, False
    xy = rings.xy
    if n + 4 * count + 8 > xy.shape[0] or ring_count + 2 > rings.rows.shape[0]:
        return NO_ROOM, ring_count, False
    begin = n
    if not sector.full and not ringed:
        xy[n, 0] = 0.0
        xy[n, 1] = 0.0
        n += 1
    n = _put_far_side(xy, n, slabs, trapezoids, count, sector.full)
    if ringed and not sector.full:
        n = _put_near_side(xy, n, slabs, trapezoids, count)
    n, area = close_ring(xy, begin, n, eye.x, eye.y)
    if area <= SMALLEST_RING_M2:
        return begin, ring_count, True
    ring_count = add_ring(rings, ring_count, begin, n, ZERO, area)
    if ringed and sector.full:
        begin = n
        n = _put_hole(xy, n, slabs, trapezoids, count)
        n, area = close_ring(xy, begin, n, eye.x, eye.y)
        ring_count = add_ring(rings, ring_count, begin, n, ZERO, area)
    certain = _is_certainly_valid(slabs, trapezoids, count, eye.reach, sector, ringed)
    return n, ring_count, certain
