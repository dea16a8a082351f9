"""Near repeats: incidents close in space that are closer in time than by chance (Knox test)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geo.crs import require_metric
from geo.errors import ColumnError
from geo.incidents.locations import point_coordinates
from geo.incidents.times import incident_moments
from geo.kernel_cache import allocating_part, kernel

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from numpy.typing import NDArray
    from pandas import DataFrame

_MOST_CHECKS = 4e12
"""Limit of pairs times permutations: several minutes of work."""
_SMALL = 65_535
"""Number of different times that 16 bits can rank."""
_FLUSH = 60_000
"""Number of pairs after which counters of 16 bits are emptied."""


def near_repeats(
    incidents: GeoDataFrame,
    *,
    distances_m: Sequence[float] = (100.0, 200.0, 400.0),
    days: Sequence[float] = (7.0, 14.0, 28.0),
    permutations: int = 999,
    seed: int = 1,
) -> DataFrame:
    """Return the Knox table: pairs of incidents by distance and days apart, against shuffled times.

    Parameters
    ----------
    incidents : geopandas.GeoDataFrame
        Points, metric CRS, with times. Those without a point or a time are left out, and those
        known only within a span of more than a week.
    distances_m : sequence of float, optional
        Upper ends of the distance bands, metres, rising. The first band begins at 0 and includes
        equal places; each other one begins beyond the end of the previous one.
    days : sequence of float, optional
        Upper ends of the bands of days, likewise.
    permutations : int, default 999
        Number of random permutations of the times among the places
        (``numpy.random.Generator.permutation``, one after the other from one generator).
    seed : int, default 1
        Seed of the generator: the same seed gives the same table.

    Returns
    -------
    pandas.DataFrame
        One row per band of distance and of days: `from_m`, `to_m`, `from_days`, `to_days`, `pairs`,
        `expected` (mean over the permutations), `ratio` (NaN where none is expected), `p_value`
        (share of the permutations, the observed one among them, with as many pairs or more).
        ``.attrs["incidents"]`` is the number of incidents used.

    Raises
    ------
    CrsError
        If the CRS is not metric.
    GeometryError
        If an incident is not a point.
    ColumnError
        If bands do not rise, there are fewer than two incidents or one permutation, or so many
        pairs that a shorter distance is needed.

    Notes
    -----
    Knox test [1]_ with the Monte Carlo p-value of Ratcliffe's Near Repeat Calculator [2]_.
    Permuting the times preserves where and when incidents happen, each by itself; a hot spot that
    is hot all the time makes no near repeats. See docs/near_repeats.md.

    References
    ----------
    .. [1] E. G. Knox, "The detection of space-time interactions", Applied Statistics 13 (1964).
    .. [2] J. H. Ratcliffe, Near Repeat Calculator (program manual, Temple University, 2009).

    Examples
    --------
    >>> import geopandas as gpd, shapely, geo
    >>> incidents = gpd.GeoDataFrame(
    ...     {"occurred_at": ["2026-01-01", "2026-01-03", "2026-06-01", "2026-09-01"]},
    ...     geometry=[shapely.Point(x, 0) for x in (0, 50, 5000, 9000)], crs=32650)
    >>> table = geo.near_repeats(incidents, distances_m=[100], days=[7], permutations=99)
    >>> int(table["pairs"].iloc[0])
    1
    """
    require_metric(located=incidents)
    space, time = _bands(distances_m, "distances_m"), _bands(days, "days")
    if permutations < 1:
        raise ColumnError("permutations must be at least 1; 999 give a fair p-value")
    xy = np.column_stack(point_coordinates(incidents))
    when = incident_moments(incidents)
    used = np.isfinite(xy).all(axis=1) & when.notna().to_numpy()
    if used.sum() < 2:
        raise ColumnError("near repeats need at least two incidents with a place and a time")
    moments = (when[used] - when[used].min()) / pd.Timedelta(days=1)
    tables = _pair_counts(xy[used], moments.to_numpy(float), space, time, permutations, seed)
    observed, permuted = tables[0], tables[1:]
    expected = permuted.mean(axis=0)
    p_value = (1 + (permuted >= observed).sum(axis=0)) / (permutations + 1)
    rows = [
        {
            "from_m": low,
            "to_m": high,
            "from_days": begin,
            "to_days": end,
            "pairs": int(observed[s, t]),
            "expected": float(expected[s, t]),
            "ratio": float(observed[s, t] / expected[s, t]) if expected[s, t] > 0 else np.nan,
            "p_value": float(p_value[s, t]),
        }
        for s, (low, high) in enumerate(pairwise(space.tolist()))
        for t, (begin, end) in enumerate(pairwise(time.tolist()))
    ]
    out = pd.DataFrame(rows)
    out.attrs["incidents"] = int(used.sum())
    return out


def _bands(ends: Sequence[float], name: str) -> NDArray[np.float64]:
    """Return the edges of bands from 0, checked to rise."""
    edges = np.concatenate([[0.0], np.asarray(ends, float)])
    if len(edges) < 2 or not (np.diff(edges) > 0).all() or not np.isfinite(edges).all():
        raise ColumnError(f"{name} must be at least one number above 0, and rise")
    return edges


def _pair_counts(
    xy: NDArray[np.float64],
    day: NDArray[np.float64],
    space: NDArray[np.float64],
    time: NDArray[np.float64],
    permutations: int,
    seed: int,
) -> NDArray[np.int64]:
    """Return pairs by permutation (the recorded times are the first), distance and days.

    Of the times only the order matters: those within so many days of one are a run of the ordered
    times, so that a pair is tested by comparing small integers, for many permutations at once.
    """
    order, runs = _runs_of_near_points(xy, float(space[-1]))
    x, y = xy[order, 0].copy(), xy[order, 1].copy()
    later = runs[:, 0] - np.arange(len(x)) + runs[:, 2] - runs[:, 1]
    checks = float(later.sum())
    if checks * permutations > _MOST_CHECKS:
        raise ColumnError(
            f"about {checks:.1e} pairs lie within {space[-1]:g} m, too many for {permutations} "
            "permutations; give shorter distances_m"
        )
    times, rank = np.unique(day, return_inverse=True)
    kind = np.uint16 if len(times) <= _SMALL else np.uint32
    first, width = (window.astype(kind) for window in _windows(times, time[1:]))
    ranks = _permuted_ranks(rank, order, permutations, seed, kind)
    shape = (len(space) - 1, len(time) - 1, permutations + 1)
    bounds = _even_parts(runs, 4 * (os.cpu_count() or 1))
    points = (x, y, runs, int(later.max()) - 1, space[1:], ranks, first, width)

    def _count_part(part: int) -> NDArray[np.int64]:
        counts = np.zeros(shape, np.int64)
        _count(*points, bounds[part], bounds[part + 1], _FLUSH, counts)
        return counts

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        within = sum(pool.map(_count_part, range(len(bounds) - 1)), np.zeros(shape, np.int64))
    # Counts within so many days include those within fewer.
    return np.moveaxis(np.diff(within, axis=1, prepend=0), 2, 0)


def _runs_of_near_points(
    xy: NDArray[np.float64], reach: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return an order of points by square cells, and for each the runs of later points near it.

    Cells are as wide as `reach`, so that the points near one are in its own and the eight cells
    around it. Of those, later in the order are the points up to the end of the next cell to the
    east (column 0 of the runs), and those of the three cells to the north (from column 1 to
    column 2).
    """
    # A single place very far away must not make more cells than can be numbered.
    side = max(reach, float(np.ptp(xy, axis=0).max()) / 1e9)
    cell = np.floor((xy - xy.min(axis=0)) / side).astype(np.int64)
    # A column and a row stay empty on each side, so that no cell lacks neighbours.
    columns = int(cell[:, 0].max()) + 3
    number = (cell[:, 1] + 1) * columns + cell[:, 0] + 1
    order = np.argsort(number, kind="stable")
    occupied, start = np.unique(number[order], return_index=True)
    ends = np.append(start, len(order)).astype(np.int64)
    east_end = np.searchsorted(occupied, occupied + 1, side="right")
    north_begin = np.searchsorted(occupied, occupied + columns - 1)
    north_end = np.searchsorted(occupied, occupied + columns + 1, side="right")
    own = np.searchsorted(occupied, number[order])
    runs = np.column_stack([ends[east_end], ends[north_begin], ends[north_end]])[own]
    return order, runs


def _permuted_ranks(
    rank: NDArray[np.int64],
    order: NDArray[np.int64],
    permutations: int,
    seed: int,
    kind: type[np.unsignedinteger[Any]],
) -> NDArray[Any]:
    """Return the rank of each point's time: as recorded, then in each permutation."""
    random = np.random.default_rng(seed)
    ranks = np.empty((len(rank), permutations + 1), kind)
    ranks[:, 0] = rank[order]
    for p in range(1, permutations + 1):
        ranks[:, p] = rank[random.permutation(len(rank))][order]
    return ranks


def _even_parts(runs: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """Return bounds of runs of points that have about equally many points near them."""
    work = np.cumsum(runs[:, 0] - np.arange(len(runs)) + runs[:, 2] - runs[:, 1])
    inner = np.searchsorted(work, work[-1] * np.arange(1, parts) / parts)
    return np.unique(np.concatenate([[0], inner, [len(runs)]])).astype(np.int64)


@kernel
def _windows(moments, ends):
    """Return the first time within so many days of each time, and how many more there are."""
    count = moments.size
    first = np.empty((count, ends.size), np.int64)
    width = np.empty((count, ends.size), np.int64)
    for t in range(ends.size):
        low = 0
        high = 0
        for k in range(count):
            while moments[k] - moments[low] > ends[t]:
                low += 1
            if high < k:
                high = k
            while high + 1 < count and moments[high + 1] - moments[k] <= ends[t]:
                high += 1
            first[k, t] = low
            width[k, t] = high - low
    return first, width


@allocating_part
def _add(ranks, near, number, low, span, counters):
    """Count in how many permutations each of the times lies in the window of one, by window.

    Below the window the difference wraps round to a large number. Each step is cast back, so that
    the compiler uses small integers and processes many at a time.
    """
    full = number - number % 4
    for t in range(low.shape[0]):
        lows, spans, counter = low[t], span[t], counters[t]
        for k in range(0, full, 4):
            a, b = ranks[near[k]], ranks[near[k + 1]]
            c, d = ranks[near[k + 2]], ranks[near[k + 3]]
            for p in range(counter.size):
                lowest, widest = lows[p], spans[p]
                counter[p] = np.uint16(
                    counter[p]
                    + np.uint16(ranks.dtype.type(a[p] - lowest) <= widest)
                    + np.uint16(ranks.dtype.type(b[p] - lowest) <= widest)
                    + np.uint16(ranks.dtype.type(c[p] - lowest) <= widest)
                    + np.uint16(ranks.dtype.type(d[p] - lowest) <= widest)
                )
        for k in range(full, number):
            a = ranks[near[k]]
            for p in range(counter.size):
                counter[p] = np.uint16(
                    counter[p] + np.uint16(ranks.dtype.type(a[p] - lows[p]) <= spans[p])
                )


@kernel
def _count(x, y, runs, most, reach, ranks, first, width, begin, end, flush, out):
    """Add the pairs of points `begin` to `end` with those after them, by band and permutation."""
    bands, spans, permutations = out.shape
    low = np.empty((spans, permutations), ranks.dtype)
    span = np.empty((spans, permutations), ranks.dtype)
    near = np.empty((bands, most + 1), np.int64)
    number = np.zeros(bands, np.int64)
    pending = np.zeros(bands, np.int64)
    counters = np.zeros((bands, spans, permutations), np.uint16)
    squares = reach * reach
    far = squares[bands - 1] * (1.0 + 1e-12)
    for i in range(begin, end):
        number[:] = 0
        for side in range(2):
            j0, j1 = (i + 1, runs[i, 0]) if side == 0 else (runs[i, 1], runs[i, 2])
            for j in range(j0, j1):
                dx, dy = x[j] - x[i], y[j] - y[i]
                square = dx * dx + dy * dy
                if square <= far:
                    for b in range(bands):
                        inside = square <= squares[b]
                        # Squares can round to the other side of a band's end.
                        if abs(square - squares[b]) <= 1e-12 * squares[b]:
                            inside = math.hypot(dx, dy) <= reach[b]
                        if inside:
                            near[b, number[b]] = j
                            number[b] += 1
                            break
        if number.sum() == 0:
            continue
        for p in range(permutations):
            r = ranks[i, p]
            for t in range(spans):
                low[t, p] = first[r, t]
                span[t, p] = width[r, t]
        for b in range(bands):
            for k0 in range(0, number[b], flush):
                added = min(number[b] - k0, flush)
                if pending[b] + added > flush:
                    out[b] += counters[b]
                    counters[b] = 0
                    pending[b] = 0
                _add(ranks, near[b, k0:], added, low, span, counters[b])
                pending[b] += added
    for b in range(bands):
        out[b] += counters[b]
