"""Segments of one viewpoint, from the buildings around it."""

from __future__ import annotations

from geo.geometry.bucket_grid import ZERO
from geo.kernel_cache import kernel_part
from geo.visibility.kernels.obstacles import eye_above_foot
from geo.visibility.kernels.segments import (
    OPAQUE,
    SHADOW_BEGINS,
    SHADOW_ENDS,
    add_near_arc,
    add_wall,
    arc_of,
)

BLIND = -1
"""In place of a depth: the viewpoint is inside a building that hides everything."""


@kernel_part
def _is_inside(walls, first_wall, end_wall, x, y):
    """Return whether a point is inside the rings of one building (even-odd)."""
    odd = False
    for w in range(first_wall, end_wall):
        y0 = walls[w, 1]
        y1 = walls[w, 3]
        if (y0 > y) != (y1 > y):
            cross = walls[w, 0] + (y - y0) / (y1 - y0) * (walls[w, 2] - walls[w, 0])
            if x < cross:
                odd = not odd
    return odd


@kernel_part
def _is_in_footprint(obstacles, b, eye):
    """Return whether the viewpoint is inside the footprint of a building."""
    boxes = obstacles.grid.boxes
    if not (boxes[b, 0] <= eye.x <= boxes[b, 2] and boxes[b, 1] <= eye.y <= boxes[b, 3]):
        return False
    walls, offsets = obstacles.walls, obstacles.offsets
    return _is_inside(walls, offsets[b], offsets[b + 1], eye.x, eye.y)


@kernel_part
def _hiding_height(obstacles, b, eye):
    """Return the height up to which a building hides, and that of the viewpoint, above its foot."""
    above_foot = eye_above_foot(obstacles, b, eye)
    height = obstacles.heights[b]
    if obstacles.roofs[b] < above_foot and not height < above_foot:
        walls, offsets = obstacles.walls, obstacles.offsets
        if _is_inside(walls, offsets[b], offsets[b + 1], eye.x, eye.y):
            height = obstacles.roofs[b]  # from its own roof a camera looks over the parapet
    return height, above_foot


@kernel_part
def _add_building(segments, count, obstacles, b, eye, sector):
    """Add the walls of one building that face the viewpoint, and the ends of its shadow.

    Returns the new count and whether the building hides everything behind it.
    """
    walls, offsets = obstacles.walls, obstacles.offsets
    height, above_foot = _hiding_height(obstacles, b, eye)
    opaque = not height < above_foot
    scale = 1.0
    if not opaque and height > 0.0:
        scale = above_foot / (above_foot - height)
    kind = OPAQUE if opaque else SHADOW_BEGINS
    for w in range(offsets[b], offsets[b + 1]):
        px = walls[w, 0] - eye.x
        py = walls[w, 1] - eye.y
        qx = walls[w, 2] - eye.x
        qy = walls[w, 3] - eye.y
        if px * qy - py * qx < 0.0:
            count = add_wall(segments, count, qx, qy, px, py, 1.0, eye.reach, kind, w, sector)
        elif not opaque:
            count = add_wall(
                segments, count, px, py, qx, qy, scale, eye.reach / scale, SHADOW_ENDS, w, sector
            )
    return count, opaque


@kernel_part
def gather_segments(segments, obstacles, candidates, candidate_count, eye, sector):
    """Write the segments that bound the view of one viewpoint.

    Parameters
    ----------
    segments : Segments
        Receives the segments.
    obstacles : Obstacles
        Buildings.
    candidates : Candidates
        Buildings that may be visible.
    candidate_count : int
        Number of candidates.
    eye : Eye
        Viewpoint.
    sector : Sector
        Directions of the viewpoint.

    Returns
    -------
    tuple of int
        Number of segments, and number of objects that hide the ground at the viewpoint itself;
        BLIND if one of them hides everything.
    """
    count = ZERO
    depth = 0
    for c in range(candidate_count):
        b = candidates.number[c]
        count, opaque = _add_building(segments, count, obstacles, b, eye, sector)
        if _is_in_footprint(obstacles, b, eye):
            if opaque:
                return 0, BLIND
            depth += 1
    if eye.near > 0.0:
        depth += 1
        count = add_near_arc(segments, count, eye.near, sector, obstacles.walls.shape[0])
    return count, depth


@kernel_part
def most_segments(obstacles, candidates, candidate_count, eye, sector):
    """Return an upper bound of the number of segments of one viewpoint.

    Parameters
    ----------
    obstacles : Obstacles
        Buildings.
    candidates : Candidates
        Buildings that may be visible.
    candidate_count : int
        Number of candidates.
    eye : Eye
        Viewpoint.
    sector : Sector
        Directions of the viewpoint.

    Returns
    -------
    int
        Upper bound.
    """
    most = 64
    if eye.near > 0.0:
        most += arc_of(eye.near, sector.width).chords
    for c in range(candidate_count):
        b = candidates.number[c]
        most += 2 * (obstacles.offsets[b + 1] - obstacles.offsets[b])
    return most
