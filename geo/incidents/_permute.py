"""Conditional permutations: pseudo p-values of sums over neighbours."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from geo.kernel_cache import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.incidents.weights import Weights


@kernel
def _draw(count, draws, most, seed):
    """Return `most` different positions below `count` for each draw, shape (draws, most)."""
    np.random.seed(seed)
    out = np.empty((draws, most), np.int64)
    for p in range(draws):
        for k in range(most):
            while True:
                r = np.random.randint(0, count)
                new = True
                for j in range(k):
                    if out[p, j] == r:
                        new = False
                        break
                if new:
                    out[p, k] = r
                    break
    return out


@kernel
def _count_equal(values, observed, degree, drawn, lo, hi, larger):
    """Count the draws with at least the observed sum, where all weights of a place are equal.

    One set of draws serves all places: it numbers the others, so that the draws of places i - 1 and
    i differ only where a draw contains one of the two.
    """
    draws, most = drawn.shape
    sums = np.empty(most + 1)
    order = np.empty(most, np.int64)
    for p in range(draws):
        for k in range(most):
            r = drawn[p, k]
            j = k - 1
            while j >= 0 and order[j] > r:
                order[j + 1] = order[j]
                j -= 1
            order[j + 1] = r
        at = 0
        while at < most and order[at] < lo:
            at += 1
        fresh = True
        for i in range(lo, hi):
            if at < most and order[at] == i - 1 and i > lo:
                at += 1
                fresh = True
            if fresh:
                sums[0] = 0.0
                for k in range(most):
                    r = drawn[p, k]
                    sums[k + 1] = sums[k] + values[r if r < i else r + 1]
                fresh = False
            if sums[degree[i]] >= observed[i]:
                larger[i] += 1


@kernel
def _count_general(values, observed, offsets, weights, drawn, lo, hi, larger):
    """Count the draws whose weighted sum is at least the observed one, for any weights."""
    for p in range(drawn.shape[0]):
        for i in range(lo, hi):
            total = 0.0
            for k in range(offsets[i + 1] - offsets[i]):
                r = drawn[p, k]
                total += weights[offsets[i] + k] * values[r if r < i else r + 1]
            if total >= observed[i]:
                larger[i] += 1


def permuted_p(
    values: NDArray[np.float64], weights: Weights, draws: int, seed: int
) -> NDArray[np.float64]:
    """Return the two-sided pseudo p-value of the weighted sum over each place's neighbours.

    Parameters
    ----------
    values : numpy.ndarray of float
        One per place.
    weights : Weights
        Neighbours of the places.
    draws : int
        Number of conditional permutations.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    numpy.ndarray of float
        2 · (min(larger, smaller) + 1) / (draws + 1), at most 1; NaN for a place without neighbours.

    Notes
    -----
    Conditional randomisation [1]_: the value of the place itself is held, those of its neighbours
    are drawn from all others without replacement.

    References
    ----------
    .. [1] L. Anselin, "Local indicators of spatial association: LISA", Geographical Analysis 27
       (1995).
    """
    count = weights.count
    degree = np.diff(weights.offsets)
    most = int(degree.max(initial=0))
    larger = np.zeros(count, np.int64)
    if most:
        drawn = _draw(count - 1, draws, most, seed)
        first = weights.values[np.minimum(weights.offsets[:-1], len(weights.values) - 1)]
        equal = bool(np.all(weights.values == np.repeat(first, degree)))
        # Where all neighbours have the same weight their plain sums have the same order.
        neighbour_values = values[weights.neighbours]
        observed = weights.row_sums(
            neighbour_values if equal else weights.values * neighbour_values
        )
        workers = os.cpu_count() or 1
        bounds = np.linspace(0, count, workers + 1).astype(int)

        def work(part: int) -> None:
            lo, hi = int(bounds[part]), int(bounds[part + 1])
            if equal:
                _count_equal(values, observed, degree, drawn, lo, hi, larger)
            else:
                _count_general(
                    values, observed, weights.offsets, weights.values, drawn, lo, hi, larger
                )

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))
    extreme = np.minimum(larger, draws - larger)
    return np.where(degree > 0, np.minimum(2.0 * (extreme + 1) / (draws + 1), 1.0), np.nan)
