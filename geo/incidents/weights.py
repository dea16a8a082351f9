"""Who is whose neighbour: contiguity, distance and nearest neighbours as sparse weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import KDTree

from geo.crs import require_metric
from geo.errors import ColumnError, GeometryError, name_rows
from geo.geometry.polygons import require_polygons
from geo.geometry.shapes import shapes_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Weights:
    """Weight of each neighbour of each place, rows one after the other; a place is not its own."""

    offsets: NDArray[np.int64]
    """The neighbours of place i stand from offsets[i] to offsets[i + 1]."""
    neighbours: NDArray[np.int64]
    """Positions, ascending within a place."""
    values: NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many places."""
        return len(self.offsets) - 1

    @property
    def islands(self) -> NDArray[np.bool_]:
        """Which places have no neighbour."""
        return np.diff(self.offsets) == 0

    def lag(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted sum over each place's neighbours."""
        return self.row_sums(self.values * values[self.neighbours])

    def row_sums(self, entries: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of one entry a neighbour over each place."""
        owner = np.repeat(np.arange(self.count), np.diff(self.offsets))
        sums = np.bincount(owner, weights=entries, minlength=self.count)
        return sums.astype(float)

    def with_itself(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """What each place weighs itself, and the sums of weights and of their squares with it.

        The place weighs the mean of its neighbours; 1 without any.
        """
        total, degree = self.row_sums(self.values), np.diff(self.offsets)
        own = np.where(degree > 0, total / np.maximum(degree, 1), 1.0)
        return own, total + own, self.row_sums(self.values**2) + own**2

    def standardised(self) -> Weights:
        """The same with the weights of each place summing to 1 (islands stay without)."""
        total = np.repeat(self.row_sums(self.values), np.diff(self.offsets))
        return Weights(self.offsets, self.neighbours, self.values / total)


def _centroids(places: GeoDataFrame | GeoSeries) -> NDArray[np.float64]:
    shapes = shapes_of(places, "places")
    # The box of a point is the point; that of an empty one is NaN.
    xy = shapely.bounds(shapely.centroid(shapes)).reshape(-1, 4)[:, :2]
    bad = ~np.isfinite(xy).all(axis=1)
    if bad.any():
        raise GeometryError(f"places must have a geometry; mend {name_rows(places.index[bad])}")
    return xy


def _from_pairs(place: NDArray[np.int64], neighbour: NDArray[np.int64], count: int) -> Weights:
    order = np.lexsort((neighbour, place))
    place, neighbour = place[order], neighbour[order]
    offsets = np.searchsorted(place, np.arange(count + 1)).astype(np.int64)
    return Weights(offsets, neighbour.astype(np.int64), np.ones(len(neighbour)))


def contiguity(grids: GeoDataFrame | GeoSeries, *, queen: bool = True) -> Weights:
    """Grids that touch are neighbours, with weight 1.

    Parameters
    ----------
    grids : polygons, metric CRS. Small overlaps count as touching.
    queen : a common corner is enough; otherwise (rook) a common stretch of border is needed.

    Raises
    ------
    CrsError : the CRS is not metric.
    GeometryError : a grid is no valid polygon.
    """
    require_metric(grids)
    shapes, _ = require_polygons(grids, "grids")
    place, neighbour = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    apart = place != neighbour
    place, neighbour = place[apart], neighbour[apart]
    if not queen:
        shared = shapely.intersection(shapes[place], shapes[neighbour])
        long = shapely.length(shared) > 0
        place, neighbour = place[long], neighbour[long]
    return _from_pairs(place, neighbour, len(shapes))


def within_distance(places: GeoDataFrame | GeoSeries, metres: float) -> Weights:
    """Places whose centroids are at most so far apart are neighbours, with weight 1.

    Raises
    ------
    CrsError : the CRS is not metric.
    GeometryError : a place is missing or empty.
    ColumnError : the distance is not above 0.
    """
    require_metric(places)
    if not metres > 0:
        raise ColumnError("the distance must be above 0 m")
    xy = _centroids(places)
    pairs = KDTree(xy).query_pairs(metres, output_type="ndarray").astype(np.int64)
    both = np.vstack([pairs, pairs[:, ::-1]])
    return _from_pairs(both[:, 0], both[:, 1], len(xy))


def nearest(places: GeoDataFrame | GeoSeries, k: int) -> Weights:
    """The k places with the nearest centroids are neighbours, with weight 1.

    Raises
    ------
    CrsError : the CRS is not metric.
    GeometryError : a place is missing or empty.
    ColumnError : k is not from 1 to one less than the places.
    """
    require_metric(places)
    if not 1 <= k < len(places):
        raise ColumnError(f"k must be from 1 to {len(places) - 1}, one less than the places")
    xy = _centroids(places)
    _, found = KDTree(xy).query(xy, k + 1)
    place = np.repeat(np.arange(len(xy)), k + 1)
    neighbour = found.ravel()
    itself = place == neighbour
    # Where several centroids coincide a place may not be among its own nearest: its farthest goes.
    missing = ~itself.reshape(-1, k + 1).any(axis=1)
    itself.reshape(-1, k + 1)[missing, -1] = True
    return _from_pairs(place[~itself], neighbour[~itself].astype(np.int64), len(xy))
