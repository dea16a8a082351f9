"""Spatial weights: contiguity, distance band and k nearest neighbours."""

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
    """Weights of the neighbours of each place, in compressed rows, without the place itself.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cells = gpd.GeoSeries([shapely.box(x, 0, x + 1, 1) for x in range(3)], crs=32650)
    >>> weights = geo.contiguity_weights(cells)
    >>> weights.count, weights.neighbours.tolist()
    (3, [1, 0, 2, 1])
    """

    offsets: NDArray[np.int64]
    """The neighbours of place i are those from offsets[i] to offsets[i + 1]."""
    neighbours: NDArray[np.int64]
    """Positions of the neighbours, ascending within a place."""
    values: NDArray[np.float64]
    """Weight of each neighbour."""

    @property
    def count(self) -> int:
        """Return the number of places.

        Returns
        -------
        int
            With or without neighbours.
        """
        return len(self.offsets) - 1

    @property
    def islands(self) -> NDArray[np.bool_]:
        """Return which places have no neighbour.

        Returns
        -------
        numpy.ndarray of bool
            One per place.
        """
        return np.diff(self.offsets) == 0

    def lag(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the spatial lag: the weighted sum over each place's neighbours.

        Parameters
        ----------
        values : numpy.ndarray of float
            One per place.

        Returns
        -------
        numpy.ndarray of float
            One per place, 0 without neighbours.
        """
        return self.row_sums(self.values * values[self.neighbours])

    def row_sums(self, entries: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over each place of entries that belong to its neighbours.

        Parameters
        ----------
        entries : numpy.ndarray of float
            One per neighbour, as `values`.

        Returns
        -------
        numpy.ndarray of float
            One per place, 0 without neighbours.
        """
        owner = np.repeat(np.arange(self.count), np.diff(self.offsets))
        sums = np.bincount(owner, weights=entries, minlength=self.count)
        return sums.astype(float)

    def with_itself(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return the weight of each place itself, and the sums of weights and of their squares.

        Returns
        -------
        own : numpy.ndarray of float
            Mean weight of the place's neighbours; 1 without any.
        total : numpy.ndarray of float
            Sum of the weights of the place and its neighbours.
        squares : numpy.ndarray of float
            Sum of their squares.
        """
        total, degree = self.row_sums(self.values), np.diff(self.offsets)
        own = np.where(degree > 0, total / np.maximum(degree, 1), 1.0)
        return own, total + own, self.row_sums(self.values**2) + own**2

    def standardised(self) -> Weights:
        """Return row-standardised weights: those of each place sum to 1.

        Returns
        -------
        Weights
            The same neighbours; islands stay without any.
        """
        total = np.repeat(self.row_sums(self.values), np.diff(self.offsets))
        return Weights(self.offsets, self.neighbours, self.values / total)


def _centroids(places: GeoDataFrame | GeoSeries) -> NDArray[np.float64]:
    """Return the centroids of places, shape (n, 2)."""
    shapes = shapes_of(places, "places")
    # The box of a point is the point; that of an empty one is NaN.
    xy = shapely.bounds(shapely.centroid(shapes)).reshape(-1, 4)[:, :2]
    bad = ~np.isfinite(xy).all(axis=1)
    if bad.any():
        raise GeometryError(f"places must have a geometry; correct {name_rows(places.index[bad])}")
    return xy


def _from_pairs(place: NDArray[np.int64], neighbour: NDArray[np.int64], count: int) -> Weights:
    """Return weights of 1 from pairs of a place and a neighbour."""
    order = np.lexsort((neighbour, place))
    place, neighbour = place[order], neighbour[order]
    offsets = np.searchsorted(place, np.arange(count + 1)).astype(np.int64)
    return Weights(offsets, neighbour.astype(np.int64), np.ones(len(neighbour)))


def contiguity_weights(grids: GeoDataFrame | GeoSeries, *, queen: bool = True) -> Weights:
    """Return contiguity weights: grids that touch are neighbours, with weight 1.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame or geopandas.GeoSeries
        Polygons, metric CRS. Overlaps count as touching.
    queen : bool, default True
        Whether a common corner is enough; otherwise (rook) a common stretch of border is needed.

    Returns
    -------
    Weights
        Of the grids in their order; symmetric.

    Raises
    ------
    CrsError
        If the CRS is not metric.
    GeometryError
        If a grid is not a valid polygon.

    Notes
    -----
    Queen and rook contiguity as in libpysal (``Queen``, ``Rook``).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cells = [shapely.box(x, y, x + 1, y + 1) for y in range(2) for x in range(2)]
    >>> grids = gpd.GeoSeries(cells, crs=32650)
    >>> geo.contiguity_weights(grids).neighbours.tolist()
    [1, 2, 3, 0, 2, 3, 0, 1, 3, 0, 1, 2]
    >>> geo.contiguity_weights(grids, queen=False).neighbours.tolist()
    [1, 2, 0, 3, 0, 3, 1, 2]
    """
    require_metric(grids)
    shapes, _ = require_polygons(grids, "grids")
    place, neighbour = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    different = place != neighbour
    place, neighbour = place[different], neighbour[different]
    if not queen:
        shared = shapely.intersection(shapes[place], shapes[neighbour])
        has_length = shapely.length(shared) > 0
        place, neighbour = place[has_length], neighbour[has_length]
    return _from_pairs(place, neighbour, len(shapes))


def distance_band_weights(places: GeoDataFrame | GeoSeries, metres: float) -> Weights:
    """Return distance-band weights: places with centroids within a distance, with weight 1.

    Parameters
    ----------
    places : geopandas.GeoDataFrame or geopandas.GeoSeries
        Shapes of any type, metric CRS.
    metres : float
        Greatest distance between the centroids of neighbours, metres.

    Returns
    -------
    Weights
        Of the places in their order; symmetric.

    Raises
    ------
    CrsError
        If the CRS is not metric.
    GeometryError
        If a place is missing or empty.
    ColumnError
        If the distance is not above 0.

    Notes
    -----
    Binary weights as of libpysal's ``DistanceBand``.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> places = gpd.GeoSeries([shapely.Point(x, 0) for x in (0, 10, 30)], crs=32650)
    >>> geo.distance_band_weights(places, 15).neighbours.tolist()
    [1, 0]
    """
    require_metric(places)
    if not metres > 0:
        raise ColumnError("the distance must be above 0 m")
    xy = _centroids(places)
    pairs = KDTree(xy).query_pairs(metres, output_type="ndarray").astype(np.int64)
    both = np.vstack([pairs, pairs[:, ::-1]])
    return _from_pairs(both[:, 0], both[:, 1], len(xy))


def knn_weights(places: GeoDataFrame | GeoSeries, k: int) -> Weights:
    """Return k-nearest-neighbour weights: the k places with the nearest centroids, with weight 1.

    Parameters
    ----------
    places : geopandas.GeoDataFrame or geopandas.GeoSeries
        Shapes of any type, metric CRS.
    k : int
        Number of neighbours of each place.

    Returns
    -------
    Weights
        Of the places in their order; not symmetric in general.

    Raises
    ------
    CrsError
        If the CRS is not metric.
    GeometryError
        If a place is missing or empty.
    ColumnError
        If `k` is below 1, or not less than the number of places.

    Notes
    -----
    As libpysal's ``KNN``.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> places = gpd.GeoSeries([shapely.Point(x, 0) for x in (0, 10, 30)], crs=32650)
    >>> geo.knn_weights(places, 1).neighbours.tolist()
    [1, 0, 1]
    """
    require_metric(places)
    if not 1 <= k < len(places):
        raise ColumnError(f"k must be from 1 to {len(places) - 1}, one less than the places")
    xy = _centroids(places)
    _, closest = KDTree(xy).query(xy, k + 1)
    place = np.repeat(np.arange(len(xy)), k + 1)
    neighbour = closest.ravel()
    itself = place == neighbour
    # Where several centroids coincide a place may not be among its own nearest: drop the farthest.
    missing = ~itself.reshape(-1, k + 1).any(axis=1)
    itself.reshape(-1, k + 1)[missing, -1] = True
    return _from_pairs(place[~itself], neighbour[~itself].astype(np.int64), len(xy))
