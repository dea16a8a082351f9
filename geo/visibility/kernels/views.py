"""Visible ground of many viewpoints: the kernel that Python calls."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from geo.geometry.bucket_grid import ZERO, boxes_within
from geo.kernel_cache import allocating_part, kernel, kernel_part
from geo.visibility.kernels.boundary import Boundary, allocate_boundary, join_trapezoids
from geo.visibility.kernels.gathering import BLIND, gather_segments, most_segments
from geo.visibility.kernels.obstacles import BINS, Candidates, drop_hidden, open_bins
from geo.visibility.kernels.rim import rim_of
from geo.visibility.kernels.rings import allocate_rings, enlarge_rings, order_rings
from geo.visibility.kernels.segments import (
    ANGLE_TOLERANCE,
    LENGTH_TOLERANCE,
    TWO_PI,
    Eye,
    Ray,
    Sector,
    Segments,
    arc_of,
)
from geo.visibility.kernels.slabs import sort_events, sweep_slabs
from geo.visibility.kernels.star import NOT_A_STAR, write_star
from geo.visibility.kernels.sweep_arrays import Sweep, allocate_sweep
from geo.visibility.kernels.tracing import trace_rings

NO_ROOM_FOR_RINGS = np.int64(-2)
NO_ROOM_FOR_SWEEP = np.int64(-3)
_RIM_LINES = 1_000_000
"""Added to the number of walls for the number of the line of the first chord of the rim."""


class Workspace(NamedTuple):
    """Arrays in which the view of one viewpoint is computed, for up to capacity / 4 segments."""

    segments: Segments
    sweep: Sweep
    boundary: Boundary


@allocating_part
def _allocate_workspace(capacity):
    """Return arrays for one view."""
    segments = Segments(
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity),
    )
    return Workspace(segments, allocate_sweep(capacity), allocate_boundary(capacity))


@allocating_part
def _allocate_candidates(capacity):
    """Return arrays for a number of buildings."""
    return Candidates(np.empty(capacity, np.int64), np.empty(capacity), np.empty(capacity))


@kernel_part
def _sector_of(start, width):
    """Return a sector; one that is as good as a full circle becomes one."""
    full = width >= TWO_PI - ANGLE_TOLERANCE
    if full:
        width = TWO_PI
    begin = Ray(0.0, math.cos(start), math.sin(start))
    end = Ray(width, begin.x, begin.y)
    if not full:
        end = Ray(width, math.cos(start + width), math.sin(start + width))
    return Sector(start, width, begin, end, full)


@allocating_part
def _write_view(
    eye, sector, obstacles, candidates, candidate_count, workspace, rings, n, ring_count
):
    """Write the rings of one viewpoint.

    Returns the numbers of coordinates and rings, and whether the view is certainly valid.

    The first is NO_ROOM_FOR_SWEEP or NO_ROOM_FOR_RINGS where something is too short.
    """
    segment_count, depth = gather_segments(
        workspace.segments, obstacles, candidates, candidate_count, eye, sector
    )
    if depth == BLIND:
        return n, ring_count, True
    sort_events(workspace.segments.angle, workspace.sweep.events.order, 2 * segment_count)
    rim = rim_of(eye.reach, sector, obstacles.walls.shape[0] + _RIM_LINES)
    slabs, trapezoids = workspace.sweep.slabs, workspace.sweep.trapezoids
    slab_count, trapezoid_count = sweep_slabs(
        workspace.segments, segment_count, depth, sector, rim, workspace.sweep
    )
    if slab_count < 0:
        return NO_ROOM_FOR_SWEEP, ring_count, False
    end, end_ring, sure = write_star(
        slabs, trapezoids, slab_count, eye, sector, rings, n, ring_count
    )
    if end == NOT_A_STAR:
        node_count, edge_count = join_trapezoids(
            workspace.boundary, slabs, trapezoids, slab_count, trapezoid_count, sector.full
        )
        if node_count < 0:
            return NO_ROOM_FOR_SWEEP, ring_count, False
        end, end_ring = trace_rings(
            workspace.boundary, node_count, edge_count, eye, rings, n, ring_count
        )
        sure = False
        if end >= 0:
            order_rings(rings.rows, ring_count, end_ring)
    if end < 0:
        return NO_ROOM_FOR_RINGS, ring_count, False
    return end, end_ring, sure


@kernel
def sweep(eyes: Any, spans: Any, begin: int, end: int, obstacles: Any) -> Any:
    """Return the rings of the ground that each viewpoint from `begin` to `end` sees.

    Parameters
    ----------
    eyes : numpy.ndarray of shape (n, 6)
        x, y, height, near, range, elevation of the ground; metres.
    spans : numpy.ndarray of shape (n, 2)
        Start angle (counter-clockwise from east) and width of the sector; radians.
    begin, end : int
        First viewpoint, and the end of the last one.
    obstacles : Obstacles
        The buildings.

    Returns
    -------
    tuple of numpy.ndarray
        Coordinates; one row a ring (first coordinate, end, component, sign of the area); the
        offset of the rings of each viewpoint; whether each view is certainly valid.
    """
    capacity = ZERO + 1024
    workspace = _allocate_workspace(capacity)
    candidates = _allocate_candidates(ZERO + 256)
    rings = allocate_rings(64 * (end - begin) + 1024, 2 * (end - begin) + 64)
    depths = np.empty(BINS)
    stamps = np.full(obstacles.heights.size, -1, np.int64)
    ring_offsets = np.zeros(end - begin + 1, np.int64)
    sure = np.ones(end - begin, np.bool_)
    n, ring_count = ZERO, ZERO
    for e in range(begin, end):
        ring_offsets[e - begin + 1] = ring_count
        eye = Eye(eyes[e, 0], eyes[e, 1], eyes[e, 2], eyes[e, 3], eyes[e, 4], eyes[e, 5])
        if not (spans[e, 1] > ANGLE_TOLERANCE and eye.reach - eye.near > LENGTH_TOLERANCE):
            continue
        sector = _sector_of(spans[e, 0], spans[e, 1])
        grid, numbers = obstacles.grid, candidates.number
        count = boxes_within(grid, eye.x, eye.y, eye.reach, stamps, 2 * e, numbers)
        if count < 0:
            candidates = _allocate_candidates(-2 * count)
            numbers = candidates.number
            count = boxes_within(grid, eye.x, eye.y, eye.reach, stamps, 2 * e + 1, numbers)
        open_bins(depths, eye.reach, sector)
        count = drop_hidden(obstacles, candidates, count, eye, depths)
        most = most_segments(obstacles, candidates, count, eye, sector)
        needed = 4 * most + 4 * arc_of(eye.reach, sector.width).chords
        while True:
            if needed > capacity:
                capacity = 2 * needed
                workspace = _allocate_workspace(capacity)
            coordinate_end, ring_end, valid = _write_view(
                eye, sector, obstacles, candidates, count, workspace, rings, n, ring_count
            )
            if coordinate_end == NO_ROOM_FOR_SWEEP:
                needed = 2 * capacity
            elif coordinate_end == NO_ROOM_FOR_RINGS:
                rings = enlarge_rings(rings, n, ring_count, capacity)
            else:
                break
        n, ring_count = coordinate_end, ring_end
        sure[e - begin] = valid
        ring_offsets[e - begin + 1] = ring_count
    return rings.xy[:n], rings.rows[:ring_count], ring_offsets, sure
