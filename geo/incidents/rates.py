"""Rates that can be compared: smoothed for small grids, ranked with an interval, against a period before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from geo.errors import ColumnError, name_rows
from geo.frames import array_of, local_times, numbers
from geo.incidents.density import grid_of, incident_moments, local_day

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series

    from geo.incidents.density import Period


def empirical_bayes(counts: Series, population: ArrayLike) -> Series:
    """Rates drawn towards the overall rate, the more so the fewer people a grid has.

    Parameters
    ----------
    counts : incidents by grid, 0 or more.
    population : people (or another base) by grid, 0 or more, in the order of `counts`.

    Returns
    -------
    Incidents per head on the index of `counts`; the overall rate where nobody lives.

    Raises
    ------
    ColumnError : a count or a population is negative or missing, or nobody lives anywhere.

    Notes
    -----
    R. J. Marshall, "Mapping disease and mortality rates using empirical Bayes estimators", Applied
    Statistics 40 (1991): moments of a prior common to all grids. See docs/rates.md.

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
    spread = (base * (raw - rate) ** 2).sum() / base.sum()
    prior = max(spread - rate / base.mean(), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        trust = np.where(base > 0, prior / (prior + rate / base), 0.0)
    trust = np.nan_to_num(trust)
    return pd.Series(trust * raw + (1.0 - trust) * rate, index=counts.index, name="eb_rate")


def ranks(counts: Series, population: ArrayLike, *, draws: int = 2000, seed: int = 1) -> DataFrame:
    """Rank of each grid by its rate, with what chance leaves open.

    Parameters
    ----------
    counts, population : as for `empirical_bayes`.
    draws : how often the rates are drawn from what the counts leave possible.
    seed : of the draws.

    Returns
    -------
    On the index of `counts`: `rate` (per head), `rank` (1 is the highest; equal rates share the
    best), `rank_p05` and `rank_p95`. Grids where nobody lives have NaN.

    Raises
    ------
    As `empirical_bayes`.

    Notes
    -----
    Rates are drawn from their gamma posterior under Jeffreys' prior, count + 1/2 over the
    population; H. Goldstein and D. J. Spiegelhalter, JRSS A 159 (1996), on ranks with intervals.
    """
    events, base = _counts(counts, population)
    there = base > 0
    random = np.random.default_rng(seed)
    drawn = random.gamma(events[there] + 0.5, size=(draws, int(there.sum()))) / base[there]
    places = stats.rankdata(-drawn, axis=1)
    low, high = np.quantile(places, [0.05, 0.95], axis=0, method="nearest")
    out = pd.DataFrame(np.nan, index=counts.index, columns=["rate", "rank", "rank_p05", "rank_p95"])
    out.loc[there, "rate"] = events[there] / base[there]
    out.loc[there, "rank"] = stats.rankdata(-events[there] / base[there], method="min")
    out.loc[there, "rank_p05"] = low
    out.loc[there, "rank_p95"] = high
    return out


def compare_periods(
    now: Series, before: Series, *, days_now: float, days_before: float
) -> DataFrame:
    """Whether each grid has more or fewer incidents than in a period before.

    Parameters
    ----------
    now, before : counts by grid, one index.
    days_now, days_before : lengths of the periods.

    Returns
    -------
    On the index of `now`: `now`, `before`, `ratio` of the daily rates (NaN where there were none
    before), `ratio_low` and `ratio_high` (exact 95 % interval), `p_value` (exact, two-sided),
    `q_value` (Benjamini-Hochberg).

    Raises
    ------
    ColumnError : a count is negative or missing, the indexes differ, or a period has no length.

    Notes
    -----
    Given the sum of two Poisson counts, one is binomial (J. Przyborowski and H. Wilenski, Biometrika
    31, 1940); interval of C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), for its share.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> table = geo.compare_periods(pd.Series([30, 5]), pd.Series([12, 6]), days_now=30, days_before=30)
    >>> [round(p, 3) for p in table["p_value"]]
    [0.008, 1.0]
    """
    first, second = _numbers(now, "now"), _numbers(before, "before")
    if not now.index.equals(before.index):
        raise ColumnError("both periods must be counted on the same grids, in the same order")
    if not (days_now > 0 and days_before > 0):
        raise ColumnError("both periods must last more than 0 days")
    share = days_now / (days_now + days_before)
    total = (first + second).astype(int)
    pairs, which = np.unique(np.column_stack([first, total]), axis=0, return_inverse=True)
    exact = [stats.binomtest(int(k), int(n), share).pvalue if n else 1.0 for k, n in pairs]
    p_value = np.array(exact)[which.ravel()]
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(first > 0, stats.beta.ppf(0.025, first, second + 1), 0.0)
        high = np.where(second > 0, stats.beta.ppf(0.975, first + 1, second), 1.0)
        scale = days_before / days_now
        ratio = np.where(second > 0, first / second * scale, np.nan)
        ratio_low, ratio_high = low / (1 - low) * scale, high / (1 - high) * scale
    empty = total == 0
    return pd.DataFrame(
        {
            "now": first.astype(np.int64),
            "before": second.astype(np.int64),
            "ratio": ratio,
            "ratio_low": np.where(empty, 0.0, ratio_low),
            "ratio_high": np.where(empty, np.inf, ratio_high),
            "p_value": p_value,
            "q_value": stats.false_discovery_control(p_value) if len(p_value) else p_value,
        },
        index=now.index,
    )


def compare_with_past(
    grids: GeoDataFrame,
    incidents: GeoDataFrame,
    period: Period,
    *,
    timezone: str = "Asia/Shanghai",
) -> DataFrame:
    """Each grid's incidents against the period just before, and the same a year before.

    Parameters
    ----------
    grids, incidents : as for `grid_of`; incidents with times (see `incident_moments`).
    period : from (included) and to (excluded), days of the local calendar. Whole calendar months
        are set against as many whole months before; any other span against as many days.
    timezone : in which a day begins.

    Returns
    -------
    On the index of `grids`: `count`; and for both `previous` and `year_before` the count then
    (under that name), and `_ratio`, `_ratio_low`, `_ratio_high`, `_p_value`, `_q_value` after it
    (see `compare_periods`), all NaN where the incidents do not reach back to the beginning of
    that period: no record is not the same as no incident. ``.attrs["periods"]`` are first day and
    the day after the last one of the three (texts such as 2026-03-01), ``.attrs["outside"]`` the incidents outside all grids.

    Raises
    ------
    CrsError, GeometryError : as `grid_of`.
    ColumnError : the period is empty, or no incident has a time.

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1000, 500)], crs=32650)
    >>> points = gpd.GeoDataFrame(
    ...     {"occurred_at": ["2026-01-01T09:00+08:00"] + ["2026-02-05T09:00+08:00"] * 8},
    ...     geometry=[shapely.Point(5, 5)] * 9, crs=32650)
    >>> table = geo.compare_with_past(grids, points, ("2026-02-01", "2026-03-01"))
    >>> int(table["count"].iloc[0]), round(float(table["previous_ratio"].iloc[0]), 2)
    (8, 8.86)
    """
    start, end = (local_day(p, timezone) for p in period)
    if not start < end:
        raise ColumnError(f"the period from {start:%Y-%m-%d} to {end:%Y-%m-%d} is empty")
    local = local_times(incident_moments(incidents), timezone)
    if local.isna().all():
        raise ColumnError("no incident has a time; give occurred_at or reported_at")
    if start.day == end.day == 1:
        back = pd.DateOffset(months=(end.year - start.year) * 12 + end.month - start.month)
        before = (start - back, start)
    else:
        before = (start - (end - start), start)
    year = pd.DateOffset(years=1)
    spans = {"count": (start, end), "previous": before, "year_before": (start - year, end - year)}
    position = grid_of(grids, incidents)
    counts: dict[str, Series] = {}
    outside = 0
    for name, (first, last) in spans.items():
        inside = ((local >= first) & (local < last)).to_numpy()
        number = np.bincount(position[inside & (position >= 0)], minlength=len(grids))
        counts[name] = pd.Series(number, index=grids.index)
        if name == "count":
            outside = int((inside & (position < 0)).sum())
    out = pd.DataFrame({"count": counts["count"]}, index=grids.index)
    earliest = local.min().normalize()
    for name in ("previous", "year_before"):
        first, last = spans[name]
        known = earliest <= first
        table = compare_periods(
            counts["count"],
            counts[name],
            days_now=(end - start) / pd.Timedelta(days=1),
            days_before=(last - first) / pd.Timedelta(days=1),
        )
        out[name] = table["before"].astype(float) if known else np.nan
        for figure in ("ratio", "ratio_low", "ratio_high", "p_value", "q_value"):
            out[f"{name}_{figure}"] = table[figure] if known else np.nan
    out.attrs["periods"] = {
        name: [f"{day:%Y-%m-%d}" for day in span] for name, span in spans.items()
    }
    out.attrs["outside"] = outside
    return out


def _counts(
    counts: Series, population: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    events = _numbers(counts, "counts")
    base = array_of(population, "population", counts.index, "grid")
    bad = ~(base >= 0) | np.isinf(base)
    if bad.any():
        raise ColumnError(
            f"population must be known and 0 or more; mend {name_rows(counts.index[bad])}"
        )
    if not base.sum() > 0:
        raise ColumnError("nobody lives in any grid; give the population")
    return events, base


def _numbers(counts: Series, name: str) -> NDArray[np.float64]:
    values = numbers(counts, name)
    # Beyond 2^53 doubles are not whole numbers any more.
    bad = ~((values >= 0) & (values <= 2.0**53) & (np.floor(values) == values))
    if bad.any():
        raise ColumnError(
            f"{name} must be whole numbers, 0 or more, one a grid; mend {name_rows(counts.index[bad])}"
        )
    return values
