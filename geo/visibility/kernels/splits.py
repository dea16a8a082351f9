"""Crossings of lines within a slab, at which it must be split."""

from __future__ import annotations

from typing import NamedTuple

from geo.kernel_cache import kernel_part
from geo.visibility.kernels.rim import chord_of, inverse_distance
from geo.visibility.kernels.segments import ANGLE_TOLERANCE, LENGTH_TOLERANCE, Ray, angle_from

_NO_SPLIT = -1.0


class Slab(NamedTuple):
    """The current slab; the vector of its middle ray has any length."""

    begin: Ray
    middle: Ray
    end: Ray


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
        chord = chord_of(rim, number)
    at_begin = inverse_distance(chord, slab.begin)
    at_middle = inverse_distance(chord, slab.middle)
    at_end = inverse_distance(chord, slab.end)
    for j in range(count):
        if (active.at_middle[j] - at_middle) * (active.at_begin[j] - at_begin) < 0.0:
            inverse, at_chord = active.at_begin[j], at_begin
        elif (active.at_middle[j] - at_middle) * (active.at_end[j] - at_end) < 0.0:
            inverse, at_chord = active.at_end[j], at_end
        else:
            continue
        if abs(inverse - at_chord) > LENGTH_TOLERANCE * abs(inverse * at_chord):
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
def find_split(active, count, first_opaque, segments, slab, rim, chord):
    """Return where a slab must be split.

    Parameters
    ----------
    active : ActiveSegments
        Segments of the slab, nearest first.
    count : int
        Number of active segments.
    first_opaque : int
        Position of the first segment that hides everything; `count` if none does.
    segments : Segments
        All segments.
    slab : Slab
        The slab.
    rim : Rim
        End of the range.
    chord : Chord
        The chord that was used last.

    Returns
    -------
    tuple of float and Chord
        Angle of the split, -1 for none, and the chord that the slab meets.
    """
    if _is_rim_visible(active, count, first_opaque, rim):
        angle, chord = _split_at_rim(active, count, segments, slab, rim, chord)
        if angle >= 0.0:
            return angle, chord
    return _split_at_crossing(active, count, first_opaque, segments, slab, rim.start), chord
