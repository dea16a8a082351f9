"""Pairs of places and polygons, and pairs of boxes that meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.geometry.bucket_grid import ZERO, cells_of_box
from geo.kernel_cache import allocating_part, kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Pairs(NamedTuple):
    """Pairs of a place and a polygon, in an array with room for more."""

    rows: NDArray[Any]
    """Place, polygon, a mark."""
    length: int


@allocating_part
def add_pair(pairs, first_pair, place, polygon, mark):
    """Append a pair unless the polygon is among those from `first_pair` on.

    Boxes are in several cells, so that the same pair may be met again.

    Parameters
    ----------
    pairs : Pairs
        The pairs so far.
    first_pair : int
        Number of the first pair of the place.
    place, polygon : int
        The pair.
    mark : int
        Third value of the row.

    Returns
    -------
    Pairs
        With the pair, in a longer array where it did not fit.
    """
    rows, count = pairs.rows, pairs.length
    for k in range(first_pair, count):
        if rows[k, 1] == polygon:
            return pairs
    if count == rows.shape[0]:
        longer = np.empty((2 * count, 3), np.int64)
        for k in range(count):  # an assignment of slices takes seconds to compile
            longer[k, 0], longer[k, 1], longer[k, 2] = rows[k, 0], rows[k, 1], rows[k, 2]
        rows = longer
    rows[count, 0], rows[count, 1], rows[count, 2] = place, polygon, mark
    return Pairs(rows, count + 1)


@kernel_part
def _boxes_meet(boxes, a, b):
    """Return whether two boxes touch or overlap."""
    return not (
        boxes[b, 2] < boxes[a, 0]
        or boxes[b, 0] > boxes[a, 2]
        or boxes[b, 3] < boxes[a, 1]
        or boxes[b, 1] > boxes[a, 3]
    )


@kernel
def meeting(chosen, grid):
    """Return the pairs of boxes that touch or overlap.

    Parameters
    ----------
    chosen : numpy.ndarray of int64
        Numbers of boxes.
    grid : BucketGrid
        Of all boxes.

    Returns
    -------
    numpy.ndarray of int64, shape (pairs, 3)
        Place in `chosen`, number of the other box (or the same), 0; by place.
    """
    pairs = Pairs(np.empty((64, 3), np.int64), ZERO)
    for k in range(chosen.size):
        a = chosen[k]
        first_pair = pairs.length
        cells = cells_of_box(grid, a)
        for row in range(cells.first_row, cells.last_row + 1):
            first = row * grid.columns + cells.first_column
            last = row * grid.columns + cells.last_column
            for j in range(grid.starts[first], grid.starts[last + 1]):
                b = grid.items[j]
                if _boxes_meet(grid.boxes, a, b):
                    pairs = add_pair(pairs, first_pair, k, b, ZERO)
    return pairs.rows[: pairs.length]
