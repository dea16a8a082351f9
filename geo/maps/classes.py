"""Classes of a map: breaks that follow the values, at numbers that are easily read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS = (3, 4, 5)
"""Numbers of classes that a map offers."""
_MOST = 1000
"""Values that natural breaks are searched among; more are stood for by as many of their quantiles."""
_SLACK = 0.1
"""How far a break may move to a rounder number, as a share of the narrower class beside it."""
_MOST_MOVED = 0.1
"""Values that a rounder break may move to the other class, as a share of the smaller class beside it."""
_STEPS = (5.0, 2.0, 1.0)


def class_breaks(values: Iterable[float | None]) -> dict[str, dict[str, list[float]]]:
    """Return the breaks between classes, by method and by number of classes.

    A value belongs to the class above each break that it reaches. Fewer breaks come back where the
    values are fewer than the classes; none where all are the same.

    Parameters
    ----------
    values : the figures of a map; None where there is none.

    Returns
    -------
    ``natural``: the classes within which the values differ least (Fisher 1958, by sums of squares);
    ``quantile``: classes of as many values each. Breaks are moved to the roundest number nearby.
    """
    ordered = np.sort(np.array([v for v in values if v is not None and math.isfinite(v)], float))
    natural = natural_starts(_thinned(ordered), max(NUMBERS))
    return {
        "natural": {str(k): _rounded(natural.get(k, natural[max(natural)]) if natural else [], ordered)
                    for k in NUMBERS},
        "quantile": {str(k): _rounded(_quantiles(ordered, k), ordered) for k in NUMBERS},
    }  # fmt: skip


def _thinned(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(ordered) <= _MOST:
        return ordered
    at = np.linspace(0, len(ordered) - 1, _MOST).round().astype(int)
    return ordered[at]


def _quantiles(ordered: NDArray[np.float64], number: int) -> list[float]:
    if len(ordered) == 0:
        return []
    cuts = [float(ordered[len(ordered) * k // number]) for k in range(1, number)]
    return sorted({cut for cut in cuts if cut > ordered[0]})


def natural_starts(ordered: NDArray[np.float64], most: int) -> dict[int, list[float]]:
    """Return, by number of classes from 2 on, the smallest value of each class but the first.

    The exact optimum by dynamic programming (Fisher's), each step over all values at once. Equal
    values are never parted.

    Parameters
    ----------
    ordered : ascending values.
    most : the largest number of classes.
    """
    distinct, counts = np.unique(ordered, return_counts=True)
    size = len(distinct)
    if size < 2:
        return {}
    # Sums up to each value, about the mean so that no digits are lost.
    shifted = distinct - np.average(distinct, weights=counts)
    weight = np.concatenate([[0.0], np.cumsum(counts)])
    total = np.concatenate([[0.0], np.cumsum(counts * shifted)])
    squares = np.concatenate([[0.0], np.cumsum(counts * shifted**2)])

    def spread(first: Any, end: int) -> Any:
        """Sum of squares about the mean of the values from `first` up to `end`."""
        n = weight[end] - weight[first]
        return squares[end] - squares[first] - (total[end] - total[first]) ** 2 / n

    best = np.array([0.0] + [float(spread(0, end)) for end in range(1, size + 1)])
    starts: list[NDArray[np.int64]] = []
    out: dict[int, list[float]] = {}
    for number in range(2, min(most, size) + 1):
        improved = np.full(size + 1, np.inf)
        start = np.zeros(size + 1, np.int64)
        for end in range(number, size + 1):
            firsts = np.arange(number - 1, end)
            sums = best[firsts] + spread(firsts, end)
            k = int(np.argmin(sums))
            improved[end], start[end] = sums[k], firsts[k]
        starts.append(start)
        best = improved
        cuts, end = [], size
        for row in reversed(starts):
            end = int(row[end])
            cuts.append(float(distinct[end]))
        out[number] = cuts[::-1]
    return out


def _rounded(cuts: list[float], ordered: NDArray[np.float64]) -> list[float]:
    """Return breaks at round numbers that part the values as before, or almost so."""
    out: list[float] = []
    ends = [0, *(int(i) for i in np.searchsorted(ordered, cuts)), len(ordered)]
    for k, cut in enumerate(cuts):
        at = ends[k + 1]
        below = float(ordered[at - 1])
        moved = int(_MOST_MOVED * min(at - ends[k], ends[k + 2] - at))
        narrow = min(cut - (cuts[k - 1] if k else float(ordered[0])),
                     (cuts[k + 1] if k + 1 < len(cuts) else float(ordered[-1])) - cut)  # fmt: skip
        slack = _SLACK * max(narrow, 0.0)
        lowest = max(below - slack, float(ordered[at - 1 - moved]))
        highest = min(cut + slack, float(ordered[at + moved]))
        round_cut = roundest(lowest, highest, (below + cut) / 2)
        if (not out or round_cut > out[-1]) and ordered[0] < round_cut <= ordered[-1]:
            out.append(round_cut)
        elif not out or cut > out[-1]:
            out.append(cut)
    return out


def roundest(low: float, high: float, near: float) -> float:
    """Return the number of the fewest digits above `low` and up to `high`, the one nearest to `near`.

    Examples
    --------
    >>> roundest(0.118, 0.131, 0.124), roundest(37.2, 41.9, 39.0), roundest(0.9, 1.2, 1.1)
    (0.12, 40.0, 1.0)
    """
    if not high > low:
        return high
    power = math.floor(math.log10(max(abs(low), abs(high)))) + 1
    while power > -12:
        for step in _STEPS:
            size = step * 10.0**power
            found = round(round(near / size) * size, max(0, 2 - power))
            if low < found <= high:
                return found
        power -= 1
    return high
