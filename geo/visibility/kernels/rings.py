"""Closed rings of coordinates, in the order and form that Shapely reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.kernel_cache import allocating_part, kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST_RING_M2 = 1e-6
"""Smaller rings are rounding."""


class Rings(NamedTuple):
    """Rings of many viewpoints, in arrays that may be longer."""

    xy: NDArray[np.float64]
    rows: NDArray[Any]
    """Of each ring: first coordinate, end, component, sign of the area (-1 for a hole)."""


@allocating_part
def allocate_rings(coordinates, rings):
    """Return arrays for a number of coordinates and of rings.

    Parameters
    ----------
    coordinates : int
        Number of coordinates.
    rings : int
        Number of rings.

    Returns
    -------
    Rings
        Arrays without values.
    """
    return Rings(np.empty((coordinates, 2)), np.empty((rings, 4), np.int64))


@allocating_part
def enlarge_rings(rings, coordinate_count, ring_count, more):
    """Return the rings in arrays of more than twice the length.

    Parameters
    ----------
    rings : Rings
        Arrays that are too short.
    coordinate_count : int
        Number of coordinates to copy.
    ring_count : int
        Number of rings to copy.
    more : int
        Length to add besides.

    Returns
    -------
    Rings
        Longer arrays with the same content.
    """
    larger = allocate_rings(2 * rings.xy.shape[0] + 4 * more, 2 * rings.rows.shape[0] + more)
    for k in range(coordinate_count):  # an assignment of slices takes seconds to compile
        larger.xy[k, 0], larger.xy[k, 1] = rings.xy[k, 0], rings.xy[k, 1]
    for k in range(ring_count):
        for column in range(4):
            larger.rows[k, column] = rings.rows[k, column]
    return larger


@kernel_part
def add_ring(rings, k, begin, end, component, area):
    """Write the row of a ring unless the ring was dropped.

    Parameters
    ----------
    rings : Rings
        Receives the row.
    k : int
        Number of rings so far.
    begin, end : int
        First coordinate of the ring, and the end of the last one.
    component : int
        Number of the component of visible ground that the ring bounds.
    area : float
        Signed area, m²; 0 for a ring that was dropped.

    Returns
    -------
    int
        New number of rings.
    """
    if area == 0.0:
        return k
    rings.rows[k, 0] = begin
    rings.rows[k, 1] = end
    rings.rows[k, 2] = component
    rings.rows[k, 3] = 1 if area > 0 else -1
    return k + 1


@kernel_part
def close_ring(xy, begin, end, x, y):
    """Close a ring and move it from the origin to the place of the viewpoint.

    Parameters
    ----------
    xy : numpy.ndarray of float, shape (n, 2)
        Coordinates; changed in place.
    begin, end : int
        First coordinate of the ring, and the end of the last one.
    x, y : float
        Place of the viewpoint, metres.

    Returns
    -------
    tuple of int and float
        End of the closed ring and its signed area, m²; `begin` and 0 for a ring without area,
        which is dropped.
    """
    if end - begin < 3:
        return begin, 0.0
    area = 0.0
    for j in range(begin, end):
        k = j + 1 if j + 1 < end else begin
        area += xy[j, 0] * xy[k, 1] - xy[j, 1] * xy[k, 0]
    area *= 0.5
    if abs(area) < SMALLEST_RING_M2:
        return begin, 0.0
    xy[end, 0] = xy[begin, 0]
    xy[end, 1] = xy[begin, 1]
    end += 1
    for j in range(begin, end):
        xy[j, 0] += x
        xy[j, 1] += y
    return end, area


@kernel_part
def order_rings(rows, begin, end):
    """Order the rings of one viewpoint by component, the outer one first.

    Parameters
    ----------
    rows : numpy.ndarray of int, shape (rings, 4)
        Rows of `Rings`; ordered in place.
    begin, end : int
        First ring of the viewpoint, and the end of the last one.
    """
    for j in range(begin + 1, end):
        first, last, component, sign = rows[j, 0], rows[j, 1], rows[j, 2], rows[j, 3]
        k = j - 1
        while k >= begin and (
            rows[k, 2] > component or (rows[k, 2] == component and rows[k, 3] < sign)
        ):
            for column in range(4):
                rows[k + 1, column] = rows[k, column]
            k -= 1
        rows[k + 1, 0], rows[k + 1, 1], rows[k + 1, 2], rows[k + 1, 3] = (
            first,
            last,
            component,
            sign,
        )


@kernel
def pack(xy, rows, offsets):
    """Return rings in the form that `shapely.from_ragged_array` reads.

    Parameters
    ----------
    xy : numpy.ndarray of shape (n, 2)
        Coordinates.
    rows : numpy.ndarray of int64, shape (rings, 4)
        As from `sweep`.
    offsets : numpy.ndarray of int64
        Viewpoint e has the rings from offsets[e] to offsets[e + 1].

    Returns
    -------
    tuple of numpy.ndarray
        Coordinates in the order of the rings, ring offsets, polygon offsets, and number of polygons
        of each viewpoint.
    """
    total = 0
    polygon_count = 0
    for r in range(rows.shape[0]):
        total += rows[r, 1] - rows[r, 0]
        polygon_count += rows[r, 3] > 0
    coordinates = np.empty((total, 2))
    ring_offsets = np.zeros(rows.shape[0] + 1, np.int64)
    polygon_offsets = np.zeros(polygon_count + 1, np.int64)
    polygons = np.zeros(offsets.size - 1, np.int64)
    n = 0
    p = 0
    for e in range(offsets.size - 1):
        for r in range(offsets[e], offsets[e + 1]):
            for j in range(rows[r, 0], rows[r, 1]):
                coordinates[n, 0] = xy[j, 0]
                coordinates[n, 1] = xy[j, 1]
                n += 1
            ring_offsets[r + 1] = n
            if rows[r, 3] > 0:
                polygon_offsets[p] = r
                polygons[e] += 1
                p += 1
    polygon_offsets[polygon_count] = rows.shape[0]
    return coordinates, ring_offsets, polygon_offsets, polygons
