"""Counts of grids compared with an earlier period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from geo.errors import ColumnError
from geo.frames import local_times
from geo.incidents.locations import grid_positions
from geo.incidents.rates import counts_of
from geo.incidents.times import incident_moments, local_day

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame, Series

    from geo.incidents.times import Period


def compare_periods(
    now: Series, before: Series, *, days_now: float, days_before: float
) -> DataFrame:
    """Return whether each grid has more or fewer incidents than in an earlier period.

    Parameters
    ----------
    now : pandas.Series
        Counts by grid in the later period.
    before : pandas.Series
        Counts by grid in the earlier period, on the same index.
    days_now, days_before : float
        Lengths of the periods, days.

    Returns
    -------
    pandas.DataFrame
        On the index of `now`: `now`, `before`, `ratio` of the daily rates (NaN where there were
        none before), `ratio_low` and `ratio_high` (exact 95 % interval), `p_value` (exact,
        two-sided), `q_value` (Benjamini-Hochberg).

    Raises
    ------
    ColumnError
        If a count is negative or missing, the indexes differ, or a period has no length.

    Notes
    -----
    Given the sum of two Poisson counts, one of them is binomial [1]_; the interval of its share is
    that of Clopper and Pearson [2]_.

    References
    ----------
    .. [1] J. Przyborowski and H. Wilenski, "Homogeneity of results in testing samples from Poisson
       series", Biometrika 31 (1940).
    .. [2] C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in
       the case of the binomial", Biometrika 26 (1934).

    Examples
    --------
    >>> import pandas as pd, geo
    >>> now, before = pd.Series([30, 5]), pd.Series([12, 6])
    >>> table = geo.compare_periods(now, before, days_now=30, days_before=30)
    >>> [round(p, 3) for p in table["p_value"]]
    [0.008, 1.0]
    """
    first, second = counts_of(now, "now"), counts_of(before, "before")
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
    """Return each grid's incidents against the previous period, and the same period a year before.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons, metric CRS.
    incidents : geopandas.GeoDataFrame
        Points, same CRS, with times. Those known only within a span of more than a week do not
        count.
    period : tuple of pandas.Timestamp or str
        From (included) and to (excluded), days of the local calendar. Calendar months are compared
        with as many months before; any other period with as many days.
    timezone : str, default "Asia/Shanghai"
        IANA name of the zone in which days begin.

    Returns
    -------
    pandas.DataFrame
        On the index of `grids`: `count`; `previous` and `year_before` (counts then), each with
        `_ratio`, `_ratio_low`, `_ratio_high`, `_p_value`, `_q_value` appended (see
        `compare_periods`). All are NaN where the incidents do not reach back to the beginning of
        that period: missing records are not zero incidents. ``.attrs["periods"]`` has the first day
        and the day after the last of all three (texts such as 2026-03-01), ``.attrs["outside"]``
        the number of incidents outside all grids.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid is not a valid polygon, or an incident is not a point.
    ColumnError
        If the period is empty, or no incident has a time.

    Notes
    -----
    Changes from the previous period (环比) and from the same period a year before (同比), tested as
    in `compare_periods`.

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
        length = pd.DateOffset(months=(end.year - start.year) * 12 + end.month - start.month)
        before = (start - length, start)
    else:
        before = (start - (end - start), start)
    year = pd.DateOffset(years=1)
    spans = {
        "count": (start, end),
        "previous": before,
        "year_before": (start - year, end - year),
    }
    position = grid_positions(grids, incidents)
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
