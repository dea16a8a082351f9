"""Emerging hot spots: where figures gather in space and time, and how that came about."""

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

MOSTLY = 0.9
"""Share of the spans from which on a place counts as hot all the time."""


def space_time_hot_spots(cube: DataFrame, weights: Weights, *, back: int = 1) -> DataFrame:
    """Getis-Ord Gi* of each grid and span, its neighbours those in space and in the spans before.

    Parameters
    ----------
    cube : counts, one row a grid, one column a span, oldest first (see `space_time_cube`).
    weights : neighbours of the grids, in their order.
    back : how many spans before count as near, the span itself always does.

    Returns
    -------
    Gi* (standard deviations from the mean of the whole cube), rows and columns as in `cube`; NaN
    in all of it where all figures are equal.

    Raises
    ------
    ColumnError : weights of another number of grids, a figure missing, or back below 0.

    Notes
    -----
    J. K. Ord and A. Getis, Geographical Analysis 27 (1995), over grids times spans. The grid itself
    weighs 1, or the mean weight of its neighbours (see `hot_spots`).
    """
    values = _cube(cube, weights)
    if back < 0:
        raise ColumnError("back must be 0 or more spans")
    grids, spans = values.shape
    own, first, second = weights.with_itself()
    around = own[:, None] * values
    for k in range(spans):
        around[:, k] += weights.lag(values[:, k])
    summed = np.cumsum(around, axis=1)
    near = summed.copy()
    near[:, back + 1 :] -= summed[:, : -back - 1]
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
    """Class of each grid by when it was a hot or cold spot.

    Parameters
    ----------
    cube, weights, back : as for `space_time_hot_spots`; at least four spans.
    level : false-discovery rate, over all grids and spans, up to which a span counts as hot or
        cold.

    Returns
    -------
    On the index of `cube`: `class`; `hot_share` and `cold_share` of the spans; `gi_star` and
    `q_value` of the newest span; `since`, the first span of the run that it is part of if it is
    hot or cold (NaT otherwise); `trend` and `slope` of Gi* (see `mann_kendall`).

    The classes, each ``_hot`` or ``_cold`` (told for hot; the newest span must be hot unless said
    otherwise; all the time means at least nine spans in ten):

    - ``new``: hot in the newest span and never before.
    - ``consecutive``: one unbroken run of two or more hot spans up to the newest, none before,
      never cold.
    - ``intensifying``, ``persistent``, ``diminishing``: hot all the time, Gi* rising, without
      trend, falling.
    - ``sporadic``: hot on and off, never cold. ``oscillating``: hot on and off, cold at times.
    - ``historical``: hot all the time, but not in the newest span.

    ``none`` is everything else: also a place that was hot for some of the time and no longer is.

    Raises
    ------
    ColumnError : as `space_time_hot_spots`; fewer than four spans, or level not between 0 and 1.

    Notes
    -----
    Classes as in Esri's Emerging Hot Spot Analysis. The trend is taken of Gi* of each span by
    itself (back = 0): windows that overlap would make a trend out of nothing. See docs/emerging_hot_spots.md.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, numpy as np, shapely, geo
    >>> cells = [shapely.box(x, y, x + 1, y + 1) for y in range(9) for x in range(9)]
    >>> grids = gpd.GeoDataFrame(geometry=cells, crs=32650)
    >>> cube = pd.DataFrame(np.tile([0, 1, 2], (81, 4)))
    >>> cube.loc[[0, 1, 9, 10], 11] = 40
    >>> geo.emerging_hot_spots(cube, geo.contiguity(grids))["class"].iloc[0]
    'new_hot'
    """
    if not 0 < level < 1:
        raise ColumnError("level must be between 0 and 1; 0.05 is usual")
    gi_star = space_time_hot_spots(cube, weights, back=back).to_numpy()
    alone = gi_star if back == 0 else space_time_hot_spots(cube, weights, back=0).to_numpy()
    if np.isnan(gi_star).any():
        # All figures are equal: nothing gathers anywhere.
        gi_star, alone = np.zeros_like(gi_star), np.zeros_like(alone)
    q_value = false_discovery(2.0 * stats.norm.sf(np.abs(gi_star)).ravel())
    q_value = q_value.reshape(gi_star.shape)
    q_value[weights.islands] = np.nan
    with np.errstate(invalid="ignore"):
        found = q_value <= level
    hot, cold = found & (gi_star > 0), found & (gi_star < 0)
    trend = mann_kendall(pd.DataFrame(alone, index=cube.index))
    rising, falling = trend["trend"] == "rising", trend["trend"] == "falling"
    way = np.asarray(rising.astype(np.int64) - falling, np.int64)
    names = np.full(len(cube), "none", dtype=object)
    for flags, others, sign, side in ((cold, hot, -1, "cold"), (hot, cold, 1, "hot")):
        kind = _classes(flags, others, way * sign)
        named = kind != ""
        names[named] = [f"{k}_{side}" for k in kind[named]]
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
    """How many spans up to the newest are flagged without a break."""
    behind = flags[:, ::-1]
    return np.where(behind.all(axis=1), flags.shape[1], np.argmin(behind, axis=1))


def _classes(
    flags: NDArray[np.bool_], others: NDArray[np.bool_], way: NDArray[np.int64]
) -> NDArray[np.object_]:
    number, run = flags.sum(axis=1), _run(flags)
    newest = flags[:, -1]
    mostly = number >= MOSTLY * flags.shape[1]
    return np.select(
        [
            newest & (number == 1),
            newest & mostly & (way > 0),
            newest & mostly & (way < 0),
            newest & mostly,
            newest & others.any(axis=1),
            newest & (number == run),
            newest,
            mostly,
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
    values = figures_of(cube, "figures")
    if weights.count != len(values):
        raise ColumnError(f"the weights are of {weights.count} places, the grids are {len(values)}")
    return values
