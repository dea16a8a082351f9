"""The angular sweep: segments to trapezoids of visible ground between neighbouring rays.

A slab lies between two rays between which no segments cross; its trapezoids are bounded by the two
rays and by two lines.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.geometry.bucket_grid import ZERO
from geo.kernel_cache import allocating_part, kernel_part
from geo.visibility.kernels.segments import (
    ANGLE_TOLERANCE,
    LENGTH_TOLERANCE,
    OPAQUE,
    Ray,
    angle_from,
    arc_of,
    line_between,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEEPEST_SPLIT = 64
"""How often a slab is split before it is taken as it is."""
_NO_SPLIT = -1.0
_NO_LINE = np.int64(-1)
_FEW_EVENTS = 80
"""Up to this number insertion is the quicker way to sort."""


class Events(NamedTuple):
    """Beginnings and ends of segments, in groups that lie within the tolerance of one angle."""

    order: NDArray[Any]
    """Events by angle."""
    group: NDArray[Any]
    """The group of each event, rising with the angle; -1 at the end of the sector."""
    last_group: NDArray[Any]
    """The group in which each segment ends; the number of groups at the end of the sector."""


class ActiveSegments(NamedTuple):
    """The segments that meet the rays of the current slab, nearest first."""

    segment: NDArray[Any]
    at_begin: NDArray[np.float64]
    """Inverse distance on the first ray of the slab."""
    at_middle: NDArray[np.float64]
    at_end: NDArray[np.float64]


class Slabs(NamedTuple):
    """Slabs in the order of their angle: slab k lies between the rays k and k + 1."""

    angle: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    first_trapezoid: NDArray[Any]
    """Slab k has the trapezoids from first_trapezoid[k] to first_trapezoid[k + 1]."""


class Trapezoids(NamedTuple):
    """Visible pieces of slabs, the nearest first: distances on both rays, and numbers of lines."""

    near_begin: NDArray[np.float64]
    far_begin: NDArray[np.float64]
    near_end: NDArray[np.float64]
    far_end: NDArray[np.float64]
    near_line: NDArray[Any]
    far_line: NDArray[Any]


class PendingRays(NamedTuple):
    """Ends of the slabs that the current one was split from, the nearest on top."""

    angle: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


class Sweep(NamedTuple):
    """All that one sweep writes."""

    events: Events
    active: ActiveSegments
    slabs: Slabs
    trapezoids: Trapezoids
    pending: PendingRays


class Slab(NamedTuple):
    """The current slab; the vectors are of any length, in the middle."""

    begin: Ray
    middle: Ray
    end: Ray


class Rim(NamedTuple):
    """The end of the range: an arc of chords."""

    radius: float
    start: float
    """Of the sector, radians counter-clockwise from east."""
    step: float
    """Angle of a chord."""
    chords: int
    within: float
    """A segment of at least this inverse distance lies before every chord."""
    first_line: int
    """Number of the line of the first chord."""


class Chord(NamedTuple):
    """The chord of the rim that the current slab meets; number -1 for none yet."""

    number: int
    a: float
    b: float


@allocating_part
def allocate_sweep(capacity):
    """Return room for a sweep over up to capacity / 4 segments."""
    return Sweep(
        Events(
            np.empty(capacity, np.int64), np.empty(capacity, np.int64), np.empty(capacity, np.int64)
        ),
        ActiveSegments(
            np.empty(capacity, np.int64), np.empty(capacity), np.empty(capacity), np.empty(capacity)
        ),
        Slabs(
            np.empty(capacity), np.empty(capacity), np.empty(capacity), np.empty(capacity, np.int64)
        ),
        Trapezoids(
            np.empty(capacity),
            np.empty(capacity),
            np.empty(capacity),
            np.empty(capacity),
            np.empty(capacity, np.int64),
            np.empty(capacity, np.int64),
        ),
        PendingRays(np.empty(DEEPEST_SPLIT), np.empty(DEEPEST_SPLIT), np.empty(DEEPEST_SPLIT)),
    )


@kernel_part
def rim_of(reach, sector, first_line):
    """Return the end of the range of an eye."""
    arc = arc_of(reach, sector.width)
    within = 1.0 / (reach * math.cos(0.5 * arc.step))
    return Rim(reach, sector.start, arc.step, arc.chords, within, first_line)


@kernel_part
def _chord_of(rim, number):
    begin = rim.start + number * rim.step
    x0, y0 = math.cos(begin), math.sin(begin)
    x1, y1 = math.cos(begin + rim.step), math.sin(begin + rim.step)
    a, b = line_between(rim.radius, x0, y0, x1, y1)
    return Chord(number, a, b)


@kernel_part
def _inverse_distance(line, ray):
    """Return the inverse distance of a line along a ray."""
    return line.a * ray.x + line.b * ray.y


@allocating_part
def sort_events(angles, order, count):
    """Order events by angle."""
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
def _is_rim_visible(active, count, first_opaque, rim):
    """Return whether the rim may be nearer than the first segment that hides everything."""
    return (
        first_opaque == count
        or active.at_begin[first_opaque] < rim.within
        or active.at_end[first_opaque] < rim.within
    )


@kernel_part
def _crossing(a0, b0, a1, b1, slab, start):
    """Return the angle within the slab at which two lines cross; -1 if there is none."""
    angle = angle_from(start, b1 - b0, a0 - a1)
    if not slab.begin.angle < angle < slab.end.angle:
        angle = angle_from(start, b0 - b1, a1 - a0)
    if slab.begin.angle + ANGLE_TOLERANCE < angle < slab.end.angle - ANGLE_TOLERANCE:
        return angle
    return _NO_SPLIT


@kernel_part
def _split_at_rim(active, count, segments, slab, rim, chord):
    """Return where a slab leaves one chord, or crosses it (-1: nowhere), and that chord."""
    step = rim.step
    number = int(slab.middle.angle / step)
    if number >= rim.chords:
        number = rim.chords - 1
    if slab.begin.angle < number * step - ANGLE_TOLERANCE:
        return number * step, chord
    if slab.end.angle > (number + 1) * step + ANGLE_TOLERANCE and number + 1 < rim.chords:
        return (number + 1) * step, chord
    if number != chord.number:
        chord = _chord_of(rim, number)
    at_begin = _inverse_distance(chord, slab.begin)
    at_middle = _inverse_distance(chord, slab.middle)
    at_end = _inverse_distance(chord, slab.end)
    for j in range(count):
        if (active.at_middle[j] - at_middle) * (active.at_begin[j] - at_begin) < 0.0:
            here, there = active.at_begin[j], at_begin
        elif (active.at_middle[j] - at_middle) * (active.at_end[j] - at_end) < 0.0:
            here, there = active.at_end[j], at_end
        else:
            continue
        if abs(here - there) > LENGTH_TOLERANCE * abs(here * there):
            s = active.segment[j]
            angle = _crossing(segments.a[s], segments.b[s], chord.a, chord.b, slab, rim.start)
            if angle >= 0.0:
                return angle, chord
    return _NO_SPLIT, chord


@kernel_part
def _is_out_of_order(nearer, farther):
    """Return whether two inverse distances say that the segments have crossed."""
    if not nearer < farther:
        return False
    return not farther - nearer <= LENGTH_TOLERANCE * abs(nearer * farther)


@kernel_part
def _split_at_crossing(active, count, first_opaque, segments, slab, start):
    """Return where two neighbouring segments cross within the slab; -1 for nowhere.

    Behind the first that hides everything, only what comes out in front of it matters.
    """
    for j in range(1, count):
        k = j - 1 if j <= first_opaque else first_opaque
        if _is_out_of_order(active.at_begin[k], active.at_begin[j]) or _is_out_of_order(
            active.at_end[k], active.at_end[j]
        ):
            s = active.segment[j]
            o = active.segment[k]
            angle = _crossing(
                segments.a[s], segments.b[s], segments.a[o], segments.b[o], slab, start
            )
            if angle >= 0.0:
                return angle
    return _NO_SPLIT


@kernel_part
def _find_split(active, count, first_opaque, segments, slab, rim, chord):
    """Return the angle at which the slab must be split (-1: nowhere), and the chord it meets."""
    if _is_rim_visible(active, count, first_opaque, rim):
        angle, chord = _split_at_rim(active, count, segments, slab, rim, chord)
        if angle >= 0.0:
            return angle, chord
    return _split_at_crossing(active, count, first_opaque, segments, slab, rim.start), chord


@kernel_part
def _is_at_rim(active, count, first_opaque, slab, rim, chord):
    """Return whether the rim is nearer than the first segment that hides everything."""
    if first_opaque == count:
        return True
    return (
        chord.number >= 0
        and active.at_middle[first_opaque] < _inverse_distance(chord, slab.middle)
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
    """Walk outward through a settled slab and write what is visible; return the new count `k`.

    `depth` is how many things hide the ground at the eye.
    """
    at_rim = _is_at_rim(active, count, first_opaque, slab, rim, chord)
    rim_inverse = _inverse_distance(chord, slab.middle)
    near_line, near_begin, near_end = _NO_LINE, 0.0, 0.0
    for j in range(count + 1):
        if j == count or (at_rim and active.at_middle[j] <= rim_inverse):
            if not at_rim:
                break
            kind = OPAQUE
            line = rim.first_line + chord.number
            far_begin = 1.0 / _inverse_distance(chord, slab.begin)
            far_end = 1.0 / _inverse_distance(chord, slab.end)
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
    """Sweep over the segments of one eye, whose events are sorted.

    `depth` is how many things hide the ground at the eye. Returns the numbers of slabs and
    trapezoids, or (-1, 0) when there is too little room for them.
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
            split, chord = _find_split(active, active_count, opaque, segments, slab, rim, chord)
            if split >= 0.0 and top < DEEPEST_SPLIT - 1 and begin.angle < split < end.angle:
                top += 1
                angle = sector.start + split
                _push(pending, top, Ray(split, math.cos(angle), math.sin(angle)))
                continue
            if slab_count + 2 >= capacity or trapezoid_count + active_count + 2 >= capacity:
                return -1, 0
            slabs.first_trapezoid[slab_count] = trapezoid_count
            trapezoid_count = _emit_trapezoids(
                active, active_count, opaque, segments, slab, rim, chord, depth,
                trapezoids, trapezoid_count,
            )  # fmt: skip
            slab_count += 1
            _set_ray(slabs, slab_count, end)
            begin = end
            top -= 1
    slabs.first_trapezoid[slab_count] = trapezoid_count
    return slab_count, trapezoid_count
