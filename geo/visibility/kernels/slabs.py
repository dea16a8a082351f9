"""The angular sweep: segments to trapezoids of visible ground between neighbouring rays.

A slab lies between two rays between which no segments cross; its trapezoids are bounded by the two
rays and by two lines.
"""

from __future__ import annotations

import math

import numpy as np

from geo.geometry.bucket_grid import ZERO
from geo.kernel_cache import allocating_part, kernel_part
from geo.visibility.kernels.rim import Chord, inverse_distance
from geo.visibility.kernels.segments import ANGLE_TOLERANCE, LENGTH_TOLERANCE, OPAQUE, Ray
from geo.visibility.kernels.splits import Slab, find_split
from geo.visibility.kernels.sweep_arrays import DEEPEST_SPLIT

_NO_LINE = np.int64(-1)
_FEW_EVENTS = 80
"""Up to this number insertion sort is faster."""


@allocating_part
def sort_events(angles, order, count):
    """Order events by angle.

    Parameters
    ----------
    angles : numpy.ndarray of float
        Angle of each event.
    order : numpy.ndarray of int
        Receives the events in ascending order of angle.
    count : int
        Number of events.
    """
    if count <= _FEW_EVENTS:
        for event in range(count):
            angle = angles[event]
            k = event - 1
            while k >= 0 and angles[order[k]] > angle:
                order[k + 1] = order[k]
                k -= 1
            order[k + 1] = event
        return
    by_angle = np.argsort(angles[:count])
    for k in range(count):
        order[k] = by_angle[k]


@kernel_part
def _group_events(events, angles, segment_count, width):
    """Group the sorted events; return the number of groups, the start of the sector included."""
    groups = 1
    last = 0.0
    for k in range(2 * segment_count):
        event = events.order[k]
        angle = angles[event]
        if angle - last > ANGLE_TOLERANCE and width - angle > ANGLE_TOLERANCE:
            groups += 1
            last = angle
        events.group[event] = groups - 1 if width - angle > ANGLE_TOLERANCE else -1
    for segment in range(segment_count):
        group = events.group[2 * segment + 1]
        events.last_group[segment] = groups if group < 0 else group
    return groups


@kernel_part
def _update_active(active, count, events, next_event, event_count, group):
    """Drop the segments that end in a group and add those that begin; return count, next event."""
    remaining = 0
    for j in range(count):
        segment = active.segment[j]
        if events.last_group[segment] > group:
            active.segment[remaining] = segment
            remaining += 1
    while next_event < event_count and events.group[events.order[next_event]] == group:
        event = events.order[next_event]
        if event % 2 == 0 and events.last_group[event // 2] > group:
            active.segment[remaining] = event // 2
            remaining += 1
        next_event += 1
    return remaining, next_event


@kernel_part
def _next_ray(events, segments, next_event, event_count, sector):
    """Return the ray of the next group of events, or the end of the sector."""
    if next_event < event_count:
        event = events.order[next_event]
        if events.group[event] >= 0:
            return Ray(segments.angle[event], segments.x[event], segments.y[event])
    return sector.end


@kernel_part
def _slab_between(begin, end, start):
    """Return a slab with a ray in its middle."""
    angle = 0.5 * (begin.angle + end.angle)
    if end.angle - begin.angle < 1.5:  # any vector in that direction will do
        return Slab(begin, Ray(angle, begin.x + end.x, begin.y + end.y), end)
    return Slab(begin, Ray(angle, math.cos(start + angle), math.sin(start + angle)), end)


@kernel_part
def _order_active(active, count, segments, slab):
    """Order the active segments, nearest in the middle of the slab first.

    Returns the place of the first that hides everything behind it, `count` if none does.
    """
    middle = slab.middle
    for j in range(count):
        s = active.segment[j]
        inverse = segments.a[s] * middle.x + segments.b[s] * middle.y
        k = j - 1
        while k >= 0 and (
            active.at_middle[k] < inverse
            or (
                active.at_middle[k] == inverse
                and segments.kind[active.segment[k]] < segments.kind[s]
            )
        ):
            active.at_middle[k + 1] = active.at_middle[k]
            active.segment[k + 1] = active.segment[k]
            k -= 1
        active.at_middle[k + 1] = inverse
        active.segment[k + 1] = s
    for j in range(count):
        s = active.segment[j]
        active.at_begin[j] = segments.a[s] * slab.begin.x + segments.b[s] * slab.begin.y
        active.at_end[j] = segments.a[s] * slab.end.x + segments.b[s] * slab.end.y
    for j in range(count):
        if segments.kind[active.segment[j]] == OPAQUE:
            return j
    return count


@kernel_part
def _is_at_rim(active, count, first_opaque, slab, rim, chord):
    """Return whether the rim is nearer than the first segment that hides everything."""
    if first_opaque == count:
        return True
    return (
        chord.number >= 0
        and active.at_middle[first_opaque] < inverse_distance(chord, slab.middle)
        and (active.at_begin[first_opaque] < rim.within or active.at_end[first_opaque] < rim.within)
    )


@kernel_part
def _add_trapezoid(trapezoids, k, near_begin, far_begin, near_end, far_end, near_line, far_line):
    """Write a trapezoid unless it is too thin to be ground; return the new count."""
    if far_begin < near_begin:
        far_begin = near_begin
    if far_end < near_end:
        far_end = near_end
    if far_begin - near_begin > LENGTH_TOLERANCE or far_end - near_end > LENGTH_TOLERANCE:
        trapezoids.near_begin[k] = near_begin
        trapezoids.far_begin[k] = far_begin
        trapezoids.near_end[k] = near_end
        trapezoids.far_end[k] = far_end
        trapezoids.near_line[k] = near_line
        trapezoids.far_line[k] = far_line
        k += 1
    return k


@kernel_part
def _emit_trapezoids(active, count, first_opaque, segments, slab, rim, chord, depth, trapezoids, k):
    """Write the visible trapezoids of a slab from inside out; return the new count `k`.

    `depth` is the number of objects that hide the ground at the viewpoint.
    """
    at_rim = _is_at_rim(active, count, first_opaque, slab, rim, chord)
    rim_inverse = inverse_distance(chord, slab.middle)
    near_line, near_begin, near_end = _NO_LINE, 0.0, 0.0
    for j in range(count + 1):
        if j == count or (at_rim and active.at_middle[j] <= rim_inverse):
            if not at_rim:
                break
            kind = OPAQUE
            line = rim.first_line + chord.number
            far_begin = 1.0 / inverse_distance(chord, slab.begin)
            far_end = 1.0 / inverse_distance(chord, slab.end)
        else:
            s = active.segment[j]
            kind = segments.kind[s]
            line = segments.line[s] if kind > 0 else -2 - segments.line[s]
            far_begin = 1.0 / active.at_begin[j]
            far_end = 1.0 / active.at_end[j]
        if kind < 0:
            depth -= 1
            if depth == 0:
                near_line, near_begin, near_end = line, far_begin, far_end
            continue
        if depth == 0:
            k = _add_trapezoid(
                trapezoids, k, near_begin, far_begin, near_end, far_end, near_line, line
            )
        depth += 1
        if kind == OPAQUE:
            break
    return k


@kernel_part
def _set_ray(slabs, k, ray):
    slabs.angle[k] = ray.angle
    slabs.x[k] = ray.x
    slabs.y[k] = ray.y


@kernel_part
def _push(pending, top, ray):
    pending.angle[top] = ray.angle
    pending.x[top] = ray.x
    pending.y[top] = ray.y


@kernel_part
def sweep_slabs(segments, segment_count, depth, sector, rim, sweep):
    """Sweep over the segments of one viewpoint, whose events are sorted.

    Parameters
    ----------
    segments : Segments
        All segments.
    segment_count : int
        Number of segments.
    depth : int
        Number of objects that hide the ground at the viewpoint itself.
    sector : Sector
        Directions of the viewpoint.
    rim : Rim
        End of the range.
    sweep : Sweep
        Arrays; receives slabs and trapezoids.

    Returns
    -------
    tuple of int
        Numbers of slabs and trapezoids; (-1, 0) if the arrays are too short.
    """
    events, active, slabs, trapezoids, pending = sweep
    event_count = 2 * segment_count
    groups = _group_events(events, segments.angle, segment_count, sector.width)
    capacity = trapezoids.near_begin.size
    active_count, next_event, slab_count, trapezoid_count = ZERO, ZERO, ZERO, ZERO
    chord = Chord(np.int64(-1), 0.0, 0.0)
    begin = sector.begin
    _set_ray(slabs, ZERO, begin)
    for group in range(groups):
        active_count, next_event = _update_active(
            active, active_count, events, next_event, event_count, group
        )
        _push(pending, ZERO, _next_ray(events, segments, next_event, event_count, sector))
        top = ZERO
        while top >= 0:
            end = Ray(pending.angle[top], pending.x[top], pending.y[top])
            slab = _slab_between(begin, end, sector.start)
            opaque = _order_active(active, active_count, segments, slab)
            split, chord = find_split(active, active_count, opaque, segments, slab, rim, chord)
            if split >= 0.0 and top < DEEPEST_SPLIT - 1 and begin.angle < split < end.angle:
                top += 1
                angle = sector.start + split
                _push(pending, top, Ray(split, math.cos(angle), math.sin(angle)))
                continue
            if slab_count + 2 >= capacity or trapezoid_count + active_count + 2 >= capacity:
                return -1, 0
            slabs.first_trapezoid[slab_count] = trapezoid_count
            trapezoid_count = _emit_trapezoids(
                active,
                active_count,
                opaque,
                segments,
                slab,
                rim,
                chord,
                depth,
                trapezoids,
                trapezoid_count,
            )
            slab_count += 1
            _set_ray(slabs, slab_count, end)
            begin = end
            top -= 1
    slabs.first_trapezoid[slab_count] = trapezoid_count
    return slab_count, trapezoid_count
