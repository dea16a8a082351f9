"""Mounting of cameras whose place on record lies in or on a building."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.visibility.prepared_buildings import PreparedBuildings, buildings_at, intersecting_boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOUNT_GAP_M = 1e-5
"""Distance of the viewpoint of a mounted camera from its wall, metres."""
_ON_WALL_M = 1e-6


def move_to_walls(eyes: NDArray[np.float64], prepared: PreparedBuildings) -> None:
    """Move viewpoints that are in or on a building to in front of its nearest wall, in place.

    Parameters
    ----------
    eyes : numpy.ndarray of float, shape (n, 6)
        Viewpoints: x, y, height, near edge, range, elevation of the ground; metres. x and y are
        changed.
    prepared : PreparedBuildings
        Buildings.

    Notes
    -----
    A viewpoint moves if it is in a building no lower than itself, its roof counting without the
    parapet, or on the edge of any building. Touching buildings no lower than the viewpoint within
    its range are one block, so that a party wall is not an outer wall. A viewpoint farther from
    the wall than its range stays, and sees nothing.
    """
    eye, building, on_edge = buildings_at(eyes, prepared, _ON_WALL_M)
    if len(eye) == 0:
        return
    height_above_foot = eyes[eye, 2] + eyes[eye, 5] - prepared.bases[building]
    # A camera in a footprint may look over the parapet of its own roof, not over the roof.
    is_tall = ~(prepared.roofs[building] < height_above_foot)
    is_tall |= on_edge & ~(prepared.heights[building] < height_above_foot)
    neighbours = _touching(prepared, np.unique(building[is_tall]))
    members: dict[int, set[int]] = {}
    for position, seeds in _groups(eye[is_tall], building[is_tall]):
        members[position] = _block_of(eyes[position], seeds, neighbours, prepared)
    is_low = ~is_tall & on_edge & ~np.isin(eye, list(members))
    for position, seeds in _groups(eye[is_low], building[is_low]):
        members[position] = set(seeds.tolist())
    moved = sorted(members)
    blocks = _unions([members[position] for position in moved], prepared)
    _move_out(eyes, np.array(moved, np.int64), blocks, shapely.points(eyes[:, :2]))


def _block_of(
    eye: NDArray[np.float64],
    seeds: NDArray[np.int64],
    neighbours: dict[int, list[int]],
    prepared: PreparedBuildings,
) -> set[int]:
    """Return the buildings of the block around a viewpoint: the seeds, and what touches them."""
    block: set[int] = set()
    pending = seeds.tolist()
    top = eye[2] + eye[5]
    while pending:
        building = pending.pop()
        if building not in block:
            block.add(building)
            pending.extend(
                neighbour
                for neighbour in neighbours[building]
                if not prepared.heights[neighbour] + prepared.bases[neighbour] < top
                and _is_in_range(prepared.grid.boxes[neighbour], eye)
            )
    return block


def _unions(blocks: list[set[int]], prepared: PreparedBuildings) -> NDArray[Any]:
    """Return the union of the footprints of each block; equal blocks are united once."""
    unions: dict[tuple[int, ...], Any] = {}
    shapes = np.empty(len(blocks), dtype=object)
    for position, block in enumerate(blocks):
        key = tuple(sorted(block))
        if key not in unions:
            footprints = prepared.footprints[list(key)]
            unions[key] = footprints[0] if len(key) == 1 else shapely.union_all(footprints)
        shapes[position] = unions[key]
    return shapes


def _is_in_range(box: NDArray[np.float64], eye: NDArray[np.float64]) -> bool:
    """Return whether a building is within range; the view does not depend on any other."""
    dx = max(box[0] - eye[0], 0.0, eye[0] - box[2])
    dy = max(box[1] - eye[1], 0.0, eye[1] - box[3])
    return bool(dx * dx + dy * dy < eye[4] * eye[4])


def _touching(prepared: PreparedBuildings, seeds: NDArray[np.int64]) -> dict[int, list[int]]:
    """Return the neighbours of the seeds and of all buildings connected to them.

    Neighbours are buildings that touch or overlap.
    """
    neighbours: dict[int, list[int]] = {}
    frontier = seeds
    while len(frontier):
        first, other = intersecting_boxes(frontier, prepared)
        touches = shapely.intersects(
            prepared.footprints[frontier[first]], prepared.footprints[other]
        )
        first, other = first[touches], other[touches]
        ends = np.searchsorted(first, np.arange(1, len(frontier)))
        for building, near in zip(frontier.tolist(), np.split(other, ends), strict=True):
            neighbours[building] = near.tolist()
        frontier = np.array(sorted(set(other.tolist()) - neighbours.keys()), np.int64)
    return neighbours


def _groups(
    eye: NDArray[np.int64], building: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each viewpoint with its buildings, from pairs sorted by viewpoint."""
    positions, starts = np.unique(eye, return_index=True)
    ends = np.append(starts, len(eye))[1:]
    groups = zip(positions.tolist(), starts.tolist(), ends.tolist(), strict=True)
    for position, start, end in groups:
        yield position, building[start:end]


def _move_out(
    eyes: NDArray[np.float64],
    moved: NDArray[np.int64],
    blocks: NDArray[Any],
    points: NDArray[Any],
) -> None:
    """Move viewpoints to in front of the nearest wall of their block, in place.

    All at once; one by one where the place in front of the wall is ambiguous.
    """
    if len(moved) == 0:
        return
    points = points[moved]
    lines = shapely.shortest_line(points, shapely.boundary(blocks))
    ends = shapely.get_coordinates(lines).reshape(-1, 2, 2)
    offset = ends[:, 1] - ends[:, 0]
    distance = np.hypot(offset[:, 0], offset[:, 1])
    # A camera farther from the wall than its range sees nothing outside: it stays and is blind.
    near = distance < eyes[moved, 4]
    moved, blocks, points = moved[near], blocks[near], points[near]
    ends, offset, distance = ends[near], offset[near], distance[near]
    inside = distance > _ON_WALL_M
    targets = ends[:, 1].copy()
    targets[inside] += offset[inside] / distance[inside, None] * MOUNT_GAP_M
    free = inside & ~shapely.intersects_xy(blocks, targets[:, 0], targets[:, 1])
    eyes[moved[free], :2] = targets[free]
    for row in np.flatnonzero(~free):
        eyes[moved[row], :2] = _in_front(blocks[row], points[row])


def _in_front(block: Any, point: Any) -> tuple[float, float]:
    """Return a place just outside a block, at the point of its walls nearest to a viewpoint."""
    line = shapely.shortest_line(point, shapely.boundary(block))
    x1, y1 = shapely.get_coordinates(line)[-1]
    angles = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)
    ring = np.column_stack([x1 + MOUNT_GAP_M * np.cos(angles), y1 + MOUNT_GAP_M * np.sin(angles)])
    free = ~shapely.intersects(block, shapely.points(ring))
    if not free.any() or free.all():
        return float(x1), float(y1)
    # The middle of the longest run of free directions is the one farthest from both walls.
    start = int(np.flatnonzero(~free)[0])
    length, longest, middle = 0, 0, 0
    for step in range(1, len(angles) + 1):
        if free[(start + step) % len(angles)]:
            length += 1
            if length > longest:
                longest, middle = length, start + step - length // 2
        else:
            length = 0
    x, y = ring[middle % len(angles)]
    return float(x), float(y)
