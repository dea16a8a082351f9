"""Segments that bound the view, in polar form about the viewpoint."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.kernel_cache import kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

TWO_PI = 2.0 * math.pi
ANGLE_TOLERANCE = 1e-9
"""Events closer than this (radians) are one event: 5 micrometres at 5 km."""
LENGTH_TOLERANCE = 1e-7
"""Radial differences below this (metres) are rounding, not ground."""

# numba compiles a kernel twice if it gets a plain int, as a literal and as a number.
OPAQUE = np.int64(2)
"""Hides everything beyond: a wall no lower than the viewpoint, or the end of the range."""
SHADOW_BEGINS = np.int64(1)
"""Ground beyond is hidden."""
SHADOW_ENDS = np.int64(-1)
"""Ground beyond is visible again, unless something else hides it."""

SAGITTA_M = 0.05
"""Largest distance between an arc and its chords."""


class Eye(NamedTuple):
    """A viewpoint: where a camera looks from."""

    x: float
    y: float
    height: float
    """Above the ground, metres."""
    near: float
    """Ground nearer than this is not visible, metres."""
    reach: float
    """Nor is ground farther than this, metres."""
    ground: float
    """Elevation of the ground at the viewpoint, metres."""


class Ray(NamedTuple):
    """A direction: its angle from the start of the sector, and a vector along it."""

    angle: float
    """Radians, counter-clockwise."""
    x: float
    y: float


class Sector(NamedTuple):
    """Directions of a viewpoint."""

    start: float
    """Radians, counter-clockwise from east."""
    width: float
    begin: Ray
    end: Ray
    full: bool
    """Whether it is the full circle."""


class Line(NamedTuple):
    """A straight line; its distance along the unit vector (x, y) is 1 / (a·x + b·y)."""

    a: float
    b: float
    kind: int
    """OPAQUE, SHADOW_BEGINS or SHADOW_ENDS."""
    number: int
    """Equal for segments that lie on one line."""


class Segments(NamedTuple):
    """Pieces of lines. Piece s begins with event 2s and ends with event 2s + 1."""

    a: NDArray[np.float64]
    b: NDArray[np.float64]
    kind: NDArray[Any]
    line: NDArray[Any]
    angle: NDArray[np.float64]
    """Of the ray of each event, radians from the start of the sector."""
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    """Unit vector of the ray of each event."""


class Arc(NamedTuple):
    """An arc about the viewpoint as chords of equal angle."""

    step: float
    """Angle of a chord, radians."""
    chords: int


@kernel_part
def angle_from(start, x, y):
    """Return the angle of a vector counter-clockwise from a start angle.

    Parameters
    ----------
    start : float
        Start angle, radians counter-clockwise from east.
    x, y : float
        Vector.

    Returns
    -------
    float
        Angle, radians, at least 0 and less than 2π.
    """
    angle = (math.atan2(y, x) - start) % TWO_PI
    if angle >= TWO_PI:
        angle = 0.0
    return angle


@kernel_part
def arc_of(radius, width):
    """Return an arc whose chords have a sagitta of at most `SAGITTA_M`.

    Parameters
    ----------
    radius : float
        Radius, metres.
    width : float
        Angle of the arc, radians.

    Returns
    -------
    Arc
        Chords of equal angle.
    """
    widest = 2.0 * math.acos(max(1.0 - SAGITTA_M / radius, 0.5))
    count = max(int(math.ceil(width / widest - 1e-12)), 1)
    return Arc(width / count, count)


@kernel_part
def line_between(radius, x0, y0, x1, y1):
    """Return the line through two points at the same distance.

    Parameters
    ----------
    radius : float
        Distance of both points, metres.
    x0, y0 : float
        Unit vector to the first point.
    x1, y1 : float
        Unit vector to the second point.

    Returns
    -------
    tuple of float
        Coefficients `a` and `b` of `Line`.
    """
    area = radius * (x0 * y1 - y0 * x1)
    return (y1 - y0) / area, (x0 - x1) / area


@kernel_part
def add_segment(segments, count, line, first, last):
    """Write the piece of a line between two rays with its two events.

    Parameters
    ----------
    segments : Segments
        Receives the segment.
    count : int
        Number of segments so far.
    line : Line
        Line of the segment.
    first, last : Ray
        Rays at which the segment begins and ends.

    Returns
    -------
    int
        New number of segments.
    """
    segments.a[count] = line.a
    segments.b[count] = line.b
    segments.kind[count] = line.kind
    segments.line[count] = line.number
    segments.angle[2 * count] = first.angle
    segments.x[2 * count] = first.x
    segments.y[2 * count] = first.y
    segments.angle[2 * count + 1] = last.angle
    segments.x[2 * count + 1] = last.x
    segments.y[2 * count + 1] = last.y
    return count + 1


@kernel_part
def _clip_to_disc(px, py, qx, qy, radius):
    """Return whether a part of p to q lies in the disc of a radius, and the ends of that part."""
    ex = qx - px
    ey = qy - py
    pp = px * px + py * py
    qq = qx * qx + qy * qy
    limit = radius * radius
    if not (pp > limit or qq > limit):
        return True, px, py, qx, qy
    length2 = ex * ex + ey * ey
    pe = px * ex + py * ey
    discriminant = pe * pe - length2 * (pp - limit)
    if discriminant <= 0.0:
        return False, px, py, qx, qy
    root = math.sqrt(discriminant)
    enters = (-pe - root) / length2
    leaves = (-pe + root) / length2
    if enters >= 1.0 or leaves <= 0.0:
        return False, px, py, qx, qy
    ax, ay, bx, by = px, py, qx, qy
    if enters > 0.0:
        ax, ay = px + enters * ex, py + enters * ey
    if leaves < 1.0:
        bx, by = px + leaves * ex, py + leaves * ey
    return True, ax, ay, bx, by


@kernel_part
def _add_in_sector(segments, count, line, first, last, sector):
    """Add the part of a segment that lies in the sector: none, one piece or two."""
    if first.angle < sector.width:
        end = last if last.angle <= sector.width else sector.end
        count = add_segment(segments, count, line, first, end)
    if last.angle > TWO_PI:
        last = Ray(last.angle - TWO_PI, last.x, last.y)
        end = last if last.angle <= sector.width else sector.end
        count = add_segment(segments, count, line, sector.begin, end)
    return count


@kernel_part
def add_wall(segments, count, px, py, qx, qy, scale, reach, kind, number, sector):
    """Add the part of a wall that lies in range and in the sector.

    Parameters
    ----------
    segments : Segments
        Receives the segments.
    count : int
        Number of segments so far.
    px, py, qx, qy : float
        Ends of the wall relative to the viewpoint, metres; the angle increases from p to q.
    scale : float
        Factor by which the wall is moved away from the viewpoint.
    reach : float
        Range, metres, before scaling.
    kind : int
        OPAQUE, SHADOW_BEGINS or SHADOW_ENDS.
    number : int
        Number of the line.
    sector : Sector
        Directions of the viewpoint.

    Returns
    -------
    int
        New number of segments.
    """
    area = px * qy - py * qx
    if area <= 0.0:
        return count
    inside, ax, ay, bx, by = _clip_to_disc(px, py, qx, qy, reach)
    if not inside:
        return count
    first = angle_from(sector.start, ax, ay)
    last = angle_from(sector.start, bx, by)
    if last < first:
        last += TWO_PI
    if last - first > math.pi or last - first < 1e-15:
        return count
    line = Line((qy - py) / (area * scale), -(qx - px) / (area * scale), kind, number)
    a_length = math.hypot(ax, ay)
    b_length = math.hypot(bx, by)
    first_ray = Ray(first, ax / a_length, ay / a_length)
    last_ray = Ray(last, bx / b_length, by / b_length)
    return _add_in_sector(segments, count, line, first_ray, last_ray, sector)


@kernel_part
def add_near_arc(segments, count, radius, sector, first_number):
    """Add the near edge, the arc before which no ground is seen.

    Parameters
    ----------
    segments : Segments
        Receives the segments.
    count : int
        Number of segments so far.
    radius : float
        Distance of the near edge, metres.
    sector : Sector
        Directions of the viewpoint.
    first_number : int
        Number of the line of the first chord.

    Returns
    -------
    int
        New number of segments.
    """
    arc = arc_of(radius, sector.width)
    for k in range(arc.chords):
        begin = k * arc.step
        end = (k + 1) * arc.step
        if k == arc.chords - 1:
            end = sector.width
        x0, y0 = math.cos(sector.start + begin), math.sin(sector.start + begin)
        x1, y1 = math.cos(sector.start + end), math.sin(sector.start + end)
        a, b = line_between(radius, x0, y0, x1, y1)
        line = Line(a, b, SHADOW_ENDS, first_number + k)
        count = add_segment(segments, count, line, Ray(begin, x0, y0), Ray(end, x1, y1))
    return count
