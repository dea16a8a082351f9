"""Bucket grid: boxes indexed by the square cells they touch, for search by kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.kernel_cache import kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZERO = np.int64(0)
"""Start of counts: with a literal 0 every kernel that takes it would be compiled twice."""


class BucketGrid(NamedTuple):
    """Boxes by cell, in compressed rows: those of cell k are items[starts[k]:starts[k + 1]]."""

    boxes: NDArray[np.float64]
    """West, south, east, north of each, metres."""
    starts: NDArray[Any]
    items: NDArray[Any]
    """Numbers of boxes, ascending within a cell."""
    west: float
    south: float
    cell_m: float
    columns: int
    rows: int


class CellRange(NamedTuple):
    """A block of cells, both ends included; last_row is below first_row where it is empty."""

    first_column: int
    last_column: int
    first_row: int
    last_row: int


def bucket_grid(boxes: NDArray[np.float64]) -> BucketGrid:
    """Return an index of boxes by every square cell they touch, about two boxes per cell.

    Parameters
    ----------
    boxes : numpy.ndarray of float, shape (n, 4)
        West, south, east, north of each, metres.

    Returns
    -------
    BucketGrid
        Over all boxes; a single empty cell where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> from geo.geometry.bucket_grid import bucket_grid
    >>> grid = bucket_grid(np.array([[0.0, 0.0, 1.0, 1.0], [8.0, 0.0, 9.0, 1.0]]))
    >>> grid.columns, grid.rows, grid.items.tolist()
    (4, 1, [0, 1, 1])
    """
    if len(boxes) == 0:
        empty = np.zeros(0, np.int64)
        return BucketGrid(np.zeros((0, 4)), np.zeros(2, np.int64), empty, 0.0, 0.0, 1.0, 1, 1)
    west, south = (float(low) for low in boxes[:, :2].min(axis=0))
    size = boxes[:, 2:].max(axis=0) - boxes[:, :2].min(axis=0)
    cell = max(float(np.sqrt(size[0] * size[1] / len(boxes) * 2.0)), float(size.max()) / 4000, 1.0)
    columns = int(size[0] // cell) + 1
    rows = int(size[1] // cell) + 1
    starts, items = _file(boxes, west, south, cell, columns, rows)
    return BucketGrid(boxes, starts, items, west, south, cell, columns, rows)


@kernel_part
def _box_range(boxes, b, west, south, cell_m):
    """Return the cells that box `b` touches."""
    return CellRange(
        int((boxes[b, 0] - west) // cell_m),
        int((boxes[b, 2] - west) // cell_m),
        int((boxes[b, 1] - south) // cell_m),
        int((boxes[b, 3] - south) // cell_m),
    )


@kernel
def _file(boxes, west, south, cell_m, columns, rows):
    """Return starts and items of a bucket grid by a counting sort in two passes."""
    starts = np.zeros(columns * rows + 1, np.int64)
    for b in range(boxes.shape[0]):
        cells = _box_range(boxes, b, west, south, cell_m)
        for row in range(cells.first_row, cells.last_row + 1):
            for column in range(cells.first_column, cells.last_column + 1):
                starts[row * columns + column + 1] += 1
    for k in range(1, starts.size):
        starts[k] += starts[k - 1]
    free = starts[:-1].copy()
    items = np.empty(starts[-1], np.int64)
    for b in range(boxes.shape[0]):
        cells = _box_range(boxes, b, west, south, cell_m)
        for row in range(cells.first_row, cells.last_row + 1):
            for column in range(cells.first_column, cells.last_column + 1):
                k = row * columns + column
                items[free[k]] = b
                free[k] += 1
    return starts, items


@kernel
def edge_boxes(edges, offsets):
    """Return the bounding box of each polygon.

    Parameters
    ----------
    edges : numpy.ndarray of shape (m, 4)
        x0, y0, x1, y1 of each edge.
    offsets : numpy.ndarray of int64
        Polygon b has the edges from offsets[b] to offsets[b + 1], at least one.

    Returns
    -------
    numpy.ndarray of shape (n, 4)
        West, south, east, north.
    """
    boxes = np.empty((offsets.size - 1, 4))
    for b in range(offsets.size - 1):
        first = offsets[b]
        west = east = edges[first, 0]
        south = north = edges[first, 1]
        for k in range(first + 1, offsets[b + 1]):
            west = min(west, edges[k, 0])
            east = max(east, edges[k, 0])
            south = min(south, edges[k, 1])
            north = max(north, edges[k, 1])
        boxes[b, 0], boxes[b, 1], boxes[b, 2], boxes[b, 3] = west, south, east, north
    return boxes


@kernel_part
def cells_around(grid, x, y, radius):
    """Return the cells of the grid that a square around a place meets.

    Parameters
    ----------
    grid : BucketGrid
        The grid.
    x, y : float
        The place, metres.
    radius : float
        Half the side of the square, metres.

    Returns
    -------
    CellRange
        Empty where the square misses the grid.
    """
    first_column = max(int((x - radius - grid.west) // grid.cell_m), 0)
    last_column = min(int((x + radius - grid.west) // grid.cell_m), grid.columns - 1)
    first_row = max(int((y - radius - grid.south) // grid.cell_m), 0)
    last_row = min(int((y + radius - grid.south) // grid.cell_m), grid.rows - 1)
    if last_column < first_column:
        last_row = first_row - 1
    return CellRange(first_column, last_column, first_row, last_row)


@kernel_part
def cells_of_box(grid, b):
    """Return the cells that contain a box of the grid.

    Parameters
    ----------
    grid : BucketGrid
        The grid.
    b : int
        Number of the box.

    Returns
    -------
    CellRange
        At least one cell.
    """
    return _box_range(grid.boxes, b, grid.west, grid.south, grid.cell_m)


@kernel_part
def squared_distance_to_box(boxes, b, x, y):
    """Return the squared distance from a place to a box.

    Parameters
    ----------
    boxes : numpy.ndarray of float, shape (n, 4)
        West, south, east, north, metres.
    b : int
        Number of the box.
    x, y : float
        The place, metres.

    Returns
    -------
    float
        Square metres, 0 inside.
    """
    dx = max(boxes[b, 0] - x, 0.0, x - boxes[b, 2])
    dy = max(boxes[b, 1] - y, 0.0, y - boxes[b, 3])
    return dx * dx + dy * dy


@kernel_part
def boxes_within(grid, x, y, radius, stamps, stamp, numbers):
    """Write the numbers of the boxes nearer than a radius; return how many there are.

    Parameters
    ----------
    grid : BucketGrid
        The grid.
    x, y : float
        The place, metres.
    radius : float
        Metres.
    stamps : numpy.ndarray of int64, shape (n,)
        One entry per box, overwritten.
    stamp : int
        A number that differs in each call, so that a box in several cells is visited once.
    numbers : numpy.ndarray of int64
        Room for the numbers of the boxes.

    Returns
    -------
    int
        Number of boxes; negative where they do not all fit in `numbers`.
    """
    cells = cells_around(grid, x, y, radius)
    count = ZERO
    limit = radius * radius
    for row in range(cells.first_row, cells.last_row + 1):
        begin = grid.starts[row * grid.columns + cells.first_column]
        end = grid.starts[row * grid.columns + cells.last_column + 1]
        for k in range(begin, end):
            b = grid.items[k]
            if stamps[b] == stamp:
                continue
            stamps[b] = stamp
            if squared_distance_to_box(grid.boxes, b, x, y) < limit:
                if count < numbers.size:
                    numbers[count] = b
                count += 1
    return count if count <= numbers.size else -count


@kernel_part
def is_beside_box(boxes, b, x, y, margin):
    """Return whether a place is farther than a margin from a box, along either axis.

    Parameters
    ----------
    boxes : numpy.ndarray of float, shape (n, 4)
        West, south, east, north, metres.
    b : int
        Number of the box.
    x, y : float
        The place, metres.
    margin : float
        Metres.

    Returns
    -------
    bool
        False inside.
    """
    return (
        x < boxes[b, 0] - margin
        or x > boxes[b, 2] + margin
        or y < boxes[b, 1] - margin
        or y > boxes[b, 3] + margin
    )
