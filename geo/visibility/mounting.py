"""Cameras whose place lies in or on a building: where they really look from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.visibility.prepared_buildings import PreparedBuildings, meeting_boxes, standing_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOUNT_GAP_M = 1e-5
"""How far in front of its wall a mounted camera's eye is placed."""
_ON_WALL_M = 1e-6


def mount(eyes: NDArray[np.float64], prepared: PreparedBuildings) -> None:
    """Move eyes that stand in or on a building to in front of its nearest wall, in place."""
    camera, building, edge = standing_on(eyes, prepared, _ON_WALL_M)
    if len(camera) == 0:
        return
    points = shapely.points(eyes[:, :2])
    # Above the foot of the building, as its height is.
    above = eyes[camera, 2] + eyes[camera, 5] - prepared.bases[building]
    # A camera in a footprint may look over the parapet of its own roof, not over the roof.
    tall = ~(prepared.roofs[building] < above)
    tall |= edge & ~(prepared.heights[building] < above)
    touching = _touching(prepared, np.unique(building[tall]))
    unions: dict[tuple[int, ...], Any] = {}

    def union(members: set[int]) -> Any:
        key = tuple(sorted(members))
        if key not in unions:
            shapes = prepared.footprints[list(key)]
            unions[key] = shapes[0] if len(key) == 1 else shapely.union_all(shapes)
        return unions[key]

    blocks: dict[int, Any] = {}
    for eye, members in _groups(camera[tall], building[tall]):
        chosen: set[int] = set()
        waiting = members.tolist()
        while waiting:
            here = waiting.pop()
            if here not in chosen:
                chosen.add(here)
                height = eyes[eye, 2] + eyes[eye, 5]
                waiting.extend(
                    n
                    for n in touching[here]
                    if not prepared.heights[n] + prepared.bases[n] < height
                    and _in_reach(prepared.grid.boxes[n], eyes[eye])
                )
        blocks[eye] = union(chosen)
    low = ~tall & edge & ~np.isin(camera, list(blocks))
    for eye, members in _groups(camera[low], building[low]):
        blocks[eye] = union(set(members.tolist()))
    order = sorted(blocks)
    shapes = np.array([blocks[eye] for eye in order], dtype=object)
    _move_out(eyes, np.array(order, np.int64), shapes, points)


def _in_reach(box: NDArray[np.float64], eye: NDArray[np.float64]) -> bool:
    """Whether a building is near enough to matter: the view hangs on nothing beyond."""
    dx = max(box[0] - eye[0], 0.0, eye[0] - box[2])
    dy = max(box[1] - eye[1], 0.0, eye[1] - box[3])
    return bool(dx * dx + dy * dy < eye[4] * eye[4])


def _touching(prepared: PreparedBuildings, seeds: NDArray[np.int64]) -> dict[int, list[int]]:
    """The buildings each seed touches or overlaps, and theirs in turn."""
    out: dict[int, list[int]] = {}
    frontier = seeds
    while len(frontier):
        first, other = meeting_boxes(frontier, prepared)
        met = shapely.intersects(prepared.footprints[frontier[first]], prepared.footprints[other])
        first, other = first[met], other[met]
        ends = np.searchsorted(first, np.arange(1, len(frontier)))
        for here, near in zip(frontier.tolist(), np.split(other, ends), strict=True):
            out[here] = near.tolist()
        frontier = np.array(sorted(set(other.tolist()) - out.keys()), np.int64)
    return out


def _groups(
    camera: NDArray[np.int64], building: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each camera with its buildings, from pairs sorted by camera."""
    eyes, starts = np.unique(camera, return_index=True)
    ends = np.append(starts, len(camera))[1:]
    for eye, start, end in zip(eyes.tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield eye, building[start:end]


def _move_out(
    eyes: NDArray[np.float64],
    moved: NDArray[np.int64],
    blocks: NDArray[Any],
    points: NDArray[Any],
) -> None:
    """Put eyes in front of the nearest wall of their block, in place; all at once where clear."""
    if len(moved) == 0:
        return
    points = points[moved]
    lines = shapely.shortest_line(points, shapely.boundary(blocks))
    ends = shapely.get_coordinates(lines).reshape(-1, 2, 2)
    away = ends[:, 1] - ends[:, 0]
    length = np.hypot(away[:, 0], away[:, 1])
    # Deeper inside than it can see, a camera sees nothing outside: it stays and is blind.
    near = length < eyes[moved, 4]
    moved, blocks, points = moved[near], blocks[near], points[near]
    ends, away, length = ends[near], away[near], length[near]
    inside = length > _ON_WALL_M
    targets = ends[:, 1].copy()
    targets[inside] += away[inside] / length[inside, None] * MOUNT_GAP_M
    free = inside & ~shapely.intersects_xy(blocks, targets[:, 0], targets[:, 1])
    eyes[moved[free], :2] = targets[free]
    for k in np.flatnonzero(~free):
        eyes[moved[k], :2] = _in_front(blocks[k], points[k])


def _in_front(block: Any, point: Any) -> tuple[float, float]:
    """A place just outside the block, at the point of its walls nearest to an eye on them."""
    line = shapely.shortest_line(point, shapely.boundary(block))
    x1, y1 = shapely.get_coordinates(line)[-1]
    turns = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    ring = np.column_stack([x1 + MOUNT_GAP_M * np.cos(turns), y1 + MOUNT_GAP_M * np.sin(turns)])
    free = ~shapely.intersects(block, shapely.points(ring))
    if not free.any() or free.all():
        return float(x1), float(y1)
    # The middle of the longest run of free directions is the one farthest from both walls.
    start = int(np.flatnonzero(~free)[0])
    run, best, middle = 0, 0, 0
    for k in range(1, len(turns) + 1):
        if free[(start + k) % len(turns)]:
            run += 1
            if run > best:
                best, middle = run, start + k - run // 2
        else:
            run = 0
    x, y = ring[middle % len(turns)]
    return float(x), float(y)
