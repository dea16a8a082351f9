"""Hot spots and clusters: Getis-Ord Gi* and local Moran's I, with the false-discovery rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from geo.crs import require_metric
from geo.errors import ColumnError, name_rows
from geo.frames import array_of
from geo.geometry.polygons import require_polygons
from geo.incidents._permute import permuted_p
from geo.incidents.locations import grid_positions
from geo.incidents.weights import Weights, contiguity_weights

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame

LEVELS = ((0.01, "99"), (0.05, "95"), (0.10, "90"))
"""False-discovery rates and the suffixes of their classes (hot_99, cold_95 and so on)."""


def hot_spots(
    grids: GeoDataFrame,
    incidents: GeoDataFrame | None = None,
    *,
    values: ArrayLike | None = None,
    weights: Weights | None = None,
    permutations: int = 0,
    seed: int = 1,
) -> DataFrame:
    """Return Getis-Ord Gi* of each grid, classified at controlled false-discovery rates.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons, metric CRS, at least three.
    incidents : geopandas.GeoDataFrame, optional
        Points, same CRS, counted by grid. Give either `incidents` or `values`.
    values : array_like of float, optional
        One figure per grid (a rate, for instance); NaN is not allowed.
    weights : Weights, optional
        Neighbours, from `contiguity_weights`, `distance_band_weights` or `knn_weights`; queen
        contiguity unless given. The grid itself always counts, with weight 1 (or the mean weight
        of its neighbours where that differs).
    permutations : int, default 0
        Number of conditional permutations for the p-value; 0 for the closed form (normal).
    seed : int, default 1
        Seed of the permutations.

    Returns
    -------
    pandas.DataFrame
        One row per grid, on the index of `grids`: `value`; `gi_star` (standard deviations, NaN
        where all figures are equal); `p_value` (two-sided); `q_value` (Benjamini-Hochberg over all
        grids that have neighbours); `class`: ``hot_99``, ``hot_95``, ``hot_90``, ``cold_99``,
        ``cold_95``, ``cold_90`` by q_value, ``none``, or ``island`` for a grid without neighbours,
        which is not tested.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid is not a valid polygon, or an incident is not a point.
    ColumnError
        If neither or both of `incidents` and `values` are given, values are missing or of another
        length, weights are of another number of grids, or there are fewer than three grids.

    Notes
    -----
    Gi* of [1]_, false-discovery rate of [2]_. See docs/hot_spots.md.

    References
    ----------
    .. [1] J. K. Ord and A. Getis, "Local spatial autocorrelation statistics: distributional issues
       and an application", Geographical Analysis 27 (1995).
    .. [2] Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", Journal of the
       Royal Statistical Society B 57 (1995).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cells = [shapely.box(x, y, x + 1, y + 1) for y in range(9) for x in range(9)]
    >>> grids = gpd.GeoDataFrame(geometry=cells, crs=32650)
    >>> counts = [50 if x < 3 and y < 3 else x % 2 for y in range(9) for x in range(9)]
    >>> table = geo.hot_spots(grids, values=counts)
    >>> table["class"].iloc[0], table["class"].iloc[80]
    ('hot_99', 'none')
    """
    figures = _figures(grids, incidents, values)
    neighbours = _weights(grids, weights)
    count = len(figures)
    own, first, second = neighbours.with_itself()
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = figures.std() * np.sqrt((count * second - first**2) / (count - 1))
        gi_star = (neighbours.lag(figures) + own * figures - figures.mean() * first) / spread
    gi_star[~np.isfinite(gi_star)] = np.nan
    if permutations:
        p_value = permuted_p(figures, neighbours, permutations, seed)
    else:
        p_value = 2.0 * stats.norm.sf(np.abs(gi_star))
    p_value = np.where(neighbours.islands | np.isnan(gi_star), np.nan, p_value)
    q_value = false_discovery(p_value)
    return pd.DataFrame(
        {
            "value": figures,
            "gi_star": gi_star,
            "p_value": p_value,
            "q_value": q_value,
            "class": _classes(gi_star, q_value, neighbours.islands),
        },
        index=grids.index,
    )


def local_moran(
    grids: GeoDataFrame,
    incidents: GeoDataFrame | None = None,
    *,
    values: ArrayLike | None = None,
    weights: Weights | None = None,
    permutations: int = 0,
    seed: int = 1,
) -> DataFrame:
    """Return local Moran's I of each grid: clusters of similar figures, and spatial outliers.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        As for `hot_spots`.
    incidents : geopandas.GeoDataFrame, optional
        As for `hot_spots`.
    values : array_like of float, optional
        As for `hot_spots`.
    weights : Weights, optional
        As for `hot_spots`, but standardised by row, and the grid itself does not count.
    permutations : int, default 0
        As for `hot_spots`.
    seed : int, default 1
        As for `hot_spots`.

    Returns
    -------
    pandas.DataFrame
        One row per grid, on the index of `grids`: `value`, `moran_i`, `expected_i` and `variance_i`
        (conditional randomisation), `p_value` (two-sided), `q_value`, `class`: ``high_high``,
        ``low_low``, ``high_low``, ``low_high`` where q_value is at most 0.05, ``none``, ``island``.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid is not a valid polygon, or an incident is not a point.
    ColumnError
        If neither or both of `incidents` and `values` are given, values are missing or of another
        length, weights are of another number of grids, or there are fewer than three grids.

    Notes
    -----
    Local Moran's I of [1]_ with the moments of [2]_. See docs/hot_spots.md.

    References
    ----------
    .. [1] L. Anselin, "Local indicators of spatial association: LISA", Geographical Analysis 27
       (1995).
    .. [2] R. R. Sokal, N. L. Oden and B. A. Thomson, "Local spatial autocorrelation in a biological
       model", Geographical Analysis 30 (1998).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> cells = [shapely.box(x, y, x + 1, y + 1) for y in range(9) for x in range(9)]
    >>> grids = gpd.GeoDataFrame(geometry=cells, crs=32650)
    >>> counts = [50 if x < 3 and y < 3 else x % 2 for y in range(9) for x in range(9)]
    >>> geo.local_moran(grids, values=counts)["class"].iloc[0]
    'high_high'
    """
    figures = _figures(grids, incidents, values)
    neighbours = _weights(grids, weights).standardised()
    count = len(figures)
    z = figures - figures.mean()
    m2 = (z @ z) / count
    lag = neighbours.lag(z)
    total = neighbours.row_sums(neighbours.values)
    squares = neighbours.row_sums(neighbours.values**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        moran = (count - 1) / count * z * lag / m2
        expected = -(z**2) * total / ((count - 1) * m2)
        variance = (
            (z / m2) ** 2
            * (count / (count - 2))
            * (squares - total**2 / (count - 1))
            * (m2 - z**2 / (count - 1))
        )
        standard = (z * lag / m2 - expected) / np.sqrt(variance)
    if permutations:
        p_value = permuted_p(figures, neighbours, permutations, seed)
    else:
        p_value = 2.0 * stats.norm.sf(np.abs(standard))
    p_value = np.where(neighbours.islands | ~np.isfinite(standard), np.nan, p_value)
    q_value = false_discovery(p_value)
    high, high_lag = z > 0, lag > 0
    quadrant = np.select(
        [high & high_lag, ~high & ~high_lag, high & ~high_lag],
        ["high_high", "low_low", "high_low"],
        "low_high",
    )
    with np.errstate(invalid="ignore"):
        names = np.where(q_value <= 0.05, quadrant, "none").astype(object)
    names[neighbours.islands] = "island"
    return pd.DataFrame(
        {
            "value": figures,
            "moran_i": np.where(neighbours.islands, np.nan, moran),
            "expected_i": expected,
            "variance_i": variance,
            "p_value": p_value,
            "q_value": q_value,
            "class": names,
        },
        index=grids.index,
    )


def false_discovery(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the q-values of p-values by Benjamini and Hochberg.

    Parameters
    ----------
    p_values : numpy.ndarray of float, shape (n,)
        NaN for places that are not tested.

    Returns
    -------
    numpy.ndarray of float, shape (n,)
        NaN where `p_values` is NaN, which does not count as a test.

    Examples
    --------
    >>> import numpy as np
    >>> from geo.incidents.hot_spots import false_discovery
    >>> false_discovery(np.array([0.01, np.nan, 0.04])).tolist()
    [0.02, nan, 0.04]
    """
    out = np.full(len(p_values), np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        out[known] = stats.false_discovery_control(p_values[known])
    return out


def _figures(
    grids: GeoDataFrame, incidents: GeoDataFrame | None, values: ArrayLike | None
) -> NDArray[np.float64]:
    """Return the figure of each grid: given values, or the number of incidents."""
    require_metric(grids, located=incidents)
    if (incidents is None) == (values is None):
        raise ColumnError("give incidents to count, or values, one a grid")
    if len(grids) < 3:
        raise ColumnError(f"{len(grids)} grids are too few to compare; at least 3 are needed")
    if incidents is not None:
        position = grid_positions(grids, incidents)
        return np.bincount(position[position >= 0], minlength=len(grids)).astype(float)
    require_polygons(grids, "grids")
    figures = array_of([] if values is None else values, "values", grids.index, "grid")
    unknown = ~np.isfinite(figures)
    if unknown.any():
        raise ColumnError(
            "values must be known for every grid; leave out the grids without: "
            f"{name_rows(grids.index[unknown])}"
        )
    return figures


def _weights(grids: GeoDataFrame, weights: Weights | None) -> Weights:
    """Return the weights, checked to be of the grids; queen contiguity unless given."""
    if weights is None:
        return contiguity_weights(grids)
    if weights.count != len(grids):
        raise ColumnError(f"the weights are of {weights.count} places, the grids are {len(grids)}")
    return weights


def _classes(
    gi_star: NDArray[np.float64], q_value: NDArray[np.float64], islands: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """Return the class of each grid by side and q-value."""
    out = np.full(len(gi_star), "none", dtype=object)
    side = np.where(gi_star > 0, "hot_", "cold_").astype(object)
    for level, name in reversed(LEVELS):
        with np.errstate(invalid="ignore"):
            significant = q_value <= level
        out[significant] = side[significant] + name
    out[islands] = "island"
    return out
