"""Which members of a layer meet each grid, and the grids in chunks for threads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray


def members_by_grid(
    layer: NDArray[Any], grids: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the members of a layer that meet each grid, in compressed rows.

    Parameters
    ----------
    layer : numpy.ndarray of shapely.Geometry
        The members, in the CRS of the grids.
    grids : numpy.ndarray of shapely.Geometry
        The grids.

    Returns
    -------
    members : numpy.ndarray of int64
        Positions in `layer`; those of grid g are members[offsets[g]:offsets[g + 1]], ascending.
    offsets : numpy.ndarray of int64, shape (len(grids) + 1,)
        Where the members of each grid begin.

    Examples
    --------
    >>> import numpy as np, shapely
    >>> from geo.coverage._grid_members import members_by_grid
    >>> grids = np.array([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)])
    >>> members, offsets = members_by_grid(np.array([shapely.box(2, 0, 9, 1)]), grids)
    >>> members.tolist(), offsets.tolist()
    ([0], [0, 0, 1])
    """
    if len(layer) == 0 or len(grids) == 0:
        return np.zeros(0, np.int64), np.zeros(len(grids) + 1, np.int64)
    grid, member = shapely.STRtree(layer).query(grids, predicate="intersects")
    order = np.lexsort((member, grid))
    offsets = np.searchsorted(grid[order], np.arange(len(grids) + 1)).astype(np.int64)
    return member[order].astype(np.int64), offsets


def chunk_bounds(count: int) -> list[tuple[int, int]]:
    """Return bounds of chunks of at most 256 members, about four chunks per processor.

    Parameters
    ----------
    count : int
        Number of members.

    Returns
    -------
    list of tuple of int
        Begin (included) and end (excluded) of each chunk.
    """
    size = max(1, min(256, -(-count // ((os.cpu_count() or 1) * 4))))
    return [(lo, min(lo + size, count)) for lo in range(0, count, size)]
