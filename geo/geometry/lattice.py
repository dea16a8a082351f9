"""Points of a square lattice in polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray


def lattice_points(
    polygon: Any, step_m: float, *, origin: tuple[float, float] | None = None
) -> NDArray[np.float64]:
    """Return the points of a square lattice that lie inside a polygon.

    Parameters
    ----------
    polygon : shapely.Polygon or shapely.MultiPolygon
        In a metric CRS.
    step_m : float
        Distance between neighbouring points, metres.
    origin : tuple of float, optional
        A point of the lattice; half a step from the origin of the CRS in both axes unless given, so
        that polygons share one lattice.

    Returns
    -------
    numpy.ndarray of float, shape (n, 2)
        x and y, from south to north and from west to east; n is 0 where no point lies inside.

    Examples
    --------
    >>> import shapely
    >>> from geo.geometry.lattice import lattice_points
    >>> lattice_points(shapely.box(0, 0, 4, 2), 2.0).tolist()
    [[1.0, 1.0], [3.0, 1.0]]
    """
    if polygon.is_empty:
        return np.zeros((0, 2))
    start_x, start_y = (0.5 * step_m, 0.5 * step_m) if origin is None else origin
    west, south, east, north = polygon.bounds
    columns = np.arange(np.ceil((west - start_x) / step_m), (east - start_x) / step_m + 1e-9)
    rows = np.arange(np.ceil((south - start_y) / step_m), (north - start_y) / step_m + 1e-9)
    x, y = np.meshgrid(start_x + columns * step_m, start_y + rows * step_m)
    points = np.column_stack([x.ravel(), y.ravel()])
    shapely.prepare(polygon)
    return points[shapely.contains_xy(polygon, points[:, 0], points[:, 1])]
