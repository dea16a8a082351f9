"""Where high or low figures gather more than chance would have it."""

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
from geo.incidents.locations import grid_of
from geo.incidents.weights import Weights, contiguity

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame

LEVELS = ((0.01, "99"), (0.05, "95"), (0.10, "90"))
"""False-discovery rates and how their classes are named (hot_99, cold_95 and so on)."""


def hot_spots(
    grids: GeoDataFrame,
    incidents: GeoDataFrame | None = None,
    *,
    values: ArrayLike | None = None,
    weights: Weights | None = None,
    permutations: int = 0,
    seed: int = 1,
) -> DataFrame:
    """Getis-Ord Gi* of each grid, with the false-discovery rate held.

    Parameters
    ----------
    grids : polygons, metric CRS.
    incidents : points, same CRS, counted by grid; or
    values : one figure a grid instead (a rate, for instance); NaN is not allowed.
    weights : neighbours, from `contiguity`, `within_distance` or `nearest`; queen contiguity unless
        given. The grid itself always counts, with weight 1 (or the mean weight of its neighbours
        where they have others).
    permutations : 0 for the closed form (normal), else how many conditional permutations give p.
    seed : of the permutations.

    Returns
    -------
    One row a grid, on the index of `grids`: `value`; `gi_star` (standard deviations, NaN where all
    figures are equal); `p_value` (two-sided); `q_value` (Benjamini-Hochberg over all grids that
    have neighbours); `class`: ``hot_99``, ``hot_95``, ``hot_90``, ``cold_99``, ``cold_95``,
    ``cold_90`` by q_value, ``none``, or ``island`` for a grid without neighbours, which is not
    tested.

    Raises
    ------
    CrsError, GeometryError : as `grid_of`.
    ColumnError : neither or both of incidents and values, wrong length, NaN, under three grids.

    Notes
    -----
    J. K. Ord and A. Getis, "Local spatial autocorrelation statistics", Geographical Analysis 27
    (1995); Y. Benjamini and Y. Hochberg, JRSS B 57 (1995). See docs/hot_spots.md.

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
    near = _weights(grids, weights)
    count = len(figures)
    own, first, second = near.with_itself()
    deviation = figures.std()
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = deviation * np.sqrt((count * second - first**2) / (count - 1))
        gi_star = (near.lag(figures) + own * figures - figures.mean() * first) / spread
    gi_star[~np.isfinite(gi_star)] = np.nan
    if permutations:
        p_value = permuted_p(figures, near, permutations, seed)
    else:
        p_value = 2.0 * stats.norm.sf(np.abs(gi_star))
    p_value = np.where(near.islands | np.isnan(gi_star), np.nan, p_value)
    q_value = false_discovery(p_value)
    return pd.DataFrame(
        {
            "value": figures,
            "gi_star": gi_star,
            "p_value": p_value,
            "q_value": q_value,
            "class": _classes(gi_star, q_value, near.islands),
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
    """Local Moran's I of each grid: clusters of like figures, and figures unlike their neighbours'.

    Parameters
    ----------
    grids, incidents, values, weights, permutations, seed : as for `hot_spots`; weights are
        standardised by row, the grid itself does not count.

    Returns
    -------
    One row a grid, on the index of `grids`: `value`, `moran_i`, `expected_i` and `variance_i`
    (conditional randomisation), `p_value` (two-sided), `q_value`, `class`: ``high_high``,
    ``low_low``, ``high_low``, ``low_high`` where q_value is at most 0.05, ``none``, ``island``.

    Raises
    ------
    As `hot_spots`.

    Notes
    -----
    L. Anselin, "Local indicators of spatial association", Geographical Analysis 27 (1995); moments
    of R. R. Sokal, N. L. Oden and B. A. Thomson, Geographical Analysis 30 (1998).
    """
    figures = _figures(grids, incidents, values)
    near = _weights(grids, weights).standardised()
    count = len(figures)
    z = figures - figures.mean()
    m2 = (z @ z) / count
    lag = near.lag(z)
    total = near.row_sums(near.values)
    squares = near.row_sums(near.values**2)
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
        p_value = permuted_p(figures, near, permutations, seed)
    else:
        p_value = 2.0 * stats.norm.sf(np.abs(standard))
    p_value = np.where(near.islands | ~np.isfinite(standard), np.nan, p_value)
    q_value = false_discovery(p_value)
    high, beside = z > 0, lag > 0
    quadrant = np.select(
        [high & beside, ~high & ~beside, high & ~beside],
        ["high_high", "low_low", "high_low"],
        "low_high",
    )
    with np.errstate(invalid="ignore"):
        names = np.where(q_value <= 0.05, quadrant, "none").astype(object)
    names[near.islands] = "island"
    return pd.DataFrame(
        {
            "value": figures,
            "moran_i": np.where(near.islands, np.nan, moran),
            "expected_i": expected,
            "variance_i": variance,
            "p_value": p_value,
            "q_value": q_value,
            "class": names,
        },
        index=grids.index,
    )


def false_discovery(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini-Hochberg q-values; NaN stays out of the count and stays NaN."""
    out = np.full(len(p_values), np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        out[known] = stats.false_discovery_control(p_values[known])
    return out


def _figures(
    grids: GeoDataFrame, incidents: GeoDataFrame | None, values: ArrayLike | None
) -> NDArray[np.float64]:
    require_metric(grids, located=incidents)
    if (incidents is None) == (values is None):
        raise ColumnError("give incidents to count, or values, one a grid")
    if len(grids) < 3:
        raise ColumnError(f"{len(grids)} grids are too few to compare; at least 3 are needed")
    if incidents is not None:
        position = grid_of(grids, incidents)
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
    if weights is None:
        return contiguity(grids)
    if weights.count != len(grids):
        raise ColumnError(f"the weights are of {weights.count} places, the grids are {len(grids)}")
    return weights


def _classes(
    gi_star: NDArray[np.float64], q_value: NDArray[np.float64], islands: NDArray[np.bool_]
) -> NDArray[np.object_]:
    out = np.full(len(gi_star), "none", dtype=object)
    side = np.where(gi_star > 0, "hot_", "cold_").astype(object)
    for level, name in reversed(LEVELS):
        with np.errstate(invalid="ignore"):
            found = q_value <= level
        out[found] = side[found] + name
    out[islands] = "island"
    return out
