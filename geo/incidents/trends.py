"""Change over time: space-time cube, trend by grid, hours of the week."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from geo.errors import ColumnError
from geo.frames import figures_of, local_times
from geo.incidents.aoristic import hours_covered, incident_spans, spread
from geo.incidents.hot_spots import false_discovery
from geo.incidents.locations import grid_positions
from geo.incidents.times import Period, incident_times, local_day
from geo.kernel_cache import kernel

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame


def space_time_cube(
    grids: GeoDataFrame,
    incidents: GeoDataFrame,
    *,
    days: int = 7,
    period: Period | None = None,
    aoristic: bool = False,
    timezone: str = "Asia/Shanghai",
) -> DataFrame:
    """Return the incidents by grid and span of days.

    Parameters
    ----------
    grids : geopandas.GeoDataFrame
        Polygons, metric CRS.
    incidents : geopandas.GeoDataFrame
        Points, same CRS, with times (see `incident_times`).
    days : int, default 7
        Length of a span, days.
    period : tuple of pandas.Timestamp or str, optional
        From (included) and to (excluded), days of the local calendar; that of the incidents unless
        given. Spans are counted back from its end, so that the newest one is full; what does not
        fill a span at the beginning is left out.
    aoristic : bool, default False
        Whether an incident known only within a span (occurred_from, occurred_to) is spread evenly
        over it; otherwise its begin counts.
    timezone : str, default "Asia/Shanghai"
        IANA name of the zone in which days begin.

    Returns
    -------
    pandas.DataFrame
        One row per grid, on the index of `grids`, one column per span (its first day, without a
        zone), oldest first, empty spans included: counts, or weights if they are spread.
        ``.attrs["outside"]`` is the number of incidents of the spans outside every grid.

    Raises
    ------
    CrsError
        If the inputs differ in CRS, or it is not metric.
    GeometryError
        If a grid is not a valid polygon, or an incident is not a point.
    ColumnError
        If `days` is below 1, no incident has a time, or the period is shorter than a span.

    Notes
    -----
    Aoristic weights after [1]_.

    References
    ----------
    .. [1] J. H. Ratcliffe and M. J. McCullagh, "Aoristic crime analysis", International Journal of
       Geographical Information Science 12 (1998).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> grids = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1000, 500)], crs=32650)
    >>> points = gpd.GeoDataFrame(
    ...     {"occurred_at": ["2026-01-01T09:00+08:00", "2026-01-09T09:00+08:00"]},
    ...     geometry=[shapely.Point(5, 5)] * 2, crs=32650)
    >>> cube = geo.space_time_cube(grids, points, period=("2026-01-01", "2026-01-15"))
    >>> cube.iloc[0].tolist()
    [1, 1]
    """
    if days < 1:
        raise ColumnError("days must be at least 1")
    local = local_times(incident_times(incidents), timezone)
    if period is None:
        known = local.dropna()
        if known.empty:
            raise ColumnError("no incident has a time; give occurred_at or reported_at")
        first, last = known.min().normalize(), known.max().normalize() + pd.Timedelta(days=1)
    else:
        first, last = (local_day(p, timezone) for p in period)
    count = (last - first).days // days
    if count < 1:
        raise ColumnError(
            f"the period from {first:%Y-%m-%d} to {last:%Y-%m-%d} holds no span of {days} days"
        )
    start = last - pd.Timedelta(days=days * count)
    begin, end = incident_spans(incidents, timezone)
    if not aoristic:
        end = begin
    position = grid_positions(grids, incidents)
    timed = np.isfinite(begin)
    first_day = (start - pd.Timestamp(0)).days
    edges = first_day + days * np.arange(count + 1, dtype=float)
    # Row len(grids) is for incidents outside every grid.
    row = np.where(position >= 0, position, len(grids))[timed]
    table = spread(begin[timed], end[timed], row, len(grids) + 1, edges)
    outside = float(table[-1].sum())
    if not aoristic:
        table = table.astype(np.int64)
    columns = pd.date_range(start, periods=count, freq=f"{days}D", name="from")
    out = pd.DataFrame(table[:-1], index=grids.index, columns=columns)
    out.attrs["outside"] = outside if aoristic else int(outside)
    return out


def mann_kendall(cube: DataFrame) -> DataFrame:
    """Return the trend of each row of a table over its columns.

    Parameters
    ----------
    cube : pandas.DataFrame
        Figures, one row per grid, at least four columns in the order of time (see
        `space_time_cube`).

    Returns
    -------
    pandas.DataFrame
        On the index of `cube`: `s` (rising less falling pairs), `z`, `p_value` (two-sided, normal
        with corrections for ties and continuity), `q_value` (Benjamini-Hochberg), `slope` (median
        of all pairwise slopes, per column), `trend`: ``rising`` or ``falling`` where q_value is at
        most 0.05, else ``none``.

    Raises
    ------
    ColumnError
        If there are fewer than four columns, or a figure is missing.

    Notes
    -----
    Mann-Kendall test [1]_, [2]_ and Sen's slope [3]_. Assumes that spans are independent: remove
    the season first, or compare full years. See docs/trends.md.

    References
    ----------
    .. [1] H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945).
    .. [2] M. G. Kendall, Rank Correlation Methods (1975).
    .. [3] P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of
       the American Statistical Association 63 (1968).

    Examples
    --------
    >>> import pandas as pd, geo
    >>> table = geo.mann_kendall(pd.DataFrame([[1, 2, 4, 5, 9, 11, 12], [3, 3, 2, 3, 3, 2, 3]]))
    >>> table["trend"].tolist(), table["s"].tolist()
    (['rising', 'none'], [21, -2])
    """
    values = figures_of(cube, "figures")
    if values.shape[1] < 4:
        raise ColumnError("a trend needs at least four spans")
    s, variance, slope = _kendall(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 0, (s - np.sign(s)) / np.sqrt(variance), 0.0)
    p_value = 2.0 * stats.norm.sf(np.abs(z))
    p_value[variance == 0] = 1.0
    q_value = false_discovery(p_value)
    trend = np.where(s > 0, "rising", "falling")
    return pd.DataFrame(
        {
            "s": s.astype(int),
            "z": z,
            "p_value": p_value,
            "q_value": q_value,
            "slope": slope,
            "trend": np.where(q_value <= 0.05, trend, "none").astype(object),
        },
        index=cube.index,
    )


def hours_of_week(
    incidents: GeoDataFrame, *, aoristic: bool = False, timezone: str = "Asia/Shanghai"
) -> DataFrame:
    """Return the incidents by weekday and hour of the local clock.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        With times (see `incident_times`); those without are left out.
    aoristic : bool, default False
        Whether an incident known only within a span (occurred_from, occurred_to) is spread evenly
        over it, with weight 1 in all; otherwise its begin counts.
    timezone : str, default "Asia/Shanghai"
        IANA name of the zone of the clock.

    Returns
    -------
    pandas.DataFrame
        Seven rows (0 is Monday) and 24 columns of counts, or of weights if they are spread. An
        incident known only to the day counts at hour 0.

    Raises
    ------
    ColumnError
        If incidents are to be spread and one ends before it begins.

    Notes
    -----
    Aoristic weights after [1]_.

    References
    ----------
    .. [1] J. H. Ratcliffe and M. J. McCullagh, "Aoristic crime analysis", International Journal of
       Geographical Information Science 12 (1998).

    Examples
    --------
    >>> import geopandas as gpd, geo
    >>> night = gpd.GeoDataFrame({
    ...     "occurred_from": ["2026-03-02T22:30+08:00"],
    ...     "occurred_to": ["2026-03-03T00:30+08:00"]}, geometry=[None], crs=32650)
    >>> table = geo.hours_of_week(night, aoristic=True)
    >>> [float(table.loc[day, hour]) for day, hour in ((0, 22), (0, 23), (1, 0))]
    [0.25, 0.5, 0.25]
    """
    if aoristic:
        begin, end = incident_spans(incidents, timezone)
        timed = np.isfinite(begin)
        cells = hours_covered(begin[timed], end[timed])
    else:
        local = local_times(incident_times(incidents).dropna(), timezone)
        hours = local.dt.day_of_week.to_numpy() * 24 + local.dt.hour.to_numpy()
        cells = np.bincount(hours.astype(np.int64), minlength=168)
    return pd.DataFrame(
        cells.reshape(7, 24),
        index=pd.Index(range(7), name="weekday"),
        columns=pd.Index(range(24), name="hour"),
    )


@kernel
def _kendall(values):
    """Return S, its variance with ties, and Sen's slope of each row."""
    rows, n = values.shape
    s = np.zeros(rows)
    variance = np.zeros(rows)
    slope = np.zeros(rows)
    slopes = np.empty(n * (n - 1) // 2)
    for r in range(rows):
        k = 0
        for i in range(n - 1):
            for j in range(i + 1, n):
                d = values[r, j] - values[r, i]
                s[r] += np.sign(d)
                slopes[k] = d / (j - i)
                k += 1
        ordered = np.sort(values[r])
        ties = 0.0
        run = 1
        for i in range(1, n + 1):
            if i < n and ordered[i] == ordered[i - 1]:
                run += 1
            else:
                ties += run * (run - 1.0) * (2.0 * run + 5.0)
                run = 1
        variance[r] = (n * (n - 1.0) * (2.0 * n + 5.0) - ties) / 18.0
        slope[r] = np.median(slopes)
    return s, variance, slope
