"""Arrays of an angular sweep: events, active segments, slabs and trapezoids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.kernel_cache import allocating_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEEPEST_SPLIT = 64
"""How often a slab is split at most; then it is taken as it is."""


class Events(NamedTuple):
    """Starts and ends of segments, in groups that lie within the tolerance of one angle."""

    order: NDArray[Any]
    """Events by angle."""
    group: NDArray[Any]
    """The group of each event, rising with the angle; -1 at the end of the sector."""
    last_group: NDArray[Any]
    """The group in which each segment ends; the number of groups at the end of the sector."""


class ActiveSegments(NamedTuple):
    """The segments that intersect the rays of the current slab, nearest first."""

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
    """All arrays that one sweep writes."""

    events: Events
    active: ActiveSegments
    slabs: Slabs
    trapezoids: Trapezoids
    pending: PendingRays


@allocating_part
def allocate_sweep(capacity):
    """Return arrays for a sweep over up to capacity / 4 segments.

    Parameters
    ----------
    capacity : int
        Length of the arrays.

    Returns
    -------
    Sweep
        Arrays without values.
    """
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
