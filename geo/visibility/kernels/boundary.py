"""Trapezoids to rings: their corners become nodes, and the edges between them are followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.geometry.bucket_grid import ZERO
from geo.kernel_cache import allocating_part, kernel_part
from geo.visibility.kernels.segments import LENGTH_TOLERANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_ROOM = np.int64(-1)
_RADIAL = 2_000_000_000
"""Added to the number of a ray for the number of the line along it."""
_EYE = 0
"""The node at a distance of zero, on whatever ray."""


class Nodes(NamedTuple):
    """Points where edges meet, relative to the viewpoint; distances rise along each ray."""

    distance: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    first_edge: NDArray[Any]
    """The last edge written of those that leave the node, -1 for none."""
    place: NDArray[Any]
    """Position of the node on the path, -1 if it is not on it."""


class Edges(NamedTuple):
    """Directed edges, visible ground on the left."""

    start: NDArray[Any]
    end: NDArray[Any]
    line: NDArray[Any]
    trapezoid: NDArray[Any]
    visited: NDArray[Any]
    next_edge: NDArray[Any]
    """The next edge that leaves the same node, -1 for none."""


class Corners(NamedTuple):
    """The nodes of each trapezoid."""

    near_begin: NDArray[Any]
    far_begin: NDArray[Any]
    near_end: NDArray[Any]
    far_end: NDArray[Any]


class Boundary(NamedTuple):
    """Arrays from which the rings of one view are made."""

    nodes: Nodes
    edges: Edges
    corners: Corners
    parent: NDArray[Any]
    """Union-find over the trapezoids: those that touch are one component."""
    path_nodes: NDArray[Any]
    path_edges: NDArray[Any]
    """The edges followed so far, and where each of them starts."""
    distances: NDArray[np.float64]
    """Of the corners on one ray."""


class RayPieces(NamedTuple):
    """A ray, and the trapezoids of the slabs on both sides of it, as ranges."""

    ray: int
    before: int
    before_end: int
    after: int
    after_end: int


@allocating_part
def allocate_boundary(capacity):
    """Return arrays for up to `capacity` nodes, edges and trapezoids.

    Parameters
    ----------
    capacity : int
        Length of the arrays.

    Returns
    -------
    Boundary
        Arrays without values.
    """
    nodes = Nodes(
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
    )
    edges = Edges(
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
    )
    corners = Corners(
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
    )
    parent = np.empty(capacity, np.int64)
    path = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    return Boundary(nodes, edges, corners, parent, path[0], path[1], np.empty(capacity))


@kernel_part
def component_of(parent, k):
    """Return the component of a trapezoid.

    Parameters
    ----------
    parent : numpy.ndarray of int
        Union-find over the trapezoids; paths are shortened in place.
    k : int
        Number of the trapezoid.

    Returns
    -------
    int
        Number of the trapezoid that represents the component.
    """
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@kernel_part
def _pieces_at(slabs, ray, slab_count, full):
    """Return the trapezoids on both sides of a ray; a full circle closes at ray 0."""
    before = ray - 1 if ray or not full else slab_count - 1
    b0, b1, a0, a1 = ZERO, ZERO, ZERO, ZERO
    if before >= 0:
        b0, b1 = slabs.first_trapezoid[before], slabs.first_trapezoid[before + 1]
    if ray < slab_count:
        a0, a1 = slabs.first_trapezoid[ray], slabs.first_trapezoid[ray + 1]
    return RayPieces(ray, b0, b1, a0, a1)


@kernel_part
def _distances_at(pieces, trapezoids, distances):
    """Write all corners on a ray by their distance; return how many they are."""
    count = 0
    for t in range(pieces.before, pieces.before_end):
        distances[count] = trapezoids.near_end[t]
        distances[count + 1] = trapezoids.far_end[t]
        count += 2
    for t in range(pieces.after, pieces.after_end):
        distances[count] = trapezoids.near_begin[t]
        distances[count + 1] = trapezoids.far_begin[t]
        count += 2
    for j in range(1, count):
        distance = distances[j]
        k = j - 1
        while k >= 0 and distances[k] > distance:
            distances[k + 1] = distances[k]
            k -= 1
        distances[k + 1] = distance
    return count


@kernel_part
def _add_nodes(nodes, count, distances, distance_count, slabs, ray):
    """Write one node for all corners at one distance; return the new count, NO_ROOM if too many."""
    first = count
    for j in range(distance_count):
        distance = distances[j]
        if distance < LENGTH_TOLERANCE:
            continue
        if count > first and distance - nodes.distance[count - 1] <= LENGTH_TOLERANCE:
            continue
        if count + 1 >= nodes.distance.size:
            return NO_ROOM
        nodes.distance[count] = distance
        nodes.x[count] = distance * slabs.x[ray]
        nodes.y[count] = distance * slabs.y[ray]
        count += 1
    return count


@kernel_part
def _node_at(distances, first, end, distance):
    """Return the node of a ray (from `first` to `end`) that is nearest to a distance."""
    if distance < LENGTH_TOLERANCE:
        return _EYE
    best = first
    for k in range(first + 1, end):
        if abs(distances[k] - distance) < abs(distances[best] - distance):
            best = k
    return best


@kernel_part
def _set_corners(corners, pieces, trapezoids, distances, first, end):
    """Write the nodes of one ray as corners of the trapezoids on both sides."""
    for t in range(pieces.before, pieces.before_end):
        corners.near_end[t] = _node_at(distances, first, end, trapezoids.near_end[t])
        corners.far_end[t] = _node_at(distances, first, end, trapezoids.far_end[t])
    for t in range(pieces.after, pieces.after_end):
        corners.near_begin[t] = _node_at(distances, first, end, trapezoids.near_begin[t])
        corners.far_begin[t] = _node_at(distances, first, end, trapezoids.far_begin[t])


@kernel_part
def _add_edge(edges, count, start, end, line, trapezoid):
    edges.start[count], edges.end[count] = start, end
    edges.line[count], edges.trapezoid[count] = line, trapezoid
    return count + 1


@kernel_part
def _add_radial_edges(boundary, count, pieces, trapezoids, first, end):
    """Write the pieces of a ray with visible ground on one side; join what touches across it.

    Returns the new number of edges, NO_ROOM if they are too many.
    """
    edges, parent, distances = boundary.edges, boundary.parent, boundary.nodes.distance
    before, after = pieces.before, pieces.after
    for outer in range(first, end):
        inner = outer - 1 if outer > first else _EYE
        middle = 0.5 * (distances[inner] + distances[outer])
        while before < pieces.before_end and trapezoids.far_end[before] < middle:
            before += 1
        while after < pieces.after_end and trapezoids.far_begin[after] < middle:
            after += 1
        is_before = before < pieces.before_end and trapezoids.near_end[before] < middle
        is_after = after < pieces.after_end and trapezoids.near_begin[after] < middle
        if count + 2 >= edges.start.size:
            return NO_ROOM
        if is_before and is_after:
            one, other = component_of(parent, before), component_of(parent, after)
            if one != other:
                parent[other] = one
        elif is_before:
            count = _add_edge(edges, count, outer, inner, _RADIAL + pieces.ray, before)
        elif is_after:
            count = _add_edge(edges, count, inner, outer, _RADIAL + pieces.ray, after)
    return count


@kernel_part
def _add_line_edges(edges, count, corners, trapezoids, trapezoid_count):
    """Write the near and far edges of all trapezoids; return the new count, NO_ROOM if too many."""
    for t in range(trapezoid_count):
        if count + 3 >= edges.start.size:
            return NO_ROOM
        if corners.far_begin[t] != corners.far_end[t]:
            count = _add_edge(
                edges, count, corners.far_begin[t], corners.far_end[t], trapezoids.far_line[t], t
            )
        if corners.near_begin[t] != corners.near_end[t]:
            count = _add_edge(
                edges, count, corners.near_end[t], corners.near_begin[t], trapezoids.near_line[t], t
            )
    return count


@kernel_part
def join_trapezoids(boundary, slabs, trapezoids, slab_count, trapezoid_count, full):
    """Write the nodes and edges around all trapezoids.

    Parameters
    ----------
    boundary : Boundary
        Receives nodes, edges, corners and components.
    slabs : Slabs
        Slabs of the view.
    trapezoids : Trapezoids
        Trapezoids of the slabs.
    slab_count : int
        Number of slabs.
    trapezoid_count : int
        Number of trapezoids.
    full : bool
        Whether the sector is the full circle, so that the last slab is followed by the first.

    Returns
    -------
    tuple of int
        Numbers of nodes and edges; (NO_ROOM, NO_ROOM) if the arrays are too short.
    """
    nodes, edges, corners, parent = (
        boundary.nodes,
        boundary.edges,
        boundary.corners,
        boundary.parent,
    )
    for t in range(trapezoid_count):
        parent[t] = t
    nodes.distance[_EYE] = 0.0
    nodes.x[_EYE] = 0.0
    nodes.y[_EYE] = 0.0
    node_count, edge_count = ZERO + 1, ZERO
    distances = boundary.distances
    for ray in range(slab_count if full else slab_count + 1):
        pieces = _pieces_at(slabs, ray, slab_count, full)
        total = 2 * (pieces.before_end - pieces.before) + 2 * (pieces.after_end - pieces.after)
        if total == 0:
            continue
        if total > distances.size:
            return NO_ROOM, NO_ROOM
        total = _distances_at(pieces, trapezoids, distances)
        first = node_count
        node_count = _add_nodes(nodes, first, distances, total, slabs, ray)
        if node_count < 0:
            return NO_ROOM, NO_ROOM
        _set_corners(corners, pieces, trapezoids, nodes.distance, first, node_count)
        edge_count = _add_radial_edges(boundary, edge_count, pieces, trapezoids, first, node_count)
        if edge_count < 0:
            return NO_ROOM, NO_ROOM
    edge_count = _add_line_edges(edges, edge_count, corners, trapezoids, trapezoid_count)
    return (node_count, edge_count) if edge_count >= 0 else (NO_ROOM, NO_ROOM)
