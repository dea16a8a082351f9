"""Rings of a view: the edges around its trapezoids are followed."""

from __future__ import annotations

import math

from geo.geometry.bucket_grid import ZERO
from geo.kernel_cache import kernel_part
from geo.visibility.kernels.boundary import NO_ROOM, component_of
from geo.visibility.kernels.rings import add_ring, close_ring
from geo.visibility.kernels.segments import TWO_PI


@kernel_part
def _next_edge(nodes, edges, edge):
    """Return the edge that follows one around the same wedge of visible ground, -1 for none."""
    node = edges.end[edge]
    first = nodes.first_edge[node]
    if first < 0 or edges.next_edge[first] < 0:
        return first
    start = edges.start[edge]
    back = math.atan2(nodes.y[start] - nodes.y[node], nodes.x[start] - nodes.x[node])
    best = NO_ROOM
    least = 100.0
    k = first
    while k >= 0:
        if edges.visited[k] == 0:
            end = edges.end[k]
            out = math.atan2(nodes.y[end] - nodes.y[node], nodes.x[end] - nodes.x[node])
            angle = (back - out) % TWO_PI
            if angle <= 1e-12:
                angle = TWO_PI
            if angle < least:
                least = angle
                best = k
        k = edges.next_edge[k]
    return best


@kernel_part
def _write_loop(boundary, begin, end, eye, xy, n):
    """Write a loop of the path as a ring, without the nodes where a line goes straight on.

    Returns the new number of coordinates and the area of the ring, 0 if it was dropped.
    """
    nodes, lines = boundary.nodes, boundary.edges.line
    path_nodes, path_edges = boundary.path_nodes, boundary.path_edges
    count = end - begin
    if count < 3 or n + count + 1 > xy.shape[0]:
        return n, 0.0
    first = n
    for j in range(begin, end):
        before = path_edges[j - 1] if j > begin else path_edges[end - 1]
        if lines[before] == lines[path_edges[j]] and lines[before] != -1:
            continue
        xy[n, 0] = nodes.x[path_nodes[j]]
        xy[n, 1] = nodes.y[path_nodes[j]]
        n += 1
    return close_ring(xy, first, n, eye.x, eye.y)


@kernel_part
def _prepare_edges(nodes, edges, node_count, edge_count):
    """List the edges that leave each node."""
    for k in range(node_count):
        nodes.first_edge[k] = -1
        nodes.place[k] = -1
    for k in range(edge_count):
        start = edges.start[k]
        edges.visited[k] = 0
        edges.next_edge[k] = nodes.first_edge[start]
        nodes.first_edge[start] = k


@kernel_part
def _clear_places(place, path_nodes, begin, end):
    for j in range(begin, end):
        place[path_nodes[j]] = -1


@kernel_part
def _follow(boundary, edge, eye, rings, n, ring_count):
    """Follow edges from one on, and write each loop as soon as the path meets itself.

    Returns the new numbers of coordinates and rings; the first is NO_ROOM if they are too many.
    """
    nodes, edges = boundary.nodes, boundary.edges
    path_nodes, path_edges = boundary.path_nodes, boundary.path_edges
    length = ZERO
    while edge >= 0 and edges.visited[edge] == 0:
        edges.visited[edge] = 1
        path_nodes[length], path_edges[length] = edges.start[edge], edge
        nodes.place[edges.start[edge]] = length
        length += 1
        begin = nodes.place[edges.end[edge]]
        if begin >= 0:
            room = n + (length - begin) + 1 <= rings.xy.shape[0]
            if not room or ring_count + 1 > rings.rows.shape[0]:
                return NO_ROOM, ring_count
            first = n
            n, area = _write_loop(boundary, begin, length, eye, rings.xy, n)
            component = component_of(boundary.parent, edges.trapezoid[edge])
            ring_count = add_ring(rings, ring_count, first, n, component, area)
            _clear_places(nodes.place, path_nodes, begin, length)
            length = begin
            if length == 0:
                break
        edge = _next_edge(nodes, edges, edge)
    _clear_places(nodes.place, path_nodes, ZERO, length)
    return n, ring_count


@kernel_part
def trace_rings(boundary, node_count, edge_count, eye, rings, n, ring_count):
    """Follow all edges and write simple rings.

    Parameters
    ----------
    boundary : Boundary
        Nodes and edges.
    node_count : int
        Number of nodes.
    edge_count : int
        Number of edges.
    eye : Eye
        Viewpoint.
    rings : Rings
        Receives the rings.
    n : int
        Number of coordinates that `rings` already holds.
    ring_count : int
        Number of rings that `rings` already holds.

    Returns
    -------
    tuple of int
        New numbers of coordinates and rings; the first is NO_ROOM if the arrays are too short.
    """
    _prepare_edges(boundary.nodes, boundary.edges, node_count, edge_count)
    for edge in range(edge_count):
        if boundary.edges.visited[edge] == 0:
            n, ring_count = _follow(boundary, edge, eye, rings, n, ring_count)
            if n < 0:
                return NO_ROOM, ring_count
    return n, ring_count
