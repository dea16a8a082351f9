"""Point location: the polygons that places lie in, by a bucket grid of their boxes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.geometry.box_pairs import Pairs, add_pair
from geo.geometry.bucket_grid import (
    ZERO,
    bucket_grid,
    cells_around,
    edge_boxes,
    is_beside_box,
)
from geo.kernel_cache import kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.geometry.polygons import Rings

OUTSIDE = np.int64(-1)
"""Result of `locate` for a point in no polygon."""
UNSURE = np.int64(-2)
"""Result of `locate` for a point too near to an edge."""
_NEAR_M = 1e-6
"""Distance from an edge up to which GEOS must decide."""


@kernel_part
def _is_near_edge(px, py, ex, ey, tolerance):
    """Return whether the origin is within `tolerance` of the edge from (px, py) along (ex, ey)."""
    length2 = ex * ex + ey * ey
    t = 0.0
    if length2 > 0.0:
        t = min(max(-(px * ex + py * ey) / length2, 0.0), 1.0)
    dx, dy = px + t * ex, py + t * ey
    return dx * dx + dy * dy <= tolerance * tolerance


@kernel_part
def place_in_polygon(edges, begin, end, x, y, tolerance):
    """Return whether a place is inside a polygon (even-odd rule), and whether near to an edge.

    Parameters
    ----------
    edges : numpy.ndarray of float, shape (m, 4)
        x0, y0, x1, y1.
    begin, end : int
        The edges of the polygon.
    x, y : float
        The place, metres.
    tolerance : float
        Distance up to which an edge is near, metres.

    Returns
    -------
    inside : bool
        Meaningless where the place is near to an edge.
    near : bool
        Whether an edge is near.
    """
    inside = False
    for k in range(begin, end):
        py, qy = edges[k, 1] - y, edges[k, 3] - y
        if (py > tolerance and qy > tolerance) or (py < -tolerance and qy < -tolerance):
            continue
        px = edges[k, 0] - x
        ex, ey = edges[k, 2] - edges[k, 0], edges[k, 3] - edges[k, 1]
        cross = ey * px - ex * py
        # No line is nearer than |cross| / (|ex| + |ey|); twice that leaves room for rounding.
        doubtful = abs(cross) <= 2.0 * tolerance * (abs(ex) + abs(ey))
        if doubtful and _is_near_edge(px, py, ex, ey, tolerance):
            return inside, True
        if (py > 0.0) != (qy > 0.0) and (cross > 0.0) == (ey > 0.0):
            inside = not inside
    return inside, False


@kernel
def polygons_at(places, edges, offsets, grid, tolerance):
    """Return the polygons that each place is in or near to.

    Parameters
    ----------
    places : numpy.ndarray of float, shape (n, 2) or wider
        x and y of each, metres.
    edges : numpy.ndarray of float, shape (m, 4)
        x0, y0, x1, y1.
    offsets : numpy.ndarray of int64
        Polygon b has the edges from offsets[b] to offsets[b + 1].
    grid : BucketGrid
        Of the boxes of the polygons.
    tolerance : float
        Distance up to which an edge is near, metres.

    Returns
    -------
    numpy.ndarray of int64, shape (pairs, 3)
        Place, polygon, 1 if the place is near to its edge; in the order of the places.
    """
    pairs = Pairs(np.empty((64, 3), np.int64), ZERO)
    for p in range(places.shape[0]):
        x, y = places[p, 0], places[p, 1]
        # A place just beyond the last cell can touch a box in it.
        cells = cells_around(grid, x, y, tolerance)
        first_pair = pairs.length
        for row in range(cells.first_row, cells.last_row + 1):
            first = row * grid.columns + cells.first_column
            last = row * grid.columns + cells.last_column
            for k in range(grid.starts[first], grid.starts[last + 1]):
                b = grid.items[k]
                if is_beside_box(grid.boxes, b, x, y, tolerance):
                    continue
                inside, near = place_in_polygon(edges, offsets[b], offsets[b + 1], x, y, tolerance)
                if inside or near:
                    pairs = add_pair(pairs, first_pair, p, b, np.int64(near))
    return pairs.rows[: pairs.length]


@kernel_part
def _first_polygon_at(x, y, edges, offsets, grid, tolerance):
    """Return the first polygon a place is in, OUTSIDE or UNSURE."""
    cells = cells_around(grid, x, y, tolerance)
    first_polygon = OUTSIDE
    for row in range(cells.first_row, cells.last_row + 1):
        first = row * grid.columns + cells.first_column
        last = row * grid.columns + cells.last_column
        for k in range(grid.starts[first], grid.starts[last + 1]):
            b = grid.items[k]
            if (first_polygon >= 0 and b >= first_polygon) or is_beside_box(
                grid.boxes, b, x, y, tolerance
            ):
                continue
            inside, near = place_in_polygon(edges, offsets[b], offsets[b + 1], x, y, tolerance)
            if near:
                return UNSURE
            if inside:
                first_polygon = b
    return first_polygon


@kernel
def _locate(x, y, begin, end, edges, offsets, grid, tolerance, out):
    """Write the first polygon at each place from `begin` to `end`."""
    for p in range(begin, end):
        out[p] = _first_polygon_at(x[p], y[p], edges, offsets, grid, tolerance)


def locate(x: NDArray[np.float64], y: NDArray[np.float64], rings: Rings) -> NDArray[np.int64]:
    """Return the first polygon that each point lies in.

    Parameters
    ----------
    x, y : numpy.ndarray of float, shape (n,)
        Coordinates of the points, metres.
    rings : Rings
        The rings of the polygons.

    Returns
    -------
    numpy.ndarray of int64, shape (n,)
        Number of the polygon; `OUTSIDE` (-1) in none, `UNSURE` (-2) within a micrometre of an edge,
        where GEOS must decide.

    Examples
    --------
    >>> import numpy as np, shapely
    >>> from geo.geometry.point_location import locate
    >>> from geo.geometry.polygons import rings_of
    >>> rings = rings_of(np.array([shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2)]))
    >>> locate(np.array([1.5, 2.5, 9.0, 0.0]), np.array([1.0, 1.0, 1.0, 1.0]), rings).tolist()
    [0, 1, -1, -2]
    """
    edges, offsets = rings.edges
    grid = bucket_grid(edge_boxes(edges, offsets))
    out = np.empty(len(x), np.int64)
    workers = os.cpu_count() or 1
    bounds = np.linspace(0, len(x), workers + 1).astype(int).tolist()

    def _locate_part(part: int) -> Any:
        _locate(x, y, bounds[part], bounds[part + 1], edges, offsets, grid, _NEAR_M, out)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(_locate_part, range(workers)))
    return out
