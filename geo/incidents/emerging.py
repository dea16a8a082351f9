"""Emerging hot spots: clusters in space and time, classified by how they developed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from geo.errors import ColumnError
from geo.frames import figures_of
from geo.incidents.hot_spots import false_discovery
from geo.incidents.trends import mann_kendall

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

    from geo.incidents.weights import Weights

PERSISTENT_SHARE = 0.9
"""Share of the spans from which on a place is always hot."""


def space_time_hot_spots(cube: DataFrame, weights: Weights, *, back: int = 1) -> DataFrame:
    """Return Getis-Ord Gi* of each grid and span, with neighbours in space and in earlier spans.

    Parameters
    ----------
    cube : pandas.DataFrame
        Counts, one row per grid, one column per span, oldest first (see `space_time_cube`).
    weights : Weights
        Neighbours of the grids, in their order.
    back : int, default 1
        Number of earlier spans that are neighbours; the span itself always is.

    Returns
    -------
    pandas.DataFrame
        Gi* (standard deviations from the mean of the entire cube), rows and columns as in `cube`;
        NaN everywhere if all figures are equal.

    Raises
    ------
    ColumnError
        If the weights are of another number of grids, a figure is missing, or `back` is negative.

    Notes
    -----
    Gi* of [1]_ over grids times spans. The grid itself weighs 1, or the mean weight of its
    neighbours (see `hot_spots`).

    References
    ----------
    .. [1] J. K. Ord and A. Getis, "Local spatial autocorrelation statistics: distributional issues
       and an application", Geographical Analysis 27 (1995).

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, shapely, geo
    >>> cells = [shapely.box(x, 0, x + 1, 1) for x in range(5)]
    >>> weights = geo.contiguity_weights(gpd.GeoDataFrame(geometry=cells, crs=32650))
    >>> cube = pd.DataFrame([[9, 9], [0, 0], [0, 0], [0, 0], [0, 0]])
    >>> geo.space_time_hot_spots(cube, weights, back=0).round(2).iloc[0].tolist()
    [1.13, 1.13]
    """
    values = _cube(cube, weights)
    if back < 0:
        raise ColumnError("back must be 0 or more spans")
    grids, spans = values.shape
    own, first, second = weights.with_itself()
    by_span = own[:, None] * values
    for span in range(spans):
        by_span[:, span] += weights.lag(values[:, span])
    cumulative = np.cumsum(by_span, axis=1)
    near = cumulative.copy()
    near[:, back + 1 :] -= cumulative[:, : -back - 1]
    layers = np.minimum(np.arange(spans) + 1, back + 1)
    number = grids * spans
    weight, squares = np.outer(first, layers), np.outer(second, layers)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = values.std() * np.sqrt((number * squares - weight**2) / (number - 1))
        gi_star = (near - values.mean() * weight) / spread
    gi_star[~np.isfinite(gi_star)] = np.nan
    return pd.DataFrame(gi_star, index=cube.index, columns=cube.columns)


def emerging_hot_spots(
    cube: DataFrame, weights: Weights, *, back: int = 1, level: float = 0.05
) -> DataFrame:
    """Return the class of each grid by when it was a hot or cold spot.

    Parameters
    ----------
    cube : pandas.DataFrame
        As for `space_time_hot_spots`, at least four spans.
    weights : Weights
        As for `space_time_hot_spots`.
    back : int, default 1
        As for `space_time_hot_spots`.
    level : float, default 0.05
        False-discovery rate, over all grids and spans, up to which a span is hot or cold.

    Returns
    -------
    pandas.DataFrame
        On the index of `cube`: `class`; `hot_share` and `cold_share` of the spans; `gi_star` and
        `q_value` of the newest span; `since`, the first span of the run that it belongs to if it is
        hot or cold (NaT otherwise); `trend` and `slope` of Gi* (see `mann_kendall`).

        The classes, each with ``_hot`` or ``_cold`` (described for hot; the newest span must be hot
        unless stated otherwise; always means in at least nine spans of ten):

        - ``new``: hot in the newest span and never before.
        - ``consecutive``: one unbroken run of two or more hot spans up to the newest, none before,
          never cold.
        - ``intensifying``, ``persistent``, ``diminishing``: always hot, Gi* rising, without trend,
          falling.
        - ``sporadic``: hot on and off, never cold. ``oscillating``: hot on and off, at times cold.
        - ``historical``: always hot, but not in the newest span.

        ``island`` is a grid without neighbours, ``none`` everything else, including a place that
        was hot part of the time and no longer is.

    Raises
    ------
    ColumnError
        If the weights are of another number of grids, a figure is missing, `back` is negative,
        there are fewer than four spans, or `level` is not between 0 and 1.

    Notes
    -----
    Classes as in [1]_. The trend is that of Gi* of each span by itself (back = 0): windows that
    overlap would make a trend of independent figures. See docs/emerging_hot_spots.md.

    References
    ----------
    .. [1] Esri, "How Emerging Hot Spot Analysis works", ArcGIS Pro documentation.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, numpy as np, shapely, geo
    >>> cells = [shapely.box(x, y, x + 1, y + 1) for y in range(9) for x in range(9)]
    >>> grids = gpd.GeoDataFrame(geometry=cells, crs=32650)
    >>> cube = pd.DataFrame(np.tile([0, 1, 2], (81, 4)))
    >>> cube.loc[[0, 1, 9, 10], 11] = 40
    >>> geo.emerging_hot_spots(cube, geo.contiguity_weights(grids))["class"].iloc[0]
    'new_hot'
    """
    if not 0 < level < 1:
        raise ColumnError("level must be between 0 and 1; 0.05 is usual")
    gi_star = space_time_hot_spots(cube, weights, back=back).to_numpy()
    alone = gi_star if back == 0 else space_time_hot_spots(cube, weights, back=0).to_numpy()
    if np.isnan(gi_star).any():
        # All figures are equal: there is no cluster.
        gi_star, alone = np.zeros_like(gi_star), np.zeros_like(alone)
    q_value = false_discovery(2.0 * stats.norm.sf(np.abs(gi_star)).ravel())
    q_value = q_value.reshape(gi_star.shape)
    q_value[weights.islands] = np.nan
    with np.errstate(invalid="ignore"):
        significant = q_value <= level
    hot, cold = significant & (gi_star > 0), significant & (gi_star < 0)
    trend = mann_kendall(pd.DataFrame(alone, index=cube.index))
    rising, falling = trend["trend"] == "rising", trend["trend"] == "falling"
    direction = np.asarray(rising.astype(np.int64) - falling, np.int64)
    names = np.full(len(cube), "none", dtype=object)
    for flags, others, sign, side in ((cold, hot, -1, "cold"), (hot, cold, 1, "hot")):
        classes = _classes(flags, others, direction * sign)
        classified = classes != ""
        names[classified] = [f"{name}_{side}" for name in classes[classified]]
    names[weights.islands] = "island"
    newest = hot[:, -1] | cold[:, -1]
    run = np.where(hot[:, -1], _run(hot), _run(cold))
    since = pd.Series(cube.columns[len(cube.columns) - np.maximum(run, 1)], index=cube.index)
    return pd.DataFrame(
        {
            "class": names,
            "hot_share": hot.mean(axis=1),
            "cold_share": cold.mean(axis=1),
            "gi_star": gi_star[:, -1],
            "q_value": q_value[:, -1],
            "since": since.where(newest),
            "trend": trend["trend"],
            "slope": trend["slope"],
        },
        index=cube.index,
    )


def _run(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the number of spans up to the newest that are flagged without a break."""
    newest_first = flags[:, ::-1]
    length = np.argmin(newest_first, axis=1)
    return np.where(newest_first.all(axis=1), flags.shape[1], length)


def _classes(
    flags: NDArray[np.bool_], others: NDArray[np.bool_], direction: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Return the class of each place without its side, "" for none."""
    number, run = flags.sum(axis=1), _run(flags)
    newest = flags[:, -1]
    always = number >= PERSISTENT_SHARE * flags.shape[1]
    return np.select(
        [
            newest & (number == 1),
            newest & always & (direction > 0),
            newest & always & (direction < 0),
            newest & always,
            newest & others.any(axis=1),
            newest & (number == run),
            newest,
            always,
        ],
        [
            "new",
            "intensifying",
            "diminishing",
            "persistent",
            "oscillating",
            "consecutive",
            "sporadic",
            "historical",
        ],
        "",
    ).astype(object)


def _cube(cube: DataFrame, weights: Weights) -> NDArray[np.float64]:
    """Return the figures of a cube, checked to be of the places of the weights."""
    values = figures_of(cube, "figures")
    if weights.count != len(values):
        raise ColumnError(f"the weights are of {weights.count} places, the grids are {len(values)}")
    return values
