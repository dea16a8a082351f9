"""Class breaks of a map: they follow the values and are round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS = (3, 4, 5)
"""Numbers of classes that a map offers."""
_MOST = 1000
"""Largest number of values among which natural breaks are searched; more are thinned."""
_SLACK = 0.1
"""How far a break may move to a rounder number, as a share of the narrower adjacent class."""
_MOST_MOVED = 0.1
"""How many values may change class by rounding, as a share of the smaller adjacent class."""
_STEPS = (5.0, 2.0, 1.0)


def class_breaks(values: Iterable[float | None]) -> dict[str, dict[str, list[float]]]:
    """Return the breaks between classes, by method and by number of classes.

    Parameters
    ----------
    values : iterable of float or None
        Figures of a map; None, NaN and infinite values are ignored.

    Returns
    -------
    dict of str to dict of str to list of float
        Ascending breaks by method and by number of classes (`NUMBERS`, as text). Methods are
        ``natural``, classes within which the values differ least [1]_, and ``quantile``, classes
        of equal counts. Breaks are moved to the roundest number nearby. A value belongs to the
        class above each break that it reaches. There are fewer breaks if there are fewer distinct
        values than classes, none if all values are equal.

    References
    ----------
    .. [1] W. D. Fisher, "On grouping for maximum homogeneity", Journal of the American Statistical
       Association 53(284), 1958, pp. 789-798.

    Examples
    --------
    >>> class_breaks([0.1, 0.11, 0.12, 0.5, 0.52, 0.9, None])["natural"]["3"]
    [0.5, 0.8]
    """
    ordered = np.sort(np.array([v for v in values if v is not None and math.isfinite(v)], float))
    starts = natural_class_starts(_thinned(ordered), max(NUMBERS))
    natural, quantile = {}, {}
    for number in NUMBERS:
        cuts = starts.get(number, starts[max(starts)]) if starts else []
        natural[str(number)] = _rounded(cuts, ordered)
        quantile[str(number)] = _rounded(_quantiles(ordered, number), ordered)
    return {"natural": natural, "quantile": quantile}


def _thinned(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return at most `_MOST` of the values, evenly spaced by rank."""
    if len(ordered) <= _MOST:
        return ordered
    ranks = np.linspace(0, len(ordered) - 1, _MOST).round().astype(int)
    return ordered[ranks]


def _quantiles(ordered: NDArray[np.float64], number: int) -> list[float]:
    if len(ordered) == 0:
        return []
    cuts = [float(ordered[len(ordered) * k // number]) for k in range(1, number)]
    return sorted({cut for cut in cuts if cut > ordered[0]})


@dataclass(frozen=True)
class _Sums:
    """Sums over the distinct values up to each of them, which give the spread of any range."""

    weight: NDArray[np.float64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]

    def spread(self, first: Any, end: int) -> Any:
        """Return the sum of squares about the mean of the values from `first` up to `end`."""
        weight = self.weight[end] - self.weight[first]
        squares = self.squares[end] - self.squares[first]
        return squares - (self.total[end] - self.total[first]) ** 2 / weight


def _sums_of(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> _Sums:
    # About the mean, so that no digits are lost.
    shifted = distinct - np.average(distinct, weights=counts)
    terms = (counts, counts * shifted, counts * shifted**2)
    return _Sums(*(np.concatenate([[0.0], np.cumsum(term)]) for term in terms))


def natural_class_starts(ordered: NDArray[np.float64], most: int) -> dict[int, list[float]]:
    """Return the classes within which values differ least, by number of classes.

    Parameters
    ----------
    ordered : numpy.ndarray of float
        Values in ascending order.
    most : int
        Largest number of classes.

    Returns
    -------
    dict of int to list of float
        By number of classes from 2 on, the smallest value of each class but the first. Equal
        values are in one class. Empty if there are fewer than two distinct values.

    Notes
    -----
    The exact optimum by Fisher's dynamic programming (Jenks natural breaks), which minimises the
    sum of squared differences from the means of the classes.

    Examples
    --------
    >>> natural_class_starts(np.array([1.0, 2.0, 9.0, 10.0, 30.0]), 3)
    {2: [30.0], 3: [9.0, 30.0]}
    """
    distinct, counts = np.unique(ordered, return_counts=True)
    size = len(distinct)
    if size < 2:
        return {}
    sums = _sums_of(distinct, counts)
    best = np.array([0.0] + [float(sums.spread(0, end)) for end in range(1, size + 1)])
    starts: list[NDArray[np.int64]] = []
    classes: dict[int, list[float]] = {}
    for number in range(2, min(most, size) + 1):
        improved = np.full(size + 1, np.inf)
        start = np.zeros(size + 1, np.int64)
        for end in range(number, size + 1):
            firsts = np.arange(number - 1, end)
            spreads = best[firsts] + sums.spread(firsts, end)
            least = int(np.argmin(spreads))
            improved[end], start[end] = spreads[least], firsts[least]
        starts.append(start)
        best = improved
        cuts, end = [], size
        for row in reversed(starts):
            end = int(row[end])
            cuts.append(float(distinct[end]))
        classes[number] = cuts[::-1]
    return classes


def _rounded(cuts: list[float], ordered: NDArray[np.float64]) -> list[float]:
    """Return breaks at round numbers that divide the values as before, or almost so."""
    out: list[float] = []
    ranks = [0, *(int(rank) for rank in np.searchsorted(ordered, cuts)), len(ordered)]
    bounds = [float(ordered[0]), *cuts, float(ordered[-1])] if cuts else []
    for k, cut in enumerate(cuts):
        rank = ranks[k + 1]
        below = float(ordered[rank - 1])
        moved = int(_MOST_MOVED * min(rank - ranks[k], ranks[k + 2] - rank))
        slack = _SLACK * max(min(cut - bounds[k], bounds[k + 2] - cut), 0.0)
        lowest = max(below - slack, float(ordered[rank - 1 - moved]))
        highest = min(cut + slack, float(ordered[rank + moved]))
        round_cut = roundest_number(lowest, highest, (below + cut) / 2)
        if (not out or round_cut > out[-1]) and ordered[0] < round_cut <= ordered[-1]:
            out.append(round_cut)
        elif not out or cut > out[-1]:
            out.append(cut)
    return out


def roundest_number(low: float, high: float, near: float) -> float:
    """Return the number with the fewest digits in an interval.

    Parameters
    ----------
    low : float
        Lower end of the interval, not part of it.
    high : float
        Upper end of the interval, part of it.
    near : float
        Of numbers with equally few digits, the one nearest to this is returned.

    Returns
    -------
    float
        The number; `high` if the interval is empty.

    Examples
    --------
    >>> roundest_number(0.118, 0.131, 0.124), roundest_number(37.2, 41.9, 39.0)
    (0.12, 40.0)
    >>> roundest_number(0.9, 1.2, 1.1)
    1.0
    """
    if not high > low:
        return high
    power = math.floor(math.log10(max(abs(low), abs(high)))) + 1
    while power > -12:
        for step in _STEPS:
            size = step * 10.0**power
            number = round(round(near / size) * size, max(0, 2 - power))
            if low < number <= high:
                return number
        power -= 1
    return high
