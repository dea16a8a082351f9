"""Polygons as arrays of directed edges, interior on the left, and their validity."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.errors import GeometryError, name_rows
from geo.geometry.shapes import shapes_of
from geo.kernel_cache import kernel, kernel_part

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray

_TOUCH_M = 1e-6
"""Distance up to which edges may touch, metres."""


@dataclass(frozen=True)
class Rings:
    """The closed rings of an array of polygons, in the order of the polygons."""

    count: int
    """Number of polygons."""
    xy: NDArray[np.float64]
    """Coordinates of the rings, one after the other."""
    lengths: NDArray[np.int64]
    """Number of coordinates of each ring, the repeated last one included."""
    hole: NDArray[np.bool_]
    """Whether the ring is a hole."""
    owner: NDArray[np.int64]
    """Number of the polygon of each ring."""

    @property
    def edges(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the directed edges of the polygons, interior on the left.

        Returns
        -------
        edges : numpy.ndarray of float, shape (m, 4)
            x0, y0, x1, y1.
        offsets : numpy.ndarray of int64, shape (count + 1,)
            Polygon p has the edges from offsets[p] to offsets[p + 1].
        """
        number = np.maximum(self.lengths - 1, 0)
        out = np.empty((int(number.sum()), 4))
        _write_edges(self.xy, self.lengths, self.hole, out)
        if len(self.lengths) == self.count:
            total = number
        else:
            total = np.bincount(self.owner, weights=number, minlength=self.count).astype(np.int64)
        offsets = np.zeros(self.count + 1, np.int64)
        np.cumsum(total, out=offsets[1:])
        return out, offsets


def rings_of(polygons: NDArray[Any]) -> Rings:
    """Return the rings of (multi)polygons.

    Parameters
    ----------
    polygons : numpy.ndarray of shapely.Geometry
        Shapes of any type, or None; those that are not polygons have no rings.

    Returns
    -------
    Rings
        In the order of the polygons.

    Examples
    --------
    >>> import numpy as np, shapely
    >>> from geo.geometry.polygons import rings_of
    >>> rings = rings_of(np.array([shapely.box(0, 0, 9, 9), shapely.Point(0, 0)]))
    >>> rings.count, rings.lengths.tolist(), rings.owner.tolist()
    (2, [5], [0])
    """
    counts = shapely.get_num_coordinates(polygons).astype(np.int64)
    kinds = shapely.get_type_id(polygons)
    plain = (kinds == 3) & (shapely.get_num_interior_rings(polygons) == 0)
    if plain.all():
        xy = shapely.get_coordinates(polygons)
        numbers = np.arange(len(polygons))
        return Rings(len(polygons), xy, counts, np.zeros(len(polygons), bool), numbers)
    areal = (kinds == 3) | (kinds == 6)
    rest = np.flatnonzero(areal & ~plain)
    parts, part_owner = shapely.get_parts(polygons[rest], return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    inner = np.zeros(len(part), bool)
    inner[1:] = part[1:] == part[:-1]
    alone = np.flatnonzero(plain)
    owner = np.concatenate([alone, rest[part_owner[part]]])
    order = np.argsort(owner, kind="stable")
    lengths = np.concatenate([counts[alone], shapely.get_num_coordinates(rings)])[order]
    return Rings(
        len(polygons),
        shapely.get_coordinates(polygons[areal]),
        lengths.astype(np.int64),
        np.concatenate([np.zeros(len(alone), bool), inner])[order],
        owner[order],
    )


def directed_edges(polygons: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the directed edges of (multi)polygons, interior on the left.

    Parameters
    ----------
    polygons : numpy.ndarray of shapely.Geometry
        As for `rings_of`.

    Returns
    -------
    edges : numpy.ndarray of float, shape (m, 4)
        x0, y0, x1, y1.
    offsets : numpy.ndarray of int64
        Polygon p has the edges from offsets[p] to offsets[p + 1].

    Examples
    --------
    >>> import numpy as np, shapely
    >>> from geo.geometry.polygons import directed_edges
    >>> edges, offsets = directed_edges(np.array([shapely.box(0, 0, 1, 1)]))
    >>> edges[0].tolist(), offsets.tolist()
    ([1.0, 0.0, 1.0, 1.0], [0, 4])
    """
    return rings_of(polygons).edges


@kernel
def _write_edges(xy, lengths, hole, out):
    """Write the edges of closed rings, outer rings counter-clockwise, holes clockwise."""
    n = 0
    at = 0
    for ring in range(lengths.size):
        m = lengths[ring] - 1
        area = 0.0
        for k in range(1, m - 1):
            area += (xy[at + k, 0] - xy[at, 0]) * (xy[at + k + 1, 1] - xy[at, 1])
            area -= (xy[at + k, 1] - xy[at, 1]) * (xy[at + k + 1, 0] - xy[at, 0])
        reverse = (area < 0.0) != hole[ring]
        for k in range(m):
            a = at + m - k if reverse else at + k
            b = a - 1 if reverse else a + 1
            out[n, 0] = xy[a, 0]
            out[n, 1] = xy[a, 1]
            out[n, 2] = xy[b, 0]
            out[n, 3] = xy[b, 1]
            n += 1
        at += lengths[ring]


@kernel_part
def _folds_back(ax, ay, bx, by, cx, cy):
    """Return whether the edge b to c may run back over a to b; in line it may go on."""
    ex, ey = bx - ax, by - ay
    fx, fy = cx - bx, cy - by
    size = (abs(ex) + abs(ey)) * (abs(fx) + abs(fy))
    bend = ex * fy - ey * fx
    return not (abs(bend) > 1e-9 * size or ex * fx + ey * fy > 0.5 * size)


@kernel_part
def _on_one_side(ax, ay, bx, by, px, py, qx, qy):
    """Return whether p and q are surely on the same side of the line from a to b."""
    ex, ey = bx - ax, by - ay
    margin = _TOUCH_M * (abs(ex) + abs(ey))
    p = ex * (py - ay) - ey * (px - ax)
    q = ex * (qy - ay) - ey * (qx - ax)
    return (p > margin and q > margin) or (p < -margin and q < -margin)


@kernel_part
def _are_apart(ax, ay, bx, by, px, py, qx, qy):
    """Return whether the edges a to b and p to q surely do not touch."""
    return (
        min(px, qx) > max(ax, bx) + _TOUCH_M
        or max(px, qx) < min(ax, bx) - _TOUCH_M
        or min(py, qy) > max(ay, by) + _TOUCH_M
        or max(py, qy) < min(ay, by) - _TOUCH_M
        or _on_one_side(ax, ay, bx, by, px, py, qx, qy)
        or _on_one_side(px, py, qx, qy, ax, ay, bx, by)
    )


@kernel_part
def _is_surely_simple(xy, first, edges):
    """Return whether a closed ring from coordinate `first` surely does not touch itself."""
    for k in range(edges):
        a, b = first + k, first + k + 1
        c = b + 1 if k < edges - 1 else first + 1
        ax, ay, bx, by = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1]
        if _folds_back(ax, ay, bx, by, xy[c, 0], xy[c, 1]):
            return False
        for p in range(first + k + 2, first + (edges - 1 if k == 0 else edges)):
            if not _are_apart(ax, ay, bx, by, xy[p, 0], xy[p, 1], xy[p + 1, 0], xy[p + 1, 1]):
                return False
    return True


@kernel
def _surely_simple(xy, lengths, most):
    """Return which closed rings of at most `most` edges surely do not touch themselves.

    Anything nearer to touching than rounding errors is not sure.
    """
    sure = np.zeros(lengths.size, np.bool_)
    first = 0
    for ring in range(lengths.size):
        edges = lengths[ring] - 1
        sure[ring] = 3 <= edges <= most and _is_surely_simple(xy, first, edges)
        first += lengths[ring]
    return sure


def valid_polygons(shapes: NDArray[Any], rings: Rings) -> NDArray[np.bool_]:
    """Return which shapes are valid, non-empty polygons or multipolygons.

    Parameters
    ----------
    shapes : numpy.ndarray of shapely.Geometry
        Shapes of any type, or None.
    rings : Rings
        From `rings_of` of the same shapes.

    Returns
    -------
    numpy.ndarray of bool
        One per shape.

    Notes
    -----
    A polygon of one ring of at most 24 edges that surely does not touch itself is valid; the others
    are decided by GEOS.

    Examples
    --------
    >>> import numpy as np, shapely
    >>> from geo.geometry.polygons import rings_of, valid_polygons
    >>> bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    >>> shapes = np.array([shapely.box(0, 0, 1, 1), bow_tie])
    >>> valid_polygons(shapes, rings_of(shapes)).tolist()
    [True, False]
    """
    kinds = shapely.get_type_id(shapes)
    counts = np.bincount(rings.owner, minlength=rings.count)
    good = ((kinds == 3) | (kinds == 6)) & (counts > 0)
    simple = _surely_simple(rings.xy, rings.lengths, 24)
    alone = np.zeros(rings.count, bool)
    alone[rings.owner[simple]] = True
    unsure = np.flatnonzero(good & ~(alone & (kinds == 3) & (counts == 1)))
    good[unsure] = _in_threads(shapely.is_valid, shapes[unsure])
    # A polygon without coordinates has one ring, an empty one.
    good[unsure] &= ~shapely.is_empty(shapes[unsure])
    return good


def _in_threads(predicate: Any, shapes: NDArray[Any]) -> NDArray[Any]:
    """Return a predicate of GEOS for many shapes, computed on all processors."""
    cores = os.cpu_count() or 1
    if len(shapes) < 2000:
        return np.asarray(predicate(shapes))
    with ThreadPoolExecutor(cores) as pool:
        return np.concatenate(list(pool.map(predicate, np.array_split(shapes, cores))))


def require_polygons(
    layer: GeoDataFrame | GeoSeries, what: str, *, empty: bool = False
) -> tuple[NDArray[Any], Rings]:
    """Return the two-dimensional shapes of a layer and their rings, checked to be valid polygons.

    Parameters
    ----------
    layer : geopandas.GeoDataFrame or geopandas.GeoSeries
        Polygons or multipolygons; elevations are dropped.
    what : str
        What they are, for the error message.
    empty : bool, default False
        Whether empty ones are allowed.

    Returns
    -------
    shapes : numpy.ndarray of shapely.Geometry
        One per row.
    rings : Rings
        Their rings.

    Raises
    ------
    GeometryError
        If it is a plain table, or a geometry is missing, of another type, invalid, or (unless
        allowed) empty; the rows are named.
    """
    values = shapes_of(layer, what)
    rings = rings_of(values)
    good = valid_polygons(values, rings)
    if empty:
        good |= shapely.is_empty(values) & np.isin(shapely.get_type_id(values), (3, 6))
    if not good.all():
        raise GeometryError(
            f"{what} must be valid polygons; correct (for instance with .make_valid()) "
            f"{name_rows(layer.index[~good])}"
        )
    return values, rings
