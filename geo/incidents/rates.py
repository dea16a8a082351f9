"""Rates that can be compared: smoothed for small populations, ranked with an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from geo.errors import ColumnError, name_rows
from geo.frames import array_of, numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series


def empirical_bayes(counts: Series, population: ArrayLike) -> Series:
    """Return rates smoothed towards the overall rate, the more the fewer people a grid has.

    Parameters
    ----------
    counts : pandas.Series
        Incidents by grid, whole numbers, 0 or more.
    population : array_like of float
        People (or another base) by grid, 0 or more, in the order of `counts`.

    Returns
    -------
    pandas.Series
        `eb_rate`, incidents per head, on the index of `counts`; the overall rate where nobody
        lives.

    Raises
    ------
    ColumnError
        If a count or population is negative or missing, or nobody lives anywhere.

    Notes
    -----
    Global empirical Bayes estimator of [1]_: moments of a prior common to all grids. See
    docs/rates.md.

    References
    ----------
    .. [1] R. J. Marshall, "Mapping disease and mortality rates using empirical Bayes estimators",
       Applied Statistics 40 (1991).

    Examples
    --------
    >>> import pandas as pd, geo
    >>> smoothed = geo.empirical_bayes(pd.Series([1, 40, 60]), [10, 2000, 2500])
    >>> bool(smoothed.iloc[0] < 1 / 10)
    True
    """
    events, base = _counts(counts, population)
    rate = events.sum() / base.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = np.where(base > 0, events / base, rate)
    variance = (base * (raw - rate) ** 2).sum() / base.sum()
    prior = max(variance - rate / base.mean(), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shrinkage = np.where(base > 0, prior / (prior + rate / base), 0.0)
    shrinkage = np.nan_to_num(shrinkage)
    return pd.Series(shrinkage * raw + (1.0 - shrinkage) * rate, index=counts.index, name="eb_rate")


def rank_intervals(
    counts: Series, population: ArrayLike, *, draws: int = 2000, seed: int = 1
) -> DataFrame:
    """Return the rank of each grid by its rate, with an interval.

    Parameters
    ----------
    counts : pandas.Series
        As for `empirical_bayes`.
    population : array_like of float
        As for `empirical_bayes`.
    draws : int, default 2000
        Number of simulations of the rates.
    seed : int, default 1
        Seed of the random numbers; the same seed gives the same intervals.

    Returns
    -------
    pandas.DataFrame
        On the index of `counts`: `rate` (per head), `rank` (1 is the highest; equal rates share the
        best), `rank_p05` and `rank_p95` (5 and 95 % quantiles). NaN where nobody lives.

    Raises
    ------
    ColumnError
        If a count or population is negative or missing, or nobody lives anywhere.

    Notes
    -----
    Rates are drawn from their gamma posterior under Jeffreys' prior, with shape count + 1/2 and
    rate population; ranks with intervals after [1]_.

    References
    ----------
    .. [1] H. Goldstein and D. J. Spiegelhalter, "League tables and their limitations", Journal of
       the Royal Statistical Society A 159 (1996).

    Examples
    --------
    >>> import pandas as pd, geo
    >>> geo.rank_intervals(pd.Series([50, 5, 20]), [1000, 1000, 1000])["rank"].tolist()
    [1.0, 3.0, 2.0]
    """
    events, base = _counts(counts, population)
    inhabited = base > 0
    random = np.random.default_rng(seed)
    drawn = (
        random.gamma(events[inhabited] + 0.5, size=(draws, int(inhabited.sum()))) / base[inhabited]
    )
    drawn_ranks = stats.rankdata(-drawn, axis=1)
    low, high = np.quantile(drawn_ranks, [0.05, 0.95], axis=0, method="nearest")
    out = pd.DataFrame(np.nan, index=counts.index, columns=["rate", "rank", "rank_p05", "rank_p95"])
    out.loc[inhabited, "rate"] = events[inhabited] / base[inhabited]
    out.loc[inhabited, "rank"] = stats.rankdata(-events[inhabited] / base[inhabited], method="min")
    out.loc[inhabited, "rank_p05"] = low
    out.loc[inhabited, "rank_p95"] = high
    return out


def _counts(
    counts: Series, population: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return counts and population of the grids, checked."""
    events = counts_of(counts, "counts")
    base = array_of(population, "population", counts.index, "grid")
    bad = ~(base >= 0) | np.isinf(base)
    if bad.any():
        raise ColumnError(
            f"population must be known and 0 or more; correct {name_rows(counts.index[bad])}"
        )
    if not base.sum() > 0:
        raise ColumnError("nobody lives in any grid; give the population")
    return events, base


def counts_of(counts: Series, name: str) -> NDArray[np.float64]:
    """Return counts as floats, checked to be whole numbers.

    Parameters
    ----------
    counts : pandas.Series
        Counts by grid.
    name : str
        What they are, for the error message.

    Returns
    -------
    numpy.ndarray of float
        One per grid.

    Raises
    ------
    ColumnError
        If one is missing, negative, fractional or above 2^53; the rows are named.

    Examples
    --------
    >>> import pandas as pd
    >>> from geo.incidents.rates import counts_of
    >>> counts_of(pd.Series([1, 2]), "counts").tolist()
    [1.0, 2.0]
    """
    values = numbers(counts, name)
    # Beyond 2^53 doubles are not whole numbers any more.
    bad = ~((values >= 0) & (values <= 2.0**53) & (np.floor(values) == values))
    if bad.any():
        raise ColumnError(
            f"{name} must be whole numbers, 0 or more, one a grid; "
            f"correct {name_rows(counts.index[bad])}"
        )
    return values
