"""Alerts: what a grid should expect from its own past and the season, and when it departs from it."""

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
    """What each grid should expect in each span: its own level times the district's season.

    Parameters
    ----------
    cube : counts by grid and span (see `space_time_cube`); the columns are first days.
    by : the season: ``month`` or ``quarter`` of the year (of the middle of the span), or
        ``weekday`` where spans are days.
    learn : how many of the oldest spans to learn from; all unless given. They should be whole
        years (weeks for ``weekday``): of what is over, the oldest part is left out.

    Returns
    -------
    Expected counts, rows and columns as in `cube`. A season that the spans learnt from do not
    hold is taken for an average one. Over those the expected counts of each grid, and of each
    season, sum to the observed ones where they are whole cycles.

    Raises
    ------
    ColumnError : columns that are no days, less than a whole cycle to learn from, a figure missing.

    Notes
    -----
    Poisson regression on grid and season, whose maximum-likelihood fit has a closed form as every
    grid has every span: row total times the share of the season. Assumes that all grids share the
    season, and no trend beyond it. See docs/alerts.md.
    """
    values = _figures(cube)
    if not isinstance(cube.columns, pd.DatetimeIndex):
        raise ColumnError("the columns must be the first days of the spans, as space_time_cube has")
    learn = values.shape[1] if learn is None else learn
    days = cube.columns
    width = days[1] - days[0] if len(days) > 1 else pd.Timedelta(days=7)
    season = _season(days + width / 2, by)
    used = _whole_cycles(days[:learn], width, by)
    if not used.any():
        cycle = "week" if by == "weekday" else "year"
        raise ColumnError(f"a season needs at least a whole {cycle} to learn from")
    past, kind = values[:, :learn][:, used], season[:learn][used]
    number = np.bincount(kind, minlength=_CYCLE[by])
    total = np.bincount(kind, weights=past.sum(axis=0), minlength=_CYCLE[by])
    mean = total.sum() / len(kind)
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
    """Grids that depart from their own past, by a cumulative sum of evidence.

    Parameters
    ----------
    cube : counts by grid and span, oldest first (see `space_time_cube`).
    expected : what each grid should have in each span (see `seasonal_expectation`); unless given
        the mean of its own spans before the watch.
    watch : how many of the newest spans are watched; a quarter of them unless given.
    ratio : the change to find at the soonest, above 1 for a rise, below 1 for a fall.
    quiet_spans : how many spans should pass, at least, between two false alerts of one grid, where
        the expectation is right (520 weeks are ten years).

    Returns
    -------
    On the index of `cube`: `score` of the newest span, `threshold`, `alert` (whether the newest
    span's score reaches it), `since` (first span of the rise that stands, NaT where the score is
    0), `observed` and `expected` over the spans from `since` on (over the watch where the score
    is 0), `alerts` (how many in the watch; the sum begins anew after each).

    Raises
    ------
    ColumnError : no span before the watch to learn from, a figure missing or below 0, expected of
        another shape, or a ratio or number of spans that makes no sense.

    Notes
    -----
    Likelihood-ratio sum of Poisson counts, S = max(0, S + x ln r - m (r - 1)) with m expected: E. S.
    Page, Biometrika 41 (1954); J. M. Lucas, Technometrics 27 (1985). With the threshold ln(quiet
    spans) false alerts are at least so far apart in the mean (G. Lorden, Annals of Mathematical
    Statistics 42, 1971). A grid's own mean counts half an incident more than it had, so that one
    that never had any does not cry at the first. See docs/alerts.md.

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
        # A grid that never had any must not cry at the first.
        model = _figures(expected)[:, -watch:] + 0.5 / (spans - watch)
    threshold = math.log(quiet_spans)
    seen = values[:, -watch:]
    evidence = seen * math.log(ratio) - model * (ratio - 1.0)
    score = np.zeros(len(values))
    begun = np.full(len(values), watch)
    alerts = np.zeros(len(values), np.int64)
    over = np.zeros(len(values), bool)
    for k in range(watch):
        score[over] = 0.0
        fresh = score == 0.0
        score = np.maximum(score + evidence[:, k], 0.0)
        begun = np.where(score == 0.0, watch, np.where(fresh, k, begun))
        over = score >= threshold
        alerts += over
    first = np.where(begun == watch, 0, begun)
    inside = np.arange(watch)[None, :] >= first[:, None]
    columns = cube.columns[-watch:]
    since = pd.Series(columns[np.minimum(begun, watch - 1)], index=cube.index)
    return pd.DataFrame(
        {
            "score": score,
            "threshold": threshold,
            "alert": over,
            "since": since.where(begun < watch),
            "observed": (seen * inside).sum(axis=1),
            "expected": (model * inside).sum(axis=1),
            "alerts": alerts,
        },
        index=cube.index,
    )


def _season(days: DatetimeIndex, by: Season) -> NDArray[np.int64]:
    if by == "month":
        return np.asarray(days.month, np.int64) - 1
    if by == "quarter":
        return np.asarray(days.quarter, np.int64) - 1
    return np.asarray(days.day_of_week, np.int64)


def _whole_cycles(days: DatetimeIndex, width: pd.Timedelta, by: Season) -> NDArray[np.bool_]:
    """The newest spans that make up whole years (or weeks), none if there is no whole one."""
    if not len(days):
        return np.zeros(0, bool)
    length = pd.Timedelta(days=7 if by == "weekday" else 365.25)
    end = days[-1] + width
    # Weeks do not fill a year: half a span more or less is a whole one.
    cycles = math.floor((end - days[0] + width / 2) / length)
    return np.asarray(days >= end - cycles * length - width / 2) & (cycles > 0)


def _figures(cube: DataFrame) -> NDArray[np.float64]:
    values = figures_of(cube, "counts")
    bad = np.flatnonzero((values < 0).any(axis=1))
    if len(bad):
        raise ColumnError(f"counts must be 0 or more; mend {name_rows(cube.index[bad])}")
    return values
