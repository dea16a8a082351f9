"""The end of the range of a viewpoint: an arc of chords."""

from __future__ import annotations

import math
from typing import NamedTuple

from geo.kernel_cache import kernel_part
from geo.visibility.kernels.segments import arc_of, line_between


class Rim(NamedTuple):
    """The end of the range: an arc of chords."""

    radius: float
    start: float
    """Of the sector, radians counter-clockwise from east."""
    step: float
    """Angle of a chord."""
    chords: int
    within: float
    """A segment of at least this inverse distance is nearer than every chord."""
    first_line: int
    """Number of the line of the first chord."""


class Chord(NamedTuple):
    """A chord of a rim and its line; number -1 for none."""

    number: int
    a: float
    b: float


@kernel_part
def rim_of(reach, sector, first_line):
    """Return the end of the range of a viewpoint.

    Parameters
    ----------
    reach : float
        Range, metres.
    sector : Sector
        Directions of the viewpoint.
    first_line : int
        Number of the line of the first chord.

    Returns
    -------
    Rim
        Arc over the sector.
    """
    arc = arc_of(reach, sector.width)
    within = 1.0 / (reach * math.cos(0.5 * arc.step))
    return Rim(reach, sector.start, arc.step, arc.chords, within, first_line)


@kernel_part
def chord_of(rim, number):
    """Return a chord of a rim.

    Parameters
    ----------
    rim : Rim
        End of the range.
    number : int
        Number of the chord, from 0.

    Returns
    -------
    Chord
        The chord with its line.
    """
    begin = rim.start + number * rim.step
    x0, y0 = math.cos(begin), math.sin(begin)
    x1, y1 = math.cos(begin + rim.step), math.sin(begin + rim.step)
    a, b = line_between(rim.radius, x0, y0, x1, y1)
    return Chord(number, a, b)


@kernel_part
def inverse_distance(line, ray):
    """Return the inverse distance of a line along a ray.

    Parameters
    ----------
    line : Line or Chord
        Coefficients `a` and `b`.
    ray : Ray
        Ray whose vector may have any length.

    Returns
    -------
    float
        Inverse distance in units of the length of the vector.
    """
    return line.a * ray.x + line.b * ray.y
