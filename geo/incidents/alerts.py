"""Alerts: expected counts by grid and season, and departures from them by CUSUM."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from geo.errors import ColumnError, name_rows
from geo.frames import figures_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame, DatetimeIndex

Season = Literal["month", "quarter", "weekday"]
_CYCLE = {"month": 12, "quarter": 4, "weekday": 7}


def seasonal_expectation(
    cube: DataFrame, *, by: Season = "month", learn: int | None = None
) -> DataFrame:
    """Return the expected count of each grid and span: level of the grid times season.

    Parameters
    ----------
    cube : pandas.DataFrame
        Counts by grid and span (see `space_time_cube`); the columns are first days.
    by : {"month", "quarter", "weekday"}, default "month"
        Season: ``month`` or ``quarter`` of the year (of the middle of the span), or ``weekday``
        where spans are days.
    learn : int, optional
        Number of oldest spans to learn from; all unless given. They should be full years (weeks for
        ``weekday``): the oldest part that does not fill one is left out.

    Returns
    -------
    pandas.DataFrame
        Expected counts, rows and columns as in `cube`. A season that does not occur in the learnt
        spans is taken for an average one. Over full cycles the expected counts of each grid, and of
        each season, sum to the observed ones.

    Raises
    ------
    ColumnError
        If columns are not days, there is less than a full cycle to learn from, or a figure is
        missing or negative.

    Notes
    -----
    Poisson regression on grid and season; as every grid has every span, its maximum-likelihood fit
    has a closed form: row total times share of the season. Assumes that all grids share the season,
    and no trend beyond it. See docs/alerts.md.

    Examples
    --------
    >>> import pandas as pd, geo
    >>> days = pd.date_range("2026-01-05", periods=14, freq="D")
    >>> cube = pd.DataFrame([[8, 1, 1, 1, 1, 1, 1] * 2], columns=days)
    >>> geo.seasonal_expectation(cube, by="weekday").iloc[0, :3].round(6).tolist()
    [8.0, 1.0, 1.0]
    """
    counts = _figures(cube)
    if not isinstance(cube.columns, pd.DatetimeIndex):
        raise ColumnError("the columns must be the first days of the spans, as space_time_cube has")
    learn = counts.shape[1] if learn is None else learn
    days = cube.columns
    width = days[1] - days[0] if len(days) > 1 else pd.Timedelta(days=7)
    season = _season(days + width / 2, by)
    used = _whole_cycles(days[:learn], width, by)
    if not used.any():
        cycle = "week" if by == "weekday" else "year"
        raise ColumnError(f"a season needs at least a whole {cycle} to learn from")
    past, past_season = counts[:, :learn][:, used], season[:learn][used]
    number = np.bincount(past_season, minlength=_CYCLE[by])
    total = np.bincount(past_season, past.sum(axis=0), _CYCLE[by])
    mean = total.sum() / len(past_season)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where((number > 0) & (mean > 0), total / number / mean, 1.0)
    level = past.mean(axis=1)
    return pd.DataFrame(np.outer(level, factor[season]), index=cube.index, columns=cube.columns)


def cusum(
    cube: DataFrame,
    *,
    expected: DataFrame | None = None,
    watch: int | None = None,
    ratio: float = 2.0,
    quiet_spans: float = 520.0,
) -> DataFrame:
    """Return the grids that depart from their expectation, by a cumulative sum of evidence.

    Parameters
    ----------
    cube : pandas.DataFrame
        Counts by grid and span, oldest first (see `space_time_cube`).
    expected : pandas.DataFrame, optional
        Expected counts of the same shape (see `seasonal_expectation`); unless given the mean of
        each grid's spans before the monitored ones.
    watch : int, optional
        Number of newest spans that are monitored; a quarter of all unless given.
    ratio : float, default 2
        Change to detect soonest, as a ratio of rates: above 1 for a rise, below 1 for a fall.
    quiet_spans : float, default 520
        Mean number of spans between two false alerts of one grid, at least, where the expectation
        is right (520 weeks are ten years).

    Returns
    -------
    pandas.DataFrame
        On the index of `cube`: `score` of the newest span, `threshold`, `alert` (whether that score
        reaches it), `since` (first span of the current rise, NaT where the score is 0), `observed`
        and `expected` over the spans from `since` on (over all monitored spans where the score is
        0), `alerts` (number of alerts in the monitored spans; the sum restarts after each).

    Raises
    ------
    ColumnError
        If no span is left to learn from, a figure is missing or negative, `expected` has another
        shape, or `ratio` or `quiet_spans` is out of range.

    Notes
    -----
    Likelihood-ratio CUSUM [1]_ of Poisson counts x with expectation m [2]_: S = max(0, S + x ln r -
    m (r - 1)). With the threshold ln(quiet spans) false alerts are on average at least so far apart
    [3]_. Half an incident is added to the counts that the expectation rests on, so that a grid that
    never had any does not raise an alert at its first. See docs/alerts.md.

    References
    ----------
    .. [1] E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954).
    .. [2] J. M. Lucas, "Counted data CUSUM's", Technometrics 27 (1985).
    .. [3] G. Lorden, "Procedures for reacting to a change in distribution", Annals of Mathematical
       Statistics 42 (1971).

    Examples
    --------
    >>> import pandas as pd, geo
    >>> weeks = pd.DataFrame([[3, 2, 4, 3, 2, 4, 3, 3, 9, 10], [3, 2, 4, 3, 2, 4, 3, 3, 4, 2]])
    >>> geo.cusum(weeks, watch=2)["alert"].tolist()
    [True, False]
    """
    values = _figures(cube)
    spans = values.shape[1]
    watch = max(spans // 4, 1) if watch is None else watch
    if not 1 <= watch < spans:
        raise ColumnError(f"watch must be from 1 to {spans - 1} spans, so that a past is left")
    if not (ratio > 0 and ratio != 1):
        raise ColumnError("ratio must be above 0 and not 1: 2 finds a doubling, 0.5 a halving")
    if not quiet_spans > 1:
        raise ColumnError("quiet_spans must be above 1; 520 weeks are ten years")
    if expected is None:
        past = values[:, :-watch]
        mean = (past.sum(axis=1) + 0.5) / past.shape[1]
        model = np.repeat(mean[:, None], watch, axis=1)
    else:
        if expected.shape != cube.shape:
            raise ColumnError(f"expected must have the shape of the cube, {cube.shape}")
        # A grid that never had any must not raise an alert at its first.
        model = _figures(expected)[:, -watch:] + 0.5 / (spans - watch)
    threshold = math.log(quiet_spans)
    observed = values[:, -watch:]
    evidence = observed * math.log(ratio) - model * (ratio - 1.0)
    score = np.zeros(len(values))
    start = np.full(len(values), watch)
    alerts = np.zeros(len(values), np.int64)
    alert = np.zeros(len(values), bool)
    for k in range(watch):
        score[alert] = 0.0
        restarts = score == 0.0
        score = np.maximum(score + evidence[:, k], 0.0)
        start = np.where(score == 0.0, watch, np.where(restarts, k, start))
        alert = score >= threshold
        alerts += alert
    first = np.where(start == watch, 0, start)
    inside = np.arange(watch)[None, :] >= first[:, None]
    columns = cube.columns[-watch:]
    since = pd.Series(columns[np.minimum(start, watch - 1)], index=cube.index)
    return pd.DataFrame(
        {
            "score": score,
            "threshold": threshold,
            "alert": alert,
            "since": since.where(start < watch),
            "observed": (observed * inside).sum(axis=1),
            "expected": (model * inside).sum(axis=1),
            "alerts": alerts,
        },
        index=cube.index,
    )


def _season(days: DatetimeIndex, by: Season) -> NDArray[np.int64]:
    """Return the number of the season of each day, from 0."""
    if by == "month":
        return np.asarray(days.month, np.int64) - 1
    if by == "quarter":
        return np.asarray(days.quarter, np.int64) - 1
    return np.asarray(days.day_of_week, np.int64)


def _whole_cycles(days: DatetimeIndex, width: pd.Timedelta, by: Season) -> NDArray[np.bool_]:
    """Return which spans are among the newest full years (or weeks)."""
    if not len(days):
        return np.zeros(0, bool)
    length = pd.Timedelta(days=7 if by == "weekday" else 365.25)
    end = days[-1] + width
    # Weeks do not fill a year exactly: half a span more or less is a full one.
    cycles = math.floor((end - days[0] + width / 2) / length)
    return np.asarray(days >= end - cycles * length - width / 2) & (cycles > 0)


def _figures(cube: DataFrame) -> NDArray[np.float64]:
    """Return the figures of a cube, checked to be 0 or more."""
    values = figures_of(cube, "counts")
    bad = np.flatnonzero((values < 0).any(axis=1))
    if len(bad):
        raise ColumnError(f"counts must be 0 or more; correct {name_rows(cube.index[bad])}")
    return values
